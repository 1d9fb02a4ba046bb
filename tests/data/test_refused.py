"""Every input that would make a silent mess is refused with one line: where it is, what is wrong, what to do."""

from __future__ import annotations

import pytest

from tests.data.tables_of import DAYS, Folder, daily
from unrolled.data.series import read_panel
from unrolled.errors import InputError, OptionError

PANEL = (
    "unique_id,ds,y\n"
    "a,2024-01-01,1\na,2024-01-02,2\na,2024-01-03,3\n"
    "b,2024-01-01,4\nb,2024-01-02,5\nb,2024-01-03,6.5\n"
)  # fmt: skip


@pytest.mark.parametrize("missing", ["", "NaN", "nan", "NA", "n/a", "null", "None", "?", "-", " "])
def test_missing_value(folder: Folder, missing: str) -> None:
    message = folder.refusal(PANEL.replace("4\n", f"{missing}\n"))
    assert message == (
        "sales.csv, row 5, column y: the value is missing; expected a number; "
        'say missing="mask" (--missing mask) to take what is missing as not observed, or remove the row'
    )


def test_the_first_of_several_missing_values_is_named(folder: Folder) -> None:
    message = folder.refusal(PANEL.replace(",2\n", ",\n").replace("6.5", ""))
    assert message.startswith(
        "sales.csv, row 3, column y: the value is missing (the first of 2 missing values); expected a number"
    )


@pytest.mark.parametrize("infinite", ["inf", "-inf", "Infinity"])
@pytest.mark.parametrize("missing", ["error", "mask"])
def test_infinite_value(folder: Folder, infinite: str, missing: str) -> None:
    message = folder.refusal(PANEL.replace(",4", f",{infinite}"), missing=missing)
    assert message == (
        f"sales.csv, row 5, column y: the value is infinite ({infinite}); expected a finite number; "
        "correct it, or leave it empty for a missing value"
    )


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("12 kg", "leave only the number in the cell"),
        ("$12", "leave only the number in the cell"),
        ("12%", "leave only the number in the cell"),
        ("closed", "correct it, or leave it empty for a missing value"),
        ("12 345", "take the signs between the thousands out"),
        ("1,234,567.5", "take the signs between the thousands out"),
        ("12,5", "write the decimal point as a point"),
        ("1.234,5", "write the decimal point as a point"),
        ("1_000", "leave only the number in the cell"),
        ("0x1F", "leave only the number in the cell"),
    ],
)
def test_number_that_is_text(folder: Folder, text: str, fix: str) -> None:
    rows = ["2024-01-01;1", "2024-01-02;2", f"2024-01-03;{text}", "2024-01-04;3"]
    for missing in ("error", "mask"):
        assert folder.refusal(daily(*rows, header="ds;y"), missing=missing) == (
            f"sales.csv, row 4, column y: {text!r} is text, not a number; expected a number as 1234.5; {fix}"
        )


def test_numbers_in_every_usual_form_are_read(folder: Folder) -> None:
    rows = [
        f"{day},{text}" for day, text in zip(DAYS, ["1", " +2.5", "-3e2", ".5", "7."], strict=True)
    ]
    assert folder.read(daily(*rows)).series[0].target.tolist() == [1, 2.5, -300, 0.5, 7]


def test_gap(folder: Folder) -> None:
    rows = [f"2024-01-0{day},{day}" for day in (1, 2, 3, 6, 7, 9)]
    assert folder.refusal(daily(*rows)) == (
        "sales.csv, row 5, column ds: 2 steps are missing between 2024-01-03 (row 4) and 2024-01-06 "
        "(the first of 2 gaps); expected rows that are daily, without a gap; "
        'say missing="mask" (--missing mask) to take what is missing as not observed, '
        'or freq="step" (--freq step) to count rows instead of time'
    )


