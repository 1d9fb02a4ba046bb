"""Reading back what a baseline has learned: the files it comes from may be damaged, so every entry is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def entry(config: Mapping[str, Any], name: str, *kinds: type) -> Any:
    """Return the entry ``name``, which is of one of ``kinds``.

    Raises:
        KeyError: there is none.
        ValueError: it is of another kind.

    >>> entry({"C": 3.0}, "C", float)
    3.0
    """
    value = config[name]
    if type(value) not in kinds:
        raise ValueError(f"{name} is {type(value).__name__}")
    return value


def array_of(
    arrays: Mapping[str, NDArray[Any]], name: str, kind: DTypeLike, shape: Sequence[int | None]
) -> NDArray[Any]:
    """Return the array ``name``, which has that dtype and shape (None: any size) and is finite.

    Raises:
        KeyError: there is none.
        ValueError: it is of another dtype or shape, or not finite.

    >>> array_of({"idf": np.ones(3)}, "idf", np.float64, [None])
    array([1., 1., 1.])
    """
    found = arrays[name]
    fits = found.ndim == len(shape) and all(
        size in (wanted, None) or wanted is None
        for size, wanted in zip(found.shape, shape, strict=True)
    )
    if found.dtype != kind or not fits:
        raise ValueError(f"{name} is {found.dtype} {found.shape}, not {np.dtype(kind)} {shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} is not finite")
    return found


def packed_terms(terms: Sequence[str], name: str = "term") -> dict[str, NDArray[Any]]:
    """Return terms as two arrays: their UTF-8 one after the other, and how many characters each has.

    The arrays are called by the ``name`` of one term.

    >>> {name: array.tolist() for name, array in packed_terms(["a", "é"]).items()}
    {'terms': [97, 195, 169], 'term_lengths': [1, 1]}
    """
    # Half a surrogate pair, which plain UTF-8 refuses, may stand in a text from memory and so in a term.
    joined = "".join(terms).encode("utf-8", "surrogatepass")
    return {
        # A copy, as bytes cannot be written to and torch warns of such an array.
        f"{name}s": np.frombuffer(joined, dtype=np.uint8).copy(),
        f"{name}_lengths": np.fromiter(map(len, terms), np.int32, len(terms)),
    }


def unpacked_terms(arrays: Mapping[str, NDArray[Any]], name: str = "term") -> list[str]:
    """Return the terms that were packed.

    Raises:
        KeyError: an array is missing.
        ValueError: the arrays are not of that kind, or do not fit together.

    >>> unpacked_terms(packed_terms(["a", "é"]))
    ['a', 'é']
    """
    lengths = array_of(arrays, f"{name}_lengths", np.int32, [None])
    joined = (
        array_of(arrays, f"{name}s", np.uint8, [None]).tobytes().decode("utf-8", "surrogatepass")
    )
    ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    if (lengths < 0).any() or ends[-1] != len(joined):
        raise ValueError(f"{name}_lengths sum to {ends[-1]}, not {len(joined)}")
    return [joined[start:end] for start, end in pairwise(ends.tolist())]
