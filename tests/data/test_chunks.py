"""What is read in pieces is what is read at once, row by row and place by place, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from tests.data.labelled_of import write
from unrolled.data import chunks, table_chunks
from unrolled.data.chunks import HEAD, text_chunks
from unrolled.data.label_columns import Request
from unrolled.data.labelled import Labelled, iter_labelled, read_in_pieces, read_labelled
from unrolled.data.quotes import quotes_are_signs
from unrolled.data.texts import TextStore
from unrolled.data.unpacking import open_file
from unrolled.errors import InputError

COUNT = 4000


def texts(quote: str = '"') -> list[str]:
    chosen = random.Random(0)
    words = ["film", "good", "bad,", "线\n路", "", f"{quote}so{quote}", "a\tb", "é", "x" * 60]
    return [" ".join(chosen.choices(words, k=chosen.randrange(9))) + str(k) for k in range(COUNT)]


def labels() -> list[str]:
    return [("yes", "no", "perhaps")[k * k % 3] for k in range(COUNT)]


def table() -> pl.DataFrame:
    return pl.DataFrame({"text": texts(), "label": labels()})


def csv() -> bytes:
    return table().write_csv().encode()


def plain_tsv() -> bytes:
    rows = (text.replace("\n", " ").replace("\t", " ") for text in texts())
    pairs = zip(labels(), rows, strict=True)
    return ("label\ttext\n\n" + "".join(f"{a}\t{b}\n" for a, b in pairs) + "\n\n").encode()


def jsonl() -> bytes:
    rows = (json.dumps(row, ensure_ascii=False) for row in table().iter_rows(named=True))
    return "\n\n".join(rows).encode()


def parquet() -> bytes:
    packed = io.BytesIO()
    table().write_parquet(packed, row_group_size=1000)
    return packed.getvalue()


def wide() -> bytes:
    rows = (f"{k},{k + 1},{k % 7 or ''},{label}" for k, label in enumerate(labels()))
    return ("a,b,c,label\n" + "\n".join(rows)).encode()


FILES: dict[str, Callable[[], bytes]] = {
    "a.csv": csv,
    "b.csv": lambda: csv().replace(b"\n", b"\r\n"),
    "c.csv": lambda: b"\xef\xbb\xbf" + csv(),
    "d.csv.gz": lambda: gzip.compress(csv()),
    "e.csv.xz": lambda: lzma.compress(csv()),
    "f.csv": lambda: csv().decode().encode("utf-16"),
    "g.tsv": plain_tsv,
    "h.jsonl": jsonl,
    "i.jsonl.gz": lambda: gzip.compress(jsonl()),
    "j.parquet": parquet,
    "k.csv": wide,
}


def content(rows: Labelled, places: bool = True) -> list[tuple[Any, str, str]]:
    inputs = [row if isinstance(row, str) else row.tolist() for row in rows.inputs]
    where = map(rows.where, range(len(inputs))) if places else [""] * len(inputs)
    return list(zip(inputs, rows.labels or [""] * len(inputs), where, strict=True))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [100, 3000])
def test_pieces_of_any_size_hold_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int
) -> None:
    path = write(tmp_path, FILES[name](), name)
    whole = read_labelled(path)
    for module in (chunks, table_chunks):
        monkeypatch.setattr(module, "HEAD", 5000)
    pieces = read_in_pieces(path, Request(), size=size, in_memory=2000)
    assert content(pieces) == content(whole)
    assert len(whole.inputs) == COUNT
    assert pieces.notes == whole.notes
    if whole.form.kind == "text":
        assert isinstance(pieces.inputs, TextStore)
        assert isinstance(whole.inputs, list)


def test_a_row_longer_than_a_piece_comes_whole(tmp_path: Path) -> None:
    row = '"' + "long\n" * 60_000 + '",1\n'
    path = write(tmp_path, "text,label\n" + row + "short,0\n" + row)
    rows = read_in_pieces(path, Request(), size=100)
    assert [len(text) for text in rows.inputs] == [300_000, 5, 300_000]
    assert rows.where(2).endswith("row 60004")


def test_places_of_mistakes_far_into_a_file(tmp_path: Path) -> None:
    good = "text,label\n" + "some words of text,1\n" * 10_000

    def message(rows: bytes, suffix: str = "") -> str:
        path = write(tmp_path, good.encode() + rows)
        with pytest.raises(InputError) as caught:
            read_in_pieces(path, Request(), size=100)
        return str(caught.value).replace(f"{tmp_path}/", "")

    assert len(good) > 2 * HEAD
    assert message(b"a\nb,1,2\n").startswith(
        "a.csv, row 10002: this row has 1 field; expected 2, as in row 1"
    )
    assert message(b"one,\n").startswith("a.csv, row 10002, column label: the label is missing")
    place = len(good) + 3
    assert message(b"on\xe9,1\n").startswith(
        f"a.csv, line 10002, byte 3 of the line ({place} of the file): byte 0xE9 is not UTF-8"
    )
    assert message(b'"never,1\nclosed,1\n').startswith(
        "a.csv, line 10002: a quote is opened and never closed"
    )


def test_columns_missing_in_later_rows(tmp_path: Path) -> None:
    rows = ['{"text": "some words of text", "label": 1}'] * 3000 + ['{"text": "bare"}'] * 3000
    path = write(tmp_path, "\n".join(rows), "a.jsonl")
    made = read_in_pieces(path, Request(needs_labels=False), size=100)
    assert list(made.labels or ())[2999:3001] == ["1", ""]
    with pytest.raises(InputError, match="row 3001, column label: the label is missing"):
        read_in_pieces(path, Request(), size=100)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pieces_end_with_a_row(tmp_path: Path, end: str) -> None:
    data = ("one,1" + end + '"two' + end + '2",2' + end + end + "three,3" + end + end) * 9
    file = open_file(write(tmp_path, data))
    sources = list(text_chunks(file, size=1, quoted=True))
    assert b"".join(source.data for source in sources).decode().strip() == data.strip()
    assert all(source.data.count(b'"') % 2 == 0 for source in sources)


@pytest.mark.parametrize(
    ("data", "separator", "signs"),
    [
        ('a,"b"\n', ",", False),
        ('a,"b ""c"" d"\n"",""\n', ",", False),
        ('a, "b"\n', ",", False),
        ('a,5" x\n', ",", True),
        ('a,"b" c\n', ",", True),
        ('a,"b, c"\nd,5" x\n', ",", False),
        ('a,"b\nc,d\n', ",", False),
        ('a,"b\nc",d\n', ",", False),
        ('a\t"b\nc\td\n', "\t", True),
        ('a\t"b\nc\td"\n', "\t", True),
        ('a\t"b\nc"\n', "\t", False),
        ('a\t"b"\nc\t"d"', "\t", False),
        ('"b\nc"\n', "\t", False),
        ('a\t"b" c\n\nd\te\n', "\t", True),
    ],
)
def test_quotes_are_told_alike_from_blocks_of_any_size(
    data: str, separator: str, signs: bool
) -> None:
    for size in (1, 2, 3, 5, 100):
        blocks = [data.encode()[k : k + size] for k in range(0, len(data), size)]
        assert quotes_are_signs(blocks, separator) is signs


def test_rows_are_given_some_at_a_time(tmp_path: Path) -> None:
    path = write(tmp_path, jsonl(), "a.jsonl")
    parts = list(iter_labelled(path, rows=900))
    assert [len(part) for part in parts] == [900, 900, 900, 900, 400]
    joined = [row for part in parts for row in content(part)]
    assert joined == content(read_labelled(path))
    assert [list(part.inputs) for part in iter_labelled({"text": ["a", "b", "c"]}, rows=2)] == [
        ["a", "b"],
        ["c"],
    ]


class Arriving(io.RawIOBase):
    """Standard input whose lines come one by one, and that knows how many were asked for."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines, self.asked, self.rest = lines, 0, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.asked == len(self.lines) and not self.rest:
            return 0
        if not self.rest:
            self.rest = self.lines[self.asked]
            self.asked += 1
        part, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


