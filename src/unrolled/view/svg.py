"""Writing HTML and SVG: elements, escaped text, and paths through points.

Charts stretch with the page without stretching their text: labels stand at percentages of the drawing,
and only paths live in an inner coordinate system that is stretched, GRID units wide and high.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GRID = 10000

# What neither HTML nor XML can hold, even escaped: control characters, halves of surrogate pairs, non-characters.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def escape(text: str) -> str:
    """Return ``text`` so that a browser shows it and never reads it as markup.

    >>> escape('<script>"')
    '&lt;script&gt;&quot;'
    """
    return html.escape(_FORBIDDEN.sub("\ufffd", text), quote=True)


def tag(name: str, /, *content: str, **attributes: str | float | None) -> str:
    """Return one element; ``content`` is markup already, attribute values are escaped.

    An attribute that is None is left out; ``_`` stands for ``-``, a trailing one avoids Python's keywords.

    >>> tag("p", "1 &lt; 2", class_="note", data_n=3)
    '<p class="note" data-n="3">1 &lt; 2</p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(content)
    return (
        f"<{name}{given}/>"
        if not inside and name in _EMPTY
        else f"<{name}{given}>{inside}</{name}>"
    )


_EMPTY = {"line", "path", "rect", "circle", "meta", "br", "col"}


def place(fraction: float) -> str:
    """Return a fraction of the drawing as a percentage.

    >>> place(0.5), place(1 / 3)
    ('50%', '33.33%')
    """
    return f"{100 * fraction:.2f}".rstrip("0").rstrip(".") + "%"


def stretched(*paths: str) -> str:
    """Return the inner drawing that is stretched to the whole plot; y grows upward from 0 to GRID."""
    return tag(
        "svg",
        *paths,
        viewBox=f"0 0 {GRID} {GRID}",
        preserveAspectRatio="none",
        width="100%",
        height="100%",
        class_="stretched",
        aria_hidden="true",
    )


def line_path(x: Array, y: Array) -> str:
    """Return the path through points given as fractions; where y is NaN the line is broken.

    A point without neighbours becomes a line of no length, which round caps show as a dot.
    """
    return "".join(_relative(run, "" if len(run) > 1 else "h0") for run in runs(x, y))


def area_path(x: Array, low: Array, high: Array) -> str:
    """Return the outline between ``low`` and ``high``, given as fractions; broken where either is NaN."""
    usable = np.where(np.isfinite(low) & np.isfinite(high), 0.0, np.nan)
    parts = []
    for start, end in _spans(x, usable):
        span = slice(start, end)
        there, back = _grid(x[span], high[span]), _grid(x[span], low[span])[::-1]
        parts.append(_relative(np.concatenate([there, back]), "z"))
    return "".join(parts)


def runs(x: Array, y: Array) -> Iterable[NDArray[np.int64]]:
    """Yield the unbroken runs of points in grid units, each (points, 2)."""
    return (_grid(x[start:end], y[start:end]) for start, end in _spans(x, y))


def _spans(x: Array, y: Array) -> list[tuple[int, int]]:
    known = np.isfinite(x) & np.isfinite(y)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _grid(x: Array, y: Array) -> NDArray[np.int64]:
    return np.rint(np.stack([x * GRID, (1 - y) * GRID], axis=1)).astype(np.int64)


def _relative(points: NDArray[np.int64], end: str) -> str:
    # Whole numbers, each relative to the last: half the bytes of absolute decimals, finer than a pixel.
    moves = np.diff(points, axis=0)
    steps = "".join(
        f"{across}{down:+d}" if across < 0 else f" {across}{down:+d}" for across, down in moves
    )
    lines = f"l{steps.strip()}" if len(moves) else ""
    return f"M{points[0, 0]} {points[0, 1]}{lines}{end}"
