"""TransformerEncoder: blocks in which every step sees the whole sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from unrolled.core.layer import Layer
from unrolled.core.noise import NoiseState, draw_seeds
from unrolled.core.seq import Seq
from unrolled.core.unroll import check_features
from unrolled.errors import OptionError
from unrolled.models.linear import begin_even
from unrolled.models.places import Entrance
from unrolled.models.self_attention import SelfAttention
from unrolled.models.transformer import FeedForward, SublayerDropout


class EncoderBlock(nn.Module):
    """a = x + Attention(LayerNorm(x)),  y = a + FeedForward(LayerNorm(a)), every step seeing all of its row."""

    def __init__(self, size: int, heads: int, feedforward: int | None, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(size, heads)
        self.feedforward = FeedForward(size, feedforward)
        self.dropout = SublayerDropout(dropout)
        begin_even(self)

    def forward(self, xs: Seq, noise: NoiseState) -> Seq:
        x = xs.data
        x = x + self.dropout.part(self.attention(xs), noise, 0)
        return xs.with_data(x + self.dropout.part(self.feedforward(x), noise, 1))


class TransformerEncoder(Layer):
    """Transformer blocks over each other, in which every step sees the whole sequence, before and after it.

        x^0 = LayerNorm(W_x x) + P                   (LayerNorm(x) where the sizes are equal)
        a^l = x^(l-1) + Attention(LayerNorm(x^(l-1)))
        x^l = a^l + W_2 max(0, W_1 LayerNorm(a^l) + b_1) + b_2,   l = 1 ... layers
        y = LayerNorm(x^layers)

    P_t are cosines and sines of the place t. The attention is that of `TransformerCell`, to all steps of a row; its
    padding is never looked at. It cannot be stepped. Its state is where its dropout stands.

    Args:
        input_size: features of x, (B, T, input_size).
        hidden_size: features of y, (B, T, hidden_size).
        layers: how many blocks.
        heads: heads of each attention.
        feedforward: units of W_1; four times hidden_size if not given.
        dropout: probability of dropping a feature of what attention and feed-forward add.

    Raises:
        OptionError: heads that cannot share hidden_size equally with an even number of features for each; no layer.
        NotCausalError: one step was asked for.

    Vaswani et al. 2017, arXiv:1706.03762; normalised first as in Xiong et al. 2020, arXiv:2002.04745.

    >>> from unrolled import Seq
    >>> encoder = TransformerEncoder(3, 8, layers=2, heads=2)
    >>> memory, _ = encoder(Seq(torch.randn(2, 5, 3), [5, 2]))
    >>> memory.data.shape
    torch.Size([2, 5, 8])
    """

    state_type = NoiseState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        layers: int = 3,
        heads: int = 4,
        feedforward: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.entrance = Entrance(input_size, hidden_size)
        self.blocks = nn.ModuleList(
            EncoderBlock(hidden_size, heads, feedforward, dropout)
            for _ in range(checked_layers(layers))
        )
        self.norm = nn.LayerNorm(hidden_size)

    @property
    def causal(self) -> bool:
        return False

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> NoiseState:
        seed = draw_seeds(batch, self.norm.weight.device)
        return NoiseState(seed, torch.zeros_like(seed))

    def unroll(self, xs: Seq, state: NoiseState) -> tuple[Seq, NoiseState]:
        check_features(self, xs)
        places = torch.arange(xs.steps, device=state.position.device)
        hidden = xs.with_data(self.entrance(xs.data, places))
        for number, block in enumerate(self.blocks):
            # Two sublayers a block, each of another seed.
            hidden = block(hidden, state._replace(seed=state.seed + 2 * number))
        lengths = xs.row_lengths.to(state.position.device)
        return hidden.map(self.norm), NoiseState(state.seed, state.position + lengths)


def checked_layers(layers: int) -> int:
    """Return the number of layers, or raise when there would be none."""
    if layers < 1:
        raise OptionError(f"layers={layers}", expected="a whole number of at least 1")
    return layers
