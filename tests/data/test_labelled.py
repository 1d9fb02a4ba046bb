"""Labelled rows are the same from whatever they come, and keep their place."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.data.labelled_of import CSV, ROWS, refused, without_folder, write
from unrolled.data.label_codes import Labels
from unrolled.data.labelled import LabelledForm, iter_labelled, read_labelled
from unrolled.errors import InputError

TEXTS, LABELS = [text for text, _ in ROWS], [label for _, label in ROWS]
RECORDS = [{"text": text or None, "label": label} for text, label in ROWS]
JSONL = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)


def parquet() -> bytes:
    packed = io.BytesIO()
    pl.DataFrame(RECORDS).write_parquet(packed)
    return packed.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.csv", CSV.replace("\n", "\r\n")),
        ("a.csv", CSV.replace("\n", "\r")),
        ("a.csv", "\ufeff" + CSV),
        ("a.csv", CSV.encode("utf-16")),
        ("a.csv", CSV.replace("text,label", "Review, Sentiment ")),
        ("a.csv", CSV.replace("text,label", "评论,标签")),
        ("a.txt", CSV.replace("label", "class")),
        ("a.tsv", "label\ttext\n" + "".join(f"{label}\t{text}\n" for text, label in ROWS)),
        ("a.csv.gz", gzip.compress(CSV.encode())),
        ("a.csv.xz", lzma.compress(CSV.encode())),
        ("a.zip", zipped("a.csv", CSV.encode())),
        ("a.jsonl", JSONL),
        ("a.ndjson.gz", gzip.compress(JSONL.encode())),
        ("a.json", json.dumps(RECORDS)),
        ("a.parquet", parquet()),
        ("a.parquet.xz", lzma.compress(parquet())),
    ],
)
def test_every_kind_of_file_holds_the_same_rows(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    rows = read_labelled(write(tmp_path, content, name))
    assert list(rows.inputs) == TEXTS
    assert rows.labels is not None
    assert list(rows.labels) == LABELS
    assert rows.form.kind == "text"
    assert [without_folder(note, tmp_path) for note in rows.notes] == [
        f"{name}: 1 row has an empty text"
    ]
    first = 2 if name.startswith(("a.csv", "a.t", "a.zip")) else 1
    assert without_folder(rows.where(3), tmp_path) == f"{name}, row {first + 3}"


@pytest.mark.parametrize(
    "source",
    [
        {"text": TEXTS, "label": LABELS},
        RECORDS,
        pl.DataFrame(RECORDS),
        pd.DataFrame(RECORDS),
        pd.DataFrame(RECORDS, dtype="category"),
        (TEXTS, LABELS),
        (np.array(TEXTS), np.array(LABELS)),
        (pd.Series(TEXTS), pl.Series(LABELS)),
    ],
)
def test_every_kind_of_memory_holds_the_same_rows(source: Any) -> None:
    rows = read_labelled(source)
    assert list(rows.inputs) == TEXTS
    assert rows.labels is not None
    assert list(rows.labels) == LABELS
    assert rows.where(1).endswith("row 1")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (CSV.encode(), gzip.compress(CSV.encode()), zipped("x.csv", CSV.encode())):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        rows = read_labelled("-")
        assert list(rows.inputs) == TEXTS
        assert rows.where(0) == "stdin, row 2"


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_nothing_on_standard_input(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for read in (read_labelled, lambda source: list(iter_labelled(source))):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        with pytest.raises(InputError, match=r"^stdin is empty; expected .*; pipe rows into it$"):
            read("-")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, 0], ["1", "0"]),
        ([1.0, 0.5], ["1", "0.5"]),
        ([True, False], ["true", "false"]),
        ([" a ", "b"], ["a", "b"]),
        (np.array([3, -1], dtype=np.int8), ["3", "-1"]),
    ],
)
def test_labels_are_text(labels: Any, expected: list[str]) -> None:
    for source in ({"text": ["x", "y"], "label": labels}, (["x", "y"], labels)):
        made = read_labelled(source).labels
        assert made is not None
        assert list(made) == expected


def test_labels_are_small_and_look_like_a_list() -> None:
    labels = Labels.of(["b", "a", "b", "c"])
    assert labels.codes.dtype == np.int32
    assert labels.names == ("b", "a", "c")
    assert list(labels[1:]) == ["a", "b", "c"]
    assert labels[-1] == "c"
    assert list(labels.take([3, 0])) == ["c", "b"]
    assert Labels.of(labels) is labels
    with pytest.raises(IndexError):
        labels[4]


def test_rows_without_a_label_have_the_number_of_none() -> None:
    labels = read_labelled({"text": ["a", "b"], "label": ["u", None]}, needs_labels=False).labels
    assert isinstance(labels, Labels)
    assert labels.coded(["t", "u"])[0].tolist() == [1, -1]


def test_a_file_whose_name_has_signs_of_a_pattern(tmp_path: Path) -> None:
    assert len(read_labelled(write(tmp_path, parquet(), "a[1].parquet"))) == len(ROWS)


def test_columns_are_found_by_name_then_by_what_is_left(tmp_path: Path) -> None:
    form = read_labelled(write(tmp_path, "title,text,label\na,b,1\n")).form
    assert (form.text, form.label) == ("text", "label")
    form = read_labelled(write(tmp_path, "label,phrase\n1,ab\n0,cd\n")).form
    assert (form.text, form.label) == ("phrase", "label")
    form = read_labelled(write(tmp_path, "phrase,toxic\nab,1\ncd,0\n")).form
    assert (form.text, form.label) == ("phrase", "toxic")
    form = read_labelled({"tongue": ["a"] * 3 + ["b"] * 3, "word": list("uvwxyz")}).form
    assert (form.text, form.label) == ("word", "tongue")
    rows = read_labelled(write(tmp_path, ",phrase,toxic\n0,ab,1\n1,cd,0\n"), label="toxic")
    assert rows.form.text == "phrase"
    assert "columns not used: unnamed_1" in rows.notes[0]


def test_columns_that_cannot_be_told(tmp_path: Path) -> None:
    path = write(tmp_path, "review,comment,label\na,b,1\n")
    assert refused(path) == (
        "a.csv: which column is the text cannot be told: review, comment could be; expected one text column; "
        'name it: text="review" (--text review)'
    )
    assert read_labelled(path, text="comment").inputs == ["b"]
    assert refused(path, text="coment") == (
        "a.csv: there is no column 'coment' (text); expected one of review, comment, label; did you mean 'comment'?"
    )
    assert "named as text and as label" in refused(path, text="label", label="label")
    assert "which column is the label cannot be told: a, b could be" in refused(
        write(tmp_path, "text,a,b\nx,1,2\n")
    )
    assert "there is no column of labels" in refused(write(tmp_path, "text\nx\ny\n"))


def test_a_first_line_that_is_a_row_is_kept(tmp_path: Path) -> None:
    rows = read_labelled(write(tmp_path, "1\tone text\n0\tanother\n", "a.tsv"))
    assert (list(rows.inputs), list(rows.labels or ())) == (["one text", "another"], ["1", "0"])
    assert "no line names the columns" in rows.notes[0]
    rows = read_labelled(write(tmp_path, "pos,fine\nneg,bad\npos,great\nneg,poor\npos,super\n"))
    assert list(rows.labels or ()) == ["pos", "neg", "pos", "neg", "pos"]
    path = write(tmp_path, "fine,pos\nbad,neg\n")
    assert refused(path).startswith(
        "a.csv, row 1: this line may be a row or the names of the columns: 'fine, pos'"
    )
    assert list(read_labelled(path, text="column_1", label="column_2").inputs) == ["fine", "bad"]


def test_quotes_that_are_signs_of_the_text(tmp_path: Path) -> None:
    texts = ['"Great" film, 5" wide', 'say "hi"', '"never closed', "plain"]
    content = "label\ttext\n" + "".join(f"{k % 2}\t{text}\n" for k, text in enumerate(texts))
    assert list(read_labelled(write(tmp_path, content, "a.tsv")).inputs) == texts
    quoted = 'label\ttext\n1\t"a\tb ""c"""\n0\td\n'
    assert list(read_labelled(write(tmp_path, quoted, "a.tsv")).inputs) == ['a\tb "c"', "d"]


