"""The vanilla recurrent network."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from torch import Tensor

from unrolled.cells.gated import GatedCell
from unrolled.core.registry import packed_step
from unrolled.core.tree import register
from unrolled.errors import unknown_option

Nonlinearity = Literal["tanh", "relu"]


@register
class RNNState(NamedTuple):
    """h: hidden state (B, hidden_size)."""

    h: Tensor


class RNN(GatedCell):
    """The vanilla recurrent network: one product, and one nonlinearity over it.

        h' = tanh(W_ih x + b_ih + W_hh h + b_hh),   y = h'        nonlinearity="tanh"
        h' = relu(W_ih x + b_ih + W_hh h + b_hh),   y = h'        nonlinearity="relu"

    Args:
        input_size: features of x, (B, input_size).
        hidden_size: units of h, (B, hidden_size).
        nonlinearity: "tanh" or "relu".
        bias: whether to add b_ih and b_hh.

    Elman 1990, Finding structure in time.

    >>> import torch
    >>> ys, state = RNN(3, 5)(torch.zeros(2, 4, 3))
    >>> ys.shape, state.h.shape
    (torch.Size([2, 4, 5]), torch.Size([2, 5]))
    """

    state_type = RNNState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: Nonlinearity = "tanh",
        bias: bool = True,
    ) -> None:
        if nonlinearity not in get_args(Nonlinearity):
            raise unknown_option("nonlinearity", nonlinearity, get_args(Nonlinearity))
        super().__init__(input_size, hidden_size, bias)
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, nonlinearity={self.nonlinearity!r}"

    def step(self, x: Tensor, state: RNNState) -> tuple[Tensor, RNNState]:
        if (packed := packed_step(self, x, state)) is not None:
            return packed
        total = self.from_input(x) + self.from_hidden(state.h)
        h = total.tanh() if self.nonlinearity == "tanh" else total.relu()
        return h, RNNState(h)
