"""vocabulary_loss: torch's cross-entropy and its gradients on every path, and clear words for what it cannot take."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled import InputError, OptionError, ShapeError
from unrolled.models import vocabulary_loss as module
from unrolled.models.vocabulary_loss import vocabulary_loss

N, E, V = 7, 5, 11


def leaves(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden, weight, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
        for shape in ((N, E), (V, E), (V,))
    )
    return hidden, weight, bias


TARGETS = torch.tensor([0, 3, 10, 3, 7, 7, 1])


def torchs(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, *, smoothing: float = 0.0
) -> Tensor:
    scores = F.linear(hidden, weight, bias)
    return F.cross_entropy(scores, targets, label_smoothing=smoothing, reduction="sum")


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.fixture(params=["compiled", "float64", "off", "bfloat16"])
def dtype(request, monkeypatch) -> torch.dtype:
    """Return the numbers of each path; in torch's operations more than one block."""
    monkeypatch.setattr(module, "BLOCK", 3 * V)
    if request.param == "off":
        monkeypatch.setenv("UNROLLED_KERNELS", "off")
    return {"float64": torch.float64, "bfloat16": torch.bfloat16}.get(request.param, torch.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
def test_loss_and_gradients_are_torchs(dtype: torch.dtype, smoothing: float) -> None:
    given = leaves(dtype)
    for wanted in itertools.product([True, False], repeat=3):
        some = [
            leaf.detach().requires_grad_(want) for leaf, want in zip(given, wanted, strict=True)
        ]
        for bias in (some[2], None):
            found, expected = (
                loss(some[0], some[1], bias, TARGETS, smoothing=smoothing)
                for loss in (vocabulary_loss, torchs)
            )
            inputs = [leaf for leaf in (*some[:2], bias) if leaf is not None and leaf.requires_grad]
            assert found.requires_grad == bool(inputs)
            assert_same([found], [expected])
            if inputs:
                # A loss is scaled: a mean over the tokens.
                assert_same(*(list(torch.autograd.grad(y / N, inputs)) for y in (found, expected)))


def test_gradients_of_gradients(dtype: torch.dtype) -> None:
    if dtype is torch.float64:
        torch.autograd.gradcheck(lambda *x: vocabulary_loss(*x, TARGETS, smoothing=0.1), leaves())
        torch.autograd.gradgradcheck(lambda *x: vocabulary_loss(*x, TARGETS).square(), leaves())
    given = leaves(dtype)
    twice = []
    for loss in (vocabulary_loss, torchs):
        first = torch.autograd.grad(loss(*given, TARGETS).square(), given, create_graph=True)
        twice.append(list(torch.autograd.grad(sum(g.float().square().sum() for g in first), given)))
    torch.testing.assert_close(*twice, rtol=0.05 if dtype is torch.bfloat16 else 1e-4, atol=1e-3)


def test_a_graph_that_is_retained(dtype: torch.dtype) -> None:
    hidden, weight, bias = leaves(dtype)
    loss = vocabulary_loss(hidden, weight, bias, TARGETS)
    loss.backward(retain_graph=True)
    once = [leaf.grad.clone() for leaf in (hidden, weight, bias)]
    loss.backward()
    assert_same([leaf.grad for leaf in (hidden, weight, bias)], [2 * gradient for gradient in once])


def test_the_weight_of_an_embedding(dtype: torch.dtype) -> None:
    _, weight, _ = leaves(dtype)
    found, expected = (
        torch.autograd.grad(
            loss(F.embedding(TARGETS, weight).tanh(), weight, None, TARGETS), weight
        )
        for loss in (vocabulary_loss, torchs)
    )
    assert_same(list(found), list(expected))


def test_no_rows(dtype: torch.dtype) -> None:
    hidden, weight, bias = leaves(dtype)
    loss = vocabulary_loss(hidden[:0], weight, bias, TARGETS[:0], smoothing=0.1)
    loss.backward()
    assert loss == 0
    assert hidden.grad is not None
    assert not weight.grad.any()


def test_where_torch_must_see_each_operation() -> None:
    hidden, weight, bias = (leaf.detach() for leaf in leaves(torch.float32))

    def loss(h: Tensor) -> Tensor:
        return vocabulary_loss(h, weight, bias, TARGETS, smoothing=0.1)

    expected = [torchs(hidden, weight, bias, TARGETS, smoothing=0.1)]
    assert_same([torch.compile(loss, backend="eager", fullgraph=True)(hidden)], expected)
    assert_same([torch.vmap(loss)(hidden[None])], [expected[0][None]])
    found = torch.func.grad(loss)(hidden)
    hidden.requires_grad_()
    assert_same([found], list(torch.autograd.grad(torchs(hidden, weight, bias, TARGETS, smoothing=0.1), hidden)))  # fmt: skip
    with torch.autocast("cpu", torch.bfloat16):
        assert_same([loss(hidden)], [torchs(hidden, weight, bias, TARGETS, smoothing=0.1)])
    assert vocabulary_loss(*(leaf.to("meta") for leaf in (hidden, weight, bias, TARGETS))).is_meta


@pytest.mark.parametrize("bad", [-100, -1, V, 2**40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_target_that_is_no_token(dtype: torch.dtype, bad: int) -> None:
    targets = TARGETS.clone()
    targets[5:] = bad
    with pytest.raises(InputError, match=f"the target of row 5 is {bad}; expected a token from 0 to {V - 1}"):  # fmt: skip
        vocabulary_loss(*leaves(dtype), targets)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda h, w, b, t: (h[:, 1:], w, b, t),
        lambda h, w, b, t: (h[None], w, b, t),
        lambda h, w, b, t: (h, w, b[1:], t),
        lambda h, w, b, t: (h, w, b[:, None], t),
        lambda h, w, b, t: (h, w.float(), b, t),
        lambda h, w, b, t: (h, w, b, t[1:]),
        lambda h, w, b, t: (h, w, b, t.int()),
        lambda h, w, b, t: (h, w, b, t.to("meta")),
        lambda h, w, b, t: (h[:, :0], w[:, :0], b, t),
        lambda h, w, b, t: (h[:0], w[:0], b[:0], t[:0]),
    ],
)
def test_tensors_that_do_not_fit(spoil) -> None:
    with pytest.raises(ShapeError, match=r"vocabulary_loss: \(.*expected hidden \(N, E\)"):
        vocabulary_loss(*spoil(*leaves(), TARGETS))


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, float("nan")])
def test_smoothing_out_of_range(smoothing: float) -> None:
    with pytest.raises(OptionError, match="smoothing="):
        vocabulary_loss(*leaves(), TARGETS, smoothing=smoothing)
