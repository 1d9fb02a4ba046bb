"""Words and tags from Python values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unrolled.data.pair_rows import checked_text, short
from unrolled.errors import InputError


def words_of(held: Any, place: str) -> list[str]:
    """Return a sentence given as a list of words.

    Raises:
        InputError: it is none, or one of them is no text or holds nothing.
    """
    return _texts(held, "word", place)


def tags_of_row(held: Any, place: str) -> list[str]:
    """Return the tags of a sentence, as a list or as a text with spaces between them; whole numbers are names.

    Raises:
        InputError: it is none of them.
    """
    return held.split() if isinstance(held, str) else _texts(held, "tag", place)


def _texts(held: Any, what: str, place: str) -> list[str]:
    if isinstance(held, (Mapping, bytes)) or not hasattr(held, "__iter__"):
        raise InputError(
            f"{short(held)} is no list of {what}s",
            where=place,
            expected=f"a list of {what}s, or text",
        )
    return [text_of(value, f"{place}, {what} {number}") for number, value in enumerate(held, 1)]


def text_of(value: Any, place: str) -> str:
    """Return a word or a tag, which may be a whole number.

    Raises:
        InputError: it is neither text nor such a number, or nothing but spaces.
    """
    # NumPy's numbers are whole too, and True is not.
    is_number = hasattr(value, "__index__") and not isinstance(value, bool)
    text = str(value) if is_number else checked_text(value, place)
    if not text.strip(" "):
        raise InputError(
            "there is nothing here",
            where=place,
            expected="a word and its tag",
            fix="leave both out",
        )
    return text
