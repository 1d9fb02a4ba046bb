"""To which steps an output is owed: integrated gradients, and what changes where a step is taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.inside.wanted import Wanted
from unrolled.tasks.trace import Question

Array = NDArray[np.float64]

POINTS = (16, 32, 64, 128, 256, 512)
"""Points on the way from the blank to the input: as many as make the attributions complete."""
COMPLETE = 0.01
"""The largest error of completeness that is taken, as a share of what is to be explained."""
ROWS = 64
"""Inputs that are read at once, of about so many steps each; of longer ones fewer."""
STEPS = 200


@dataclass(frozen=True)
class Attribution:
    """What each place of the input contributes to one number of the output.

    Attributes:
        question: the number.
        score: of the input.
        blank: of an input that says nothing.
        gradients: integrated gradients (N,).
        error: |their sum - (score - blank)|, as a share of the larger one of that difference and a hundredth.
        points: of the path that they were integrated over.
        occlusion: (N,) how much the score falls where a place is blanked.
    """

    question: Question
    score: float
    blank: float
    gradients: Array
    error: float
    points: int
    occlusion: Array


def attribution(question: Question, wanted: Wanted | None = None) -> Attribution:
    r"""Attribute an output to the places of the input.

        IG_i = (x_i - b_i) * integral over a in (0, 1) of  dF / dx_i (b + a (x - b))

    summed over the features of a place (Sundararajan, Taly & Yan 2017, arXiv:1703.01365), by Gauss-Legendre quadrature with as many
    points as complete them: sum of IG = F(x) - F(b). Occlusion after Zeiler & Fergus 2014, arXiv:1311.2901.

    Args:
        question: the output.
        wanted: tells whether the answer still is; None = always.

    Raises:
        Superseded: it is not.
    """
    if wanted is not None:
        question = replace(question, score=_while(wanted, question.score))
    score, blank = (_number(question, given) for given in (question.inputs, question.blanks))
    difference = score - blank
    for points in POINTS:
        values = _integrated(question, points)
        error = abs(float(values.sum()) - difference) / max(abs(difference), 0.01)
        if error <= COMPLETE / 2:
            break
    return Attribution(
        question, score, blank, values, error, points, score - _without_each(question)
    )


def _while(wanted: Wanted, score: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def checked(*inputs: Tensor) -> Tensor:
        wanted.check()
        return score(*inputs)

    return checked


def _number(question: Question, given: tuple[Tensor, ...]) -> float:
    with torch.no_grad():
        return float(question.score(*given))


def _rows(question: Question) -> int:
    return max(1, ROWS * STEPS // max(STEPS, len(question.labels)))


def _integrated(question: Question, points: int) -> Array:
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(question.score).attribute(
        question.inputs,
        baselines=question.blanks,
        n_steps=points,
        internal_batch_size=min(points, _rows(question)),
    )
    return question.by_place(tuple(each.detach() for each in found)).double().numpy()


def _without_each(question: Question) -> Array:
    """Return the score (N,) without each place in turn."""
    count, rows = len(question.labels), _rows(question)
    scores = []
    with torch.no_grad():
        for start in range(0, count, rows):
            some = [question.without(place) for place in range(start, min(start + rows, count))]
            together = [torch.cat(same) for same in zip(*some, strict=True)]
            scores.append(question.score(*together))
    return torch.cat(scores).double().numpy() if scores else np.zeros(0)
