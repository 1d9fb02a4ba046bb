"""Options of a task, parted into its own and those of its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from unrolled.errors import unknown_option
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
