"""The demo: one report page, and its figures in the terminal."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from unrolled.data.examples import melbourne_temperature
from unrolled.demo.memory import CELLS, LENGTHS, MemoryRun, train_exploding, train_on_adding
from unrolled.demo.memory_page import explode_section, memory_section, outcome, verdict
from unrolled.demo.words import WORDS
from unrolled.errors import unknown_option
from unrolled.tasks.forecast import Forecaster
from unrolled.train.progress import TerminalProgress
from unrolled.view.forecast_report import (
    headlines,
    pictures,
    scores_of,
    training_blocks,
)
from unrolled.view.gallery import Block
from unrolled.view.report import Report, Section, write_report
from unrolled.view.terminal import terminal_scores

HORIZON, SEASON = 7, 365


def run_demo(folder: Path, language: str = "en", *, as_json: bool = False) -> dict[str, Any]:
    """Run the demo, write ``folder/report.html`` and return its figures.

    (a) A week of Melbourne's daily minimum temperature is forecast, all baselines beside the model; (b) RNN, LSTM and
    GRU learn the adding problem, and an RNN whose gradients explode is trained with and without clipping.

    Args:
        folder: of the report and the forecaster's model.
        language: "en" or "zh".
        as_json: print one JSON object instead of tables.
    """
    if language not in WORDS:
        raise unknown_option("language", language, WORDS)
    begin, words = time.perf_counter(), WORDS[language]
    console, progress = Console(quiet=as_json), Console(stderr=True)
    forecaster, result = forecast_temperature(folder)
    console.rule(words["forecast"], align="left")
    console.print(terminal_scores(scores_of(result), language))
    runs: list[MemoryRun] = []
    console.rule(words["memory"], align="left")
    for steps in LENGTHS:
        for cell in CELLS:
            with progress.status(f"{cell.upper()}, {steps} ..."):
                runs.append(train_on_adding(cell, steps))
            console.print(verdict(runs[-1], words))
    console.rule(words["explode"], align="left")
    exploding = [train_exploding(clipped) for clipped in (False, True)]
    for run in exploding:
        console.print(outcome(run, words))
    test = len(forecaster.rolling().windows) + HORIZON - 1
    text = words["forecast_text"].format(test=f"{test:,}", horizon=HORIZON)
    blocks: list[Block] = [headlines(result), scores_of(result), *pictures(forecaster.rolling())]
    sections = [
        Section(words["forecast"], text, [*blocks, *training_blocks(forecaster)]),
        memory_section(runs, words),
        explode_section(exploding, words),
    ]
    page = Report(words["title"], language, words["summary"], sections)
    report = write_report(folder / "report.html", page)
    seconds = time.perf_counter() - begin
    adding = [
        {"cell": run.cell, "steps": run.steps, "error": run.error, "seconds": run.seconds}
        for run in runs
    ]
    figures = {**result, "adding": adding, "seconds": seconds, "report": str(report)}
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
    console.print(words["done"].format(report=report, seconds=f"{seconds:.0f}"), soft_wrap=True)
    return figures


def forecast_temperature(folder: Path, seed: int = 0) -> tuple[Forecaster, dict[str, Any]]:
    """Train on the temperatures that come with the package, save the model, and score the test part."""
    forecaster = Forecaster("gru", horizon=HORIZON, season=SEASON, missing="mask", seed=seed)
    bar = partial(TerminalProgress, title="GRU")
    forecaster.fit(melbourne_temperature(), folder=folder / "model", progress=bar)
    forecaster.save(folder / "model")
    return forecaster, forecaster.evaluate()