def test_gap_in_one_series_of_several(folder: Folder) -> None:
    message = folder.refusal(PANEL.replace("b,2024-01-02,5\n", "") + "b,2024-01-04,7\n")
    assert message.startswith(
        "sales.csv, row 6, column ds: 1 step is missing in series 'b' between 2024-01-01 (row 5) and 2024-01-03; "
    )


def test_gap_is_named_by_its_row_in_the_file_when_rows_are_not_in_order(folder: Folder) -> None:
    message = folder.refusal(daily("2024-01-05,5", "2024-01-02,2", "2024-01-03,3", "2024-01-01,1"))
    assert (
        "row 2, column ds: 1 step is missing between 2024-01-03 (row 4) and 2024-01-05" in message
    )


def test_duplicate_dates(folder: Folder) -> None:
    message = folder.refusal(PANEL + "b,2024-01-02,9\n")
    assert message == (
        "sales.csv, row 8, column ds: 2024-01-02 is there twice in series 'b': in row 6 and row 8; "
        "expected different times; keep one of them"
    )


@pytest.mark.parametrize("names", ["ab", "12"])
def test_duplicate_dates_of_series_that_nothing_tells_apart(folder: Folder, names: str) -> None:
    text = (
        PANEL.replace("unique_id", "shop")
        .replace("a,", f"{names[0]},")
        .replace("b,", f"{names[1]},")
    )
    assert folder.refusal(text, columns={"target": "y"}) == (
        "sales.csv, row 5, column ds: 2024-01-01 is there twice: in row 2 and row 5; expected different times; "
        'keep one of them, or name the column that tells series apart: id="shop" (--id shop)'
    )


def test_duplicate_dates_do_not_make_a_name_of_what_is_none(folder: Folder) -> None:
    message = folder.refusal(
        "ds,y,price\n2024-01-01,1,5\n2024-01-01,2,6\n", columns={"target": "y"}
    )
    assert message.endswith("in row 2 and row 3; expected different times; keep one of them")


def test_spaces_around_a_name_are_no_part_of_it(folder: Folder) -> None:
    assert len(folder.read(PANEL.replace("b,2024-01-02", "b ,2024-01-02"))) == 2


def test_equal_times_written_in_two_ways_are_duplicates(folder: Folder) -> None:
    message = folder.refusal(daily("2024-01-01,1", "2024-01-01 00:00,2", "2024-01-02,3"))
    assert "2024-01-01 is there twice: in row 2 and row 3" in message


@pytest.mark.parametrize("missing", ["error", "mask"])
def test_frequency_coarser_than_the_rows(folder: Folder, missing: str) -> None:
    rows = [f"2024-01-01 0{hour}:00,{hour}" for hour in range(4)]
    assert folder.refusal(daily(*rows), freq="D", missing=missing) == (
        "sales.csv, row 3, column ds: 2024-01-01 01:00 is out of step after 2024-01-01 (row 2); "
        'expected rows that are daily; freq="h" (--freq h), as the rows are hourly'
    )


@pytest.mark.parametrize("missing", ["error", "mask"])
def test_frequency_finer_than_the_rows(folder: Folder, missing: str) -> None:
    rows = [f"2024-01-0{day},{day}" for day in range(1, 5)]
    assert folder.refusal(daily(*rows), freq="h", missing=missing) == (
        "sales.csv, column ds: no two rows are hourly: the closest are 24 steps apart; expected rows that are hourly; "
        'freq="D" (--freq D), as the rows are daily'
    )


def test_weekends_under_a_business_frequency(folder: Folder) -> None:
    rows = [f"2024-01-0{day},{day}" for day in range(4, 9)]
    message = folder.refusal(daily(*rows), freq="B")
    assert message.startswith(
        "sales.csv, row 4, column ds: 2024-01-06 is out of step after 2024-01-05 (row 3)"
    )
    assert message.endswith('freq="D" (--freq D), as the rows are daily')


def test_weekdays_under_a_daily_frequency(folder: Folder) -> None:
    rows = [f"2024-01-{day:02},{day}" for day in (1, 2, 3, 4, 5, 8, 9, 10)]
    message = folder.refusal(daily(*rows), freq="D")
    assert "2 steps are missing between 2024-01-05 (row 6) and 2024-01-08" in message
    assert message.endswith('freq="B" (--freq B), as the rows are business daily')


