"""Rows held out for validation and test, and rows that stand in two parts at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.label_codes import Labels
from unrolled.errors import OptionError

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """Row numbers of three parts, each in rising order; a part may be empty.

    Attributes:
        train: every class has a row here.
        validation: chooses when to stop.
        test: is scored once.
        notes: one line for what could not be divided as asked.
    """

    train: Rows
    validation: Rows
    test: Rows
    notes: tuple[str, ...] = ()


def stratified_parts(
    labels: Sequence[str], *, validation: float = 0.1, test: float = 0.1, seed: int = 0
) -> Parts:
    """Divide rows at random, every class in the same proportions, the same for the same seed.

    Each held-out part has exactly as many rows as asked for, when classes leave one row each in train: of every class
    the whole part of its share, and the rows left over from the classes that lost most by rounding.

    Args:
        labels: (N,) of the rows.
        validation: a share of the rows below 1, or a number of rows.
        test: the same.
        seed: of the random choice.

    >>> parts = stratified_parts(["a"] * 6 + ["b"] * 4, validation=0.2, test=0.3, seed=0)
    >>> len(parts.train), len(parts.validation), len(parts.test)
    (5, 2, 3)

    Raises:
        OptionError: a part is negative, or nothing is left to train on.
    """
    coded = Labels.of(labels)
    codes, total = coded.codes.astype(np.int64), len(coded)
    sizes = np.array(_held_out(validation, test, total))
    counts = np.bincount(codes, minlength=len(coded.names))
    random = np.random.default_rng(seed)
    shuffled = random.permutation(total)
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    free = np.maximum(counts - 1, 0)
    parts = []
    for size in sizes:
        share = _largest_remainder(counts, int(size), free)
        parts.append(_first(by_class, starts, share))
        starts, free = starts + share, free - share
    is_held = np.zeros(total, dtype=bool)
    is_held[np.concatenate(parts)] = True
    return Parts(np.flatnonzero(~is_held), parts[0], parts[1], _notes(coded, counts, sizes, parts))


def grouped_parts(
    groups: ArrayLike, *, validation: float = 0.1, test: float = 0.1, seed: int = 0
) -> Parts:
    """Divide rows at random, all rows of a group in one part: what is equal in two rows is never trained on and scored.

    Each held-out part has as many rows as asked for, or fewer by less than its largest group.

    Args:
        groups: (N,) whole numbers, equal for rows of one group.
        validation: a share of the rows below 1, or a number of rows.
        test: the same.
        seed: of the random choice.

    >>> parts = grouped_parts([7, 7, 7, 1, 2, 3, 4, 5, 6, 8], validation=0.2, test=0.3)
    >>> len(parts.train), len(parts.validation), len(parts.test)
    (5, 2, 3)

    Raises:
        OptionError: a part is negative, or nothing is left to train on.
    """
    _, group_of, counts = np.unique(groups, return_inverse=True, return_counts=True)
    total = len(group_of)
    sizes = _held_out(validation, test, total)
    part_of, left = np.zeros(len(counts), dtype=np.int64), list(sizes)
    for group in np.random.default_rng(seed).permutation(len(counts)).tolist():
        for part in (1, 0):
            if counts[group] <= left[part]:
                left[part] -= int(counts[group])
                part_of[group] = part + 1
                break
    of_rows = part_of[group_of]
    train, held, scored = (np.flatnonzero(of_rows == part) for part in range(3))
    return Parts(train, held, scored)


def duplicates(train: Iterable[Any], other: Iterable[Any]) -> int:
    """Return how many rows of ``other`` stand in ``train`` too; see `repeated_rows`.

    >>> duplicates(["Good  film", "bad"], ["good film ", "fine"])
    1
    """
    return int(repeated_rows(train, other).sum())


def repeated_rows(train: Iterable[Any], other: Iterable[Any]) -> NDArray[np.bool_]:
    """Return for each row of ``other`` whether it stands in ``train``.

    Texts are the same but for capitals and white space; empty texts are never counted. Sequences of numbers are the same
    number by number. Memory takes 8 bytes a row: what is compared are hashes (blake2b of 64 bits).

    >>> repeated_rows([[1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]).tolist()
    [True, False]
    """
    return repeated(row_hashes(other), row_hashes(train))


def repeated(hashes: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which of ``hashes`` are among those ``known``; that of an empty row, 0, never is."""
    return np.isin(hashes, known) & (hashes != 0)


def row_hashes(rows: Iterable[Any]) -> NDArray[np.uint64]:
    """Return a hash of 64 bits of each row, 0 for an empty one."""
    return np.fromiter((_hash(row) for row in rows), dtype=np.uint64)


def _hash(row: Any) -> int:
    if isinstance(row, str):
        data = " ".join(row.casefold().split()).encode("utf-8", "replace")
    else:
        numbers = np.asarray(row, dtype=np.float32)
        if numbers.size == 0:
            return 0
        # -0.0 is 0.0; (T,) is (T, 1).
        numbers = numbers.reshape(len(numbers), -1) + np.float32(0)
        data = numbers.tobytes() + str(numbers.shape).encode()
    if not data:
        return 0
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") or 1


def _held_out(validation: float, test: float, total: int) -> tuple[int, int]:
    """Return how many rows each part has."""
    sizes = _rows(validation, total, "validation"), _rows(test, total, "test")
    if sum(sizes) >= total:
        raise OptionError(
            f"validation={validation} and test={test} hold out {sum(sizes)} of {total} rows",
            expected="some rows to train on",
            fix="hold out less",
        )
    return sizes


def _rows(part: float, total: int, option: str) -> int:
    if part < 0 or (part >= 1 and not float(part).is_integer()):
        raise OptionError(
            f"{option}={part}", expected="a share of the rows below 1, or a whole number of rows"
        )
    return round(part * total) if part < 1 else int(part)


def _largest_remainder(counts: Rows, size: int, free: Rows) -> Rows:
    """Divide ``size`` rows over the classes by their ``counts``, of none more than are ``free``."""
    exact = counts * size / counts.sum()
    share = np.minimum(np.floor(exact).astype(np.int64), free)
    while (left := size - int(share.sum())) > 0 and (share < free).any():
        lost = np.where(share < free, exact - share, -np.inf)
        # Of classes that lost the same the larger one gives; a stable order keeps it repeatable.
        order = np.lexsort((-counts, -lost))[: min(left, int((share < free).sum()))]
        share[order] += 1
    return share


def _first(by_class: Rows, starts: Rows, share: Rows) -> Rows:
    taken = [by_class[s : s + n] for s, n in zip(starts, share, strict=True)]
    return np.sort(np.concatenate([np.zeros(0, np.int64), *taken]))


def _notes(coded: Labels, counts: Rows, sizes: Rows, parts: list[Rows]) -> tuple[str, ...]:
    notes = []
    single = [coded.names[k] for k in np.flatnonzero(counts == 1)]
    if single and sizes.sum():
        shown = ", ".join(single[:8]) + (", ..." if len(single) > 8 else "")
        have = "class has" if len(single) == 1 else "classes have"
        notes.append(f"{len(single)} {have} one row only, which is used for training: {shown}")
    for name, size, part in zip(("validation", "test"), sizes, parts, strict=True):
        if len(part) < size:
            notes.append(
                f"{name}: {len(part)} rows instead of {size}, so that every class keeps a row for training"
            )
    return tuple(notes)
