"""LSTM whose gates see the cell state."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unrolled.cells.lstm import LSTM, LSTMGates, LSTMState


class PeepholeLSTM(LSTM):
    """An `LSTM` whose gates also look at the cell state, each unit at its own.

        i = sigmoid(W_ii x + W_hi h + p_i * c + b)      input gate
        f = sigmoid(W_if x + W_hf h + p_f * c + b)      forget gate
        g = tanh   (W_ig x + W_hg h           + b)      candidate
        c' = f * c + i * g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b)     output gate, sees the new cell state
        h' = o * tanh(c'),   y = h'

    Args:
        input_size: features of x, (B, input_size).
        hidden_size: units of h and c, each (B, hidden_size).
        bias: whether to add the biases.

    ``weight_peephole`` (3, hidden_size) holds p_i, p_f, p_o and begins at 0, where the cell is an LSTM.
    Gers and Schmidhuber 2000; Gers et al. 2002.

    >>> PeepholeLSTM(3, 5)(torch.zeros(2, 4, 3))[0].shape
    torch.Size([2, 4, 5])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.weight_peephole = nn.Parameter(torch.zeros(3, hidden_size))

    def gates(self, x: Tensor, state: LSTMState) -> LSTMGates:
        to_input, to_forget, to_output = self.weight_peephole
        i, f, g, o = (self.from_input(x) + self.from_hidden(state.h)).chunk(4, -1)
        i = (i + to_input * state.c).sigmoid()
        f = (f + to_forget * state.c).sigmoid()
        g = g.tanh()
        c = f * state.c + i * g
        return LSTMGates(i, f, g, (o + to_output * c).sigmoid())
