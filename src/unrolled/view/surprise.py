"""Texts whose tokens are coloured by how unlikely a model held them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile, groupby
from typing import TYPE_CHECKING

import numpy as np

from unrolled.view.compared import script_of
from unrolled.view.figure import figure, paragraph
from unrolled.view.numbers import number
from unrolled.view.svg import escape, tag
from unrolled.view.words import phrase, speaker

if TYPE_CHECKING:
    from unrolled.tasks.generate.outcome import Passage

LEVELS = 8
_MOST = 0.99
"""The quantile of the nats at which the colour is strongest: one token that was held impossible would pale all others."""


@dataclass(frozen=True)
class SurprisingTexts:
    """Passages, the stronger coloured the more nats a token cost."""

    passages: Sequence[Passage]

    def html(self, language: str = "en") -> str:
        """Return the passages in ``language``, the colours explained above them."""
        speak = speaker(language)
        nats = np.concatenate([passage.nats for passage in self.passages]).astype(np.float64)
        most = max(float(np.quantile(nats, _MOST)), 1e-9)
        items = [
            tag(
                "li",
                tag(
                    "p",
                    _coloured(passage, most),
                    class_="quote",
                    dir="auto",
                    lang=script_of("".join(passage.tokens)) or None,
                ),
                paragraph([passage.where]),
            )
            for passage in self.passages
        ]
        said = speak(phrase("surprise.key", low="0", high=number(most, 2)))
        scale = "".join(tag("span", class_=f"on{level}") for level in range(1, LEVELS + 1))
        key = tag("p", tag("span", scale, class_="scale"), f" {escape(said)}", class_="note")
        whole = tag("ol", *items, class_="mistakes written")
        note = [speak(phrase("surprise.note"))]
        return figure(
            speak(phrase("surprise.title")),
            note,
            tag("div", key, whole, class_="surprise"),
            "",
            "wide",
        )


def _coloured(passage: Passage, most: float) -> str:
    """Return the tokens from the first that is seen on as markup; those beside each other of one colour are one element."""
    levels = levels_of(passage.nats, most)
    parts = []
    shown = dropwhile(lambda pair: not pair[1].strip(), zip(levels, passage.tokens, strict=True))
    for level, pairs in groupby(shown, key=lambda pair: pair[0]):
        text = escape("".join(token for _, token in pairs))
        if text:
            parts.append(tag("span", text, class_=f"on{level}") if level else text)
    return "".join(parts)


def levels_of(nats: Sequence[float] | np.ndarray, most: float) -> list[int]:
    """Return the colour of each token: 0 for a token that was as good as certain, to 8 from ``most`` nats on.

    >>> levels_of([0.0, 1.0, 4.0, 9.0], most=4.0)
    [0, 2, 8, 8]
    """
    share = np.clip(np.asarray(nats, dtype=np.float64) / most, 0.0, 1.0)
    found: list[int] = np.rint(LEVELS * share).astype(int).tolist()
    return found
