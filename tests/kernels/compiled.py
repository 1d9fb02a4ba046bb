"""What the tests of the compiled kernels share: random configurations, and how exact their results are."""

from __future__ import annotations

import copy
import platform
import random
import statistics
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.laws.harness import drawer, no_kernels
from unrolled import GRU, LSTM, RNN, Seq
from unrolled.kernels import cpu
from unrolled.kernels.extension import extension

_ARM = platform.machine() in {"aarch64", "arm64"}
INSTRUCTION_SETS = (*(("neon",) if _ARM else ("avx512", "avx2")), "portable", "plain")
"""Those that this kind of machine may have; the last is the plain loops, compiled."""

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
        data, state = self.inputs()
        ys, final = self.cell(Seq(data, self.lengths), state)
        return self.with_gradients([ys.data, *final], [data, *state, *self.cell.parameters()])

    def results_of_torch(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return the same from torch.nn, or from the plain step of a GRU that torch has not."""
        if isinstance(self.cell, GRU) and (self.cell.reset, self.cell.update) != ("after", "keep"):
            with no_kernels():
                return self.results()
        data, state = self.inputs()
        module = torch_module(self.cell)
        rows = torch.arange(len(data))
        if self.lengths is not None:
            rows = rows[self.lengths > 0]  # torch packs no row without steps
        y = data.new_zeros(*data.shape[:2], self.cell.hidden_size).requires_grad_()
        final = list(state)
        if len(rows) and data.shape[1]:
            lengths = torch.full((len(data),), data.shape[1])
            lengths = (lengths if self.lengths is None else self.lengths)[rows]
            packed = pack_padded_sequence(data[rows], lengths, True, enforce_sorted=False)
            begin = [leaf[None, rows] for leaf in state]
            packed, after = module(packed, begin[0] if len(begin) == 1 else tuple(begin))
            live, _ = pad_packed_sequence(packed, batch_first=True, total_length=data.shape[1])
            y = y.index_copy(0, rows, live)
            after = after if isinstance(after, tuple) else (after,)
            final = [
                leaf.index_copy(0, rows, new[0]) for leaf, new in zip(state, after, strict=True)
            ]
        return self.with_gradients([y, *final], [data, *state, *module.parameters()])

    def inputs(self) -> tuple[Tensor, Any]:
        """Return data and state as leaves that want gradients."""
        leaves = (leaf.detach().clone().requires_grad_() for leaf in self.state)
        return self.data.detach().requires_grad_(), type(self.state)(*leaves)

    def with_gradients(
        self, outputs: list[Tensor], inputs: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        gradients = torch.autograd.grad(
            outputs,
            inputs,
            [self.grad_y, *self.grad_state],
            allow_unused=True,
            materialize_grads=True,
        )
        return [output.detach() for output in outputs], list(gradients)


def torch_module(cell: Any) -> nn.RNNBase:
    """Return torch's layer with the cell's weights."""
    options = {"nonlinearity": cell.nonlinearity} if isinstance(cell, RNN) else {}
    module: nn.RNNBase = getattr(nn, type(cell).__name__)(
        cell.input_size, cell.hidden_size, bias=cell.bias, batch_first=True, **options
    )
    weights = {f"{name}_l0": weight for name, weight in cell.named_parameters()}
    module.to(cell.weight_ih.dtype).load_state_dict(weights)
    return module


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
            off = float((a.double() - b).abs().max()) / largest
            worst = max(worst, torch.inf if off != off else off)  # max overlooks NaN
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


class Exactness:
    """How far results are from float64 torch, and how far torch's own float32 is."""

    def __init__(self) -> None:
        self.outputs: list[float] = []
        self.gradients: list[float] = []
        self.torch_gradients: list[float] = []

    def add(self, given: Problem, exact: Any, by_torch: Any) -> None:
        (outputs, gradients), (exact_outputs, exact_gradients) = given.results(), exact
        self.outputs.append(error(outputs, exact_outputs))
        self.gradients.append(error(gradients, exact_gradients))
        self.torch_gradients.append(error(by_torch[1], exact_gradients))

    def __str__(self) -> str:
        parts = (
            f"{name} {statistics.median(errors):.1e} {max(errors):.1e}"
            for name, errors in vars(self).items()
        )
        return f"{len(self.outputs)} configurations, median and worst: {', '.join(parts)}"

    def assert_as_promised(self) -> None:
        """Outputs to 1e-5, gradients to 1e-4, and gradients at most 3 times less exact than torch's float32."""
        assert max(self.outputs) <= 1e-5, self
        assert max(self.gradients) <= 1e-4, self
        for of_all in (statistics.median, max):
            assert of_all(self.gradients) <= 3 * of_all(self.torch_gradients), self


def available_sets() -> list[str]:
    """Return the instruction sets that this machine has."""
    found = []
    for name in INSTRUCTION_SETS:
        try:
            extension.force_instruction_set(name)
        except ValueError:
            continue
        found.append(name)
    extension.force_instruction_set(None)
    return found


@contextmanager
def always_compiled() -> Iterator[None]:
    """Give torch none of the calls that it computes faster."""
    never = 10**9
    steps = {"UNITS_A_STEP": 0, "UNITS_A_TRAINING_STEP": 0}
    with mock.patch.multiple(cpu, LSTM_ONE_ROW=never, LSTM_MANY_UNITS=never, **steps):
        yield


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
