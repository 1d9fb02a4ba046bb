"""Where a training run stands: everything that a checkpoint must hold to go on as if nothing had happened."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from torch import Tensor, nn

from unrolled.core.tree import State
from unrolled.train.metrics import Record
from unrolled.train.settings import TrainSettings

Weights = dict[str, Tensor]


@dataclass
class Progression:
    """The numbers that change from step to step, and are saved as they are."""

    step: int = 0
    """Updates done."""
    epoch: int = 0
    """Epochs done."""
    batch: int = 0
    """Batches of this epoch that are done."""
    epoch_began: int = 0
    """The step at which this epoch began."""
    steps_per_epoch: int | None = None
    threads: int = 1
    """Chosen once: sums over threads depend on how many there are."""
    seconds_before: float = 0.0
    """What the runs took that this one resumes."""
    group_began: float = 0.0
    """Seconds of the run when the record before was finished."""
    items_seen: float = 0.0
    losses: list[float] = field(default_factory=list)
    """Of the steps since the record before, as are the next two."""
    items: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    rate: float = 0.0
    decay: float = 1.0
    """What the plateau schedule has multiplied the learning rate by."""
    best_score: float | None = None
    best_step: int = 0
    stale: int = 0
    """Evaluations in a row without a better score."""
    records: int = 0


class Run(Progression):
    """The numbers, the carried state, the best weights and the history of one run."""

    def __init__(self) -> None:
        super().__init__()
        self.carried: State | None = None
        self.best_weights: Weights | None = None
        self.history: list[Record] = []
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Wall time so far, with that of the runs before."""
        return self.seconds_before + time.perf_counter() - self.began

    def took_step(self, loss: float, items: float, gradient_norm: float) -> None:
        """Count one update."""
        self.step += 1
        self.items_seen += items
        self.losses.append(loss)
        self.items.append(items)
        self.gradient_norms.append(gradient_norm)

    def end_epoch(self) -> None:
        """Go to the next epoch; a carried state does not outlive its epoch."""
        if self.epoch == 0 and self.steps_per_epoch is None:
            self.steps_per_epoch = self.step
        self.epoch += 1
        self.batch, self.epoch_began, self.carried = 0, self.step, None

    def take_record(self, score: float | None, trained: float) -> Record:
        """Close the group of steps since the record before, which took ``trained`` seconds without validation."""
        items = sum(self.items)
        record = Record(
            step=self.step,
            epoch=self.epoch,
            loss=math.fsum(a * b for a, b in zip(self.losses, self.items, strict=True)) / items,
            learning_rate=self.rate,
            gradient_norm=max(self.gradient_norms),
            score=score,
            seconds=round(self.seconds, 3),
            items_per_second=round(items / max(trained, 1e-9), 1),
            losses=self.losses,
            gradient_norms=self.gradient_norms,
        )
        self.losses, self.items, self.gradient_norms = [], [], []
        self.history.append(record)
        self.records += 1
        self.group_began = self.seconds
        return record

    def judge(self, score: float, model: nn.Module, settings: TrainSettings) -> None:
        """Keep the weights if the score is the best so far; else count, and let the plateau schedule decay."""
        if self.best_score is None or score < self.best_score:
            self.best_score, self.best_step, self.stale = score, self.step, 0
            self.best_weights = copied_weights(model)
            return
        self.stale += 1
        if settings.schedule == "plateau" and self.stale % settings.plateau_patience == 0:
            self.decay *= settings.plateau_factor

    def stop_reason(self, settings: TrainSettings) -> str | None:
        """Return the setting that ends the run here, or None."""
        if settings.max_steps is not None and self.step >= settings.max_steps:
            return "max_steps"
        if settings.epochs is not None and self.epoch >= settings.epochs:
            return "epochs"
        if settings.patience is not None and self.stale >= settings.patience:
            return "patience"
        if settings.max_minutes is not None and self.seconds >= settings.max_minutes * 60:
            return "max_minutes"
        return None

    def share_done(self, settings: TrainSettings) -> float:
        """Return how much of the run is done, from 0 to 1, by the bound that is nearest."""
        shares = [0.0]
        if settings.max_steps is not None:
            shares.append(self.step / settings.max_steps)
        if settings.epochs is not None:
            within = self.batch / self.steps_per_epoch if self.steps_per_epoch else 0.0
            shares.append((self.epoch + within) / settings.epochs)
        if settings.max_minutes is not None:
            shares.append(self.seconds / (settings.max_minutes * 60))
        return min(max(shares), 1.0)

    def numbers(self) -> dict[str, Any]:
        """Return the numbers as a checkpoint holds them."""
        numbers = {f.name: getattr(self, f.name) for f in fields(Progression)}
        return numbers | {"seconds_before": self.seconds}

    def set_numbers(self, numbers: dict[str, Any]) -> None:
        """Take over the numbers of a checkpoint."""
        for name, value in asdict(Progression(**numbers)).items():
            setattr(self, name, value)


def copied_weights(model: nn.Module) -> Weights:
    """Return a copy of parameters and buffers that later steps do not change."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
