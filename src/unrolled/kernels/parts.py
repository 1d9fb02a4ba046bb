"""What a layer is made of in evaluation, where noise does nothing, and which of its state is whose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.compose import Stack
from unrolled.core.layer import Layer
from unrolled.core.noise import Dropout, RowNoise
from unrolled.core.tree import State, leaves, rebuild
from unrolled.core.weight_drop import WeightDrop
from unrolled.kernels.packing import is_packable


class Part(NamedTuple):
    """A module through which a layer's steps go, one after the other."""

    name: str
    module: nn.Module
    state: int | None = None
    """The entry of the layer's state that is the module's; None = it has none, or one that never changes."""


_parts: dict[type, Callable[[Any], list[Part]]] = {}


def register_parts(kind: type[Layer], parts: Callable[[Any], list[Part]]) -> None:
    """Let streams of layers of exactly this type run their parts, whose outputs are the layer's own in evaluation."""
    _parts[kind] = parts


def parts_of(layer: nn.Module) -> list[Part] | None:
    """Return what a layer is made of in evaluation, or None for one that is not made of others."""
    parts = _parts.get(type(layer))
    return None if parts is None else parts(layer)


def fits(layer: nn.Module, state: State, batch: int) -> bool:
    """Tell whether this is a state of the layer for so many rows, in float32 on the CPU."""
    if is_packable(layer):
        return type(state) is layer.state_type and all(
            type(leaf) is Tensor
            and leaf.shape == (batch, layer.hidden_size)
            and leaf.dtype is torch.float32
            and leaf.is_cpu
            for leaf in state
        )
    parts = parts_of(layer)
    if parts is None:
        return bool(state == ())
    if type(state) is not (getattr(layer, "state_type", None) or tuple):
        return False
    if isinstance(layer, Stack) and len(state) != len(layer):
        return False
    inner = {part.state: part.module for part in parts}
    return all(
        fits(inner[place], entry, batch)
        if place in inner
        else all(len(leaf) == batch for leaf in leaves(entry))
        for place, entry in enumerate(state)
    )


def dense_copy(leaf: Tensor) -> Tensor:
    """Return a copy with its numbers one beside the other."""
    return leaf.detach().clone(memory_format=torch.contiguous_format)


def states_of(layer: nn.Module, state: State) -> Iterator[State]:
    """Yield the states of the cells inside a layer, from the first to the last."""
    if is_packable(layer):
        yield state
    for part in parts_of(layer) or ():
        if part.state is not None:
            yield from states_of(part.module, state[part.state])


def rebuilt(layer: nn.Module, begun: State, leaves: Iterator[Tensor], steps: int) -> State:
    """Return the layer's state so many steps after ``begun``, with the cells' tensors taken from ``leaves``."""
    if is_packable(layer):
        return rebuild(begun, [next(leaves) for _ in begun])
    if isinstance(layer, RowNoise):
        return begun._replace(position=begun.position + steps) if layer.every_step else begun
    entries = list(begun)
    for part in parts_of(layer) or ():
        if part.state is not None:
            entries[part.state] = rebuilt(part.module, begun[part.state], leaves, steps)
    return rebuild(begun, entries)


def _layers(stack: Stack) -> list[Part]:
    return [Part(f"layers.{place}", layer, place) for place, layer in enumerate(stack)]


register_parts(Stack, _layers)
register_parts(WeightDrop, lambda layer: [Part("cell", layer.cell, 0)])
register_parts(Dropout, lambda layer: [])
