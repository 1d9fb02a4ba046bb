"""TransformerDecoder: causal blocks that also look at a memory, each of them a cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.inputs import unwrap
from unrolled.core.layer import Layer
from unrolled.core.noise import NoiseState
from unrolled.core.seq import Seq
from unrolled.core.tree import Constant, State, register
from unrolled.core.unroll import check_features
from unrolled.errors import InputError
from unrolled.models.attending import without_memory
from unrolled.models.attention import Looked, MultiHeadAttention
from unrolled.models.linear import Linear, begin_even
from unrolled.models.places import Entrance, places_of
from unrolled.models.transformer import TransformerCell
from unrolled.models.transformer_encoder import checked_layers


@register
class DecoderCellState(NamedTuple):
    """A `TransformerState`, and the `AttendedMemory` of each source."""

    keys: Tensor
    values: Tensor
    noise: NoiseState
    memory: Constant


class DecoderGates(NamedTuple):
    """What `TransformerGates` has, and where the step looked in the memory: its weights (B, S), the heads' mean."""

    weights: Tensor
    attended: Tensor
    keys: Tensor
    values: Tensor
    memory_weights: Tensor


class TransformerDecoderCell(TransformerCell):
    """A `TransformerCell` that looks at a memory between its attention to itself and what it makes of both:

        a_t = u_t + Attention(LayerNorm(u)_t over LayerNorm(u)_1 ... LayerNorm(u)_t)
        c_t = a_t + MultiHeadAttention(LayerNorm(a_t), memory)
        y_t = c_t + W_2 max(0, W_1 LayerNorm(c_t) + b_1) + b_2

    It begins with `start`, which is given the memory; rows of beams as for `AttendingCell`.

    Args:
        input_size, hidden_size: as of `TransformerCell`, whose options it takes.
        memory_size: features of a step of the memory.
    """

    state_type = DecoderCellState

    def __init__(
        self, input_size: int, hidden_size: int, memory_size: int, *, heads: int = 4, **options: Any
    ) -> None:
        super().__init__(input_size, hidden_size, heads=heads, **options)
        self.memory_norm = nn.LayerNorm(hidden_size)
        self.memory_attention = MultiHeadAttention(hidden_size, memory_size, heads)
        begin_even(self.memory_attention)

    def start(self, memory: Any) -> DecoderCellState:
        """Return the state before the first step, for a memory (B, S, memory_size): a Seq, or what else a layer reads."""
        prepared = self.memory_attention.prepare(memory)
        begun = super().initial_state(len(prepared.mask))
        return DecoderCellState(*begun, Constant(prepared))

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> Any:
        raise without_memory(self)

    def read(self, xs: Seq, state: State) -> tuple[Seq, Tensor, Tensor]:
        check_features(self, xs)
        x = self.W_x(xs.data)
        read, keys, values = self.attention.over(x, xs, state)
        x = x + self.dropout.part(read, state.noise, 0)
        x = x + self.dropout.part(self._recall(x, state).context, state.noise, 2)
        x = x + self.dropout.part(self.feedforward(x), state.noise, 1)
        return xs.with_data(x), keys, values

    def gates(self, x: Tensor, state: State) -> Any:
        seen = super().gates(x, state)
        context, weights = self._recall(seen.attended, state)
        attended = seen.attended + self.dropout.part(context, state.noise, 2)
        return DecoderGates(seen.weights, attended, seen.keys, seen.values, weights)

    def _recall(self, attended: Tensor, state: State) -> Looked:
        found: Looked = self.memory_attention(self.memory_norm(attended), state.memory.value)
        return found


@register
class TransformerDecoderState(NamedTuple):
    """The state of each block, lowest first."""

    blocks: tuple[DecoderCellState, ...]

    @property
    def position(self) -> Tensor:
        """(B,) int64: the steps so far."""
        return self.blocks[0].noise.position


