"""Pairs of texts are the same from whatever they come, keep their place, and are refused with one clear line."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import re
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.data.labelled_of import write
from unrolled.data.pair_columns import PairRequest
from unrolled.data.pairs import PairsForm, iter_pairs, read_in_pieces, read_pairs
from unrolled.data.texts import TextStore
from unrolled.errors import InputError, OptionError

ROWS = [("Hi, you.", "嗨，你。"), ('He said "no"!', "他说：“不”！"), ("", "空"), ("Run.", "跑。")]
KEPT = [ROWS[0], ROWS[1], ROWS[3]]
RECORDS = [{"source": source or None, "target": target} for source, target in ROWS]
JSONL = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)
BARE = "".join(f"{source}\t{target}\n" for source, target in ROWS)
TSV = "source\ttarget\n" + BARE
CSV = pl.DataFrame(RECORDS).write_csv()


def parquet() -> bytes:
    packed = io.BytesIO()
    pl.DataFrame(RECORDS).write_parquet(packed)
    return packed.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


def pairs_of(source: Any, **options: Any) -> list[tuple[str, str]]:
    pairs = read_pairs(source, **options)
    assert pairs.targets is not None
    return list(zip(pairs.sources, pairs.targets, strict=True))


def refused(source: Any, kind: type[InputError] = InputError, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_pairs(source, **options)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert "\n" not in message
    return re.sub(r"/[\w/.-]*/test_\w+/", "", message)


def given(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize(
    ("name", "content", "first"),
    [
        ("a.tsv", TSV, 2),
        ("a.tsv", BARE, 1),
        ("a.txt", BARE, 1),
        ("a.tsv", TSV.replace("\n", "\r\n"), 2),
        ("a.tsv", "\ufeff" + TSV, 2),
        ("a.tsv", TSV.encode("utf-16"), 2),
        ("a.tsv", TSV.replace("source\ttarget", "Article\tHeadline"), 2),
        ("a.tsv", TSV.replace("source\ttarget", "原文\t译文"), 2),
        ("a.tsv", TSV.replace("source\ttarget", "en\tzh"), 2),
        ("a.tsv.xz", lzma.compress(BARE.encode()), 1),
        ("a.csv", CSV, 2),
        ("a.csv.gz", gzip.compress(CSV.encode()), 2),
        ("a.zip", zipped("a.csv", CSV.encode()), 2),
        ("a.jsonl", JSONL, 1),
        ("a.jsonl", JSONL.replace('"source"', '"document"').replace('"target"', '"summary"'), 1),
        ("a.json", json.dumps(RECORDS), 1),
        ("a.parquet", parquet(), 1),
        ("a.parquet.xz", lzma.compress(parquet()), 1),
    ],
)
def test_every_kind_of_file_holds_the_same_pairs(
    tmp_path: Path, name: str, content: str | bytes, first: int
) -> None:
    path = write(tmp_path, content, name)
    assert pairs_of(path) == KEPT
    pairs = read_pairs(path)
    assert pairs.where(2) == f"{path}, row {first + 3}"
    assert (
        pairs.notes[-1] == f"{path}: 1 pair with an empty side is left out: {path}, row {first + 2}"
    )


def test_two_parallel_files(tmp_path: Path) -> None:
    one = write(tmp_path, "".join(f"{source}\n" for source, _ in ROWS), "train.en")
    other = write(tmp_path, "\r\n".join(target for _, target in ROWS), "train.zh")
    packed = write(tmp_path, gzip.compress(one.read_bytes()), "packed.en.gz")
    for source in (one, str(packed)):
        pairs = read_pairs((source, other))
        assert pairs_of((source, other)) == KEPT
        assert pairs.form == PairsForm()
        assert pairs.where(2) == f"{source} and {other}, line 4"
        left_out = f"1 pair with an empty side is left out: {source} and {other}, line 3"
        assert pairs.notes == (f"{source} and {other}: {left_out}",)
    assert len(read_pairs((one, other), needs_targets=False)) == 4


def test_only_a_newline_ends_a_line_of_parallel_files(tmp_path: Path) -> None:
    odd = ["a\u2028b", "c\x0cd\x85e", "f\rg", "h"]
    one = write(tmp_path, "\n".join(odd), "a.en")
    other = write(tmp_path, "1\n2\n3\n4\n", "a.zh")
    assert pairs_of((one, other)) == list(zip(odd, "1234", strict=True))


@pytest.mark.parametrize(
    "source",
    [
        {"source": [s for s, _ in ROWS], "target": [t for _, t in ROWS]},
        RECORDS,
        pl.DataFrame(RECORDS),
        pd.DataFrame(RECORDS),
        ROWS,
        [list(row) for row in ROWS],
        np.array(ROWS),
        ([s or None for s, _ in ROWS], [t for _, t in ROWS]),
        (pd.Series([s or None for s, _ in ROWS]), np.array([t for _, t in ROWS])),
        (TextStore(s for s, _ in ROWS), pl.Series([t for _, t in ROWS])),
        [{"id": n, "translation": {"en": s, "zh": t}} for n, (s, t) in enumerate(ROWS)],
    ],
)
def test_every_kind_of_memory_holds_the_same_pairs(source: Any) -> None:
    assert pairs_of(source) == KEPT
    assert "row 2" in read_pairs(source).notes[-1]


def test_a_folder_of_tables(tmp_path: Path) -> None:
    write(tmp_path, lzma.compress("a\t甲\tx\nb\t乙\tx\n".encode()), "one.tsv.xz")
    write(tmp_path, "c\t丙\ty\n", "two.tsv")
    write(tmp_path, "where it is from", "SOURCE.txt")
    write(tmp_path, "b", "rest.bin")
    pairs = read_pairs(tmp_path, source_column="2", target_column="1")
    assert list(pairs.sources) == ["甲", "乙", "丙"]
    assert pairs.where(2) == f"{tmp_path}/two.tsv, row 1"
    assert pairs.notes[:2] == (
        f"{tmp_path}: read together: one.tsv.xz, two.tsv",
        f"{tmp_path}: left out, as no table: rest.bin",
    )
    (tmp_path / "empty").mkdir()
    assert "this folder holds no table" in refused(tmp_path / "empty")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("a", "甲")),
        ({"source_column": "2", "target_column": "1"}, ("甲", "a")),
        ({"source_column": "column_2"}, ("甲", "a")),
        ({"source_column": "1", "target_column": "3"}, ("a", "x")),
        ({"like": PairsForm("column_2", "column_1")}, ("甲", "a")),
    ],
)
def test_columns_without_names_go_by_their_place(
    tmp_path: Path, options: dict[str, Any], expected: tuple[str, str]
) -> None:
    path = write(tmp_path, "a\t甲\tx\nb\t乙\ty\n", "a.tsv")
    assert pairs_of(path, **options)[0] == expected


def test_columns_with_names(tmp_path: Path) -> None:
    text = "id\tbody\theadline\tdate\n1\tlong one\tshort\t2024\n2\tlong two\tshorter\t2025\n"
    path = write(tmp_path, text, "a.tsv")
    pairs = read_pairs(path)
    assert pairs.form == PairsForm("body", "headline")
    assert pairs.notes == (f"{path}: columns not used: id, date",)
    assert pairs_of(path, source_column="headline", target_column="body")[0] == (
        "short",
        "long one",
    )
    assert pairs_of(path, source_column="3", target_column="2")[0] == ("short", "long one")
    assert pairs_of(path, target_column="date")[0] == ("long one", "2024")


def test_text_above_numbers_names_the_columns(tmp_path: Path) -> None:
    rows = "1,Danke.,谢谢。\n2,Hallo.,你好。\n"
    path = write(tmp_path, "id,Mein Satz,翻译\n" + rows, "a.csv")
    pairs = read_pairs(path)
    assert pairs.form == PairsForm("Mein Satz", "翻译")
    assert pairs_of(path) == [("Danke.", "谢谢。"), ("Hallo.", "你好。")]
    assert len(read_pairs(write(tmp_path, rows, "b.csv"))) == 2
    # Of two columns either may be what is read, numbers too.
    assert (
        len(read_pairs(write(tmp_path, "gar nichts\tsome\n12\ttwelve\n7\tseven\n", "c.tsv"))) == 3
    )


def test_many_columns_without_names_are_not_listed(tmp_path: Path) -> None:
    path = write(tmp_path, "甲\t乙" + "\tx" * 30 + "\n", "a.tsv")
    assert read_pairs(path).notes[0].endswith("called column_1 to column_32")


def test_the_fix_of_columns_that_cannot_be_told_is_an_option_that_there_is(tmp_path: Path) -> None:
    message = refused(write(tmp_path, "id,a,b b,c\n1,x,y,z\n", "a.csv"))
    assert message.endswith('name it: source="a" (--source a)')
    message = refused(write(tmp_path, "id,a b,b,c\n1,x,y,z\n", "a.csv"))
    assert message.endswith("name it: source=\"a b\" (--source 'a b')")


def test_two_columns_of_any_name_are_source_and_target_in_this_order() -> None:
    frame = pl.DataFrame({"old": ["thou art"], "new": ["you are"]})
    pairs = read_pairs(frame)
    assert pairs.form == PairsForm("old", "new")
    assert pairs.notes == ("dataframe: the source is 'old', the target 'new'",)
    assert pairs_of(frame, source_column="new") == [("you are", "thou art")]
    assert pairs_of(frame.with_row_index(), target_column="old") == [("you are", "thou art")]


def test_a_model_finds_its_columns_again() -> None:
    form = PairsForm.from_dict(PairsForm("new", "old").to_dict())
    rows = {"old": ["thou art"], "new": ["you are"], "more": ["x y"]}
    assert pairs_of(rows, like=form) == [("you are", "thou art")]
    alone = read_pairs({"new": ["you are"], "more": ["x y"]}, like=form, needs_targets=False)
    assert (list(alone.sources), alone.targets) == (["you are"], None)
    other = read_pairs({"text": ["you are"], "more": ["x y"]}, like=form, needs_targets=False)
    assert list(other.sources) == ["you are"]
    assert "there is no column 'new', which the model was trained on" in other.notes[0]


@pytest.mark.parametrize("name", ["a.txt", "a", "test.de"])
def test_sources_alone_one_a_line(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, "Ja, ja.\n\nNein.\n", name)
    pairs = read_pairs(path, needs_targets=False)
    assert list(pairs.sources) == ["Ja, ja.", "", "Nein."]
    assert pairs.targets is None
    assert pairs.where(2) == f"{path}, line 3"
    assert "this file holds one text a line and no targets" in refused(path)


@pytest.mark.parametrize("first", ["Abstract", "Text", "answer", "Well, answer", "No title; text"])
def test_a_first_line_of_text_is_no_name_of_a_column(tmp_path: Path, first: str) -> None:
    path = write(tmp_path, f"{first}\nyes, no\none, two, three\n", "a.txt")
    pairs = read_pairs(path, needs_targets=False)
    assert list(pairs.sources) == [first, "yes, no", "one, two, three"]


@pytest.mark.parametrize("first", ["source", "id,text", "text, title", "prompt"])
def test_a_first_line_of_names_is_none_of_text(tmp_path: Path, first: str) -> None:
    rest = "yes" + ",b" * first.count(",")
    path = write(tmp_path, f"{first}\n{rest}\n", "a.txt")
    pairs = read_pairs(path, like=PairsForm("prompt", "reply"), needs_targets=False)
    assert len(pairs) == 1


def test_speech_over_several_lines_joins_no_rows(tmp_path: Path) -> None:
    between = [(f"Satz {n} hier.", f"Sentence {n} here.") for n in range(4000)]
    for first, last in (
        (("Er kam.", '"Yes,'), ("Ja.", 'he said."')),
        (('"Ja,', "Yes,"), ('sagte er."', "he said.")),
        (('"Ja.', "Yes."), ("Nein.", "No.")),
    ):
        rows = [*between[:5], first, *between, last, *between[:5]]
        path = write(tmp_path, "".join(f"{source}\t{target}\n" for source, target in rows), "a.tsv")
        for size in (1000, 1 << 20):
            pairs = read_in_pieces(path, PairRequest(), size=size)
            assert list(zip(pairs.sources, pairs.targets or [], strict=True)) == rows
    # Quotes around whole fields are none of the text, and in CSV they may hold lines.
    whole = write(tmp_path, '"Ja."\t"He said ""no"""\nNein.\tNo.\n', "a.tsv")
    assert pairs_of(whole) == [("Ja.", 'He said "no"'), ("Nein.", "No.")]
    table = write(tmp_path, 'source,target\n"Ja,\nja.",Yes.\n', "a.csv")
    assert pairs_of(table) == [("Ja,\nja.", "Yes.")]


