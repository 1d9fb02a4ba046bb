"""Sequences of numbers from lists, wide tables, arrays and npz files."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.data.labelled_of import refused, write
from unrolled.data.label_columns import Request
from unrolled.data.labelled import (
    Labelled,
    LabelledForm,
    iter_labelled,
    read_labelled,
)
from unrolled.data.number_rows import NumberRows
from unrolled.data.pieces import Collector, Piece, TablePieces
from unrolled.data.tables import load_table
from unrolled.errors import InputError


def rows_of(source: Any, **options: Any) -> list[Any]:
    rows = read_labelled(source, **options)
    assert rows.form.kind == "numbers"
    return [row.tolist() for row in rows.inputs]  # type: ignore[union-attr]


def npz(folder: Path, **arrays: Any) -> Path:
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return write(folder, packed.getvalue(), "a.npz")


def test_lists_of_numbers(tmp_path: Path) -> None:
    path = write(
        tmp_path, '{"x": [1, 2.5], "y": 1}\n{"x": [3], "y": 0}\n{"x": [], "y": 0}\n', "a.jsonl"
    )
    assert rows_of(path) == [[[1], [2.5]], [[3]], []]
    assert "1 row has an empty sequence" in read_labelled(path).notes[0]
    assert rows_of({"values": [[1, 2.5], [3]], "label": [1, 0]}) == [[[1], [2.5]], [[3]]]
    two = {"signal": [[[1, 2], [3, 4]], [[5, 6]]], "label": [1, 0]}
    assert rows_of(two) == [[[1, 2], [3, 4]], [[5, 6]]]
    assert read_labelled(two).form.features == 2
    arrays = pl.DataFrame(two, schema={"signal": pl.List(pl.Array(pl.Int64, 2)), "label": pl.Int64})
    assert rows_of(arrays) == [[[1, 2], [3, 4]], [[5, 6]]]
    named = write(tmp_path, '{"wave": [1, 2], "a": [3], "label": 1}\n', "a.jsonl")
    assert rows_of(named, text="wave") == [[[1], [2]]]
    assert "which column is the text cannot be told: wave, a could be" in refused(named)


def test_lists_that_hold_something_else(tmp_path: Path) -> None:
    def message(rows: str) -> str:
        return refused(write(tmp_path, rows, "a.jsonl"))

    assert message('{"x": [1, 2], "y": 1}\n{"x": [1, NaN], "y": 1}\n') == (
        "a.jsonl, row 2, column x, step 2: the value is missing (NaN); expected a finite number; "
        "leave the step out, or put a number in its place"
    )
    assert message('{"x": [1, null], "y": 1}\n').startswith("a.jsonl, row 1, column x, step 2")
    assert "the value is inf" in message('{"x": [Infinity], "y": 1}\n')
    assert "a number that float32 can hold" in message('{"x": [1e300], "y": 1}\n')
    assert message('{"x": [[1, 2]], "y": 1}\n{"x": [[1, 2], [3]], "y": 1}\n') == (
        "a.jsonl, row 2, column x, step 2: it has 1 feature; expected 2, as in the rows before; "
        "give every step the same features"
    )
    assert "different kinds" in message('{"x": [1, "a"], "y": 1}\n{"x": [1, NaN], "y": 1}\n')


def test_wide_tables(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c,label\n1,2,3,u\n4,5,,v\n,,,v\n")
    rows = read_labelled(path)
    assert rows_of(path) == [[[1], [2], [3]], [[4], [5]], []]
    assert list(rows.labels or ()) == ["u", "v", "v"]
    assert rows.form.steps == 3
    same = read_labelled(write(tmp_path, "a,b,c\n1,2,3\n"), like=rows.form, needs_labels=False)
    assert same.labels is None
    assert refused(write(tmp_path, "a,b,c,label\n1,,3,u\n")) == (
        "a.csv, row 2, column b: the cell is empty, and the sequence goes on after it; "
        "expected a number; empty cells at the end only; fill it, or remove the row"
    )
    assert "the value is missing (nan)" in refused(write(tmp_path, "a,b,label\n1,nan,u\n"))
    assert "the value is infinite" in refused(write(tmp_path, "a,b,label\n1,inf,u\n"))
    frame = pl.DataFrame({"a": [1.0, 2.0], "b": [3.0, None], "label": [1, 2]})
    assert rows_of(frame) == [[[1], [3]], [[2]]]


def test_the_last_column_is_the_label_where_all_others_are_numbers(tmp_path: Path) -> None:
    steps = ",".join(f"t{k}" for k in range(30))
    numbers = ",".join(f"{k}.5" for k in range(30))
    lines = [f"{numbers},{kind}" for kind in ("up", "down", "up", "up")]
    rows = read_labelled(write(tmp_path, "\n".join([f"{steps},kind", *lines])))
    assert (rows.form.steps, rows.form.label) == (30, "kind")
    assert "the label is 'kind', the only column without numbers" in rows.notes[0]
    assert read_labelled(write(tmp_path, "\n".join(lines))).form.label == "column_31"
    bare = write(tmp_path, f"{steps}\n{numbers}\n")
    assert len(read_labelled(bare, like=rows.form, needs_labels=False).inputs[0]) == 30
    texts = "".join(f"1.5,2.5,text number {k}\n" for k in range(50))
    assert "cannot be told: c, a, b could be" in refused(write(tmp_path, f"a,b,c\n{texts}"))


def test_a_column_without_numbers_is_the_first_candidate_for_the_label(tmp_path: Path) -> None:
    message = refused(write(tmp_path, "t0,t1,kind,t2,name\n1,2,u,3,n\n1,2,v,3,m\n"))
    assert "cannot be told: kind, name, t0, t1, t2 could be" in message
    assert message.endswith('name it: label="kind" (--label kind)')
    message = refused(write(tmp_path, "t0,t1,t2\n1,2,3\n"))
    assert message.endswith('name it: label="NAME" (--label NAME)')


MIXED = "is text, not a list of numbers; expected a list in every row, or in none; correct it, or remove the row"


def test_text_among_lists_is_refused(tmp_path: Path) -> None:
    rows = '{"values": [1, 2, 3], "label": "a"}\n' * 50
    text = '{"values": "hello", "label": "a"}\n'
    assert refused(write(tmp_path, rows + text, "a.jsonl")) == (
        f"a.jsonl, row 51, column values: 'hello' {MIXED}"
    )
    assert refused(write(tmp_path, text + rows, "a.jsonl")) == (
        f"a.jsonl, row 1, column values: 'hello' {MIXED}"
    )
    one = refused(write(tmp_path, rows + text.replace('"hello"', "7"), "a.jsonl"))
    assert one.startswith("a.jsonl, row 51, column values: 7 is one value, not a list")
    texts = refused(write(tmp_path, text * 9 + rows[:36], "a.jsonl"))
    assert texts.startswith(
        "a.jsonl, row 10, column values: [1, 2, 3] is a list, and other rows hold none"
    )
    texts = (
        '{"text": "[1] a", "label": "b", "more": [1]}\n{"text": "c", "label": "d", "more": "e"}\n'
    )
    assert read_labelled(write(tmp_path, texts, "a.jsonl")).inputs == ["[1] a", "c"]


@pytest.mark.parametrize("name", ["lists", "texts"])
def test_what_the_first_rows_hold_the_later_ones_must(name: str) -> None:
    tables = {
        "lists": load_table({"values": [None, [1, 2]], "label": [1, 0]}),
        "texts": load_table({"values": [None, "hello"], "label": [1, 0]}),
    }
    pieces = TablePieces(Request())
    pieces(tables.pop(name))
    with pytest.raises(
        InputError, match=r"dict, row 1, column values: this is .* in the rows before"
    ):
        pieces(tables.popitem()[1])
    blank = pieces(load_table({"values": [None], "label": [1]}))
    assert len(blank.inputs) == 1
    assert isinstance(blank.inputs, NumberRows) == (name == "lists")


NUMBERS = LabelledForm("numbers", text="values")


@pytest.mark.parametrize("name", ["a.txt", "a", "a.jsonl", "-"])
def test_an_array_in_each_line(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(content: str, like: LabelledForm | None = NUMBERS) -> list[Labelled]:
        if name != "-":
            return [read_labelled(write(tmp_path, content, name), like=like, needs_labels=False)]
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content.encode())))
        return list(iter_labelled("-", like=like))

    rows = read("[1,2.5,3]\n\n []\n[4]\n")[0]
    assert [row.tolist() for row in rows.inputs] == [[[1], [2.5], [3]], [], [[4]]]  # type: ignore[union-attr]
    assert rows.where(2).endswith(", line 4")
    two = LabelledForm("numbers", features=2)
    assert read("[[1,2],[3,4]]\n", two)[0].inputs[0].tolist() == [[1, 2], [3, 4]]  # type: ignore[union-attr]
    for content, said in (
        ("[1,2]\nhello\n", r"line 2: 'hello' is no list of numbers; expected a list for each row"),
        ("[1,2\n", r"line 1: '\[1,2' is no list of numbers; expected a list .* as \[1, 2, 3\]"),
        ("[[1,2]]\n", "line 1 and on: the steps of the sequences have 2 features; expected 1"),
        ("hello\n", r"holds text; expected numbers: a list for each row, as \[1, 2, 3\]"),
        ("hello, you\n", r"expected numbers: a list for each row, as \[1, 2, 3\]"),
    ):
        with pytest.raises(InputError, match=said):
            read(content)
    if name != "a.jsonl":
        assert list(read("[1] is cited\n[2]\n", LabelledForm("text"))[0].inputs) == [
            "[1] is cited",
            "[2]",
        ]
    else:
        assert read("[1]\n[2]\n", None)[0].form.kind == "numbers"


def test_wide_tables_without_names(tmp_path: Path) -> None:
    path = write(tmp_path, "1\t0.5\t2\n2\t1.5\t3\n", "a.tsv")
    assert "which column is the label cannot be told" in refused(path)
    rows = read_labelled(path, label="column_1")
    assert rows_of(path, label="column_1") == [[[0.5], [2]], [[1.5], [3]]]
    bare = write(tmp_path, "0.5\t2\n1.5\t3\n", "b.tsv")
    again = read_labelled(bare, like=rows.form, needs_labels=False)
    assert again.labels is None
    assert [row.tolist() for row in again.inputs] == [[[0.5], [2]], [[1.5], [3]]]
    flowers = write(tmp_path, "5.1,3.5,setosa\n4.9,3,virginica\n4.7,3.2,setosa\n")
    assert len(read_labelled(flowers, label="column_3").inputs) == 3


def test_npz(tmp_path: Path) -> None:
    x, y = np.arange(12.0).reshape(2, 3, 2), np.array([1, 0])
    rows = read_labelled(npz(tmp_path, x=x, y=y, lengths=[3, 1], x_test=x[:1], y_test=y[:1]))
    assert [row.tolist() for row in rows.inputs] == [x[0].tolist(), x[1, :1].tolist()]
    assert list(rows.labels or ()) == ["1", "0"]
    assert rows.form.features == 2
    assert rows.test is not None
    assert len(rows.test) == 1
    assert rows.test.where(0).endswith("a.npz, row 1 (of x_test)")
    assert rows.where(1).endswith("a.npz, row 2 (of x)")
    flat = read_labelled(npz(tmp_path, x_train=x[:, :, 0], y_train=y))
    assert flat.inputs[1].shape == (3, 1)  # type: ignore[union-attr]


def test_npz_whose_test_part_does_not_fit(tmp_path: Path) -> None:
    x, y = np.ones((2, 3, 2)), np.array([1, 0])
    assert refused(npz(tmp_path, x=x, y=y, x_test=np.ones((2, 3, 1)), y_test=y)).startswith(
        "a.npz, row 1 (of x_test) and on: the steps of the sequences have 1 feature; expected 2"
    )
    assert "there is no array of labels called y_test" in refused(npz(tmp_path, x=x, y=y, x_test=x))
    assert "y_test has shape (3,); expected (2,), one for each row of x_test" in refused(
        npz(tmp_path, x=x, y=y, x_test=x, y_test=[1, 2, 3])
    )


def test_npz_may_hold_pickled_arrays_that_are_not_read(tmp_path: Path) -> None:
    names = np.array([None, "a"], dtype=object)
    assert rows_of(npz(tmp_path, x=np.ones((2, 1)), y=[0, 1], names=names)) == [[[1]], [[1]]]


def test_npz_that_cannot_be_read(tmp_path: Path) -> None:
    x, y = np.ones((2, 3)), np.array([1, 0])
    assert refused(npz(tmp_path, x=np.array([[1], [1, 2]], dtype=object), y=y)).startswith(
        "a.npz: an array in this file is pickled Python, which can run code and is not read"
    )
    assert "no array called x (there are: z)" in refused(npz(tmp_path, z=x))
    assert "no array of labels called y" in refused(npz(tmp_path, x=x))
    assert "y has shape (3,); expected (2,)" in refused(npz(tmp_path, x=x, y=[1, 2, 3]))
    assert "the length is 4; expected 0 to 3" in refused(npz(tmp_path, x=x, y=y, lengths=[1, 4]))
    bad = x.copy()
    bad[1, 2] = np.nan
    assert "a.npz, row 2 (of x), step 3: the value is missing" in refused(npz(tmp_path, x=bad, y=y))
    assert "this is no npz file" in refused(write(tmp_path, b"abc", "a.npz"))
    cut = npz(tmp_path, x=x, y=y).read_bytes()[:100]
    assert "damaged or cut off" in refused(write(tmp_path, cut, "a.npz"))


def test_arrays() -> None:
    assert rows_of((np.ones((2, 3), np.float16), ["a", "b"])) == [[[1]] * 3] * 2
    assert rows_of(([np.zeros(2), [[3], [4]], []], [0, 1, 0])) == [[[0], [0]], [[3], [4]], []]
    assert rows_of(np.ones((1, 2, 3)), needs_labels=False) == [[[1, 1, 1], [1, 1, 1]]]
    assert "input, row 1: this row has 2 features; expected 1" in refused(([[1], [[1, 2]]], [0, 1]))
    assert "input, row 1: this is no array of numbers" in refused(([[1], [[1, 2], [3]]], [0, 1]))
    assert "texts only, or arrays" in refused(([[1], "a"], [0, 1]))


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_dataframes_beside_their_labels(kind: Any) -> None:
    numbers, labels = kind({"a": [1, 2], "b": [3, 4]}), kind({"label": ["u", "v"]})
    assert rows_of((numbers, labels)) == [[[1], [3]], [[2], [4]]]
    texts = read_labelled((kind({"text": ["one", "two"]}), labels["label"]))
    assert list(texts.inputs) == ["one", "two"]
    assert list(texts.labels or ()) == ["u", "v"]
    mixed = kind({"text": ["one", "two"], "b": [3, 4]})
    assert "the inputs are a dataframe with the columns text, b" in refused((mixed, labels))
    assert "the labels are a dataframe with the columns text, b" in refused((numbers, mixed))


def test_rows_without_a_step_do_not_tell_the_features() -> None:
    def piece(values: Any, ends: list[int]) -> Piece:
        rows = NumberRows(values, ends)
        return Piece(rows, None, LabelledForm("numbers", features=rows.features), str)

    made = Collector().add([piece(np.ones((0, 1)), [0, 0]), piece([[1, 2]], [0, 1])]).finish("a")
    assert made.form.features == 2
    assert [len(row) for row in made.inputs] == [0, 1]


def test_rows_can_be_chosen() -> None:
    rows = read_labelled(([[1, 2], [], [3]], [0, 1, 2])).inputs
    assert [row.tolist() for row in rows.take([2, 0])] == [[[3]], [[1], [2]]]  # type: ignore[union-attr]
    assert [len(row) for row in rows[1:]] == [0, 1]
    assert len(rows[-1]) == 1
    with pytest.raises(IndexError):
        rows[3]
