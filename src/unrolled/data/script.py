"""What texts are made of: words, signs of a script without spaces, or single words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

TextForm = Literal["words", "characters", "names"]

_LOOKED_AT = 1000

UNSPACED = (
    "\u2e80-\u2fdf\u3040-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
"""Ranges of Han, kana, bopomofo; Thai, Lao, Myanmar, Khmer: written without spaces between words."""
_UNSPACED = re.compile(f"[{UNSPACED}]")
_LETTER = re.compile(r"[^\W\d_]")


def text_form(texts: Sequence[str]) -> TextForm:
    """Tell of what texts are made, from at most 1000 of them, evenly spread.

    - "characters": more than 30 % of the letters belong to scripts without spaces between words.
    - "names": at most one text in ten has more than one word; what is within the word must tell.
    - "words": all others.

    >>> text_form(["a fine film", "no"]), text_form(["房间很大", "不错"]), text_form(["Rossi", "Kim"])
    ('words', 'characters', 'names')
    """
    step = max(1, -(-len(texts) // _LOOKED_AT))
    sample = [texts[row][:2000] for row in range(0, len(texts), step)]
    letters = sum(len(_LETTER.findall(text)) for text in sample)
    unspaced = sum(len(_UNSPACED.findall(text)) for text in sample)
    if unspaced > 0.3 * letters:
        return "characters"
    words = [len(text.split()) for text in sample]
    filled = sum(count > 0 for count in words)
    return "names" if 10 * sum(count > 1 for count in words) < filled else "words"
