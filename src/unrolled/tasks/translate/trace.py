"""What happened inside a translator while one target was written, where it looked, and what each token rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.core.seq import Seq
from unrolled.core.watch import watch
from unrolled.data.pair_rows import checked_text
from unrolled.data.token_rows import TokenRows
from unrolled.errors import InputError
from unrolled.models.seq2seq import Seq2Seq
from unrolled.tasks.asking import Vectors, frozen, reading_as
from unrolled.tasks.recurrent import cell_names
from unrolled.tasks.trace import Expected, Question, Side, Trace, Written
from unrolled.tasks.tracing import attended, expected, first_note, reach_within, side_of
from unrolled.tasks.translate.fitted import Fitted
from unrolled.tasks.translate.inside import reach_in
from unrolled.tasks.translate.reading import EncodedPairs, PairBatch, framed

ENCODER, DECODER = 0, 1
"""The sides."""


def trace_of(fitted: Fitted, source: Any, target: Any = None) -> Trace:
    """Return what happens while a target is written for one source: the one that is given, or the translator's own.

    Raises:
        InputError: one of them is no text, or empty.
    """
    sources, lengths = _sources(fitted, [source])
    if target is None:
        targets, (text,) = _written(fitted, sources)
    else:
        targets, text = _given(fitted, checked(target, "target")), None
    pairs = EncodedPairs(sources, targets)
    batch = pairs.batch(np.zeros(1, np.int64))
    hidden, sides = _watched(fitted, pairs, batch)
    output = () if text is None else (Written(DECODER, text),)
    return Trace(
        "translate",
        {"source": source} if target is None else {"source": source, "target": target},
        sides,
        (_expected(fitted, batch, hidden), *output, *attended(sides, DECODER, ENCODER)),
        _questions(fitted.network, batch, sides),
        first_note(int(lengths[0]), fitted.reader.max_length, "tokens of the source"),
        reach_within(sides, lambda: reach_in(fitted.network, batch)),
    )


def checked(text: Any, name: str) -> str:
    """Return a text that is one and not empty."""
    found = checked_text(text, f"the {name}")
    if not found.strip():
        raise InputError(f"the {name} is empty", expected="a text of some words")
    return found


def watched(fitted: Fitted, inputs: Iterable[Any]) -> tuple[Side, ...]:
    """Return what each cell does on many sources at once, and while their targets are written."""
    sources, _ = _sources(fitted, inputs)
    pairs = EncodedPairs(sources, _written(fitted, sources)[0])
    return _watched(fitted, pairs, pairs.batch(np.arange(len(sources))))[1]


def _sources(fitted: Fitted, given: Iterable[Any]) -> tuple[TokenRows, NDArray[np.int64]]:
    """Return the ids of sources, each of which has a token, and how many it has."""
    texts = [checked(text, "source") for text in given]
    if not texts:
        raise InputError("there is no source to read", expected="texts")
    sources, lengths = fitted.reader.sources(texts)
    if not lengths.all():
        raise InputError("no token is read of this source", expected="a text of some words")
    return sources, lengths


def _written(fitted: Fitted, sources: TokenRows) -> tuple[TokenRows, list[str]]:
    """Return what a search writes for sources, as it stands in a `PairBatch` and as texts."""
    found = [best for best, *_ in fitted.writer.write(sources, fitted.manner())]
    rows = (framed(np.array(each.tokens, np.int32), end=each.finished) for each in found)
    return TokenRows.of(rows), [fitted.text(each.tokens) for each in found]


def _given(fitted: Fitted, target: str) -> TokenRows:
    return fitted.reader.pairs([""], [target]).targets


def _watched(
    fitted: Fitted, pairs: EncodedPairs, batch: PairBatch
) -> tuple[Tensor, tuple[Side, ...]]:
    """Return what scores are made of (B, T, *), and both sides."""
    network, reader = fitted.network, fitted.reader
    with torch.no_grad(), watch(network) as seen:
        hidden, _ = network.hidden(_read(batch), network.start(batch.source))
    encoder, decoder = (
        cell_names(network, {"": layer}) for layer in (network.encoder, network.decoder)
    )
    read = [reader.source.named(row) for row in pairs.sources]
    written = [reader.target.named(row[1:]) for row in pairs.targets]
    sides = (
        side_of("encoder", read, seen, encoder),
        side_of("decoder", written, seen, decoder),
    )
    return hidden.data, sides


def _read(batch: PairBatch) -> Seq:
    """Return what the decoder reads: of every target all tokens but the last."""
    target = batch.target
    return Seq(target.data[:, :-1], target.row_lengths - 1)


def _expected(fitted: Fitted, batch: PairBatch, hidden: Tensor) -> Expected:
    @torch.no_grad()
    def log_p(some: slice) -> Tensor:
        return fitted.network.score(hidden[0, some]).log_softmax(-1)

    tokenizer = fitted.reader.target
    ids = batch.target.data[0, 1:]
    return expected(DECODER, ids, log_p, tokenizer.named, len(tokenizer))


def _questions(
    network: Seq2Seq, batch: PairBatch, sides: Sequence[Side]
) -> dict[str, Callable[[], Question]]:
    """Return for every token of the target the question what it rests on in the source."""
    asked: dict[str, Callable[[], Question]] = {}
    for place, token in enumerate(sides[DECODER].steps[0]):
        of = f"step {place + 1}: {token}"
        asked[of] = partial(_question, network, batch, sides[ENCODER].steps[0], of, place)
    return asked


def _question(
    network: Seq2Seq, batch: PairBatch, labels: Sequence[str], of: str, place: int
) -> Question:
    """Return the question what the log-probability of one token rests on, those before it being written."""
    table = network.target if network.source is None else network.source
    source, target = batch.source.data, batch.target.data
    token = int(target[0, place + 1])

    def score(vectors: Tensor) -> Tensor:
        rows = len(vectors)
        with frozen(network):
            # Not while the target is read, which may be looked up in the same table.
            with reading_as([table], [vectors]):
                state = network.start(Seq(source.expand(rows, -1)))
            hidden, _ = network.hidden(Seq(target[:, : place + 1].expand(rows, -1)), state)
            return network.score(hidden.data[:, -1]).log_softmax(-1)[:, token]

    vectors = Vectors.read([(table, 1)], lambda: network.encode(Seq(source)))
    return vectors.question(of, "log-probability", ENCODER, labels, score)
