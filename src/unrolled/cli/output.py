"""What a verb says: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.status import Status

    from unrolled.view.report import Report
    from unrolled.view.scores import ScoreTable


class View(NamedTuple):
    """How the results of a task are shown: its report, and the score table of what `evaluate` gave."""

    report: Callable[[Any, Mapping[str, Any] | None, str], Report]
    scores_of: Callable[[Mapping[str, Any]], ScoreTable]


def view_of(task: str) -> View:
    """Return how the results of ``task`` ("forecast", "classify", "tag", "translate", "generate") are shown."""
    if task == "classify":
        from unrolled.view import classify_report as classify

        return View(classify.classify_report, classify.scores_of)
    if task == "tag":
        from unrolled.view import tag_report as tag

        return View(tag.tag_report, tag.scores_of)
    if task == "translate":
        from unrolled.view import translate_report as translate

        return View(translate.translate_report, translate.scores_of)
    if task == "generate":
        from unrolled.view import generate_report as generate

        return View(generate.generate_report, generate.scores_of)
    from unrolled.view import forecast_report as forecast

    return View(forecast.forecast_report, forecast.scores_of)


def note(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr)  # noqa: T201


def print_json(result: Mapping[str, Any]) -> None:
    """Print one object on stdout."""
    print(json.dumps(result, ensure_ascii=False, default=str))  # noqa: T201


def print_scores(result: Mapping[str, Any], language: str = "en") -> None:
    """Print the score table of what `evaluate` gave."""
    from rich.console import Console

    from unrolled.view.figure import sentences
    from unrolled.view.metrics import metric
    from unrolled.view.terminal import terminal_scores
    from unrolled.view.words import speaker

    table = view_of(result["task"]).scores_of(result)
    console, speak = Console(), speaker(language)
    console.print(terminal_scores(table, language))
    if result["task"] != "forecast":
        # How many rows were scored, how, and how many of them were trained on.
        for said in sentences(table.note):
            console.print(speak(said), style="dim", highlight=False, markup=False)
    for name, signature in result.get("signatures", {}).items():
        line = f"{speak(metric(name).label)} {signature}"
        console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)


def status(text: str) -> Status:
    """Show a moving sign on stderr while something without a bar takes time; nothing where it is no terminal."""
    from rich.console import Console

    return Console(stderr=True).status(f"{text} ...")
