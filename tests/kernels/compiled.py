"""What the tests of the compiled kernels share: random configurations, and how exact their results are."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import pytest
import torch
from torch import Tensor

from tests.laws.harness import drawer, no_kernels
from unrolled import GRU, LSTM, RNN, Seq
from unrolled.kernels.extension import extension

needs_extension = pytest.mark.skipif(extension is None, reason="no compiler on this machine")

MAKERS: dict[str, Any] = {
    "RNN tanh": lambda i, h, bias: RNN(i, h, bias=bias),
    "RNN relu": lambda i, h, bias: RNN(i, h, "relu", bias=bias),
    "LSTM": lambda i, h, bias: LSTM(i, h, bias=bias),
    "GRU after": lambda i, h, bias: GRU(i, h, bias=bias),
    "GRU after, write": lambda i, h, bias: GRU(i, h, bias=bias, update="write"),
    "GRU before": lambda i, h, bias: GRU(i, h, bias=bias, reset="before"),
    "GRU before, write": lambda i, h, bias: GRU(i, h, bias=bias, reset="before", update="write"),
}
SIZES = (1, 2, 3, 5, 8, 15, 16, 17, 24, 31, 33, 48, 64, 70)


class Problem(NamedTuple):
    """A cell with random weights, and what it is run on; gradients of the outputs are random too."""

    cell: Any
    data: Tensor
    lengths: Tensor | None
    state: Any
    grad_y: Tensor
    grad_state: list[Tensor]

    def double(self) -> Problem:
        return Problem(
            copy.deepcopy(self.cell).double(),
            self.data.double(),
            self.lengths,
            type(self.state)(*(leaf.double() for leaf in self.state)),
            self.grad_y.double(),
            [gradient.double() for gradient in self.grad_state],
        )

    def results(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return outputs and final state, and all gradients."""
        data = self.data.detach().requires_grad_()
        state = type(self.state)(*(leaf.detach().clone().requires_grad_() for leaf in self.state))
        ys, final = self.cell(Seq(data, self.lengths), state)
        outputs = [ys.data, *final]
        inputs = [data, *state, *self.cell.parameters()]
        gradients = torch.autograd.grad(
            outputs,
            inputs,
            [self.grad_y, *self.grad_state],
            allow_unused=True,
            materialize_grads=True,
        )
        return [output.detach() for output in outputs], list(gradients)


def problem(seed: int, kind: str | None = None) -> Problem:
    """Return a random configuration; the same one for the same seed."""
    choose = random.Random(seed)
    kind = kind or choose.choice(list(MAKERS))
    features, hidden = choose.choice(SIZES), choose.choice(SIZES)
    batch, steps = choose.randint(1, 14), choose.randint(1, 12)
    draw = drawer(seed, torch.float32)
    cell = MAKERS[kind](features, hidden, choose.random() < 0.8)
    with torch.no_grad():
        for parameter in cell.parameters():
            # By fan-in: where all units are saturated, a gradient is what tanh's last bit makes of 1 - y * y.
            parameter.copy_(draw(*parameter.shape) / (1 + parameter.shape[-1] ** 0.5))
    lengths = None
    if choose.random() < 0.6:
        lengths = torch.tensor([choose.randint(0, steps) for _ in range(batch)])
    state = cell.state_type(*(0.5 * draw(batch, hidden) for _ in cell.state_type._fields))
    grad_state = [draw(batch, hidden) for _ in state]
    data, grad_y = draw(batch, steps, features), draw(batch, steps, hidden)
    return Problem(cell, data, lengths, state, grad_y, grad_state)


def error(found: list[Tensor], exact: list[Tensor]) -> float:
    """Return the largest difference in any tensor, relative to the largest number of that tensor."""
    worst = 0.0
    for a, b in zip(found, exact, strict=True):
        if b.numel():
            largest = float(b.abs().max()) or 1.0
            worst = max(worst, float((a.double() - b).abs().max()) / largest)
    return worst


def assert_exact(problems: Iterable[Problem]) -> None:
    """Assert that the compiled kernels are as exact as they are to be: measured against the plain loop in float64."""
    found, plain = 0.0, 0.0
    for given in problems:
        outputs, gradients = given.results()
        with no_kernels():
            exact_outputs, exact_gradients = given.double().results()
            _, plain_gradients = given.results()
        assert error(outputs, exact_outputs) <= 1e-5
        assert error(gradients, exact_gradients) <= 1e-4
        found += error(gradients, exact_gradients)
        plain += error(plain_gradients, exact_gradients)
    # Of all of them together: in a single one the plain loop may happen to be right to the last bit.
    assert found <= 3 * plain


@contextmanager
def instruction_set(name: str | None) -> Iterator[None]:
    """Put the kernels of an instruction set in force, or skip the test where the machine has it not."""
    assert extension is not None
    try:
        extension.force_instruction_set(name)
    except ValueError:
        pytest.skip(f"this machine has no {name}")
    try:
        yield
    finally:
        extension.force_instruction_set(None)


@contextmanager
def shared_by(threads: int) -> Iterator[None]:
    """Let the kernels use so many threads, however small the work."""
    assert extension is not None
    torch.set_num_threads(threads)
    extension.set_work_per_thread(1)
    try:
        with mock.patch("unrolled.kernels.threads.WORTH_SHARING", 0):
            yield
    finally:
        extension.set_work_per_thread(1e6)
        torch.set_num_threads(1)
