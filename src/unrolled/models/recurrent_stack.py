"""The layer inside a language model: recurrent cells over each other, regularised as in AWD-LSTM, or Transformer blocks."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from unrolled.cells import cell_named
from unrolled.core.compose import Stack
from unrolled.core.layer import Cell, Layer
from unrolled.core.noise import Dropout
from unrolled.core.weight_drop import WeightDrop
from unrolled.errors import OptionError
from unrolled.models.linear import Linear
from unrolled.models.transformer import TransformerCell

TRANSFORMER = "transformer"


def recurrent_stack(
    cell: str | Callable[..., Layer],
    embedding: int,
    hidden: int,
    layers: int,
    *,
    width: int | None = None,
    dropout: float = 0.0,
    weight_dropout: float = 0.0,
    heads: int = 4,
    context: int = 256,
) -> Stack:
    """Return ``layers`` cells over each other, from ``embedding`` features to ``width``.

    Recurrent cells have locked dropout between them and entries of their recurrent weights dropped (`WeightDrop`), as
    Merity et al. 2018, arXiv:1708.02182. Transformer blocks look at the last ``context`` steps and end with a LayerNorm.

    Args:
        cell: a cell's name, its class, any function ``(input_size, hidden_size) -> Layer``, or "transformer".
        embedding: features of a token.
        hidden: units of every layer.
        layers: depth, at least 1.
        width: features of the output; where they are not ``hidden``, a Linear makes them. None = ``hidden``.
        dropout: probability of dropping a feature between two layers, or of what a Transformer's sublayers add.
        weight_dropout: probability of dropping an entry of a recurrent matrix; not for "transformer".
        heads: of a Transformer's attention.
        context: of a Transformer: the steps that it sees, the present one among them.

    Raises:
        OptionError: no cell has that name, an option is out of range, or the cell has no recurrent weights to drop.

    >>> recurrent_stack("lstm", 8, 16, layers=2, width=8, dropout=0.2, weight_dropout=0.5)
    Stack(
      (layers): ModuleList(
        (0): WeightDrop(
          p=0.5
          (cell): LSTM(8, 16)
        )
        (1): Dropout(p=0.2, locked=True)
        (2): WeightDrop(
          p=0.5
          (cell): LSTM(16, 16)
        )
        (3): Linear(in_features=16, out_features=8, bias=False)
      )
    )
    """
    if layers < 1:
        raise OptionError(f"layers={layers!r}", expected="at least one layer")
    sizes = [embedding, *[hidden] * (layers - 1)]
    parts: list[nn.Module] = []
    if cell == TRANSFORMER:
        if weight_dropout:
            raise OptionError(
                f"weight_dropout={weight_dropout} with cell={cell!r}",
                expected="a cell with recurrent weights",
                fix="leave weight_dropout out",
            )
        parts += [
            TransformerCell(
                size, hidden, heads=heads, context=context, window=True, dropout=dropout
            )
            for size in sizes
        ]
        parts.append(nn.LayerNorm(hidden))
    else:
        make = cell_named(cell) if isinstance(cell, str) else cell
        for depth, size in enumerate(sizes):
            if depth and dropout:
                parts.append(Dropout(dropout, locked=True))
            parts.append(_dropped(make(size, hidden), weight_dropout))
    if width not in (None, hidden):
        parts.append(Linear(hidden, width, bias=False))
    return Stack(*parts)


def _dropped(layer: Layer, p: float) -> Layer:
    if not p:
        return layer
    if not isinstance(layer, Cell):
        raise OptionError(
            f"weight_dropout={p} of a {type(layer).__name__}",
            expected="a cell that declares recurrent_weights",
        )
    return WeightDrop(layer, p)
