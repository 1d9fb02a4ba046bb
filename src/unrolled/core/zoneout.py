"""Zoneout: units of a cell's state that stay as they were at the step before."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.core.layer import Cell
from unrolled.core.noise import NoiseState, checked_probability, draw_seeds, keep_mask
from unrolled.core.tree import State, Tree, leaves, register, tree_map
from unrolled.errors import OptionError


class ZoneoutState(NamedTuple):
    """The cell's own state, and where its noise stands."""

    cell: State
    noise: NoiseState


register(ZoneoutState)


class Zoneout(Cell):
    """Keep each unit of the state from the previous step with probability p in training.

    h_t = m * h_(t-1) + (1 - m) * cell(x_t, h_(t-1)), m ~ Bernoulli(p); in evaluation m is its mean p. Every field of
    the state is zoned out with a mask of its own (whole numbers and what is `Constant` are left alone) and the output is
    the zoned field that the cell declares as `output_field`. Krueger et al. 2017, arXiv:1606.01305.

    Raises:
        OptionError: the cell does not declare which field of its state is its output.
    """

    state_type = ZoneoutState

    def __init__(self, cell: Cell, p: float) -> None:
        super().__init__()
        if getattr(cell, "output_field", None) is None:
            raise OptionError(
                f"Zoneout cannot wrap {type(cell).__name__}",
                expected="a cell that declares output_field, the field of its state that is its output",
                fix="set output_field on the cell, or use Dropout(p, locked=True)",
            )
        self.cell, self.p = cell, checked_probability(p)
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size
        self.recurrent_weights = tuple(f"cell.{name}" for name in cell.recurrent_weights)

    def extra_repr(self) -> str:
        return f"p={self.p}"

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> ZoneoutState:
        inner = self.cell.initial_state(batch, device=device, dtype=dtype)
        seed = draw_seeds(batch, next(leaves(inner)).device)
        return ZoneoutState(inner, NoiseState(seed, torch.zeros_like(seed)))

    def step(self, x: Tree, state: ZoneoutState) -> tuple[Tensor, ZoneoutState]:
        fresh = self.fresh_units(state, state.noise.position) if self.training else ()
        return self.zoned_step(x, state, fresh)

    def zoned_step(
        self, x: Tree, state: ZoneoutState, fresh: tuple[Tensor, ...]
    ) -> tuple[Tensor, ZoneoutState]:
        """Take a step for which it is drawn already which units of each real field of the state are new."""
        _, following = self.cell.step(x, state.cell)
        masks = iter(fresh)

        def zone(new: Tensor, old: Tensor) -> Tensor:
            if not new.is_floating_point():
                return new
            if not self.training:
                return torch.lerp(new, old, self.p)
            return torch.where(next(masks).view(new.shape), new, old)

        zoned = tree_map(zone, following, state.cell)
        noise = NoiseState(state.noise.seed, state.noise.position + 1)
        return getattr(zoned, self.cell.output_field or ""), ZoneoutState(zoned, noise)

    def fresh_units(self, state: ZoneoutState, position: Tensor) -> tuple[Tensor, ...]:
        """Return for each real field which units are new at ``position`` (B,) or (B, T): one draw for all fields."""
        real = [leaf for leaf in leaves(state.cell) if leaf.is_floating_point()]
        units = [math.prod(leaf.shape[1:]) for leaf in real]
        return torch.split(keep_mask(state.noise.seed, position, sum(units), self.p), units, -1)
