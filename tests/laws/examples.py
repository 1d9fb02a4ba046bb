"""What every law is held against: each exported cell with each of its options, and layers around cells.

A new cell is one entry in `CELL_OPTIONS`: the options of its constructor with all the values that they have.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

import unrolled
from tests.laws.user_cells import (
    AttendingRNN,
    Centred,
    CountingRNN,
    CoupledLSTM,
    DecayingAverage,
    DecayingRNN,
    Doubled,
    FastWeights,
    ImputingRNN,
    LeakySum,
    RectifiedAverage,
    RunningMean,
    StateSpace,
    TwoOutputs,
)
from unrolled import (
    GRU,
    LSTM,
    RNN,
    AdditiveAttention,
    AttendingCell,
    AttendingStack,
    Bidirectional,
    Carry,
    DotAttention,
    Dropout,
    Layer,
    LayerNormGRU,
    LayerNormLSTM,
    MinGRU,
    MinLSTM,
    MultiHeadAttention,
    PeepholeLSTM,
    Residual,
    Seq,
    Seq2Seq,
    Seq2SeqSizes,
    Stack,
    TransformerCell,
    TransformerDecoder,
    TransformerEncoder,
    WeightDrop,
    Zoneout,
    deep,
)
from unrolled.core.noise import NoiseState
from unrolled.core.tree import State, Tree
from unrolled.core.zoneout import ZoneoutState
from unrolled.models.attending_stack import Looking
from unrolled.models.classifier import ClassifierSizes, ClassifyNetwork
from unrolled.models.crf import LinearChainCRF
from unrolled.models.language import LanguageModel, LanguageSizes
from unrolled.models.ngrams import NgramLinear
from unrolled.models.pooling import AttentionPool, LastPool, MaxPool, MeanPool
from unrolled.models.recurrent_stack import recurrent_stack
from unrolled.models.tag_network import TagNetwork, TagSizes
from unrolled.models.token_embedding import TokenEmbedding
from unrolled.models.word_dropout import WordDropout

BIAS = (True, False)
CELL_OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "RNN": {"nonlinearity": ("tanh", "relu"), "bias": BIAS},
    "LSTM": {"bias": BIAS},
    "PeepholeLSTM": {"bias": BIAS},
    "LayerNormLSTM": {"bias": BIAS},
    "GRU": {"reset": ("after", "before"), "update": ("keep", "write"), "bias": BIAS},
    "LayerNormGRU": {"update": ("keep", "write"), "bias": BIAS},
    "MinGRU": {"candidate": ("positive", "identity"), "bias": BIAS},
    "MinLSTM": {"candidate": ("positive", "identity"), "bias": BIAS},
}

Make = Callable[[int, int], Layer]
Draw = Callable[..., Tensor]


def one_tensor(draw: Draw, batch: int, steps: int, features: int) -> Tree:
    return draw(batch, steps, features)


def with_time(draw: Draw, batch: int, steps: int, features: int) -> Tree:
    return draw(batch, steps, features), draw(batch, steps).abs()


def with_mask_and_time(draw: Draw, batch: int, steps: int, features: int) -> Tree:
    seen = (draw(batch, steps, features) > 0).to(draw(0).dtype)
    return draw(batch, steps, features), seen, draw(batch, steps).abs()


def begin_empty(layer: Layer, draw: Draw, batch: int) -> State:
    # A layer without parameters cannot know in which dtype it is to begin.
    return layer.initial_state(
        batch, dtype=None if any(True for _ in layer.parameters()) else draw(0).dtype
    )


def begin_with_memory(layer: Any, draw: Draw, batch: int) -> State:
    return layer.start(draw(batch, 3, layer.hidden_size))


def begin_with_source(layer: Any, draw: Draw, batch: int) -> State:
    """Begin what attends to sources of 4, 0, 2, 1, 4, ... steps."""
    looks = layer.look if isinstance(layer, AttendingStack) else layer
    attends = getattr(looks, "attention", looks)
    return layer.start(sources(draw(batch, 4, attends.memory_size)))


def begin_with_words(layer: Any, draw: Draw, batch: int) -> State:
    return layer.start(sources(token_ids(draw, batch, 4, 1)))


def sources(data: Tensor) -> Seq:
    return Seq(data, torch.tensor([4, 0, 2, 1]).repeat(len(data))[: len(data)])


def begin_with_memory_and_noise(layer: Any, draw: Draw, batch: int) -> State:
    seed = 1_000_003 * torch.arange(batch)
    begin = begin_with_source if isinstance(layer.cell, AttendingCell) else begin_with_memory
    inner = begin(layer.cell, draw, batch)
    return ZoneoutState(inner, NoiseState(seed, torch.zeros_like(seed)))


@dataclass(frozen=True)
class Example:
    """A layer under test: how it is made of (features, hidden units), and what it reads."""

    name: str
    make: Make
    inputs: Callable[[Draw, int, int, int], Tree] = one_tensor
    begin: Callable[[Any, Draw, int], State] = begin_empty
    pickles: bool = True
    any_state: bool = True
    """Whether any real numbers may stand in its state; else it is begun by running some steps."""

    def __str__(self) -> str:
        return self.name


def every_cell() -> Iterator[Example]:
    for name, options in CELL_OPTIONS.items():
        for values in itertools.product(*options.values()):
            chosen = dict(zip(options, values, strict=True))

            def make(f: int, h: int, name: str = name, chosen: Any = chosen) -> Layer:
                return getattr(unrolled, name)(f, h, **chosen)

            yield Example(f"{name}({', '.join(f'{k}={v}' for k, v in chosen.items())})", make)


CELLS = list(every_cell())

AROUND_CELLS = [
    Example("stack", lambda f, h: Stack(RNN(f, h), LSTM(h, h))),
    Example("stack of nothing", lambda f, h: Stack()),
    Example(
        "stack with other modules",
        lambda f, h: Stack(nn.Linear(f, h), nn.LayerNorm(h), GRU(h, h), nn.Tanh(), nn.Linear(h, 2)),
    ),
    Example("stack in stack", lambda f, h: Stack(Stack(GRU(f, h)), Stack(Stack(LSTM(h, h))))),
    Example("residual", lambda f, h: Stack(nn.Linear(f, h), Residual(GRU(h, h)))),
    Example("residual stack", lambda f, h: Residual(Stack(GRU(f, h), Dropout(0.3), LSTM(h, f)))),
    Example("dropout", lambda f, h: Dropout(0.4)),
    Example("dropout, locked", lambda f, h: Dropout(0.4, locked=True)),
    Example("dropout that drops nothing", lambda f, h: Dropout(0.0)),
    Example("zoneout RNN", lambda f, h: Zoneout(RNN(f, h), 0.3)),
    Example("zoneout LSTM", lambda f, h: Zoneout(LSTM(f, h), 0.3)),
    Example("zoneout GRU", lambda f, h: Zoneout(GRU(f, h, reset="before"), 0.3)),
    Example("zoneout PeepholeLSTM", lambda f, h: Zoneout(PeepholeLSTM(f, h), 0.3)),
    Example("zoneout LayerNormLSTM", lambda f, h: Zoneout(LayerNormLSTM(f, h), 0.3)),
    Example("zoneout MinGRU", lambda f, h: Zoneout(MinGRU(f, h), 0.3)),
    Example("zoneout with a counter", lambda f, h: Zoneout(CountingRNN(f, h), 0.3)),
    Example(
        "zoneout with a constant",
        lambda f, h: Zoneout(AttendingRNN(f, h), 0.3),
        begin=begin_with_memory_and_noise,
    ),
    Example("weight drop LSTM", lambda f, h: WeightDrop(LSTM(f, h), 0.3)),
    Example("weight drop GRU", lambda f, h: WeightDrop(GRU(f, h, reset="before"), 0.3)),
    Example("weight drop RNN", lambda f, h: WeightDrop(RNN(f, h, "relu", bias=False), 0.3)),
    Example("weight drop LayerNormGRU", lambda f, h: WeightDrop(LayerNormGRU(f, h), 0.3)),
    Example("weight drop of a child's weight", lambda f, h: WeightDrop(CountingRNN(f, h), 0.3)),
    Example("weight drop zoneout", lambda f, h: WeightDrop(Zoneout(LSTM(f, h), 0.3), 0.3)),
    Example("carry", lambda f, h: Stack(Carry(DecayingRNN(f, h)), DecayingRNN(h, h)), with_time),
    Example(
        "carry past other layers",
        lambda f, h: Stack(
            Carry(Dropout(0.3)),
            Carry(DecayingRNN(f, h)),
            Carry(Zoneout(DecayingRNN(h, h), 0.3)),
            Carry(Stack(DecayingRNN(h, h), nn.Linear(h, 2))),
            DecayingRNN(2, h),
        ),
        with_time,
    ),
    Example("residual of a tree", lambda f, h: Residual(DecayingRNN(f, f)), with_time),
    Example("bidirectional", lambda f, h: Bidirectional(LSTM(f, h), GRU(f, h))),
    Example("bidirectional, sum", lambda f, h: Bidirectional(GRU(f, h), GRU(f, h), "sum")),
    Example("bidirectional, mean", lambda f, h: Bidirectional(RNN(f, h), RNN(f, h), "mean")),
    Example("bidirectional, none", lambda f, h: Bidirectional(LSTM(f, h), GRU(f, 2), "none")),
    Example("bidirectional, linear", lambda f, h: Bidirectional(MinLSTM(f, h), MinGRU(f, h))),
    Example(
        "bidirectional with noise",
        lambda f, h: Bidirectional(
            Stack(Dropout(0.2), Zoneout(GRU(f, h), 0.2)), WeightDrop(LSTM(f, h), 0.2)
        ),
    ),
    Example(
        "bidirectional of a tree",
        lambda f, h: Bidirectional(DecayingRNN(f, h), DecayingRNN(f, h), "sum"),
        with_time,
    ),
    Example(
        "bidirectional in bidirectional",
        lambda f, h: Bidirectional(Bidirectional(GRU(f, h), RNN(f, h)), LSTM(f, h)),
    ),
    Example("deep", lambda f, h: deep(LSTM, f, h, layers=3, dropout=0.3)),
    Example(
        "deep bidirectional",
        lambda f, h: deep(GRU, f, h, layers=2, bidirectional=True, dropout=0.3, reset="before"),
    ),
    Example(
        "all at once",
        lambda f, h: Stack(
            nn.Linear(f, h),
            Residual(Bidirectional(Zoneout(LSTM(h, h), 0.2), GRU(h, h), "mean")),
            Dropout(0.3, locked=True),
            Residual(Stack(WeightDrop(LayerNormLSTM(h, h), 0.2), nn.Linear(h, h))),
        ),
    ),
]

OF_USERS = [
    Example("cell without parameters", lambda f, h: LeakySum(f)),
    Example("cell with a counter", CountingRNN),
    Example("cell with a matrix", FastWeights),
    Example("cell with a constant", AttendingRNN, begin=begin_with_memory),
    Example("cell of (features, dt)", DecayingRNN, with_time),
    Example("cell of (features, mask, dt)", ImputingRNN, with_mask_and_time),
    Example("linear cell of (features, dt)", DecayingAverage, with_time),
    Example("linear cell with complex states", StateSpace),
    Example("linear cell with its own step", RectifiedAverage, with_time),
    Example("cell with two outputs", TwoOutputs),
    Example("subclass with its own step", CoupledLSTM),
    Example(
        "parametrized LSTM",
        lambda f, h: parametrized(LSTM(f, h)),
        pickles=False,  # torch refuses; state_dict is its way
    ),
    Example("layer that is no cell", lambda f, h: Stack(GRU(f, h), RunningMean(h))),
    Example("layer that is not causal", lambda f, h: Stack(GRU(f, h), Centred(), RNN(h, h))),
]


def parametrized(cell: Layer) -> Layer:
    for name in ("weight_ih", "weight_hh"):
        parametrize.register_parametrization(cell, name, Doubled())
    return cell


def token_ids(draw: Draw, batch: int, steps: int, features: int) -> Tree:
    return 1 + (4 * draw(batch, steps).abs()).long().clamp(max=TOKENS - 2)


TOKENS = 9


def ngram_linear(order: int) -> NgramLinear:
    layer = NgramLinear(TOKENS, 3, order=order, buckets=16)
    layer.weigh([Seq(torch.arange(2, TOKENS).repeat(3, 2))])
    return layer


def classifier(
    layer: Layer, width: int, pooling: tuple[str, ...], read: Layer | None = None
) -> ClassifyNetwork:
    sizes = ClassifierSizes(3, vocabulary=TOKENS, embedding=4, width=width, ngrams=2, buckets=16)
    network = ClassifyNetwork(layer, sizes, pooling, dropout=0.3, word_dropout=0.3, read=read)
    assert network.ngrams is not None
    network.ngrams.weigh([Seq(torch.arange(2, TOKENS).repeat(3, 2))])
    return network


def spelt(draw: Draw, batch: int, steps: int, features: int) -> Tree:
    """Tokens of 0 to 3 letters: that many, and then zeros."""
    letters = 1 + (4 * draw(batch, steps, 3).abs()).long().clamp(max=TOKENS - 2)
    lengths = (2 * draw(batch, steps, 1).abs()).long()
    letters = letters.masked_fill(torch.arange(3) >= lengths, 0)
    return token_ids(draw, batch, steps, features), letters


def tagger(
    layer: Callable[[int], Layer],
    letters: Layer | None,
    width: int,
    context: Layer | None = None,
) -> TagNetwork:
    sizes = TagSizes(
        *(3, TOKENS, 4, width),
        **{"letters": TOKENS, "letter_embedding": 3, "spelling": 4} if letters else {},
        pairs=8,
        pair_embedding=2,
        context=3 if context else 0,
    )
    noise = {"dropout": 0.3, "word_dropout": 0.3}
    network = TagNetwork(layer(sizes.features), sizes, letters, **noise, context=context)
    assert network.read.pairs is not None
    network.read.pairs.know(torch.arange(2, TOKENS * TOKENS, 10))
    return network


def translator(h: int) -> Seq2Seq:
    sizes = Seq2SeqSizes(TOKENS, TOKENS, embedding=h, memory=4)
    encoder = TransformerEncoder(h, 4, layers=1, heads=2, feedforward=3, dropout=0.3)
    return Seq2Seq(encoder, GRU(h, h), sizes, dropout=0.3, word_dropout=0.3)


def language_model(
    cell: Any, f: int, h: int, width: int, *, tied: bool = True, **options: Any
) -> LanguageModel:
    layer = recurrent_stack(cell, f, h, 2, width=width, dropout=0.3, **options)
    sizes = LanguageSizes(TOKENS, embedding=f, width=width)
    return LanguageModel(layer, sizes, dropout=0.3, embedding_dropout=0.3, tied=tied)


OF_MODELS = [
    Example("token embedding", lambda f, h: TokenEmbedding(TOKENS, f, 0.4), token_ids),
    Example(
        "language model",
        lambda f, h: language_model("lstm", h, h, h, weight_dropout=0.3),
        token_ids,
    ),
    Example(
        "language model with other weights for its scores",
        lambda f, h: language_model(GRU, f, h, 3, tied=False),
        token_ids,
    ),
    Example(
        "language model of Transformer blocks",
        lambda f, h: language_model("transformer", f, 4, f, heads=2, context=3),
        token_ids,
    ),
    Example(
        "language model of a user's cell",
        lambda f, h: language_model(CountingRNN, f, h, f),
        token_ids,
    ),
    Example("word dropout", lambda f, h: WordDropout(0.4, unknown=1), token_ids),
    Example("n-grams of one token", lambda f, h: ngram_linear(1), token_ids, any_state=False),
    Example("n-grams", lambda f, h: ngram_linear(3), token_ids, any_state=False),
    Example("last pool", lambda f, h: LastPool(f)),
    Example("mean pool", lambda f, h: MeanPool(f)),
    Example("max pool", lambda f, h: MaxPool(f)),
    Example("attention pool", lambda f, h: AttentionPool(f), any_state=False),
    Example(
        "classifier",
        lambda f, h: classifier(LSTM(4, h), h, ("last", "mean", "max", "attention")),
        token_ids,
        any_state=False,
    ),
    Example(
        "classifier of numbers",
        lambda f, h: ClassifyNetwork(
            GRU(4, h), ClassifierSizes(3, features=f, embedding=4, width=h), ("max",), dropout=0.3
        ),
        any_state=False,
    ),
    Example(
        "classifier that begins with a language model",
        lambda f, h: classifier(
            recurrent_stack("gru", 4, h, 2, width=4, dropout=0.3, weight_dropout=0.3),
            4,
            ("last", "max", "mean"),
            TokenEmbedding(TOKENS, 4, 0.3),
        ),
        token_ids,
        any_state=False,
    ),
    Example("random field", lambda f, h: LinearChainCRF(f)),
    Example(
        "tagger of words and letters",
        lambda f, h: tagger(lambda f: GRU(f, h), Bidirectional(LSTM(3, 2), GRU(3, 2)), h),
        spelt,
        any_state=False,
    ),
    Example(
        "tagger of words and letters, both ways",
        lambda f, h: tagger(
            lambda f: deep(LSTM, f, h, layers=2, bidirectional=True, dropout=0.3), GRU(3, 4), 2 * h
        ),
        spelt,
        any_state=False,
    ),
    Example(
        "tagger of what a language model makes of tokens",
        lambda f, h: tagger(
            lambda f: GRU(f, h), None, h, Stack(TokenEmbedding(TOKENS, f, 0.3), LSTM(f, 3))
        ),
        token_ids,
        any_state=False,
    ),
    Example(
        "tagger below a random field",
        lambda f, h: Stack(tagger(lambda f: GRU(f, h), None, h), LinearChainCRF(3)),
        token_ids,
        any_state=False,
    ),
    Example(
        "additive attention",
        lambda f, h: AttendingCell(GRU, f, h, AdditiveAttention(h, 3, size=5)),
        begin=begin_with_source,
    ),
    Example(
        "general attention",
        lambda f, h: AttendingCell(LSTM, f, h, DotAttention(h, 3, score="general")),
        begin=begin_with_source,
    ),
    *[
        Example(
            f"{score} attention",
            lambda f, h, score=score: AttendingCell(RNN, f, h, DotAttention(h, h, score)),
            begin=begin_with_source,
        )
        for score in ("dot", "scaled")
    ],
    Example(
        "multi-head attention above a stack",
        lambda f, h: AttendingCell(
            lambda f, h: deep(GRU, f, h, layers=2, dropout=0.3),
            f,
            h,
            MultiHeadAttention(h, 3, heads=2, size=6),
        ),
        begin=begin_with_source,
    ),
    Example(
        "looking",
        lambda f, h: Looking(AdditiveAttention(f, 3)),
        begin=begin_with_source,
    ),
    Example(
        "attending stack of one layer",
        lambda f, h: AttendingStack(LSTM, f, h, MultiHeadAttention(h, 3, heads=1)),
        begin=begin_with_source,
    ),
    Example(
        "sequence to sequence without attention",
        lambda f, h: Seq2Seq(
            LSTM(4, h),
            Stack(GRU(4, h), nn.Linear(h, 4)),
            Seq2SeqSizes(TOKENS, TOKENS, embedding=4, memory=h, shared=True),
            dropout=0.3,
        ),
        token_ids,
        begin=begin_with_words,
    ),
    Example(
        "zoneout attention",
        lambda f, h: Zoneout(AttendingCell(GRU, f, h, DotAttention(h, h)), 0.3),
        begin=begin_with_memory_and_noise,
    ),
    Example(
        "attending stack",
        lambda f, h: AttendingStack(
            GRU, f, h, DotAttention(h, 3, "general"), layers=2, output_size=5, dropout=0.3
        ),
        begin=begin_with_source,
    ),
    # The harness begins them up to 4 steps in, and takes up to 6 more.
    Example("transformer", lambda f, h: TransformerCell(f, 2 * h, heads=1, context=10)),
    Example(
        "transformer with a window",
        lambda f, h: TransformerCell(
            f, 4, heads=2, context=3, window=True, feedforward=3, dropout=0.3
        ),
    ),
    Example(
        "transformer encoder",
        lambda f, h: TransformerEncoder(f, 4, layers=2, heads=2, feedforward=3, dropout=0.3),
    ),
    Example(
        "transformer decoder",
        lambda f, h: TransformerDecoder(
            f, 4, 3, layers=2, output_size=3, heads=2, context=10, feedforward=3, dropout=0.3
        ),
        begin=begin_with_source,
    ),
    Example("sequence to sequence", lambda f, h: translator(h), token_ids, begin_with_words),
]

EXAMPLES = [*CELLS, *AROUND_CELLS, *OF_USERS, *OF_MODELS]
assert len({example.name for example in EXAMPLES}) == len(EXAMPLES)


def drawer(seed: int, dtype: torch.dtype) -> Draw:
    """Return a function that draws normal tensors of a given shape, the same ones for the same seed."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    return draw
