"""AttendingCell: a decoder's step, which looks at what the encoder remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.core.inputs import unwrap
from unrolled.core.layer import Cell, Layer, begin_inside
from unrolled.core.tree import Constant, State, register
from unrolled.errors import InputError, OptionError
from unrolled.models.attention import Attention
from unrolled.models.linear import Linear


@register
class AttendingState(NamedTuple):
    """The inner cell's state, the last attentional vector (B, output_size), and the `AttendedMemory`."""

    inner: State
    fed: Tensor
    memory: Constant


class AttendingGates(NamedTuple):
    """Where a step looked: weights (B, S) and context (B, context_size); before it the inner output and state."""

    weights: Tensor
    context: Tensor
    hidden: Tensor
    inner: State


class AttendingCell(Cell):
    """Any cell that attends to a memory at every step, with input feeding.

        h_t = cell([x_t; a_(t-1)])
        c_t = attention(h_t, memory)
        a_t = tanh(W_c [c_t; h_t]),   y_t = a_t

    It begins with `start`, which is given the memory. The memory in its state has one row for each source: to search
    with k beams, repeat the rows with ``select_rows(state, index, constants=False)``, those of one source side by side.

    Args:
        cell: makes the inner cell, ``(input_size, hidden_size) -> Layer``: a cell's class, or any function.
        input_size: features of x, (B, input_size).
        hidden_size: units of the inner cell's output, (B, hidden_size).
        attention: how it looks; its queries are the inner cell's outputs.
        output_size: features of a, (B, output_size); hidden_size if not given.

    Raises:
        OptionError: an attention with queries of another size.

    Luong et al. 2015, arXiv:1508.04025, section 3.3.

    >>> from unrolled import GRU, AdditiveAttention
    >>> decoder = AttendingCell(GRU, 3, 8, AdditiveAttention(8, memory_size=6))
    >>> source, target = torch.randn(2, 5, 6), torch.randn(2, 4, 3)
    >>> ys, state = decoder(target, decoder.start(source))
    >>> ys.shape
    torch.Size([2, 4, 8])
    """

    state_type, output_field = AttendingState, "fed"

    def __init__(
        self,
        cell: Callable[[int, int], Layer],
        input_size: int,
        hidden_size: int,
        attention: Attention,
        output_size: int | None = None,
    ) -> None:
        super().__init__()
        if attention.query_size != hidden_size:
            raise OptionError(
                f"hidden_size={hidden_size} with an attention of query_size={attention.query_size}",
                expected="one size: the query is the inner cell's output",
            )
        self.input_size, self.hidden_size = input_size, hidden_size
        self.output_size = hidden_size if output_size is None else output_size
        self.cell = cell(input_size + self.output_size, hidden_size)
        self.attention = attention
        both = attention.context_size + hidden_size
        self.W_c = Linear(both, self.output_size, bias=False)

    def inner_state(self, batch: int) -> State:
        """Return the inner cell's state (B rows) before the first step, as ``start(memory, initial)`` takes it."""
        weight = self.W_c.weight
        return begin_inside(self, self.cell, batch, weight.device, weight.dtype)

    def start(self, memory: Any, initial: State | None = None) -> AttendingState:
        """Return the state before the first step.

        Args:
            memory: what is attended to, (B, S, memory_size): a Seq, or what else a layer reads.
            initial: the inner cell's state (B rows); its own `initial_state` if not given.
        """
        seq, _ = unwrap(memory)
        if initial is None:
            initial = self.inner_state(seq.batch)
        else:
            self.cell.check_state(initial, seq.batch)
        fed = self.W_c.weight.new_zeros(seq.batch, self.output_size)
        return AttendingState(initial, fed, Constant(self.attention.prepare(seq)))

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        raise without_memory(self)

    def gates(self, x: Tensor, state: AttendingState) -> AttendingGates:
        hidden, inner = self.cell.step(torch.cat((x, state.fed), -1), state.inner)
        context, weights = self.attention(hidden, state.memory.value)
        return AttendingGates(weights, context, hidden, inner)

    def step(self, x: Tensor, state: AttendingState) -> tuple[Tensor, AttendingState]:
        seen = self.gates(x, state)
        a = torch.tanh(self.W_c(torch.cat((seen.context, seen.hidden), -1)))
        return a, AttendingState(seen.inner, a, state.memory)


def without_memory(layer: Layer) -> InputError:
    """Return the error of a layer that was to begin without a memory."""
    return InputError(
        f"{type(layer).__name__} cannot begin without a memory",
        expected="a state of start(memory)",
        fix="decoder(xs, decoder.start(memory))",
    )
