"""Clipping does what its equations say, and the norm that is reported is the one before."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.train.problems import line, line_loss, settings
from unrolled.train.clip import clip_by_unit, clip_gradients
from unrolled.train.loop import fit


def parameters(scale: float = 1.0) -> list[nn.Parameter]:
    torch.manual_seed(0)
    made = [
        nn.Parameter(torch.randn(4, 3)),
        nn.Parameter(torch.randn(4)),
        nn.Parameter(torch.randn(())),
    ]
    for parameter in made:
        parameter.grad = torch.randn_like(parameter) * scale
    return made


def flat(made: list[nn.Parameter]) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in made if p.grad is not None])


NOT_CLIPPED = {"clip_norm": None}


def test_norm_is_that_of_the_whole_gradient_before() -> None:
    made = parameters()
    before = flat(made).clone()
    norm = clip_gradients(made, settings(clip_norm=0.5))
    assert norm == pytest.approx(before.norm().item(), rel=1e-6)
    assert norm > 0.5
    torch.testing.assert_close(flat(made), before * 0.5 / norm)


def test_short_gradient_is_left_alone() -> None:
    made = parameters()
    before = flat(made).clone()
    clip_gradients(made, settings(clip_norm=100.0))
    assert torch.equal(flat(made), before)


def test_by_value() -> None:
    made = parameters()
    before = flat(made).clone()
    norm = clip_gradients(made, settings(clip_norm=None, clip_value=0.3))
    assert norm == pytest.approx(before.norm().item(), rel=1e-6)
    assert torch.equal(flat(made), before.clamp(-0.3, 0.3))
    assert not torch.equal(flat(made), before)


def test_by_value_then_norm() -> None:
    made = parameters()
    before = flat(made).clone()
    clip_gradients(made, settings(clip_norm=0.1, clip_value=0.3))
    clamped = before.clamp(-0.3, 0.3)
    torch.testing.assert_close(flat(made), clamped * 0.1 / clamped.norm())


def test_adaptive_by_its_equation() -> None:
    made = parameters(scale=3.0)
    made[0].grad[3] *= 1e-3
    weights, gradients = made[0].detach().clone(), made[0].grad.clone()
    clip_gradients(made, settings(clip_norm=None, clip_adaptive=0.1))
    for row in range(4):
        allowed = 0.1 * weights[row].norm()
        share = min(1.0, float(allowed / gradients[row].norm()))
        torch.testing.assert_close(made[0].grad[row], gradients[row] * share)
        assert (share < 1) == (row < 3)
    vector = made[1]
    assert float(vector.grad.norm()) == pytest.approx(0.1 * float(vector.detach().norm()), rel=1e-5)


def test_adaptive_lets_weights_that_are_zero_grow() -> None:
    weight = nn.Parameter(torch.zeros(2, 3))
    weight.grad = torch.ones(2, 3)
    clip_by_unit([weight], 0.1)
    torch.testing.assert_close(weight.grad.norm(dim=1), torch.full((2,), 1e-4))


def test_parameters_without_gradient_are_passed_over() -> None:
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    used.grad = torch.tensor([3.0, 4.0])
    everything = settings(clip_norm=1.0, clip_value=2.0, clip_adaptive=0.5)
    assert clip_gradients([unused, used], everything) == 5.0
    assert unused.grad is None
    assert clip_gradients([unused], everything) == 0.0


def test_gradient_whose_squares_overflow_is_clipped() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3e30, 4e30])
    assert clip_gradients([weight], settings(clip_norm=1.0)) == pytest.approx(5e30)
    torch.testing.assert_close(weight.grad, torch.tensor([0.6, 0.8]))
    weight.grad = torch.tensor([3e30, 4e30])
    assert clip_gradients([weight], settings(**NOT_CLIPPED)) == math.inf


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_gradient_that_is_not_finite_is_reported(bad: float) -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([1.0, bad])
    norm = clip_gradients([weight], settings(clip_norm=1.0, clip_value=1.0, clip_adaptive=0.1))
    assert not math.isfinite(norm)
    assert weight.grad[0] == 1.0


def test_norm_before_clipping_is_logged_in_every_step() -> None:
    def norms(clip_norm: float | None) -> list[float]:
        model, batches = line()
        options = settings(epochs=1, clip_norm=clip_norm, learning_rate=1e-30, optimizer="sgd")
        return fit(model, line_loss, batches, options).history[0].gradient_norms

    free = norms(None)
    assert len(free) == 4
    assert norms(1e-3) == free
    assert min(free) > 1e-3


@pytest.mark.parametrize(
    "options", [{"clip_norm": 1e-2}, {"clip_value": 1e-2}, {"clip_adaptive": 1e-2}]
)
def test_clipping_reaches_the_step(options: dict[str, float]) -> None:
    def moved(**given: float) -> float:
        model, batches = line()
        before = model.weight.detach().clone()
        fit(
            model,
            line_loss,
            batches,
            settings(optimizer="sgd", learning_rate=0.1, **NOT_CLIPPED | given),
        )
        return float((model.weight.detach() - before).abs())

    assert moved(**options) < 0.2 * moved()
