"""Many numbers in little room: whole multiples of a millionth, packed for a page that unpacks them again.

An array is kept as k of x = low + step * k, with 0 <= k < 2^24 - 1 (the last value of 24 bits is NaN). The step is a millionth, or
wider where the values lie too far apart; so what is read back is off by half a step at most. The lowest bytes of all k stand
together, then the middle ones, then the highest, which makes them easier to deflate. Of very many numbers fewer bytes are kept.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

STEP = 1e-6
"""What is told apart."""
EXACT = 3
"""Bytes of a number that is kept to the step."""


def packed(values: ArrayLike, size: int = EXACT) -> dict[str, Any]:
    """Return an array as the page reads it out of a file: its shape, low, step, the bytes of a k, and these, packed.

    >>> made = packed([[0.5, -0.25]])
    >>> made["shape"], unpacked(made).tolist()
    ([1, 2], [[0.5, -0.25]])
    """
    given = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(given)
    low, high = (
        (float(given[finite].min()), float(given[finite].max())) if finite.any() else (0.0, 0.0)
    )
    missing = 256**size - 1
    step = max(STEP, (high - low) / (missing - 1))
    steps = np.full(given.shape, missing, dtype=np.uint32)
    steps[finite] = np.rint((given[finite] - low) / step)
    planes = [(steps >> 8 * place & 255).astype(np.uint8).tobytes() for place in range(size)]
    data = base64.b64encode(zlib.compress(b"".join(planes), 6)).decode("ascii")
    return {"shape": list(given.shape), "low": low, "step": step, "bytes": size, "data": data}


def unpacked(array: dict[str, Any]) -> NDArray[np.float64]:
    """Return what was packed, as the page reads it."""
    size = array["bytes"]
    raw = np.frombuffer(zlib.decompress(base64.b64decode(array["data"])), dtype=np.uint8)
    planes = raw.reshape(size, -1).astype(np.uint32)
    steps = sum(plane << 8 * place for place, plane in enumerate(planes))
    values = array["low"] + array["step"] * np.asarray(steps, dtype=np.float64)
    rounded: NDArray[np.float64] = np.where(steps == 256**size - 1, np.nan, values)
    return rounded.reshape(array["shape"])


def finite(values: ArrayLike) -> list[float | None]:
    """Return numbers as JSON can hold them: None where one is not finite."""
    return [float(each) if np.isfinite(each) else None for each in np.asarray(values).ravel()]
