"""Where the first sentence of a text ends."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]")
_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s|$)"  # white space after it: not the point of 2.5
    r"|[。！？．｡।؟]+[”’」』）》\"']*"
    r"|\n\s*\n"
)
_LAST_WORD = re.compile(r"\w+$")
_TITLES = frozenset(
    ("mr", "mrs", "ms", "dr", "st", "prof", "gen", "sen", "rep", "gov", "col", "lt", "sgt", "capt")
)
_NEAR = 20


def first_sentence(text: str) -> str | None:
    """Return the first sentence of a text, without white space around it; None where no sentence ends.

    It ends at . ! ? or … before white space, at 。！？ and their like anywhere, or at an empty line, with the
    quotes and brackets that close there. A point ends none before a small letter, after a single letter
    (U.S., J. Doe), a number of one or two digits (3. Mai) or a title (Dr.).

    >>> first_sentence("The U.S. said it would pay Mr. Doe 2.5 mln. He was glad.")
    'The U.S. said it would pay Mr. Doe 2.5 mln.'
    >>> first_sentence("“下雨了。”他说。然后走了。"), first_sentence("a headline")
    ('“下雨了。”', None)
    """
    if (word := _WORD.search(text)) is None:
        return None
    for end in _END.finditer(text, word.start()):
        if text[end.start()] != "." or _is_end(text, end):
            return text[: end.end()].strip()
    return None


def _is_end(text: str, point: re.Match[str]) -> bool:
    after = text[point.end() : point.end() + _NEAR].lstrip()
    if not after:
        return True
    word = _LAST_WORD.search(text[max(0, point.start() - _NEAR) : point.start()])
    before = word[0].lower() if word else ""
    short = len(before) == 1 or (before.isdigit() and len(before) == 2)
    return not (after[0].islower() or short or before in _TITLES)
