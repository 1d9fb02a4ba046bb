"""What lies in memory is read as files are: dataframes of several kinds, dicts, lists, arrays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.data.tables_of import DAYS, refusal
from unrolled.data.series import Columns, Panel, read_panel

VALUES = [1.0, 2.5, 4.0, 3.0, 2.0]


def polars_frame() -> pl.DataFrame:
    return pl.DataFrame({"ds": DAYS, "y": VALUES}).with_columns(pl.col("ds").str.to_date())


def indexed(index: Any) -> pd.DataFrame:
    return pd.DataFrame({"sales": VALUES}, index=index)


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"ds": DAYS, "y": VALUES},
        lambda: {"ds": np.array(DAYS, dtype="datetime64[D]"), "y": np.array(VALUES)},
        lambda: {"ds": DAYS, "y": [1, 2.5, 4, 3, 2]},
        lambda: {"ds": [dt.date.fromisoformat(d) for d in DAYS], "y": [Decimal(str(v)) for v in VALUES]},
        lambda: [{"ds": d, "y": v} for d, v in zip(DAYS, VALUES, strict=True)],
        polars_frame,
        lambda: polars_frame().lazy(),
        lambda: polars_frame().to_arrow(),
        lambda: pa.table({"ds": DAYS, "y": VALUES}),
        lambda: polars_frame().to_pandas(),
        lambda: pd.DataFrame({"ds": DAYS, "y": VALUES}),
        lambda: pd.DataFrame({"ds": pd.to_datetime(DAYS), "y": VALUES}, index=[4, 3, 2, 1, 0]),
        lambda: pd.DataFrame({"ds": pd.Categorical(DAYS), "y": VALUES}),
        lambda: pd.DataFrame({"ds": pd.period_range(DAYS[0], periods=5, freq="D"), "y": VALUES}),
        lambda: indexed(pd.DatetimeIndex(DAYS)),
        lambda: indexed(pd.DatetimeIndex(DAYS, name="day")),
        lambda: indexed(pd.period_range(DAYS[0], periods=5, freq="D")),
        lambda: indexed(pd.DatetimeIndex(DAYS))["sales"],
        lambda: pd.Series(VALUES, index=pd.DatetimeIndex(DAYS)),
    ],
)  # fmt: skip
def test_every_frame_holds_the_same_panel(make: Callable[[], Any]) -> None:
    panel = read_panel(make())
    assert panel.freq is not None
    assert panel.freq.name == "daily"
    assert panel.series[0].times.astype("datetime64[D]").astype(str).tolist() == DAYS
    assert panel.series[0].target.tolist() == VALUES
    assert panel.notes == ()


@pytest.mark.parametrize(
    "values", [VALUES, tuple(VALUES), np.array(VALUES), pd.Series(VALUES), pl.Series("y", VALUES)]
)
def test_numbers_alone_are_counted(values: Any) -> None:
    panel = read_panel(values)
    assert panel.freq is None
    assert panel.series[0].times.tolist() == [0, 1, 2, 3, 4]
    assert panel.series[0].target.tolist() == VALUES


def test_a_series_keeps_its_name() -> None:
    assert read_panel(pd.Series(VALUES, name="sales")).targets == ("sales",)
    assert read_panel(pl.Series("sales", VALUES)).targets == ("sales",)
    assert read_panel(pd.Series(VALUES)).targets == ("value",)


def test_an_array_of_two_dimensions_is_wide() -> None:
    panel = read_panel(np.array([[1, 2], [3, 5], [4, 4]]), Columns(target="all"))
    assert [series.target.tolist() for series in panel.series] == [[1, 3, 4], [2, 5, 4]]
    assert "an array of shape (1, 1, 1); expected (steps,)" in refusal(np.zeros((1, 1, 1)))


def test_a_frame_is_not_changed() -> None:
    frame = pd.DataFrame({"unique_id": ["a"] * 3, "ds": DAYS[2::-1], "y": [1.0, 2.0, 4.0]})
    before = frame.copy()
    read_panel(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_rows_of_a_frame_are_counted_from_0() -> None:
    frame = polars_frame().with_columns(y=pl.Series([1.0, 2.0, float("inf"), 3.0, 4.0]))
    assert refusal(frame).startswith("dataframe, row 2, column y: the value is infinite (inf)")
    assert refusal([{"ds": d, "y": None} for d in DAYS]).startswith(
        "list of dicts, row 0, column y"
    )


def test_nan_and_null_are_both_missing() -> None:
    expected = "dataframe, row 2, column y: the value is missing"
    assert refusal(pd.DataFrame({"ds": DAYS, "y": [1, 2, np.nan, 3, 4]})).startswith(expected)
    assert refusal(pl.DataFrame({"ds": DAYS, "y": [1, 2, None, 3, 4]})).startswith(expected)
    assert refusal(pl.DataFrame({"ds": DAYS, "y": [1.0, 2, float("nan"), 3, 4]})).startswith(
        expected
    )


def test_a_key_that_a_dict_lacks_is_missing() -> None:
    rows = [{"ds": DAYS[0], "y": 1.0}, {"ds": DAYS[1]}, {"ds": DAYS[2], "y": 2.0}]
    assert refusal(rows).startswith("list of dicts, row 1, column y: the value is missing")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, dict])
def test_a_column_of_numbers_as_text(make: Callable[[Any], Any]) -> None:
    name = "dict" if make is dict else "dataframe"
    assert refusal(make({"ds": DAYS, "y": [str(v) for v in VALUES]})) == (
        f"{name}, row 0, column y: '1.0' is a number written as text, and so in the whole column; expected a column of "
        "numbers; convert the column to numbers (astype(float), cast(Float64), no quotes in JSON)"
    )


@pytest.mark.parametrize("make", [pd.DataFrame, dict])
def test_text_among_numbers_is_named(make: Callable[[Any], Any]) -> None:
    name = "dict" if make is dict else "dataframe"
    assert refusal(make({"ds": DAYS, "y": [1, 2.5, "3 kg", 4, 5]})) == (
        f"{name}, row 2, column y: '3 kg' is text, not a number; expected a number as 1234.5; "
        "leave only the number in the cell"
    )


def test_a_target_of_another_kind() -> None:
    frame = pl.DataFrame({"ds": DAYS, "y": [[1.0]] * 5})
    message = refusal(frame, Columns(target="y"))
    assert message.startswith("dataframe, column y: a column of List(Float64) holds no numbers")


def test_a_pandas_name_that_two_columns_have() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["y", "y"])
    assert refusal(frame).startswith(
        "dataframe: the column 'y' is there 2 times; expected different"
    )


def test_columns_of_different_lengths() -> None:
    assert refusal({"ds": DAYS, "y": [1.0]}) == (
        "dict: the column 'y' has 1 values, 'ds' has 5; expected columns of one length"
    )


@pytest.mark.parametrize("source", [[], {}, {"ds": [], "y": []}, pd.DataFrame(), np.zeros(0)])
def test_nothing(source: Any) -> None:
    assert refusal(source).endswith("the table has no rows; give one with rows")


def test_what_is_no_table() -> None:
    assert refusal(5) == (
        "a table cannot be read from an object of type int; "
        "expected a path, a dataframe, a dict of columns, a list of dicts or a list of numbers"
    )


def test_numbers_that_are_not_dicts_among_dicts() -> None:
    assert refusal([{"y": 1}, 2]).startswith(
        "list of dicts, row 1: this row is 2; expected an object"
    )


def test_pandas_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow polars refuses pandas' text columns; they are then taken value by value."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise ImportError("pyarrow is required")

    monkeypatch.setattr("narwhals.Series.to_polars", refuse)
    frame = pd.DataFrame({"unique_id": ["a"] * 5, "ds": pd.to_datetime(DAYS), "y": VALUES})
    panel: Panel = read_panel(frame)
    assert panel.series[0].target.tolist() == VALUES
    assert panel.series[0].times.astype("datetime64[D]").astype(str).tolist() == DAYS
