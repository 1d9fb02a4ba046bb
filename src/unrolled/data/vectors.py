"""Word vectors from a file in the usual text format, of the words that are wanted and no others."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.unpacking import Reader, open_file
from unrolled.errors import InputError

VECTOR_FILES = (
    'word vectors as text, "word number number ..." a line (GloVe, word2vec, fastText .vec)'
)

_BLOCK = 1 << 22
_HEADER = re.compile(rb"\s*(\d+)[ \t]+(\d+)\s*")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # never in text
_FASTTEXT_MODEL = b"\xba\x16\x4f\x2f"
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Vectors:
    """Vectors of n words.

    Attributes:
        words: (n,) those of the wanted words that are in the file, in the order they were asked in.
        rows: (n, D) float32, a row for each.
        dimension: D.
        read: how many vectors the file holds.
    """

    words: tuple[str, ...]
    rows: NDArray[np.float32]
    dimension: int
    read: int


def read_vectors(path: str | Path, wanted: Iterable[str]) -> Vectors:
    r"""Read the vectors of the wanted words.

    The text format of GloVe (Pennington, Socher & Manning 2014: no header), of word2vec (Mikolov et
    al. 2013) and of fastText's .vec (Bojanowski et al. 2017: a first line "count dimension");
    also packed as .gz, .xz or .zip. A wanted word that is not in the file takes the vector of itself in
    small letters, where that is there. Where a word is in the file twice, the first one counts. A word of
    the file may hold spaces. The file is streamed: memory holds the vectors found and a few MB.
    The numbers of other words are not looked at.

    Args:
        path: the file; "-" is standard input.
        wanted: the words, as the vocabulary spells them.

    Raises:
        InputError: there is no such file, it cannot be unpacked, is binary or holds no vectors; a wanted
            line holds something that is no finite number, or too few or too many of them; or none of the
            wanted words is there.

    >>> _ = Path("tiny.vec").write_text("3 2\nthe 0.5 1\nfilm 2 3\n房间 4 5\n", encoding="utf-8")
    >>> found = read_vectors("tiny.vec", ["房间", "The", "unheard-of"])
    >>> found.words, found.rows.tolist(), found.dimension, found.read
    (('房间', 'The'), [[4.0, 5.0], [0.5, 1.0]], 2, 3)
    """
    words = tuple(dict.fromkeys(wanted))
    keys = {key: None for word in words for key in (_bytes(word), _bytes(word.lower()))}
    file = open_file(path, "file of word vectors")
    with file.open() as reader:
        lines = _lines(reader, file.name)
        layout, lines = _layout(file.name, lines)
        found, read = _found(file.name, lines, layout, keys)
    chosen = [(word, _row_of(word, found)) for word in words]
    there = [(word, row) for word, row in chosen if row is not None]
    if words and not there:
        raise InputError(
            f"none of the {len(words):,} words is among its {read:,} vectors",
            where=file.name,
            expected="vectors of the language of the texts",
            fix="give vectors of words as the vocabulary spells them, "
            f"which are such as {', '.join(map(repr, words[:3]))}",
        )
    rows = np.array([row for _, row in there], dtype=np.float32)
    found_words = tuple(word for word, _ in there)
    return Vectors(found_words, rows.reshape(-1, layout.dimension), layout.dimension, read)


class Line(NamedTuple):
    """A line of the file, from 1, without its end."""

    number: int
    text: bytes


class Layout(NamedTuple):
    """How the lines are read: ``told`` says where the dimension comes from."""

    dimension: int
    separator: bytes
    told: str


def _lines(reader: Reader, name: str) -> Iterator[Line]:
    number, carry = 0, b""
    while block := reader.read(_BLOCK):
        if number == 0 and not carry:
            _require_text(name, block)
            block = block.removeprefix(_MARK)
        texts = (carry + block).split(b"\n")
        carry = texts.pop()
        for text in texts:
            number += 1
            yield Line(number, text)
    if carry.strip():
        yield Line(number + 1, carry)


def _require_text(name: str, head: bytes) -> None:
    if head.startswith(_FASTTEXT_MODEL):
        raise InputError(
            "this is a fastText model, not text",
            where=name,
            expected=VECTOR_FILES,
            fix="give the .vec file that belongs to it",
        )
    if _CONTROL.search(head, 0, 1 << 16):
        header = _HEADER.fullmatch(head.partition(b"\n")[0]) is not None
        raise InputError(
            f"this is a binary {'word2vec file' if header else 'file'}, not text",
            where=name,
            expected=VECTOR_FILES,
            fix="save it as text, say with gensim: KeyedVectors.load_word2vec_format("
            f"{name!r}, binary=True).save_word2vec_format('vectors.txt')"
            if header
            else None,
        )


def _layout(name: str, lines: Iterator[Line]) -> tuple[Layout, Iterator[Line]]:
    """Tell the dimension by the header or the first vector, and return the lines of vectors."""
    first = next(lines, None)
    if first is None:
        raise InputError("it is empty", where=name, expected=VECTOR_FILES)
    header = _HEADER.fullmatch(first.text)
    if header and int(header[2]) > 0:
        following = next(lines, None)
        if following is None:
            raise InputError("it holds a header and no vector", where=name, expected=VECTOR_FILES)
        layout = Layout(int(header[2]), _separator(following.text), "the first line says")
        return layout, chain([following], lines)
    separator = _separator(first.text)
    fields = first.text.rstrip().split(separator)
    numbers = 0
    while numbers < len(fields) - 1 and _number(fields[-1 - numbers]) is not None:
        numbers += 1
    if not numbers:
        raise InputError(
            f"{_shown(first.text)} is no word and its vector",
            where=_place(name, first),
            expected=VECTOR_FILES,
        )
    return Layout(numbers, separator, f"line {first.number} has"), chain([first], lines)


def _found(
    name: str, lines: Iterator[Line], layout: Layout, keys: Mapping[bytes, None]
) -> tuple[dict[bytes, NDArray[np.float32]], int]:
    """Return the vectors of those words that are among the keys, and how many lines hold a vector."""
    found: dict[bytes, NDArray[np.float32]] = {}
    read, separator = 0, layout.separator
    for line in lines:
        text = line[1]
        # Most lines end here: millions of numbers that nobody wants are never parsed.
        if (word := text[: text.find(separator)]) not in keys:
            read += bool(word)
            continue
        word, fields = _fields(name, line, layout)
        read += 1
        if word in keys and word not in found:
            found[word] = _vector(name, line, fields)
    return found, read


def _fields(name: str, line: Line, layout: Layout) -> tuple[bytes, list[bytes]]:
    fields = line.text.rstrip().split(layout.separator)
    word, values = fields[: -layout.dimension], fields[-layout.dimension :]
    # "at" may begin the word "at name@example.com", which has a vector of its own.
    if not word or (len(word) > 1 and all(_number(field) is not None for field in word[1:])):
        count = len(fields) - 1
        raise InputError(
            f"this line has {count} number{'' if count == 1 else 's'} after {_shown(fields[0])}",
            where=_place(name, line),
            expected=f"{layout.dimension}, as {layout.told}",
            fix="get the file again if it is cut off, or remove the line",
        )
    return layout.separator.join(word), values


def _vector(name: str, line: Line, fields: list[bytes]) -> NDArray[np.float32]:
    numbers = [_number(field) for field in fields]
    if None in numbers:
        place = numbers.index(None)
        raise InputError(
            f"{_shown(fields[place])} is not a finite number",
            where=f"{_place(name, line)}, number {place + 1}",
            fix="correct it, or remove the line",
        )
    return np.array(numbers, dtype=np.float32)


def _number(field: bytes) -> float | None:
    try:
        number = float(field)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _row_of(word: str, found: Mapping[bytes, NDArray[np.float32]]) -> NDArray[np.float32] | None:
    exact = found.get(_bytes(word))
    return found.get(_bytes(word.lower())) if exact is None else exact


def _separator(text: bytes) -> bytes:
    return b"\t" if b"\t" in text and b" " not in text.strip() else b" "


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def _shown(text: bytes) -> str:
    shown = text[:40].decode("utf-8", "replace").strip()
    return repr(shown + ("..." if len(text) > 40 else ""))


def _place(name: str, line: Line) -> str:
    return f"{name}, line {line.number}"
