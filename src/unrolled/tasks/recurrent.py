"""The recurrent layer of a task, from a cell's name or from the user's own cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


def named_cells(layer: Layer) -> dict[int, str]:
    """Return by its identity how each cell inside is called: h1, or h1 → and h1 ← of two directions."""
    named, depth, before = {}, 0, ""
    for path, part in layer.named_modules():
        if isinstance(part, Cell):
            place = path.removesuffix(".forward_layer").removesuffix(".backward_layer")
            depth += place != before or depth == 0
            way = {".forward_layer": " →", ".backward_layer": " ←"}.get(path[len(place) :], "")
            named[id(part)], before = f"h{depth}{way}", place
    return named
