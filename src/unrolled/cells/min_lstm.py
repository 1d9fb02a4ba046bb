"""The minimal long short-term memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled.cells.minimal import MinimalCell


class MinLSTMGates(NamedTuple):
    """Each (B, hidden_size); input and forget gate lie in (0, 1) and add up to 1."""

    input: Tensor
    forget: Tensor
    candidate: Tensor


class MinLSTM(MinimalCell):
    """The minimal long short-term memory: one state, gates that do not see it and share one unit between them.

        i = sigmoid(W_i x + b_i) / s                      input gate
        f = sigmoid(W_f x + b_f) / s                      forget gate
        n = g(W_n x + b_n)                                candidate
        h' = f * h + i * n,   y = h'
        s = sigmoid(W_i x + b_i) + sigmoid(W_f x + b_f)   what the gates share
        g(u) = u + 1/2 where u > 0, else sigmoid(u)       candidate="positive"
        g(u) = u                                          candidate="identity"

    The published form computes logarithms, so its states must be positive; here h is computed as it stands, from any
    initial state, which by default is 0. The forget gate's bias begins at 1, as an LSTM's does.

    Args:
        input_size: features of x, (B, input_size).
        hidden_size: units of h, (B, hidden_size).
        bias: whether to add the biases.
        candidate: "positive" as published for training in parallel, or "identity", the paper's plain form.

    Feng et al. 2024, arXiv:2410.01201.

    >>> ys, state = MinLSTM(3, 5)(torch.zeros(2, 4, 3))
    >>> ys.shape, state.h.shape
    (torch.Size([2, 4, 5]), torch.Size([2, 5]))
    """

    gate_count = 3

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.bias_ih is not None:
            with torch.no_grad():
                self.bias_ih.chunk(3)[1].fill_(1.0)

    def gates(self, x: Tensor, state: Any) -> MinLSTMGates:
        i, f, u = self.from_input(x).chunk(3, -1)
        # i / (i + f) of the gates, where both may be too small to divide.
        apart = F.logsigmoid(i) - F.logsigmoid(f)
        return MinLSTMGates(apart.sigmoid(), (-apart).sigmoid(), self.candidate_of(u))

    def coefficients(self, x: Tensor) -> tuple[Tensor, Tensor]:
        i, f, n = self.gates(x, None)
        return f, i * n
