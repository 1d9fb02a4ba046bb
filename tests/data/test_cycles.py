"""Cycles are inputs where the training part shows them, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tasks.panels import panel_of
from unrolled.data.cycles import shown_columns, shows_season

DAYS = 365 * 6
RANDOM = np.random.default_rng(0)
YEAR = 10 * np.sin(2 * np.pi * np.arange(DAYS) / 365.25) + RANDOM.normal(size=DAYS)


def cycles(y: np.ndarray, freq: str = "D", end: int | None = None) -> set[str]:
    names = shown_columns(panel_of([y], freq=freq), [end or len(y)])
    return {name.partition("_")[0] for name in names}


def test_a_year_in_temperatures_is_shown() -> None:
    assert cycles(YEAR) == {"year"}


@pytest.mark.parametrize("years", [3, 6])
def test_random_walks_hardly_ever_show_anything(years: int) -> None:
    days, wrong = 365 * years, 0
    for seed in range(20):
        y = np.random.default_rng(seed).normal(size=days).cumsum()
        panel = panel_of([y], freq="D")
        wrong += bool(shown_columns(panel, [days])) or shows_season(panel, [days], 365)
        assert not shows_season(panel, [days], 7)
    assert wrong <= 2


def test_a_cycle_seen_less_than_twice_is_not_an_input() -> None:
    assert cycles(YEAR, end=500) == set()


def test_day_and_week_are_told_apart() -> None:
    hours = np.arange(24 * 7 * 8)
    day = 5 * np.sin(2 * np.pi * hours / 24) + RANDOM.normal(size=len(hours))
    assert cycles(day, "h") == {"day"}
    assert cycles(day + 5 * (hours // 24 % 7 >= 5), "h") == {"day", "week"}


def test_missing_values_do_not_hide_a_cycle() -> None:
    y = YEAR.copy()
    y[RANDOM.random(DAYS) < 0.3] = np.nan
    assert cycles(y) == {"year"}
    assert shows_season(panel_of([y], freq="D"), [DAYS], 365)


def test_numbered_steps_have_no_calendar() -> None:
    assert shown_columns(panel_of([YEAR]), [DAYS]) == ()


def test_only_the_training_part_is_looked_at() -> None:
    half = DAYS // 2
    y = np.concatenate([RANDOM.normal(size=half), 1000 * YEAR[half:]])
    assert cycles(y, end=half) == set()
