"""Axes and numbers: round labels, dates of the calendar, and ranges that no axis was made for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unrolled.view.dates import date_text, time_scale
from unrolled.view.numbers import column_decimals, in_column, number
from unrolled.view.scale import Scale, Tick, drawable, linear_scale, log_scale, thinned
from unrolled.view.words import speaker

VALUES = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=6)
HARD = [
    [],
    [math.nan],
    [0.0],
    [1e-300],
    [5e-324],
    [1e300, -1e300],
    [1e-300, 1e300],
    [1e9, 1e9 + 1e-7],
    [3.0, 3.0],
    [-1e-12, 1e12],
    [math.inf, 1.0],
]


def labels(scale: Scale) -> list[str]:
    return [tick.label for tick in scale.ticks]


def seconds(*dates: str) -> np.ndarray:
    return drawable(np.array(dates, dtype="datetime64[s]"))


def dates_between(first: str, last: str, language: str = "en", count: int = 7) -> list[str]:
    scale = time_scale(seconds(first, last), speaker(language), count=count)
    return [f"{tick.label}|{tick.context}" for tick in scale.ticks]


@given(VALUES)
@example(HARD[3])
@example(HARD[4])
@example(HARD[5])
@example(HARD[6])
@example(HARD[7])
@example(HARD[10])
def test_every_value_stands_on_its_axis(values: list[float]) -> None:
    known = drawable(values)
    for scale in (linear_scale(known), linear_scale(known, snap=False), log_scale(known)):
        assert scale.low < scale.high
        assert math.isfinite(scale.low)
        assert math.isfinite(scale.high)
        placed = scale.fraction(known)
        here = np.isfinite(known) & ((known > 0) | (scale.kind != "log"))
        assert np.isfinite(placed[here]).all()
        assert ((placed[here] >= -1e-9) & (placed[here] <= 1 + 1e-9)).all()


@given(VALUES)
@example(HARD[3])
@example(HARD[5])
@example(HARD[6])
@example(HARD[7])
@example(HARD[8])
def test_labels_are_few_and_different(values: list[float]) -> None:
    known = drawable(values)
    for scale in (linear_scale(known), log_scale(known)):
        assert 2 <= len(scale.ticks) <= 12
        assert len(set(labels(scale))) == len(scale.ticks)
        assert all(-1e-9 <= scale.tick_fraction(tick) <= 1 + 1e-9 for tick in scale.ticks)


def test_linear_labels_are_round() -> None:
    assert labels(linear_scale(np.array([0.13, 0.97]))) == ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert labels(linear_scale(np.array([-7.0, 12.0]))) == ["−10", "−5", "0", "5", "10", "15"]
    assert labels(linear_scale(np.array([0.0, 9e6]), count=3)) == ["0", "5×10⁶", "1×10⁷"]


def test_whole_numbers_have_whole_labels() -> None:
    assert labels(linear_scale(np.array([0.0, 3.0]), whole=True)) == ["0", "1", "2", "3"]


def test_log_labels_are_powers_over_decades_and_plain_numbers_below() -> None:
    assert labels(log_scale(np.array([3e-4, 2.0]))) == [
        "10⁻⁴",
        "10⁻³",
        "10⁻²",
        "10⁻¹",
        "10⁰",
        "10¹",
    ]
    assert labels(log_scale(np.array([0.3, 4.0]))) == ["0.2", "0.5", "1", "2", "5"]


def test_log_axis_has_no_place_for_zero_and_below() -> None:
    scale = log_scale(np.array([0.0, -3.0, 1.0, 100.0]))
    assert np.isnan(scale.fraction([0.0, -3.0])).all()


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2014-12-20", "2015-01-25", "22|Dec 2014 29| 5|Jan 2015 12| 19|"),
        ("2010-03-05", "2011-02-05", "Apr|2010 Jul| Oct| Jan|2011"),
        ("1958-03-01", "2001-12-01", "1960| 1970| 1980| 1990| 2000|"),
        ("2020-02-28", "2020-03-02", "28|Feb 2020 29| 1|Mar 2|"),
        ("2020-02-28T12:00", "2020-02-29T18:00", "12:00|28 Feb 2020 18:00| 00:00|29 Feb 06:00|"),
    ],
)
def test_dates_are_those_of_the_calendar(first: str, last: str, expected: str) -> None:
    shown = " ".join(dates_between(first, last, count=7))
    assert expected in shown


def test_dates_in_chinese() -> None:
    assert dates_between("2010-03-05", "2011-02-05", "zh")[0] == "4月|2010年"
    assert dates_between("2020-02-28", "2020-03-02", "zh")[:3] == [
        "28日|2020年2月",
        "29日|",
        "1日|3月",
    ]


def test_weeks_begin_on_monday() -> None:
    scale = time_scale(seconds("2024-01-03", "2024-02-10"), speaker("en"), count=7)
    weekdays = {np.datetime64(int(t.at), "s").astype(object).weekday() for t in scale.ticks}
    assert weekdays == {0}


@pytest.mark.parametrize("span", [1, 60, 3600, 7200, 86400, 10**6, 10**7, 10**8, 10**9, 10**10])
def test_dates_are_never_crowded(span: int) -> None:
    scale = time_scale(np.array([1e9, 1e9 + span]), speaker("en"), count=7)
    assert 1 <= len(scale.ticks) <= 9
    assert all(scale.low <= tick.at <= scale.high for tick in scale.ticks)


def test_one_moment_and_none_have_an_axis() -> None:
    for moments in (seconds("2024-01-03"), seconds()):
        scale = time_scale(moments, speaker("en"))
        assert scale.low < scale.high
        assert scale.ticks


def test_a_narrow_page_keeps_the_labels_with_contexts() -> None:
    ticks = thinned([Tick(float(n), str(n), "year" if n % 2 else "") for n in range(8)])
    assert [tick.spare for tick in ticks] == [True, False] * 4
    assert not any(tick.spare for tick in thinned([Tick(0.0, "")] * 5))


def test_moments_are_written_as_exactly_as_their_distance_asks() -> None:
    assert date_text(86400.0, 86400.0) == "1970-01-02"
    assert date_text(86400.0, 3600.0) == "1970-01-02 00:00"
    assert date_text(-0.2, 60.0) == "1970-01-01 00:00"


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_are_short_and_keep_their_value(value: float) -> None:
    text = number(value)
    assert len(text) <= 14
    # Of the very greatest, four digits may round to what no float holds.
    if math.isfinite(value) and abs(value) < 1.797e308:
        raised = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
        plain = text.replace(",", "").replace("−", "-").replace("×10", "e").translate(raised)
        assert float(plain) == pytest.approx(value, rel=6e-4, abs=5e-324)


def test_a_column_has_one_number_of_decimals() -> None:
    column = [0.7212, 1.3, 12.0]
    decimals = column_decimals(column)
    assert [in_column(value, decimals) for value in column] == ["0.72", "1.30", "12.00"]
    assert in_column(None, decimals) == "–"
    assert in_column(-0.0001, decimals) == "0.00"


def test_values_far_apart_are_written_each_for_itself() -> None:
    column = [3.2e-9, 4.0e5]
    assert [in_column(value, column_decimals(column)) for value in column] == [
        "3.2×10⁻⁹",
        "400,000",
    ]
