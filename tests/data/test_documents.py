"""Documents are the same from whatever they come, keep their place, and are refused with one clear line."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import re
import sys
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
from unrolled.data.document_form import DocumentsForm
from unrolled.data.document_pieces import document_hashes
from unrolled.data.documents import DocumentsRequest, read_documents, read_in_pieces
from unrolled.data.encodings import Decoding
from unrolled.data.partition import grouped_parts
from unrolled.data.prompts import iter_prompts
from unrolled.data.sources import Source
from unrolled.data.text_keys import TextRequest
from unrolled.data.texts import TextStore
from unrolled.errors import InputError, OptionError

POEMS = [["白日依山盡，", "黃河入海流。"], ["春眠不覺曉，"], ["白日依山盡，", "黃河入海流。"]]
TEXTS = ["\n".join(lines) for lines in POEMS]
OBJECTS = [{"a": "王之渙", "t": "登", "p": lines} for lines in POEMS]
NOVEL = "第一回 灵根育孕源流出\n\n    话说天下大势，分久必合，合久必分。\n他的心里想着你们。\n\n\n第二回\n"
TRADITIONAL = str.maketrans("灵话说势里着们", "靈話說勢裡著們")


def jsonl(values: list[Any]) -> str:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)


def parquet(frame: pl.DataFrame) -> bytes:
    packed = io.BytesIO()
    frame.write_parquet(packed)
    return packed.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


def refused(source: Any, kind: type[InputError] = InputError, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_documents(source, **options)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert "\n" not in message
    return re.sub(r"/[\w/.-]*/test_\w+/", "", message)


def given(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("a.jsonl", jsonl(OBJECTS), "p"),
        ("a.jsonl.xz", lzma.compress(jsonl(OBJECTS).encode()), "p"),
        ("a.txt", jsonl(OBJECTS), "p"),
        ("a.jsonl", jsonl([{"title": "x", "text": text} for text in TEXTS]), "text"),
        ("a.json", json.dumps([{"title": "x", "tags": ["y"], "paragraphs": p} for p in POEMS], indent=1), "paragraphs"),
        ("a.jsonl", jsonl(OBJECTS).encode("utf-16"), "p"),
        ("a.json", json.dumps(OBJECTS, indent=1).encode("utf-16"), "p"),
        ("a.json", json.dumps([{"zeilen": lines, "titel": "x"} for lines in POEMS]), "zeilen"),
        ("a.json", json.dumps(POEMS), None),
        ("a.json.gz", gzip.compress(json.dumps(TEXTS).encode()), None),
        ("a.jsonl", jsonl(POEMS), None),
        ("a.jsonl", jsonl(TEXTS), None),
        ("a.zip", zipped("a.jsonl", jsonl(TEXTS).encode()), None),
        ("a.csv", pl.DataFrame({"id": [1, 2, 3], "gedicht": TEXTS}).write_csv(), "gedicht"),
        ("a.tsv", pl.DataFrame({"title": ["x", "y", "z"], "text": TEXTS}).write_csv(separator="\t"), "text"),
        ("a.parquet", parquet(pl.DataFrame({"poem": POEMS, "x": [1, 2, 3]})), "poem"),
        ("a.parquet", parquet(pl.DataFrame({"content": TEXTS})), "content"),
    ],
)  # fmt: skip
def test_every_kind_of_file_holds_the_same_documents(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: str | bytes,
    key: str | None,
) -> None:
    path = write(tmp_path, content, name)
    documents = read_documents(path)
    assert list(documents.texts) == TEXTS
    assert documents.form == DocumentsForm(key) == DocumentsForm.from_dict(documents.form.to_dict())
    assert re.fullmatch(rf"{re.escape(str(path))}, row \d+", documents.where(1))
    assert documents.notes[-1].startswith(f"{path}: 1 document repeats an earlier one (")
    assert list(read_documents(path, like=documents.form).texts) == TEXTS
    if isinstance(content, str) and content[0] in "[{":
        given(monkeypatch, content.encode())
        assert list(read_documents("-").texts) == TEXTS
    # Small pieces, and what lies on disk, are the same.
    small = read_in_pieces(path, DocumentsRequest(TextRequest()), size=40, in_memory=10)
    assert isinstance(small.texts, TextStore)
    assert (list(small.texts), small.where(2)) == (TEXTS, documents.where(2))


@pytest.mark.parametrize(
    "source",
    [
        TEXTS,
        POEMS,
        tuple(POEMS),
        OBJECTS,
        [OBJECTS[0], *TEXTS[1:]],
        [*TEXTS, None, float("nan"), "  "],
        {"id": [1, 2, 3], "gedicht": TEXTS},
        np.array(TEXTS),
        pd.Series(TEXTS),
        pl.Series(TEXTS),
        TextStore(TEXTS),
        pd.DataFrame({"text": TEXTS}),
        pl.DataFrame({"lines": POEMS}),
    ],
)
def test_every_kind_of_memory_holds_the_same_documents(source: Any) -> None:
    assert list(read_documents(source).texts) == TEXTS


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (NOVEL.encode(), None),
        (NOVEL.replace("\n", "\r\n").encode(), None),
        (b"\xef\xbb\xbf" + NOVEL.encode(), None),
        (NOVEL.encode("utf-16"), None),
        (NOVEL.encode("gb18030"), "GB18030"),
        (gzip.compress(NOVEL.encode("gb18030")), "GB18030"),
        (NOVEL.translate(TRADITIONAL).encode("big5"), "Big5-HKSCS"),
    ],
)
def test_a_novel_as_it_stands(tmp_path: Path, data: bytes, told: str | None) -> None:
    path = write(tmp_path, data, "novel.txt")
    documents = read_documents(str(path))
    assert list(documents.texts) == [NOVEL.translate(TRADITIONAL if told == "Big5-HKSCS" else {})]
    assert documents.where(0) == str(path)
    assert documents.notes == ((f"{path}: read as {told}",) if told else ())


def test_one_object_over_several_lines(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps({"a": 1, "text": ["eins", "zwei"]}, indent=1), "a.json")
    assert list(read_documents(path).texts) == ["eins\nzwei"]


def test_documents_keep_their_place_beside_empty_ones() -> None:
    documents = read_documents(["eins", "", " ", "vier", None, "sechs"])
    assert [documents.where(row) for row in range(3)] == [
        "input, row 0",
        "input, row 3",
        "input, row 5",
    ]
    assert documents.notes == (
        "input: 3 documents without text are left out, the first: input, row 1",
    )


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    assert read_documents(OBJECTS[:2]).notes == ("input: keys not used: a, t",)
    path = write(tmp_path, "id,gedicht\n1,eins\n2,zwei\n", "a.csv")
    assert read_documents(path).notes == (f"{path}: columns not used: id",)


def test_plain_text_is_split_as_asked(tmp_path: Path) -> None:
    path = write(tmp_path, NOVEL, "novel.txt")
    lines = read_documents(path, split="lines")
    assert [text.strip()[:3] for text in lines.texts] == ["第一回", "话说天", "他的心", "第二回"]
    assert lines.where(3) == f"{path}, line 7"
    paragraphs = read_documents(path, split="paragraphs")
    assert [text.count("\n") for text in paragraphs.texts] == [0, 1, 0]
    assert paragraphs.where(1) == f"{path}, line 3"
    again = read_documents(path, like=DocumentsForm.from_dict(paragraphs.form.to_dict()))
    assert list(again.texts) == list(paragraphs.texts)
    small = DocumentsRequest(TextRequest(), "paragraphs")
    assert list(read_in_pieces(path, small, size=10).texts) == list(paragraphs.texts)


def test_several_files_a_folder_and_a_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = write(tmp_path, "eins\n", "one.txt"), write(tmp_path, "zwei\n", "b/two.txt")
    three = write(tmp_path, jsonl([{"text": "drei"}, {"text": ""}]), "three.jsonl")
    for name in ("SOURCE.txt", "README.md", "cover.png", ".hidden.txt"):
        write(tmp_path, "nothing", name)
    write(tmp_path, "", "void.txt")
    documents = read_documents(tmp_path)
    assert list(documents.texts) == ["zwei\n", "eins\n", "drei"]
    assert [documents.where(row) for row in range(3)] == [str(two), str(one), f"{three}, row 1"]
    assert documents.notes == (
        f"{tmp_path}: read together: two.txt, one.txt, three.jsonl",
        f"{tmp_path}: left out, as no text: README.md, SOURCE.txt, cover.png",
        f"{tmp_path}: left out, as empty: void.txt",
        f"{tmp_path}: 1 document without text is left out: {three}, row 2",
    )
    assert list(read_documents([two, one]).texts) == ["zwei\n", "eins\n"]
    assert list(read_documents(f"{tmp_path}/**/t*.txt").texts) == ["zwei\n"]
    monkeypatch.chdir(tmp_path)
    assert list(read_documents("?/*.txt").texts) == ["zwei\n"]
    assert "no file is called so" in refused(f"{tmp_path}/*.html")
    (tmp_path / "empty").mkdir()
    assert "empty: this folder is empty" in refused(tmp_path / "empty")
    write(tmp_path / "empty", "x", "x.png")
    assert "empty: none of these files is a text" in refused(tmp_path / "empty")
    assert list(read_documents(f"{tmp_path}/empty/*.png").texts) == ["x"]


@pytest.mark.parametrize(("names", "key"), [("review,sentiment", "review"), ("评论,情感", "评论")])
def test_a_file_of_labelled_texts_is_read_as_a_classifier_reads_it(
    tmp_path: Path, names: str, key: str
) -> None:
    path = write(tmp_path, f"{names}\na fine film,good\na dull one,bad\n", "reviews.csv")
    documents = read_documents(path)
    assert list(documents.texts) == ["a fine film", "a dull one"]
    assert documents.form.text == key


def test_equal_documents_stay_together() -> None:
    texts = [f"poem {n % 7}" + (" \n" if n % 2 else "") for n in range(40)]
    documents = read_documents(texts)
    assert documents.notes == (
        "input: 33 documents repeat an earlier one (the first: input, row 7)",
    )
    parts = grouped_parts(documents.groups, validation=0.2, test=0.2)
    sides = [
        {texts[row].strip() for row in rows} for rows in (parts.train, parts.validation, parts.test)
    ]
    assert all(sides)
    assert sum(map(len, sides)) == 7
    long = "x" * (1 << 20)
    assert len(set(document_hashes([long, long + "a", long + "b", long + "bc"]).tolist())) == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "", "a.txt: the file is empty; expected text"),
        ("a.txt", " \n \n", "a.txt: the file is empty; expected text"),
        ("a.jsonl", "", "a.jsonl: the file is empty"),
        ("a.jsonl", '{"a": 1, "t": null}\n', "a.jsonl: there is no text; there is a, t; expected texts, or lists of lines"),
        ("a.json", '{"poems": [{"p": ["x"]}]}', "a.json: there is no text; there is poems"),
        ("a.jsonl", '{"from": "x", "to": "y"}\n', 'which of from, to is the text cannot be told; expected texts, or lists of lines'),
        ("a.jsonl", '{"from": "x", "to": "y"}\n', 'under the name text; name it: text="from" (--text from)'),
        ("a.jsonl", '{"text": "x"}\n\n{"text": 7}\n', "a.jsonl, row 3, key text: 7 is no text; expected a text, or a list of lines"),
        ("a.json", '["x", ["y", 3]]', "a.json, row 2, line 2: 3 is no text"),
        ("a.json", "[1, 2]", "a.json, row 1: 1 is no text; expected a text, or a list of lines"),
        ("a.json", '[{"text": {"de": "x"}}]', "a.json, row 1, key text: this is no text but an object with de; expected"),
        ("a.jsonl", '{"text": "x"}\n{"text": "y"\n', "a.jsonl, line 2: this is not JSON"),
        ("a.json", '["x"', "a.json, line 1: this is not JSON"),
        ("a.json", '["", null]', "a.json: every document (2) is empty"),
        ("a.json", '["\\ud800"]', "a.json, row 1: '\\ud800' holds half a character"),
        ("a.csv", "x,y\n1,2\n", "a.csv: there is no text; there is x, y"),
        ("a.csv", "id,text\n", "a.csv, row 1: there is no row below the names of the columns"),
        ("a.csv", "one,two\nthree,four\n", "a.csv, row 1: this line may be a row or the names of the columns: 'one, two'"),
        ("a.txt", b"%PDF-1.7 ...", "a.txt: this is a PDF file"),
        ("a.txt", b"text\x00text", "a.txt, line 1, byte 5 of the line (5 of the file): this is a binary file"),
        ("a.txt", "Gr\u00fc\u00dfe\n".encode("latin-1"), "a.txt, line 1, byte 3 of the line (3 of the file): byte 0xFC is not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    assert refused(write(tmp_path, content, name)).find(message) >= 0


SAID = "话说天下大势，分久必合，合久必分。\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SAID.encode() * 2 + SAID.encode("gb18030"), "line 3, byte 1 of the line (105 of the file): a mixture of encodings: byte 0xBB is not UTF-8"),
        (SAID.encode("gb18030") + SAID.encode(), "line 2, byte 1 of the line (36 of the file): a mixture of encodings: byte 0xE8 begins UTF-8, and"),
        (SAID.encode("gb18030") * 2 + b"\xff\xff\n", "is not UTF-8"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("split", ["file", "lines"])
def test_a_mixture_of_encodings(tmp_path: Path, content: bytes, message: str, split: Any) -> None:
    assert message in refused(write(tmp_path, content, "a.txt"), split=split)


@pytest.mark.parametrize(
    ("first", "then", "problem"),
    [
        ("utf-8", "gb18030", "0xBB is not UTF-8, in which the text before it is"),
        ("gb18030", "utf-8", "0xE8 begins UTF-8, and the text before it is GB18030"),
        ("gb18030", "latin-1", "0xFF is not GB18030, in which the text before it is"),
    ],
)
def test_a_mixture_of_encodings_far_into_a_file(
    tmp_path: Path, first: str, then: str, problem: str
) -> None:
    # More than is read at once: what was told before holds for what follows.
    begun = (SAID * 2000).encode(first)
    other = "ÿ\n" if then == "latin-1" else SAID
    path = write(tmp_path, begun + other.encode(then), "a.txt")
    with pytest.raises(InputError) as caught:
        read_in_pieces(path, DocumentsRequest(TextRequest(), "lines"), size=1000)
    place = f"{path}, line 2001, byte 1 of the line ({len(begun) + 1} of the file)"
    assert str(caught.value).startswith(f"{place}: a mixture of encodings: byte {problem}")


def test_what_was_told_of_the_encoding_holds() -> None:
    decoding = Decoding()
    for data in (b"plain\n", SAID.encode(), b"plain\r\n"):
        assert decoding(Source("a.txt", ".txt", data)) == data.decode().replace("\r", "")
    with pytest.raises(
        InputError, match=r"line 7, byte 1 of the line \(4 of the file\): a mixture of"
    ):
        decoding(Source("a.txt", ".txt", SAID.encode("gb18030"), 7, 3))


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    path = write(tmp_path, jsonl(OBJECTS), "a.jsonl")
    assert list(read_documents(path, text_column="t").texts) == ["登"] * 3
    message = refused(path, OptionError, text_column="q")
    assert message.endswith("a.jsonl: there is no 'q' (text); expected one of a, t, p")
    assert "split='lines', and this is JSON" in refused(path, OptionError, split="lines")
    assert "split='verse' does not exist" in refused(path, OptionError, split="verse")
    plain = write(tmp_path, "text", "a.txt")
    assert "text='q', and this is plain text" in refused(plain, OptionError, text_column="q")
    table = write(tmp_path, "x,y\n1,2\n", "b.csv")
    assert "split='lines', and this is a table" in refused(table, OptionError, split="lines")
    other = read_documents(
        write(tmp_path, jsonl([{"text": "x"}]), "c.jsonl"), like=DocumentsForm("p")
    )
    assert other.notes[0].endswith(
        "there is no 'p', which the model was trained on; another is read"
    )
    assert "a text ('one\\ntwo'...) stands where a file is read" in refused("one\ntwo")
    # And no folder is meant by nothing, such as the one in which the process runs.
    assert "a text (''...) stands where a file is read" in refused("")
    assert "the text file does not exist" in refused(str(tmp_path / "none.txt"))
    assert "the table has no rows" in refused([])


def test_one_enormous_line(tmp_path: Path) -> None:
    line = "天地玄黃" * 300_000
    path = write(tmp_path, line, "a.txt")
    for split in ("file", "lines", "paragraphs"):
        assert read_documents(path, split=split).texts[0] == line  # type: ignore[arg-type]
    path = write(tmp_path, jsonl([{"text": line}, {"text": "x"}]), "a.jsonl")
    assert list(map(len, read_documents(path).texts)) == [len(line), 1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "To be\n\n床前"),
        (
            "a.jsonl",
            jsonl([{"prompt": "To be", "text": "no"}, {"prompt": None}, {"prompt": "床前"}]),
        ),
        ("a.jsonl", jsonl([{"text": "To be"}, {"text": ""}, {"text": ["床前"]}])),
        ("a.csv", "id,prompt\n1,To be\n2,\n3,床前\n"),
        ("a.json", '["To be", "", "床前"]'),
    ],
)
def test_a_prompt_for_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    expected = ["To be", "", "床前"]
    path = write(tmp_path, content, name)
    parts = list(iter_prompts(path, rows=2))
    assert max(map(len, parts)) == 2
    assert [text for part in parts for text in part.texts] == expected
    last = 4 if name == "a.csv" else 3
    place = parts[-1].where(len(parts[-1]) - 1)
    assert place == f"{path}, {'line' if name == 'a.txt' else 'row'} {last}"
    given(monkeypatch, content.encode())
    column = "prompt" if name == "a.csv" else None
    found = iter_prompts("-", text_column=column)
    assert [text for part in found for text in part.texts] == expected
    assert [part.texts for part in iter_prompts(expected)] == [expected]


def test_prompts_are_given_as_they_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.RawIOBase):
        def __init__(self, blocks: Iterator[bytes]) -> None:
            self.blocks = blocks

        def read1(self, size: int) -> bytes:
            return next(self.blocks, b"")

    came: list[str] = []

    def blocks() -> Iterator[bytes]:
        for line in ("eins", "", "drei"):
            came.append(line)
            yield f"{line}\n".encode()

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Slow(blocks())))
    parts = iter_prompts("-")
    assert next(parts).texts == ["eins"]
    assert came == ["eins"]
    assert [part.texts for part in parts] == [[""], ["drei"]]


def test_prompts_that_begin_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, b"\n\n")
    assert [part.texts for part in iter_prompts("-")] == [["", ""]]
    given(monkeypatch, b"")
    with pytest.raises(InputError, match="stdin is empty"):
        list(iter_prompts("-"))
    with pytest.raises(OptionError, match="rows=0"):
        list(iter_prompts(["a"], rows=0))


def test_what_is_no_prompt_is_refused(tmp_path: Path) -> None:
    for content, message in (
        (jsonl([{"prompt": 3}]), "a.jsonl, row 1, key prompt: 3 is no text"),
        (jsonl([{"prompt": "x"}, {"prompt": 3}]), "a.jsonl, row 2, key prompt: 3 is no text"),
        ("{", "a.jsonl, line 1: this is not JSON"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            list(iter_prompts(write(tmp_path, content, "a.jsonl")))
