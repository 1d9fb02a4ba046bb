"""Text with marked spans as words with tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from unrolled.data.pair_rows import short
from unrolled.data.tag_schemes import Span, tags_of
from unrolled.data.words import Place
from unrolled.errors import InputError

_STARTS = ("start", "start_offset", "start_char", "begin")
_STOPS = ("end", "end_offset", "end_char", "stop")
_KINDS = ("label", "type", "tag", "entity_group", "entity", "labels")


def spans_as_tags(
    text: str, words: Iterable[Place], spans: Any, place: str
) -> tuple[list[str], list[str]]:
    """Return the words of a text, and IOB2 tags of its spans.

    A word in which a span begins or ends is parted there, so that tags say just what the spans do.

    Args:
        text: of the sentence.
        words: where its words begin and end.
        spans: [start, end, "LABEL"] each, or a mapping with these; in characters, the end behind the last one.
        place: for messages.

    >>> spans_as_tags("to New York-based", [(0, 2), (3, 6), (7, 17)], [[3, 11, "LOC"]], "input, row 0")
    (['to', 'New', 'York', '-based'], ['O', 'B-LOC', 'I-LOC', 'O'])

    Raises:
        InputError: a span is none, lies outside of the text, holds no word, or overlaps another.
    """
    found = sorted(_span(each, len(text), place) for each in spans)
    for one, other in pairwise(found):
        if other.start < one.stop:
            raise InputError(
                f"the spans {text[one.start : one.stop]!r} and {text[other.start : other.stop]!r} overlap",
                where=place,
                expected="one span for a word at most",
                fix="leave one of them out",
            )
    cuts = sorted({edge for span in found for edge in span[:2]})
    parts = [part for word in words for part in _cut(word, cuts)]
    starts = [start for start, _ in parts]
    marked = []
    for span in found:
        inside = [
            k for k, (start, stop) in enumerate(parts) if span.start <= start and stop <= span.stop
        ]
        if not inside:
            raise InputError(
                f"the span from {span.start} to {span.stop} holds no word",
                where=place,
                expected=_expected(len(text)),
            )
        marked.append(Span(inside[0], inside[-1] + 1, span.kind))
    return [text[start:stop] for start, stop in parts], tags_of(marked, len(starts), "iob2")


def _cut(word: Place, cuts: Sequence[int]) -> Iterator[Place]:
    start, stop = word
    for cut in cuts:
        if start < cut < stop:
            yield start, cut
            start = cut
    yield start, stop


def _span(given: Any, length: int, place: str) -> Span:
    if isinstance(given, Mapping):
        parts = [
            next((given[k] for k in names if k in given), None)
            for names in (_STARTS, _STOPS, _KINDS)
        ]
    else:
        parts = list(given) if isinstance(given, (list, tuple)) else []
    start, stop, kind = parts if len(parts) == 3 else (None, None, None)
    if isinstance(kind, (list, tuple)) and len(kind) == 1:
        kind = kind[0]
    if type(start) is not int or type(stop) is not int or not isinstance(kind, str) or not kind:
        raise InputError(f"{short(given)} is no span", where=place, expected=_expected(length))
    if not 0 <= start < stop <= length:
        raise InputError(
            f"a span from {start} to {stop}",
            where=place,
            expected=_expected(length),
            fix="count characters from 0, the end behind the last one",
        )
    return Span(start, stop, kind)


def _expected(length: int) -> str:
    return (
        f'[start, end, "LABEL"] or an object with these, within the {length} characters of the text'
    )
