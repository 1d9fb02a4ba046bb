"""The recurrent layer of a task, from a cell's name or from the user's own cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import nn

import unrolled.cells as cells
from unrolled.cells import cell_named
from unrolled.core.compose import deep
from unrolled.core.layer import Cell, Layer
from unrolled.errors import ModelFileError, OptionError

CellChoice = str | Callable[..., Layer]
"""A cell's name, its class, or any function ``(input_size, hidden_size) -> Layer``."""


def cell_maker(cell: CellChoice) -> Callable[..., Layer]:
    """Return what makes the cell.

    Raises:
        OptionError: no cell has that name (the nearest is named), or it can make none.
    """
    if isinstance(cell, str):
        return cell_named(cell)
    if not callable(cell) or isinstance(cell, Layer):
        raise OptionError(
            f"cell={cell!r}",
            expected="a cell's name, its class, or a function (input_size, hidden_size) -> Layer",
            fix="give the class itself, GRU, not GRU(64, 64)" if isinstance(cell, Layer) else None,
        )
    return cell


def cell_name(cell: CellChoice) -> str | None:
    """Return the name by which a saved model finds the cell again; None for a cell that is the user's own."""
    maker = cell_maker(cell)
    name = getattr(maker, "__name__", "")
    return name if name in cells.__all__ and getattr(cells, name) is maker else None


def recurrent_layer(
    cell: CellChoice,
    input_size: int,
    hidden_size: int,
    *,
    layers: int,
    dropout: float,
    bidirectional: bool = False,
) -> Layer:
    """Return ``layers`` cells over each other, of ``hidden_size`` units each (in each direction).

    Raises:
        OptionError: what ``cell`` makes is no layer.
    """
    maker = cell_maker(cell)

    def make(features: int, units: int) -> Layer:
        made: Any = maker(features, units)
        if not isinstance(made, Layer):
            raise OptionError(f"cell={cell!r} made a {type(made).__name__}", expected="a Layer")
        return made

    return deep(
        make, input_size, hidden_size, layers=layers, dropout=dropout, bidirectional=bidirectional
    )


def chosen_cell(given: CellChoice | None, saved: str | None, folder: object) -> CellChoice:
    """Return the cell of a saved model: the one that is given, or the one it was saved with.

    Raises:
        ModelFileError: it was made with a user's own cell, which must be given.
    """
    chosen = given if given is not None else saved
    if chosen is None:
        raise ModelFileError(
            "the model was made with a cell that is not one of unrolled's",
            where=str(folder),
            fix="give it: load(folder, cell=YourCell)",
        )
    return chosen


def cell_names(network: nn.Module, layers: Mapping[str, Layer]) -> dict[str, str]:
    """Return by its path in the network how each cell is called: h1, or h1 → and h1 ← of two directions.

    A cell that another one steps is called after that one and its place in it: "h1 cell".

    Args:
        network: holds the layers.
        layers: the layers whose cells are counted, each by what stands before its cells' names.

    >>> from torch import nn
    >>> from unrolled import GRU, deep
    >>> layer = deep(GRU, 3, 5, layers=2, bidirectional=True)
    >>> list(cell_names(nn.Sequential(layer), {"": layer}).values())
    ['h1 →', 'h1 ←', 'h2 →', 'h2 ←']
    """
    paths = {id(part): path for path, part in network.named_modules()}
    return {
        paths[id(cell)]: f"{before}{name}"
        for before, layer in layers.items()
        for cell, name in _named(layer)
    }


_WAYS = {"forward_layer": " →", "backward_layer": " ←"}


def _named(layer: Layer) -> Iterator[tuple[Cell, str]]:
    depth, before = 0, None
    outer, outer_name = None, ""
    for path, part in layer.named_modules():
        if not isinstance(part, Cell):
            continue
        if outer is not None and path.startswith(outer):
            yield part, f"{outer_name} {path[len(outer) :]}"
            continue
        parts = path.split(".")
        turn = next((place for place, name in enumerate(parts) if name in _WAYS), len(parts))
        depth += parts[:turn] != before
        before, outer = parts[:turn], f"{path}." if path else ""
        outer_name = f"h{depth}{_WAYS[parts[turn]] if turn < len(parts) else ''}"
        yield part, outer_name
