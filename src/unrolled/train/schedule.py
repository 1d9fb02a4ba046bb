"""The learning rate as a function of the step: warm-up, then cosine, plateau or constant."""

from __future__ import annotations

import math

from unrolled.train.settings import TrainSettings


def learning_rate(
    settings: TrainSettings, step: int, *, last_step: int | None, decay: float = 1.0
) -> float:
    """Return the learning rate of update number ``step``, counted from 0.

    Warm-up: base * (step + 1) / warmup_steps. After it, "cosine" is base * (1 + cos(pi * p)) / 2, where p goes from 0
    at the end of the warm-up to 1 at ``last_step``; the others are base * decay.

    Args:
        settings: of the run.
        step: updates done so far.
        last_step: where the run ends; None while that is not known, which keeps the cosine at its height.
        decay: what "plateau" has multiplied the rate by so far.

    >>> settings = TrainSettings(learning_rate=1.0, warmup_steps=2)
    >>> [round(learning_rate(settings, step, last_step=6), 3) for step in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    if settings.schedule == "cosine":
        if last_step is None or last_step <= settings.warmup_steps:
            return settings.learning_rate
        passed = (step - settings.warmup_steps) / (last_step - settings.warmup_steps)
        return settings.learning_rate * (1 + math.cos(math.pi * min(passed, 1.0))) / 2
    return settings.learning_rate * decay


def last_step(
    settings: TrainSettings, steps_per_epoch: int | None, *, step: int = 0, seconds: float = 0.0
) -> int | None:
    """Return the step at which ``epochs``, ``max_steps`` or ``max_minutes`` ends the run, or None while that is not known.

    Args:
        settings: of the run.
        steps_per_epoch: None while that is not known.
        step: updates done so far.
        seconds: what they took: as fast as that the run goes on until ``max_minutes`` is over.

    >>> settings = TrainSettings(epochs=10, max_minutes=1)
    >>> last_step(settings, 100), last_step(settings, 100, step=50, seconds=6.0)
    (1000, 500)
    """
    ends = []
    if settings.max_steps is not None:
        ends.append(settings.max_steps)
    if settings.epochs is not None and steps_per_epoch is not None:
        ends.append(settings.epochs * steps_per_epoch)
    if settings.max_minutes is not None and step and seconds > 0:
        ends.append(max(step, int(step * settings.max_minutes * 60 / seconds)))
    return min(ends, default=None)
