"""How a cell is unrolled over time: the kernel that accepts, or the plain loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from unrolled.core.registry import find_kernel
from unrolled.core.seq import Seq
from unrolled.core.tree import State, Tree, keep_rows, rebuild, tree_map
from unrolled.errors import ShapeError

if TYPE_CHECKING:
    from unrolled.core.layer import Cell


def unroll(cell: Cell, xs: Seq, state: State) -> tuple[Seq, State]:
    """Run ``cell`` over every step of ``xs`` from ``state``."""
    check_features(cell, xs)
    kernel = find_kernel(cell, xs, state)
    if kernel is not None:
        return kernel.unroll(cell, xs, state)
    return plain_loop(cell, xs, state)


class Stepping(Protocol):
    """What the plain loop needs of a cell."""

    def step(self, x: Tree, state: State) -> tuple[Tree, State]:
        """Run one step."""


def plain_loop(cell: Stepping, xs: Seq, state: State) -> tuple[Seq, State]:
    """Repeat ``cell.step``; a row whose steps are over keeps its state.

    The reference that every kernel must equal.
    """
    if xs.steps == 0:
        return xs.with_data(no_steps(cell, xs, state)), state
    shortest = xs.shortest
    alive = xs.mask().unbind(1) if shortest < xs.steps else ()
    ys: list[Tree] = []
    for t, x in enumerate(steps_of(xs.data)):
        y, following = cell.step(x, state)
        state = following if t < shortest else keep_rows(alive[t], following, state)
        ys.append(y)
    return xs.with_data(stack_steps(ys)), state


def steps_of(data: Tree) -> list[Tree]:
    """Return the T trees (B, *F) of a tree (B, T, *F). Unbinding once is 3.5 x faster than slicing each step."""
    if isinstance(data, Tensor):
        return list(data.unbind(1))
    return [rebuild(data, parts) for parts in zip(*map(steps_of, data), strict=True)]


def stack_steps(ys: list[Tree]) -> Tree:
    """Return one tree (B, T, *F) of T trees (B, *F)."""
    return tree_map(lambda *leaf: torch.stack(leaf, 1), *ys)


def no_steps(cell: Stepping, xs: Seq, state: State) -> Tree:
    """Return the outputs of zero steps: one step on zeros tells their shape, and nothing of it is kept."""
    zeros = tree_map(lambda leaf: leaf.new_zeros(leaf.shape[0], *leaf.shape[2:]), xs.data)
    y, _ = cell.step(zeros, state)
    return tree_map(lambda leaf: leaf.unsqueeze(1)[:, :0], y)


class Reading(Protocol):
    """A layer that reads so many features, or any number where it says None."""

    @property
    def input_size(self) -> int | None: ...


def check_features(layer: Reading, xs: Seq) -> None:
    """Raise a ShapeError when the input does not have the features that the layer reads."""
    name, first = type(layer).__name__, xs.sample
    if layer.input_size is not None and (first.dim() != 3 or first.shape[-1] != layer.input_size):
        raise ShapeError(
            f"{name}(input_size={layer.input_size}) was given {tuple(first.shape)}",
            expected=f"(batch, time, {layer.input_size})",
        )
