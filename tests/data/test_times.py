"""Times in every form that files have, time zones, numbered steps; and times that cannot be told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.data.tables_of import DAYS, Folder, daily, refusal
from unrolled.data.series import Columns, read_panel


def read_times(
    folder: Folder, texts: list[str], **options: object
) -> tuple[str, list[str], list[str]]:
    """Return the frequency's name, the times, and the notes of a series with these times."""
    rows = [f'"{text}",{k}' for k, text in enumerate(texts)]
    panel = folder.read(daily(*rows), **options)
    shown = panel.series[0].times.astype("datetime64[m]").astype(str).tolist()
    return panel.freq.name if panel.freq else "", shown, folder.notes(panel)


@pytest.mark.parametrize(
    ("texts", "frequency", "first", "last"),
    [
        (["2024-01-31", "2024-02-01"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["2024-1-31", "2024-2-1"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["2024/01/31", "2024/02/01"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["1990/1/1 0:00", "1990/1/2 0:00"], "daily", "1990-01-01T00:00", "1990-01-02T00:00"),
        (["2024.01.31", "2024.02.01"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["31.01.2024", "01.02.2024"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["31/01/2024 13:00", "31/01/2024 14:00"], "hourly", "2024-01-31T13:00", "2024-01-31T14:00"),
        (["01/31/2024", "02/01/2024"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["1/31/2024 11:00 PM", "2/1/2024 12:00 AM"], "hourly", "2024-01-31T23:00", "2024-02-01T00:00"),
        (["2024-01-31T13:00:00", "2024-01-31T14:00:00"], "hourly", "2024-01-31T13:00", "2024-01-31T14:00"),
        (["2024-01-31 13:00", "2024-01-31 13:15"], "every 15 minutes", "2024-01-31T13:00", "2024-01-31T13:15"),
        (["2024-01-31 13:00:00.000", "2024-01-31 14:00:00.000"], "hourly", "2024-01-31T13:00", "2024-01-31T14:00"),
        (["20240131T1300", "20240131T1400"], "hourly", "2024-01-31T13:00", "2024-01-31T14:00"),
        (["2024-01-31", "2024-01-31 12:00"], "every 12 hours", "2024-01-31T00:00", "2024-01-31T12:00"),
        (["Jan 1 2024", "Feb 1 2024"], "monthly", "2024-01-01T00:00", "2024-02-01T00:00"),
        (["January 31, 2024", "February 1, 2024"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["31 Jan 2024", "1 Feb 2024"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["31-Jan-2024", "01-Feb-2024"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["Jan 2024", "Feb 2024"], "monthly", "2024-01-01T00:00", "2024-02-01T00:00"),
        (["1949-01", "1949-02"], "monthly", "1949-01-01T00:00", "1949-02-01T00:00"),
        (["1949/1", "1949/2"], "monthly", "1949-01-01T00:00", "1949-02-01T00:00"),
        (["1-11", "1-12", "2-01"], "monthly", "0001-11-01T00:00", "0002-01-01T00:00"),
        (["2023Q4", "2024Q1"], "quarterly", "2023-10-01T00:00", "2024-01-01T00:00"),
        (["2023-Q4", "2024-q1"], "quarterly", "2023-10-01T00:00", "2024-01-01T00:00"),
        (["2024-W01", "2024-W02"], "weekly", "2024-01-01T00:00", "2024-01-08T00:00"),
        (["2024年1月31日", "2024年2月1日"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
        (["2024年1月", "2024年2月"], "monthly", "2024-01-01T00:00", "2024-02-01T00:00"),
        (["2024年1月31日 13:00", "2024年1月31日 14:00"], "hourly", "2024-01-31T13:00", "2024-01-31T14:00"),
        ([" 2024-01-31 ", "2024-02-01"], "daily", "2024-01-31T00:00", "2024-02-01T00:00"),
    ],
)  # fmt: skip
def test_dates_as_files_write_them(
    folder: Folder, texts: list[str], frequency: str, first: str, last: str
) -> None:
    name, shown, notes = read_times(folder, texts)
    assert (name, shown[0], shown[-1]) == (frequency, first, last)
    assert notes == []


@pytest.mark.parametrize(
    ("texts", "frequency", "last", "words"),
    [
        (["20240131", "20240201"], "daily", "2024-02-01T00:00", "days as 20240131"),
        (["202312", "202401"], "monthly", "2024-01-01T00:00", "months as 202401"),
        (["1704067200", "1704070800"], "hourly", "2024-01-01T01:00", "seconds since 1970-01-01 (UTC)"),
        (["1704067200000", "1704153600000"], "daily", "2024-01-02T00:00", "milliseconds since 1970-01-01 (UTC)"),
    ],
)  # fmt: skip
def test_dates_written_as_numbers_are_said_to_be_dates(
    folder: Folder, texts: list[str], frequency: str, last: str, words: str
) -> None:
    name, shown, notes = read_times(folder, texts)
    assert (name, shown[-1]) == (frequency, last)
    assert notes == [f"sales.csv, column ds: the numbers are taken as {words}"]


def test_years_are_dates_when_the_frequency_says_so(folder: Folder) -> None:
    rows = daily("2020,1", "2021,2", "2022,4", header="year,y")
    assert folder.read(rows).freq is None
    panel = folder.read(rows, freq="Y")
    assert panel.series[0].times.astype("datetime64[Y]").astype(str).tolist() == [
        "2020", "2021", "2022",
    ]  # fmt: skip


@pytest.mark.parametrize(("first", "step"), [(0, 1), (5, 1), (100, 10), (-3, 1)])
def test_whole_numbers_are_steps(folder: Folder, first: int, step: int) -> None:
    panel = folder.read(daily(*[f"{first + step * k},{k}" for k in range(4)]))
    assert panel.freq is None
    assert panel.series[0].times.tolist() == [first + step * k for k in range(4)]
    assert panel.form.number_step == step
    assert panel.next_times(panel.series[0], 2).tolist() == [first + step * 4, first + step * 5]


def test_steps_are_checked_as_dates_are(folder: Folder) -> None:
    assert folder.refusal(daily("1,1", "2,2", "3,3", "6,4")) == (
        "sales.csv, row 5, column ds: 2 steps are missing between 3 (row 4) and 6; expected rows that are numbered in "
        'steps of 1, without a gap; say missing="mask" (--missing mask) to take what is missing as not observed'
    )
    assert folder.refusal(daily("1,1", "2,2", "2,3")).startswith(
        "sales.csv, row 4, column ds: 2 is there twice"
    )
    assert folder.refusal(daily("10,1", "20,2", "30,3", "35,4", "40,5", "50,6")).startswith(
        "sales.csv, row 5, column ds: 35 is out of step after 30 (row 4); expected rows that are numbered in steps of 10"
    )


def test_a_step_that_is_not_whole() -> None:
    message = refusal({"ds": [0.0, 1.0, 1.5], "y": [1.0, 2.0, 3.0]})
    assert message.startswith(
        "dict, row 2, column ds: 1.5 is not a whole number; expected a step number"
    )


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("2024-02-30", "'2024-02-30' is not a date; expected one that exists, written as in the other rows"),
        ("soon", "'soon' is not a date; expected one that exists, written as in the other rows"),
        ("2024-01-03x", "'2024-01-03x' is not a date"),
        ("", "the time is missing; expected a date or time as 2024-01-31"),
        ("24-01-03", "the year in '24-01-03' has fewer than four digits; expected a date"),
    ],
)  # fmt: skip
def test_a_date_that_does_not_parse(folder: Folder, bad: str, words: str) -> None:
    message = folder.refusal(daily("2024-01-01,1", "2024-01-02,2", f"{bad},3", "2024-01-04,4"))
    assert message.startswith(f"sales.csv, row 4, column ds: {words}")


def test_no_dates_at_all(folder: Folder) -> None:
    assert folder.refusal(daily("Monday,1", "Tuesday,2")) == (
        "sales.csv, row 2, column ds: 'Monday' is not a date; expected a date or time as 2024-01-31 or 2024-01-31 13:00; "
        'name the column of times with time="..." (--time ...) if it is another one'
    )


def test_day_and_month_that_cannot_be_told_apart(folder: Folder) -> None:
    assert folder.refusal(daily("01/02/2024,1", "01/03/2024,2", "01/04/2024,3")) == (
        "sales.csv, row 2, column ds: '01/02/2024' may be 01 February or 02 January, and so in every row; "
        "expected a date or time as 2024-01-31 or 2024-01-31 13:00; write the year first"
    )


def test_fractions_of_a_second(folder: Folder) -> None:
    message = folder.refusal(daily("2024-01-01 00:00:00.000,1", "2024-01-01 00:00:00.500,2"))
    assert "row 3, column ds" in message
    assert "has a fraction of a second; expected whole seconds" in message


def test_one_offset_is_the_local_clock(folder: Folder) -> None:
    texts = ["2024-01-01T07:00:00+08:00", "2024-01-01T08:00:00+08:00", "2024-01-01T09:00:00+08:00"]
    _, shown, notes = read_times(folder, texts)
    assert shown == ["2024-01-01T07:00", "2024-01-01T08:00", "2024-01-01T09:00"]
    assert notes == []


@pytest.mark.parametrize("sign", ["Z", " UTC", "+00:00", "+0000", "+00", "-00:00"])
def test_forms_of_an_offset(folder: Folder, sign: str) -> None:
    rows = [f"2024-01-01T0{hour}:00:00{sign},{hour}" for hour in range(3)]
    panel = folder.read(daily(*rows))
    assert panel.form.zone == "UTC"
    assert panel.series[0].times[-1] == np.datetime64("2024-01-01T02:00:00")


def test_summer_time_is_turned_into_utc(folder: Folder) -> None:
    # In Berlin the clock goes from 2:00 to 3:00: an hour is missing locally, none in UTC.
    texts = ["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00", "2024-03-31T04:00+02:00"]
    name, shown, notes = read_times(folder, texts)
    assert name == "hourly"
    assert shown == ["2024-03-31T00:00", "2024-03-31T01:00", "2024-03-31T02:00"]
    assert notes == [
        "sales.csv, column ds: times with several offsets from UTC (summer time?) were turned into UTC"
    ]


def test_local_midnights_are_dates(folder: Folder) -> None:
    texts = ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"]
    name, shown, notes = read_times(folder, texts)
    assert name == "daily"
    assert shown[-1] == "2024-04-01T00:00"
    assert notes == [
        "sales.csv, column ds: all times are local midnights; taken as dates, their offset from UTC left out"
    ]


def test_the_zone_of_a_frame_follows_the_same_rule() -> None:
    days = pd.date_range("2024-03-30", periods=4, freq="D", tz="Europe/Berlin")
    assert read_panel({"ds": days, "y": [1.0, 2, 3, 4]}).form.zone == "local"
    hours = pd.date_range("2024-03-31", periods=4, freq="h", tz="Europe/Berlin")
    summer = read_panel(pd.DataFrame({"ds": hours, "y": [1.0, 2, 3, 4]}))
    assert summer.form.zone == "UTC"
    assert summer.series[0].times[0] == np.datetime64("2024-03-30T23:00:00")
    china = pd.date_range("2024-03-31 05:00", periods=4, freq="h", tz="Asia/Shanghai")
    panel = read_panel(pd.DataFrame({"ds": china, "y": [1.0, 2, 3, 4]}))
    assert panel.form.zone == "+08:00"
    assert panel.series[0].times[0] == np.datetime64("2024-03-31T05:00:00")


def test_offsets_in_some_rows_only(folder: Folder) -> None:
    message = folder.refusal(
        daily("2024-01-01T00:00,1", "2024-01-01T01:00,2", "2024-01-01T02:00Z,3")
    )
    assert message == (
        "sales.csv, row 4, column ds: '2024-01-01T02:00Z' has an offset from UTC, the rows before have none; "
        "expected an offset in every row or in none"
    )


def test_rows_can_be_counted_instead_of_timed(folder: Folder) -> None:
    # Trading days: holidays make gaps that mean nothing.
    rows = daily("2024-01-08,4", "2024-01-02,1", "2024-01-04,2", "2024-01-05,3")
    panel = folder.read(rows, freq="step")
    assert panel.freq is None
    assert panel.series[0].target.tolist() == [1, 2, 3, 4]
    assert panel.series[0].times.tolist() == [0, 1, 2, 3]
    assert folder.refusal(daily("2024-01-02,1", "2024-01-02,2"), freq="step").startswith(
        "sales.csv, row 3, column ds: 2024-01-02 is there twice"
    )


def test_a_frequency_without_times(folder: Folder) -> None:
    assert folder.refusal("y\n1\n2\n", freq="h").startswith(
        "sales.csv: there is no column of times, and rows without times are not hourly; expected times for freq='h'"
    )
    assert folder.refusal(daily("1,1", "2,2"), freq="h") == (
        "sales.csv, column ds: the column holds numbers, and numbers are not hourly; expected dates; "
        'leave the frequency out, or say freq="step" (--freq step) to count rows'
    )


def test_a_column_that_cannot_hold_times() -> None:
    message = refusal({"ds": [[1], [2]], "y": [1.0, 2.0]}, Columns(time="ds"))
    assert message.startswith(
        "dict, column ds: a column of List(Int64) holds no times; expected a date"
    )


def test_a_missing_time_in_a_frame() -> None:
    frame = pd.DataFrame({"ds": pd.to_datetime([DAYS[0], None, DAYS[2]]), "y": [1.0, 2.0, 3.0]})
    assert refusal(frame).startswith(
        "dataframe, row 1, column ds: the time is missing; expected a date"
    )
