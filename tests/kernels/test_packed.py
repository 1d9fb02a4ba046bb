"""Rows packed as torch's PackedSequence packs them: the kernels read and write them where they lie."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.library import opcheck
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.kernels.compiled import MAKERS, Problem, needs_extension, problem, shared_by
from unrolled import GRU, LSTM, deep
from unrolled.core.registry import find_kernel
from unrolled.core.seq import Seq
from unrolled.core.tree import leaves
from unrolled.errors import ShapeError
from unrolled.kernels import cpu_operators
from unrolled.kernels.cpu import CompiledKernel

pytestmark = needs_extension
each_kind = pytest.mark.parametrize("kind", MAKERS)
each_direction = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def sorted_problem(seed: int, kind: str, full: bool = False) -> Problem:
    """Return a random configuration that can be packed: every row has a step, the longest rows come first."""
    given = problem(seed, kind)
    lengths = torch.randint(1, given.data.shape[1] + 1, (len(given.data),))
    lengths = lengths.sort(descending=True).values
    lengths[0] = given.data.shape[1]
    return given._replace(lengths=torch.full_like(lengths, lengths[0]) if full else lengths)


def results(given: Problem, packed: bool, reverse: bool) -> list[Tensor]:
    """Return padded outputs, the final state and all gradients."""
    cell, lengths = given.cell, given.lengths
    data = given.data.detach().requires_grad_()
    state = [leaf.detach().clone().requires_grad_() for leaf in given.state]
    padded = Seq(data, lengths)
    padded = padded.reversed() if reverse else padded
    kernel: Any = find_kernel(cell, padded, given.state)
    assert isinstance(kernel, CompiledKernel)
    if packed:
        xs = pack_padded_sequence(data, lengths, batch_first=True)
        others = kernel._others(cell, padded.is_reversed)
        y, *after = kernel.recurrence(xs.data, xs.batch_sizes, *state, *others)
        y = pad_packed_sequence(xs._replace(data=y), batch_first=True)[0]
    else:
        ys, after = kernel.unroll(cell, padded, type(given.state)(*state))
        y = ys.given
    gradients = torch.autograd.grad(
        [y, *after],
        [data, *state, *cell.parameters()],
        [given.grad_y, *given.grad_state],
        allow_unused=True,
        materialize_grads=True,
    )
    return [y.detach(), *(leaf.detach() for leaf in after), *gradients]


@each_kind
@each_direction
def test_packed_equals_padded(kind: str, reverse: bool) -> None:
    for seed in range(500, 508):
        given = sorted_problem(seed, kind, full=seed % 4 == 0)
        torch.testing.assert_close(results(given, True, reverse), results(given, False, reverse))


@each_direction
def test_several_threads(reverse: bool) -> None:
    given = sorted_problem(510, "LSTM")
    with shared_by(2):
        torch.testing.assert_close(results(given, True, reverse), results(given, False, reverse))


def arguments(batch_sizes, reverse: bool, grad: bool = True) -> list[Any]:
    """Return arguments of the GRU: N=6, I=2, B=3, H=5."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape).requires_grad_(grad)

    weights = [draw(15, 2), draw(15, 5), draw(15), draw(15)]
    return [draw(6, 2), torch.tensor(batch_sizes), draw(3, 5), *weights, "after", reverse]


@each_direction
@pytest.mark.parametrize("batch_sizes", [[3, 3], [3, 2, 1]], ids=["full", "ragged"])
def test_torch_finds_no_fault(batch_sizes, reverse: bool) -> None:
    opcheck(cpu_operators.GRU.infer, arguments(batch_sizes, reverse))
    opcheck(cpu_operators.GRU.train, (*arguments(batch_sizes, reverse), 6))
    given = arguments(batch_sizes, reverse, grad=False)
    y, h, saved = cpu_operators.GRU.train(*given, 6)
    wanted = [True] * 6
    opcheck(cpu_operators.GRU.backward, [torch.randn_like(y), h, *given, y, saved, wanted])


@each_direction
def test_inputs_that_lie_anyhow(reverse: bool) -> None:
    given = arguments([3, 2, 1], reverse, grad=False)
    expected = cpu_operators.GRU(*given)
    apart = given[0].repeat_interleave(2, 0)[::2]
    features_first = given[0].t().contiguous().t()
    for x in (apart, features_first):
        assert x.stride() != given[0].stride()
        for a, b in zip(cpu_operators.GRU(x, *given[1:]), expected, strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize(
    "batch_sizes",
    [
        None,
        torch.tensor([3, 2, 2]),
        torch.tensor([2, 2, 2]),
        torch.tensor([3, 1, 2]),
        torch.tensor([3, 3, 0]),
        torch.tensor([6, -3, 3]),
        torch.tensor([3, 2, 1], dtype=torch.int32),
        torch.tensor([[3, 2, 1]]),
        torch.tensor([], dtype=torch.int64),
    ],
    ids=str,
)
def test_nothing_is_read_beyond_what_was_given(batch_sizes) -> None:
    given = arguments([3, 2, 1], False, grad=False)
    given[1] = batch_sizes
    with pytest.raises(ShapeError):
        cpu_operators.GRU(*given)
    with pytest.raises(ShapeError):
        cpu_operators.GRU.train(*given, 6)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("ordered", [True, False], ids=["sorted", "any order"])
def test_a_layer_given_packed_rows(ordered: bool, bidirectional: bool) -> None:
    layer = deep(GRU, 3, 5, layers=2, bidirectional=bidirectional)
    data, lengths = torch.randn(4, 6, 3), torch.tensor([6, 5, 2, 1])
    if not ordered:
        lengths = lengths[[2, 0, 3, 1]]
    begin = layer.initial_state(4)

    def results(packed: bool) -> list[Tensor]:
        x = data.clone().requires_grad_()
        if packed:
            xs = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=ordered)
            ys, state = layer(xs, begin)
            y = pad_packed_sequence(ys, batch_first=True)[0]
        else:
            seq, state = layer(Seq(x, lengths), begin)
            y = seq.data
        loss = y.square().sum() + sum(leaf.sum() for leaf in leaves(state))
        gradients = torch.autograd.grad(loss, [x, *layer.parameters()])
        return [y.detach(), *(leaf.detach() for leaf in leaves(state)), *gradients]

    torch.testing.assert_close(results(True), results(False))


def test_packed_rows_are_not_padded(monkeypatch: pytest.MonkeyPatch) -> None:
    xs = pack_padded_sequence(torch.randn(2, 4, 3), torch.tensor([4, 2]), batch_first=True)
    layer = deep(LSTM, 3, 5, layers=2)
    expected = layer(xs)[0].data

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("padded")

    monkeypatch.setattr("unrolled.core.packed.pad_packed_sequence", refuse)
    monkeypatch.setattr("unrolled.core.seq.pack_padded_sequence", refuse)
    ys, _ = layer(xs)
    assert torch.equal(ys.data, expected)
    assert torch.equal(ys.batch_sizes, xs.batch_sizes)
