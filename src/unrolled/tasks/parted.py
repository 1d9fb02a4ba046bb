"""What the objects of tasks have in common whose rows are parted: to train on, to choose by, and to score once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from unrolled.errors import InputError
from unrolled.tasks.model import TaskModel
from unrolled.train.loop import TrainResult


class PartedModel(TaskModel):
    """A model that keeps the parts of its rows, and scores beside baselines that are fitted on the training part.

    A task writes `known_baselines` and `fit_baseline`, and sets ``_parts``, with train, validation and test, in `fit`.

    Attributes:
        title: the name of the data.
        notes: what was mended or left out when data was read, one line each.
        training: what came of the last `fit`; None before.
        outcome: what `evaluate` scored last, and what the model made of it.
    """

    rows_called: ClassVar[str] = "rows"

    train_options: dict[str, Any]
    title: str
    notes: tuple[str, ...]
    training: TrainResult | None
    outcome: Any
    _parts: Any
    _baselines: dict[str, Any]

    def _begin(self) -> None:
        """Begin unfitted."""
        self.title, self.notes = "", ()
        self.training = self.outcome = self._fitted = self._parts = None
        self._baselines = {}

    @property
    def seed(self) -> int:
        """Of every random number."""
        return int(self.train_options["seed"])

    @property
    def has_test_part(self) -> bool:
        """Whether `fit` kept rows aside for `evaluate`."""
        return self._parts is not None and len(self._parts.test) > 0

    def known_baselines(self) -> Mapping[str, type[Any]]:
        """Return the baselines of such rows by name."""
        raise NotImplementedError

    def fit_baseline(self, baseline: Any) -> None:
        """Fit a new baseline on the training part."""
        raise NotImplementedError

    def _say(self, notes: Iterable[str]) -> None:
        """Add notes that are not there yet."""
        self.notes += tuple(note for note in notes if note not in self.notes)

    def _test_part(self) -> Any:
        if not self.has_test_part:
            raise InputError(
                "there is no test part to score",
                expected=f"{self.rows_called} held out by fit (test=0.1), or {self.rows_called} of their own",
                fix=f"give {self.rows_called}: evaluate(data)",
            )
        return self._parts.test

    def _baseline(self, name: str) -> Any:
        """Return a fitted baseline; it is fitted when it is first asked for."""
        if name in self._baselines:
            return self._baselines[name]
        if self._parts is None:
            raise InputError(
                f"the baseline {name} was not saved with the model",
                expected=f"one of {', '.join(self._baselines)}" if self._baselines else None,
                fix="save it again from the process that trained it",
            )
        baseline = self.known_baselines()[name]()
        self.fit_baseline(baseline)
        if baseline.note:
            self.notes += (f"{name}: {baseline.note}",)
        self._baselines[name] = baseline
        return baseline

    def _all_baselines(self) -> dict[str, Any]:
        """Return the baselines that are saved with the model; those that were not asked for yet are fitted."""
        if self._parts is not None:
            for name in self.known_baselines():
                self._baseline(name)
        return self._baselines

    def _take(self, inside: tuple[Any, dict[str, Any]]) -> None:
        self._fitted, self._baselines = inside


def facts_of_run(parts: Any, training: TrainResult | None) -> dict[str, object]:
    """Return by name how many rows each part had, and how the training went; nothing of what is not known."""
    facts: dict[str, object] = {}
    if parts is not None:
        for name in ("train", "validation", "test"):
            facts[f"{name}_rows"] = len(getattr(parts, name))
    if training is not None:
        for name in ("steps", "best_step", "stopped", "seconds"):
            facts[name] = getattr(training, name)
    return facts
