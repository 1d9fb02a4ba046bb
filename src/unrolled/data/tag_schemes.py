"""Tags that mark spans: which scheme they are written in, the spans they mark, and tags of another scheme for these."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from unrolled.errors import ShapeError, unknown_option

PLAIN = "plain"
OUTSIDE = "O"


class Span(NamedTuple):
    """Some words of a sentence that belong together.

    Attributes:
        start: the first word, counted from 0.
        stop: the word behind the last.
        kind: of the span ("PER"); "" where tags have no types.
    """

    start: int
    stop: int
    kind: str


class Letters(NamedTuple):
    """How a scheme marks the first, an inner and the last word of a span, and the word of one that has no other."""

    begin: str
    inside: str
    end: str
    single: str


SCHEMES: dict[str, Letters | None] = {
    "iob2": Letters("B", "I", "I", "B"),
    "iob1": Letters("I", "I", "I", "I"),
    "bioes": Letters("B", "I", "E", "S"),
    "bmes": Letters("B", "M", "E", "S"),
    "bmewo": Letters("B", "M", "E", "W"),
    "bilou": Letters("B", "I", "L", "U"),
    PLAIN: None,
}
"""Schemes by name. IOB2 is what most call BIO, BIOES is IOBES, BMES may have O (BMESO).

In IOB1 a span begins with B only where one of the same kind ends right before it. Plain tags mark no spans.
"""

Neighbours = tuple[str | None, str | None]

_TAG = re.compile(r"([BIEMSLUW])(?:[-_](.+))?")
_ROLES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}


def recognise_scheme(tags: Iterable[Sequence[str]], prefer: str | None = None) -> str:
    """Tell the scheme in which the tags of sentences are written.

    Every tag must be O, or a letter of the scheme, with "-" or "_" before the kind or alone; otherwise they are plain.
    Of the schemes with these letters it is the one that the fewest tags break, the first of `SCHEMES` or ``prefer``
    among equal ones.

    >>> recognise_scheme([["B-PER", "I-PER", "O"]]), recognise_scheme([["I-PER", "O", "I-LOC", "B-LOC"]])
    ('iob2', 'iob1')
    >>> recognise_scheme([["S-PER", "O"]]), recognise_scheme([["B", "M", "E", "S"]]), recognise_scheme([["NOUN", "VERB"]])
    ('bioes', 'bmes', 'plain')

    Raises:
        OptionError: there is no scheme called as ``prefer``.
    """
    return scheme_of(neighbours(tags), prefer)


def neighbours(tags: Iterable[Sequence[str]]) -> Counter[Neighbours]:
    """Count which tag stands behind which, None being the edge of a sentence: all that it takes to tell the scheme.

    >>> neighbours([["O", "O"]])
    Counter({(None, 'O'): 1, ('O', 'O'): 1, ('O', None): 1})
    """
    return Counter(pair for sentence in tags for pair in pairwise([None, *sentence, None]))


def scheme_of(found: Mapping[Neighbours, int], prefer: str | None = None) -> str:
    """Tell the scheme of tags from `neighbours`, as `recognise_scheme` does."""
    distinct = {tag for _, tag in found if tag is not None}
    letters = _letters(distinct, spans=letters_of(prefer or PLAIN) is not None)
    if letters <= {OUTSIDE}:
        return prefer or PLAIN
    names = [prefer] if prefer else []
    names += [name for name in SCHEMES if name != prefer]
    fitting = [name for name in names if (its := SCHEMES[name]) and letters <= {*its, "B", OUTSIDE}]
    return min(fitting, key=lambda name: _faults(found, name), default=PLAIN)


def _faults(found: Mapping[Neighbours, int], scheme: str) -> int:
    return sum(count for pair, count in found.items() if not may_follow(*pair, scheme))


def letters_of(scheme: str) -> Letters | None:
    """Return how a scheme marks words; None for plain tags.

    Raises:
        OptionError: there is no such scheme.
    """
    if scheme not in SCHEMES:
        raise unknown_option("scheme", scheme, SCHEMES)
    return SCHEMES[scheme]


def _letters(distinct: set[str], *, spans: bool) -> set[str]:
    """Return the letters of tags, "?" among them where a tag belongs to no scheme.

    A letter alone may be a plain tag: it is one of a scheme where none has a kind, and some tags but not all are B, or
    where ``spans`` are known to be marked.
    """
    found = [_TAG.fullmatch(tag) for tag in distinct if tag != OUTSIDE]
    letters = {match[1] if match else "?" for match in found}
    with_kind = {bool(match[2]) for match in found if match}
    alone = with_kind == {False} and not (spans or ("B" in letters and len(distinct) > 1))
    return {"?"} if alone or len(with_kind) > 1 else letters | (distinct & {OUTSIDE})


def _parsed(tag: str) -> tuple[str, str]:
    """Return what a tag says of its word, B, I, E, S or O, and the kind of the span."""
    match = _TAG.fullmatch(tag)
    return (_ROLES[match[1]], match[2] or "") if match else (OUTSIDE, "")


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Return the spans that tags of any scheme mark, those of broken sequences too, as conlleval reads them.

    A span begins at B and S, at I and E behind O, behind the end of another or behind another kind, and goes on over I
    and E of its kind; it ends at E and S, and before whatever does not go on with it. Plain tags mark none.

    Tjong Kim Sang & De Meulder (2003), Introduction to the CoNLL-2003 shared task.

    >>> spans_of(["B-PER", "I-PER", "O", "I-LOC", "I-PER"])
    [Span(start=0, stop=2, kind='PER'), Span(start=3, stop=4, kind='LOC'), Span(start=4, stop=5, kind='PER')]
    """
    spans: list[Span] = []
    start, kind, is_open = 0, "", False
    for place, tag in enumerate(tags):
        role, its_kind = _parsed(tag)
        goes_on = is_open and role in "IE" and its_kind == kind
        if is_open and not goes_on:
            spans.append(Span(start, place, kind))
            is_open = False
        if role == OUTSIDE:
            continue
        if not goes_on:
            start, kind, is_open = place, its_kind, True
        if role in "ES":
            spans.append(Span(start, place + 1, kind))
            is_open = False
    if is_open:
        spans.append(Span(start, len(tags), kind))
    return spans


