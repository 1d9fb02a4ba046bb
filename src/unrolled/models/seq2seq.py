"""Sequence to sequence: an encoder reads the source, a decoder writes the target from what it remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.compose import Stack
from unrolled.core.inputs import unwrap
from unrolled.core.layer import Layer
from unrolled.core.noise import Dropout
from unrolled.core.seq import Seq
from unrolled.core.tree import State, leaves, register, tree_map
from unrolled.errors import InputError
from unrolled.kernels.packed_affine import packed_affine
from unrolled.models.linear import Linear
from unrolled.models.token_ids import UNKNOWN
from unrolled.models.vocabulary_loss import vocabulary_loss
from unrolled.models.word_dropout import WordDropout


@dataclass(frozen=True)
class Seq2SeqSizes:
    """The sizes of a `Seq2Seq`.

    Attributes:
        source_vocabulary: number of source tokens.
        target_vocabulary: number of target tokens.
        embedding: features of a token, and of the decoder's output.
        memory: features that the encoder gives of every source step.
        shared: one vocabulary, and so one embedding, for both.
    """

    source_vocabulary: int
    target_vocabulary: int
    embedding: int
    memory: int
    shared: bool = False


class Bridge(nn.Module):
    """From what an encoder remembers to a decoder's first state: every real field s of it is

        s = tanh(W [m_1; m_last; mean of m_1 ... m_last] + b)

    m_last holds what the forward direction has read, m_1 what the backward one has. After Sutskever et al. 2014,
    arXiv:1409.3215 (the last state), and Bahdanau et al. 2015, arXiv:1409.0473 (the backward one's).

    Args:
        memory_size: features of a step of the memory.
        state: one of the decoder's inner states, for its shapes.
    """

    def __init__(self, memory_size: int, state: State) -> None:
        super().__init__()
        sizes = [leaf[0].numel() for leaf in leaves(state) if leaf.is_floating_point()]
        self.fields = nn.ModuleList(Linear(3 * memory_size, size) for size in sizes)

    def forward(self, memory: Seq, state: State) -> State:
        """Return ``state`` with its real fields made of the memory (B, S, memory_size)."""
        steps = memory.data
        count = memory.row_lengths.clamp(min=1).to(steps)[:, None]
        first = steps[:, 0] if memory.steps else steps.new_zeros(memory.batch, steps.shape[-1])
        read = torch.cat((first, memory.last(), steps.sum(1) / count), -1)
        fields = iter(self.fields)

        def begin(leaf: Tensor) -> Tensor:
            if not leaf.is_floating_point():
                return leaf
            return torch.tanh(next(fields)(read)).view(leaf.shape)

        return tree_map(begin, state)


@register
class Seq2SeqState(NamedTuple):
    """The state of a decoder, and of the noise before and after it."""

    words: State
    embedded: State
    decoder: State
    output: State


class Seq2Seq(Layer):
    """Scores of the next target token (logits), given a source: a layer over target tokens that begins with `start`.

        m = encoder(E_s[source]),   d_0 = bridge(m)
        y_t, d_t = decoder(E_t[target_(t-1)], d_(t-1)),   scores_t = E_t y_t + b

    with word dropout on the tokens and locked dropout on what is embedded and on y. The output matrix is the target's
    embedding (Press and Wolf 2017, arXiv:1608.05859). Teacher forcing is ``model(target, model.start(source))``,
    decoding is `step`; rows of beams as for `AttendingCell`.

    Args:
        encoder: a Layer from ``sizes.embedding`` to ``sizes.memory`` features.
        decoder: a Layer from ``sizes.embedding`` to ``sizes.embedding`` features. With a `start` of its own it is
            given the memory (`AttendingStack`, `AttendingCell`, `TransformerDecoder`); otherwise it only begins with
            what the bridge makes of it, as without attention.
        sizes: see there.
        dropout: probability of dropping a feature.
        word_dropout: probability of hiding a token.

    >>> from unrolled import GRU, AttendingStack, DotAttention, Seq
    >>> sizes = Seq2SeqSizes(source_vocabulary=30, target_vocabulary=20, embedding=8, memory=6)
    >>> model = Seq2Seq(GRU(8, 6), AttendingStack(GRU, 8, 8, DotAttention(8, 6, "general")), sizes)
    >>> state = model.start(Seq(torch.randint(4, 30, (2, 5)), [5, 3]))
    >>> scores, state = model(torch.tensor([[2, 4, 5], [2, 6, 7]]), state)
    >>> scores.shape
    torch.Size([2, 3, 20])
    """

    state_type = Seq2SeqState

    def __init__(
        self,
        encoder: Layer,
        decoder: Layer,
        sizes: Seq2SeqSizes,
        *,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.word_dropout = WordDropout(word_dropout, unknown=UNKNOWN)
        self.dropout = Dropout(dropout, locked=True)
        self.target = nn.Embedding(sizes.target_vocabulary, sizes.embedding)
        self.source = (
            None if sizes.shared else nn.Embedding(sizes.source_vocabulary, sizes.embedding)
        )
        self.encoder, self.decoder = encoder, decoder
        self.bias = nn.Parameter(torch.zeros(sizes.target_vocabulary))
        self.bridge = Bridge(sizes.memory, self._inner_state(1))
        for embedding in (self.target, self.source):
            if embedding is not None:
                nn.init.normal_(embedding.weight, std=0.1)

    def _inner_state(self, batch: int) -> State:
        begin = getattr(self.decoder, "inner_state", None) or self.decoder.initial_state
        return begin(batch)

    def encode(self, source: Any) -> Seq:
        """Return the memory (B, S, sizes.memory) of source token ids (B, S)."""
        embedding = self.target if self.source is None else self.source
        ids, _ = unwrap(source)
        memory, _ = Stack(self.word_dropout, embedding, self.dropout, self.encoder)(ids)
        return memory

    def start(self, source: Any) -> Seq2SeqState:
        """Return the state before the first target token.

        Args:
            source: token ids (B, S), a Seq where rows differ in length.
        """
        memory = self.encode(source)
        inner = self.bridge(memory, self._inner_state(memory.batch))
        begin = getattr(self.decoder, "start", None)
        state = inner if begin is None else begin(memory, inner)
        noise = [
            part.initial_state(memory.batch, device=self.bias.device)
            for part in (self.word_dropout, self.dropout, self.dropout)
        ]
        return Seq2SeqState(noise[0], noise[1], state, noise[2])

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        raise InputError(
            "Seq2Seq cannot begin without a source",
            expected="a state of start(source)",
            fix="model(target, model.start(source))",
        )

    def hidden(self, target: Seq, state: Seq2SeqState) -> tuple[Seq, Seq2SeqState]:
        """Return y (B, T, sizes.embedding) over target token ids (B, T): what `score` makes scores of."""
        xs, words = self.word_dropout(target, state.words)
        xs, embedded = self.dropout(xs.map(self.target), state.embedded)
        ys, decoder = self.decoder(xs, state.decoder)
        ys, output = self.dropout(ys, state.output)
        return ys, Seq2SeqState(words, embedded, decoder, output)

    def outputs(self, target: Seq, state: Seq2SeqState) -> Seq:
        """Return the y of `hidden` alone, as training needs it: a Transformer writes no cache of the state after it."""
        xs, _ = self.word_dropout(target, state.words)
        xs, _ = self.dropout(xs.map(self.target), state.embedded)
        alone = getattr(self.decoder, "outputs", None)
        ys = self.decoder(xs, state.decoder)[0] if alone is None else alone(xs, state.decoder)
        ys, _ = self.dropout(ys, state.output)
        return ys

    def score(self, hidden: Tensor) -> Tensor:
        """Return scores (..., V) of y (..., sizes.embedding)."""
        return packed_affine(hidden, self.target.weight, self.bias)

    def loss(self, source: Any, target: Any, smoothing: float = 0.0) -> tuple[Tensor, int]:
        """Return the loss of all target tokens given the source, summed, and how many they are: teacher forcing.

            L = sum over t of  -(1 - s) log p(target_t | target_1 ... target_(t-1), source) - s * mean of log p

        Args:
            source: token ids (B, S), a Seq where rows differ in length.
            target: token ids (B, T), every row from BEGIN, which is not scored, to END.
            smoothing: s, of the labels; see `vocabulary_loss`.
        """
        targets, _ = unwrap(target)
        lengths, ids = (targets.row_lengths - 1).clamp(min=0), targets.data
        ys = self.outputs(Seq(ids[:, :-1], lengths), self.start(source))
        scored = Seq(ids[:, 1:], lengths).valid()
        total = vocabulary_loss(
            ys.valid(), self.target.weight, self.bias, scored, smoothing=smoothing
        )
        return total, len(scored)

    def unroll(self, xs: Seq, state: Seq2SeqState) -> tuple[Seq, Seq2SeqState]:
        ys, state = self.hidden(xs, state)
        return ys.map(self.score), state

    def step(self, x: Tensor, state: Seq2SeqState) -> tuple[Tensor, Seq2SeqState]:
        x, words = self.word_dropout.step(x, state.words)
        features, embedded = self.dropout.step(self.target(x), state.embedded)
        y, decoder = self.decoder.step(features, state.decoder)
        y, output = self.dropout.step(y, state.output)
        return self.score(y), Seq2SeqState(words, embedded, decoder, output)