def test_sources_alone_in_memory_and_in_tables(tmp_path: Path) -> None:
    for source in (["a", "b"], pd.Series(["a", "b"]), np.array(["a", "b"]), {"value": ["a", "b"]}):
        assert list(read_pairs(source, needs_targets=False).sources) == ["a", "b"]
    table = write(tmp_path, "a\t甲\n\t乙\n", "a.tsv")
    pairs = read_pairs(table, needs_targets=False)
    assert (list(pairs.sources), list(pairs.targets or [])) == (["a", ""], ["甲", "乙"])
    assert "there are no targets" in refused(["a", "b"])


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (TSV.encode(), gzip.compress(BARE.encode()), JSONL.encode()):
        given(monkeypatch, data)
        assert pairs_of("-") == KEPT
        given(monkeypatch, data)
        parts = list(iter_pairs("-", needs_targets=True, rows=2))
        assert [text for part in parts for text in part.sources] == [text for text, _ in KEPT]
    given(monkeypatch, b"Ja, ja.\nNein.\n")
    assert [part.sources for part in iter_pairs("-", rows=1)] == [["Ja, ja."], ["Nein."]]
    given(monkeypatch, b"a\tb\n")
    (part,) = iter_pairs("-", like=PairsForm("column_2", "column_1"))
    assert part.sources == ["b"]
    given(monkeypatch, b" \n")
    with pytest.raises(InputError, match="stdin is empty"):
        list(iter_pairs("-"))


