"""What the page asks for later, as it reads it: attributions, how far a model remembers, and places of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from unrolled.inside.arrays import finite
from unrolled.inside.attribution import Attribution
from unrolled.inside.nearest import Place
from unrolled.inside.remembering import Remembering
from unrolled.view.words import say

Json = dict[str, Any]

LANGUAGES = ("en", "zh")


def attribution_json(found: Attribution) -> Json:
    """Return an attribution as the page reads it."""
    question = found.question
    return {
        "of": question.of,
        "unit": question.unit,
        "side": question.side,
        "labels": list(question.labels),
        "total": {"input": found.score, "blank": found.blank},
        "methods": [
            {
                "name": "integrated_gradients",
                "values": finite(found.gradients),
                "sum": float(found.gradients.sum()),
                "error": found.error,
                "points": found.points,
            },
            {"name": "occlusion", "values": finite(found.occlusion)},
        ],
    }


def reach_json(found: Remembering) -> Json:
    """Return how far a model remembers as the page reads it, its sentences in both languages."""
    sentences = found.sentences()
    return {
        "cells": [
            {
                "name": name,
                "norms": finite(norms),
                "verdict": judged.verdict,
                "say": {language: say(sentences[name], language) for language in LANGUAGES},
            }
            for name, (norms, judged) in found.cells.items()
        ],
        "beside": [{"name": name, "norms": finite(norms)} for name, norms in found.beside.items()],
        "advice": {lang: [say(each, lang) for each in found.advice] for lang in LANGUAGES},
    }


def places_json(places: Sequence[Place]) -> list[Json]:
    """Return places of a corpus as the page reads them, what is around them joined by spaces."""
    return [
        {**asdict(place), "before": _joined(place.before), "after": _joined(place.after)}
        for place in places
    ]


def _joined(steps: Sequence[str]) -> str:
    """Join steps as they are read: words by spaces, characters by nothing."""
    return ("" if all(len(step) <= 1 for step in steps) else " ").join(steps)
