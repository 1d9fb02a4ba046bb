"""What a generator made of texts, and wrote by itself: the scores, the report and the tests read it from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unrolled.tasks.generate.copies import Copied


@dataclass(frozen=True)
class Passage:
    """A part of a text that was scored, token by token: what each writes, and the nats that it cost the model."""

    tokens: tuple[str, ...]
    nats: NDArray[np.float32]
    where: str


@dataclass(frozen=True)
class Completion:
    """A text that was written.

    Attributes:
        prompt: what it goes on from.
        text: what was written behind it.
        finished: whether it came to its end, rather than to the greatest length.
        score: log P(text), in nats, by the network's own softmax.
        copied: what it has in common with the training text; None where that was not kept.
    """

    prompt: str
    text: str
    finished: bool
    score: float
    copied: Copied | None


@dataclass(frozen=True)
class Samples:
    """Texts that were written from nothing at one temperature."""

    temperature: float
    completions: Sequence[Completion]


@dataclass(frozen=True)
class Outcome:
    """N texts as a generator found them, and texts of its own.

    - ``texts`` (N); ``where``: the place of text i.
    - ``nats``, ``tokens``, ``characters``: of all texts together.
    - ``passages``: some of their beginnings.
    - ``samples``: by rising temperature; the last at 1, where the model is what it says it is.
    - ``held_out``: longest runs that texts never trained on, as long as the samples, have in common with training.
    - ``form_share``: which share of the samples at temperature 1, and of these texts, has a form of verse that is usual
      in training; None where there is none.
    """

    texts: Sequence[str]
    where: Callable[[int], str]
    nats: float
    tokens: int
    characters: int
    passages: Sequence[Passage]
    samples: Sequence[Samples] = ()
    held_out: Sequence[int] = ()
    form_share: tuple[float, float] | None = field(default=None)
