"""What happened inside a classifier on one row, the probabilities as it is read, and what each class rests on."""

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
from unrolled.data.number_rows import NumberRows
from unrolled.data.pair_rows import checked_text
from unrolled.data.token_rows import TokenRows
from unrolled.data.tokenizer import UNKNOWN
from unrolled.errors import InputError
from unrolled.models.classifier import ReadNumbers
from unrolled.tasks.asking import Vectors, frozen, log_odds, reading_as, tables_in
from unrolled.tasks.classify.fitted import Fitted
from unrolled.tasks.classify.inside import cells_of, reach_in
from unrolled.tasks.classify.reading import LabelledBatch, steps_of
from unrolled.tasks.classify.training import class_scores_of
from unrolled.tasks.sequences import Encoded, sequences
from unrolled.tasks.trace import Array, Probabilities, Question, Side, Trace
from unrolled.tasks.tracing import cut_note, reach_within, side_of, unknown_note

MOST_PLACES = 200
"""Steps after which the probabilities are taken, of a network that has to read the row anew for each of them."""
MOST_STEPS = 2_048
"""Steps that such a network reads for that in all."""


def trace_of(fitted: Fitted, given: Any) -> Trace:
    """Return what happens on one text, or one sequence of numbers.

    Raises:
        InputError: it is no such thing, or nothing is read of it.
        ShapeError: its steps have other features than those trained on.
    """
    row = checked(fitted, given)
    encoded, lengths = fitted.reader.read([row])
    if not len(encoded[0]):
        raise InputError("no token is read of this text", expected="a text of some words")
    xs, names = sequences(encoded, np.zeros(1, np.int64)), _named(fitted, row)
    with torch.no_grad(), watch(fitted.network) as seen:
        scores = fitted.network(xs)[0].data[0] if fitted.network.causal else None
        if scores is None:
            fitted.network.classify(xs)
    side = side_of("", [names], seen, cells_of(fitted.network))
    at, values = _as_it_is_read(fitted, encoded, scores)
    answer = int(values[-1].argmax())
    order = [answer, *(place for place in range(len(fitted.classes)) if place != answer)]
    is_text = fitted.reader.tokenizer is not None
    labels = torch.tensor([answer])
    return Trace(
        "classify",
        {"text": row} if is_text else {"values": row.tolist()},
        (side,),
        (Probabilities(0, fitted.classes, values, at, answer),),
        {fitted.classes[k]: partial(_question, fitted, xs, names, k) for k in order},
        cut_note(int(lengths[0]), fitted.reader.max_length)
        + (unknown_note(encoded[0] == UNKNOWN) if is_text else ()),
        reach_within([side], lambda: reach_in(fitted.network, LabelledBatch(xs, labels))),
    )


def checked(fitted: Fitted, given: Any) -> Any:
    """Return a text, or a sequence of numbers as an array (T, F), that is one and has a step."""
    if fitted.reader.tokenizer is None:
        steps = steps_of(given, fitted.form.features, "the sequence")
        if not len(steps):
            raise InputError("the sequence has no step", expected="numbers, one for each step")
        return steps
    text = checked_text(given, "the text")
    if not text.strip():
        raise InputError("the text is empty", expected="a text of some words")
    return text


def watched(fitted: Fitted, inputs: Iterable[Any]) -> tuple[Side, ...]:
    """Return what each cell does on many rows at once."""
    rows = [checked(fitted, given) for given in inputs]
    if not rows:
        raise InputError("there is no row to read", expected="texts, or sequences of numbers")
    encoded = fitted.reader.encode(rows)
    with torch.no_grad(), watch(fitted.network) as seen:
        fitted.network.classify(sequences(encoded, np.arange(len(rows))))
    names = [_named(fitted, row) for row in rows]
    return (side_of("", names, seen, cells_of(fitted.network)),)


def _named(fitted: Fitted, given: Any) -> list[str]:
    """Return what each step that is read of a row is called."""
    tokenizer = fitted.reader.tokenizer
    if tokenizer is None:
        names = [str(step + 1) for step in range(len(given))]
    else:
        names = tokenizer.legible(given)
    kept: list[str] = fitted.reader.cut(np.array(names, dtype=object)).tolist()
    return kept


def _as_it_is_read(
    fitted: Fitted, encoded: Encoded, scores: Tensor | None
) -> tuple[NDArray[np.int64], Array]:
    """Return after which steps, and the probabilities there; ``scores`` (T, C) are those of one pass, if that gave them."""
    row = encoded[0]
    if scores is not None:
        return np.arange(len(row)), _probabilities(fitted, scores.double())
    # Read anew, the beginnings of a row have half as many steps as it has itself.
    count = min(len(row), MOST_PLACES, max(2, 2 * MOST_STEPS // (len(row) + 1)))
    at = np.unique(np.linspace(0, len(row) - 1, count).round().astype(np.int64))
    parts = [row[: place + 1] for place in at.tolist()]
    ends = np.concatenate(([0], np.cumsum(at + 1)))
    values = np.concatenate(parts)
    begun = NumberRows(values, ends) if isinstance(encoded, NumberRows) else TokenRows(values, ends)
    return at, _probabilities(fitted, class_scores_of(fitted.network, begun))


def _probabilities(fitted: Fitted, scores: Tensor) -> Array:
    found: Array = (scores / fitted.temperature).softmax(-1).numpy()
    return found


def _question(fitted: Fitted, xs: Seq, labels: Sequence[str], one: int) -> Question:
    """Return the question what the log-odds of one class rest on."""
    network, name = fitted.network, fitted.classes[one]
    if isinstance(network.read, ReadNumbers):

        def of_numbers(numbers: Tensor) -> Tensor:
            with frozen(network):
                return log_odds(network.classify(Seq(numbers)) / fitted.temperature, one)

        steps = xs.data
        blank = network.read.mean.expand_as(steps)
        return _of_numbers(name, labels, steps, blank, of_numbers)
    read = tables_in(network.read)
    vectors = Vectors.read([(table, 1) for table in read], lambda: network.recurrent_scores(xs))
    if network.ngrams is not None:
        with torch.no_grad():
            grams = network.ngrams.parts(xs)
        vectors = vectors.beside(grams, tuple(range(1, network.ngrams.order + 1)))

    def of_vectors(read_as: Tensor, *grams: Tensor) -> Tensor:
        ids = xs.data.expand(len(read_as), -1)
        with frozen(network), reading_as(read, [read_as]):
            scores = network.recurrent_scores(Seq(ids))
        scores = scores + sum(each.sum((1, 2)) for each in grams)
        return log_odds(scores / fitted.temperature, one)

    return vectors.question(name, "log-odds", 0, labels, of_vectors)


def _of_numbers(
    name: str,
    labels: Sequence[str],
    steps: Tensor,
    blank: Tensor,
    score: Callable[[Tensor], Tensor],
) -> Question:
    def without(place: int) -> tuple[Tensor]:
        blanked = steps.clone()
        blanked[0, place] = blank[0, place]
        return (blanked,)

    return Question(
        name,
        "log-odds",
        0,
        tuple(labels),
        (steps,),
        (blank,),
        score,
        lambda found: found[0][0].sum(-1),
        without,
    )