def test_a_quote_that_would_join_rows(tmp_path: Path) -> None:
    path = write(tmp_path, 'text,label\n"a, b",1\na 5" x,1\nb 6" y,0\n')
    assert refused(path).startswith("a.csv, row 3: a quote stands inside of a field")
    path = write(tmp_path, 'text,label\n"a, b",1\n"a" x,1\n')
    assert refused(path).startswith("a.csv, row 3: a quote stands inside of a field")


def test_missing_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "text,label\na,1\nb,\nc, \n")
    assert refused(path) == (
        "a.csv, row 3, column label: the label is missing (the first of 2 missing labels); "
        "expected a label in every row; write it, or remove the row"
    )
    rows = read_labelled(path, needs_labels=False)
    assert list(rows.labels or ()) == ["1", "", ""]
    assert refused({"text": ["a"], "label": [float("nan")]}).startswith("dict, row 0, column label")
    assert refused((["a", "b"], ["x"])).startswith("input: there are 2 inputs and 1 labels")
    assert refused(["a", "b"]).startswith("input: there are no labels")


def test_what_a_text_cannot_be() -> None:
    assert "there is no column of texts" in refused({"label": [1, 2]})
    assert "the lists hold String, not numbers" in refused({"text": [["a", "b"]], "label": [1]})
    assert "holds no labels" in refused({"text": ["a"], "label": [[1]]})
    assert "a column of Struct" in refused({"text": [{"a": 1}], "label": [1]})
    assert refused({"text": ["a", [1, 2]], "label": [1, 2]}).startswith(
        "dict, row 0, column text: 'a' is text, not a list of numbers"
    )


