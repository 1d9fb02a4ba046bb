"""The cells: one unit a file, its equation, its parameters, its step.

A new cell is one file beside these, one line here and one line in the list of tests/laws.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from unrolled._lazy import lazy_names
from unrolled.errors import unknown_option

if TYPE_CHECKING:
    from unrolled.core.layer import Cell

_HOMES = {
    "RNN": "unrolled.cells.rnn",
    "LSTM": "unrolled.cells.lstm",
    "GRU": "unrolled.cells.gru",
    "PeepholeLSTM": "unrolled.cells.peephole_lstm",
    "LayerNormLSTM": "unrolled.cells.layer_norm_lstm",
    "LayerNormGRU": "unrolled.cells.layer_norm_gru",
    "MinGRU": "unrolled.cells.min_gru",
    "MinLSTM": "unrolled.cells.min_lstm",
}

__all__ = list(_HOMES)
__getattr__ = lazy_names(__name__, _HOMES)


def cell_named(name: str) -> type[Cell]:
    """Return the cell with this name, in any mixture of capitals and underscores.

    >>> cell_named("layer_norm_gru").__name__
    'LayerNormGRU'

    Raises:
        OptionError: no cell has that name; the nearest one is named.
    """
    names = {known.lower(): known for known in _HOMES}
    known = names.get(name.replace("_", "").replace("-", "").lower())
    if known is None:
        raise unknown_option("cell", name, names)
    cell: type[Cell] = getattr(importlib.import_module(_HOMES[known]), known)
    return cell
