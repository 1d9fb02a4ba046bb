"""The fixed words of pages and tables, in English and Chinese.

What a user named (a series, a column) is a plain string and stays as it is. What this package says itself is a
:class:`Phrase`, which is put into words only when a page is written, so the language is named once, by the page.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from unrolled.errors import unknown_option
from unrolled.view.chinese import CHINESE
from unrolled.view.english import ENGLISH
from unrolled.view.generate_words import GENERATE_CHINESE, GENERATE_ENGLISH

DICTIONARY: Mapping[str, Mapping[str, str]] = {
    "en": {**ENGLISH, **GENERATE_ENGLISH},
    "zh": {**CHINESE, **GENERATE_CHINESE},
}
"""language -> key -> words."""

Say = Callable[["Text"], str]
"""Puts a text into the words of one language."""


@dataclass(frozen=True)
class Phrase:
    """A fixed sentence by its key in the dictionary, and what stands in its gaps."""

    key: str
    values: Mapping[str, Text] = field(default_factory=dict)


Text = str | Phrase


def phrase(key: str, **values: Text) -> Phrase:
    """Return the phrase ``key``; gaps may hold strings or further phrases.

    >>> say(phrase("steps_back", count="12"), "zh")
    '12 步之前'
    """
    return Phrase(key, values)


def say(text: Text, language: str = "en") -> str:
    """Return ``text`` in ``language`` ("en" or "zh"); a plain string comes back as it is.

    Raises:
        OptionError: there is no such language.
    """
    if isinstance(text, str):
        return text
    words = DICTIONARY.get(language)
    if words is None:
        raise unknown_option("language", language, DICTIONARY)
    gaps = {name: say(value, language) for name, value in text.values.items()}
    return string.Formatter().vformat(words[text.key], (), gaps)


def speaker(language: str) -> Say:
    """Return the function that says any text in ``language``.

    Raises:
        OptionError: there is no such language.
    """
    if language not in DICTIONARY:
        raise unknown_option("language", language, DICTIONARY)
    return lambda text: say(text, language)


def listed(texts: list[Text]) -> Text:
    """Join texts to one list, with the separator of the language.

    >>> say(listed(["MAE", "MASE", "CRPS"]), "zh")
    'MAE、MASE、CRPS'
    """
    if len(texts) == 1:
        return texts[0]
    return phrase("list", first=texts[0], rest=listed(texts[1:]))


def known_phrase(key: str, otherwise: str) -> Text:
    """Return the phrase ``key`` where the dictionary has it, else the string ``otherwise``.

    >>> say(known_phrase("method.naive", "naive"), "zh"), known_phrase("method.mine", "mine")
    ('朴素法', 'mine')
    """
    return Phrase(key) if key in DICTIONARY["en"] else otherwise
