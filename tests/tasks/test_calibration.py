"""Calibration: intervals that hold what they say, and a forecast that is trusted only where it gains."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from unrolled.models.heads import LEVELS, MEDIAN
from unrolled.tasks.forecast.calibration import Calibration


def normal(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def around(median: Tensor, spread: float) -> Tensor:
    """Return the quantiles (N, H, Q) of a normal distribution around ``median``."""
    unit = torch.special.ndtri(torch.tensor(LEVELS, dtype=torch.float64))
    return median.unsqueeze(-1) + spread * unit


BLOCKS = np.repeat(np.arange(20), 20)


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_the_share_below_each_quantile_is_its_level(spread: float) -> None:
    signal = 3 * normal((400, 5), 1)
    target = signal + normal((400, 5))
    found = around(signal, spread)
    calibration = Calibration.fit(found, target, torch.ones(400, 5), BLOCKS)
    below = (target.unsqueeze(-1) <= calibration(found)).double().mean((0, 1))
    assert calibration.trust > 0.9
    # The median is the network's own, and whether it lies in the middle is not mended.
    assert below.numpy() == pytest.approx(LEVELS, abs=0.02)


def test_chance_is_not_trusted() -> None:
    trusted = []
    for seed in range(20):
        target = normal((20, 1), seed).repeat_interleave(20, 0).expand(-1, 5)  # one value a block
        found = around(0.3 * normal((400, 5), 100 + seed), 1.0)
        trusted.append(Calibration.fit(found, target, torch.ones(400, 5), BLOCKS).trust)
    assert trusted.count(0.0) >= 19


def test_a_forecast_that_gains_everywhere_is_trusted() -> None:
    target = normal((400, 5))
    calibration = Calibration.fit(around(target + 0.1, 0.2), target, torch.ones(400, 5), BLOCKS)
    assert calibration.trust >= 0.9


def test_a_forecast_that_goes_too_far_is_drawn_back() -> None:
    target = normal((400, 5))
    calibration = Calibration.fit(around(2 * target, 0.2), target, torch.ones(400, 5), BLOCKS)
    assert calibration.trust == pytest.approx(0.5, abs=0.05)
    assert torch.allclose(calibration(around(2 * target, 0.2))[..., MEDIAN], target, atol=0.3)


def test_unknown_targets_do_not_matter() -> None:
    target, weight = normal((400, 5)), torch.ones(400, 5)
    found = around(target + 0.1, 0.2)
    before = Calibration.fit(found, target, weight, BLOCKS)
    target, weight = torch.cat([target, torch.full((400, 5), 1e6)]), torch.cat([weight, 0 * weight])
    after = Calibration.fit(found.repeat(2, 1, 1), target, weight, np.tile(BLOCKS, 2))
    assert after.stretch == before.stretch
    assert after.trust == before.trust


def test_a_few_values_change_nothing() -> None:
    target = normal((10, 5))
    calibration = Calibration.fit(around(target, 9.0), target, torch.ones(10, 5))
    assert calibration == Calibration()
    found = around(target, 9.0)
    assert torch.equal(calibration(found), found)


def test_quantiles_rise_after_any_stretching() -> None:
    calibration = Calibration(1.0, (0.5, 3.0, 0.5, 1.0, 3.0, 0.5, 0.5))
    assert (calibration(around(normal((4, 5)), 1.0)).diff(dim=-1) >= 0).all()
