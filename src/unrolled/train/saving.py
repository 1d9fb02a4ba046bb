"""When a run is saved, what a checkpoint holds of it, and how a run goes on from there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unrolled.core.tree import leaves
from unrolled.errors import InputError, ModelFileError, OptionError
from unrolled.train.average import WeightAverage
from unrolled.train.checkpoint import (
    CHECKPOINT,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from unrolled.train.generators import generator_states
from unrolled.train.metrics import cut_records, remove_records, sync_records
from unrolled.train.objective import Objective
from unrolled.train.run import Run
from unrolled.train.settings import TrainSettings, refuse_other_settings

SECONDS_BETWEEN = 2.0
COST = 100
"""By the clock a checkpoint is written after this many times what writing one takes: one percent of the time."""


class Saver:
    """Saves what it was given into a folder, or nothing when there is none."""

    def __init__(
        self,
        folder: Path | None,
        settings: TrainSettings,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        objective: Objective,
        about: Mapping[str, str] | None = None,
        average: WeightAverage | None = None,
    ) -> None:
        self.folder, self.settings, self.about = folder, settings, dict(about or {})
        self.average = average
        self.model, self.optimizer, self.objective = model, optimizer, objective
        self.saved_at, self.took, self.step = time.perf_counter(), 0.0, 0
        self.generators: dict[str, Any] | None = None

    def begin(self, run: Run, *, resume: bool) -> bool:
        """Put everything where the checkpoint says and return True; or leave nothing of an earlier run.

        Raises:
            OptionError: the run was begun with other settings, or there is no folder to resume from.
            ModelFileError: the checkpoint is damaged, or that of another model.
        """
        if self.folder is None:
            if resume:
                raise OptionError("resume=True without a folder", fix="give that of the run")
            return False
        content = read_checkpoint(self.folder) if resume else None
        if content is None:
            self._make(self.folder)
            remove_checkpoint(self.folder)
            remove_records(self.folder)
            return False
        self._restore(run, content, self.folder)
        return True

    @staticmethod
    def _make(folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the folder cannot be made: {error.strerror}",
                where=str(folder),
                expected="a place that can be written to",
            ) from error

    def save(self, run: Run) -> None:
        """Write a checkpoint: nothing but tensors, numbers and strings."""
        if self.folder is None:
            return
        began = time.perf_counter()
        carried = None if run.carried is None else list(leaves(run.carried, constants=True))
        content = {
            "settings": asdict(self.settings),
            "about": self.about,
            "numbers": run.numbers(),
            "model": dict(self.model.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.values,
            "best_weights": run.best_weights,
            "carried": carried if self.objective.saved is None else self.objective.saved,
            "generators": self.generators or generator_states(),
        }
        sync_records(self.folder)
        write_checkpoint(self.folder, content)
        self.saved_at, self.step = time.perf_counter(), run.step
        self.took = self.saved_at - began

    def save_when_due(self, run: Run) -> None:
        """Save after `checkpoint_every` steps, or by the clock."""
        if self.settings.checkpoint_every is not None:
            due = run.step - self.step >= self.settings.checkpoint_every
        else:
            due = time.perf_counter() - self.saved_at > max(SECONDS_BETWEEN, COST * self.took)
        if due:
            self.save(run)

    def how_to_resume(self) -> str:
        """Say what is left of a run that was interrupted."""
        if self.folder is None:
            return "training was interrupted; nothing was saved, as no folder was given"
        if not (self.folder / CHECKPOINT).exists():
            return "training was interrupted before the first checkpoint; start it again"
        return (
            f"training was interrupted; its checkpoint of step {self.step} is in {self.folder}; "
            "go on with resume=True (--resume) and the same settings"
        )

    def _restore(self, run: Run, content: dict[str, Any], folder: Path) -> None:
        where = str(folder / CHECKPOINT)
        refuse_other_settings(content["settings"], self.settings, where)
        _refuse_other_task(content["about"], self.about, where)
        _refuse_other_model(content["model"], self.model, where)
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        if self.average is not None:
            self.average.restore(content["average"])
        run.set_numbers(content["numbers"])
        if content["best_weights"] is not None:
            now = self.model.state_dict()
            run.best_weights = {n: w.to(now[n].device) for n, w in content["best_weights"].items()}
        run.history = cut_records(folder, run.records)
        run.records = len(run.history)
        self.objective.saved = content["carried"]
        self.generators = content["generators"]
        self.step = run.step


def _refuse_other_task(saved: Mapping[str, str], about: Mapping[str, str], where: str) -> None:
    names = sorted(n for n in saved.keys() | about.keys() if saved.get(n) != about.get(n))
    if names:
        raise OptionError(
            f"the run was begun with other {' and '.join(names)}",
            where=where,
            expected="the same, or what was held out might be trained on",
            fix="give those, or start again in another folder",
        )


def _refuse_other_model(saved: dict[str, Any], model: nn.Module, where: str) -> None:
    there = {name: tuple(value.shape) for name, value in saved.items()}
    here = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    names = sorted(n for n in there.keys() | here.keys() if there.get(n) != here.get(n))
    if names:
        name = names[0]
        raise ModelFileError(
            f"{name} is {there.get(name, 'missing')} there and {here.get(name, 'missing')} in this model"
            + (f", and {len(names) - 1} more differ" if len(names) > 1 else ""),
            where=where,
            expected="the checkpoint of the same model",
            fix="build the model with the options it had, or start again without resume",
        )
