"""Texts that a model wrote by itself, what they copy from the training text marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unrolled.view.compared import script_of
from unrolled.view.figure import figure, paragraph
from unrolled.view.numbers import number
from unrolled.view.svg import escape, tag
from unrolled.view.words import Say, Text, phrase, speaker

if TYPE_CHECKING:
    from unrolled.tasks.generate.outcome import Completion, Samples

SHOWN = 3
"""Texts that are shown of each temperature."""
MOST = 1_000
"""Characters that are shown of a text."""


@dataclass(frozen=True)
class WrittenTexts:
    """Some samples of each temperature."""

    samples: Sequence[Samples]

    def html(self, language: str = "en") -> str:
        """Return the samples in ``language``."""
        speak = speaker(language)
        parts = []
        for some in self.samples:
            title = phrase("samples.temperature", temperature=number(some.temperature))
            parts.append(tag("h3", escape(speak(title))))
            items = [_item(each, speak) for each in some.completions[:SHOWN]]
            parts.append(tag("ol", *items, class_="mistakes written"))
        told = any(each.copied is not None for some in self.samples for each in some.completions)
        note = phrase("samples.note" if told else "samples.note_untold")
        return figure("", [speak(note)], "".join(parts), "", "wide")


def _item(each: Completion, speak: Say) -> str:
    whole = each.prompt + each.text
    quote = tag(
        "p", _marked(each), class_="quote", dir="auto", lang=script_of(whole) or None
    ) if whole else tag("p", escape(speak(phrase("mistakes.empty"))), class_="note")  # fmt: skip
    said: list[Text] = []
    if each.copied is not None and each.text:
        said.append(_copied(each))
    if not each.finished:
        said.append(phrase("samples.unfinished"))
    return tag("li", quote, paragraph([" · ".join(map(speak, said))] if said else []))


def _copied(each: Completion) -> Text:
    assert each.copied is not None
    if not each.copied.characters:
        return phrase("samples.copied_none")
    return phrase(
        "samples.copied",
        characters=str(each.copied.characters),
        total=f"{len(each.text):,}",
        source=" ".join(each.copied.source.split()),
    )


def _marked(each: Completion) -> str:
    """Return the text with its run marked; of a long one the beginning."""
    text = each.text if len(each.text) <= MOST else f"{each.text[:MOST]}…"
    run = "" if each.copied is None else each.copied.text
    start = text.find(run) if run else -1
    prompt = tag("b", escape(each.prompt)) if each.prompt else ""
    if start < 0:
        return prompt + escape(text)
    end = start + len(run)
    return prompt + escape(text[:start]) + tag("mark", escape(text[start:end])) + escape(text[end:])
