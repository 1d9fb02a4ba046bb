"""Long short-term memory."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.cells.gated import GatedCell
from unrolled.core.registry import packed_step
from unrolled.core.tree import register


@register
class LSTMState(NamedTuple):
    """h: hidden state (B, hidden_size). c: cell state (B, hidden_size)."""

    h: Tensor
    c: Tensor


class LSTMGates(NamedTuple):
    """Each (B, hidden_size); the candidate lies in (-1, 1), the gates in (0, 1)."""

    input: Tensor
    forget: Tensor
    candidate: Tensor
    output: Tensor


class LSTM(GatedCell):
    """Long short-term memory: a cell state that is forgotten, written and read through gates.

        i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      input gate
        f = sigmoid(W_if x + b_if + W_hf h + b_hf)      forget gate
        g = tanh   (W_ig x + b_ig + W_hg h + b_hg)      candidate
        o = sigmoid(W_io x + b_io + W_ho h + b_ho)      output gate
        c' = f * c + i * g
        h' = o * tanh(c'),   y = h'

    Args:
        input_size: features of x, (B, input_size).
        hidden_size: units of h and c, each (B, hidden_size).
        bias: whether to add the biases.

    Hochreiter and Schmidhuber 1997; the forget gate is from Gers et al. 2000.

    >>> ys, state = LSTM(3, 5)(torch.zeros(2, 4, 3))
    >>> ys.shape, state.c.shape
    (torch.Size([2, 4, 5]), torch.Size([2, 5]))
    """

    gate_count = 4
    state_type = LSTMState

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if self.bias_ih is not None:
            with torch.no_grad():
                self.bias_ih.chunk(4)[1].fill_(1.0)

    def gates(self, x: Tensor, state: LSTMState) -> LSTMGates:
        i, f, g, o = (self.from_input(x) + self.from_hidden(state.h)).chunk(4, -1)
        return LSTMGates(i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid())

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        if (packed := packed_step(self, x, state)) is not None:
            return packed
        i, f, g, o = self.gates(x, state)
        c = f * state.c + i * g
        h = o * c.tanh()
        return h, LSTMState(h, c)
