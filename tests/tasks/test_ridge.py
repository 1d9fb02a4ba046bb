"""Ridge against scikit-learn's, and against problems whose answer is linear and known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge

from tests.tasks.panels import panel_of, split_windows
from unrolled.data.windows import Windows, WindowShape
from unrolled.tasks.baselines import Ridge
from unrolled.tasks.baselines import ridge as ridge_module
from unrolled.tasks.baselines.inputs import Gaps, Inputs, series_units
from unrolled.tasks.baselines.moments import Moments, Penalty
from unrolled.tasks.baselines.rows import Split, choose_rows


def problem(seen_share: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return z (N, D), x (N, H, d), y (N, H), its mask and weights, with means far from 0."""
    random = np.random.default_rng(seed)
    z = 2000.0 + random.normal(size=(150, 5)) @ random.normal(size=(5, 5))
    x = -70.0 + random.normal(size=(150, 4, 3)) * [1.0, 10.0, 0.1]
    x[:, :, 0] = z[:, :4] + 0.1 * x[:, :, 0]
    y = z @ random.normal(size=(5, 4)) + x.sum(axis=2) + random.normal(size=(150, 4))
    seen = (random.random((150, 4)) < seen_share).astype(np.float64)
    return z, x, y, seen, random.uniform(0.2, 3.0, 150)


def summed(z, x, y, seen, weight) -> Moments:
    moments = Moments(z[:40], x[:40])
    for rows in np.array_split(np.arange(len(z)), 4):
        moments.add(z[rows], x[rows], y[rows], seen[rows], weight[rows])
    return moments


@pytest.mark.parametrize("seen_share", [1.0, 0.7])
def test_every_step_equals_sklearns_ridge_on_its_own_rows(seen_share: float) -> None:
    z, x, y, seen, weight = problem(seen_share)
    penalties = [
        Penalty(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([1.0, 0.01, 0.1])),
        Penalty(np.full(5, 1e-8), np.full(3, 1e-8)),
    ]
    moments = summed(z, x, y, seen, weight)
    assert len(moments.missing) == (0 if seen_share == 1.0 else 4)
    for penalty, found in zip(penalties, moments.solve(penalties), strict=True):
        forecast = found(z, x)
        for step in range(4):
            rows = seen[:, step] > 0
            inputs, share = np.concatenate([z, x[:, step]], axis=1), weight[rows]
            mean = np.average(inputs[rows], axis=0, weights=share)
            spread = np.sqrt(np.average((inputs[rows] - mean) ** 2, axis=0, weights=share))
            # One penalty for all inputs, once each is divided by the root of its own.
            roots = np.sqrt(np.concatenate(penalty))
            standard = (inputs - mean) / spread / roots
            expected = SklearnRidge(alpha=share.sum(), solver="cholesky").fit(
                standard[rows], y[rows, step], sample_weight=share
            )
            np.testing.assert_allclose(
                forecast[:, step], expected.predict(standard), rtol=1e-6, atol=1e-5
            )


def test_a_step_that_is_never_seen_forecasts_the_center() -> None:
    z, x, y, seen, weight = problem(1.0)
    seen[:, 2] = 0.0
    (found,) = summed(z, x, y, seen, weight).solve([Penalty(np.full(5, 1.0), np.full(3, 1.0))])
    forecast = found(z, x)
    np.testing.assert_array_equal(forecast[:, 2], 0.0)
    assert np.abs(forecast[:, 1]).min() > 0


def test_a_constant_input_counts_for_nothing() -> None:
    z, x, y, seen, weight = problem(1.0)
    penalty = Penalty(np.full(6, 1e-3), np.full(3, 1e-3))
    constant = np.concatenate([z, np.full((150, 1), 7e5)], axis=1)
    (found,) = summed(constant, x, y, seen, weight).solve([penalty])
    (without,) = summed(z, x, y, seen, weight).solve([Penalty(np.full(5, 1e-3), penalty.own)])
    np.testing.assert_array_equal(found.shared[5], 0.0)
    np.testing.assert_allclose(found(constant, x), without(z, x), rtol=1e-9)


SHAPE = WindowShape(lookback=8, horizon=5, seasons=(4,))