def test_new_rows_are_read_as_those_of_the_model(tmp_path: Path) -> None:
    form = LabelledForm("text", text="phrase", label="tongue")
    assert LabelledForm.from_dict(json.loads(json.dumps(form.to_dict()))) == form
    path = write(tmp_path, "label,phrase,tongue\nx,ab,1\n")
    rows = read_labelled(path, like=form)
    assert (list(rows.inputs), list(rows.labels or ())) == (["ab"], ["1"])
    path = write(tmp_path, "phrase,other\nab,1\n")
    assert read_labelled(path, like=form, needs_labels=False).labels is None
    rows = read_labelled(write(tmp_path, "text\nab\n"), like=form, needs_labels=False)
    assert list(rows.inputs) == ["ab"]
    assert "no column 'phrase', which the model was trained on" in rows.notes[0]
    assert "the model reads texts, and this holds numbers" in refused(
        {"phrase": [[1, 2]]}, like=form, needs_labels=False
    )
    numbers = LabelledForm("numbers", features=2)
    assert "the model reads numbers, and this holds text" in refused(
        ["a"], like=numbers, needs_labels=False
    )
    assert "have 1 feature; expected 2" in refused([[1, 2]], like=numbers, needs_labels=False)


@pytest.mark.parametrize("name", ["a.txt", "a"])
def test_a_text_in_each_line(tmp_path: Path, name: str) -> None:
    content = 'one, with a comma\n"two"\n\nfour\n'
    rows = read_labelled(write(tmp_path, content, name), needs_labels=False)
    assert list(rows.inputs) == ["one, with a comma", '"two"', "", "four"]
    assert rows.labels is None
    assert without_folder(rows.where(3), tmp_path) == f"{name}, line 4"
    ended = read_labelled(write(tmp_path, "one\r\n\r\n\r\n", name), needs_labels=False)
    assert list(ended.inputs) == ["one", "", ""]
    assert without_folder(ended.where(2), tmp_path) == f"{name}, line 3"
    table = read_labelled(write(tmp_path, "text,other\na,b\n", name), needs_labels=False)
    assert list(table.inputs) == ["a"]
    one = read_labelled(write(tmp_path, "text\na\nb\n", "b.csv"), needs_labels=False)
    assert list(one.inputs) == ["a", "b"]
    none = read_labelled(write(tmp_path, "a\nb\nc d\n", "b.csv"), needs_labels=False)
    assert list(none.inputs) == ["a", "b", "c d"]


def test_files_that_hold_nothing_to_read(tmp_path: Path) -> None:
    assert refused(write(tmp_path, "")).startswith("a.csv: the table is empty")
    assert refused(write(tmp_path, "text,label\n")).startswith(
        "a.csv, row 1: there is no row below"
    )
    assert "did you mean" in refused(tmp_path / "b.csv")
    empty = write(tmp_path, "text,label\n,1\n  ,0\n")
    assert refused(empty) == (
        "a.csv, column text: every text is empty; expected texts to learn from; "
        'write them, or name another column: text="NAME" (--text NAME)'
    )
    assert len(read_labelled(empty, needs_labels=False)) == 2
    assert refused((["", " "], [0, 1])).startswith("input: every text is empty")
    assert refused(write(tmp_path, '{"text": "a", "label": 1}\n{"text": }\n', "a.jsonl")) == (
        "a.jsonl, line 2: this is not JSON (Expecting value, column 10); "
        'expected one object in each line, as {"text": "...", "label": "..."}'
    )
    for name, content in (("a.json", "[1]"), ("a.jsonl", '{"text": "a", "label": 1}\n[1]\n')):
        assert refused(write(tmp_path, content, name)).endswith(
            'expected an object, as {"text": "...", "label": "..."}'
        )
    assert refused([{"text": "a", "label": 1}, 2]).endswith('as {"text": "...", "label": "..."}')
    assert refused(write(tmp_path, b"text,label\na\xe9,1\n")).startswith(
        "a.csv, line 2, byte 2 of the line (13 of the file): byte 0xE9 is not UTF-8"
    )