@pytest.mark.parametrize(
    "lines",
    [
        [b"first\n", b"sec", b"ond\n", b"\n", b"last"],
        [
            b'{"text": "first"}\n',
            b'{"text": "sec',
            b'ond"}\n',
            b'{"text": ""}\n',
            b'{"text": "last"}',
        ],
    ],
)
def test_lines_of_standard_input_are_given_as_they_come(
    monkeypatch: pytest.MonkeyPatch, lines: list[bytes]
) -> None:
    stdin = Arriving(lines)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(stdin)))
    parts = iter_labelled("-")
    first = next(parts)
    assert list(first.inputs) == ["first"]
    assert stdin.asked == 1
    rest = list(parts)
    assert [text for part in rest for text in part.inputs] == ["second", "", "last"]
    assert rest[-1].where(0) in ("stdin, line 4", "stdin, row 4")


@pytest.mark.parametrize("data", [csv(), gzip.compress(csv()), csv().decode().encode("utf-16")])
def test_tables_of_standard_input_in_pieces(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    made = [text for part in iter_labelled("-") for text in part.inputs]
    assert made == texts()


def test_texts_on_disk() -> None:
    store = TextStore(texts())
    assert list(store) == texts()
    assert store[COUNT - 1] == store[-1] == texts()[-1]
    assert store[5:900:7] == texts()[5:900:7]
    assert store[7:3] == []
    assert store.take([3, 3, 1]) == [texts()[3], texts()[3], texts()[1]]
    store.extend(["more"])
    assert store[COUNT] == "more"
    for row in (COUNT + 1, -COUNT - 2):
        with pytest.raises(IndexError):
            store[row]
    assert TextStore(["\ud800"])[0] == "?"


MEASURE = """
import resource, sys
from unrolled.data.labelled import read_labelled
read_labelled({"text": ["a"], "label": ["b"]})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = read_labelled(sys.argv[1])
assert len(rows.inputs) == 1_000_000
assert rows.inputs[777_777].endswith("number 777777")
assert rows.labels[777_777] == "bad"
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_million_rows_in_bounded_memory(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    with path.open("w") as file:
        file.write("text,label\n" if suffix == "csv" else "")
        for k in range(1_000_000):
            row = {
                "text": f"a short review, with some words in it, and its number {k}",
                "label": ("good", "bad")[k % 2],
            }
            line = '"{text}",{label}'.format(**row) if suffix == "csv" else json.dumps(row)
            file.write(line + "\n")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], check=True, capture_output=True, text=True
    )
    assert float(done.stdout) < 400, f"{done.stdout} MB"
