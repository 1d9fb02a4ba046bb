"""New rows are read as those a model was fitted on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.data.tables_of import DAYS, Folder, daily
from unrolled.data.columns import Columns
from unrolled.data.form import Form
from unrolled.data.series import read_panel
from unrolled.errors import OptionError


def saved(form: Form) -> Form:
    """Return the form as it comes back from a JSON file."""
    return Form.from_dict(json.loads(json.dumps(form.to_dict())))


def test_a_form_survives_json(folder: Folder) -> None:
    rows = [
        f"{shop},{day}T00:00+08:00,{k},{k * 2},{shop}"
        for shop in "ab"
        for k, day in enumerate(DAYS)
    ]
    panel = folder.read(
        daily(*rows, header="shop,when,sales,price,region"),
        columns={"id": "shop", "known": "price", "static": "region", "target": "sales"},
    )
    assert saved(panel.form) == panel.form
    assert panel.form == Form(
        Columns("shop", "when", ("sales",), ("price",), (), ("region",)),
        freq="D", zone="local", categories={"region": ("a", "b")},
    )  # fmt: skip


def test_new_rows_are_read_by_the_columns_and_the_frequency_of_the_model(folder: Folder) -> None:
    form = folder.read(daily(*[f"{d},{k},{k}" for k, d in enumerate(DAYS)], header="day,sales,rain"),
                       columns={"target": "sales"}).form  # fmt: skip
    # By itself this table could not be told: two columns of numbers, one row, no frequency to be seen.
    panel = folder.read("rain,sales,day\n1,2,2024-02-01\n", like=saved(form))
    assert panel.freq is not None
    assert panel.freq.name == "daily"
    assert panel.targets == ("sales",)
    assert panel.series[0].target.tolist() == [2]
    two_rows = "rain,sales,day\n1,2,2024-02-01\n1,3,2024-02-02\n"
    panel = folder.read(two_rows, columns={"target": "sales", "time": "day"}, freq="D")
    assert panel.series[0].target.tolist() == [2, 3]


def test_columns_can_be_named_anew(folder: Folder) -> None:
    form = folder.read(daily(*[f"{d},{k}" for k, d in enumerate(DAYS)])).form
    panel = folder.read("date,y\n2024-02-01,2\n", columns={"time": "date", "known": ()}, like=form)
    assert panel.form.columns.time == "date"
    with pytest.raises(OptionError, match=r"there is no column 'ds' \(time\)"):
        folder.read("date,y\n2024-02-01,2\n", like=form)


def test_a_constant_series_can_be_forecast_by_a_model(folder: Folder) -> None:
    form = folder.read(daily(*[f"{d},{k}" for k, d in enumerate(DAYS)])).form
    assert len(folder.read(daily("2024-02-01,2", "2024-02-02,2"), like=form)) == 1


def test_the_frequency_of_the_model_is_held(folder: Folder) -> None:
    form = folder.read(daily(*[f"{d},{k}" for k, d in enumerate(DAYS)])).form
    hours = daily("2024-01-01 00:00,1", "2024-01-01 01:00,2")
    assert "is out of step" in folder.refusal(hours, like=form)
    assert "the column holds numbers, and numbers are not daily" in folder.refusal(
        daily("1,1", "2,2"), like=form
    )
    steps = folder.read(daily("10,1", "20,2", "30,3")).form
    assert folder.read(daily("50,2"), like=saved(steps)).form.number_step == 10
    assert "the column holds dates, and dates are not numbered" in folder.refusal(hours, like=steps)


def test_counted_rows_are_counted_again(folder: Folder) -> None:
    rows = daily("2024-01-02,1", "2024-01-04,2", "2024-01-05,3")
    form = saved(folder.read(rows, freq="step").form)
    assert form.freq == "step"
    assert folder.read(rows, like=form).series[0].times.tolist() == [0, 1, 2]
    alone = saved(folder.read("y\n1\n2\n").form)
    assert folder.read("y\n3\n3\n", like=alone).series[0].times.tolist() == [0, 1]


def test_times_are_turned_into_the_zone_of_the_model(folder: Folder) -> None:
    form = folder.read(daily(*[f"2024-01-01T0{h}:00+08:00,{h}" for h in range(4)])).form
    assert form.zone == "+08:00"
    panel = folder.read(daily("2024-01-01T00:00Z,1", "2024-01-01T01:00Z,2"), like=saved(form))
    assert panel.series[0].times[0] == np.datetime64("2024-01-01T08:00:00")
    # Times without an offset are the clock's of that zone.
    panel = folder.read(daily("2024-01-01T00:00,1", "2024-01-01T01:00,2"), like=form)
    assert panel.series[0].times[0] == np.datetime64("2024-01-01T00:00:00")
    assert panel.form.zone == "+08:00"


def test_an_offset_that_the_model_knows_nothing_of(folder: Folder) -> None:
    form = folder.read(daily(*[f"2024-01-01T0{h}:00,{h}" for h in range(4)])).form
    assert folder.refusal(
        daily("2024-01-02T00:00+08:00,1", "2024-01-02T01:00+08:00,1"), like=form
    ) == (
        "sales.csv, column ds: the times have an offset from UTC, those that the model was fitted on had none; "
        "write them as local times without the offset"
    )


def test_categories_of_the_model(folder: Folder) -> None:
    def shops(*regions: str) -> str:
        rows = [f"{k}{r},{d},{i},{r}" for k, r in enumerate(regions) for i, d in enumerate(DAYS)]
        return daily(*rows, header="unique_id,ds,y,region")

    form = saved(folder.read(shops("2", "x", "y"), columns={"static": "region"}).form)
    panel = folder.read(shops("2"), like=form)
    assert panel.static_names == ("region=2", "region=x", "region=y")
    assert panel.series[0].static.tolist() == [1, 0, 0]
    assert folder.refusal(shops("2", "west"), like=form) == (
        "sales.csv, column region: the model was fitted without the category 'west'; expected one of 2, x, y; "
        "leave these series out, or fit again with them"
    )


def test_the_demo_file_of_the_package_is_read_with_its_gaps(tmp_path: Path) -> None:
    from unrolled.data.examples import melbourne_temperature

    panel = read_panel(melbourne_temperature(), missing="mask")
    assert panel.freq is not None
    assert panel.freq.name == "daily"
    assert len(panel.series[0]) == 3652
    assert np.isnan(panel.series[0].target).sum() == 2
