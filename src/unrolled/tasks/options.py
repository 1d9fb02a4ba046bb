"""Options of a task: parted into its own and those of its training, and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from os import PathLike
from typing import Any

import numpy as np

from unrolled.errors import InputError, OptionError, unknown_option
from unrolled.train.settings import TrainSettings


def part_options(
    options: Mapping[str, Any], own: type[Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options that are fields of the dataclass ``own``, and those of `TrainSettings`.

    Raises:
        OptionError: an option is neither; the nearest name is given.
    """
    names = [field.name for field in fields(own)]
    of_training = [field.name for field in fields(TrainSettings)]
    for name in options:
        if name not in names and name not in of_training:
            raise unknown_option("option", name, [*names, *of_training])
    # numpy's numbers are welcome, and JSON, which holds a saved model's options, knows only Python's.
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in options.items()}
    mine = {name: value for name, value in plain.items() if name in names}
    return mine, {name: value for name, value in plain.items() if name in of_training}


def is_whole(value: object) -> bool:
    """Tell whether it is a whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Tell whether it is a number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_whole(settings: object, least: Mapping[str, int]) -> None:
    """Raise an OptionError unless each option by name is None, or a whole number of at least its least."""
    for name, lowest in least.items():
        value = getattr(settings, name)
        if value is not None and not (is_whole(value) and value >= lowest):
            raise OptionError(f"{name}={value!r}", expected=f"a whole number of at least {lowest}")


def check_probabilities(settings: object, names: Iterable[str]) -> None:
    """Raise an OptionError unless each option is None, or a probability below 1."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not (is_number(value) and 0 <= value < 1):
            raise OptionError(f"{name}={value!r}", expected="a probability below 1")


def check_parts(settings: object, names: Iterable[str] = ("validation", "test")) -> None:
    """Raise an OptionError unless each option tells how many rows are held out."""
    for name in names:
        value = getattr(settings, name)
        if not (is_number(value) and value >= 0):
            raise OptionError(
                f"{name}={value!r}", expected="a share of the rows below 1, or a number of rows"
            )


def check_names(settings: object, names: Iterable[str]) -> None:
    """Raise an OptionError unless each option is None or a name; a path becomes its text, as JSON holds it."""
    for name in names:
        value = getattr(settings, name)
        if isinstance(value, PathLike):
            object.__setattr__(settings, name, str(value))
        elif value is not None and not isinstance(value, str):
            raise OptionError(f"{name}={value!r}", expected="a name")


def refuse_shares(**parts: object) -> None:
    """Raise an InputError where ``fit`` is given a share in place of rows of their own."""
    for name, own in parts.items():
        if is_number(own):
            raise InputError(
                f"fit({name}={own!r})",
                expected="rows of their own, as the data is given",
                fix=f"say how many are held out when the model is made: {name}={own!r}",
            )