def tags_of(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """Write spans as the tags of a sentence.

    Args:
        spans: in any order.
        length: words of the sentence.
        scheme: which tags to write.

    >>> tags_of([Span(0, 3, "ORG"), Span(4, 5, "PER")], 5, "bioes")
    ['B-ORG', 'I-ORG', 'E-ORG', 'O', 'S-PER']

    Raises:
        OptionError: there is no such scheme, or its tags are plain.
        ShapeError: spans overlap, hold no word, or go beyond the sentence.
    """
    letters = letters_of(scheme)
    if letters is None:
        raise unknown_option("scheme", scheme, [name for name, marks in SCHEMES.items() if marks])
    tags, before = [OUTSIDE] * length, Span(0, 0, "")
    for span in sorted(spans):
        if not before.stop <= span.start < span.stop <= length:
            raise ShapeError(
                f"a span from word {span.start} to {span.stop}",
                expected=f"spans of at least a word within the {length} of the sentence, none in another",
            )
        for place in range(span.start, span.stop):
            tags[place] = _tag(letters.inside, span.kind)
        tags[span.stop - 1] = _tag(letters.end, span.kind)
        adjacent = before.stop == span.start and before.kind == span.kind and span.start > 0
        first = letters.begin if span.stop - span.start > 1 else letters.single
        tags[span.start] = _tag("B" if scheme == "iob1" and adjacent else first, span.kind)
        before = span
    return tags


def _tag(letter: str, kind: str) -> str:
    return f"{letter}-{kind}" if kind else letter


def converted(tags: Sequence[str], scheme: str) -> list[str]:
    """Write the tags of a sentence in another scheme, or a broken sequence as its own scheme writes it.

    Plain tags stay as they are.

    >>> converted(["I-PER", "I-PER", "B-PER", "O"], "bmes"), converted(["O", "I-PER"], "iob2")
    (['B-PER', 'E-PER', 'S-PER', 'O'], ['O', 'B-PER'])

    Raises:
        OptionError: there is no such scheme.
    """
    return list(tags) if letters_of(scheme) is None else tags_of(spans_of(tags), len(tags), scheme)


def may_follow(before: str | None, tag: str | None, scheme: str) -> bool:
    """Tell whether a tag may stand behind another in an unbroken sequence; None is the edge of the sentence.

    >>> may_follow("B-PER", "I-LOC", "iob2"), may_follow("B-PER", None, "bioes"), may_follow(None, "I-PER", "iob1")
    (False, False, True)

    Raises:
        OptionError: there is no such scheme.
    """
    letters = letters_of(scheme)
    if letters is None:
        return True
    (last, last_kind), (first, kind) = _parsed(before or OUTSIDE), _parsed(tag or OUTSIDE)
    same = last != OUTSIDE and last_kind == kind
    if scheme == "iob1":
        return first != "B" or same
    if scheme == "iob2":
        return first != "I" or same
    is_open, goes_on = last in "BI", first in "IE"
    return is_open == goes_on and (same or not is_open)


def marks_a_kind(tag: str) -> bool:
    """Tell whether a tag marks a span of some kind, whatever its scheme.

    >>> marks_a_kind("B-PER"), marks_a_kind("B"), marks_a_kind("NOUN")
    (True, False, False)
    """
    match = _TAG.fullmatch(tag)
    return match is not None and match[2] is not None


def is_underscored(tag: str) -> bool:
    """Tell whether "_" stands where "-" does ("B_PER").

    >>> is_underscored("B_PER"), is_underscored("B-PER_X")
    (True, False)
    """
    return tag[1:2] == "_" and _TAG.fullmatch(tag) is not None
