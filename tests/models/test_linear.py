"""Linear: torch's numbers and gradients, and when the compiled product is taken."""

from __future__ import annotations

from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.kernels.affine import FEW_PLACES
from unrolled.kernels.extension import extension
from unrolled.models import linear
from unrolled.models.linear import Linear, begin_even

needs_extension = pytest.mark.skipif(extension is None, reason="no compiled kernels")
ROWS = 4, FEW_PLACES // 2


def taken(layer: Linear, x: Tensor) -> bool:
    with mock.patch.object(linear, "affine", wraps=linear.affine) as product:
        layer(x)
    return bool(product.called)


@needs_extension
@pytest.mark.parametrize("bias", [True, False])
def test_numbers_and_gradients_are_torchs(bias: bool) -> None:
    torch.manual_seed(0)
    layer = Linear(7, 5, bias=bias)
    x, grad = torch.randn(*ROWS, 7, requires_grad=True), torch.randn(*ROWS, 5)
    assert taken(layer, x)
    inputs = [x, *layer.parameters()]
    found = layer(x), *torch.autograd.grad(layer(x), inputs, grad)
    plain = F.linear(x, layer.weight, layer.bias)
    for ours, theirs in zip(found, (plain, *torch.autograd.grad(plain, inputs, grad)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@needs_extension
def test_what_the_product_cannot_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = Linear(7, 5), torch.randn(*ROWS, 7)
    assert taken(layer, x)
    assert not taken(layer, x[:1])  # few places
    assert not taken(Linear(7, 5).double(), x.double())
    with torch.autocast("cpu"):
        assert not taken(layer, x)
        assert layer(x).dtype is torch.bfloat16
    rows = torch.func.vmap(lambda rows: F.linear(rows, layer.weight, layer.bias))(x)
    torch.testing.assert_close(torch.func.vmap(layer)(x), rows)
    assert taken(layer, x)
    monkeypatch.setenv("UNROLLED_KERNELS", "off")
    assert not taken(layer, x)


def test_wrong_features_are_torchs_error() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        Linear(7, 5)(torch.randn(*ROWS, 14))


def test_it_begins_even() -> None:
    torch.manual_seed(0)
    layer = Linear(300, 500)
    begin_even(layer)
    assert layer.weight.std().item() == pytest.approx((2 / 800) ** 0.5, rel=0.02)
    assert not layer.bias.any()