def test_row_between_two_steps(folder: Folder) -> None:
    rows = [f"2024-01-01 {clock},1" for clock in ("00:00", "01:00", "02:05", "03:00", "04:00")]
    assert folder.refusal(daily(*rows)) == (
        "sales.csv, row 4, column ds: 2024-01-01 02:05 is out of step after 2024-01-01 01:00 (row 3); "
        "expected rows that are hourly; correct the time or remove the row, "
        'or freq="step" (--freq step) to count rows instead of time'
    )


def test_rows_without_any_frequency(folder: Folder) -> None:
    clocks = ("00:00", "01:00", "02:10", "04:25", "04:50", "07:03")
    assert folder.refusal(daily(*[f"2024-01-01 {clock},1" for clock in clocks])) == (
        "sales.csv, column ds: the rows are not evenly spaced: the commonest step, 25 minutes, is only 20 % of them; "
        'expected one frequency; say it: freq="D" (--freq D), or freq="step" (--freq step) to count rows instead of time'
    )


def test_one_row(folder: Folder) -> None:
    assert folder.refusal(daily("2024-01-01,1")) == (
        "sales.csv, column ds: the frequency cannot be seen: no series has two different times; "
        'say it: freq="D" (--freq D)'
    )


def test_a_year_that_was_mistyped_is_not_filled_with_millions_of_steps(folder: Folder) -> None:
    rows = [f"2024-01-01 0{hour}:00,{hour}" for hour in range(5)] + ["2204-01-01 05:00,5"]
    message = folder.refusal(daily(*rows), missing="mask")
    assert message.startswith("sales.csv, row 7, column ds: 1577")
    assert (
        "steps lie between 2024-01-01 04:00 (row 6) and 2204-01-01 05:00, too many to fill"
        in message
    )


@pytest.mark.parametrize("name", ["", "  "])
def test_series_without_a_name(folder: Folder, name: str) -> None:
    message = folder.refusal(PANEL.replace("b,2024-01-02", f"{name},2024-01-02"))
    assert message == (
        "sales.csv, row 6, column unique_id: the name of the series is missing; expected a name in every row"
    )


def test_no_series_is_long_enough(folder: Folder) -> None:
    assert folder.refusal(PANEL, minimum_length=10) == (
        "sales.csv: no series is long enough: the longest, 'a', has 3 rows; "
        "expected at least 10 (look-back + horizon); give more rows, or a shorter look-back or horizon"
    )
    assert "the longest has 3 rows" in folder.refusal(
        daily("2024-01-01,1", "2024-01-02,2", "2024-01-03,3"), minimum_length=4
    )
    assert len(folder.read(PANEL, minimum_length=3)) == 2


def test_nothing_but_constant_series(folder: Folder) -> None:
    assert folder.refusal(daily("2024-01-01,5", "2024-01-02,5", "2024-01-03,5")) == (
        "sales.csv, column y: there is nothing to forecast: series 'y' is constant at 5; expected a target that changes"
    )


def test_nothing_but_missing_values(folder: Folder) -> None:
    message = folder.refusal(daily("2024-01-01,", "2024-01-02,", "2024-01-03,"), missing="mask")
    assert message == (
        "sales.csv, column y: there is nothing to forecast: series 'y' is without any value; "
        "expected a target that changes"
    )


def test_misspelt_choice_for_missing() -> None:
    with pytest.raises(
        OptionError, match=r"missing='masc' does not exist; .*; did you mean 'mask'\?"
    ):
        read_panel("does-not-matter.csv", missing="masc")


def test_every_refusal_is_an_input_error_and_a_value_error(folder: Folder) -> None:
    with pytest.raises(ValueError, match="is text"):
        folder.read(PANEL.replace("6.5", "six"))
    assert issubclass(InputError, ValueError)
