"""How well sentences are tagged: the share of right tags, and the spans found where tags mark some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from unrolled.data.tag_schemes import Span, letters_of, spans_of
from unrolled.errors import ShapeError

Tags = Sequence[Sequence[str]]


class TypeScores(NamedTuple):
    """How the spans of one type were found; shares from 0 to 1.

    Attributes:
        precision: the share of the predicted spans that are right.
        recall: the share of the spans of the reference that were predicted.
        f1: their harmonic mean.
        support: spans of the reference.
        predicted: spans predicted.
    """

    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


def span_scores(reference: Tags, predicted: Tags, scheme: str) -> dict[str, float]:
    """Score the tags of N sentences; every figure from 0 to 1, more is better.

    - ``accuracy`` = the share of the words with the right tag.
    - ``span_precision`` = right spans / predicted spans, ``span_recall`` = right spans / spans of the reference and
      ``span_f1`` = 2 P R / (P + R), over all types and sentences together. A span is right when its first word, its last
      and its type are (Tjong Kim Sang & De Meulder 2003); sequences that are broken are read as conlleval does, see
      :func:`unrolled.data.tag_schemes.spans_of`. Where there is nothing to divide by, it is 0. Plain tags have none of these.

    The counts are nervaluate's, strict (Segura-Bedmar, Martínez & Herrero-Zazo 2013, SemEval task 9.1).

    Args:
        reference: (N) sequences of T_i tags.
        predicted: the same.
        scheme: of the tags, a name of :data:`unrolled.data.tag_schemes.SCHEMES`.

    Returns:
        The figures by name, in the order above.

    Raises:
        OptionError: there is no such scheme.
        ShapeError: there are not as many sentences, or tags in one, or nothing to score.

    >>> span_scores([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "O", "O", "B-LOC"]], "iob2")
    {'accuracy': 0.75, 'span_precision': 0.5, 'span_recall': 0.5, 'span_f1': 0.5}
    """
    right, words = _right_tags(reference, predicted)
    scores = {"accuracy": right / words}
    if letters_of(scheme) is not None:
        overall = _scored(*map(Counter.total, _counts(reference, predicted)))
        scores |= {f"span_{name}": getattr(overall, name) for name in ("precision", "recall", "f1")}
    return scores


def type_scores(reference: Tags, predicted: Tags, scheme: str) -> dict[str, TypeScores]:
    """Score the spans of each type by itself, as :func:`span_scores` does all; the most frequent of the reference first.

    Raises:
        OptionError: there is no such scheme.
        ShapeError: as :func:`span_scores`.

    >>> type_scores([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "O", "O", "B-LOC"]], "iob2")["LOC"]
    TypeScores(precision=1.0, recall=1.0, f1=1.0, support=1, predicted=1)
    """
    _right_tags(reference, predicted)
    if letters_of(scheme) is None:
        return {}
    right, given, wanted = _counts(reference, predicted)
    kinds = sorted(given | wanted, key=lambda kind: (-wanted[kind], kind))
    return {kind: _scored(right[kind], given[kind], wanted[kind]) for kind in kinds}


def _right_tags(reference: Tags, predicted: Tags) -> tuple[int, int]:
    """Return how many tags are right, and how many there are.

    Raises:
        ShapeError: they do not fit together, or there is none.
    """
    if len(reference) != len(predicted):
        raise ShapeError(
            f"tags of {len(predicted)} sentences were predicted",
            expected=f"{len(reference)}, one sequence for each of the reference",
        )
    right = words = 0
    for row, (wanted, given) in enumerate(zip(reference, predicted, strict=True)):
        if len(wanted) != len(given):
            raise ShapeError(
                f"{len(given)} tags were predicted",
                where=f"row {row}",
                expected=f"{len(wanted)}, one for each of the reference",
            )
        right += sum(map(str.__eq__, wanted, given))
        words += len(wanted)
    if not words:
        raise ShapeError("there is nothing to score: no word", fix="give sentences with tags")
    return right, words


def _counts(reference: Tags, predicted: Tags) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return by type how many spans are right, predicted, and of the reference."""
    from nervaluate.entities import Entity
    from nervaluate.strategies import StrictEvaluation

    right, given, wanted = Counter[str](), Counter[str](), Counter[str]()
    strict = StrictEvaluation()
    for tags, answer in zip(reference, predicted, strict=True):
        for spans, found in _apart(spans_of(tags), spans_of(answer)):
            wanted.update(span.kind for span in spans)
            given.update(span.kind for span in found)
            if spans and found:
                sides = [
                    [Entity(kind, start, stop - 1) for start, stop, kind in side]
                    for side in (spans, found)
                ]
                _, places = strict.evaluate(*sides, tags=[])
                right.update(found[place].kind for _, place in places.correct_indices)
    return right, given, wanted


def _apart(spans: list[Span], found: list[Span]) -> Iterator[tuple[list[Span], list[Span]]]:
    """Yield spans of both sides that overlap, directly or through others, together, and all others by themselves.

    nervaluate compares each with each, of which a text in one sentence has too many.
    """
    group: tuple[list[Span], list[Span]] = [], []
    stop = 0
    for span, side in sorted([*((each, 0) for each in spans), *((each, 1) for each in found)]):
        if span.start >= stop:
            yield group
            group = [], []
        group[side].append(span)
        stop = max(stop, span.stop)
    yield group


def _scored(right: int, given: int, wanted: int) -> TypeScores:
    from nervaluate.entities import EvaluationResult

    result = EvaluationResult(correct=right, spurious=given - right, missed=wanted - right)
    result.compute_metrics()
    figures = (float(result.precision), float(result.recall), float(result.f1))
    return TypeScores(*figures, support=wanted, predicted=given)
