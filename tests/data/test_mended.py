"""What is mended instead of refused, each with one line that says so; and what is masked when the user says it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.data.tables_of import DAYS, Folder, daily, refusal
from unrolled.data.series import read_panel


def test_rows_out_of_order_are_sorted(folder: Folder) -> None:
    panel = folder.read(daily("2024-01-02,2", "2024-01-04,4", "2024-01-03,3", "2024-01-01,1"))
    assert panel.series[0].target.tolist() == [1, 2, 3, 4]
    assert panel.series[0].times[0] == np.datetime64("2024-01-01T00:00:00")
    assert folder.notes(panel) == [
        "sales.csv: rows were not in order of time (first row 4); sorted"
    ]


def test_series_that_take_turns_are_in_order(folder: Folder) -> None:
    rows = [f"{name},{day},{k}" for k, day in enumerate(DAYS) for name in ("b", "a")]
    panel = folder.read(daily(*rows, header="unique_id,ds,y"))
    assert [series.id for series in panel.series] == ["b", "a"]
    assert panel.series[1].target.tolist() == [0, 1, 2, 3, 4]
    assert panel.notes == ()


def test_constant_and_short_series_are_kept_aside(folder: Folder) -> None:
    rows = [
        f"{name},{day},{k if name == 'moving' else 7}"
        for name in ("moving", "still")
        for k, day in enumerate(DAYS)
    ]
    rows += ["short,2024-01-01,1", "short,2024-01-02,2"]
    panel = folder.read(daily(*rows, header="unique_id,ds,y"), minimum_length=3)
    assert [series.id for series in panel.series] == ["moving"]
    assert folder.notes(panel) == [
        "sales.csv: kept aside: 2 series 'still' (constant at 7), 'short' (2 rows, fewer than 3)"
    ]


def test_many_series_kept_aside_are_counted(folder: Folder) -> None:
    rows = [f"s{k},{day},{i if k == 0 else 1}" for k in range(26) for i, day in enumerate(DAYS)]
    panel = folder.read(daily(*rows, header="unique_id,ds,y"))
    note = panel.notes[0]
    assert "kept aside: 25 series 's1' (constant at 1), " in note
    assert note.endswith("'s20' (constant at 1) and 5 more")


def test_one_constant_target_of_several_is_kept_aside(folder: Folder) -> None:
    rows = [f"{day},{k},1" for k, day in enumerate(DAYS)]
    panel = folder.read(daily(*rows, header="ds,a,b"), columns={"target": "all"})
    assert [series.id for series in panel.series] == ["a"]
    assert folder.notes(panel) == ["sales.csv: kept aside: series 'b' (constant at 1)"]


def test_missing_values_are_masked_when_the_user_says_so(folder: Folder) -> None:
    panel = folder.read(daily("2024-01-01,1", "2024-01-02,", "2024-01-03,3"), missing="mask")
    np.testing.assert_array_equal(panel.series[0].target, [1, np.nan, 3])
    assert folder.notes(panel) == [
        "sales.csv: 1 missing values and 0 missing rows are taken as not observed"
    ]


def test_gaps_are_masked_when_the_user_says_so(folder: Folder) -> None:
    rows = [
        f"{name},2024-01-0{day},{day},{day * 10}"
        for name in ("a", "b")
        for day in (1, 2, 3, 6)
        if (name, day) != ("b", 2)
    ]
    panel = folder.read(
        daily(*rows, header="unique_id,ds,y,price"), missing="mask", columns={"past": "price"}
    )
    a, b = panel.series
    np.testing.assert_array_equal(a.target, [1, 2, 3, np.nan, np.nan, 6])
    np.testing.assert_array_equal(a.past[:, 0], [10, 20, 30, np.nan, np.nan, 60])
    np.testing.assert_array_equal(b.target, [1, np.nan, 3, np.nan, np.nan, 6])
    assert b.times.astype("datetime64[D]").astype(str).tolist() == [
        f"2024-01-0{d}" for d in range(1, 7)
    ]
    assert folder.notes(panel) == [
        "sales.csv: 0 missing values and 5 missing rows are taken as not observed"
    ]


def test_gaps_of_months_and_steps_are_filled_with_their_times(folder: Folder) -> None:
    months = folder.read(
        daily("2023-12-31,1", "2024-01-31,2", "2024-04-30,3"), missing="mask", freq="M"
    )
    assert months.series[0].times.astype("datetime64[D]").astype(str).tolist() == [
        "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30",
    ]  # fmt: skip
    steps = folder.read(daily("10,1", "20,2", "30,3", "60,4"), missing="mask")
    assert steps.series[0].times.tolist() == [10, 20, 30, 40, 50, 60]
    np.testing.assert_array_equal(steps.series[0].target, [1, 2, 3, np.nan, np.nan, 4])


def test_a_series_never_observed_is_kept_aside(folder: Folder) -> None:
    rows = [f"a,{day},{k}" for k, day in enumerate(DAYS)] + [f"b,{day}," for day in DAYS]
    panel = folder.read(daily(*rows, header="unique_id,ds,y"), missing="mask")
    assert [series.id for series in panel.series] == ["a"]
    assert "series 'b' (without any value)" in panel.notes[-1]


def test_rows_after_the_last_target_are_the_known_future(folder: Folder) -> None:
    rows = ["a,2024-01-01,1,10,7", "a,2024-01-02,2,20,8", "a,2024-01-03,,30,", "a,2024-01-04,,40,",
            "b,2024-01-01,1,50,9", "b,2024-01-02,3,60,9"]  # fmt: skip
    panel = folder.read(
        daily(*rows, header="unique_id,ds,y,price,rain"), columns={"known": "price", "past": "rain"}
    )
    a, b = panel.series
    assert a.target.tolist() == [1, 2]
    assert a.times.astype("datetime64[D]").astype(str).tolist() == ["2024-01-01", "2024-01-02"]
    assert (a.known.tolist(), a.past.tolist()) == ([[10], [20]], [[7], [8]])
    assert a.future_known.tolist() == [[30], [40]]
    assert b.future_known.shape == (0, 1)
    assert folder.notes(panel) == [
        "sales.csv: 2 rows without a target, at the end of series, are their known future"
    ]
    assert panel.next_times(a, 2).astype("datetime64[D]").astype(str).tolist() == [
        "2024-01-03",
        "2024-01-04",
    ]


def test_nothing_but_the_known_future(folder: Folder) -> None:
    rows = daily("2024-01-03,,30", "2024-01-04,,40", header="ds,y,price")
    assert folder.refusal(rows, columns={"known": "price"}) == (
        "sales.csv, column y: there is no row with a target, only what is known in advance; "
        "expected rows with a target before those without; give the last rows that have one, too"
    )


def test_a_hole_before_the_last_target_is_no_future(folder: Folder) -> None:
    rows = ["2024-01-01,1,10", "2024-01-02,,20", "2024-01-03,3,30", "2024-01-04,,40"]
    message = folder.refusal(daily(*rows, header="ds,y,price"), columns={"known": "price"})
    assert message.startswith("sales.csv, row 3, column y: the value is missing; expected a number")
    panel = folder.read(
        daily(*rows, header="ds,y,price"), columns={"known": "price"}, missing="mask"
    )
    np.testing.assert_array_equal(panel.series[0].target, [1, np.nan, 3])
    assert panel.series[0].future_known.tolist() == [[40]]


def test_the_future_must_be_known_and_without_gaps(folder: Folder) -> None:
    rows = ["2024-01-01,1,10", "2024-01-02,2,20", "2024-01-03,,", "2024-01-04,,40"]
    message = folder.refusal(daily(*rows, header="ds,y,price"), columns={"known": "price"})
    assert message.startswith("sales.csv, row 4, column price: the value is missing")
    rows = ["2024-01-01,1,10", "2024-01-02,2,20", "2024-01-04,,40"]
    message = folder.refusal(daily(*rows, header="ds,y,price"), columns={"known": "price"})
    assert message.startswith("sales.csv, row 4, column ds: 1 step is missing")


def test_without_known_covariates_an_empty_end_is_a_missing_value(folder: Folder) -> None:
    rows = daily("2024-01-01,1", "2024-01-02,2", "2024-01-03,")
    assert folder.refusal(rows).startswith("sales.csv, row 4, column y: the value is missing")
    assert len(folder.read(rows, missing="mask").series[0]) == 3


def test_two_targets_share_their_future(folder: Folder) -> None:
    rows = ["2024-01-01,1,5,10", "2024-01-02,2,,20", "2024-01-03,,,30"]
    columns = {"target": "y,z", "known": "price"}
    panel = folder.read(daily(*rows, header="ds,y,z,price"), columns=columns, missing="mask")
    assert [len(series) for series in panel.series] == [2]  # z has one value only: constant
    assert panel.series[0].future_known.tolist() == [[30]]


@pytest.mark.parametrize("role", ["known", "past"])
def test_covariates_are_checked_as_the_target_is(folder: Folder, role: str) -> None:
    def message(cell: str) -> str:
        rows = ["2024-01-01,1,10", f"2024-01-02,2,{cell}", "2024-01-03,3,30"]
        return folder.refusal(daily(*rows, header="ds,y,price"), columns={role: "price"})

    assert message("").startswith("sales.csv, row 3, column price: the value is missing")
    assert message("cheap").startswith(
        "sales.csv, row 3, column price: 'cheap' is text, not a number"
    )
    assert message("inf").startswith("sales.csv, row 3, column price: the value is infinite")


def test_covariates_keep_their_order_and_truth_is_a_number() -> None:
    frame = {
        "ds": DAYS,
        "y": [1.0, 2, 3, 4, 5],
        "b": [True, False] * 2 + [True],
        "a": [5, 4, 3, 2, 1],
    }
    from unrolled.data.series import Columns

    panel = read_panel(frame, Columns(known=("b", "a")))
    assert panel.known_names == ("b", "a")
    assert panel.series[0].known.tolist() == [[1, 5], [0, 4], [1, 3], [0, 2], [1, 1]]


def test_constant_in_memory_is_refused_too() -> None:
    assert "is constant at 2" in refusal({"ds": DAYS, "y": [2.0] * 5})