def wandering(rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return y_t = 1.5 y_{t-1} - 0.8 y_{t-2} + 0.3 y_{t-3} + 3 k_t and its known covariate k (T, 1).

    The lags' weights add up to 1, so that the level, which scaling takes away, does not matter.
    """
    known = np.random.default_rng(seed).normal(size=(rows, 1))
    target = np.zeros(rows)
    for t in range(3, rows):
        target[t] = np.dot([1.5, -0.8, 0.3], target[[t - 1, t - 2, t - 3]]) + 3.0 * known[t, 0]
    return target, known


def errors(baseline: Ridge, windows: Windows) -> np.ndarray:
    actual = windows.raw_target(np.arange(len(windows)))
    return np.nanmean(np.abs(baseline.predict(windows) - actual), axis=0)


def test_a_linear_process_is_forecast_exactly_one_step_ahead() -> None:
    target, known = wandering()
    panel = panel_of([target], known=[known])
    train, validation, test = split_windows(panel, SHAPE, (0.6, 0.8))
    ridge = Ridge().fit(train, validation)
    by_step = errors(ridge, test)
    # Later steps depend on covariates between the origin and the step, which are not theirs.
    assert by_step[0] < 0.02 * np.std(target)
    assert (by_step[1:] > 10 * by_step[0]).all()
    assert ridge.covariate_factor == 1.0


def test_covariates_that_say_nothing_are_held_back() -> None:
    target, _ = wandering()
    noise = np.random.default_rng(1).normal(size=(300, 30))
    panel = panel_of([target], known=[noise])
    train, validation, test = split_windows(panel, SHAPE, (0.6, 0.8))
    ridge = Ridge().fit(train, validation)
    assert ridge.covariate_factor >= 1e3
    alone, judge, asked = split_windows(panel_of([target]), SHAPE, (0.6, 0.8))
    assert errors(ridge, test).mean() < 1.05 * errors(Ridge().fit(alone, judge), asked).mean()


def test_noise_asks_for_a_large_strength_and_a_process_for_a_small_one() -> None:
    chosen = []
    for target in (np.random.default_rng(2).normal(size=900), wandering(900)[0]):
        train, validation, _ = split_windows(panel_of([target]), SHAPE, (0.6, 0.8))
        chosen.append(Ridge().fit(train, validation).strength)
    assert chosen[0] >= 0.1 > 0.01 >= chosen[1]


def test_only_the_choice_depends_on_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    def fitted(changed: bool) -> Ridge:
        target, known = wandering()
        if changed:
            target[180:240] = 50.0 * np.random.default_rng(3).normal(size=60)
        panel = panel_of([target], known=[known])
        train, validation, _ = split_windows(panel, SHAPE, (0.6, 0.8))
        return Ridge().fit(train, validation)

    assert fitted(True).strength > fitted(False).strength
    monkeypatch.setattr(ridge_module, "STRENGTHS", (0.01,))
    monkeypatch.setattr(ridge_module, "COVARIATE_FACTORS", (1.0,))
    before, after = fitted(False)._coefficients, fitted(True)._coefficients
    np.testing.assert_array_equal(before.shared, after.shared)
    np.testing.assert_array_equal(before.own, after.own)


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_gaps_cost_little(share: float) -> None:
    target, known = wandering(600)
    holes = target.copy()
    holes[np.random.default_rng(4).random(600) < share] = np.nan
    full, gappy = (
        errors(Ridge().fit(train, validation), test)
        for train, validation, test in (
            split_windows(panel_of([y], known=[known]), SHAPE, (0.6, 0.8)) for y in (target, holes)
        )
    )
    # The first step's answer needs the last three values, most of which are there.
    assert full[0] < gappy[0] < (0.5 if share < 0.1 else 2.0)
    assert gappy.mean() < 1.15 * full.mean()


def test_a_long_look_back_with_gaps_is_cut_to_what_memory_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target, _ = wandering(400)
    target[50] = np.nan
    train, validation, test = split_windows(panel_of([target]), SHAPE, (0.6, 0.8))
    monkeypatch.setattr(ridge_module, "MOST_OWN_MOMENTS", 5 * 10**2)
    ridge = Ridge().fit(train, validation)
    # 10 columns for each of the 5 steps: 4 values and their mask, and one to spare.
    assert ridge._inputs.recent == 4
    assert np.isfinite(ridge.predict(test)).all()
    target[50] = 0.0
    whole, validation, _ = split_windows(panel_of([target]), SHAPE, (0.6, 0.8))
    assert Ridge().fit(whole, validation)._inputs.recent == 8


def test_masks_are_inputs_only_where_anything_is_missing() -> None:
    target, known = wandering()
    widths = []
    for hole in (False, True):
        target[100] = np.nan if hole else 0.0
        (windows,) = split_windows(panel_of([target], known=[known]), SHAPE, ())
        rows = np.arange(len(windows))
        gaps = Gaps.of(windows, rows)
        assert gaps == Gaps(past=hole, seasonal=hole, target=hole)
        inputs = Inputs.fit(windows, rows, gaps, recent=99, covariates=0, seed=0)
        batch = windows.take(rows)
        widths.append((inputs.shared(batch).shape[1], inputs.of_steps(batch).shape[2]))
        assert np.isnan(inputs.shared(batch, fill=np.nan)).any() == hole
    assert widths == [(8, 2), (16, 3)]


def test_the_past_calendar_is_left_out_but_not_a_covariate() -> None:
    """Sine and cosine of the past are a rotation of those of the step that is forecast."""
    steps = np.arange(400)
    cycle = np.stack([f(2 * np.pi * steps / 12) for f in (np.sin, np.cos)], axis=1)
    weather = np.random.default_rng(0).normal(size=(400, 1))
    panel = panel_of([wandering(400)[0]], known=[cycle], past=[weather])
    (windows,) = split_windows(panel, SHAPE, ())
    rows = np.arange(len(windows))
    inputs = Inputs.fit(windows, rows, Gaps.of(windows, rows), recent=8, covariates=99, seed=0)
    assert {tuple(place) for place in inputs.covariates} == {(time, 2) for time in range(8)}
    few = Inputs.fit(windows, rows, Gaps.of(windows, rows), recent=8, covariates=3, seed=0)
    assert len(few.covariates) == 3


def test_loud_windows_weigh_in_units_of_the_series() -> None:
    target, _ = wandering()
    panel = panel_of([target, 1000.0 * target])
    (windows,) = split_windows(panel, SHAPE, ())
    units = series_units(windows.take(np.arange(len(windows))), windows)
    quiet, loud = np.split(units, 2)
    np.testing.assert_allclose(loud, quiet, rtol=1e-4)
    assert quiet.max() > 2 * quiet.min() > 0


def test_the_fit_follows_the_loud_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loud windows swing back at once, quiet ones go on: one model for both goes by the loud."""
    monkeypatch.setattr(ridge_module, "STRENGTHS", (1e-3,))
    random = np.random.default_rng(0)
    target = np.zeros(800)
    for t in range(1, 800):
        swing, size = (-0.8, 20.0) if t < 400 else (0.8, 1.0)
        target[t] = swing * target[t - 1] + size * random.normal()
    loud, quiet, both = (
        split_windows(panel_of([target[rows]]), SHAPE, ())[0]
        for rows in (slice(400), slice(400, None), slice(None))
    )
    own, other, mixed = (errors(Ridge().fit(w, w), loud)[0] for w in (loud, quiet, both))
    # 0.006 of the way from the loud windows' own model to the quiet ones'; 0.033 without weights.
    assert mixed - own < 0.02 * (other - own)


def test_the_mask_of_a_rare_gap_is_not_fitted_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge_module, "STRENGTHS", (0.1,))
    target = np.random.default_rng(0).normal(size=400)
    target[100], target[101] = np.nan, 5.0
    (windows,) = split_windows(panel_of([target]), SHAPE, ())
    ridge = Ridge().fit(windows, windows)
    one_before = 8 + 7
    batch = windows.take([101 - 8])
    assert batch.past_mask[0, 7] == 0
    assert batch.target[0, 0] > 3
    # Free, the mask would explain all of that target; as it is seen once it hardly does.
    assert np.abs(ridge._coefficients.shared[one_before, 0]) < 0.1 * batch.target[0, 0]


