"""The compiled kernels (C++) for RNN, LSTM and GRU in float32 on a CPU.

They read a padded batch where it lies, whatever its strides, and compute each live step once and no padding. Set the
environment variable UNROLLED_KERNELS=off to do without any compiled kernel; it is read at each call.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd import forward_ad

from unrolled.cells.gated import GatedCell
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM
from unrolled.cells.rnn import RNN
from unrolled.core.packed import PackedSeq
from unrolled.core.registry import register_kernel
from unrolled.core.seq import Lying, Seq
from unrolled.core.tree import State, select_rows
from unrolled.kernels import compiled
from unrolled.kernels import cpu_operators as operators
from unrolled.kernels.extension import extension, missing
from unrolled.kernels.weights import torch_weights

SWITCH = "UNROLLED_KERNELS"

UNITS_A_STEP = 24
UNITS_A_TRAINING_STEP = 64
"""From so many hidden units for each row and step, torch is faster: laying out the weights costs more than it saves.

Measured for the GRU, torch's time / ours, inference: H = 512: 0.7 for 8 row-steps, 1.1 to 1.3 for 32; 128: 0.97 for 4,
1.4 for 8; 64: 0.9 for 2, 1.3 for 4. Training: H = 512: 0.7 to 1.5 for 8 row-steps; 256: 1.0 for 1 and 2; 64: 1.1 for 1.
"""

LSTM_ONE_ROW = 192
LSTM_MANY_UNITS = 384
LSTM_MANY_ROWS = 32
LSTM_MANY_STEPS = 2048
"""Where torch's LSTM (oneDNN), which takes full rows, is faster. Measured at I = H, torch's time / ours, inference and
training: one row of 100 steps on 2 threads 1.0 and 0.95 at H = 192, 0.62 and 0.7 at 256; 8 rows of 100 steps 1.0 and 1.0
at 256, 0.8 and 0.9 at 384; 32 rows at 512: 0.92 and 1.0 for 10 steps, 0.98 and 0.98 for 30, 1.05 and 1.15 for 100."""


class CompiledKernel:
    """Hands a cell to the compiled operators of its recurrence.

    Args:
        recurrence: the operators.
        form: the cell's option that chooses among the compiled forms, as an argument of the operators.
        torch_is_faster: tells which calls torch's own code computes faster.
    """

    name = "compiled"
    shares_rows = extension is not None

    def __init__(
        self,
        recurrence: operators.Recurrence,
        form: Callable[[Any], tuple[str, ...]],
        torch_is_faster: Callable[[Any, Seq], bool],
    ) -> None:
        self.recurrence, self.form, self.torch_is_faster = recurrence, form, torch_is_faster

    def refuses(self, cell: GatedCell, xs: Seq, state: State) -> str | None:
        if xs.is_tree:
            return "the input is a tuple"
        for tensor in (xs.sample, *state):
            if tensor.dtype is not torch.float32:
                return f"it computes torch.float32, not {tensor.dtype}"
            if not tensor.is_cpu or tensor.layout is not torch.strided:
                return f"it computes on the CPU, not on {tensor.device}"
        if any(leaf.shape != (xs.batch, cell.hidden_size) for leaf in state):
            return "the state has other sizes than the cell"
        reason = unavailable()
        if reason is not None:
            return reason
        # While sizes may be symbols, none is looked at.
        if not torch.compiler.is_compiling() and self.torch_is_faster(cell, xs):
            return f"torch's {type(cell).__name__} is faster here"
        return None

    def unroll(self, cell: GatedCell, xs: Seq, state: State) -> tuple[Seq, State]:
        if isinstance(xs, PackedSeq):
            return self._unroll_packed(cell, xs, state)
        lying = xs.lying
        others = self._others(cell, lying.is_reversed)
        y, *after = self.recurrence(lying.given, xs.lengths, *state, *others)
        return xs.laid(Lying(y, lying.is_reversed)), type(state)(*after)

    def _unroll_packed(self, cell: GatedCell, xs: PackedSeq, state: State) -> tuple[Seq, State]:
        steps, sizes, order, back = xs.packed
        begin = state if order is None else select_rows(state, order)
        y, *after = self.recurrence(steps, sizes, *begin, *self._others(cell, xs.is_reversed))
        final = type(state)(*after)
        return xs.like_packed(y), final if back is None else select_rows(final, back)

    @torch.no_grad()
    def unroll_with_states(
        self, cell: GatedCell, xs: Seq, state: State
    ) -> tuple[Seq, State, State]:
        """Return outputs and final state as `unroll` does, and the states after every step, each tensor (B, T, H).

        A step that a row does not have is 0 there. Nothing of it is recorded for gradients.
        """
        lying = xs.lying
        others = self._others(cell, lying.is_reversed)
        arguments = (lying.given, xs.lengths, *state, *others)
        given = self.recurrence.read(arguments)
        given.check()
        (y, *after), states = compiled.forward_with_states(given)
        kind = type(state)
        return xs.laid(Lying(y, lying.is_reversed)), kind(*after), kind(*states)

    def _others(self, cell: GatedCell, is_reversed: bool) -> tuple[Any, ...]:
        """Return the arguments after the state: weights, form and direction."""
        weights: list[Tensor | None] = [*torch_weights(cell)]
        weights += [None] * (4 - len(weights))
        return (*weights, *self.form(cell), is_reversed)


def unavailable() -> str | None:
    """Return why no compiled kernel can run now, whatever it is given; None when they can."""
    if os.environ.get(SWITCH) == "off":
        return f"{SWITCH}=off"
    if extension is None:
        return f"it is {missing}"
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return "it has backward gradients only"
    if torch.jit.is_tracing():
        return "torch.jit is tracing"
    return None


class Units(Protocol):
    """What of a cell decides which code is faster."""

    @property
    def hidden_size(self) -> int: ...


class Steps(Protocol):
    """What of a sequence decides which code is faster."""

    @property
    def batch(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def shortest(self) -> int: ...


def few_steps(cell: Units, xs: Steps) -> bool:
    """Tell whether there are so few steps that the compiled kernel does not get going."""
    units = UNITS_A_TRAINING_STEP if torch.is_grad_enabled() else UNITS_A_STEP
    return 0 < units * xs.batch * xs.steps <= cell.hidden_size


def few_steps_of_gru(cell: GRU, xs: Seq) -> bool:
    """Tell the same of a GRU; torch has none that resets before the product."""
    return cell.reset == "after" and few_steps(cell, xs)


def torch_lstm_is_faster(cell: Units, xs: Steps) -> bool:
    """Tell whether torch's LSTM beats the compiled one: for one long row, or many units in a full but small batch."""
    batch, hidden = xs.batch, cell.hidden_size
    if batch * xs.steps == 0:
        return False
    if batch == 1:
        return hidden >= LSTM_ONE_ROW
    small = batch < LSTM_MANY_ROWS or batch * xs.steps < LSTM_MANY_STEPS
    return hidden >= LSTM_MANY_UNITS and small and xs.shortest == xs.steps


register_kernel(RNN, CompiledKernel(operators.RNN, lambda cell: (cell.nonlinearity,), few_steps))
register_kernel(GRU, CompiledKernel(operators.GRU, lambda cell: (cell.reset,), few_steps_of_gru))
register_kernel(LSTM, CompiledKernel(operators.LSTM, lambda cell: (), torch_lstm_is_faster))
