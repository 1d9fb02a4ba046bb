"""Small trained models of every task, and what each is shown with."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.inside.test_equation import Leaky
from tests.tasks import labelled_rows, tagged_rows, test_forecast, text_pairs, written_texts
from unrolled.inside.look import Look, look


@dataclass(frozen=True)
class Shown:
    """A model, an input, another one that replaces it, a corpus, and options of its trace."""

    model: Any
    given: tuple[Any, ...]
    edited: str | None
    corpus: Any
    options: dict[str, Any] = field(default_factory=dict)

    def look(self) -> Look:
        return look(self.model, *self.given, corpus=self.corpus, title="small", **self.options)


@cache
def shown(name: str) -> Shown:
    """Return a model by the name of its task, "numbers", "transformer", or "own cell"."""
    if name in ("classify", "own cell"):
        texts, labels = labelled_rows.themed()
        cell: Any = "lstm" if name == "classify" else Leaky
        model: Any = labelled_rows.made(cell=cell, layers=2, ngrams=2, test=0).fit(texts, labels)
        return Shown(model, ("the lovely story of a zebra plot film",), "a dull plot", texts[:40])
    if name == "numbers":
        rows, labels = labelled_rows.waves()
        model = labelled_rows.made(test=0).fit(rows, labels)
        return Shown(model, (rows[0],), None, rows[:10])
    if name == "tag":
        sentences, tags = tagged_rows.news(80)
        model = tagged_rows.made("lstm").fit(sentences, tags)
        text = "today Ann Li met a zebra in New York City ."
        return Shown(model, (text,), "today Ann met a dog .", sentences[:20])
    if name == "forecast":
        model = test_forecast.made(max_steps=20, lookback=48).fit(test_forecast.panel())
        return Shown(model, (), None, test_forecast.panel(), {"series": "s1"})
    if name in ("translate", "transformer"):
        pairs = text_pairs.turned()
        small = {"heads": 2, "hidden_size": 16} if name == "transformer" else {"layers": 2}
        model = text_pairs.made("lstm" if name == "translate" else name, **small).fit(pairs)
        return Shown(model, ("ba du ko ba lu",), "du ba ko", ["ba du", "ko lu ba", "du du ko"])
    assert name == "generate"
    model = written_texts.made("lstm", layers=2).fit([written_texts.novel()])
    return Shown(
        model, ("the moon and friends.\n",), "the sun.\n", [written_texts.novel(10, seed=3)]
    )
