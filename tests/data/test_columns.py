"""Which column is what: by name, by the usual names, or by what is left; and columns that cannot be told."""

from __future__ import annotations

import pytest

from tests.data.tables_of import DAYS, Folder
from unrolled.data.columns import Columns
from unrolled.data.series import Panel
from unrolled.errors import OptionError


def table(header: str, *, series: str = "") -> str:
    """Return a CSV file whose columns hold what their names say: dates, texts or numbers."""
    names = header.split(",")
    kinds = {"word": "north", "note": "fine"}
    rows = []
    for k, day in enumerate(DAYS):
        cells = []
        for number, name in enumerate(names):
            if name.lower() in (
                "ds",
                "timestamp",
                "date",
                "time",
                "datetime",
                "month",
                "日期",
                "when",
                "day",
            ):
                cells.append(day)
            elif name.lower() in ("unique_id", "item_id", "series", "series_id", "shop"):
                cells.append(series or "a")
            else:
                cells.append(kinds.get(name, str(k + number)))
        rows.append(",".join(cells))
    return "\n".join([header, *rows]) + "\n"


def roles(panel: Panel) -> tuple[str | None, str | None, tuple[str, ...]]:
    return panel.form.columns.id, panel.form.columns.time, panel.targets


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("unique_id,ds,y", ("unique_id", "ds", ("y",))),
        ("item_id,timestamp,target", ("item_id", "timestamp", ("target",))),
        ("y,ds,unique_id", ("unique_id", "ds", ("y",))),
        ("Date,Value", (None, "Date", ("Value",))),
        ("TIME,Y", (None, "TIME", ("Y",))),
        ("datetime,load", (None, "datetime", ("load",))),
        ("month,sales", (None, "month", ("sales",))),
        ("日期,销量", (None, "日期", ("销量",))),
        ("when,sales", (None, "when", ("sales",))),
        ("word,when,sales", (None, "when", ("sales",))),
        ("series,date,x", ("series", "date", ("x",))),
        # The names of a format come before words that may mean something else.
        ("unique_id,series,ds,y", ("unique_id", "ds", ("y",))),
        ("ds,date,y,value", (None, "ds", ("y",))),
        ("ds,y,temperature", (None, "ds", ("y",))),
        # An id that is different in every row numbers the rows.
        ("id,ds,y", (None, "ds", ("y",))),
        ("sales", (None, None, ("sales",))),
    ],
)
def test_usual_names(folder: Folder, header: str, found: tuple[object, ...]) -> None:
    assert roles(folder.read(table(header))) == found


def test_what_is_named_is_taken(folder: Folder) -> None:
    panel = folder.read(
        table("shop,when,ds,sales,price,note"),
        columns={"id": "shop", "time": "when", "target": "sales"},
    )
    assert roles(panel) == ("shop", "when", ("sales",))
    assert panel.series[0].group == "a"
    assert folder.notes(panel) == ["sales.csv: columns not used: ds, price, note"]


@pytest.mark.parametrize("names", ["price, sales", ("price", "sales"), ["price", "sales"]])
def test_several_targets(folder: Folder, names: object) -> None:
    panel = folder.read(table("ds,sales,price,rain"), columns={"target": names})
    assert panel.targets == ("price", "sales")
    assert [(s.id, s.group, s.target_name) for s in panel.series] == [
        ("price", "", "price"), ("sales", "", "sales"),
    ]  # fmt: skip
    assert panel.series[0].target.tolist() == [2, 3, 4, 5, 6]


def test_several_targets_of_several_series(folder: Folder) -> None:
    text = table("unique_id,ds,y,z") + table("unique_id,ds,y,z", series="b").partition("\n")[2]
    panel = folder.read(text, columns={"target": "y,z"})
    assert [s.id for s in panel.series] == ["a/y", "a/z", "b/y", "b/z"]
    assert [s.group for s in panel.series] == ["a", "a", "b", "b"]