def test_lines_are_given_as_they_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.RawIOBase):
        def __init__(self, blocks: Iterator[bytes]) -> None:
            self.blocks = blocks

        def read1(self, size: int) -> bytes:
            return next(self.blocks, b"")

    came: list[str] = []

    def blocks() -> Iterator[bytes]:
        for line in ("eins", "zwei", "drei"):
            came.append(line)
            yield f"{line}\n".encode()

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Slow(blocks())))
    parts = iter_pairs("-")
    assert next(parts).sources == ["eins"]
    assert came == ["eins"]
    assert [part.sources for part in parts] == [["zwei"], ["drei"]]


def test_pieces_give_the_same_as_the_whole_and_many_lie_on_disk(tmp_path: Path) -> None:
    rows = [(f"source {n}" * (n % 5), f"目标 {n}") for n in range(9000)]
    text = "".join(f"{source}\t{target}\n" for source, target in rows)
    path = write(tmp_path, text, "a.tsv")
    pair = (
        write(tmp_path, "".join(f"{s}\n" for s, _ in rows), "a.en"),
        write(tmp_path, "".join(f"{t}\n" for _, t in rows), "a.zh"),
    )
    kept = [row for row in rows if row[0]]
    for source in (path, pair):
        pairs = read_in_pieces(source, PairRequest(), size=1000, in_memory=5000)
        assert isinstance(pairs.sources, TextStore)
        assert list(zip(pairs.sources, pairs.targets or [], strict=True)) == kept
        assert re.search(
            r"1800 pairs with an empty side are left out, the first: .* 1$", pairs.notes[-1]
        )
        assert pairs.where(7199).endswith(" 9000")
    parts = list(iter_pairs(path, needs_targets=True, rows=500))
    assert [text for part in parts for text in part.sources] == [source for source, _ in kept]
    assert max(map(len, parts)) <= 500
    assert parts[-1].where(len(parts[-1]) - 1).endswith("row 9000")


