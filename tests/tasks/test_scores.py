"""Every score against figures worked out by hand, its definition written as a loop, or sklearn."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_squared_error,
)

from unrolled.errors import InputError, UnrolledError
from unrolled.tasks.scores import BASELINE_ORDER, forecast_scores, pinball, score_rows

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray, dict[float, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(7)
    actual = rng.normal(3.0, 2.0, (40, 6))
    point = actual + rng.normal(0.0, 1.0, actual.shape)
    quantiles = {p: point + (p - 0.5) * 3.0 for p in LEVELS}
    return actual, point, quantiles, rng.uniform(0.5, 3.0, 40)


def test_by_hand() -> None:
    scores = forecast_scores(
        [[1.0, 3.0], [10.0, -10.0]],
        [[2.0, 3.0], [6.0, 10.0]],
        {
            0.1: [[0.0, 3.0], [11.0, 0.0]],
            0.5: [[2.0, 3.0], [6.0, 10.0]],
            0.9: [[4.0, 3.0], [12.0, 20.0]],
        },
        scale=[2.0, 4.0],
    )
    assert list(scores) == ["mae", "mse", "mase", "smape", "crps", "coverage_80"]
    assert scores["mae"] == pytest.approx((1 + 0 + 4 + 20) / 4)
    assert scores["mse"] == pytest.approx((1 + 0 + 16 + 400) / 4)
    assert scores["mase"] == pytest.approx((1 / 2 + 0 + 4 / 4 + 20 / 4) / 4)
    assert scores["smape"] == pytest.approx((200 / 3 + 0 + 200 * 4 / 16 + 200) / 4)
    low, middle, high = 0.1 + 0 + 0.9 + 9.0, 0.5 + 0 + 2.0 + 10.0, 0.3 + 0 + 0.2 + 3.0
    assert scores["crps"] == pytest.approx(2 * (low + middle + high) / 12)
    assert scores["coverage_80"] == pytest.approx(0.5)


def test_against_sklearn_and_loops(drawn) -> None:
    actual, point, quantiles, scale = drawn
    scores = forecast_scores(actual, point, quantiles, scale=scale)
    a, f = actual.ravel(), point.ravel()
    assert scores["mae"] == pytest.approx(mean_absolute_error(a, f))
    assert scores["mse"] == pytest.approx(mean_squared_error(a, f))
    loops = [abs(x - y) / scale[i // 6] for i, (x, y) in enumerate(zip(a, f, strict=True))]
    assert scores["mase"] == pytest.approx(math.fsum(loops) / len(loops))
    loops = [200 * abs(x - y) / (abs(x) + abs(y)) for x, y in zip(a, f, strict=True)]
    assert scores["smape"] == pytest.approx(math.fsum(loops) / len(loops))
    losses = [2 * mean_pinball_loss(a, q.ravel(), alpha=p) for p, q in quantiles.items()]
    assert scores["crps"] == pytest.approx(np.mean(losses))
    for name, low, high in (("coverage_80", 0.1, 0.9), ("coverage_95", 0.025, 0.975)):
        inside = [
            lower <= x <= upper
            for x, lower, upper in zip(
                a, quantiles[low].ravel(), quantiles[high].ravel(), strict=True
            )
        ]
        assert scores[name] == pytest.approx(sum(inside) / len(inside))
    assert list(scores) == ["mae", "mse", "mase", "smape", "crps", "coverage_80", "coverage_95"]


def test_crps_of_many_levels_is_that_of_the_normal_distribution() -> None:
    """The closed form of Gneiting & Raftery (2007) for N(0, 1), at one observation."""
    from scipy.stats import norm

    levels = (np.arange(2000) + 0.5) / 2000
    x = 0.7
    closed = x * (2 * norm.cdf(x) - 1) + 2 * norm.pdf(x) - 1 / math.sqrt(math.pi)
    quantiles = {float(p): [[norm.ppf(p)]] for p in levels}
    assert forecast_scores([[x]], [[0.0]], quantiles, scale=[1.0])["crps"] == pytest.approx(
        closed, rel=1e-3
    )


def test_crps_of_the_median_is_the_absolute_error(drawn) -> None:
    actual, point, _, scale = drawn
    scores = forecast_scores(actual, point, {0.5: point}, scale=scale)
    assert scores["crps"] == pytest.approx(scores["mae"])
    assert "coverage_80" not in scores


def test_without_quantiles_only_the_point_figures(drawn) -> None:
    actual, point, _, scale = drawn
    assert list(forecast_scores(actual, point, scale=scale)) == ["mae", "mse", "mase", "smape"]


def test_unknown_actual_values_are_left_out(drawn) -> None:
    actual, point, quantiles, scale = drawn
    holes = actual.copy()
    holes[3:] = np.nan
    holes[0, 2] = np.nan
    kept = [(0, h) for h in range(6) if h != 2] + [(i, h) for i in (1, 2) for h in range(6)]
    rows, steps = np.array(kept).T
    column = {p: q[rows, steps][:, None] for p, q in quantiles.items()}
    expected = forecast_scores(
        actual[rows, steps][:, None], point[rows, steps][:, None], column, scale=scale[rows]
    )
    # A forecast is not looked at where it cannot be scored.
    broken = np.where(np.isnan(holes), np.inf, point)
    assert forecast_scores(holes, broken, quantiles, scale=scale) == pytest.approx(expected)


def test_a_constant_series_has_no_mase_but_all_else() -> None:
    scores = forecast_scores([[1.0], [5.0]], [[2.0], [7.0]], scale=[0.0, 4.0])
    assert scores["mase"] == pytest.approx(0.5)
    assert scores["mae"] == pytest.approx(1.5)
    alone = forecast_scores([[1.0]], [[2.0]], scale=[0.0])
    assert math.isnan(alone["mase"]) and alone["mae"] == 1.0


def test_smape_of_zero_by_zero_is_zero() -> None:
    assert forecast_scores([[0.0, 0.0]], [[0.0, 1.0]], scale=[1.0])["smape"] == pytest.approx(100.0)


def test_large_levels_lose_no_precision() -> None:
    actual = np.full((2, 3), 1e9)
    scores = forecast_scores(actual, actual + 0.5, scale=[1.0, 1.0])
    assert scores["mae"] == 0.5 and scores["mse"] == 0.25


def test_computed_levels_are_found(drawn) -> None:
    actual, point, quantiles, scale = drawn
    computed = {1 - 0.9: quantiles[0.1], 0.9: quantiles[0.9]}
    named = {0.1: quantiles[0.1], 0.9: quantiles[0.9]}
    assert (1 - 0.9) != 0.1
    assert forecast_scores(actual, point, computed, scale=scale) == pytest.approx(
        forecast_scores(actual, point, named, scale=scale)
    )


def test_pinball_is_smallest_at_the_quantile() -> None:
    sample = np.random.default_rng(0).normal(size=2001)
    tries = np.linspace(-2, 2, 401)
    losses = [pinball(sample, np.full_like(sample, q), 0.9).mean() for q in tries]
    assert tries[int(np.argmin(losses))] == pytest.approx(np.quantile(sample, 0.9), abs=0.02)


@pytest.mark.parametrize(
    ("actual", "point", "quantiles", "scale", "words"),
    [
        ([1.0], [1.0], None, [1.0], "actual has shape (1,)"),
        ([[1.0]], [[1.0, 2.0]], None, [1.0], "point has shape (1, 2); expected (1, 1)"),
        ([[1.0]], [[1.0]], None, [1.0, 2.0], "scale has shape (2,); expected (1,)"),
        ([[np.nan]], [[1.0]], None, [1.0], "nothing to score"),
        ([[1.0]], [[1.0]], {90: [[1.0]]}, [1.0], "quantile level 90.0"),
        ([[1.0]], [[1.0]], {0.9: [1.0]}, [1.0], "quantile 0.9 has shape (1,)"),
    ],
)
def test_what_does_not_fit_is_refused(actual, point, quantiles, scale, words) -> None:
    with pytest.raises(InputError) as caught:
        forecast_scores(actual, point, quantiles, scale=scale)
    assert words in str(caught.value)


def test_a_forecast_that_is_not_finite_is_an_error_not_a_gap() -> None:
    with pytest.raises(UnrolledError, match="1 of 2 forecasts are not finite"):
        forecast_scores([[1.0, 2.0]], [[np.nan, 2.0]], scale=[1.0])
    with pytest.raises(UnrolledError, match=r"quantile 0\.5: 1 of 1"):
        forecast_scores([[1.0]], [[1.0]], {0.5: [[np.inf]]}, scale=[1.0])


def test_rows_stand_in_one_order_and_are_json() -> None:
    given = {"own": {"mae": 3.0}, "dlinear": {"mae": 1.0}, "naive": {"mae": math.nan}}
    rows = score_rows({"mae": np.float64(0.5)}, given)
    assert list(rows) == ["model", "naive", "dlinear", "own"]
    text = json.dumps(rows, allow_nan=False)
    assert json.loads(text)["naive"] == {"mae": None}
    assert list(score_rows(None, dict.fromkeys(reversed(BASELINE_ORDER), {}))) == [*BASELINE_ORDER]
