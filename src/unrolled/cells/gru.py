"""The gated recurrent unit."""

from __future__ import annotations

import copy
from typing import Literal, NamedTuple, Self, get_args

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.parametrize import is_parametrized

from unrolled.cells.gated import GatedCell
from unrolled.core.registry import packed_step
from unrolled.core.tree import register
from unrolled.errors import OptionError, unknown_option

Reset = Literal["after", "before"]
Update = Literal["keep", "write"]


@register
class GRUState(NamedTuple):
    """h: hidden state (B, hidden_size)."""

    h: Tensor


class GRUGates(NamedTuple):
    """Each (B, hidden_size); the candidate lies in (-1, 1), the gates in (0, 1)."""

    reset: Tensor
    update: Tensor
    candidate: Tensor


class GRU(GatedCell):
    """The gated recurrent unit: one state, mixed of what was and a candidate.

        r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)                reset gate
        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)                update gate
        n = tanh(W_in x + b_in + r * (W_hn h + b_hn))             candidate, reset="after"
        n = tanh(W_in x + b_in + W_hn (r * h) + b_hn)             candidate, reset="before"
        h' = z * h + (1 - z) * n,   y = h'                        update="keep"
        h' = (1 - z) * h + z * n,   y = h'                        update="write"

    Args:
        input_size: features of x, (B, input_size).
        hidden_size: units of h, (B, hidden_size).
        bias: whether to add the biases.
        reset: whether the reset gate acts after the product with W_hn (torch, cuDNN: one product for all gates) or
            before it (as first published). Weights do not pass from one form to the other.
        update: what z = 1 means: keep the old state (torch) or write the candidate (many textbooks). `with_update`
            converts a trained cell.

    Cho et al. 2014, arXiv:1406.1078; the "after" form: Chung et al. 2014 (arXiv:1412.3555) as in cuDNN.

    >>> ys, state = GRU(3, 5, reset="before", update="write")(torch.zeros(2, 4, 3))
    >>> ys.shape, state.h.shape
    (torch.Size([2, 4, 5]), torch.Size([2, 5]))
    """

    gate_count = 3
    state_type = GRUState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        reset: Reset = "after",
        update: Update = "keep",
    ) -> None:
        if reset not in get_args(Reset):
            raise unknown_option("reset", reset, get_args(Reset))
        if update not in get_args(Update):
            raise unknown_option("update", update, get_args(Update))
        super().__init__(input_size, hidden_size, bias)
        self.reset, self.update = reset, update

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, reset={self.reset!r}, update={self.update!r}"

    def gates(self, x: Tensor, state: GRUState) -> GRUGates:
        if self.reset == "after":
            return self.combine(self.from_input(x), self.from_hidden(state.h))
        size = self.hidden_size
        gates_bias, new_bias = (None, None) if self.bias_hh is None else self._split(self.bias_hh)
        gates_weight, new_weight = self._split(self.weight_hh)
        x_gates, x_new = self.from_input(x).tensor_split([2 * size], -1)
        r, z = (x_gates + F.linear(state.h, gates_weight, gates_bias)).sigmoid().chunk(2, -1)
        return GRUGates(r, z, (x_new + F.linear(r * state.h, new_weight, new_bias)).tanh())

    @staticmethod
    def combine(from_input: Tensor, from_hidden: Tensor) -> GRUGates:
        """Return the gates of the "after" form from both products, each (B, 3 * hidden_size)."""
        x_reset, x_update, x_new = from_input.chunk(3, -1)
        h_reset, h_update, h_new = from_hidden.chunk(3, -1)
        r = (x_reset + h_reset).sigmoid()
        z = (x_update + h_update).sigmoid()
        return GRUGates(r, z, (x_new + r * h_new).tanh())

    def step(self, x: Tensor, state: GRUState) -> tuple[Tensor, GRUState]:
        if (packed := packed_step(self, x, state)) is not None:
            return packed
        _, z, n = self.gates(x, state)
        h = torch.lerp(n, state.h, z) if self.update == "keep" else torch.lerp(state.h, n, z)
        return h, GRUState(h)

    def with_update(self, update: Update) -> Self:
        """Return a copy that computes the same with the other meaning of z: 1 - sigmoid(a) = sigmoid(-a).

        >>> cell, xs = GRU(2, 3), torch.randn(1, 4, 2)
        >>> torch.allclose(cell(xs)[0], cell.with_update("write")(xs)[0], atol=1e-6)
        True
        """
        if update not in get_args(Update):
            raise unknown_option("update", update, get_args(Update))
        if is_parametrized(self):
            raise OptionError(
                "the parameters of this cell are parametrized",
                expected="plain parameters, whose rows of z can be negated",
                fix="convert before registering a parametrization, or remove it",
            )
        twin = copy.deepcopy(self)
        if update != self.update:
            twin.update = update
            with torch.no_grad():
                for parameter in twin.update_gate_parameters():
                    parameter.neg_()
        return twin

    def update_gate_parameters(self) -> list[Tensor]:
        """Return the rows of the parameters that make z."""
        return [parameter.chunk(3)[1] for parameter in self.parameters()]

    def _split(self, parameter: Tensor) -> tuple[Tensor, Tensor]:
        """Split rows into those of reset and update gate, and those of the candidate."""
        gates, new = parameter.tensor_split([2 * self.hidden_size])
        return gates, new
