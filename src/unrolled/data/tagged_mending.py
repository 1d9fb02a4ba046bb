"""Tags as they are meant: of one scheme, with spans that are not broken."""

from __future__ import annotations

from collections.abc import Mapping, Set
from itertools import pairwise

from unrolled.data.pieces import Where
from unrolled.data.tag_schemes import (
    OUTSIDE,
    PLAIN,
    Neighbours,
    converted,
    is_underscored,
    marks_a_kind,
    may_follow,
    neighbours,
    scheme_of,
)
from unrolled.data.tagged_form import TaggedForm
from unrolled.errors import InputError

Tags = list[list[str]]

_NONE = "_"
"""What CoNLL-U has where nothing is said."""


def mended(
    tags: Tags, name: str, where: Where, like: TaggedForm | None, *, needs_tags: bool
) -> tuple[str, Tags, tuple[str, ...]]:
    """Return the scheme of tags, the tags with broken spans as conlleval reads them, and notes on what was changed.

    Args:
        tags: of every sentence.
        name: of their source, for messages.
        where: gives the place of a sentence.
        like: the form of a model, in whose scheme spans are written; plain tags stay as they are.
        needs_tags: they must say something.

    >>> mended([["O", "I-PER"], ["B-PER", "O"]], "a.conll", "line {}".format, None, needs_tags=True)
    ('iob2', [['O', 'B-PER'], ['B-PER', 'O']], ("a.conll: spans are broken at 1 place and mended: line 0, word 2, 'I-PER' behind 'O'",))

    Raises:
        InputError: tags are needed, and all are "_", or some mark no span and those of the model do.
    """
    found = neighbours(tags)
    distinct = {tag for _, tag in found if tag is not None}
    if distinct == {_NONE} and needs_tags:
        raise InputError(
            f"every tag is {_NONE!r}",
            where=name,
            expected="tags",
            fix='name another column: tag="NAME" (--tag NAME)',
        )
    scheme = scheme_of(found, like.scheme if like else None)
    if scheme == PLAIN and needs_tags and like and like.scheme != PLAIN:
        place, tag = _first_odd(tags, where)
        raise InputError(
            f"{tag!r} marks no span",
            where=place,
            expected=f"{like.scheme.upper()} tags, which the model was trained on",
            fix='name the column of the tags: tag="NAME" (--tag NAME)',
        )
    if scheme == PLAIN or (like and like.scheme == PLAIN):
        return PLAIN, tags, () if like else _taken_as_names(tags, distinct, name, where)
    notes = []
    meant = like.scheme if like else scheme
    if meant != scheme:
        notes.append(
            f"{name}: tags are {scheme.upper()}, and written in the model's {meant.upper()}"
        )
    if any(map(is_underscored, distinct)):
        notes.append(f"{name}: tags as B_X are written B-X")
    broken = {pair for pair in found if not may_follow(*pair, scheme)}
    if broken:
        notes.append(f"{name}: spans are broken at {_told(tags, found, broken, where)}")
    if notes:
        tags = [converted(sequence, meant) for sequence in tags]
    return meant, tags, tuple(notes)


def _taken_as_names(tags: Tags, distinct: Set[str], name: str, where: Where) -> tuple[str, ...]:
    """Return a line where tags that are no spans were likely meant to be some."""
    if distinct and all(tag.isdecimal() for tag in distinct):
        said = "are numbers, taken as names: no spans are scored; write their names for that"
        return (f"{name}: tags {said}",)
    marked = sum(map(marks_a_kind, distinct))
    if 2 * marked <= len(distinct - {OUTSIDE}):
        return ()
    place, tag = _first_odd(tags, where)
    odd = f"{tag!r} marks none" if not marks_a_kind(tag) else "their letters are of several schemes"
    return (f"{place}: tags are taken as names, no spans are scored: {odd}",)


def _first_odd(tags: Tags, where: Where) -> tuple[str, str]:
    """Return the place of the first tag that marks no span, of any scheme, and the tag; else of the first tag that does."""
    said = [
        (f"{where(row)}, word {word}", tag)
        for row, sequence in enumerate(tags)
        for word, tag in enumerate(sequence, 1)
        if tag != OUTSIDE
    ]
    return next((each for each in said if not marks_a_kind(each[1])), said[0])


def _told(
    tags: Tags, found: Mapping[Neighbours, int], broken: Set[Neighbours], where: Where
) -> str:
    """Return how many places are broken, and which is the first."""
    row, word, (before, tag) = next(
        (row, word, pair)
        for row, sequence in enumerate(tags)
        for word, pair in enumerate(pairwise([None, *sequence, None]), 1)
        if pair in broken
    )
    if tag is None:
        place = f"word {word - 1}, {before!r} at the end"
    else:
        place = f"word {word}, {tag!r} " + (f"behind {before!r}" if before else "at the beginning")
    count = sum(found[pair] for pair in broken)
    places = "1 place and mended" if count == 1 else f"{count:,} places and mended, the first"
    return f"{places}: {where(row)}, {place}"
