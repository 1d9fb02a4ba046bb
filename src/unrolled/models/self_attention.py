"""Self-attention: every step of a sequence looks at the steps of the same sequence, with rotated queries and keys."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.core.noise import NoiseState
from unrolled.core.seq import Seq, traced
from unrolled.core.tree import register
from unrolled.errors import InputError, OptionError
from unrolled.models.linear import Linear
from unrolled.models.places import places_of, rotate


@register
class TransformerState(NamedTuple):
    """What a causal block remembers of every row.

    Keys and values are (B, heads, context, features of a head), the last step at the right end; what stands left of a
    row's first step is never looked at. The position of the noise is the number of steps so far.
    """

    keys: Tensor
    values: Tensor
    noise: NoiseState


class SelfAttention(nn.Module):
    """What a step reads of its own sequence, before it is added to the step itself:

        head_i = softmax(R_t q_i,t . R_s k_i,s / sqrt(size / heads)) v_i,s    over the steps s that step t may see
        read_t = W_o [head_1; ...; head_n],   [q; k; v] = W_qkv LayerNorm(x)

    R turns queries and keys by their places (`rotate`).

    Args:
        size: features of a step.
        heads: how many heads share them.

    Raises:
        OptionError: heads that cannot share the features equally, two by two.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or size % (2 * heads):
            raise OptionError(
                f"heads={heads} of hidden_size={size}",
                expected="at least one head, and an even number of features for each",
            )
        self.heads = heads
        self.norm = nn.LayerNorm(size)
        self.W_qkv = Linear(size, 3 * size)
        self.W_o = Linear(size, size)

    def extra_repr(self) -> str:
        return f"heads={self.heads}"

    def project(self, x: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, each (B, heads, T, d), of x (B, T, size) at places (B or 1, T)."""
        projected = self.W_qkv(self.norm(x)).unflatten(-1, (3 * self.heads, -1))
        turned, values = projected.split((2 * self.heads, self.heads), 2)
        queries, keys = rotate(turned, places).chunk(2, 2)
        return queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2)

    def join(self, heads: Tensor) -> Tensor:
        """Return what is read (B, T, size) of what each head found (B, heads, T, d)."""
        return self.W_o(heads.transpose(1, 2).flatten(2))

    def forward(self, xs: Seq) -> Tensor:
        """Return (B, T, size): what each step reads of all steps of its row."""
        places = torch.arange(xs.steps, device=xs.sample.device)
        queries, keys, values = self.project(xs.data, places[None])
        visible = None
        if xs.lengths is not None:
            # A row without steps sees one of its padding, which nobody reads: else its softmax would be NaN.
            lengths = xs.lengths.clamp(min=1)[:, None]
            visible = (torch.arange(xs.steps) < lengths)[:, None, None].to(xs.sample.device)
        return self.join(F.scaled_dot_product_attention(queries, keys, values, visible))


class CachedAttention(SelfAttention):
    """Self-attention to this step and those before it, whose keys and values are kept.

    Args:
        size, heads: as of `SelfAttention`.
        context: how many steps are kept, this one among them.
        window: whether older ones are forgotten; else there may be none.

    Raises:
        OptionError: a context of no step.
    """

    def __init__(self, size: int, heads: int, context: int, window: bool) -> None:
        super().__init__(size, heads)
        if context < 1:
            raise OptionError(f"context={context}", expected="a whole number of at least 1")
        self.context, self.window = context, window
        self.cache_shape = (heads, context, size // heads)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, context={self.context}, window={self.window}"

    def begin(self, batch: int) -> Tensor:
        """Return the keys, or the values, before the first step: zeros that take no memory."""
        return self.W_o.weight.new_zeros(()).expand(batch, *self.cache_shape)

    def over(self, x: Tensor, xs: Seq, state: TransformerState) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the steps x (B, T, size) of ``xs`` read, and their keys and values."""
        position = state.noise.position
        kept = self._kept(position, xs.row_lengths)
        steps = torch.arange(xs.steps, device=position.device)
        queries, keys, values = self.project(x, places_of(position, xs.steps))
        slides = self.window and kept + xs.steps > self.context
        if not kept and not slides:
            heads = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
            return self.join(heads), keys, values
        # Times are counted from the first step of the chunk.
        times = torch.arange(-kept, xs.steps, device=position.device)
        visible = times <= steps[:, None]
        if slides:
            visible = visible & (times > steps[:, None] - self.context)
        visible = visible & (times >= -position[:, None, None])
        heads = F.scaled_dot_product_attention(
            queries,
            torch.cat((newest(state.keys, kept), keys), 2),
            torch.cat((newest(state.values, kept), values), 2),
            visible[:, None],
        )
        return self.join(heads), keys, values

    def look(self, x: Tensor, state: TransformerState) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what one step x (B, size) reads, the weights (B, heads, context), and all keys and values after it."""
        position = state.noise.position
        kept = self._kept(position, torch.ones((), dtype=torch.int64))
        query, key, value = self.project(x[:, None], position[:, None])
        keys = torch.cat((state.keys[:, :, 1:], key), 2)
        values = torch.cat((state.values[:, :, 1:], value), 2)
        distance = torch.arange(kept, -1, -1, device=position.device)
        hidden = (distance > position[:, None])[:, None, None]
        scores = query @ newest(keys, kept + 1).mT / (query.shape[-1] ** 0.5)
        weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
        read = self.join(weights @ newest(values, kept + 1))[:, 0]
        padded = F.pad(weights[:, :, 0], (self.context - kept - 1, 0))
        return read, padded, keys, values

    def _kept(self, position: Tensor, lengths: Tensor) -> int:
        """Return how many steps before these ``lengths`` any row can see; raise where the context has no room."""
        if traced():
            return self.context - 1  # no number can be looked at
        if position.numel() == 0:
            return 0
        if not self.window:
            self._check_room(position + lengths.to(position.device))
        return min(int(position.max()), self.context - 1)

    def _check_room(self, steps: Tensor) -> None:
        if int(steps.max()) > self.context:
            row = int((steps > self.context).nonzero()[0])
            raise InputError(
                f"row {row} has {int(steps[row])} steps, and only {self.context} can be remembered",
                expected=f"at most context={self.context} steps",
                fix="make it with a larger context, or with window=True to forget the oldest",
            )


def newest(cache: Tensor, count: int) -> Tensor:
    """Return the last ``count`` steps of a cache (B, heads, context, d)."""
    return cache[:, :, cache.shape[2] - count :]


def following(state: Any, keys: Tensor, values: Tensor, xs: Seq) -> Any:
    """Return the state after the steps of ``xs``, whose keys and values (B, heads, T, d) are given."""
    position = state.noise.position + xs.row_lengths.to(state.noise.position.device)
    return state._replace(
        keys=_pushed(state.keys, keys, xs),
        values=_pushed(state.values, values, xs),
        noise=NoiseState(state.noise.seed, position),
    )


def _pushed(cache: Tensor, new: Tensor, xs: Seq) -> Tensor:
    """Return a cache after each row's own steps of ``new`` have pushed its oldest out."""
    context = cache.shape[2]
    if xs.lengths is None:
        return newest(torch.cat((cache[:, :, xs.steps :], new), 2), context)
    both = torch.cat((cache, new), 2)
    # Whole steps are copied, which `gather` does number by number.
    rows = both.shape[2] * torch.arange(both.shape[0] * both.shape[1]).view(*both.shape[:2], 1)
    places = xs.lengths[:, None, None] + torch.arange(context)
    index = (rows + places).flatten().to(cache.device)
    return both.flatten(0, 2).index_select(0, index).view(cache.shape)
