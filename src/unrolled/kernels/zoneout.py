"""Zoneout with the masks of all steps drawn at once: a mask costs the same 20 operations for one step as for all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.core.registry import register_kernel
from unrolled.core.seq import Seq
from unrolled.core.tree import Tree
from unrolled.core.unroll import plain_loop
from unrolled.core.zoneout import Zoneout, ZoneoutState


class Drawn(NamedTuple):
    """A step's input and its masks."""

    x: Tree
    fresh: tuple[Tensor, ...]


class DrawnZoneout:
    """A Zoneout whose steps are given their masks."""

    def __init__(self, cell: Zoneout) -> None:
        self.cell = cell

    def step(self, x: Drawn, state: ZoneoutState) -> tuple[Tensor, ZoneoutState]:
        return self.cell.zoned_step(x.x, state, x.fresh)


class ZoneoutKernel:
    """Draws the masks of all steps before the first; the cell inside still takes its own steps."""

    name = "masks drawn at once"

    def refuses(self, cell: Zoneout, xs: Seq, state: ZoneoutState) -> str | None:
        if not cell.training:
            return "nothing is drawn in evaluation"
        return None if xs.longest else "there are no steps"

    def unroll(self, cell: Zoneout, xs: Seq, state: ZoneoutState) -> tuple[Seq, ZoneoutState]:
        steps = torch.arange(xs.steps, device=state.noise.position.device)
        fresh = cell.fresh_units(state, state.noise.position[:, None] + steps)
        return plain_loop(DrawnZoneout(cell), Seq.padded(Drawn(xs.data, fresh), xs.lengths), state)


register_kernel(Zoneout, ZoneoutKernel())