def test_one_target_has_the_name_of_its_series(folder: Folder) -> None:
    panel = folder.read(table("unique_id,ds,y"))
    assert (panel.series[0].id, panel.series[0].group, panel.series[0].target_name) == (
        "a",
        "a",
        "y",
    )
    assert folder.read(table("ds,y")).series[0].id == "y"


def test_all_columns_of_numbers(folder: Folder) -> None:
    panel = folder.read(table("date,HUFL,y,note,OT"), columns={"target": "all"})
    assert panel.targets == ("HUFL", "y", "OT")
    panel = folder.read(table("date,HUFL,OT,price"), columns={"target": "all", "past": "price"})
    assert panel.targets == ("HUFL", "OT")
    assert panel.past_names == ("price",)
    # A column may really be called so.
    assert folder.read(table("date,all,x"), columns={"target": "all"}).targets == ("all",)


def test_a_name_may_hold_a_comma(folder: Folder) -> None:
    rows = "".join(f"{day},{k}.5,{k}\n" for k, day in enumerate(DAYS))
    panel = folder.read('ds,"T (degC), max",x\n' + rows, columns={"target": "T (degC), max"})
    assert panel.targets == ("T (degC), max",)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "ds,sales,price",
            (
                "which column is the target cannot be told: sales, price could be; expected a column called y or target, or "
                'one of numbers; name it: target="sales" (--target sales), or all: target="all" (--target all)'
            ),
        ),
        ("ds,y,target", "which column is the target cannot be told: y, target could be"),
        (
            "date,time,y",
            (
                "which column is the time cannot be told: date, time could be; expected one time column; "
                'name it: time="date" (--time date)'
            ),
        ),
        (
            "unique_id,item_id,ds,y",
            "which column is the id cannot be told: unique_id, item_id could be",
        ),
        (
            "ds,note,word",
            (
                "there is no column of numbers to forecast; expected a column called y or target, "
                'or one of numbers; name it: target="NAME" (--target NAME)'
            ),
        ),
    ],
)
def test_a_column_that_cannot_be_told(folder: Folder, header: str, message: str) -> None:
    assert folder.refusal(table(header)).startswith(f"sales.csv: {message}")


def test_two_columns_of_dates(folder: Folder) -> None:
    text = "opened,closed,y\n2024-01-01,2024-01-05,1\n2024-01-02,2024-01-06,2\n"
    message = folder.refusal(text)
    assert message.startswith(
        "sales.csv: which column is the time cannot be told: opened, closed could be"
    )


def test_the_only_column_left_is_the_target_even_as_text(folder: Folder) -> None:
    assert folder.refusal("ds,sales\n2024-01-01,1 kg\n2024-01-02,2 kg\n").startswith(
        "sales.csv, row 2, column sales: '1 kg' is text, not a number"
    )


@pytest.mark.parametrize("role", ["id", "time", "target", "known", "past", "static"])
def test_a_name_that_does_not_exist(folder: Folder, role: str) -> None:
    with pytest.raises(OptionError) as caught:
        folder.read(table("unique_id,ds,y,price"), columns={role: "prise"})
    assert str(caught.value).endswith(
        f"sales.csv: there is no column 'prise' ({role}); expected one of unique_id, ds, y, price; did you mean 'price'?"
    )


def test_a_column_named_twice(folder: Folder) -> None:
    message = folder.refusal(table("ds,y,price"), columns={"known": "price", "past": "price"})
    assert message == (
        "sales.csv: the column 'price' is named as known and as past; expected one use of each column"
    )
    assert "id='a,b'; expected one column" in folder.refusal(
        table("a,b,ds,y"), columns={"id": "a,b"}
    )


def test_columns_are_values() -> None:
    assert Columns(time="ds") == Columns(time="ds")
    assert hash(Columns(known=("a",))) == hash(Columns(known=("a",)))
