"""Who competes in a case: ours and torch's, with the same weights on the same numbers.

A contestant is called with nothing and returns all that the case asks for, so that what is timed is what is checked:
the outputs, and in training the gradients of input and weights too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unrolled.adopt import to_torch
from unrolled.bench.cases import Case, Problem, make_cell, make_problem
from unrolled.cells.gated import GatedCell
from unrolled.core.seq import Seq
from unrolled.kernels.weights import torch_weights

Outcome = tuple[Tensor, ...]
"""The outputs (B, T, H), whatever they hold where a row has ended; in training also the gradients in `GRADIENTS`' order."""

GRADIENTS = ("x", "weight_ih", "weight_hh", "bias_ih", "bias_hh")

PADDED, PACKED = "torch padded", "torch packed"


def _as_it_is(computed: Any) -> Outcome:
    return tuple(computed)


@dataclass(frozen=True)
class Contestant:
    """Whoever computes a case.

    Attributes:
        name: of the library, or of the way to call it.
        compute: what is timed.
        runs: the kernel, where that is known.
        outcome: makes torch's tensors of what ``compute`` returned; not timed.
    """

    name: str
    compute: Callable[[], Any]
    runs: str = ""
    outcome: Callable[[Any], Outcome] = _as_it_is


@dataclass(frozen=True)
class Bout:
    """A case made ready: its numbers, our cell, torch's module with the same weights."""

    case: Case
    problem: Problem
    cell: GatedCell
    module: nn.RNNBase


def make_bout(case: Case) -> Bout:
    """Draw the numbers and the weights of a case."""
    cell = make_cell(case)
    return Bout(case, make_problem(case), cell, to_torch(cell))


def ours(bout: Bout) -> Contestant:
    """Return our layer as a user calls it: the Seq is made each time, from the padded batch and the lengths."""
    lengths = bout.problem.lengths

    def forward(x: Tensor) -> Any:
        return bout.cell(Seq(x, lengths))[0].data

    kernel = kernel_of(bout)
    return Contestant("unrolled", _computing(bout, forward, torch_weights(bout.cell)), kernel)


def padded(bout: Bout) -> Contestant:
    """Return torch's module on the whole padded batch, the padding computed too."""

    def forward(x: Tensor) -> Any:
        return bout.module(x)[0]

    return Contestant(PADDED, _computing(bout, forward, list(bout.module.parameters())))


def packed(bout: Bout) -> Contestant:
    """Return torch's module on a PackedSequence, which is packed and unpacked each time."""
    lengths = bout.problem.lengths
    assert lengths is not None

    def forward(x: Tensor) -> Any:
        rows = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(bout.module(rows)[0], batch_first=True)[0]

    return Contestant(PACKED, _computing(bout, forward, list(bout.module.parameters())))


def kernel_of(bout: Bout) -> str:
    """Return the kernel that the registry runs for our cell."""
    from unrolled.core.explain import explain

    return explain(bout.cell, Seq(bout.problem.x, bout.problem.lengths))[0].kernel


def _computing(
    bout: Bout, forward: Callable[[Tensor], Any], weights: list[Tensor]
) -> Callable[[], Outcome]:
    x, grad = bout.problem.x, bout.problem.grad
    if not bout.case.trains:

        def infer() -> Outcome:
            with torch.no_grad():
                return (forward(x),)

        return infer
    x = x.clone().requires_grad_()

    def train() -> Outcome:
        y = forward(x)
        return (y.detach(), *torch.autograd.grad(y, [x, *weights], grad))

    return train
