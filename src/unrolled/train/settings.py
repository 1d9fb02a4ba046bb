"""What a training run is told: its bounds, its optimizer, how gradients are clipped, when it is evaluated and saved."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from unrolled.errors import OptionError, unknown_option

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("cosine", "plateau", "constant")
BOUNDS = ("epochs", "max_steps", "max_minutes")
"""The settings that may be raised when a run is resumed."""

_WHOLE = {
    "epochs": 1,
    "max_steps": 1,
    "batch_size": 1,
    "warmup_steps": 0,
    "plateau_patience": 1,
    "patience": 1,
    "evaluate_every": 1,
    "checkpoint_every": 1,
    "seed": 0,
    "threads": 1,
}
"""The whole numbers and the least that each may be."""

_MOST = {"seed": 2**63 - 1, "threads": 1024}
"""The most that some may be: torch keeps seeds in 64 bits, and dies of threads that the system does not give."""

_NUMBERS = {
    "max_minutes": (None, math.inf),
    "learning_rate": (None, math.inf),
    "momentum": (0.0, 1.0),
    "average": (0.0, 1.0),
    "weight_decay": (0.0, math.inf),
    "plateau_factor": (None, 1.0),
    "clip_norm": (None, math.inf),
    "clip_value": (None, math.inf),
    "clip_adaptive": (None, math.inf),
}
"""The other numbers: the least that each may be (None = above 0), and what it must be below."""

_OPTIONAL = frozenset(BOUNDS) | {
    "patience",
    "evaluate_every",
    "checkpoint_every",
    "threads",
    "clip_norm",
    "clip_value",
    "clip_adaptive",
}


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The settings of one training run, checked when they are made.

    Attributes:
        epochs: passes over the training part at most; None = bounded otherwise.
        max_steps: updates at most.
        max_minutes: wall time at most; a resumed run counts the time of the runs before it.
        batch_size: rows of a batch, for the caller that makes the batches and for the choice of threads.
        optimizer: "adam", "adamw" or "sgd".
        learning_rate: its highest value; warm-up leads to it and the schedule away from it.
        momentum: of "sgd".
        average: decay of the running average of the weights that is evaluated and kept (`train.average`), 0 = none.
        weight_decay: on matrices, never on biases and other vectors. Decoupled with "adamw"
            (Loshchilov and Hutter 2019, arXiv:1711.05101), an L2 penalty otherwise.
        schedule: "cosine" falls to 0 at the end that is nearest, of `epochs`, `max_steps` and `max_minutes`; by the
            clock no run is like another to the last bit (Loshchilov and Hutter 2017, arXiv:1608.03983). "plateau"
            multiplies by `plateau_factor` after every `plateau_patience` evaluations in a row without a better score;
            "constant" stays.
        warmup_steps: steps over which the learning rate rises linearly (Goyal et al. 2017, arXiv:1706.02677).
        plateau_patience: see `schedule`.
        plateau_factor: see `schedule`.
        clip_norm: the largest norm of the whole gradient (Pascanu et al. 2013, arXiv:1211.5063).
        clip_value: the largest absolute value of one element.
        clip_adaptive: the largest norm of a unit's gradient as a share of the norm of the unit's weights
            (AGC; Brock et al. 2021, arXiv:2102.06171).
        patience: evaluations in a row without a better validation score before training stops; None = never.
        evaluate_every: steps from one evaluation to the next; None = at the end of every epoch.
        checkpoint_every: steps from one checkpoint to the next; None = by the clock, so that saving takes about
            one percent of the time. What is trained does not depend on it.
        seed: of every random number drawn while training.
        threads: of torch while training; None = chosen by shape (`unrolled.train.threads`).

    Raises:
        OptionError: a value is not one that the setting can have.

    >>> TrainSettings(epochs=3).schedule
    'cosine'
    >>> TrainSettings.from_options(learning_rat=0.1)
    Traceback (most recent call last):
    unrolled.errors.OptionError: training option 'learning_rat' does not exist; did you mean 'learning_rate'?
    """

    epochs: int | None = 100
    max_steps: int | None = None
    max_minutes: float | None = None
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    average: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup_steps: int = 0
    plateau_patience: int = 2
    plateau_factor: float = 0.5
    clip_norm: float | None = 1.0
    clip_value: float | None = None
    clip_adaptive: float | None = None
    patience: int | None = 10
    evaluate_every: int | None = None
    checkpoint_every: int | None = None
    seed: int = 0
    threads: int | None = None

    @classmethod
    def from_options(cls, **options: Any) -> TrainSettings:
        """Return the settings with ``options`` replaced; a misspelt name is an error that gives the nearest one."""
        names = [field.name for field in fields(cls)]
        for name in options:
            if name not in names:
                raise _unknown_name(name, names)
        return cls(**options)

    def __post_init__(self) -> None:
        for name, least in _WHOLE.items():
            self._set(name, _whole(name, getattr(self, name), least, optional=name in _OPTIONAL))
        for name, (lowest, below) in _NUMBERS.items():
            given = getattr(self, name)
            self._set(name, _number(name, given, lowest, below, optional=name in _OPTIONAL))
        for name, choices in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in choices:
                raise unknown_option(name, getattr(self, name), choices)
        self._check_end()

    def _set(self, name: str, value: object) -> None:
        # A checkpoint holds Python's numbers; numpy's are as welcome from the caller.
        object.__setattr__(self, name, value)

    def _check_end(self) -> None:
        if all(getattr(self, name) is None for name in BOUNDS):
            raise OptionError(
                "training would never end: epochs, max_steps and max_minutes are all None",
                fix="give one of them",
            )


