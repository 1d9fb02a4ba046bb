"""torch's own recurrent networks: weights in, weights out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from unrolled.cells.gated import GatedCell
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM
from unrolled.cells.rnn import RNN
from unrolled.core.compose import Bidirectional, Stack, deep
from unrolled.core.layer import Layer
from unrolled.core.noise import Dropout
from unrolled.errors import InputError
from unrolled.kernels.weights import torch_weights

_CELLS: dict[type[nn.Module], type[GatedCell]] = {
    nn.RNN: RNN,
    nn.LSTM: LSTM,
    nn.GRU: GRU,
    nn.RNNCell: RNN,
    nn.LSTMCell: LSTM,
    nn.GRUCell: GRU,
}
_NETWORKS: dict[type[GatedCell], type[nn.RNNBase]] = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}


def from_torch(module: nn.Module) -> Layer:
    """Return a layer with a copy of the weights of torch's RNN, LSTM or GRU, which computes the same, batch first.

    Args:
        module: an nn.RNN, nn.LSTM or nn.GRU of any depth and directions, or an nn.RNNCell, nn.LSTMCell or nn.GRUCell.

    Returns:
        a `Stack` as `deep` makes it, or one cell for torch's cells. Input and output are batch first, whatever the
        module's ``batch_first``; the state has one entry a layer, each with rows as dim 0.

    Raises:
        InputError: another module, or an LSTM with a projection (``proj_size``).

    >>> theirs = nn.LSTM(3, 5, num_layers=2, bidirectional=True, batch_first=True)
    >>> xs = torch.randn(2, 4, 3)
    >>> torch.allclose(from_torch(theirs)(xs)[0], theirs(xs)[0], atol=1e-6)
    True
    """
    cell_type = _CELLS.get(type(module))
    projected = isinstance(module, nn.RNNBase) and module.proj_size > 0
    if cell_type is None or projected:
        given = f"{type(module).__name__}{' with proj_size' if projected else ''}"
        raise InputError(
            f"from_torch was given {given}",
            expected="nn.RNN, nn.LSTM, nn.GRU (without projection) or one of their Cells",
        )
    assert isinstance(module, nn.RNNBase | nn.RNNCellBase)
    options: dict[str, Any] = {"bias": module.bias}
    if isinstance(module, nn.RNN | nn.RNNCell):
        options["nonlinearity"] = module.nonlinearity
    if isinstance(module, nn.RNNBase):
        options |= {"layers": module.num_layers, "dropout": module.dropout}
        options["bidirectional"] = module.bidirectional
        layer: Layer = deep(cell_type, module.input_size, module.hidden_size, **options)
        their_weights = module.all_weights
    else:
        layer = cell_type(module.input_size, module.hidden_size, **options)
        their_weights = [list(module.parameters())]
    first = next(module.parameters())
    layer.to(first.device, first.dtype).train(module.training)
    with torch.no_grad():
        for cell, weights in zip(_cells(layer), their_weights, strict=True):
            for ours, theirs in zip(torch_weights(cell), weights, strict=True):
                ours.copy_(theirs)
                ours.requires_grad_(theirs.requires_grad)
    return layer


def to_torch(layer: Layer) -> nn.RNNBase:
    """Return torch's RNN, LSTM or GRU (batch first) with a copy of the weights of ``layer``.

    Args:
        layer: an `RNN`, `LSTM` or `GRU`, a `Bidirectional` of two (merge="concat"), or a `Stack` of such layers with
            the same `Dropout` between all of them, as `deep` makes it.

    Raises:
        InputError: a layer that torch.nn has no module for, naming the part.

    >>> xs = torch.randn(2, 4, 3)
    >>> layer = deep(GRU, 3, 5, layers=2)
    >>> torch.allclose(to_torch(layer)(xs)[0], layer(xs)[0], atol=1e-6)
    True
    """
    parts: list[nn.Module] = list(layer) if isinstance(layer, Stack) else [layer]
    depth = [part for part in parts if not isinstance(part, Dropout)]
    dropout = _checked_dropout(parts)
    directions = [_directions(part) for part in depth]
    cells = [cell for part in directions for cell in part]
    if len({len(part) for part in directions}) != 1:
        raise _no_torch_module(
            "no layers, or layers of which some are bidirectional and some are not"
        )
    first = cells[0]
    options: dict[str, Any] = {"bias": first.bias, "batch_first": True, "dropout": dropout}
    if isinstance(first, RNN):
        options["nonlinearity"] = first.nonlinearity
    network: Callable[..., nn.RNNBase] = _NETWORKS[type(first)]
    module = network(
        first.input_size,
        first.hidden_size,
        num_layers=len(depth),
        bidirectional=len(cells) > len(depth),
        **options,
    )
    module.to(first.weight_ih.device, first.weight_ih.dtype).train(layer.training)
    with torch.no_grad():
        for cell, weights in zip(cells, module.all_weights, strict=True):
            if _kind(cell) != _kind(first) or cell.weight_ih.shape != weights[0].shape:
                raise _no_torch_module(f"{cell} beside {first}")
            for theirs, ours in zip(weights, torch_weights(cell), strict=True):
                theirs.copy_(ours)
    return module


def _kind(cell: GatedCell) -> tuple[Any, ...]:
    """What all cells of one torch module have in common."""
    return type(cell), cell.hidden_size, cell.bias, getattr(cell, "nonlinearity", None)


def _checked_dropout(parts: Sequence[nn.Module]) -> float:
    """Return the dropout between the layers, when it is one that torch.nn can have."""
    between = [part for part in parts[1::2] if isinstance(part, Dropout)]
    others = [part for part in parts if isinstance(part, Dropout)]
    if not others:
        return 0.0
    regular = len(between) == len(others) == len(parts) // 2 and len(parts) % 2 == 1
    if not regular or len({part.p for part in between}) > 1 or between[0].locked:
        raise _no_torch_module("dropout elsewhere than between layers, of unequal p, or locked")
    return between[0].p


def _directions(part: nn.Module) -> list[GatedCell]:
    if isinstance(part, Bidirectional) and part.merge == "concat":
        both = [*_directions(part.forward_layer), *_directions(part.backward_layer)]
        if len(both) != 2:
            raise _no_torch_module("a Bidirectional inside another")
        return both
    if type(part) not in _NETWORKS:
        raise _no_torch_module(f"{type(part).__name__}({part.extra_repr()})")
    assert isinstance(part, GatedCell)
    if isinstance(part, GRU) and part.reset == "before":
        raise _no_torch_module('a GRU with reset="before"')
    return [part]


def _cells(layer: Layer) -> Iterator[GatedCell]:
    return (part for part in layer.modules() if isinstance(part, GatedCell))


def _no_torch_module(what: str) -> InputError:
    return InputError(
        f"torch.nn has no module for {what}",
        expected="RNN, LSTM or GRU cells of one kind and size, in one or both directions",
    )
