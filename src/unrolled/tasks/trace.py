"""Trace: what happened inside a model on one input, what came out step by step, and what may be asked about it.

Every task's model makes one by its method `trace`; what is drawn of it knows neither task nor cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unrolled.core.watch import Record

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """One sequence that was read or written, and what each cell did meanwhile; of B rows.

    Attributes:
        name: "" of a model that has only one, else "encoder" or "decoder".
        steps: by row what each of its T steps is called: a token as readable text, a date, a number of the step. That of a
            decoder is called after the token that is written at it.
        runs: by the cell's path in the network, the run of each cell that took exactly these steps.
        names: by the same path how the cell is called: "h1", or "h1 →" and "h1 ←" of two directions.
    """

    name: str
    steps: tuple[tuple[str, ...], ...]
    runs: Mapping[str, Record]
    names: Mapping[str, str]


@dataclass(frozen=True)
class Probabilities:
    """The probabilities of the classes as the input is read: what `predict` says of the input that ends there.

    Attributes:
        side: index of the side that was read.
        names: of the C classes.
        values: (n, C); the last row is the answer.
        at: (n,) after which step, from 0, each row holds: every step, or evenly spread ones of a long input.
        answer: index of the predicted class.
    """

    side: int
    names: tuple[str, ...]
    values: Array
    at: NDArray[np.int64]
    answer: int


@dataclass(frozen=True)
class Expected:
    """What a language model or decoder expected at each step, before it saw it.

    Attributes:
        side: index of the side whose T steps were foreseen.
        surprise: (T,) -log2 P of the token that the step is called after, in bits; NaN where nothing foresaw it.
        likely: at each step the most likely tokens in its place and their probabilities, the likeliest first.
    """

    side: int
    surprise: Array
    likely: tuple[tuple[tuple[str, float], ...], ...]


@dataclass(frozen=True)
class Tags:
    """The probabilities of the tags at each step.

    Attributes:
        side: index of the side that was tagged.
        names: of the K tags.
        values: (T, K): a softmax, or the marginals of a CRF.
        tags: (T,) the predicted ones.
        truth: (T,) the true ones, where they were given.
    """

    side: int
    names: tuple[str, ...]
    values: Array
    tags: tuple[str, ...]
    truth: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Attended:
    """Where a cell looked at each step.

    Attributes:
        rows: index of the side that looked.
        columns: index of the side that was looked at; the same, of self-attention.
        weights: (T_rows, T_columns), the mean of the heads.
        name: of the cell.
    """

    rows: int
    columns: int
    weights: Array
    name: str


@dataclass(frozen=True)
class Forecasted:
    """A forecast, beside what happened and what simple methods said.

    Attributes:
        past: (L,) dates of the look-back.
        past_values: (L,), NaN where nothing was observed.
        future: (H,) dates of the horizon.
        median: (H,).
        bands: (level, low (H,), high (H,)), the widest first.
        happened: (H,), NaN where it is not known; None where nothing is.
        baselines: (H,) by name.
        series: name of the series.
        step_of: (L,) the step of side 0 that read each value.
    """

    past: tuple[str, ...]
    past_values: Array
    future: tuple[str, ...]
    median: Array
    bands: tuple[tuple[float, Array, Array], ...]
    happened: Array | None
    baselines: Mapping[str, Array]
    series: str
    step_of: NDArray[np.int64]


@dataclass(frozen=True)
class Written:
    """The text that a model wrote, as the steps of one side."""

    side: int
    text: str


Output: TypeAlias = Probabilities | Expected | Tags | Attended | Forecasted | Written

Inputs: TypeAlias = tuple[Tensor, ...]


@dataclass(frozen=True)
class Question:
    """One number of the output as a function of what the steps were read as.

    Attributes:
        of: name of the class, tag or token, or "mean of the forecast".
        unit: "log-odds", "log-probability" (in nats), or "" for that of the series.
        side: index of the side whose places are asked about.
        labels: of the N places that may have mattered.
        inputs: each (1, ...), of floats: what the places were read as; several where they are read in several ways.
        blanks: the same shapes: inputs that say nothing, such as the mean of all tokens' vectors, or of a series.
        score: R rows of other inputs (R, ...) -> (R,). Differentiable and deterministic.
        by_place: numbers shaped like ``inputs`` -> (N,): their sum over what belongs to each place.
        without: the inputs in which place i is blank.
    """

    of: str
    unit: str
    side: int
    labels: tuple[str, ...]
    inputs: Inputs
    blanks: Inputs
    score: Callable[..., Tensor]
    by_place: Callable[[Inputs], Tensor]
    without: Callable[[int], Inputs]


class Note(str):
    """A line in English on what was read, and what it says by its key and the words in its gaps, for other languages.

    >>> note = Note("of 9 tokens the first 4 are read", "first", count="9", first="4")
    >>> note.upper()[:4], note.key, note.gaps["first"]
    ('OF 9', 'first', '4')
    """

    key: str
    gaps: Mapping[str, str]

    def __new__(cls, text: str, key: str, **gaps: str) -> Self:
        made = super().__new__(cls, text)
        made.key, made.gaps = key, gaps
        return made


@dataclass(frozen=True)
class Trace:
    """What happened inside a model on one input.

    Attributes:
        task: "classify", "tag", "forecast", "translate" or "generate".
        input: what was given, as plain JSON: ``model.trace(**input)`` gives the same again.
        sides: what was read or written, of one row each.
        outputs: what came out, step by step.
        questions: by what is asked, the answer's own first; a question is made when it is called for.
        notes: what was cut or not known, one line each; a `Note`, which a page says in its reader's language, or a text.
        reach: returns by the path of each cell |dL/dh| at each distance (T,) from where the loss of this input stands.
    """

    task: str
    input: Mapping[str, Any]
    sides: tuple[Side, ...]
    outputs: tuple[Output, ...]
    questions: Mapping[str, Callable[[], Question]]
    notes: tuple[str, ...]
    reach: Callable[[], Mapping[str, Array]]
