"""Pairs of texts from Python sequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from unrolled.data.pair_form import PairsForm
from unrolled.data.pair_pieces import PairPiece
from unrolled.errors import InputError


def from_sides(sources: Any, targets: Any = None) -> PairPiece:
    """Take a sequence of sources, and one of as many targets.

    Raises:
        InputError: there are not as many of both, or one is no text.
    """
    if targets is not None and len(sources) != len(targets):
        raise InputError(
            f"there are {len(sources)} sources and {len(targets)} targets",
            expected="as many of both",
        )
    written = None if targets is None else _texts(targets, "target")
    return PairPiece(_texts(sources, "source"), written, PairsForm(), _where)


def from_pairs(pairs: Sequence[Any]) -> PairPiece:
    """Take a sequence of (source, target).

    Raises:
        InputError: an item is none.
    """
    for row, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list, np.ndarray)) or len(pair) != 2:
            raise InputError(
                f"{short(pair)} is no pair", where=_where(row), expected="(source, target)"
            )
    return from_sides([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def _texts(values: Iterable[Any], role: str) -> list[str]:
    texts = []
    for row, value in enumerate(values):
        text = "" if is_missing(value) else checked_text(value, f"{_where(row)}, {role}")
        texts.append(text)
    return texts


def is_missing(value: Any) -> bool:
    """Tell whether it stands for no text: None, NaN, or what pandas has in their place."""
    is_nan = isinstance(value, (float, np.floating)) and bool(np.isnan(value))
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def checked_text(value: Any, where: str) -> str:
    """Return a text that is one.

    Raises:
        InputError: it is none, or holds half of a character that takes two in UTF-16.
    """
    if not isinstance(value, str):
        raise InputError(f"{short(value)} is no text", where=where, expected="text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{short(value)} holds half a character ({value[error.start]!a})",
            where=where,
            expected="Unicode text",
            fix="decode it as what it was written in, or leave such characters out",
        ) from None
    return str(value)


def short(value: Any) -> str:
    """Return a value as a message can hold it.

    >>> short(3), short("x" * 50)
    ('3', "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...")
    """
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def _where(row: int) -> str:
    return f"input, row {row}"
