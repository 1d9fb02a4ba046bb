"""How far the gradient reaches back in time, as a verdict and as a chart.

The error at the end of a sequence trains an early step only as far as dL/dh_t is still there. In a plain recurrent
network it shrinks or grows by about the same factor with every step back (Bengio, Simard & Frasconi 1994,
Learning long-term dependencies with gradient descent is difficult; Pascanu, Mikolov & Bengio 2013, On the difficulty
of training recurrent neural networks), hence the logarithmic axis: a constant factor is a straight line there.

The rule of the verdict, for norms g_0 .. g_D at distances 0 .. D from the end:

    near = median of g over the nearest tenth of the distances
    far = median of g over the furthest tenth
    vanishing   far < near / 1000
    exploding   far > near * 1000, or any norm is infinite
    healthy     otherwise

Tenths and medians, because one step may have a gradient of its own (a loss at that step). A thousandth, because a step
whose gradient is that small moves the weights less than the noise between two batches does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from unrolled.errors import ShapeError
from unrolled.view.charts import Axis, LineChart
from unrolled.view.figure import Verdict
from unrolled.view.numbers import number
from unrolled.view.runs import Line
from unrolled.view.words import Text, phrase

THRESHOLD = 1e3
"""How many times smaller or larger the far gradient must be to be called vanishing or exploding."""


_KINDS = {"vanishing": "bad", "exploding": "bad", "healthy": "good", "unknown": ""}


@dataclass(frozen=True)
class Reach:
    """The verdict on one layer.

    ``ratio`` is far / near, ``factor`` the mean factor of one step back, ``distance`` the largest distance
    measured, ``lasts`` the first distance from which on the gradient stays below a hundredth of the near one (None: never).
    """

    verdict: Literal["vanishing", "exploding", "healthy", "unknown"]
    ratio: float
    factor: float
    distance: int
    lasts: int | None


def reach(norms: ArrayLike) -> Reach:
    """Judge the norms |dL/dh_t| (distances,), nearest first, by the rule above; NaN where none was measured.

    Raises:
        ShapeError: ``norms`` is not one-dimensional or holds a negative number.

    >>> reach(0.5 ** np.arange(40)).verdict, reach(0.99 ** np.arange(40)).verdict
    ('vanishing', 'healthy')
    """
    given = np.asarray(norms, dtype=np.float64)
    if given.ndim != 1 or (given < 0).any():
        raise ShapeError(
            f"gradient norms of shape {given.shape}", expected="(distances,), none below zero"
        )
    measured = np.flatnonzero(~np.isnan(given))
    given, distance = given[measured], int(measured.max(initial=0))
    if np.isinf(given).any():
        return Reach("exploding", math.inf, math.inf, distance, None)
    tenth = max(1, len(given) // 10)
    near = float(np.median(given[:tenth])) if distance else 0.0
    if near == 0:
        return Reach("unknown", math.nan, math.nan, distance, None)
    ratio = float(np.median(given[-tenth:])) / near
    apart = float(np.mean(measured[-tenth:]) - np.mean(measured[:tenth]))
    last = int(measured[given >= near / 100].max())
    lasts = last + 1 if last < distance else None
    verdict: Literal["vanishing", "exploding", "healthy"] = "healthy"
    if not 1 / THRESHOLD <= ratio <= THRESHOLD:
        verdict = "exploding" if ratio > 1 else "vanishing"
    return Reach(verdict, ratio, ratio ** (1 / apart), distance, lasts)


def reach_sentence(name: Text, found: Reach) -> Text:
    """Return the verdict on the layer ``name`` in plain words."""
    values: dict[str, Text] = {
        "name": name,
        "verdict": phrase(f"reach.{found.verdict}"),
        "ratio": number(found.ratio, 2),
        "factor": number(found.factor, 3),
        "back": phrase("steps_back", count=f"{found.distance:,}"),
    }
    if found.verdict == "unknown":
        return phrase("reach.say_unknown", **values)
    if math.isinf(found.ratio):
        return phrase("reach.say_infinite", **values)
    if found.lasts is None or found.ratio > 1:
        return phrase("reach.say", **values)
    return phrase("reach.say_lasts", lasts=phrase("steps_back", count=f"{found.lasts:,}"), **values)


def advice(found: Iterable[Reach]) -> list[Text]:
    """Return what to try where gradients vanish or explode, or that nothing needs to be done."""
    kinds: set[str] = {one.verdict for one in found}
    said = [kind for kind in ("vanishing", "exploding") if kind in kinds] or kinds & {"healthy"}
    return [phrase(f"reach.try_{kind}") for kind in said]


def gradient_reach_chart(reaches: Mapping[str, ArrayLike], *, title: Text = "") -> LineChart:
    """Draw |dL/dh_t| against the distance from the end, on a log axis, one line for every layer or cell.

    Args:
        reaches: path or name -> norms (distances,), nearest first, as ``gradient_reach`` gives them.
        title: instead of the usual one.

    Raises:
        ShapeError: as :func:`reach`.
    """
    named = [(name or phrase("reach.whole"), np.asarray(norms)) for name, norms in reaches.items()]
    judged = [(name, reach(norms)) for name, norms in named]
    verdicts = [Verdict(reach_sentence(name, one), _KINDS[one.verdict]) for name, one in judged]
    return LineChart(
        title=title or phrase("reach.title"),
        lines=[Line(name, np.arange(len(norms)), norms) for name, norms in named],
        x=Axis(phrase("reach.distance")),
        y=Axis("|∂L/∂hₜ|", log=True),
        verdict=[
            *verdicts,
            *(Verdict(said) for said in advice(one for _, one in judged)),
            Verdict(phrase("reach.rule"), "small"),
        ],
    )
