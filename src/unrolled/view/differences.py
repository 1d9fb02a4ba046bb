"""What two texts do not share: whole words where words are parted by spaces, characters where they are not."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

Span = tuple[int, int]
"""Where a piece of a text begins, and where it ends."""

_JOINER = "\u200d"  # between the parts of one emoji
_UNSPACED = ("\u0e00", "\u0eff"), ("\u1000", "\u109f"), ("\u1780", "\u17ff")
"""Thai and Lao, Burmese, Khmer: no wider than Latin letters, and written without spaces."""


def pieces(text: str) -> list[Span]:
    """Return the words, signs and unspaced characters of ``text``; accents stay with their letters, spaces are no piece.

    >>> [text[a:b] for text in ["it's 3 cats，两只猫"] for a, b in pieces(text)]
    ['it', "'", 's', '3', 'cats', '，', '两', '只', '猫']
    """
    found: list[Span] = []
    before = " "
    for at, character in enumerate(text):
        kind = _kind(character)
        if kind == "space":
            before = kind
            continue
        joined = kind == "joined" or text[at - 1 : at] == _JOINER
        if found and before != "space" and (joined or kind == before == "letter"):
            found[-1] = (found[-1][0], at + 1)
            continue
        found.append((at, at + 1))
        before = kind
    return found


def differences(reference: str, hypothesis: str) -> tuple[list[Span], list[Span]]:
    """Return what of ``reference`` is missing from ``hypothesis``, and what ``hypothesis`` has instead or besides.

    Pieces side by side are one span, with the spaces between them.

    >>> differences("a red ball", "a ball rolls")
    ([(2, 5)], [(7, 12)])
    """
    wanted, given = pieces(reference), pieces(hypothesis)
    matcher = SequenceMatcher(
        None,
        [reference[a:b] for a, b in wanted],
        [hypothesis[a:b] for a, b in given],
        autojunk=False,
    )
    changed = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return (
        list(_spans(wanted, ((start, end) for _, start, end, _, _ in changed))),
        list(_spans(given, ((start, end) for _, _, _, start, end in changed))),
    )


def _spans(places: list[Span], ranges: Iterable[Span]) -> Iterable[Span]:
    for start, end in ranges:
        if start < end:
            yield places[start][0], places[end - 1][1]


def _kind(character: str) -> str:
    """Return "space", "letter" (of a word), "joined" (to what stands before it) or "alone"."""
    category = unicodedata.category(character)
    if character.isspace():
        return "space"
    if category[0] == "M" or character == _JOINER:
        return "joined"
    wide = unicodedata.east_asian_width(character) in "WF"
    if wide or category[0] in "PS" or any(low <= character <= high for low, high in _UNSPACED):
        return "alone"
    return "letter"
