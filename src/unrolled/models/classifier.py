"""A network that classifies sequences: a recurrent layer, pooled, and beside it a linear part that reads n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.compose import Stack, refuse_step_unless_causal
from unrolled.core.layer import Layer, begin_inside
from unrolled.core.noise import Dropout
from unrolled.core.seq import Seq
from unrolled.core.tree import State, register
from unrolled.errors import ShapeError, unknown_option
from unrolled.models.ngrams import NgramLinear
from unrolled.models.pooling import POOLS, LastPool, Pool
from unrolled.models.word_dropout import WordDropout


@dataclass(frozen=True)
class ClassifierSizes:
    """The sizes of a `ClassifyNetwork`.

    Attributes:
        classes: C.
        vocabulary: number of tokens; 0 for sequences of numbers.
        features: F of a step of numbers.
        embedding: features that the recurrent layer is given.
        width: features that it gives.
        ngrams: the longest n-gram of the linear part; 0 = no such part.
        buckets: rows of it for n-grams of two tokens and more.
    """

    classes: int
    vocabulary: int = 0
    features: int = 1
    embedding: int = 100
    width: int = 64
    ngrams: int = 0
    buckets: int = 2**16


class ClassifyState(NamedTuple):
    """What the parts of a `ClassifyNetwork` remember; () of a part that is not there."""

    words: State
    body: State
    pools: State
    dropout: State
    ngrams: State


register(ClassifyState)


class ReadNumbers(nn.Module):
    """Steps of numbers (..., F) in units of the training part, as features: W (x - mean) / spread + b."""

    def __init__(self, features: int, embedding: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.spread: Tensor
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.linear = nn.Linear(features, embedding)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != len(self.mean):
            # One feature would be taken for all of them.
            raise ShapeError(
                f"a step of {x.shape[-1]} features", expected=f"{len(self.mean)}, as trained on"
            )
        return self.linear((x - self.mean) / self.spread)


class ClassifyNetwork(Layer):
    """Scores of C classes (logits), at every step those of what has been read: ``network(xs) -> ((B, T, C), state)``.

        e_t = W_e[x_t],   h = layer(e_1, ..., e_T)
        y_t = W_o [pool_1(h_1 ... h_t), pool_2(h_1 ... h_t), ...] + b + ngrams(x_1 ... x_t)

    with locked dropout on e and on what is pooled, and word dropout on the tokens. `classify` gives the scores of whole
    sequences alone, in less time. The linear part beside the network is that of Cheng et al. 2016, arXiv:1606.07792.

    Args:
        layer: from ``sizes.embedding`` to ``sizes.width`` features; only a causal one can be read step by step.
        sizes: of everything else.
        pooling: names of pools, see `unrolled.models.pooling`.
        dropout: probability of dropping a feature before and after the layer.
        word_dropout: probability of hiding a token.
        read: what turns a step into ``sizes.embedding`` features; None = a new embedding, or `ReadNumbers`.

    Raises:
        OptionError: there is no such pool.

    >>> from unrolled import GRU
    >>> network = ClassifyNetwork(GRU(8, 16), ClassifierSizes(3, vocabulary=50, embedding=8, width=16, ngrams=2))
    >>> network.classify(Seq(torch.tensor([[4, 9, 2], [7, 0, 0]]), [3, 1])).shape
    torch.Size([2, 3])
    """

    state_type = ClassifyState

    def __init__(
        self,
        layer: Layer,
        sizes: ClassifierSizes,
        pooling: Sequence[str] = ("max", "mean"),
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        read: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.word_dropout = WordDropout(word_dropout, unknown=1) if sizes.vocabulary else None
        first = make_read(sizes) if read is None else read
        self.body = Stack(first, Dropout(dropout, locked=True), layer)
        self.pools = nn.ModuleList(make_pool(name, sizes.width, layer) for name in pooling)
        self.dropout = Dropout(dropout, locked=True)
        self.answer = nn.Linear(sizes.width * len(pooling), sizes.classes)
        self.ngrams = None
        if sizes.ngrams:
            self.ngrams = NgramLinear(
                sizes.vocabulary, sizes.classes, order=sizes.ngrams, buckets=sizes.buckets
            )

    @property
    def read(self) -> nn.Module:
        """What turns a step into features: an embedding, or `ReadNumbers`."""
        return self.body[0]

    @property
    def layer(self) -> Layer:
        """The recurrent layer."""
        layer = self.body[2]
        assert isinstance(layer, Layer)
        return layer

    def pooled_by(self) -> list[Pool]:
        """Return the pools."""
        return [pool for pool in self.pools if isinstance(pool, Pool)]

    @property
    def causal(self) -> bool:
        return self.layer.causal

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> ClassifyState:
        def begin(part: Layer | None) -> State:
            return () if part is None else begin_inside(self, part, batch, device, dtype)

        return ClassifyState(
            begin(self.word_dropout),
            begin(self.body),
            tuple(begin(pool) for pool in self.pooled_by()),
            begin(self.dropout),
            begin(self.ngrams),
        )

    def classify(self, xs: Seq) -> Tensor:
        """Return the scores (B, C) of whole sequences, from the initial state."""
        state = self.initial_state(xs.batch, device=xs.sample.device)
        if self.word_dropout is not None:
            xs, _ = self.word_dropout(xs, state.words)
        scores = self._pooled(xs, state)
        if self.ngrams is not None:
            scores = scores + self.ngrams.value(self.ngrams.absorb(xs, state.ngrams))
        return scores

    def recurrent_scores(self, xs: Seq) -> Tensor:
        """Return the part (B, C) that the recurrent layer has in the scores of whole sequences, no token being hidden."""
        return self._pooled(xs, self.initial_state(xs.batch, device=xs.sample.device))

    def _pooled(self, xs: Seq, state: ClassifyState) -> Tensor:
        hidden, _ = self.body(xs, state.body)
        pooled = [
            pool.value(pool.absorb(hidden, before))
            for pool, before in zip(self.pooled_by(), state.pools, strict=True)
        ]
        kept, _ = self.dropout.step(torch.cat(pooled, -1), state.dropout)
        scores: Tensor = self.answer(kept)
        return scores

    def unroll(self, xs: Seq, state: ClassifyState) -> tuple[Seq, ClassifyState]:
        words = state.words
        if self.word_dropout is not None:
            xs, words = self.word_dropout(xs, words)
        hidden, body = self.body(xs, state.body)
        pairs = zip(self.pooled_by(), state.pools, strict=True)
        pooled, pools = zip(*(pool(hidden, before) for pool, before in pairs), strict=True)
        kept, dropout = self.dropout(
            hidden.with_data(torch.cat([ys.data for ys in pooled], -1)), state.dropout
        )
        scores, ngrams = self.answer(kept.data), state.ngrams
        if self.ngrams is not None:
            beside, ngrams = self.ngrams(xs, ngrams)
            scores = scores + beside.data
        state = ClassifyState(words, body, pools, dropout, ngrams)
        return xs.with_data(scores), state

    def step(self, x: Tensor, state: ClassifyState) -> tuple[Tensor, ClassifyState]:
        refuse_step_unless_causal(self)
        ys, state = self.unroll(Seq.padded(x.unsqueeze(1), None), state)
        return ys.data.squeeze(1), state


def make_read(sizes: ClassifierSizes) -> nn.Module:
    """Return what turns a step into features: an Embedding of tokens, or `ReadNumbers`."""
    if not sizes.vocabulary:
        return ReadNumbers(sizes.features, sizes.embedding)
    read = nn.Embedding(sizes.vocabulary, sizes.embedding)
    nn.init.normal_(read.weight, std=0.1)
    return read


def make_pool(name: str, size: int, layer: Layer) -> Pool:
    """Return the pool of that name for the outputs of ``layer``."""
    if name not in POOLS:
        raise unknown_option("pooling", name, POOLS)
    return LastPool(size, not layer.causal) if name == "last" else POOLS[name](size)
