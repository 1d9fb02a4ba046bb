"""A sequence read from its last step to its first equals the same rows turned round, unrolled, and turned back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.kernels.compiled import MAKERS, Problem, needs_extension, problem, shared_by
from unrolled import GRU, Seq
from unrolled.core.registry import find_kernel
from unrolled.kernels.cpu import CompiledKernel

pytestmark = needs_extension
each_kind = pytest.mark.parametrize("kind", MAKERS)


def kernel_of(given: Problem) -> CompiledKernel:
    kernel = find_kernel(given.cell, Seq(given.data, given.lengths), given.state)
    assert isinstance(kernel, CompiledKernel)
    return kernel


def results(given: Problem, in_place: bool) -> list[Tensor]:
    """Return outputs, final state and gradients of the rows read backwards, by the kernel or by turning them round."""
    kernel, data = kernel_of(given), given.data.detach().requires_grad_()
    state = type(given.state)(*(leaf.detach().clone().requires_grad_() for leaf in given.state))
    xs = Seq(data, given.lengths).reversed()
    ys, final = kernel.unroll(given.cell, xs if in_place else Seq(xs.data, xs.lengths), state)
    ys = ys.reversed()
    assert ys.is_reversed != in_place, "nothing was turned round"
    outputs = [ys.data, *final]
    gradients = torch.autograd.grad(
        outputs,
        [data, *state, *given.cell.parameters()],
        [given.grad_y, *given.grad_state],
        allow_unused=True,
        materialize_grads=True,
    )
    return [*(output.detach() for output in outputs), *gradients]


@each_kind
def test_random_configurations(kind: str) -> None:
    for seed in range(400, 412):
        given = problem(seed, kind)
        # Equal to the last bit would be too much: by steps, weights' gradients are summed in another order.
        torch.testing.assert_close(results(given, True), results(given, False))


@each_kind
def test_several_threads(kind: str) -> None:
    given = problem(420, kind)
    with shared_by(2):
        torch.testing.assert_close(results(given, True), results(given, False))


@each_kind
@pytest.mark.parametrize("lengths", [[4, 0, 2], [0, 0, 0], None], ids=str)
def test_states_of_every_step(kind: str, lengths) -> None:
    cell = MAKERS[kind](3, 5, True)
    xs = Seq(torch.randn(3, 4, 3), None if lengths is None else torch.tensor(lengths))
    begin = cell.state_type(*(torch.randn(3, 5) for _ in cell.state_type._fields))
    kernel = find_kernel(cell, xs, begin)
    assert isinstance(kernel, CompiledKernel)
    turned = xs.reversed()
    in_place = kernel.unroll_with_states(cell, turned, begin)
    moved = kernel.unroll_with_states(cell, Seq(turned.data, turned.lengths), begin)
    assert torch.equal(in_place[0].data, moved[0].data)
    for ours, theirs in zip((*in_place[1], *in_place[2]), (*moved[1], *moved[2]), strict=True):
        assert torch.equal(ours, theirs)


def test_the_padding_is_not_read_and_zero_after() -> None:
    given = problem(431, "GRU after")
    data = torch.randn(3, 5, given.cell.input_size)
    lengths = torch.tensor([5, 0, 2])
    state = type(given.state)(*(torch.randn(3, given.cell.hidden_size) for _ in given.state))
    spoiled = data.clone()
    spoiled[1] = spoiled[2, 2:] = torch.nan
    xs, spoiled_xs = Seq(data, lengths).reversed(), Seq(spoiled, lengths).reversed()
    kernel = find_kernel(given.cell, xs, state)
    assert isinstance(kernel, CompiledKernel)
    ys, final = kernel.unroll(given.cell, xs, state)
    ys_spoiled, final_spoiled = kernel.unroll(given.cell, spoiled_xs, state)
    assert torch.equal(ys.data, ys_spoiled.data)
    assert torch.equal(final.h, final_spoiled.h)
    assert not ys.data[1].any()
    assert not ys.data[2, 2:].any()
    assert torch.equal(final.h[1], state.h[1])


def test_rows_that_are_laid_otherwise_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    cell, data, lengths = GRU(3, 5), torch.randn(2, 6, 3), torch.tensor([6, 4])
    state = cell.initial_state(2)
    expected, _ = cell(Seq(data, lengths).reversed(), state)
    xs = Seq(data, lengths).reversed()
    kernel = find_kernel(cell, xs, state)
    assert isinstance(kernel, CompiledKernel)
    run = kernel.recurrence

    def run_while_somebody_looks(*arguments: object) -> object:
        assert isinstance(xs.data, Tensor)
        return run(*arguments)

    monkeypatch.setattr(kernel, "recurrence", run_while_somebody_looks)
    ys, _ = kernel.unroll(cell, xs, state)
    torch.testing.assert_close(ys.data, expected.data)
