"""What a step minimises: a sum over valid items and their number, with or without a state carried between batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.tree import State, detach, leaves, tree_map
from unrolled.errors import InputError, ModelFileError
from unrolled.train.generators import generators_kept


class Loss(NamedTuple):
    """What a loss function returns: a sum and what it is a sum over.

    A step minimises total / items. So every valid item of a batch counts the same, however long the rows are and
    however much they were padded.
    """

    total: Tensor
    """() the sum over the valid items, differentiable."""
    items: Tensor | int
    """How many valid items there were; a batch without any is passed over."""


class Objective:
    """The loss function, with the state that it carries if ``carry`` says how an epoch begins."""

    def __init__(
        self, loss: Callable[..., Any], carry: Callable[[nn.Module, Any], State] | None
    ) -> None:
        self.loss, self.carry = loss, carry
        self.saved: list[Tensor] | None = None
        """What a checkpoint held of the carried state; it waits for a batch that tells its structure."""

    def __call__(
        self, model: nn.Module, batch: Any, state: State | None
    ) -> tuple[Loss, State | None]:
        """Return the loss of a batch and the state to carry on, cut from the graph."""
        if self.carry is None:
            part, state = self.loss(model, batch), None
        else:
            if state is None:
                state = self._first_state(model, batch, self.carry)
            part, state = self.loss(model, batch, state)
            state = detach(state)
        if not isinstance(part, Loss):
            expected = "Loss(total, items)" + (" and the state" if self.carry else "")
            raise InputError(f"the loss function gave {type(part).__name__}", expected=expected)
        return part, state

    def value(self, model: nn.Module, batch: Any) -> float:
        """Return the mean loss of a batch from the state an epoch begins with, without a graph."""
        with torch.no_grad():
            part, _ = self(model, batch, None)
            return float(part.total / part.items)

    def _first_state(
        self, model: nn.Module, batch: Any, carry: Callable[[nn.Module, Any], State]
    ) -> State:
        if self.saved is None:
            return carry(model, batch)
        saved, self.saved = self.saved, None
        with generators_kept():
            like = carry(model, batch)
        shapes = [tuple(leaf.shape) for leaf in leaves(like, constants=True)]
        if shapes != [tuple(leaf.shape) for leaf in saved]:
            raise ModelFileError(
                f"the carried state in the checkpoint has shapes {[tuple(s.shape) for s in saved]}",
                expected=f"those of this model and batch, {shapes}",
                fix="resume with the data that the run was begun with",
            )
        rest = iter(saved)
        return tree_map(lambda leaf: next(rest).to(leaf.device), like, constants=True)
