"""A state as bytes and back: safetensors, so that reading them runs no code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from unrolled.core.layer import Layer
from unrolled.core.tree import State, Tree, tree_map
from unrolled.errors import InputError, ShapeError

NOT_BEGUN = "not begun"
"""Name of the one tensor, which is empty, of a stream before its first push."""


def state_to_bytes(state: State | None) -> bytes:
    """Return a state as bytes; None is that of a stream before its first push."""
    if state is None:
        return bytes(save({NOT_BEGUN: torch.zeros(0)}))
    # Copied: safetensors refuses tensors that share memory.
    dense = torch.contiguous_format
    return bytes(
        save({path: leaf.detach().clone(memory_format=dense) for path, leaf in named(state)})
    )


def state_from_bytes(data: bytes, layer: Layer, current: State | None) -> State | None:
    """Return the state that `state_to_bytes` wrote.

    Args:
        data: the bytes.
        layer: whose state it is to be.
        current: a state of that layer, where there is one already; else its initial state is the model.

    Raises:
        InputError: the bytes are no saved state.
        ShapeError: they are the state of another layer.
    """
    try:
        read = load(data)
    except (SafetensorError, TypeError) as error:
        raise InputError(
            f"these bytes are no saved state ({error})", expected="what Stream.to_bytes returned"
        ) from None
    if set(read) == {NOT_BEGUN}:
        return None
    if current is None:
        with torch.random.fork_rng(devices=[]):
            current = layer.initial_state(1)
    name = type(layer).__name__
    model = dict(named(current))
    for path in sorted(model.keys() ^ read.keys()):
        problem = "lacks" if path in model else "has"
        raise ShapeError(f"the saved state {problem} {path!r}", expected=f"a state of this {name}")
    for path, like in model.items():
        leaf, features = read[path], like.shape[1:]
        fits = leaf.dim() == like.dim() and leaf.shape[1:] == features
        if not fits or leaf.dtype is not like.dtype:
            raise ShapeError(
                f"the saved state has {path!r} {tuple(leaf.shape)} {leaf.dtype}",
                expected=f"{('B', *features)} {like.dtype}, as this {name} has it",
            )
    rows = {path: len(read[path]) for path in model}
    if len(set(rows.values())) > 1:
        raise ShapeError(f"the saved state has rows {rows}", expected="as many in every tensor")
    places = iter(model)
    return tree_map(lambda leaf: read[next(places)].to(leaf.device), current, constants=True)


def named(tree: Tree, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the path and the tensor of each leaf: ``0.h``, ``1.cell.c``; the only tensor of a tree is ``state``."""
    if isinstance(tree, Tensor):
        yield path or "state", tree
        return
    names: Any = getattr(tree, "_fields", range(len(tree)))
    for name, branch in zip(names, tree, strict=True):
        yield from named(branch, f"{path}.{name}" if path else str(name))
