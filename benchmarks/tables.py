"""Write the tables of the documents from benchmarks/results/*.json, between their marks.

python -m benchmarks.tables            writes them
python -m benchmarks.tables --check    exits with 1 where a document says something else than the results

A table stands between "<!-- table: NAME -->" and "<!-- end of table -->"; a document without these marks is left as it is.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import language_tables, speed_tables, translate_tables
from unrolled.bench import report
from unrolled.errors import unknown_option

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
LANGUAGES = ("en", "zh")
DOCUMENTS = {
    ROOT / "README.md": "en",
    ROOT / "README.zh-CN.md": "zh",
    ROOT / "benchmarks" / "KERNELS.md": "en",
    ROOT / "benchmarks" / "KERNELS.zh-CN.md": "zh",
}
"""Whatever holds tables, and its language."""
END = "<!-- end of table -->"
PLACE = re.compile(rf"<!-- table: (\w+) -->.*?{END}", re.DOTALL)
NONE = "–"

Words = tuple[str, str]
"""In English and in Chinese."""

FORECAST_DATA = {
    "temperatures": ("daily minimum temperature, 7 days", "每日最低气温，7 天"),
    "etth1": ("ETTh1, 96 hours", "ETTh1，96 小时"),
    "exchange_rate": ("exchange rates, 96 days", "汇率，96 天"),
    "m4_hourly": ("M4 hourly, 48 hours", "M4 小时数据，48 小时"),
    "panel": ("synthetic hourly panel, 24 hours", "合成的小时面板，24 小时"),
    "panel_week": ("the same, 7 origins", "同上，7 个起点"),
}
FORECAST_METHODS = {
    "naive": ("naive", "朴素"),
    "seasonal_naive": ("seasonal naive", "季节性朴素"),
    "ridge": ("ridge", "岭回归"),
    "gradient_boosting": ("gradient boosting", "梯度提升"),
    "dlinear": ("DLinear", "DLinear"),
}
FORECAST_HEADINGS = (("data, horizon", "score", "GRU"), ("数据与步数", "指标", "GRU"))
FORECAST_METRICS = {"mae": "MAE", "mse": "MSE", "mase": "MASE", "smape": "sMAPE"}

CLASSIFY_DATA: Mapping[tuple[str, str], tuple[Words, Words]] = {
    ("imdb", "accuracy"): (
        ("IMDB, 25,000 / 25,000", "IMDB 影评，25,000 / 25,000"),
        ("LSTM 86.2", "LSTM 86.2"),
    ),
    ("trec6", "accuracy"): (
        ("TREC-6, questions", "TREC-6 问句"),
        ("LSTM about 91", "LSTM 约 91"),
    ),
    ("subj", "accuracy"): (
        ("SUBJ, 10 folds", "SUBJ 主客观，10 折"),
        ("LSTM about 93", "LSTM 约 93"),
    ),
    ("hotel", "accuracy"): (
        ("ChnSentiCorp, hotels", "ChnSentiCorp 酒店评论"),
        ("BiLSTM 89.8, on a relative", "BiLSTM 89.8（相近数据）"),
    ),
    ("online_shopping", "accuracy"): (
        ("online shopping, Chinese", "网购评论（中文）"),
        (NONE, NONE),
    ),
    ("names", "accuracy"): (("surnames of 18 languages", "18 种语言的姓氏"), (NONE, NONE)),
    ("names", "macro_f1"): (("the same, macro F1", "同上，宏平均 F1"), (NONE, NONE)),
    ("mnist1d", "accuracy"): (("MNIST-1D, 40 numbers", "MNIST-1D，40 个数"), ("GRU 91", "GRU 91")),
    ("mnist1d_shuffled", "accuracy"): (
        ("the same, shuffled", "同上，打乱次序"),
        ("GRU 57", "GRU 57"),
    ),
}
CLASSIFY_METHODS = {
    ("majority",): ("majority", "多数类"),
    ("tfidf_logistic", "logistic"): (
        "TF-IDF + LR (numbers: LR)",
        "TF-IDF + 逻辑回归（数列：逻辑回归）",
    ),
    ("fasttext",): ("fastText", "fastText"),
}
CLASSIFY_HEADINGS = (("data", "published", "GRU"), ("数据", "已发表", "GRU"))

DEPTH_HEADINGS = (
    ("layers", "one direction", "parameters", "training", "both directions", "parameters", "training"),
    ("层数", "单向", "参数", "训练", "双向", "参数", "训练"),
)  # fmt: skip
SECONDS = (" s", " 秒")

KERNEL_BATCHES = (1, 8, 32, 128)


def result_of(name: str) -> dict[str, Any] | None:
    """Return a result that was written, or None."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def forecast_table(which: int) -> list[Sequence[str]]:
    """Return headings and rows of the forecasts' table; the best of a row is bold."""
    names = [method[which] for method in FORECAST_METHODS.values()]
    rows: list[Sequence[str]] = [(*FORECAST_HEADINGS[which], *names)]
    for key, data in FORECAST_DATA.items():
        result = result_of(f"forecast_{key}")
        if result is None:
            continue
        metric = result["metric"]
        scores = [result["model"]["mean"]]
        scores += [result["baselines"][name][metric] for name in FORECAST_METHODS]
        figures = _figures(scores, 1 if metric == "smape" else 3, best=min)
        rows.append((data[which], FORECAST_METRICS[metric], *figures))
    return rows


