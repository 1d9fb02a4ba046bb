"""Facts in few words: a row of large figures, and a table of what was configured and measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from unrolled.view.numbers import NOTHING, fixed, number
from unrolled.view.svg import escape, tag
from unrolled.view.words import Text, known_phrase, listed, phrase, speaker


@dataclass(frozen=True)
class KeyFacts:
    """What was configured and measured, by name; ``key_facts`` makes one."""

    facts: Mapping[str, object]
    title: Text = ""

    def html(self, language: str = "en") -> str:
        """Return the facts as a list of names and values, in ``language``."""
        speak = speaker(language)
        rows = [
            tag(
                "div",
                tag("dt", escape(speak(known_phrase(f"fact.{name}", name.replace("_", " "))))),
                tag("dd", escape(speak(fact_text(name, value)))),
            )
            for name, value in self.facts.items()
        ]
        title = tag("h3", escape(speak(self.title))) if self.title else ""
        return tag("div", title, tag("dl", *rows, class_="facts"), class_="block wide")


class Headline(NamedTuple):
    """One large figure, what it is, and what it is to be compared with."""

    figure: str
    label: Text
    note: Text = ""


@dataclass(frozen=True)
class Headlines:
    """A row of the few figures that a reader should take away."""

    figures: Sequence[Headline]

    def html(self, language: str = "en") -> str:
        """Return the figures side by side."""
        speak = speaker(language)
        items = [
            tag(
                "li",
                tag("span", escape(speak(item.label)), class_="label"),
                tag("strong", escape(item.figure)),
                tag("span", escape(speak(item.note)), class_="note") if item.note else "",
            )
            for item in self.figures
        ]
        return tag("ul", *items, class_="headlines block wide")


def key_facts(facts: Mapping[str, object], *, title: Text = "") -> KeyFacts:
    """Return a block of facts by name: configuration, seed, wall time, parameters.

    Usual names (cell, hidden_size, seed, parameters, seconds, ...) are shown in the page's language,
    others as they are. Values may be numbers, strings, booleans, None, or sequences of these; of
    ``seconds`` a duration is made.
    """
    return KeyFacts(dict(facts), title)


def fact_text(name: str, value: object) -> Text:
    """Return the words for one value.

    >>> fact_text("parameters", 12345), fact_text("seconds", 75.2)
    ('12,345', '1 min 15 s')
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return phrase("fact.yes" if value else "fact.no")
    if isinstance(value, int | float) and name.endswith("seconds"):
        return duration(float(value))
    if isinstance(value, int):
        # A seed is a name, not a quantity.
        return str(value) if name == "seed" else f"{value:,}"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple):
        return listed([fact_text(name, item) for item in value]) if value else NOTHING
    return str(value)


def duration(seconds: float) -> str:
    """Return a time in the two largest units that matter.

    >>> duration(0.042), duration(8.31), duration(4000)
    ('42 ms', '8.3 s', '1 h 6 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{fixed(seconds, 1)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"
