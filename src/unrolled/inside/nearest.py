"""More like this: the places of a corpus at which a cell remembered most nearly the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.core.watch import Record
from unrolled.inside.recorded import main_field, states_of
from unrolled.tasks.trace import Side

Watched = Callable[[Sequence[Any]], tuple[Side, ...]]

BATCH = 32
STEPS = 100_000
"""Steps of a corpus that are kept: about 25 MB for 64 units."""
CONTEXT = 6
"""Steps shown before and after a place."""


@dataclass(frozen=True)
class Place:
    """A step of a corpus, what is around it, and how like its state is: the cosine of both.

    ``row`` counts from 1, ``step`` too.
    """

    row: int
    step: int
    similarity: float
    before: tuple[str, ...]
    at: str
    after: tuple[str, ...]


class Corpus:
    """Inputs, and the states of a model's cells over them, which are computed when they are first asked for.

    Strobelt et al. 2018, LSTMVis, arXiv:1606.07461, asks the same of a range of steps.

    Args:
        watched: returns what a model's cells did while it read many inputs at once.
        inputs: texts, or what else it reads; as many are taken as hold 100,000 steps.
        name: what the corpus is called.
    """

    def __init__(self, watched: Watched, inputs: Iterable[Any], name: str) -> None:
        self._watched, self._inputs, self.name = watched, inputs, name
        self._sides: list[_States] | None = None

    def nearest(self, side: int, path: str, state: NDArray[Any], count: int = 5) -> list[Place]:
        """Return the places whose state is nearest to ``state`` (U,), of one row each, the nearest first.

        Args:
            side: index of the side.
            path: of the cell.
            state: as the cell's.
            count: how many.
        """
        states = self._states()
        return states[side].nearest(path, state, count) if states else []

    @property
    def rows(self) -> int:
        """How many inputs were taken."""
        return max((len(states.labels) for states in self._states()), default=0)

    def _states(self) -> list[_States]:
        if self._sides is None:
            found: list[_States] = []
            inputs, steps = iter(self._inputs), 0
            while steps < STEPS and (some := list(islice(inputs, BATCH))):
                sides = self._watched(some)
                found = found or [_States() for _ in sides]
                for kept, side in zip(found, sides, strict=True):
                    kept.add(side)
                steps += sum(len(row) for row in sides[0].steps)
            self._sides = found
        return self._sides


class _States:
    """The states of the cells of one side over a corpus."""

    def __init__(self) -> None:
        self.labels: list[tuple[str, ...]] = []
        self._states: dict[str, list[NDArray[np.float32]]] = {}
        self._joined: dict[str, NDArray[np.float32]] = {}
        self._where: list[tuple[int, int]] = []

    def add(self, side: Side) -> None:
        first = len(self.labels)
        self.labels += side.steps
        self._where += [
            (first + row, step)
            for row, steps in enumerate(side.steps)
            for step in range(len(steps))
        ]
        for path, run in side.runs.items():
            if (states := _valid(run, [len(steps) for steps in side.steps])) is not None:
                self._states.setdefault(path, []).append(states)
        self._joined.clear()

    def nearest(self, path: str, state: NDArray[Any], count: int) -> list[Place]:
        if path not in self._states:
            return []
        if path not in self._joined:
            joined = np.concatenate(self._states[path])
            norms = np.linalg.norm(joined, axis=1, keepdims=True)
            self._joined[path] = joined / np.maximum(norms, 1e-12)
        wanted = np.asarray(state, dtype=np.float32)
        likeness = self._joined[path] @ (wanted / max(float(np.linalg.norm(wanted)), 1e-12))
        found: dict[int, Place] = {}
        for at in np.argsort(-likeness, kind="stable"):
            row, step = self._where[at]
            if row not in found:
                steps = self.labels[row]
                before, after = (
                    steps[max(0, step - CONTEXT) : step],
                    steps[step + 1 : step + 1 + CONTEXT],
                )
                found[row] = Place(
                    row + 1, step + 1, float(likeness[at]), before, steps[step], after
                )
            if len(found) == count:
                break
        return list(found.values())


def _valid(run: Record, lengths: Sequence[int]) -> NDArray[np.float32] | None:
    """Return the state of a cell at all steps of all rows, (sum of lengths, U)."""
    states = states_of(run)
    field = main_field(run, states)
    if field is None:
        return None
    rows: NDArray[np.float32] = torch.cat(
        [row[:length] for row, length in zip(states[field], lengths, strict=True)]
    ).numpy()
    return rows
