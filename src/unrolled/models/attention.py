"""Attention: what a query reads of a memory, a mean of its steps weighted by how well each fits.

An encoder's outputs are prepared once for each source; then any number of queries look at them.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from unrolled.core.inputs import unwrap
from unrolled.core.tree import register
from unrolled.errors import OptionError, ShapeError, unknown_option
from unrolled.models.linear import Linear

Score = Literal["dot", "general", "scaled"]


@register
class AttendedMemory(NamedTuple):
    """A memory of B sources and S steps, made ready by `Attention.prepare`.

    Keys and values are (B, S, features), with heads (B, heads, S, features). The mask (B, S) is true where a source has
    a step.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor


class Looked(NamedTuple):
    """What a query found: the context (..., context_size), and the weights (..., S) that made it."""

    context: Tensor
    weights: Tensor


class Attention(nn.Module):
    """weights = softmax_s(score(query, key_s)),  context = sum_s weights_s value_s; a subclass writes keys and score.

    Called with a query (B, Q), or K of them (B, K, Q), and a prepared memory of B sources, it returns `Looked`: context
    (B, [K,] context_size) and weights (B, [K,] S). There may also be B * k rows of queries, the beams of a search: row
    r looks at source r // k, and the memory is not copied. What the padding held never matters; a source without steps
    gives weights and context 0.

    Args:
        query_size: features of a query.
        memory_size: features of a step of the memory.
        context_size: features of the context; those of the memory if not given.

    Raises:
        ShapeError: a memory or a query of other features, or rows of queries that are no multiple of the sources.
    """

    def __init__(self, query_size: int, memory_size: int, context_size: int | None = None) -> None:
        super().__init__()
        self.query_size, self.memory_size = query_size, memory_size
        self.context_size = memory_size if context_size is None else context_size

    def keys(self, memory: Tensor) -> Tensor:
        """Return the keys of a memory (B, S, M)."""
        raise NotImplementedError

    def values(self, memory: Tensor) -> Tensor:
        """Return the values of a memory (B, S, M)."""
        return memory

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """Return (B, K, S): how well each key fits each query (B, K, Q)."""
        raise NotImplementedError

    def prepare(self, memory: Any) -> AttendedMemory:
        """Compute once what every query needs of a memory (B, S, M): a Seq, or what else a layer reads."""
        seq, _ = unwrap(memory)
        steps = seq.first
        if steps.dim() != 3 or steps.shape[-1] != self.memory_size:
            raise ShapeError(
                f"{type(self).__name__}(memory_size={self.memory_size}) was given {tuple(steps.shape)}",
                expected=f"(batch, time, {self.memory_size})",
            )
        return AttendedMemory(self.keys(steps), self.values(steps), seq.mask())

    def weigh(self, query: Tensor, memory: AttendedMemory) -> Tensor:
        """Return the weights (B, K, S) of queries (B, K, Q)."""
        scores = self.score(query, memory.keys)
        sources, steps = memory.mask.shape
        padding = ~memory.mask.view(sources, *[1] * (scores.dim() - 2), steps)
        # Not -inf: the softmax of a source without steps would be NaN.
        scores = scores.masked_fill(padding, torch.finfo(scores.dtype).min)
        return scores.softmax(-1).masked_fill(padding, 0)

    def look(self, query: Tensor, memory: AttendedMemory) -> Looked:
        """Return context (B, K, context_size) and weights (B, K, S) of queries (B, K, Q)."""
        weights = self.weigh(query, memory)
        return Looked(weights @ memory.values, weights)

    def forward(self, query: Tensor, memory: AttendedMemory) -> Looked:
        """Look at ``memory`` with each row of ``query``."""
        sources, steps = memory.mask.shape
        rows = self._checked_rows(query, sources)
        each = math.prod(query.shape[1:-1]) * (rows // sources if sources else 1)
        context, weights = self.look(query.reshape(sources, each, self.query_size), memory)
        shape = query.shape[:-1]
        return Looked(context.reshape(*shape, self.context_size), weights.reshape(*shape, steps))

    def _checked_rows(self, query: Tensor, sources: int) -> int:
        name, shape = type(self).__name__, tuple(query.shape)
        if query.dim() not in (2, 3) or shape[-1] != self.query_size:
            raise ShapeError(
                f"{name}(query_size={self.query_size}) was asked {shape}",
                expected=f"(rows, {self.query_size}) or (rows, queries, {self.query_size})",
            )
        if shape[0] % sources if sources else shape[0]:
            raise ShapeError(
                f"{name} was asked by {shape[0]} rows about a memory of {sources} sources",
                expected="as many rows as sources, or k rows for each of them",
                fix="select_rows(memory, index) for the sources that are left",
            )
        return shape[0]


class AdditiveAttention(Attention):
    """Attention with a small network as score: score(q, k) = v tanh(W q + U k).

    Args:
        query_size: features of a query.
        memory_size: features of a step of the memory, and of the context.
        size: hidden units of the network; query_size if not given.

    Bahdanau et al. 2015, arXiv:1409.0473.

    >>> attention = AdditiveAttention(query_size=4, memory_size=6)
    >>> memory = attention.prepare(torch.randn(2, 5, 6))
    >>> context, weights = attention(torch.randn(2, 4), memory)
    >>> context.shape, weights.shape
    (torch.Size([2, 6]), torch.Size([2, 5]))
    """

    def __init__(self, query_size: int, memory_size: int, size: int | None = None) -> None:
        super().__init__(query_size, memory_size)
        size = query_size if size is None else size
        self.W = Linear(query_size, size, bias=False)
        self.U = Linear(memory_size, size, bias=False)
        self.v = Linear(size, 1, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        return self.U(memory)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return self.v(torch.tanh(self.W(query).unsqueeze(2) + keys.unsqueeze(1))).squeeze(-1)


class DotAttention(Attention):
    """Attention with a product as score.

        score(q, k) = q . k                       score="dot"
        score(q, k) = q . W k                     score="general"
        score(q, k) = q . k / sqrt(query_size)    score="scaled"

    Args:
        query_size: features of a query.
        memory_size: features of a step of the memory, and of the context.
        score: which product; only "general" has a parameter, and takes queries and memories of unequal sizes.

    Raises:
        OptionError: an unknown score, or unequal sizes without W.

    Luong et al. 2015, arXiv:1508.04025; "scaled" is that of Vaswani et al. 2017, arXiv:1706.03762.

    >>> attention = DotAttention(2, 2)
    >>> memory = attention.prepare(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    >>> attention(torch.tensor([[1000.0, 0.0]]), memory).weights.tolist()
    [[1.0, 0.0]]
    """

    def __init__(self, query_size: int, memory_size: int, score: Score = "dot") -> None:
        super().__init__(query_size, memory_size)
        if score not in get_args(Score):
            raise unknown_option("score", score, get_args(Score))
        if score != "general" and query_size != memory_size:
            raise OptionError(
                f"score={score!r} with query_size={query_size} and memory_size={memory_size}",
                expected="queries and memories of one size",
                fix='use score="general"',
            )
        self.scoring = score
        self.W = Linear(memory_size, query_size, bias=False) if score == "general" else None

    def extra_repr(self) -> str:
        return f"score={self.scoring!r}"

    def keys(self, memory: Tensor) -> Tensor:
        return memory if self.W is None else self.W(memory)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        scores = query @ keys.mT
        return scores / math.sqrt(self.query_size) if self.scoring == "scaled" else scores


class MultiHeadAttention(Attention):
    """Several scaled products beside each other, each of its own projections of query and memory.

        head_i  = softmax(W_q,i q . W_k,i k / sqrt(size / heads)) W_v,i k
        context = W_o [head_1; ...; head_n]

    The weights returned are the mean over the heads; `weigh` has those of each, (B, heads, K, S).

    Args:
        query_size: features of a query.
        memory_size: features of a step of the memory.
        heads: number of heads.
        size: features of all heads together, and of the context; query_size if not given.

    Raises:
        OptionError: a size that the heads cannot share equally.

    Vaswani et al. 2017, arXiv:1706.03762.

    >>> attention = MultiHeadAttention(query_size=8, memory_size=6, heads=2)
    >>> attention(torch.randn(2, 3, 8), attention.prepare(torch.randn(2, 5, 6))).context.shape
    torch.Size([2, 3, 8])
    """

    def __init__(
        self, query_size: int, memory_size: int, heads: int = 4, size: int | None = None
    ) -> None:
        size = query_size if size is None else size
        super().__init__(query_size, memory_size, context_size=size)
        if heads < 1 or size % heads:
            raise OptionError(
                f"heads={heads} of size={size}",
                expected="at least one head, and a size that is a multiple of the heads",
            )
        self.heads = heads
        self.W_q = Linear(query_size, size)
        self.W_k = Linear(memory_size, size)
        self.W_v = Linear(memory_size, size)
        self.W_o = Linear(size, size)

    def extra_repr(self) -> str:
        return f"heads={self.heads}"

    def keys(self, memory: Tensor) -> Tensor:
        # Laid out once here: else every look would copy it.
        return self._by_head(self.W_k(memory)).contiguous()

    def values(self, memory: Tensor) -> Tensor:
        return self._by_head(self.W_v(memory)).contiguous()

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return self._by_head(self.W_q(query)) @ keys.mT / math.sqrt(keys.shape[-1])

    def look(self, query: Tensor, memory: AttendedMemory) -> Looked:
        weights = self.weigh(query, memory)
        heads = weights @ memory.values
        context = self.W_o(heads.transpose(1, 2).flatten(2))
        empty = ~memory.mask.any(1)  # their context is not the bias of W_o
        return Looked(context.masked_fill(empty[:, None, None], 0), weights.mean(1))

    def _by_head(self, features: Tensor) -> Tensor:
        """View (B, N, size) as (B, heads, N, size / heads)."""
        return features.unflatten(-1, (self.heads, -1)).transpose(1, 2)
