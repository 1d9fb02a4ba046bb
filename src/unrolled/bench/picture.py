"""The figures of a run as one page: ratios by units, the share of the peak, and all of them in a table.

Where the run has one size only, bars stand for the lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from unrolled.bench.cases import CELLS
from unrolled.bench.report import cells, headings, on_one_line, opponents
from unrolled.bench.words import WORDS
from unrolled.view.bars import Bar, BarTable
from unrolled.view.charts import Axis, LineChart, Rule
from unrolled.view.facts import key_facts
from unrolled.view.gallery import Block, Gallery
from unrolled.view.numbers import NO_BREAK
from unrolled.view.report import Report, Section
from unrolled.view.runs import Band, Line
from unrolled.view.tables import PlainTable

Row = Mapping[str, Any]
_COLOURS = {cell: f"c{number}" for number, cell in enumerate(CELLS, start=1)}


def page(result: Mapping[str, Any], language: str = "en") -> Report:
    """Return the page of a run, for `write_report`."""
    words, rows = WORDS[language], result["cases"]
    table = PlainTable(
        "",
        headings(rows, language),
        [list(map(on_one_line, row)) for row in cells(rows, language)],
        note=words["finer"],
        size="wide",
    )
    ratios = _galleries(rows, words)
    shares = _shares(rows, words)
    machine = dict(result["machine"])
    machine["peers"] = [f"{name}: {what}" for name, what in machine["peers"].items()]
    sections = [
        Section(words["ratios"], "", ratios),
        *([Section(words["shares"], "", shares)] if shares else []),
        Section(words["figures"], "", [table]),
        Section(
            words["machine"],
            "",
            [key_facts({words.get(name, name): fact for name, fact in machine.items()})],
        ),
    ]
    return Report(words["title"], language, words["summary"], sections)


def _galleries(rows: Sequence[Row], words: Mapping[str, str]) -> list[Block]:
    """Draw a gallery for each opponent, with a chart for each batch, kind of rows and mode."""
    if _one_size(rows):
        return [
            _bars(name, met, [row["against"][name]["ratio"] for row in met], words)
            for name in opponents(rows)
            if (met := [row for row in rows if name in row["against"]])
        ]
    galleries: list[Block] = []
    for name in opponents(rows):
        met = [row for row in rows if name in row["against"]]
        charts = [
            LineChart(
                title,
                _ratio_lines(name, group),
                marks=[Rule(1.0, "1")],
                x=Axis(words["units"], log=True),
                y=Axis(log=True),
                size="small",
            )
            for title, group in _groups(met, words)
        ]
        galleries.append(Gallery(name, charts, legend_of=_legend(met)))
    return galleries


def _shares(rows: Sequence[Row], words: Mapping[str, str]) -> list[Block]:
    known = [row for row in rows if row["share_of_peak"] is not None]
    if known and _one_size(rows):
        return [_bars("%", known, [100 * row["share_of_peak"] for row in known], words)]
    charts = [
        LineChart(
            title,
            [
                _line(cell, of, [100 * row["share_of_peak"] for row in of])
                for cell, of in _by_cell(group)
            ],
            marks=[Rule(100.0, words["whole"])],
            x=Axis(words["units"], log=True),
            y=Axis(unit="%"),
            size="small",
        )
        for title, group in _groups(known, words)
    ]
    return [Gallery("", charts, legend_of=_legend(known))] if charts else []


def _one_size(rows: Sequence[Row]) -> bool:
    return len({row["hidden"] for row in rows}) == 1


def _bars(
    title: str, rows: Sequence[Row], values: Sequence[float], words: Mapping[str, str]
) -> BarTable:
    one_batch = len({row["batch"] for row in rows}) == 1
    parts = (
        [row["cell"].upper(), words[row["kind"]], words[row["mode"]]]
        + ([] if one_batch else [f"B={row['batch']}"])
        for row in rows
    )
    names = (" ".join(part).replace(" ", NO_BREAK) for part in parts)
    return BarTable(title, [Bar(name, value) for name, value in zip(names, values, strict=True)])


def _ratio_lines(name: str, rows: Sequence[Row]) -> list[Line | Band]:
    drawn: list[Line | Band] = []
    for cell, of in _by_cell(rows):
        figures = [row["against"][name] for row in of]
        low, high = ([each[end] for each in figures] for end in ("low", "high"))
        units = [row["hidden"] for row in of]
        drawn.append(Band(f"{cell.upper()} 95 %", units, low, high, _COLOURS[cell]))
        drawn.append(_line(cell, of, [each["ratio"] for each in figures]))
    return drawn


def _line(cell: str, rows: Sequence[Row], values: Sequence[float]) -> Line:
    return Line(cell.upper(), [row["hidden"] for row in rows], values, _COLOURS[cell])


def _groups(rows: Sequence[Row], words: Mapping[str, str]) -> list[tuple[str, list[Row]]]:
    """Return title and rows of every batch, kind and mode that there is."""

    def seen(key: str) -> list[Any]:
        return list(dict.fromkeys(row[key] for row in rows))

    groups = []
    for wanted in product(seen("batch"), seen("kind"), seen("mode")):
        group = [row for row in rows if (row["batch"], row["kind"], row["mode"]) == wanted]
        batch, kind, mode = wanted
        if group:
            groups.append((f"{words[kind]} · {words[mode]} · B = {batch}", group))
    return groups


def _by_cell(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    grouped = [(cell, [row for row in rows if row["cell"] == cell]) for cell in CELLS]
    return [(cell, of) for cell, of in grouped if of]


def _legend(rows: Sequence[Row]) -> LineChart:
    return LineChart("", [_line(cell, [], []) for cell, _ in _by_cell(rows)])
