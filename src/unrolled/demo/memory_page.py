"""The demo's pictures of memory and gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unrolled.demo.memory import CLIP, GUESS, LENGTHS, UNITS, ExplodingRun, MemoryRun
from unrolled.view.charts import Axis, LineChart, Rule, Spot
from unrolled.view.figure import Verdict
from unrolled.view.gallery import Block
from unrolled.view.numbers import number
from unrolled.view.reach import gradient_reach_chart
from unrolled.view.report import Section
from unrolled.view.runs import Line
from unrolled.view.scores import score_table
from unrolled.view.training import running_mean


def memory_section(runs: Sequence[MemoryRun], words: Mapping[str, str]) -> Section:
    """Draw errors, learning curves and gradients of every cell."""
    text = words["memory_text"].format(guess=number(GUESS, 3), units=UNITS)
    blocks: list[Block] = [score_table(_errors(runs, words))]
    for steps in LENGTHS:
        of_length = [run for run in runs if run.steps == steps]
        blocks.append(_learning(of_length, steps, words))
    longest = [run for run in runs if run.steps == max(LENGTHS)]
    for key in ("reach", "trained_reach"):
        reaches = {run.cell.upper(): getattr(run, key) for run in longest}
        title = words[key].format(steps=max(LENGTHS))
        blocks.append(gradient_reach_chart(reaches, title=title))
    return Section(words["memory"], text, blocks)


def explode_section(runs: Sequence[ExplodingRun], words: Mapping[str, str]) -> Section:
    """Draw what clipping does to a training whose gradients explode."""
    lines, verdicts = [], []
    marks: list[Rule | Spot] = [Rule(CLIP, f"{words['clipped']}: {CLIP:g}")]
    for run in runs:
        name = words["clipped" if run.clipped else "unclipped"]
        norms = np.asarray(run.course.norms)
        lines.append(Line(name, np.arange(1, len(norms) + 1), norms))
        if run.stopped is not None:
            marks.append(Spot(len(norms), norms[-1], words["end"]))
        verdicts.append(Verdict(outcome(run, words), "good" if run.clipped else "bad"))
    chart = LineChart(
        words["norm"],
        lines,
        marks=marks,
        x=Axis(words["step"]),
        y=Axis(log=True),
        verdict=verdicts,
        size="wide",
    )
    return Section(words["explode"], words["explode_text"].format(clip=f"{CLIP:g}"), [chart])


def outcome(run: ExplodingRun, words: Mapping[str, str]) -> str:
    """Say in one sentence how a training with exploding gradients went."""
    if run.stopped is not None:
        return words["stopped"].format(reason=run.stopped)
    ends = {"first": number(run.course.losses[0]), "last": number(_late(run.course.losses))}
    return words["survived" if run.clipped else "not_stopped"].format(**ends)


def verdict(run: MemoryRun, words: Mapping[str, str]) -> str:
    """Say in one sentence whether a cell solved the adding problem."""
    sentence = words["solved" if run.solved else "unsolved"]
    return sentence.format(
        cell=run.cell.upper(), steps=run.steps, error=number(run.error, 2), guess=number(GUESS, 3)
    )


def _errors(runs: Sequence[MemoryRun], words: Mapping[str, str]) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    for run in runs:
        row = table.setdefault(run.cell.upper(), {})
        row[words["error"].format(steps=run.steps)] = run.error
    return table


def _learning(runs: Sequence[MemoryRun], steps: int, words: Mapping[str, str]) -> LineChart:
    lines = []
    for run in runs:
        losses = np.asarray(run.course.losses)
        smooth = running_mean(losses, max(1, len(losses) // 40))
        lines.append(Line(run.cell.upper(), np.arange(1, len(losses) + 1), smooth))
    return LineChart(
        words["loss"].format(steps=steps),
        lines,
        marks=[Rule(GUESS, words["guess"])],
        x=Axis(words["step"]),
        y=Axis(log=True),
        verdict=[Verdict(verdict(run, words), "good" if run.solved else "bad") for run in runs],
    )


def _late(losses: Sequence[float]) -> float:
    return float(np.mean(losses[-20:]))
