"""What the cells of torch.nn's family share: their parameters, and how these begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.core.layer import Cell
from unrolled.core.packs import drop_pack
from unrolled.errors import OptionError


class GatedCell(Cell):
    """A cell whose gates are affine in the input and in the previous hidden state.

    The parameters have torch.nn's names and layout: ``weight_ih`` (G * hidden_size, input_size), ``weight_hh``
    (G * hidden_size, hidden_size), ``bias_ih`` and ``bias_hh`` (G * hidden_size,), the G gates one below the other, so
    `load_state_dict` takes the weights of torch's RNNCell, LSTMCell and GRUCell, and the other way round.

    They begin as follows: ``weight_ih`` Xavier uniform for each gate (Glorot and Bengio 2010), ``weight_hh`` orthogonal
    for each gate (Saxe et al. 2014, arXiv:1312.6120), biases 0, but the forget gate's 1 (Gers et al. 2000; Jozefowicz
    et al. 2015).
    """

    gate_count = 1
    output_field = "h"
    recurrent_weights = ("weight_hh",)

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size < 1:
                raise OptionError(f"{name}={size!r}", expected="a whole number of at least 1")
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = self.gate_count * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(rows)) if bias else None
        self.bias_hh = nn.Parameter(torch.empty(rows)) if bias else None
        self.reset_parameters()

    def train(self, mode: bool = True) -> Self:
        drop_pack(self)
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        drop_pack(self)
        applied: Self = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return applied

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for weight, draw in (
            (self.weight_ih, nn.init.xavier_uniform_),
            (self.weight_hh, nn.init.orthogonal_),
        ):
            for gate in weight.chunk(self.gate_count):
                draw(gate)
        if self.bias_ih is not None and self.bias_hh is not None:
            nn.init.zeros_(self.bias_ih)
            nn.init.zeros_(self.bias_hh)

    def from_input(self, x: Tensor) -> Tensor:
        """Return W_ih x + b_ih of all gates, (B, G * hidden_size)."""
        return F.linear(x, self.weight_ih, self.bias_ih)

    def from_hidden(self, h: Tensor) -> Tensor:
        """Return W_hh h + b_hh of all gates, (B, G * hidden_size)."""
        return F.linear(h, self.weight_hh, self.bias_hh)
