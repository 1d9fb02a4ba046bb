"""What texts are made of: words, signs of a script without spaces, or single words; and in which script."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
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
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_JOINED_HANGUL = 8.0
"""Characters a word from which on Korean counts as written without spaces; with them it has 3 to 4."""


def text_form(texts: Sequence[str]) -> TextForm:
    """Tell of what texts are made, from at most 1000 of them, evenly spread.

    - "characters": more than 30 % of the letters belong to scripts without spaces between words.
    - "names": at most one text in ten has more than one word; what is within the word must tell.
    - "words": all others.

    >>> text_form(["a fine film", "no"]), text_form(["房间很大", "不错"]), text_form(["Rossi", "Kim"])
    ('words', 'characters', 'names')
    """
    sample = _sample(texts)
    letters = sum(len(_LETTER.findall(text)) for text in sample)
    unspaced = sum(len(_UNSPACED.findall(text)) for text in sample)
    if unspaced > 0.3 * letters:
        return "characters"
    words = [len(text.split()) for text in sample]
    filled = sum(count > 0 for count in words)
    return "names" if 10 * sum(count > 1 for count in words) < filled else "words"


def main_script(texts: Sequence[str]) -> str:
    """Name the script of texts, from at most 1000 of them: most of their letters belong to it.

    The names are Unicode's in lower case ("latin", "cyrillic", "hangul", "thai"), but "han" for Chinese and
    "japanese" where kana stand among the Han signs. Where more than 30 % of the letters belong to scripts
    without spaces between words, it is one of those. "" without a letter.

    >>> main_script(["房间很大", "wifi 不错"]), main_script(["部屋は広い"]), main_script(["Где?"]), main_script(["7"])
    ('han', 'japanese', 'cyrillic', '')
    """
    written: Counter[str] = Counter()
    unspaced: Counter[str] = Counter()
    # NFKC, as letters of full or half width are named by their width.
    for sign, count in Counter(unicodedata.normalize("NFKC", "".join(_sample(texts)))).items():
        if _LETTER.match(sign):
            name = _script_of(sign)
            written[name] += count
            if _UNSPACED.match(sign):
                unspaced[name] += count
    if unspaced["kana"] > 0.1 * unspaced["han"]:
        unspaced["japanese"] = unspaced.pop("kana") + unspaced.pop("han", 0)
    if unspaced.total() > 0.3 * written.total():
        written = unspaced
    return written.most_common(1)[0][0] if written else ""


def joined_hangul(texts: Sequence[str]) -> bool:
    """Tell whether texts are Korean without spaces between words.

    >>> joined_hangul(["방이아주넓고깨끗하다"]), joined_hangul(["방이 아주 넓고 깨끗하다"])
    (True, False)
    """
    words = [word for text in _sample(texts) for word in text.split()]
    return main_script(texts) == "hangul" and sum(map(len, words)) > _JOINED_HANGUL * len(words)


def signs_apart(text: str, hangul: bool = False) -> str:
    """Return a text with spaces around every sign of a script without spaces, and around Hangul if asked.

    >>> signs_apart("iPhone很贵").split()
    ['iPhone', '很', '贵']
    """
    apart = _UNSPACED.sub(r" \g<0> ", text)
    return _HANGUL.sub(r" \g<0> ", apart) if hangul else apart


def _script_of(letter: str) -> str:
    first = re.split("[ -]", unicodedata.name(letter, "unknown").lower(), maxsplit=1)[0]
    return _SCRIPTS.get(first, first)


_SCRIPTS = {"cjk": "han", "ideographic": "han", "hiragana": "kana", "katakana": "kana"}


def _sample(texts: Sequence[str]) -> list[str]:
    step = max(1, -(-len(texts) // _LOOKED_AT))
    return [texts[row][:2000] for row in range(0, len(texts), step)]
