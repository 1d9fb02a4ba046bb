"""A language model: what the next token may be, given all tokens before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.inputs import unwrap
from unrolled.core.layer import Layer, begin_inside
from unrolled.core.noise import Dropout
from unrolled.core.seq import Seq
from unrolled.core.tree import State, register
from unrolled.errors import OptionError, ShapeError
from unrolled.kernels.packed_affine import packed_affine
from unrolled.kernels.parts import Part, register_parts
from unrolled.models.token_embedding import TokenEmbedding
from unrolled.models.vocabulary_loss import vocabulary_loss


@dataclass(frozen=True)
class LanguageSizes:
    """The sizes of a `LanguageModel`.

    Attributes:
        vocabulary: number of tokens V.
        embedding: features of a token.
        width: features that the layer gives of every step; equal to ``embedding`` where weights are tied.
    """

    vocabulary: int
    embedding: int
    width: int


@register
class LanguageState(NamedTuple):
    """The state of the layer, and of the noise at the table, before the layer and after it."""

    read: State
    embedded: State
    layer: State
    output: State


class LanguageModel(Layer):
    """Scores of the next token (logits), given those before it: a layer over tokens (B, T).

        x_t = E[token_t],   y_t, state_t = layer(x_t, state_(t-1)),   scores_t = W y_t + b

    with dropout of whole tokens at the table (`TokenEmbedding`) and locked dropout on x and y, as in AWD-LSTM (Merity et
    al. 2018, arXiv:1708.02182). With tied weights W is E (Press and Wolf 2017, arXiv:1608.05859; Inan et al. 2017,
    arXiv:1611.01462).

    A text is read in windows: the state after one is that before the next. `renew` the noise of a state between them
    in training; else one draw lasts as long as the state.

    Args:
        layer: a Layer from ``sizes.embedding`` to ``sizes.width`` features, such as `recurrent_stack` makes.
        sizes: see there.
        dropout: probability of dropping a feature of x and y, for all steps of a row.
        embedding_dropout: probability of dropping a token's row of the table.
        tied: whether the scores use the table.

    Raises:
        OptionError: tied weights of two sizes, or no probability below 1.

    >>> from unrolled import GRU
    >>> model = LanguageModel(GRU(8, 8), LanguageSizes(vocabulary=20, embedding=8, width=8), dropout=0.1)
    >>> tokens = torch.randint(20, (2, 6))
    >>> scores, state = model(tokens[:, :-1])
    >>> scores.shape
    torch.Size([2, 5, 20])
    >>> loss, count, state = model.loss(tokens[:, :-1], tokens[:, 1:])
    >>> (loss / count).backward()
    """

    state_type = LanguageState

    def __init__(
        self,
        layer: Layer,
        sizes: LanguageSizes,
        *,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        tied: bool = True,
    ) -> None:
        super().__init__()
        if tied and sizes.width != sizes.embedding:
            raise OptionError(
                f"tied weights with width={sizes.width} and embedding={sizes.embedding}",
                expected="as many features after the layer as before it",
                fix="make them equal, or tied=False",
            )
        self.sizes = sizes
        self.read = TokenEmbedding(sizes.vocabulary, sizes.embedding, embedding_dropout)
        self.dropout = Dropout(dropout, locked=True)
        self.layer = layer
        self.weight = None if tied else nn.Parameter(torch.empty(sizes.vocabulary, sizes.width))
        self.bias = nn.Parameter(torch.zeros(sizes.vocabulary))
        if self.weight is not None:
            nn.init.normal_(self.weight, std=0.1)

    @property
    def causal(self) -> bool:
        return self.layer.causal

    @property
    def output_weight(self) -> Tensor:
        """W (V, width), the table itself where they are tied."""
        return self.read.table.weight if self.weight is None else self.weight

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> LanguageState:
        read = self.read.initial_state(batch)
        embedded, output = (begin_inside(self, self.dropout, batch, device, dtype) for _ in "xy")
        inner = begin_inside(self, self.layer, batch, device, dtype)
        return LanguageState(read, embedded, inner, output)

    def hidden(self, tokens: Seq, state: LanguageState) -> tuple[Seq, LanguageState]:
        """Return y (B, T, width) over token ids (B, T), with its dropout: what `score` makes scores of."""
        _, ys, state = self._run(tokens, state)
        return ys, state

    def _run(self, tokens: Seq, state: LanguageState) -> tuple[Seq, Seq, LanguageState]:
        """Return y as the layer gave it, with its dropout, and the state after it."""
        xs, read = self.read(tokens, state.read)
        xs, embedded = self.dropout(xs, state.embedded)
        raw, inner = self.layer(xs, state.layer)
        ys, output = self.dropout(raw, state.output)
        return raw, ys, LanguageState(read, embedded, inner, output)

    def score(self, hidden: Tensor) -> Tensor:
        """Return scores (..., V) of y (..., width)."""
        return packed_affine(hidden, self.output_weight, self.bias)

    def loss(
        self,
        tokens: Any,
        targets: Any,
        state: LanguageState | None = None,
        *,
        smoothing: float = 0.0,
        activation: float = 0.0,
        temporal: float = 0.0,
    ) -> tuple[Tensor, int, LanguageState]:
        """Return the loss of all targets, summed, how many they are, and the state after the tokens.

            L = sum over t of  -(1 - s) log p(target_t) - s * mean of log p + a mean of y_t^2 + b mean of (u_t - u_(t-1))^2

        The means are over the vocabulary and over the features. u is the layer's output and y the same after dropout:
        the two penalties are activation regularisation and its temporal form (Merity et al. 2017, arXiv:1708.01009).
        The first step of a window has no difference.

        Args:
            tokens: ids (B, T), a Seq where rows differ in length.
            targets: the token after each of them, (B, T), in rows of the same lengths.
            state: before the first token; None begins with `initial_state`.
            smoothing: s, of the labels; see `vocabulary_loss`.
            activation: a.
            temporal: b.

        Raises:
            ShapeError: targets that do not stand beside the tokens.
        """
        xs, _ = unwrap(tokens)
        right = aligned_targets(xs, targets)
        if state is None:
            state = self.initial_state(xs.batch)
        else:
            self.check_state(state, xs.batch)
        raw, ys, state = self._run(xs, state)
        hidden, scored = ys.valid(), right.valid()
        weight, size = self.output_weight, self.sizes.width
        total = vocabulary_loss(hidden, weight, self.bias, scored, smoothing=smoothing)
        if activation:
            total = total + activation / size * hidden.square().sum()
        if temporal:
            total = total + temporal / size * changes(raw).square().sum()
        return total, len(scored), state

    def unroll(self, xs: Seq, state: LanguageState) -> tuple[Seq, LanguageState]:
        ys, state = self.hidden(xs, state)
        return ys.map(self.score), state

    def step(self, x: Tensor, state: LanguageState) -> tuple[Tensor, LanguageState]:
        features, read = self.read.step(x, state.read)
        features, embedded = self.dropout.step(features, state.embedded)
        y, inner = self.layer.step(features, state.layer)
        y, output = self.dropout.step(y, state.output)
        return self.score(y), LanguageState(read, embedded, inner, output)


def aligned_targets(tokens: Seq, targets: Any) -> Seq:
    """Return targets in rows as long as those of the tokens, or raise."""
    given, _ = unwrap(targets)
    together = given.sample.shape == tokens.sample.shape
    if together and isinstance(targets, Seq):
        together = torch.equal(given.row_lengths, tokens.row_lengths)
    if not together or given.sample.dtype != torch.int64:
        raise ShapeError(
            f"targets {tuple(given.sample.shape)} {given.sample.dtype} of tokens {tuple(tokens.sample.shape)}",
            expected="one int64 for each token, in rows of the same lengths",
        )
    return tokens.with_data(given.ahead)


def changes(ys: Seq) -> Tensor:
    """Return what each step adds to the one before it, (sum of lengths - 1, *F), the rows' first steps left out.

    >>> changes(Seq(torch.tensor([[[1.0], [3.0], [9.0]], [[1.0], [2.0], [0.0]]]), [3, 2])).flatten().tolist()
    [2.0, 6.0, 1.0]
    """
    steps = ys.data
    lengths = None if ys.lengths is None else (ys.lengths - 1).clamp(min=0)
    return Seq.padded(steps[:, 1:] - steps[:, :-1], lengths).valid()


def _parts(model: LanguageModel) -> list[Part]:
    scores = nn.Linear(model.sizes.width, model.sizes.vocabulary, device="meta")
    scores.weight, scores.bias = nn.Parameter(model.output_weight), model.bias
    return [Part("read", model.read, 0), Part("layer", model.layer, 2), Part("scores", scores)]


register_parts(LanguageModel, _parts)
