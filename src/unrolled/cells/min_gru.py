"""The minimal gated recurrent unit."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from unrolled.cells.minimal import MinimalCell


class MinGRUGates(NamedTuple):
    """Each (B, hidden_size); the update gate lies in (0, 1), the candidate above 0 unless it is the identity."""

    update: Tensor
    candidate: Tensor


class MinGRU(MinimalCell):
    """The minimal gated recurrent unit: gate and candidate do not see the state, so all steps are computed at once.

        z = sigmoid(W_z x + b_z)                          update gate
        n = g(W_n x + b_n)                                candidate
        h' = (1 - z) * h + z * n,   y = h'
        g(u) = u + 1/2 where u > 0, else sigmoid(u)       candidate="positive"
        g(u) = u                                          candidate="identity"

    The published form computes logarithms, so its states must be positive; here h is computed as it stands, from any
    initial state, which by default is 0.

    Args:
        input_size: features of x, (B, input_size).
        hidden_size: units of h, (B, hidden_size).
        bias: whether to add the biases.
        candidate: "positive" as published for training in parallel, or "identity", the paper's plain form.

    Feng et al. 2024, arXiv:2410.01201.

    >>> import torch
    >>> ys, state = MinGRU(3, 5)(torch.zeros(2, 4, 3))
    >>> ys.shape, state.h.shape
    (torch.Size([2, 4, 5]), torch.Size([2, 5]))
    """

    gate_count = 2

    def gates(self, x: Tensor, state: Any) -> MinGRUGates:
        z, u = self.from_input(x).chunk(2, -1)
        return MinGRUGates(z.sigmoid(), self.candidate_of(u))

    def coefficients(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, n = self.gates(x, None)
        return 1 - z, z * n
