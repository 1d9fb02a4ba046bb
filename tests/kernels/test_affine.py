"""The compiled W x + b: exact for any sizes and strides, a torch operator, and nothing read beyond what was given."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.library import opcheck
from torch.nn import functional as F

from tests.kernels.compiled import error, instruction_set, needs_extension, shared_by
from tests.laws.harness import drawer
from unrolled.errors import ShapeError
from unrolled.kernels import affine as operators
from unrolled.kernels.affine import FEW_PLACES, affine

pytestmark = needs_extension

SIZES = [(1, 1, 1), (5, 3, 7), (64, 16, 16), (67, 33, 50), (300, 17, 65), (701, 130, 96)]


def results(run, x: Tensor, weight: Tensor, bias: Tensor | None) -> list[Tensor]:
    leaves = [x.detach().requires_grad_(), weight.detach().requires_grad_()]
    if bias is not None:
        leaves.append(bias.detach().requires_grad_())
    y = run(leaves[0], leaves[1], leaves[2] if bias is not None else None)
    grad = drawer(1, torch.float64)(*y.shape).to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, leaves, grad)]


@pytest.mark.parametrize("name", ["avx512", "avx2", "portable"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_equal_to_torchs_in_double(name: str, threads: int, bias: bool, monkeypatch) -> None:
    monkeypatch.setattr(operators, "FEW_PLACES", 0)
    with instruction_set(name), shared_by(threads):
        for places, inputs, outputs in SIZES:
            draw = drawer(places, torch.float32)
            given = draw(places, inputs), draw(outputs, inputs), draw(outputs) if bias else None
            exact = results(F.linear, *(None if g is None else g.double() for g in given))
            assert error(results(affine, *given), exact) <= 3e-6


def test_strides_do_not_matter() -> None:
    draw = drawer(0, torch.float32)
    for x in (draw(40, 200).T, draw(200, 80)[:, ::2], draw(200, 80)[:, 40:], draw(1, 40).expand(200, 40)):  # fmt: skip
        weight = draw(40, 24).T
        expected = F.linear(x, weight)
        torch.testing.assert_close(operators.forward(x, weight, None), expected)
        grad = draw(24, 200).T
        found = operators.backward(grad, x, weight, [True] * 3)
        torch.testing.assert_close(found, [grad @ weight, grad.T @ x, grad.sum(0)], rtol=1e-4, atol=1e-4)  # fmt: skip


def test_only_the_gradients_that_are_wanted() -> None:
    draw = drawer(0, torch.float32)
    x, weight, grad = draw(70, 5), draw(9, 5), draw(70, 9)
    every = operators.backward(grad, x, weight, [True] * 3)
    for wanted in itertools.product([True, False], repeat=3):
        found = operators.backward(grad, x, weight, list(wanted))
        expected = [leaf for leaf, want in zip(every, wanted, strict=True) if want]
        assert len(found) == len(expected) and all(map(torch.equal, found, expected))


def test_no_places_give_no_gradient() -> None:
    x, weight = torch.ones(0, 3), torch.ones(4, 3)
    assert operators.forward(x, weight, None).shape == (0, 4)
    gx, gw, gb = operators.backward(torch.ones(0, 4), x, weight, [True] * 3)
    assert gx.shape == (0, 3) and not gw.any() and not gb.any()


@pytest.mark.parametrize("places", [3, FEW_PLACES])
def test_torch_finds_no_fault(places: int) -> None:
    draw = drawer(0, torch.float32)
    x, weight, bias = (draw(*s).requires_grad_() for s in ((places, 5), (7, 5), (7,)))
    opcheck(operators.operator, (x, weight, bias))
    grad = draw(places, 7)
    opcheck(operators.backward_operator, (grad, x.detach(), weight.detach(), [True, False, True]))


def test_gradients_of_gradients() -> None:
    draw = drawer(0, torch.float32)
    leaves = [draw(*shape).requires_grad_() for shape in ((FEW_PLACES, 3), (4, 3), (4,))]
    linear = torch.nn.functional.linear

    def second(product: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Any:
        y = product(x, weight, bias)
        (first,) = torch.autograd.grad(y.sin().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), (x, weight, bias))

    exact = second(linear, *(leaf.detach().double().requires_grad_() for leaf in leaves))
    for ours, theirs, right in zip(
        second(affine, *leaves), second(linear, *leaves), exact, strict=True
    ):
        scale = right.abs().max()
        assert (ours - right).abs().max() <= 2 * (theirs - right).abs().max() + 1e-6 * scale


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x, w, b: (x[:, 1:], w, b),
        lambda x, w, b: (x, w, b[1:]),
        lambda x, w, b: (x, w.double(), b),
        lambda x, w, b: (x[..., None], w, b),
        lambda x, w, b: (x[:, :0], w[:, :0], b),
    ],
)
def test_nothing_is_read_beyond_what_was_given(spoil) -> None:
    given = spoil(torch.ones(70, 3), torch.ones(4, 3), torch.ones(4))
    for call in (operators.operator, affine):
        with pytest.raises(ShapeError):
            call(*given)
    with pytest.raises(ShapeError):
        operators.backward(torch.ones(70, 5), torch.ones(70, 3), torch.ones(4, 3), [True] * 3)