class TransformerDecoder(Layer):
    """Causal Transformer blocks over each other, each of which also looks at a memory.

        x^0_t = LayerNorm(W_x x_t) + P_t             (LayerNorm(x) where the sizes are equal)
        x^l = TransformerDecoderCell_l(x^(l-1)),   l = 1 ... layers
        y = W_y LayerNorm(x^layers)                  (W_y only where output_size is given)

    P_t are cosines and sines of the place t: attention to a memory goes by how far along it each step stands, of which
    `TransformerCell` alone knows only distances (a `TransformerEncoder` writes them into its memory). A whole target is
    computed in parallel, and one `step` from what the state holds of those before. It begins with `start`, which is
    given the memory; rows of beams as for `AttendingCell`.

    Args:
        input_size: features of x.
        hidden_size: features of each block.
        memory_size: features of a step of the memory.
        layers: how many blocks.
        output_size: features of y; hidden_size if not given.
        options: ``heads``, ``context``, ``window``, ``feedforward`` and ``dropout`` of `TransformerCell`.

    Raises:
        OptionError: as for `TransformerCell`; no layer.
        InputError: it is begun without a memory, or runs past its context.

    Vaswani et al. 2017, arXiv:1706.03762; normalised first as in Xiong et al. 2020, arXiv:2002.04745.

    >>> decoder = TransformerDecoder(3, 8, memory_size=6, layers=2, heads=2, context=10)
    >>> source, target = torch.randn(2, 5, 6), torch.randn(2, 4, 3)
    >>> ys, state = decoder(target, decoder.start(source))
    >>> y, _ = decoder.step(target[:, 0], decoder.start(source))
    >>> ys.shape, torch.allclose(y, ys[:, 0], atol=1e-5)
    (torch.Size([2, 4, 8]), True)
    """

    state_type = TransformerDecoderState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        memory_size: int,
        *,
        layers: int = 3,
        output_size: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.memory_size = input_size, hidden_size, memory_size
        self.output_size = hidden_size if output_size is None else output_size
        self.entrance = Entrance(input_size, hidden_size)
        self.blocks = nn.ModuleList(
            TransformerDecoderCell(hidden_size, hidden_size, memory_size, **options)
            for _ in range(checked_layers(layers))
        )
        self.norm = nn.LayerNorm(hidden_size)
        self.W_y = (
            nn.Identity() if output_size is None else Linear(hidden_size, output_size, bias=False)
        )

    def inner_state(self, batch: int) -> State:
        """Return what `start` takes as initial: nothing, a Transformer begins with its memory alone."""
        return ()

    def start(self, memory: Any, initial: State | None = None) -> TransformerDecoderState:
        """Return the state before the first step.

        Args:
            memory: what is attended to, (B, S, memory_size): a Seq, or what else a layer reads.
            initial: `inner_state`, or nothing: there is no other beginning.
        """
        if initial is not None and len(initial):
            raise InputError(
                "TransformerDecoder was given an initial state of its blocks",
                expected="none: it begins with the memory alone",
            )
        seq, _ = unwrap(memory)
        return TransformerDecoderState(tuple(cell.start(seq) for cell in self._cells()))

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        raise without_memory(self)

    def unroll(
        self, xs: Seq, state: TransformerDecoderState
    ) -> tuple[Seq, TransformerDecoderState]:
        hidden, after = self._enter(xs, state), []
        for cell, before in zip(self._cells(), state.blocks, strict=True):
            hidden, following = cell(hidden, before)
            after.append(following)
        return hidden.map(self._finish), TransformerDecoderState(tuple(after))

    def outputs(self, xs: Any, state: TransformerDecoderState) -> Any:
        """Return what `forward` does without the state after it, as training needs it: no cache is written."""
        seq, rewrap = unwrap(xs)
        self.check_state(state, seq.batch)
        hidden = self._enter(seq, state)
        for cell, before in zip(self._cells(), state.blocks, strict=True):
            hidden, _, _ = cell.read(hidden, before)
        return rewrap(hidden.map(self._finish))

    def step(
        self, x: Tensor, state: TransformerDecoderState
    ) -> tuple[Tensor, TransformerDecoderState]:
        hidden, after = self.entrance(x, state.position), []
        for cell, before in zip(self._cells(), state.blocks, strict=True):
            hidden, following = cell.step(hidden, before)
            after.append(following)
        return self._finish(hidden), TransformerDecoderState(tuple(after))

    def _enter(self, xs: Seq, state: TransformerDecoderState) -> Seq:
        check_features(self, xs)
        return xs.with_data(self.entrance(xs.data, places_of(state.position, xs.steps)))

    def _finish(self, x: Tensor) -> Tensor:
        y: Tensor = self.W_y(self.norm(x))
        return y

    def _cells(self) -> list[TransformerDecoderCell]:
        return [cell for cell in self.blocks if isinstance(cell, TransformerDecoderCell)]
