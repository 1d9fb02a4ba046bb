"""A network that scores tags: words, their spelling and their neighbours, read by a recurrent layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.compose import Stack
from unrolled.core.layer import Layer, begin_inside
from unrolled.core.noise import Dropout
from unrolled.core.seq import Seq
from unrolled.core.tree import State, Tree, register, tree_map
from unrolled.errors import OptionError, ShapeError
from unrolled.models.linear import Linear
from unrolled.models.spelling import Spelling
from unrolled.models.token_ids import UNKNOWN
from unrolled.models.token_pairs import TokenPairs
from unrolled.models.word_dropout import WordDropout


@dataclass(frozen=True)
class TagSizes:
    """The sizes of a `TagNetwork`.

    Attributes:
        tags: C.
        vocabulary: number of tokens.
        embedding: features of a token.
        width: features that the recurrent layer gives.
        letters: size of the alphabet that words are spelt in; 0 = they are not read letter by letter.
        letter_embedding: features of a letter.
        spelling: features that the layer over letters gives.
        pairs: number of pairs of tokens that are known (`TokenPairs.know`); 0 = no pairs are looked at.
        pair_embedding: features of a pair.
        context: features of what a language model makes of the tokens so far; 0 = there is none.
    """

    tags: int
    vocabulary: int
    embedding: int = 100
    width: int = 128
    letters: int = 0
    letter_embedding: int = 25
    spelling: int = 50
    pairs: int = 0
    pair_embedding: int = 50
    context: int = 0

    @property
    def features(self) -> int:
        """What the recurrent layer is given at a step."""
        spelling = self.spelling if self.letters else 0
        pairs = self.pair_embedding if self.pairs else 0
        return self.embedding + spelling + pairs + self.context


@register
class ReadState(NamedTuple):
    """Of a `ReadTokens`: where its word dropout stands, the token (B,) read last, 0 before the first, and the context."""

    words: State
    previous: Tensor
    context: State


class ReadTokens(Layer):
    """Tokens as features: their own, those of their spelling, and those of the pair with the token before.

        f_t = [E[x_t], spelling(c_t), P[x_(t-1), x_t], h_t],   h = context(x_1, ..., x_T)

    each where there is one. The context is what a language model makes of the tokens so far (contextual embeddings; Akbik
    et al. 2018, Contextual string embeddings for sequence labeling). Reads ids (B, T), or with a spelling (ids (B, T),
    letters (B, T, L)): letters of a word, and then zeros. In training word dropout hides tokens, with the pairs that they
    are in and from the context, but not how they are spelt.
    """

    state_type = ReadState

    def __init__(
        self,
        sizes: TagSizes,
        letters: Layer | None = None,
        word_dropout: float = 0.0,
        context: Layer | None = None,
    ) -> None:
        super().__init__()
        if (context is None) != (sizes.context == 0):
            raise OptionError(
                f"context={sizes.context} and {'no' if context is None else 'a'} layer that gives it",
                expected="both or neither",
            )
        if (letters is None) != (sizes.letters == 0):
            raise OptionError(
                f"letters={sizes.letters} and {'no' if letters is None else 'a'} layer to read them",
                expected="both or neither",
            )
        self.word_dropout = WordDropout(word_dropout, unknown=UNKNOWN)
        self.embedding = nn.Embedding(sizes.vocabulary, sizes.embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.spelling, self.pairs = None, None
        if letters is not None:
            self.spelling = Spelling(letters, sizes.letters, sizes.letter_embedding, sizes.spelling)
        if sizes.pairs:
            self.pairs = TokenPairs(sizes.vocabulary, sizes.pairs, sizes.pair_embedding)
        self.context = context

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> ReadState:
        words = begin_inside(self, self.word_dropout, batch, device, dtype)
        previous = torch.zeros(batch, dtype=torch.int64, device=self.embedding.weight.device)
        around = self.context
        context = () if around is None else begin_inside(self, around, batch, device, dtype)
        return ReadState(words, previous, context)

    def unroll(self, xs: Seq, state: ReadState) -> tuple[Seq, ReadState]:
        ids, letters = self._parts(xs.data)
        hidden, words = self.word_dropout(xs.with_data(ids), state.words)
        tokens = torch.cat((state.previous[:, None], hidden.data), 1)
        features = [self.embedding(hidden.data)]
        if self.spelling is not None:
            features.append(self.spelling(letters))
        if self.pairs is not None:
            features.append(self.pairs(tokens[:, :-1], tokens[:, 1:]))
        context = state.context
        if self.context is not None:
            around, context = self.context(hidden, context)
            features.append(around.data)
        places = xs.row_lengths.to(tokens.device)[:, None]
        previous = tokens.gather(1, places).squeeze(1)
        return xs.with_data(torch.cat(features, -1)), ReadState(words, previous, context)

    def step(self, x: Tree, state: ReadState) -> tuple[Tensor, ReadState]:
        one_step = Seq.padded(tree_map(lambda leaf: leaf.unsqueeze(1), x), None)
        ys, state = self.unroll(one_step, state)
        return ys.data.squeeze(1), state

    def _parts(self, data: Tree) -> tuple[Tensor, Tensor]:
        if self.spelling is None and isinstance(data, Tensor):
            return data, data
        if self.spelling is not None and isinstance(data, tuple) and len(data) == 2:
            return data[0], data[1]
        given = f"{len(data)} tensors" if isinstance(data, tuple) else "one tensor"
        expected = "token ids (B, T)"
        if self.spelling is not None:
            expected = f"the pair ({expected}, letters (B, T, L))"
        raise ShapeError(f"a step of {given}", expected=expected)


class TagNetwork(Stack):
    """Scores of C tags (logits) at every step: ``network(xs) -> ((B, T, C), state)``.

        f_t = [E[x_t], spelling(c_t), P[x_(t-1), x_t], context_t],   h = layer(f_1, ..., f_T),   y_t = W h_t + b

    with word dropout on the tokens, and locked dropout on f and on h. With a causal layer it can be read step by step. A
    `LinearChainCRF` over the scores is trained with it and stands outside, since it needs whole sequences. Lample et al.
    2016, arXiv:1603.01360.

    Args:
        layer: from ``sizes.features`` to ``sizes.width`` features.
        sizes: of everything else.
        letters: a layer from ``sizes.letter_embedding`` to ``sizes.spelling`` features, where words are read letter by
            letter, too; the input is then (ids (B, T), letters (B, T, L)).
        dropout: probability of dropping a feature before and after the layer.
        word_dropout: probability of hiding a token.
        context: a layer from tokens to ``sizes.context`` features, such as a language model's.

    Raises:
        OptionError: a layer for letters or a context without their sizes, or the other way round.

    >>> from unrolled import LSTM, Bidirectional
    >>> sizes = TagSizes(5, vocabulary=50, embedding=8, width=12, letters=20, letter_embedding=4, spelling=6)
    >>> both_ways = [Bidirectional(LSTM(f, h), LSTM(f, h)) for f, h in ((sizes.features, 6), (4, 3))]
    >>> network = TagNetwork(both_ways[0], sizes, both_ways[1], dropout=0.5)
    >>> network((torch.tensor([[4, 9, 2]]), torch.tensor([[[5, 2], [7, 0], [1, 1]]])))[0].shape
    torch.Size([1, 3, 5])
    """

    def __init__(
        self,
        layer: Layer,
        sizes: TagSizes,
        letters: Layer | None = None,
        *,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        context: Layer | None = None,
    ) -> None:
        super().__init__(
            ReadTokens(sizes, letters, word_dropout, context),
            Dropout(dropout, locked=True),
            layer,
            Dropout(dropout, locked=True),
            Linear(sizes.width, sizes.tags),
        )
        self.sizes = sizes

    @property
    def read(self) -> ReadTokens:
        """What turns tokens into features; its ``embedding`` is theirs."""
        read = self[0]
        assert isinstance(read, ReadTokens)
        return read

    @property
    def layer(self) -> Layer:
        """The recurrent layer."""
        layer = self[2]
        assert isinstance(layer, Layer)
        return layer
