"""A loss or gradient that is not finite stops the run, says where and why, and leaves good weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.train.problems import line, line_loss, settings
from unrolled.errors import TrainingError
from unrolled.train.loop import Loss, fit


class Normed(nn.Module):
    """A linear layer after a batch norm, whose buffers a bad batch would poison."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.out = nn.BatchNorm1d(1), nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.norm(x))


def batches_with(value: float, at: int) -> Callable[[int], list[Tensor]]:
    """Return 6 batches, one of which holds ``value``."""
    xs = [x.clone() for x in torch.linspace(-1, 1, 24).unsqueeze(1).split(4)]
    if at >= 0:
        xs[at][2] = value
    return lambda epoch: xs


def state_after(model: nn.Module, batches: Any, **options: Any) -> dict[str, Tensor]:
    fit(model, line_loss, batches, settings(**options))
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("at", [0, 3])
def test_bad_batch_is_named_and_weights_are_those_before_it(value: float, at: int) -> None:
    model = Normed()
    with pytest.raises(TrainingError) as caught:
        fit(model, line_loss, batches_with(value, at), settings(learning_rate=0.1))
    message = str(caught.value)
    assert f"step {at + 1} (epoch 1, batch {at + 1}): the loss is nan" in message
    assert "batch that are not finite" in message
    good = Normed()
    wanted = dict(good.state_dict())
    if at:
        wanted = state_after(
            good, lambda epoch: batches_with(0.0, -1)(0)[:at], epochs=1, learning_rate=0.1
        )
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, wanted[name]), name
    assert all(parameter.grad is None for parameter in model.parameters())


class Centred(nn.Module):
    """A layer that reads the buffer it writes, so that what a bad batch left there spoils every later one."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(1, 1)
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.mean.mul_(0.9).add_(x.mean(), alpha=0.1)
        return self.out(x - self.mean)


def test_buffers_that_a_bad_batch_spoiled_do_not_blame_the_weights() -> None:
    model = Centred()
    with pytest.raises(
        TrainingError, match="the same weights give a finite loss on the batch before"
    ):
        fit(model, line_loss, batches_with(math.nan, 2), settings())
    assert model.mean.isfinite()


def test_step_and_batch_are_counted_over_epochs() -> None:
    bad = batches_with(math.nan, 1)
    model = Normed()
    with pytest.raises(TrainingError, match=r"step 8 \(epoch 2, batch 2\)"):
        fit(model, line_loss, lambda epoch: bad(0) if epoch else batches_with(0, -1)(0), settings())


def square_loss(model: nn.Module, x: Tensor) -> Loss:
    """A loss whose gradient grows with its third power, so that large steps explode."""
    return Loss(((model(x) - 2 * x) ** 4).sum(), len(x))


def test_divergence_is_told_from_a_bad_batch() -> None:
    model, batches = line()
    options = settings(epochs=50, optimizer="sgd", learning_rate=100.0, clip_norm=None)
    with pytest.raises(TrainingError) as caught:
        fit(model, square_loss, batches, options)
    message = str(caught.value)
    assert "training diverged" in message
    assert "lower learning_rate (now 100) or set clip_norm" in message
    assert "no finite loss on the batch before either" in message
    # The weights that are left gave a finite loss when they were used.
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert math.isfinite(square_loss(model, batches(0)[0]).total.item())


class BadGradient(torch.autograd.Function):
    """Hand the value through and make the gradient NaN or huge."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gradient: float) -> Tensor:
        ctx.gradient = gradient
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return torch.full_like(grad, ctx.gradient), None


@pytest.mark.parametrize(
    "clip", [{}, {"clip_norm": None}, {"clip_value": 1.0, "clip_adaptive": 0.1}]
)
def test_bad_gradient_is_named_with_its_parameter(clip: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"first": Normed(), "second": nn.Linear(1, 1)})
    steps = iter(range(100))

    def loss(model: nn.Module, x: Tensor) -> Loss:
        weight = model["second"].weight
        if next(steps) == 2:
            weight = BadGradient.apply(weight, math.nan)
        errors = nn.functional.linear(model["first"](x), weight) - x
        return Loss(errors.square().sum(), len(x))

    seen: list[dict[str, Tensor]] = []

    def noting(model: nn.Module, x: Tensor) -> Loss:
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return loss(model, x)

    with pytest.raises(TrainingError) as caught:
        fit(model, noting, batches_with(0, -1), settings(learning_rate=0.1, **clip))
    message = str(caught.value)
    assert "step 3 (epoch 1, batch 3)" in message
    assert "its gradient, or the square of it, is not finite" in message
    assert (
        "the largest gradient is that of second.weight (1 of its 1 values are not finite)"
        in message
    )
    assert "learning_rate (now 0.1)" in message
    for name, value in model.state_dict().items():
        assert torch.equal(value, seen[2][name])
    for name in ("second.weight", "first.norm.running_mean"):
        assert not torch.equal(seen[2][name], seen[1][name])


def test_overflowing_gradient_without_clipping_is_an_error() -> None:
    # Adam would square it to infinity and never move that weight again.
    model, batches = line()

    def loss(model: nn.Module, x: Tensor) -> Loss:
        return Loss(
            (nn.functional.linear(x, BadGradient.apply(model.weight, 1e25)) - x).square().sum(),
            len(x),
        )

    with pytest.raises(TrainingError, match=r"largest gradient is that of weight \(norm 1e\+25\)"):
        fit(model, loss, batches, settings(clip_norm=None))
    assert fit(model, loss, batches, settings(clip_norm=1.0)).steps == 12


def test_validation_score_that_is_nan_is_an_error() -> None:
    model, batches = line()
    with pytest.raises(TrainingError, match="step 4: the validation score is nan"):
        fit(model, line_loss, batches, settings(), validate=lambda m: math.nan)
    result = fit(model, line_loss, batches, settings(), validate=lambda m: math.inf)
    assert result.best_score == math.inf


def test_a_later_fit_starts_clean(tmp_path: Path) -> None:
    model = Normed()
    with pytest.raises(TrainingError):
        fit(
            model,
            line_loss,
            batches_with(math.nan, 4),
            settings(checkpoint_every=1),
            folder=tmp_path,
        )
    assert model.training
    good = Normed()
    good.load_state_dict(model.state_dict())
    fit(model, line_loss, batches_with(0, -1), settings(), folder=tmp_path)
    wanted = state_after(good, batches_with(0, -1))
    assert all(torch.equal(value, wanted[name]) for name, value in model.state_dict().items())


def test_mended_data_go_on_from_the_checkpoint(tmp_path: Path) -> None:
    model = Normed()
    with pytest.raises(TrainingError):
        fit(
            model,
            line_loss,
            batches_with(math.nan, 4),
            settings(checkpoint_every=1),
            folder=tmp_path,
        )
    model = Normed()
    fit(
        model,
        line_loss,
        batches_with(0, -1),
        settings(checkpoint_every=1),
        folder=tmp_path,
        resume=True,
    )
    wanted = state_after(Normed(), batches_with(0, -1), checkpoint_every=1)
    assert all(torch.equal(value, wanted[name]) for name, value in model.state_dict().items())
