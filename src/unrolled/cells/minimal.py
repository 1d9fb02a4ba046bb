"""What MinGRU and MinLSTM share: gates that only read the input, and the candidate."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.core.linear import LinearCell
from unrolled.errors import OptionError, unknown_option

Candidate = Literal["positive", "identity"]


class MinimalCell(LinearCell):
    """A cell whose gates are affine in the input alone, so that it is linear in its state.

    The parameters: ``weight_ih`` (G * hidden_size, input_size) and ``bias_ih`` (G * hidden_size,), the G gates one below
    the other, the candidate last. ``weight_ih`` begins Xavier uniform for each gate (Glorot and Bengio 2010), the biases
    0.
    """

    gate_count = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        candidate: Candidate = "positive",
    ) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size < 1:
                raise OptionError(f"{name}={size!r}", expected="a whole number of at least 1")
        if candidate not in get_args(Candidate):
            raise unknown_option("candidate", candidate, get_args(Candidate))
        self.input_size, self.hidden_size = input_size, hidden_size
        self.bias, self.candidate = bias, candidate
        rows = self.gate_count * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.bias_ih = nn.Parameter(torch.empty(rows)) if bias else None
        self.reset_parameters()

    def extra_repr(self) -> str:
        bias = "" if self.bias else ", bias=False"
        return f"{self.input_size}, {self.hidden_size}{bias}, candidate={self.candidate!r}"

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for gate in self.weight_ih.chunk(self.gate_count):
            nn.init.xavier_uniform_(gate)
        if self.bias_ih is not None:
            nn.init.zeros_(self.bias_ih)

    def from_input(self, x: Tensor) -> Tensor:
        """Return W x + b of all gates, (N, G * hidden_size)."""
        return F.linear(x, self.weight_ih, self.bias_ih)

    def candidate_of(self, u: Tensor) -> Tensor:
        """Return g(u), or u itself with candidate="identity"."""
        return u if self.candidate == "identity" else torch.where(u > 0, u + 0.5, u.sigmoid())
