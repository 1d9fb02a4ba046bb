"""Thawing: the parts of a network that was trained before are trained on one after the other, each at a rate of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from unrolled.errors import OptionError


@dataclass(frozen=True)
class Part:
    """Parameters that are trained from some point of the run on, frozen before.

    Attributes:
        parameters: of one part of the network.
        rate: what the learning rate is multiplied by.
        begins: the share of the run that is over when they begin to change, at least 0 and below 1.

    Gradual unfreezing and discriminative rates: Howard and Ruder 2018, arXiv:1801.06146, sections 3.2 and 3.3.
    """

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0
    begins: float = 0.0

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise OptionError(f"rate={self.rate!r}", expected="a number above 0")
        if not 0 <= self.begins < 1:
            raise OptionError(f"begins={self.begins!r}", expected="at least 0 and below 1")


def thaw(parts: Sequence[Part], done: float) -> None:
    """Freeze the parts that begin later than at this share of the run: no gradient is computed for them.

    >>> below, above = nn.Linear(1, 1), nn.Linear(1, 1)
    >>> parts = [Part(list(above.parameters())), Part(list(below.parameters()), rate=0.5, begins=0.2)]
    >>> thaw(parts, done=0.1); below.weight.requires_grad, above.weight.requires_grad
    (False, True)
    >>> thaw(parts, done=0.2); below.weight.requires_grad
    True
    """
    for part in parts:
        for parameter in part.parameters:
            parameter.requires_grad_(done >= part.begins)


def whole(parameters: Sequence[nn.Parameter], parts: Sequence[Part]) -> list[Part]:
    """Return the parts, and before them one of all parameters that are in none: trained from the beginning.

    Raises:
        OptionError: a parameter is in two parts, nothing is trained at the beginning, or a part holds what is not the model's.
    """
    named = [id(parameter) for part in parts for parameter in part.parameters]
    known = {id(parameter) for parameter in parameters}
    if len(set(named)) < len(named):
        raise OptionError("a parameter is in two parts", expected="each in one at most")
    if not set(named) <= known:
        raise OptionError("a part holds a parameter that is not the model's")
    rest = Part([parameter for parameter in parameters if id(parameter) not in set(named)])
    all_of_them = [part for part in (rest, *parts) if part.parameters]
    if all(part.begins > 0 for part in all_of_them):
        raise OptionError("every part begins later", expected="one that is trained from the start")
    return all_of_them
