"""Shortening what users wrote: text of any script, cut where a reader can bear it."""

from __future__ import annotations

import unicodedata

GAP = " … "
_JOINER, _MARKS = "\u200d", ("Mn", "Me", "Mc", "Sk")
_LONGEST = 16  # characters that one character on the page may be made of; a letter under more accents is cut
_BACK_TO_A_SPACE = 20  # characters given up so that a word stays whole


def shortened(text: str, most: int = 300) -> str:
    r"""Return ``text`` on one line, at most ``most`` wide, with its beginning and its end where it is longer.

    An East Asian character is two wide. Two thirds are the beginning; the end is kept because reviews and letters
    often say there what they mean. Accents, emoji of several parts and, where there are spaces, words stay whole.

    >>> shortened("one  two\nthree"), shortened("the first words and then the last ones", 24)
    ('one two three', 'the first … ones')
    """
    line = " ".join(text.split())
    if _width(line) <= most:
        return line
    room = most - len(GAP)
    head = _fitting(line, room - room // 3)
    tail = len(line) - _fitting(line[::-1], room // 3)
    return line[: _cut_back(line, head)].rstrip() + GAP + line[_cut_forward(line, tail) :].lstrip()


def name_of(label: str, most: int = 28) -> str:
    """Return a class label short enough to head a row or a column: only its beginning.

    >>> name_of("positive"), name_of("a label that is a whole sentence", 16)
    ('positive', 'a label that is…')
    """
    line = " ".join(label.split())
    if _width(line) <= most:
        return line
    return line[: _whole(line, _fitting(line, most - 1))].rstrip() + "…"


def is_wide(text: str) -> bool:
    """Return whether ``text`` holds East Asian characters.

    >>> is_wide("positive"), is_wide("差评")
    (False, True)
    """
    return _width(text) > len(text)


def _width(text: str) -> int:
    return sum(map(_width_of, text))


def _width_of(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitting(text: str, room: int) -> int:
    """Return how many characters from the start of ``text`` fit into ``room``."""
    used = 0
    for count, character in enumerate(text):
        used += _width_of(character)
        if used > room:
            return count
    return len(text)


def _cut_back(text: str, cut: int) -> int:
    space = text.rfind(" ", max(cut - _BACK_TO_A_SPACE, 0), cut + 1)
    return space if space > 0 else _whole(text, cut)


def _cut_forward(text: str, cut: int) -> int:
    if text[cut - 1] == " ":
        return cut
    space = text.find(" ", cut, cut + _BACK_TO_A_SPACE)
    return space if space > 0 else _whole(text, cut)


def _whole(text: str, cut: int) -> int:
    """Return the nearest place at or before ``cut`` that parts no accent from its letter and no joined emoji."""
    for at in range(cut, max(cut - _LONGEST, 0), -1):
        joined = _JOINER in text[at - 1 : at + 1]
        if not joined and unicodedata.category(text[at : at + 1] or " ") not in _MARKS:
            return at
    return cut
