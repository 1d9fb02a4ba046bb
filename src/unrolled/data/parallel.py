"""Two text files of which line n of one belongs to line n of the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from unrolled.data.chunks import CHUNK, text_chunks
from unrolled.data.pair_form import PairsForm
from unrolled.data.pair_pieces import PairPiece
from unrolled.data.pieces import Where
from unrolled.data.sources import Source, decode, require_readable
from unrolled.data.unpacking import File, open_file
from unrolled.errors import InputError

_TOGETHER = 10_000


def parallel_pieces(
    source: str | Path, target: str | Path, *, size: int = CHUNK
) -> Iterator[PairPiece]:
    r"""Yield the lines of two files as pairs; only "\n", or "\r\n", ends a line.

    Raises:
        InputError: a file cannot be read, or they have different numbers of lines.
    """
    files = [open_file(path, "text file") for path in (source, target)]
    for file in files:
        with file.open() as reader:
            require_readable(Source(file.name, file.suffix, reader.read(1 << 16)), "text file")
    names = " and ".join(file.name for file in files)
    lines = [_lines(file, size) for file in files]
    done = 0
    while True:
        sides = [list(islice(side, _TOGETHER)) for side in lines]
        if len(sides[0]) != len(sides[1]):
            counts = [
                done + len(side) + sum(1 for _ in rest)
                for side, rest in zip(sides, lines, strict=True)
            ]
            raise InputError(
                f"{files[0].name} has {counts[0]} lines and {files[1].name} has {counts[1]}",
                expected="as many lines in both, line n of one belonging to line n of the other",
                fix="look for a line that is missing or broken in two, or for empty lines at the end",
            )
        if not sides[0]:
            return
        yield PairPiece(sides[0], sides[1], PairsForm(), _where(names, done + 1))
        done += len(sides[0])


def _lines(file: File, size: int) -> Iterator[str]:
    line = 1
    for source in text_chunks(file, size=size, every_line=True):
        lines = decode(replace(source, line=line)).removesuffix("\n").split("\n")
        line += len(lines)
        yield from (each.removesuffix("\r") for each in lines)


def _where(names: str, first: int) -> Where:
    return lambda row: f"{names}, line {first + row}"
