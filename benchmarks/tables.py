"""Write the tables of the READMEs from benchmarks/results/*.json, between their marks.

python -m benchmarks.tables            writes them
python -m benchmarks.tables --check    exits with 1 where a README says something else than the results
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
BEGIN, END = "<!-- table: forecast -->", "<!-- end of table -->"

DATA = {
    "temperatures": ("daily minimum temperature, 7 days", "每日最低气温，7 天"),
    "etth1": ("ETTh1, 96 hours", "ETTh1，96 小时"),
    "exchange_rate": ("exchange rates, 96 days", "汇率，96 天"),
    "m4_hourly": ("M4 hourly, 48 hours", "M4 小时数据，48 小时"),
    "panel": ("synthetic hourly panel, 24 hours", "合成的小时面板，24 小时"),
    "panel_week": ("the same, 7 origins", "同上，7 个起点"),
}
METHODS = {
    "naive": ("naive", "朴素"),
    "seasonal_naive": ("seasonal naive", "季节性朴素"),
    "ridge": ("ridge", "岭回归"),
    "gradient_boosting": ("gradient boosting", "梯度提升"),
    "dlinear": ("DLinear", "DLinear"),
}
HEADINGS = (("data, horizon", "score", "GRU"), ("数据与步数", "指标", "GRU"))
METRICS = {"mae": "MAE", "mse": "MSE", "mase": "MASE", "smape": "sMAPE"}


def forecast_table(language: str) -> str:
    """Return the forecasts' table in Markdown; the best of a row is bold."""
    which = list(READMES).index(language)
    names = [method[which] for method in METHODS.values()]
    lines = [" | ".join((*HEADINGS[which], *names)), "|".join(["---"] * (3 + len(names)))]
    for key, data in DATA.items():
        path = RESULTS / f"forecast_{key}.json"
        if path.exists():
            lines.append(_row(json.loads(path.read_text(encoding="utf-8")), data[which]))
    return "\n".join(f"| {line} |" if line[0] != "-" else f"|{line}|" for line in lines)


def _row(result: Mapping[str, Any], data: str) -> str:
    metric = result["metric"]
    scores = [result["model"]["mean"]]
    scores += [result["baselines"][name][metric] for name in METHODS]
    digits = 1 if metric == "smape" else 3
    best = min(round(score, digits) for score in scores)
    cells = [f"{score:.{digits}f}" for score in scores]
    cells = [
        f"**{cell}**" if round(score, digits) == best else cell
        for cell, score in zip(cells, scores, strict=True)
    ]
    return " | ".join((data, METRICS[metric], *cells))


def with_table(text: str, language: str) -> str:
    """Return a README with the table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{forecast_table(language)}\n\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for language, path in READMES.items():
        text = path.read_text(encoding="utf-8")
        written = with_table(text, language)
        if check and written != text:
            sys.exit(f"{path.name} differs from the results; run: python -m benchmarks.tables")
        if not check:
            path.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