def _unknown_name(name: str, names: list[str]) -> OptionError:
    hint = unknown_option("training option", name, names).fix
    return OptionError(
        f"training option {name!r} does not exist",
        expected=None if hint else f"one of {', '.join(names)}",
        fix=hint,
    )


def _whole(name: str, value: object, lowest: int, *, optional: bool) -> int | None:
    if value is None and optional:
        return None
    most = _MOST.get(name, math.inf)
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        number = int(value)
        if lowest <= number <= most:
            return number
    expected = f"a whole number of at least {lowest}"
    if most < math.inf:
        expected += f" and at most {most}"
    expected += " or None" if optional else ""
    raise OptionError(f"{name}={value!r}", expected=expected)


def _number(
    name: str, value: object, lowest: float | None, below: float, *, optional: bool
) -> float | None:
    if value is None and optional:
        return None
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        number = float(value)
        if (number > 0 if lowest is None else number >= lowest) and number < below:
            return number
    expected = "a number above 0" if lowest is None else f"a number of at least {lowest:g}"
    if below < math.inf:
        expected += f" and below {below:g}"
    raise OptionError(f"{name}={value!r}", expected=expected + (" or None" if optional else ""))


def refuse_other_settings(saved: Mapping[str, Any], settings: TrainSettings, where: str) -> None:
    """Raise unless a run saved with ``saved`` may go on with ``settings``: equal, but for bounds that are raised."""
    given = asdict(settings)
    changed = {n for n in saved.keys() | given.keys() if saved.get(n) != given.get(n)}
    raised = {n for n in changed.intersection(BOUNDS) if _is_raised(saved.get(n), given.get(n))}
    if raised:
        # Tasks tell from the bounds how often a run is evaluated, and how long the warm-up of a short one is.
        changed -= {"evaluate_every", "warmup_steps"}
    if changed - raised:
        differing = [
            f"{name} was {saved.get(name)!r} and is now {given.get(name)!r}"
            for name in sorted(changed - raised)
        ]
        bounds = ", ".join(
            f"{name}={saved[name]} (--{name.replace('_', '-')})"
            for name in BOUNDS
            if saved.get(name) is not None
        )
        only_bounds = (changed - raised).issubset(BOUNDS) and bounds
        those = f"{bounds} or higher" if only_bounds else "those"
        raise OptionError(
            f"the run was begun with other settings: {', '.join(differing)}",
            where=where,
            expected=f"the same settings ({', '.join(BOUNDS)} may be raised)",
            fix=f"give {those}, or start again in another folder",
        )


def _is_raised(before: float | None, now: float | None) -> bool:
    return now is None or (before is not None and now > before)
