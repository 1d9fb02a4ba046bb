"""What happened inside a tagger on one sentence, the probabilities of its tags, and what each tag rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.core.layer import Layer
from unrolled.core.seq import Seq
from unrolled.core.tree import tree_map
from unrolled.core.watch import watch
from unrolled.data.pair_rows import short
from unrolled.errors import InputError
from unrolled.models.chain import FORBIDDEN
from unrolled.models.token_ids import UNKNOWN
from unrolled.tasks.asking import Vectors, frozen, log_odds, reading_as, tables_in
from unrolled.tasks.recurrent import cell_names
from unrolled.tasks.tag.fitted import Fitted
from unrolled.tasks.tag.inside import reach_in
from unrolled.tasks.tag.network import TagModel
from unrolled.tasks.tag.reading import TagBatch
from unrolled.tasks.trace import Note, Question, Side, Tags, Trace
from unrolled.tasks.tracing import reach_within, side_of, unknown_note


def trace_of(fitted: Fitted, given: Any, truth: Sequence[str] | None = None) -> Trace:
    """Return what happens on one sentence; of a long one, on the first of the pieces that it is read in.

    Raises:
        InputError: it is no sentence, or empty, or there are not as many true tags.
    """
    tokens, model = checked(fitted, given), fitted.model
    if truth is not None:
        _check_truth(truth, tokens)
    encoded = fitted.reader.encode([tokens])
    xs = encoded.sequences(np.zeros(1, np.int64))
    labels = tokens[: fitted.reader.max_length]
    with torch.no_grad(), watch(model) as seen:
        scores = model.scores(xs)
    best, side = model.best(scores), side_of("", [labels], seen, cells_of(model))
    input_: dict[str, Any] = {"text": given if isinstance(given, str) else tokens}
    count, first = f"{len(tokens):,}", f"{len(labels):,}"
    cut = Note(
        f"of {count} tokens the first {first} are shown: it is read in pieces",
        "pieces",
        count=count,
        first=first,
    )
    return Trace(
        "tag",
        input_ if truth is None else {**input_, "tags": list(truth)},
        (side,),
        (_tags(fitted, scores, best, truth),),
        _questions(fitted, xs, labels, best),
        ((cut,) if len(labels) < len(tokens) else ()) + unknown_note(encoded.words[0] == UNKNOWN),
        reach_within([side], lambda: reach_in(model, TagBatch(xs, best))),
    )


def _tags(fitted: Fitted, scores: Seq, best: Seq, truth: Sequence[str] | None) -> Tags:
    written = fitted.codes.written
    with torch.no_grad():
        each = fitted.model.all_probabilities(scores).data[0].double()
    return Tags(
        0,
        tuple(written),
        np.stack([each[:, codes].sum(1).numpy() for codes in written.values()], 1),
        tuple(fitted.codes.decode(best.data[0].numpy())),
        None if truth is None else tuple(truth[: len(each)]),
    )


def _questions(
    fitted: Fitted, xs: Seq, labels: Sequence[str], best: Seq
) -> dict[str, Callable[[], Question]]:
    """Return for every token the question what its tag rests on, those outside of any span last."""
    names = {code: name for name, codes in fitted.codes.written.items() for code in codes}
    asked: dict[str, Callable[[], Question]] = {}
    tags = [names[code] for code in best.data[0].tolist()]
    for place, tag in sorted(enumerate(tags), key=lambda each: each[1] == "O"):
        of = f"step {place + 1}: {tag}"
        asked[of] = partial(_question, fitted, xs, labels, of, place, tag)
    return asked


def checked(fitted: Fitted, given: Any) -> list[str]:
    """Return the tokens of a sentence that has one."""
    tokens = fitted.tokens(given)
    if not tokens:
        raise InputError("the sentence is empty", expected="a text, or a list of tokens")
    return tokens


def _check_truth(truth: Sequence[str], tokens: Sequence[str]) -> None:
    if isinstance(truth, str) or not all(isinstance(tag, str) for tag in truth):
        raise InputError(f"tags={short(truth)}", expected="a list of tags, one for each token")
    if len(truth) != len(tokens):
        raise InputError(f"{len(truth)} tags for {len(tokens)} tokens", expected="as many of both")


def cells_of(model: TagModel) -> Mapping[str, str]:
    """Return how each cell that reads tokens is called, by its path: not those that read the letters of one."""
    layers: dict[str, Layer] = {"": model.network.layer}
    if model.network.read.context is not None:
        layers["context "] = model.network.read.context
    return cell_names(model, layers)


def watched(fitted: Fitted, inputs: Iterable[Any]) -> tuple[Side, ...]:
    """Return what each cell does on many sentences at once, the first pieces of long ones."""
    sentences = [checked(fitted, given)[: fitted.reader.max_length] for given in inputs]
    if not sentences:
        raise InputError("there is no sentence to read", expected="texts, or lists of tokens")
    encoded = fitted.reader.encode(sentences)
    with torch.no_grad(), watch(fitted.model) as seen:
        fitted.model.scores(encoded.sequences(np.arange(len(sentences))))
    return (side_of("", sentences, seen, cells_of(fitted.model)),)


def _question(
    fitted: Fitted, xs: Seq, labels: Sequence[str], of: str, place: int, tag: str
) -> Question:
    """Return the question what the log-odds of a tag at one place rest on."""
    model, codes = fitted.model, fitted.codes.written[tag]
    read = model.network.read
    found = ((read.embedding, 1), (read.spelling, 1), (read.pairs, 2))
    ways = [(module, span) for module, span in found if module is not None]
    if read.context is not None:
        ways += [(table, 1) for table in tables_in(read.context)]
    modules = [module for module, _ in ways]

    def score(*vectors: Tensor) -> Tensor:
        rows = len(vectors[0])
        data = tree_map(lambda leaf: leaf.expand(rows, *leaf.shape[1:]), xs.data)
        with frozen(model), reading_as(modules, vectors):
            return _log_odds(model, model.scores(Seq(data)), place, codes)

    vectors = Vectors.read(ways, lambda: model.scores(xs))
    return vectors.question(of, "log-odds", 0, labels, score)


def _log_odds(model: TagModel, scores: Seq, place: int, codes: Sequence[int]) -> Tensor:
    """Return (B,) the log-odds of any of these tags at one place."""
    if not model.chained or model.crf is None:
        return log_odds(scores.data[:, place], codes)
    chosen = torch.zeros(model.crf.tags, dtype=torch.bool)
    chosen[list(codes)] = True
    here = (torch.arange(scores.steps) == place)[:, None]
    with_it, without = (
        model.crf.log_partition(
            scores.with_data(scores.data.masked_fill(here & left_out, FORBIDDEN))
        )
        for left_out in (~chosen, chosen)
    )
    return with_it - without