def test_held_out_windows_come_last_and_share_no_target() -> None:
    panel = panel_of([wandering(120)[0], wandering(90, 1)[0]])
    (windows,) = split_windows(panel, SHAPE, ())
    split = Split.of(windows, None)
    assert split.judge is windows
    everything = np.concatenate([split.fit, split.later])
    assert sorted(everything) == list(range(len(windows)))
    assert set(split.judged) <= set(split.later)
    for series in (0, 1):
        of_series = windows.origins[:, 0] == series
        fitted, judged = (
            windows.origins[np.intersect1d(rows, np.flatnonzero(of_series)), 1]
            for rows in (split.fit, split.judged)
        )
        assert fitted.max() + SHAPE.horizon == judged.min()
        assert len(judged) == pytest.approx(0.2 * of_series.sum(), abs=1)


def test_given_validation_windows_are_used_and_nothing_is_held_out() -> None:
    train, validation, _ = split_windows(panel_of([wandering()[0]]), SHAPE, (0.6, 0.8))
    split = Split.of(train, validation)
    assert split.judge is validation
    assert (len(split.fit), len(split.judged), len(split.later)) == (len(train), len(validation), 0)
    few = split.limited(10, 5, 0)
    assert (len(few.fit), len(few.judged)) == (10, 5)


def test_rows_are_drawn_from_everywhere_and_kept_in_order() -> None:
    rows = choose_rows(np.arange(1000), 100, 0)
    assert len(set(rows)) == 100
    assert all(a < b for a, b in pairwise(rows))
    assert rows[0] < 100 and rows[-1] > 900
    np.testing.assert_array_equal(rows, choose_rows(np.arange(1000), 100, 0))
    assert not np.array_equal(rows, choose_rows(np.arange(1000), 100, 1))
