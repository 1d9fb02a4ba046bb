"""The compiled kernels (C++) for RNN, LSTM and GRU in float32 on a CPU.

They read a padded batch where it lies, whatever its strides, and compute each live step once and no padding. Set the
environment variable UNROLLED_KERNELS=off to do without any compiled kernel; it is read at each call.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from unrolled.cells.gated import GatedCell
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM
from unrolled.cells.rnn import RNN
from unrolled.core.registry import register_kernel
from unrolled.core.seq import Seq
from unrolled.core.tree import State
from unrolled.kernels import compiled
from unrolled.kernels import cpu_operators as operators
from unrolled.kernels.extension import extension, missing
from unrolled.kernels.weights import torch_weights

SWITCH = "UNROLLED_KERNELS"

TORCH_LSTM_HIDDEN = 192
TORCH_LSTM_ROWS = 1


class CompiledKernel:
    """Hands a cell to the compiled operators of its recurrence.

    Args:
        recurrence: the operators.
        form: the cell's option that chooses among the compiled forms, as the operators' last argument.
        torch_is_faster: tells which full batches torch's own code computes faster.
    """

    name = "compiled"

    def __init__(
        self,
        recurrence: operators.Recurrence,
        form: Callable[[Any], tuple[str, ...]],
        torch_is_faster: Callable[[GatedCell, Seq], bool] = lambda cell, xs: False,
    ) -> None:
        self.recurrence, self.form, self.torch_is_faster = recurrence, form, torch_is_faster

    def refuses(self, cell: GatedCell, xs: Seq, state: State) -> str | None:
        data = xs.data
        if not isinstance(data, Tensor):
            return "the input is a tuple"
        for tensor in (data, *state):
            if tensor.dtype is not torch.float32:
                return f"it computes torch.float32, not {tensor.dtype}"
            if not tensor.is_cpu or tensor.layout is not torch.strided:
                return f"it computes on the CPU, not on {tensor.device}"
        if any(leaf.shape != (xs.batch, cell.hidden_size) for leaf in state):
            return "the state has other sizes than the cell"
        if os.environ.get(SWITCH) == "off":
            return f"{SWITCH}=off"
        if extension is None:
            return f"it is {missing}"
        if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
            return "it has backward gradients only"
        if torch.jit.is_tracing():
            return "torch.jit is tracing"
        if self.torch_is_faster(cell, xs):
            return "torch's LSTM is faster here"
        return None

    def unroll(self, cell: GatedCell, xs: Seq, state: State) -> tuple[Seq, State]:
        y, *after = self.recurrence(*self._arguments(cell, xs, state))
        return Seq.padded(y, xs.lengths), type(state)(*after)

    @torch.no_grad()
    def unroll_with_states(
        self, cell: GatedCell, xs: Seq, state: State
    ) -> tuple[Seq, State, State]:
        """Return outputs and final state as `unroll` does, and the states after every step, each tensor (B, T, H).

        A step that a row does not have is 0 there. Nothing of it is recorded for gradients.
        """
        given = self.recurrence.read(self._arguments(cell, xs, state))
        given.check()
        (y, *after), states = compiled.forward_with_states(given)
        kind = type(state)
        return Seq.padded(y, xs.lengths), kind(*after), kind(*states)

    def _arguments(self, cell: GatedCell, xs: Seq, state: State) -> tuple[Any, ...]:
        weights: list[Tensor | None] = [*torch_weights(cell)]
        weights += [None] * (4 - len(weights))
        return (xs.data, xs.lengths, *state, *weights, *self.form(cell))


def torch_lstm_is_faster(cell: GatedCell, xs: Seq) -> bool:
    """Tell whether torch's LSTM (oneDNN) beats the compiled one, whatever the lengths.

    Measured at T = 100, I = H, torch's time / the compiled one's, inference and training, on 2 cores: 1 row 1.1 and 1.2
    at H = 128, 0.95 and 0.93 at 192, 0.68 and 0.64 at 256; 2 rows 1.2 and 1.0 at 256, 1.0 and 0.95 at 384.
    """
    return cell.hidden_size >= TORCH_LSTM_HIDDEN and xs.batch <= TORCH_LSTM_ROWS


register_kernel(RNN, CompiledKernel(operators.RNN, lambda cell: (cell.nonlinearity,)))
register_kernel(GRU, CompiledKernel(operators.GRU, lambda cell: (cell.reset,)))
register_kernel(LSTM, CompiledKernel(operators.LSTM, lambda cell: (), torch_lstm_is_faster))