def test_a_line_of_100_000_characters_is_quick(tmp_path: Path) -> None:
    long = "长句" * 50_000
    path = write(tmp_path, f"a\tb\n{long}\tc\nd\te\n", "a.tsv")
    pair = (write(tmp_path, f"a\n{long}\n", "a.zh"), write(tmp_path, "b\nc\n", "a.en"))
    began = time.process_time()
    assert pairs_of(path)[1] == pairs_of(pair)[1] == (long, "c")
    assert time.process_time() - began < 1


def test_rows_of_jsonl_may_lack_a_column(tmp_path: Path) -> None:
    more = "".join(json.dumps({"source": f"s{n}"}) + "\n" for n in range(9000))
    path = write(tmp_path, '{"source": "a", "target": "b"}\n' + more, "a.jsonl")
    pairs = read_in_pieces(path, PairRequest(), size=1000)
    assert list(pairs.sources) == ["a"]
    assert "9000 pairs with an empty side are left out" in pairs.notes[-1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "source\ttarget\n \tb\na\t\n", "a.tsv: the source or the target of every pair (2) is empty"),
        ("a.tsv", "source\ttarget\n", "there is no row below the names of the columns"),
        ("a.csv", "text\nfoo bar\nx y\n", "a.csv: there is one column, 'text'; expected a column of sources and one of targets"),
        ("a.tsv", "foo bar\nx y\n", "a.tsv: there is one column"),
        ("a.csv", "source,a b,c d\nx,y,z\n", "the target cannot be told: a b, c d could be; expected a column called target; name it: "),
        ("a.jsonl", '{"a": "x", "b": "y", "c": "z"}\n', 'which column is the source cannot be told: a, b, c could be'),
        ("a.tsv", "prompt\treply\nHow old are you?\tI am ten.\n", "a.tsv, row 1: this line may be a row or the names of the columns: 'prompt"),
        ("a.tsv", "a b\tc\nd\n", "a.tsv, row 2: this row has 1 field; expected 2, as in row 1"),
        ("a.tsv", "a b\tc\nd\t\xe9\n".encode("latin-1"), "a.tsv, line 2, byte 3 of the line (9 of the file): byte 0xE9 is not UTF-8"),
        ("a.tsv", "嗨你\t你好啊\n".encode("gb18030"), "convert it: iconv -f GB18030"),
        ("a.txt", b"a\x00b\tc\n", "this is a binary file"),
        ("a.jsonl", '{"source": "x", "target": ["y", "z"]}\n', "column target: a column of List(String) holds no texts; expected text"),
        ("a.jsonl", '["x", "y"]\n', 'expected an object, as {"source": "...", "target": "..."}'),
        ("a.jsonl", '{"source": "x", "target": "y"}\n{"source": "x"\n', "a.jsonl, line 2: this is not JSON"),
        ("a.tsv", "", "a.tsv: the table is empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    assert message in refused(write(tmp_path, content, name))


def test_what_is_wrong_with_parallel_files_is_said(tmp_path: Path) -> None:
    one = write(tmp_path, "a\nb\nc\n", "a.en")
    other = write(tmp_path, "1\n2\n", "a.zh")
    assert refused((one, other)).startswith("a.en has 3 lines and a.zh has 2; expected as many")
    assert refused((one, write(tmp_path, "\n" * 3, "b.zh"))).startswith(
        "b.zh: the text file is empty"
    )
    blank = write(tmp_path, "x\n\n\n", "c.zh")
    blanker = write(tmp_path, "\n\nx\n", "c.en")
    assert "the source or the target of every pair (3) is empty" in refused((blank, blanker))
    wrong = write(tmp_path, b"1\n2\nab\xff\n", "d.zh")
    assert refused((one, wrong)).startswith(
        "d.zh, line 3, byte 3 of the line (7 of the file): byte 0xFF is not UTF-8"
    )
    gone = refused((tmp_path / "a.e", other))
    assert re.fullmatch(
        r"a.e: the text file does not exist; expected a file; did you mean '.*a.en'\?", gone
    )
    assert "this is a folder" in refused((tmp_path, other))


def test_what_is_wrong_in_memory_is_said() -> None:
    assert (
        refused((["a", "b"], ["c"]))
        == "there are 2 sources and 1 targets; expected as many of both"
    )
    assert (
        refused([("a", "b"), ("c",)])
        == "input, row 1: ('c',) is no pair; expected (source, target)"
    )
    assert refused([("a", "b"), ("c", 7)]) == "input, row 1, target: 7 is no text; expected text"
    assert "row 0, source: array([1, 2]) is no text" in refused(([np.array([1, 2])], ["a"]))
    assert "has no rows" in refused([])
    assert refused(([], [])) == "input: there are no pairs; give some"
    assert "cannot be read from an object of type int" in refused(7)


def test_a_named_column_that_does_not_exist(tmp_path: Path) -> None:
    path = write(tmp_path, TSV, "a.tsv")
    message = refused(path, OptionError, source_column="sorce")
    assert (
        message
        == "a.tsv: there is no column 'sorce' (source); expected one of source, target; did you mean 'source'?"
    )
    assert "there is no column '9' (target)" in refused(
        write(tmp_path, BARE, "b.tsv"), OptionError, target_column="9"
    )
    assert "is named as source and as target" in refused(
        path, OptionError, source_column="1", target_column="source"
    )
    assert len(read_pairs(path, target_column="gone", needs_targets=False)) == 4
