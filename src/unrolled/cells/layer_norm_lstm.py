"""LSTM with layer normalisation."""

from __future__ import annotations

from torch import Tensor, nn

from unrolled.cells.lstm import LSTM, LSTMState


class LayerNormLSTM(LSTM):
    """An `LSTM` that normalises both products and the cell state that it reads.

        i, f, g, o = LN(W_ih x) + b_ih + LN(W_hh h) + b_hh      then the LSTM's nonlinearities
        c' = f * c + i * g
        h' = o * tanh(LN(c')),   y = h'

    LN normalises over all 4 * hidden_size (or hidden_size) units of a row and scales each by a learned gain; the
    biases above are its shifts, and the cell state's LN has one of its own.

    Args:
        input_size: features of x, (B, input_size).
        hidden_size: units of h and c, each (B, hidden_size).
        bias: whether to add the biases.

    Ba et al. 2016, arXiv:1607.06450.

    >>> import torch
    >>> LayerNormLSTM(3, 5)(torch.zeros(2, 4, 3))[0].shape
    torch.Size([2, 4, 5])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.norm_ih = nn.LayerNorm(4 * hidden_size, bias=False)
        self.norm_hh = nn.LayerNorm(4 * hidden_size, bias=False)
        self.norm_c = nn.LayerNorm(hidden_size, bias=bias)

    def from_input(self, x: Tensor) -> Tensor:
        normal: Tensor = self.norm_ih(x @ self.weight_ih.T)
        return normal if self.bias_ih is None else normal + self.bias_ih

    def from_hidden(self, h: Tensor) -> Tensor:
        normal: Tensor = self.norm_hh(h @ self.weight_hh.T)
        return normal if self.bias_hh is None else normal + self.bias_hh

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = self.gates(x, state)
        c = f * state.c + i * g
        h = o * self.norm_c(c).tanh()
        return h, LSTMState(h, c)
