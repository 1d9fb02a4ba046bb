"""WeightDrop: entries of a cell's recurrent weights that are dropped for all steps together."""

from __future__ import annotations

import threading
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call

from unrolled.core.layer import Cell, Layer
from unrolled.core.noise import SharedSeed, checked_probability, draw_seeds, keep_mask
from unrolled.core.seq import Seq
from unrolled.core.tree import State, Tree, leaves, register, tree_map
from unrolled.errors import OptionError, ShapeError


class WeightDropState(NamedTuple):
    """The cell's own state, and the seed of the weights that are dropped."""

    cell: State
    noise: SharedSeed


register(WeightDropState)

_one_at_a_time = threading.RLock()
"""functional_call puts the dropped weights on the module while it runs: another thread would take them for its own."""


class WeightDrop(Layer):
    """Zero entries of the recurrent weights with probability p in training: one draw for all steps and rows.

    The draw is made outside the cell, so its kernels still run. Merity et al. 2018 (AWD-LSTM), arXiv:1708.02182;
    after DropConnect, Wan et al. 2013.

    Raises:
        OptionError: the cell does not declare `recurrent_weights`.
        ShapeError: in training, rows of one batch that were begun with different seeds.
    """

    state_type = WeightDropState

    def __init__(self, cell: Cell, p: float) -> None:
        super().__init__()
        if not getattr(cell, "recurrent_weights", ()):
            raise OptionError(
                f"WeightDrop cannot wrap {type(cell).__name__}",
                expected="a cell that declares recurrent_weights, the names of its recurrent parameters",
            )
        self.cell, self.p = cell, checked_probability(p)

    def extra_repr(self) -> str:
        return f"p={self.p}"

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> WeightDropState:
        inner = self.cell.initial_state(batch, device=device, dtype=dtype)
        seed = draw_seeds(1, next(leaves(inner)).device).expand(batch).clone()
        return WeightDropState(inner, SharedSeed(seed))

    def unroll(self, xs: Seq, state: WeightDropState) -> tuple[Seq, WeightDropState]:
        if not self.drops(xs.batch):
            ys, inner = self.cell(xs, state.cell)
        else:
            with _one_at_a_time:
                weights = self._dropped(state.noise.seed)
                ys, inner = functional_call(self.cell, weights, (xs, state.cell))
        return ys, WeightDropState(inner, state.noise)

    def drops(self, batch: int) -> bool:
        """Tell whether the weights for so many rows are others than the cell's own."""
        return self.training and self.p > 0 and batch > 0

    def step(self, x: Tree, state: WeightDropState) -> tuple[Tree, WeightDropState]:
        if not self.drops(len(next(leaves(x)))):
            y, inner = self.cell.step(x, state.cell)
            return y, WeightDropState(inner, state.noise)
        xs = Seq.padded(tree_map(lambda leaf: leaf.unsqueeze(1), x), None)
        ys, state = self.unroll(xs, state)
        return tree_map(lambda leaf: leaf.squeeze(1), ys.data), state

    def _dropped(self, seed: Tensor) -> dict[str, Tensor]:
        if (seed != seed[0]).any():
            raise ShapeError(
                "WeightDrop was given rows that were begun with different seeds",
                expected="one draw of the weights for a whole batch",
                fix="begin them together with initial_state, or use renew(state)",
            )
        dropped = {}
        for index, name in enumerate(self.cell.recurrent_weights):
            # Not get_parameter: inside a functional_call of the user's own it is a plain tensor.
            weight: Tensor = attrgetter(name)(self.cell)
            rows = torch.arange(len(weight), device=weight.device)
            keep = keep_mask(seed[:1] + index, rows[None], weight[0].numel(), self.p)[0]
            dropped[name] = weight * keep.view(weight.shape).to(weight.dtype).div_(1 - self.p)
        return dropped
