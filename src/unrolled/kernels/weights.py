"""The parameters of our cells as torch.nn computes with them; the kernels share that layout."""

from __future__ import annotations

import torch
from torch import Tensor

from unrolled.cells.gated import GatedCell
from unrolled.cells.gru import GRU


def torch_weights(cell: GatedCell) -> list[Tensor]:
    """Return the cell's parameters as torch.nn computes with them: [weight_ih, weight_hh(, bias_ih, bias_hh)]."""
    weights: list[Tensor] = [cell.weight_ih, cell.weight_hh]
    bias_ih, bias_hh = cell.bias_ih, cell.bias_hh
    if bias_ih is not None and bias_hh is not None:
        weights += [bias_ih, bias_hh]
    if isinstance(cell, GRU) and cell.update == "write":
        # torch's z keeps: 1 - sigmoid(a) = sigmoid(-a).
        return [torch.cat((r, -z, n)) for r, z, n in (weight.chunk(3) for weight in weights)]
    return weights
