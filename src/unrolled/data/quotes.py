"""Whether the quotes of a file enclose fields, as in CSV, or are signs of its text like any other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

_NEWLINE, _RETURN, _QUOTE, _SPACE = 10, 13, 34, 32


def quotes_are_signs(blocks: Iterable[bytes], separator: str) -> bool:
    r"""Tell whether the quotes in a file are part of the text.

    They are when one of them stands inside a field, where CSV would have doubled it, and every line has the same number
    of fields when no quote counts. Many files with tabs between the columns are written so; there they are also when they
    would join lines that are whole by themselves: speech that begins in one line and ends in another.

    Args:
        blocks: the bytes of the file, cut anywhere.
        separator: between fields.

    >>> quotes_are_signs([b'1\tsay "hi"\n0\t"Well", he said\n'], "\t")
    True
    >>> quotes_are_signs([b'1,"say ""hi"", they said"\n0,no\n'], ",")
    False
    >>> quotes_are_signs([b'"Ja.\tYes.\nGut."\tFine.\n'], "\t")
    True
    """
    between = ord(separator)
    seen = _Seen()
    for block in blocks:
        signs = np.frombuffer(seen.tail + block, dtype=np.uint8)
        if not seen.is_misplaced:
            seen.look_at_quotes(signs, between)
        seen.count_fields(np.frombuffer(block, dtype=np.uint8), between)
        if not seen.is_even:
            return False
    return seen.is_misplaced or (separator == "\t" and seen.would_join_rows())


def misplaced_quotes(
    signs: NDArray[np.uint8], between: int, *, inside: bool = False
) -> tuple[Rows, Rows, int]:
    """Find the quotes that open after text, those that close before text, and the number of all.

    Two quotes that touch are in their place. The first two signs and the last are looked at as neighbours only.

    Args:
        signs: of a file, or of a part of it.
        between: the separator.
        inside: the part begins within quotes.
    """
    places = np.flatnonzero(signs[2:-1] == _QUOTE) + 2
    opens = (np.arange(len(places)) % 2 == 0) != inside
    before, earlier, after = signs[places - 1], signs[places - 2], signs[places + 1]
    begins = np.isin(before, (between, _NEWLINE, _RETURN, _QUOTE))
    begins |= (before == _SPACE) & np.isin(earlier, (between, _NEWLINE))
    ends = np.isin(after, (between, _NEWLINE, _RETURN, _QUOTE))
    return places[opens & ~begins], places[~opens & ~ends], len(places)


class _Seen:
    """What is known after some blocks: are all lines of one width, and is there a quote that encloses nothing."""

    def __init__(self) -> None:
        self.tail = b"\n\n"
        self.is_even = True
        self.is_misplaced = False
        self._joins_lines = False
        self._inside = False
        self._fields: int | None = None
        self._in_line, self._signs_in_line = 0, 0

    def look_at_quotes(self, signs: NDArray[np.uint8], between: int) -> None:
        """Look for a misplaced quote; the last sign waits for what comes after it."""
        opening, closing, count = misplaced_quotes(signs, between, inside=self._inside)
        self.is_misplaced = len(opening) + len(closing) > 0
        quotes, ends = (np.flatnonzero(signs[2:-1] == sign) for sign in (_QUOTE, _NEWLINE))
        are_inside = (np.searchsorted(quotes, ends) % 2 == 1) != self._inside
        self._joins_lines |= bool(are_inside.any())
        self._inside ^= count % 2 == 1
        self.tail = signs[-3:].tobytes()

    def would_join_rows(self) -> bool:
        """Tell, after the last block, whether rows of several fields would be one if quotes enclosed fields."""
        is_open = self._inside != (self.tail[-1] == _QUOTE)
        return bool(self._fields) and (self._joins_lines or is_open)

    def count_fields(self, signs: NDArray[np.uint8], between: int) -> None:
        """Compare the lines that end in this block with the first line of the file; empty lines do not count."""
        ends = np.flatnonzero(signs == _NEWLINE)
        separators = np.flatnonzero(signs == between)
        counts = np.diff(np.searchsorted(separators, ends), prepend=0)
        sizes = np.diff(ends, prepend=-1) - 1
        if len(ends):
            counts[0] += self._in_line
            sizes[0] += self._signs_in_line
            widths = counts[
                (sizes > 0) & ~((sizes == 1) & (counts == 0) & (signs[ends - 1] == _RETURN))
            ]
            if self._fields is None and len(widths):
                self._fields = int(widths[0])
            self.is_even &= bool(np.all(widths == self._fields))
            self._in_line, self._signs_in_line = 0, 0
        last = ends[-1] if len(ends) else -1
        self._in_line += len(separators) - int(np.searchsorted(separators, last))
        self._signs_in_line += len(signs) - 1 - int(last)
