"""Cells that are linear in their state: all steps of a sequence can be computed at once."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from unrolled.core.layer import Cell
from unrolled.core.tree import Tree, register


@register
class LinearState(NamedTuple):
    """h: hidden state (B, hidden_size), or (B, *units), real or complex."""

    h: Tensor


class LinearCell(Cell):
    """A cell whose next state is linear in the state, unit by unit, with coefficients that the input alone decides.

        h' = a * h + b,   y = output(h', x)

    It sets ``hidden_size`` and writes `coefficients`, and gets `step`, and the scan over whole sequences in place of the loop over their steps.
    A subclass that overrides `step` is unrolled by the plain loop. What is multiplied into the state must be one number
    for each unit (a diagonal); in exchange it may be complex, and the state too, which then needs its own
    `initial_state`.

    >>> import torch
    >>> class MovingAverage(LinearCell):
    ...     def __init__(self, hidden_size):
    ...         super().__init__()
    ...         self.hidden_size = hidden_size
    ...         self.decay = torch.nn.Parameter(torch.zeros(hidden_size))
    ...     def coefficients(self, x):
    ...         a = self.decay.sigmoid()
    ...         return a, (1 - a) * x
    >>> ys, state = MovingAverage(1)(torch.ones(1, 3, 1))
    >>> ys.flatten().tolist()
    [0.5, 0.75, 0.875]

    Diagonal recurrences of this form: Martin and Cundy 2018, arXiv:1709.04057; Gu et al. 2022 (S4D), arXiv:2206.11893;
    Orvieto et al. 2023 (LRU), arXiv:2303.06349.
    """

    state_type = LinearState
    output_field = "h"

    def coefficients(self, x: Tree) -> tuple[Tensor, Tensor]:
        """Return the tensors a and b, each of a shape that broadcasts to (N, *units), for x (N, *F).

        N stands for the rows of one step, or for all rows and steps at once, as (B, T, *F) is laid out flat: each place is
        computed by itself. A coefficient that is one number for all is a tensor of that number.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no coefficients")

    def output(self, h: Tensor, x: Tree) -> Any:
        """Return y (N, ...) of the new state (N, *units) and of x (N, *F); the state itself unless overridden."""
        return h

    def step(self, x: Tree, state: Any) -> tuple[Any, Any]:
        a, b = self.coefficients(x)
        h = a * state.h + b
        return self.output(h, x), type(state)(h)
