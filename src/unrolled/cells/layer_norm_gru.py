"""GRU with layer normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unrolled.cells.gru import GRU, GRUGates, GRUState, Update


class LayerNormGRU(GRU):
    """A `GRU` that normalises the products with the input and with the hidden state.

        r, z = sigmoid(LN(W_ih x) + b_ih + LN(W_hh h) + b_hh)                  reset and update gate
        n    = tanh(LN(W_in x) + b_in + r * (LN(W_hn h) + b_hn))               candidate
        h'   = z * h + (1 - z) * n,   y = h'                                   update="keep"

    LN normalises r and z together, over 2 * hidden_size units of a row, and n by itself, and scales each unit by a
    learned gain; the biases above are its shifts.

    Args:
        input_size: features of x, (B, input_size).
        hidden_size: units of h, (B, hidden_size).
        bias: whether to add the biases.
        update: what z = 1 means, see `GRU`.

    Ba et al. 2016, arXiv:1607.06450, with the reset gate after the product as in `GRU`.

    >>> LayerNormGRU(3, 5)(torch.zeros(2, 4, 3))[0].shape
    torch.Size([2, 4, 5])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, update: Update = "keep"
    ) -> None:
        super().__init__(input_size, hidden_size, bias, update=update)
        sizes = {"gates": 2 * hidden_size, "new": hidden_size}
        self.norm_ih = nn.ModuleDict({k: nn.LayerNorm(n, bias=False) for k, n in sizes.items()})
        self.norm_hh = nn.ModuleDict({k: nn.LayerNorm(n, bias=False) for k, n in sizes.items()})

    def gates(self, x: Tensor, state: GRUState) -> GRUGates:
        return self.combine(
            self._normal(self.norm_ih, x @ self.weight_ih.T, self.bias_ih),
            self._normal(self.norm_hh, state.h @ self.weight_hh.T, self.bias_hh),
        )

    def update_gate_parameters(self) -> list[Tensor]:
        # Negating the gains negates the normalised rows; the weights before them must stay.
        norms = (self.norm_ih["gates"], self.norm_hh["gates"])
        gains = [norm.get_parameter("weight").chunk(2)[1] for norm in norms]
        biases = [bias.chunk(3)[1] for bias in (self.bias_ih, self.bias_hh) if bias is not None]
        return gains + biases

    def _normal(self, norms: nn.ModuleDict, product: Tensor, bias: Tensor | None) -> Tensor:
        gates, new = product.tensor_split([2 * self.hidden_size], -1)
        normal = torch.cat((norms["gates"](gates), norms["new"](new)), -1)
        return normal if bias is None else normal + bias
