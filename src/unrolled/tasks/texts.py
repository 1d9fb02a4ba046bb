"""Texts that are given one by one, checked before anything reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from unrolled.data.pair_rows import checked_text, short
from unrolled.errors import InputError


def as_texts(given: str | Iterable[str]) -> list[str]:
    """Return one text, or several, as a list.

    Raises:
        InputError: something in it is no text.

    >>> as_texts("a"), as_texts(("a", "b"))
    (['a'], ['a', 'b'])
    """
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise InputError(f"{short(given)} is no text", expected="a text, or several")
    if isinstance(given, Mapping) or hasattr(given, "columns"):
        # Iterated they would give the names of their columns.
        raise InputError(
            f"a {type(given).__name__} is no text",
            expected="a text, or several",
            fix="give one of its columns, or the whole to predict()",
        )
    texts = [given] if isinstance(given, str) else given
    return [checked_text(text, f"text {number}") for number, text in enumerate(texts)]
