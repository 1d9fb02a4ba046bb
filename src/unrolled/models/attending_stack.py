"""AttendingStack: cells over each other that look at a memory, made so that a whole target is unrolled at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.inputs import unwrap
from unrolled.core.layer import Cell, Layer, begin_inside
from unrolled.core.noise import Dropout
from unrolled.core.seq import Seq
from unrolled.core.tree import Constant, State, register
from unrolled.errors import OptionError
from unrolled.models.attending import without_memory
from unrolled.models.attention import Attention, Looked
from unrolled.models.linear import Linear


@register
class LookingState(NamedTuple):
    """The `AttendedMemory`, and nothing that changes."""

    memory: Constant


class Looking(Cell):
    """What a query finds in a memory: y_t = attention(x_t, memory).

    It remembers nothing but the memory, so all steps look at once. `watch` records where, as `Looked`.

    Args:
        attention: how it looks; its queries are x.

    >>> from unrolled import DotAttention
    >>> looking = Looking(DotAttention(6, memory_size=6))
    >>> ys, state = looking(torch.randn(2, 4, 6), looking.start(torch.randn(2, 5, 6)))
    >>> ys.shape
    torch.Size([2, 4, 6])
    """

    state_type = LookingState

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.input_size, self.hidden_size = attention.query_size, attention.context_size
        self.attention = attention

    def start(self, memory: Any) -> LookingState:
        """Return the state that holds a memory (B, S, memory_size): a Seq, or what else a layer reads."""
        return LookingState(Constant(self.attention.prepare(memory)))

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        raise without_memory(self)

    def check_state(self, state: State, batch: int) -> None:
        if not isinstance(state, LookingState):
            raise without_memory(self)

    def gates(self, x: Tensor, state: LookingState) -> Looked:
        found: Looked = self.attention(x, state.memory.value)
        return found

    def step(self, x: Tensor, state: LookingState) -> tuple[Tensor, LookingState]:
        return self.gates(x, state).context, state

    def unroll(self, xs: Seq, state: LookingState) -> tuple[Seq, LookingState]:
        # All steps are queries of one call.
        return xs.with_data(self.gates(xs.data, state).context), state


@register
class AttendingStackState(NamedTuple):
    """The states of the cells, of the dropout after each, and of what looks at the memory."""

    cells: State
    dropout: State
    look: LookingState


class AttendingStack(Layer):
    """Cells over each other; the lowest asks the memory, and what it finds is told to all above.

        h^1_t = cell_1(x_t)
        c_t = attention(h^1_t, memory)
        h^l_t = cell_l([h^(l-1)_t; c_t]),   l = 2 ... layers
        y_t = tanh(W_c [c_t; h^layers_t])

    Nothing that was found goes back into the lowest cell: so in training every cell runs over the whole target in one
    call of its kernel, and all steps look at the memory at once. `AttendingCell` feeds it back, step by step.

    It begins with `start`, which is given the memory; rows of beams as for `AttendingCell`.

    Args:
        cell: makes a cell, ``(input_size, hidden_size) -> Layer``.
        input_size: features of x.
        hidden_size: units of every cell's output.
        attention: how it looks; its queries are the lowest cell's outputs.
        layers: how many cells.
        output_size: features of y; hidden_size if not given.
        dropout: probability of dropping a feature of what a cell hands on, one mask a row (locked).

    Raises:
        OptionError: an attention with queries of another size.

    After Wu et al. 2016, Google's neural machine translation system, arXiv:1609.08144, section 3, whose lowest cell
    is fed what was found a step before, and Luong et al. 2015, arXiv:1508.04025, whose y it is.

    >>> from unrolled import GRU, AdditiveAttention
    >>> decoder = AttendingStack(GRU, 3, 8, AdditiveAttention(8, memory_size=6), layers=2)
    >>> source, target = torch.randn(2, 5, 6), torch.randn(2, 4, 3)
    >>> ys, state = decoder(target, decoder.start(source))
    >>> ys.shape
    torch.Size([2, 4, 8])
    """

    state_type = AttendingStackState

    def __init__(
        self,
        cell: Callable[[int, int], Layer],
        input_size: int,
        hidden_size: int,
        attention: Attention,
        *,
        layers: int = 1,
        output_size: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if attention.query_size != hidden_size:
            raise OptionError(
                f"hidden_size={hidden_size} with an attention of query_size={attention.query_size}",
                expected="one size: the query is the lowest cell's output",
            )
        if layers < 1:
            raise OptionError(f"layers={layers}", expected="a whole number of at least 1")
        self.input_size, self.hidden_size = input_size, hidden_size
        self.output_size = hidden_size if output_size is None else output_size
        both = attention.context_size + hidden_size
        self.cells = nn.ModuleList(
            cell(both if number else input_size, hidden_size) for number in range(layers)
        )
        self.look = Looking(attention)
        self.dropout = Dropout(dropout, locked=True)
        self.W_c = Linear(both, self.output_size, bias=False)

    def inner_state(self, batch: int) -> State:
        """Return the cells' states (B rows) before the first step, as ``start(memory, initial)`` takes them."""
        weight = self.W_c.weight
        return tuple(
            begin_inside(self, cell, batch, weight.device, weight.dtype) for cell in self._layers()
        )

    def start(self, memory: Any, initial: State | None = None) -> AttendingStackState:
        """Return the state before the first step.

        Args:
            memory: what is attended to, (B, S, memory_size): a Seq, or what else a layer reads.
            initial: the cells' states (B rows), lowest first; their own initial states if not given.
        """
        seq, _ = unwrap(memory)
        if initial is None:
            initial = self.inner_state(seq.batch)
        else:
            for cell, state in zip(self._layers(), initial, strict=True):
                cell.check_state(state, seq.batch)
        device = self.W_c.weight.device
        noise = tuple(self.dropout.initial_state(seq.batch, device=device) for _ in self.cells)
        return AttendingStackState(initial, noise, self.look.start(seq))

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        raise without_memory(self)

    def unroll(self, xs: Seq, state: AttendingStackState) -> tuple[Seq, AttendingStackState]:
        def run(layer: Layer, data: Tensor, before: State) -> tuple[Tensor, State]:
            ys, after = layer(xs.with_data(data), before)
            return ys.data, after

        y, state = self._pass(run, xs.ahead, state)
        return xs.with_data(y), state

    def step(self, x: Tensor, state: AttendingStackState) -> tuple[Tensor, AttendingStackState]:
        return self._pass(lambda layer, x, before: layer.step(x, before), x, state)

    def _pass(
        self,
        run: Callable[[Layer, Tensor, State], tuple[Tensor, State]],
        x: Tensor,
        state: AttendingStackState,
    ) -> tuple[Tensor, AttendingStackState]:
        """Go up through the cells, at one step (B, ...) or at all (B, T, ...)."""
        cells, noise = [], []
        context: Tensor | None = None
        for cell, before, dropout in zip(self._layers(), state.cells, state.dropout, strict=True):
            hidden, after = run(cell, x if context is None else torch.cat((x, context), -1), before)
            if context is None:
                context, _ = run(self.look, hidden, state.look)
            x, dropout = run(self.dropout, hidden, dropout)
            cells.append(after)
            noise.append(dropout)
        assert context is not None
        y = torch.tanh(self.W_c(torch.cat((context, x), -1)))
        return y, AttendingStackState(tuple(cells), tuple(noise), state.look)

    def _layers(self) -> list[Layer]:
        return [cell for cell in self.cells if isinstance(cell, Layer)]
