"""How a training went: the curves of loss and validation score, and the norm of the gradient before clipping.

A history is what training leaves: its records, one for every evaluation, or the lines of ``metrics.jsonl`` as
dictionaries. Of each are read "step", "score" (of the validation part, lower is better), and "losses" and
"gradient_norms" (before clipping) of every step since the record before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.view.charts import Axis, LineChart, Rule, Spot
from unrolled.view.gallery import Block, Gallery
from unrolled.view.numbers import number, percent
from unrolled.view.runs import Line
from unrolled.view.scale import Array
from unrolled.view.words import Text, phrase

if TYPE_CHECKING:
    from unrolled.train.metrics import Record  # only its shape is needed, not torch behind it

History = Sequence["Record | Mapping[str, Any]"]

_STEP = Axis(phrase("training.step"))
_SMOOTHED_FROM = 80  # steps; a shorter curve is readable as it is


def every_step(history: History, key: str) -> tuple[NDArray[np.int64], Array]:
    """Return the steps (n,) and the values (n,) of ``key``, a list in every record with one value a step.

    >>> steps, values = every_step([{"step": 2, "losses": [0.9, 0.7]}], "losses")
    >>> steps.tolist(), values.tolist()
    ([1, 2], [0.9, 0.7])
    """
    lists = [(record["step"], record.get(key) or []) for record in map(_fields, history)]
    steps = [np.arange(step - len(values) + 1, step + 1) for step, values in lists]
    values = [np.asarray(values, dtype=np.float64) for _, values in lists]
    none = np.zeros(0)
    return np.concatenate([none.astype(np.int64), *steps]), np.concatenate([none, *values])


def evaluations(history: History) -> tuple[NDArray[np.int64], Array]:
    """Return the steps (n,) at which the validation part was scored, and the scores (n,)."""
    scored = [record for record in map(_fields, history) if record.get("score") is not None]
    steps = np.array([record["step"] for record in scored], dtype=np.int64)
    return steps, np.array([record["score"] for record in scored], dtype=np.float64)


def _fields(record: Record | Mapping[str, Any]) -> Mapping[str, Any]:
    return record if isinstance(record, Mapping) else record._asdict()


def learning_curves(history: History, *, score: Text = "") -> Block:
    """Draw the training loss and the validation score against the step, the best score marked.

    Args:
        history: the records of a training, see above.
        score: what the validation score is, where it is not the training loss; it then has a chart of its own,
            because two measures share no axis. Empty: both are the same loss and are drawn together.
    """
    losses, scores = every_step(history, "losses"), evaluations(history)
    training, note = _with_mean(phrase("training.training"), *losses, log=False)
    if not score:
        validation = Line(phrase("training.validation"), *scores, role="c2")
        lines = [*training, *([validation] if len(scores[0]) else [])]
        title, axis = phrase("training.curves"), _loss_axis(phrase("training.loss"), losses, scores)
        return LineChart(title, lines, marks=_best(*scores), x=_STEP, y=axis, note=note)
    curves = [
        LineChart(
            phrase("training.loss_alone"), training, x=_STEP, y=_loss_axis("", losses), note=note
        )
    ]
    if len(scores[0]):
        measure = phrase("training.on_validation", score=score)
        line = Line(measure, *scores, role="c2")
        curves.append(
            LineChart(measure, [line], marks=_best(*scores), x=_STEP, y=_loss_axis("", scores))
        )
    return Gallery("", curves)


def gradient_norms(history: History, *, clip_norm: float | None = None) -> LineChart:
    """Draw the norm of the gradient before clipping, on a log axis, with the threshold of clipping.

    Args:
        history: the records of a training, see above.
        clip_norm: the norm to which larger gradients were scaled down; None where none was.
    """
    steps, norms = every_step(history, "gradient_norms")
    notes: list[Text] = []
    marks = []
    if len(norms):
        finite = norms[np.isfinite(norms)]
        median = number(float(np.median(finite)) if len(finite) else None, 3)
        notes.append(
            phrase("gradient.median", median=median, largest=number(float(norms.max()), 3))
        )
    if clip_norm is not None:
        marks.append(Rule(clip_norm, phrase("gradient.threshold", norm=number(clip_norm))))
        share = float((norms > clip_norm).mean()) if len(norms) else 0.0
        notes.append(phrase("gradient.clipped", share=percent(share)))
    lines, drawn = _with_mean(phrase("training.mean"), steps, norms, log=True)
    axis = Axis(phrase("gradient.norm"), log=True)
    return LineChart(
        phrase("gradient.title"), lines, marks=marks, x=_STEP, y=axis, note=[*notes, *drawn]
    )


def _with_mean(
    name: Text, steps: NDArray[np.int64], values: Array, log: bool
) -> tuple[list[Line], list[Text]]:
    """Return the line as it is, or, where it is long, pale with its running mean on top; and a note that says so.

    On a log axis the mean is the geometric one: a single large norm does not lift it.
    """
    if len(values) < _SMOOTHED_FROM:
        return [Line(name, steps, values, role="c1")], []
    width = max(5, len(values) // 40)
    positive = np.where(values > 0, values, np.nan)
    mean = np.exp(running_mean(np.log(positive), width)) if log else running_mean(values, width)
    lines = [
        Line(phrase("training.every_step"), steps, values, role="faint"),
        Line(name, steps, mean, role="c1"),
    ]
    return lines, [
        phrase("training.smoothed_log" if log else "training.smoothed", width=str(width))
    ]


def running_mean(values: Array, width: int) -> Array:
    """Return the mean over ``width`` values around each, fewer at the ends; NaN and inf are left out.

    >>> running_mean(np.array([1.0, 3.0, np.nan, 5.0]), 3).tolist()
    [2.0, 2.0, 4.0, 5.0]
    """
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    places = np.arange(len(values))
    low, high = (
        np.maximum(places - width // 2, 0),
        np.minimum(places + (width + 1) // 2, len(values)),
    )
    seen = counts[high] - counts[low]
    return np.where(seen > 0, (sums[high] - sums[low]) / np.maximum(seen, 1), np.nan)


def _best(steps: NDArray[np.int64], scores: Array) -> list[Spot]:
    if not np.isfinite(scores).any():
        return []
    best = int(np.nanargmin(scores))
    return [
        Spot(
            float(steps[best]),
            float(scores[best]),
            phrase("training.best", score=number(float(scores[best]))),
        )
    ]


def _loss_axis(label: Text, *curves: tuple[NDArray[np.int64], Array]) -> Axis:
    """Choose a log axis for losses that fall far: on a linear one all but the first steps would be flat."""
    values = np.concatenate([curve[1] for curve in curves])
    values = values[np.isfinite(values)]
    falls = len(values) > 0 and values.min() > 0 and values.max() > 20 * values.min()
    return Axis(label, log=bool(falls))
