"""TransformerCell: a causal Transformer block as a cell, its keys and values being what it remembers."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.layer import Cell
from unrolled.core.noise import Dropout, NoiseState, draw_seeds
from unrolled.core.seq import Seq
from unrolled.core.tree import State
from unrolled.core.unroll import check_features
from unrolled.errors import ShapeError
from unrolled.models.linear import Linear, begin_even
from unrolled.models.places import projection
from unrolled.models.self_attention import CachedAttention, TransformerState, following


class FeedForward(nn.Sequential):
    """W_2 max(0, W_1 LayerNorm(x)): what a step makes of itself, before it is added to it.

    Args:
        size: features of a step.
        inner: units of W_1; four times the size if not given.
    """

    def __init__(self, size: int, inner: int | None = None) -> None:
        inner = 4 * size if inner is None else inner
        super().__init__(nn.LayerNorm(size), Linear(size, inner), nn.ReLU(), Linear(inner, size))


class SublayerDropout(Dropout):
    """Dropout of what the sublayers of a block add, for each of them with a mask of its own."""

    def part(self, x: Tensor, noise: NoiseState, number: int) -> Tensor:
        """Return what sublayer ``number`` adds, x (B, H) or (B, T, H), with noise from that state on."""
        place = noise.position
        if x.dim() == 3:
            place = place[:, None] + torch.arange(x.shape[1], device=place.device)
        return self.disturb(x, noise.seed + number, place)


class TransformerGates(NamedTuple):
    """Where a step looked: weights (B, heads, context), its own the last, those of the step before left of it.

    With them the step after what it read was added, (B, hidden_size), and all keys and values after it.
    """

    weights: Tensor
    attended: Tensor
    keys: Tensor
    values: Tensor


class TransformerCell(Cell):
    """One causal Transformer block that normalises before each sublayer.

        u_t = W_x x_t                                                        (x_t itself where the sizes are equal)
        a_t = u_t + Attention(LayerNorm(u)_t over LayerNorm(u)_1 ... LayerNorm(u)_t)
        y_t = a_t + W_2 max(0, W_1 LayerNorm(a_t) + b_1) + b_2

    Attention is multi-head, of queries and keys turned by their places (`SelfAttention`): it knows distances only, so
    no table of places ends. Whole sequences and chunks are computed in parallel, from any state; a step looks at the
    keys and values of the steps before, which its state holds. Each step writes a new state: its cost grows with
    ``context``. What a stack of blocks gives is not normalised: end it with an ``nn.LayerNorm(hidden_size)``.

    Args:
        input_size: features of x.
        hidden_size: features of y.
        heads: heads of the attention.
        context: how many steps it remembers, the present one included.
        window: look at the last ``context`` steps only, and go on for ever. Otherwise more steps are an error.
        feedforward: units of W_1; four times hidden_size if not given.
        dropout: probability of dropping a feature of what attention and feed-forward add.

    Raises:
        OptionError: heads that cannot share hidden_size equally with an even number of features for each; a context
            below 1.
        InputError: more than ``context`` steps in a row, without ``window``.

    Vaswani et al. 2017, arXiv:1706.03762; normalised first as in Xiong et al. 2020, arXiv:2002.04745; with the rotary
    places of Su et al. 2021, arXiv:2104.09864.

    >>> cell = TransformerCell(3, 8, heads=2, context=4)
    >>> xs = torch.randn(1, 4, 3)
    >>> ys, state = cell(xs)
    >>> y, state = cell.step(xs[:, 0], cell.initial_state(1))
    >>> torch.allclose(y, ys[:, 0], atol=1e-5), state.keys.shape
    (True, torch.Size([1, 2, 4, 4]))
    """

    state_type: ClassVar[type[tuple[Any, ...]] | None] = TransformerState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        heads: int = 4,
        context: int = 512,
        window: bool = False,
        feedforward: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.W_x = projection(input_size, hidden_size)
        self.attention = CachedAttention(hidden_size, heads, context, window)
        self.feedforward = FeedForward(hidden_size, feedforward)
        self.dropout = SublayerDropout(dropout)
        begin_even(self)

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> TransformerState:
        cache = self.attention.begin(batch)
        seed = draw_seeds(batch, cache.device)
        return TransformerState(cache, cache, NoiseState(seed, torch.zeros_like(seed)))

    def check_state(self, state: State, batch: int) -> None:
        super().check_state(state, batch)
        shape = tuple(state.keys.shape[1:])
        if shape != self.attention.cache_shape:
            raise ShapeError(
                f"the state of {type(self).__name__} has keys of shape {(batch, *shape)}",
                expected=f"{(batch, *self.attention.cache_shape)}: (batch, heads, context, features)",
                fix="use initial_state(batch) or the state that an earlier call returned",
            )

    def unroll(self, xs: Seq, state: TransformerState) -> tuple[Seq, TransformerState]:
        ys, keys, values = self.read(xs, state)
        return ys, following(state, keys, values, xs)

    def read(self, xs: Seq, state: TransformerState) -> tuple[Seq, Tensor, Tensor]:
        """Return y over ``xs``, and the keys and values that the state after it would hold besides the older ones."""
        check_features(self, xs)
        x = self.W_x(xs.data)
        read, keys, values = self.attention.over(x, xs, state)
        x = x + self.dropout.part(read, state.noise, 0)
        x = x + self.dropout.part(self.feedforward(x), state.noise, 1)
        return xs.with_data(x), keys, values

    def gates(self, x: Tensor, state: TransformerState) -> TransformerGates:
        x = self.W_x(x)
        read, weights, keys, values = self.attention.look(x, state)
        return TransformerGates(weights, x + self.dropout.part(read, state.noise, 0), keys, values)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        seen = self.gates(x, state)
        added = self.dropout.part(self.feedforward(seen.attended), state.noise, 1)
        noise = NoiseState(state.noise.seed, state.noise.position + 1)
        return seen.attended + added, state._replace(
            keys=seen.keys, values=seen.values, noise=noise
        )
