"""Frequencies told and seen, their next times, seasons and calendar features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.calendar import (
    calendar_features,
    default_season,
    default_seasons,
    infer_frequency,
    parse_frequency,
)
from unrolled.data.frequency import NAMES, Frequency, Numbering, Times, span
from unrolled.errors import InputError, OptionError


def times(*texts: str) -> Times:
    return np.array(texts, dtype="datetime64[s]")


def shown(values: Times, unit: str = "D") -> list[str]:
    return values.astype(f"datetime64[{unit}]").astype(str).tolist()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("h", "hourly"), ("H", "hourly"), ("1h", "hourly"), ("60min", "hourly"), ("3600s", "hourly"),
        ("15min", "every 15 minutes"), ("15T", "every 15 minutes"), ("15m", "every 15 minutes"),
        ("30 minutes", "every 30 minutes"), ("D", "daily"), ("1d", "daily"), ("24h", "daily"),
        ("B", "business daily"), ("W", "weekly"), ("W-SUN", "weekly"), ("7D", "weekly"), ("2W", "every 2 weeks"),
        ("M", "monthly"), ("MS", "monthly"), ("ME", "monthly"), ("1mo", "monthly"), ("Q", "quarterly"),
        ("QS-OCT", "quarterly"), ("3M", "quarterly"), ("Y", "yearly"), ("YE-DEC", "yearly"), ("A", "yearly"),
        ("12MS", "yearly"), ("weekly", "weekly"), ("Monthly", "monthly"), ("every 10 seconds", "every 10 seconds"),
    ],
)  # fmt: skip
def test_spellings_of_a_frequency(text: str, name: str) -> None:
    frequency = parse_frequency(text)
    assert frequency.name == name
    assert parse_frequency(str(frequency)) == frequency
    assert parse_frequency(frequency) is frequency


@pytest.mark.parametrize("text", ["fortnightly", "", "0D", "-1h", "2B", "h5", "Dd"])
def test_frequency_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_frequency(text)
    assert "\n" not in str(caught.value)


def test_refused_frequency_says_what_there_is() -> None:
    with pytest.raises(
        OptionError, match=r"freq='hrs' does not exist; expected one of h, 15min, D"
    ):
        parse_frequency("hrs")


@pytest.mark.parametrize(
    ("freq", "start", "following"),
    [
        ("h", "2024-02-28T22", ["2024-02-28T23", "2024-02-29T00", "2024-02-29T01"]),
        ("D", "2024-02-28T06", ["2024-02-29T06", "2024-03-01T06", "2024-03-02T06"]),
        ("B", "2024-02-29T06", ["2024-03-01T06", "2024-03-04T06", "2024-03-05T06"]),
        ("2W", "2024-02-20T00", ["2024-03-05T00", "2024-03-19T00", "2024-04-02T00"]),
        ("M", "2024-01-15T06", ["2024-02-15T06", "2024-03-15T06", "2024-04-15T06"]),
        ("M", "2023-11-30T00", ["2023-12-31T00", "2024-01-31T00", "2024-02-29T00"]),
        ("Q", "2023-11-01T00", ["2024-02-01T00", "2024-05-01T00", "2024-08-01T00"]),
        ("Y", "2024-02-29T00", ["2025-02-28T00", "2026-02-28T00", "2027-02-28T00"]),
    ],
)
def test_next_times(freq: str, start: str, following: list[str]) -> None:
    assert shown(parse_frequency(freq).next(times(start), 3), "h") == following
    assert len(parse_frequency(freq).next(times(start), 0)) == 0


def test_months_keep_the_day_of_the_series() -> None:
    month = parse_frequency("M")
    # The last is cut short by February; the series is on the 30th, not on the last days.
    assert shown(month.next(times("2024-01-30", "2024-02-29"), 3)) == [
        "2024-03-30", "2024-04-30", "2024-05-30",
    ]  # fmt: skip
    assert shown(month.next(times("2024-01-31", "2024-02-29"), 2)) == ["2024-03-31", "2024-04-30"]


def test_numbering_goes_on_by_its_step() -> None:
    assert Numbering(10).next(np.array([5, 15]), 2).tolist() == [25, 35]


@pytest.mark.parametrize(
    "freq", ["10s", "15min", "h", "D", "B", "W", "M", "Q", "2Q", "Y", "3h", "3D"]
)
@pytest.mark.parametrize("start", ["2023-11-30", "2024-01-31", "2024-02-29", "2024-01-15"])
def test_what_follows_is_seen_as_the_same_frequency(freq: str, start: str) -> None:
    frequency = parse_frequency(freq)
    begin = times(start)
    row = np.concatenate([begin, frequency.next(begin, 40)])
    assert infer_frequency(row) == frequency
    position, on_step = frequency.positions(row, np.full(41, row[0]))
    assert on_step.all()
    assert position.tolist() == list(range(41))


@given(
    count=st.integers(1, 40),
    unit=st.sampled_from([unit for unit in NAMES if unit != "business day"]),
    start=st.integers(-(10**9), 4 * 10**9),
    steps=st.lists(st.integers(0, 200), min_size=2, max_size=6, unique=True),
)
def test_positions_undo_at(count: int, unit: str, start: int, steps: list[int]) -> None:
    frequency = Frequency(count, unit)
    begin = np.array([start]).astype("datetime64[s]")
    position = np.sort(np.array([0, *steps]))
    row = frequency.at(begin, position, begin[0])
    found, on_step = frequency.positions(row, np.full(len(row), row[0]))
    assert on_step.all()
    assert found.tolist() == position.tolist()


def test_positions_say_what_lies_between_two_steps() -> None:
    row = times("2024-01-31", "2024-02-28", "2024-02-29", "2024-03-31", "2024-03-31T01")
    _, on_step = parse_frequency("M").positions(row, np.full(5, row[0]))
    assert on_step.tolist() == [True, False, True, True, False]
    week = times("2024-01-05", "2024-01-06", "2024-01-08", "2024-01-09T05")
    _, on_step = parse_frequency("B").positions(week, np.full(4, week[0]))
    assert on_step.tolist() == [True, False, True, False]


def test_most_steps_decide() -> None:
    row = times("2024-01-04", "2024-01-05", "2024-01-06", "2024-01-07", "2024-01-12", "2024-01-13")
    assert infer_frequency(row).name == "daily"
    two_series = np.concatenate([row[:3], row[:3]])
    assert infer_frequency(two_series, np.array([0, 0, 0, 1, 1, 1])).name == "daily"


def test_weekdays_without_weekends_are_business_days() -> None:
    assert infer_frequency(times("2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09")).name == (
        "business daily"
    )
    # No weekend has been passed: nothing says that it would be left out.
    assert infer_frequency(times("2024-01-01", "2024-01-02", "2024-01-03")).name == "daily"


def test_four_weeks_are_no_month() -> None:
    row = times("2024-01-01", "2024-01-29", "2024-02-26", "2024-03-25", "2024-04-22")
    assert infer_frequency(row).name == "every 4 weeks"


def test_uneven_rows_have_no_frequency() -> None:
    row = times(
        "2024-01-01T00", "2024-01-01T01", "2024-01-01T03:10", "2024-01-01T08:20", "2024-01-02"
    )
    with pytest.raises(InputError, match=r"not evenly spaced: .* 1 hour, is only 25 %"):
        infer_frequency(row)


def test_missing_rows_do_not_hide_the_frequency() -> None:
    row = times("2024-01-01", "2024-01-02", "2024-01-04", "2024-01-09", "2024-01-12")
    assert infer_frequency(row).name == "business daily"
    assert infer_frequency(row + np.timedelta64(2, "D")).name == "daily"


def test_one_row_has_no_frequency() -> None:
    with pytest.raises(InputError, match="no series has two different times"):
        infer_frequency(times("2024-01-01", "2024-01-02"), np.array([0, 1]))


@pytest.mark.parametrize(
    ("freq", "seasons"),
    [
        ("s", (3600,)), ("10s", (360,)), ("min", (1440, 10080)), ("15min", (96, 672)), ("h", (24, 168)),
        ("2h", (12, 84)), ("5h", (1,)), ("D", (7, 365)), ("2D", (1,)), ("B", (5, 261)), ("W", (52,)), ("2W", (26,)),
        ("M", (12,)), ("Q", (4,)), ("2Q", (2,)), ("Y", (1,)), ("5M", (1,)),
    ],
)  # fmt: skip
def test_usual_seasons(freq: str, seasons: tuple[int, ...]) -> None:
    assert default_seasons(parse_frequency(freq)) == seasons
    assert default_season(parse_frequency(freq)) == seasons[0]


def test_numbered_steps_have_neither_season_nor_calendar() -> None:
    assert default_season(None) == 1
    values, names = calendar_features(np.arange(5), None)
    assert values.shape == (5, 0)
    assert names == ()


@pytest.mark.parametrize(
    ("freq", "cycles"),
    [
        ("15min", {"hour": 2, "day": 4, "week": 6, "year": 2}),
        ("h", {"day": 4, "week": 6, "year": 2}),
        ("D", {"week": 6, "month": 2, "year": 4}),
        ("B", {"week": 6, "month": 2, "year": 4}),
        ("W", {"year": 4}),
        ("M", {"year": 4}),
        ("Q", {"year": 2}),
        ("Y", {}),
    ],
)
def test_cycles_longer_than_a_step_are_features(freq: str, cycles: dict[str, int]) -> None:
    frequency = parse_frequency(freq)
    row = frequency.next(times("2023-12-29"), 36_000 if frequency.seconds else 300)
    values, names = calendar_features(row, frequency)
    assert values.dtype == np.float32
    assert values.shape == (len(row), len(names))
    assert {cycle: sum(n.startswith(cycle) for n in names) for cycle in cycles} == cycles
    assert len(names) == sum(cycles.values())
    if names:
        assert np.abs(values).max() <= 1
        assert (values.std(0) > 0.1).all(), "a feature that never changes"


def test_features_are_the_phase_of_their_cycle() -> None:
    row = times("2024-01-01T06", "2024-01-08T06", "2024-07-02T00")
    values, names = calendar_features(row, parse_frequency("h"))
    at = {name: values[:, k] for k, name in enumerate(names)}
    np.testing.assert_allclose(at["day_sin_1"][0], 1, atol=1e-6)  # 6:00 is a quarter of the day
    np.testing.assert_allclose(at["day_cos_2"][0], -1, atol=1e-6)
    np.testing.assert_allclose(at["week_sin_1"][:2], 0, atol=1e-6)  # two Mondays
    np.testing.assert_allclose(at["week_cos_1"][:2], 1, atol=1e-6)
    np.testing.assert_allclose(at["year_cos_1"][2], -1, atol=1e-6)  # the 184th of 366 days


def test_seven_weekdays_are_told_apart_by_a_linear_model() -> None:
    row = parse_frequency("D").next(times("2023-12-31"), 14)
    values, names = calendar_features(row, parse_frequency("D"))
    week = values[:7, [k for k, name in enumerate(names) if name.startswith("week")]]
    assert np.linalg.matrix_rank(np.column_stack([week, np.ones(7)])) == 7


def test_spans_are_said_in_words() -> None:
    assert [span(s) for s in (1, 90, 7200, 86_400, 14 * 86_400)] == [
        "1 second", "90 seconds", "2 hours", "1 day", "2 weeks",
    ]  # fmt: skip
