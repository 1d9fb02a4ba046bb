"""Gradients of gradients through the compiled kernels equal those of the plain loop."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.kernels.compiled import MAKERS, Problem, needs_extension, problem
from tests.laws.harness import no_kernels
from unrolled import Seq
from unrolled.kernels import cpu_operators, differentiable

pytestmark = needs_extension


def twice(given: Problem, by_state: bool) -> list[Tensor]:
    """Return the gradients of a function of the gradients; the state may be made of the input."""
    data = given.data.detach().requires_grad_()
    state = [leaf.detach().clone().requires_grad_() for leaf in given.state]
    begin = type(given.state)(*state)
    if by_state:
        begin = type(given.state)(*(leaf + data.mean() for leaf in state))
    parameters = list(given.cell.parameters())
    ys, final = given.cell(Seq(data, given.lengths), begin)
    loss = (ys.data * given.grad_y).sum() + (final[0] * given.grad_state[0]).sum()
    first = torch.autograd.grad(loss, [data, *parameters], create_graph=True)
    penalty = sum((gradient**2).sum() for gradient in first)
    assert isinstance(penalty, Tensor)
    return list(torch.autograd.grad(penalty, [data, *state, *parameters]))


@pytest.mark.parametrize("kind", MAKERS)
def test_equal_to_the_plain_loop(kind: str) -> None:
    for seed in range(600, 604):
        given = problem(seed, kind)
        found = twice(given, by_state=seed % 2 == 0)
        with no_kernels():
            expected = twice(given, by_state=seed % 2 == 0)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


FORMS = {
    "RNN": (cpu_operators.RNN, ("relu",)),
    "LSTM": (cpu_operators.LSTM, ()),
    "GRU": (cpu_operators.GRU, ("after",)),
    "GRU before": (cpu_operators.GRU, ("before",)),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("layout", ["packed", "padded", "full"])
@pytest.mark.parametrize("reverse", [False, True])
def test_its_forward_is_the_kernels(name: str, layout: str, reverse: bool) -> None:
    recurrence, form = FORMS[name]
    packed = layout == "packed"
    x = torch.randn(6, 2) if packed else torch.randn(3, 4, 2)
    lengths = {"packed": torch.tensor([3, 2, 1]), "padded": torch.tensor([2, 0, 4]), "full": None}
    rows = 5 * recurrence.gates
    weights = [torch.randn(rows, 2), torch.randn(rows, 5), torch.randn(rows), None]
    state = [torch.randn(3, 5) for _ in range(recurrence.states)]
    arguments = (x, lengths[layout], *state, *weights, *form, reverse)
    found = differentiable.unroll(recurrence.read(arguments))
    torch.testing.assert_close(found, list(recurrence(*arguments)))