def classify_table(which: int) -> list[Sequence[str]]:
    """Return headings and rows of the classification's table, in percent; the best of a row is bold."""
    names = [method[which] for method in CLASSIFY_METHODS.values()]
    rows: list[Sequence[str]] = [(*CLASSIFY_HEADINGS[which], *names)]
    for (key, metric), (data, published) in CLASSIFY_DATA.items():
        result = result_of(f"classify_{key}")
        if result is None:
            continue
        scores = [100 * result["model"]["scores"][metric]]
        for methods in CLASSIFY_METHODS:
            beside = [result["baselines"][name] for name in methods if name in result["baselines"]]
            scores.append(100 * beside[0][metric] if beside else None)
        rows.append((data[which], published[which], *_figures(scores, 1, best=max)))
    return rows


def depth_table(which: int) -> list[Sequence[str]]:
    """Return headings and rows of accuracy in percent, parameters and seconds by layers and directions."""
    rows: list[Sequence[str]] = [DEPTH_HEADINGS[which]]
    result = result_of("classify_depth")
    if result is None:
        return rows
    variants = {(row["layers"], row["bidirectional"]): row for row in result["variants"]}
    figures = _figures([100 * row["mean"] for row in variants.values()], 1, best=max)
    shown = dict(zip(variants, figures, strict=True))
    for layers in dict.fromkeys(layers for layers, _ in variants):
        cells = [str(layers)]
        for direction in (False, True):
            runs = variants[layers, direction]["runs"]
            seconds = sum(run["training_seconds"] for run in runs) / len(runs)
            parameters = runs[0]["facts"]["parameters"]
            cells += [shown[layers, direction], f"{parameters:,}", f"{seconds:.0f}{SECONDS[which]}"]
        rows.append(cells)
    return rows


def kernel_table(batch: int) -> Callable[[int], list[Sequence[str]]]:
    """Return the function that gives headings and rows of the kernels' table for a batch."""

    def table(which: int) -> list[Sequence[str]]:
        result = result_of("kernels")
        rows = [row for row in result["cases"] if row["batch"] == batch] if result else []
        filled = report.cells(rows, LANGUAGES[which])
        return [
            report.headings(rows, LANGUAGES[which]),
            *([report.on_one_line(cell) for cell in row] for row in filled),
        ]

    return table


TABLES: Mapping[str, Callable[[int], list[Sequence[str]]]] = {
    "forecast": forecast_table,
    "classify": classify_table,
    "depth": depth_table,
    **{f"kernels_{batch}": kernel_table(batch) for batch in KERNEL_BATCHES},
    **{
        name: partial(table, result_of)
        for name, table in (
            speed_tables.TABLES | translate_tables.TABLES | language_tables.TABLES
        ).items()
    },
}


def _figures(
    scores: Sequence[float | None], digits: int, *, best: Callable[[list[float]], float]
) -> list[str]:
    """Return the scores as text; those that are the best as they are shown are bold."""
    known = best([round(score, digits) for score in scores if score is not None])
    cells = []
    for score in scores:
        cell = NONE if score is None else f"{score:.{digits}f}"
        bold = score is not None and round(score, digits) == known
        cells.append(f"**{cell}**" if bold else cell)
    return cells


def without_empty_columns(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Leave out the columns of which nothing is known in any row."""
    columns = list(zip(*rows, strict=True))
    filled = [column for column in columns if any(cell != NONE for cell in column[1:])]
    return list(zip(*filled, strict=True)) if len(rows) > 1 else list(rows)


def with_tables(text: str, language: str) -> str:
    """Return a document with the tables between their marks.

    Raises:
        OptionError: a mark names a table that does not exist.
    """
    which = LANGUAGES.index(language)

    def written(place: re.Match[str]) -> str:
        name = place.group(1)
        if name not in TABLES:
            raise unknown_option("table", name, TABLES)
        heading, *rows = without_empty_columns(TABLES[name](which))
        lines = [f"| {' | '.join(heading)} |", f"|{'---|' * len(heading)}"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([f"<!-- table: {name} -->", "", *lines, "", END])

    return PLACE.sub(written, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for path, language in DOCUMENTS.items():
        text = path.read_text(encoding="utf-8")
        written = with_tables(text, language)
        if check and written != text:
            sys.exit(f"{path.name} differs from the results; run: python -m benchmarks.tables")
        if not check:
            path.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
