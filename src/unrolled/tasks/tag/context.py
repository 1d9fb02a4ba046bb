"""What a language model of characters gives a tagger: the context of every character."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unrolled.core.compose import Stack
from unrolled.data.tagged_form import TaggedForm
from unrolled.data.words import WORDS
from unrolled.errors import InputError, OptionError
from unrolled.tasks.generate.network import saved_name
from unrolled.tasks.start import Start
from unrolled.tasks.tag.vocabulary import FIRST, Vocabulary

CHARACTERS = "characters"


def checked_start(given: Any, options: Mapping[str, Any]) -> Start | None:
    """Return the start that is given, where a tagger can begin with it.

    Raises:
        OptionError: it is no language model of characters, or an option is for words.
        ModelFileError: there is no Generator in the folder.
        InputError: the Generator is not fitted.
    """
    start = Start.of(given)
    if start is None or start is given:
        return start
    if start.settings.units != CHARACTERS:
        raise OptionError(
            f"start={start.source!r}, whose units are {start.settings.units}",
            expected="a language model of characters, each of which is then tagged",
            fix=f'train one with units="{CHARACTERS}" (--units {CHARACTERS})',
        )
    if saved_name(start.cell) is None:
        raise OptionError(
            f"start={start.source!r}, whose cell is your own", expected="a cell of unrolled's"
        )
    for name in ("characters", "lowercase", "vocabulary"):
        if options.get(name):
            raise OptionError(
                f"{name}={options[name]!r} with the language model {start.source}",
                expected="its characters as they are",
                fix="leave it out",
            )
    return start


def refuse_words(start: Start | None, form: TaggedForm) -> None:
    """Raise an InputError where tags stand for words."""
    if start is not None and form.units == WORDS:
        raise InputError(
            f"tags stand for words, and the language model {start.source} reads characters",
            expected="a tag for each character, as in Chinese",
            fix="leave start out (--from)",
        )


def characters_of(start: Start) -> Vocabulary:
    """Return the characters that the language model knows, under its numbers."""
    return Vocabulary(tuple(start.tokenizer.vocabulary()[FIRST:]))


def context_of(start: Start | None) -> Stack | None:
    """Return what reads characters and gives the context of each: embedding and layers of the language model."""
    return None if start is None else Stack(*start.body())
