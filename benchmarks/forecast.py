"""Forecasting on public data sets, the model beside every baseline, on the splits that the literature uses.

    UNROLLED_DATA=DIR python -m benchmarks.forecast etth1 --seeds 3

DIR holds forecast/etth1/ETTh1.csv, forecast/exchange_rate/exchange_rate.csv, forecast/m4_hourly/Hourly-{train,test}.csv,
forecast/classic_small/daily-min-temperatures.csv and forecast/panel/panel.csv. Every run writes
benchmarks/results/forecast_NAME.json: configuration, scores, wall time, peak memory, machine and commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.runs import read_arguments, summary, surroundings, write_result
from unrolled.tasks.forecast import Forecaster


@dataclass(frozen=True)
class Case:
    """One data set and how it is split; ``metric`` is the figure that is published for it."""

    read: Callable[[Path], pl.DataFrame]
    options: dict[str, Any]
    metric: str
    published: str
    stride: int = 1
    note: str = ""
    columns: dict[str, Any] = field(default_factory=dict)


def standardised(table: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Return every column of numbers in units of the mean and standard deviation of its first ``rows`` rows."""
    numbers = [name for name in table.columns if table[name].dtype.is_numeric()]
    first = table.head(rows)
    return table.with_columns(
        ((pl.col(name) - first[name].mean()) / first[name].std(ddof=0)).alias(name)
        for name in numbers
    )


def read_etth1(folder: Path) -> pl.DataFrame:
    table = pl.read_csv(folder / "etth1" / "ETTh1.csv").head(14_400)
    return standardised(table, 8_640)


def read_exchange_rate(folder: Path) -> pl.DataFrame:
    table = pl.read_csv(folder / "exchange_rate" / "exchange_rate.csv")
    table = table.rename({name: f"rate {name}" for name in table.columns if name != "date"})
    return standardised(table, int(0.7 * len(table)))


def read_m4_hourly(folder: Path) -> pl.DataFrame:
    rows: dict[str, list[float]] = {}
    for part in ("train", "test"):
        for line in (folder / "m4_hourly" / f"Hourly-{part}.csv").read_text().splitlines()[1:]:
            name, *values = (cell.strip('"') for cell in line.split(","))
            rows.setdefault(name, []).extend(float(value) for value in values if value)
    return pl.concat(
        pl.DataFrame({"unique_id": [name] * len(y), "ds": np.arange(len(y)), "y": y})
        for name, y in rows.items()
    )


def read_temperatures(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "classic_small" / "daily-min-temperatures.csv")


def read_synthetic(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "panel" / "panel.csv")


PANEL = {"horizon": 24, "validation": 168, "max_steps": 1000, "patience": None}

CASES = {
    "etth1": Case(
        read_etth1,
        {"horizon": 96, "lookback": 96, "validation": 2_880, "test": 2_880, "target": "all"},
        "mse",
        "SegRNN 0.368, DLinear 0.386, daily seasonal naive 0.512",
        note="7 columns in units of the training part, 12/4/4 months, all windows",
    ),
    "exchange_rate": Case(
        read_exchange_rate,
        {"horizon": 96, "lookback": 96, "validation": 760, "test": 1_517, "target": "all"},
        "mse",
        "repeat-last 0.081, DLinear 0.089",
        note="8 columns in units of the training part, 70/10/20, all windows",
    ),
    "m4_hourly": Case(
        read_m4_hourly,
        {"horizon": 48, "season": [24, 168], "validation": 48, "test": 48},
        "smape",
        "seasonal naive 13.91, Naive2 18.38, ES-RNN 9.33",
        note="414 series without dates, one origin",
    ),
    "temperatures": Case(
        read_temperatures,
        {"horizon": 7, "season": 365, "missing": "mask"},
        "mae",
        "none",
        note="daily minimum in Melbourne, last 20 % of ten years, every origin",
    ),
    "panel": Case(
        read_synthetic,
        {**PANEL, "test": 24},
        "mase",
        "DeepAR 0.613, seasonal naive (168) 0.847, LSTM of neuralforecast 0.981",
        note="20 synthetic hourly series, last 24 hours, one origin",
    ),
    "panel_week": Case(
        read_synthetic,
        {**PANEL, "test": 168},
        "mase",
        "none",
        stride=24,
        note="the same, 7 daily origins over the last week",
    ),
}


def run(name: str, case: Case, data: Path, seeds: int, overrides: dict[str, Any]) -> dict[str, Any]:
    """Train and score once for every seed; the baselines are fitted beside the first."""
    table = case.read(data / "forecast")
    options = {**case.options, **overrides}
    runs, scores = [], {}
    for seed in range(seeds):
        model = Forecaster(seed=seed, **options)
        began = time.perf_counter()
        model.fit(table)
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        result = model.evaluate(stride=case.stride, baselines=() if seed else None)
        evaluation = time.perf_counter() - began
        if not seed:
            scores = {n: s for n, s in result["scores"].items() if n != "model"}
        assert model.training is not None
        runs.append(
            {
                "seed": seed,
                "scores": result["scores"]["model"],
                "steps": model.training.steps,
                "best_step": model.training.best_step,
                "validation_score": model.training.best_score,
                "training_seconds": round(model.training.seconds, 1),
                "fit_seconds": round(seconds, 1),
                "evaluate_seconds": round(evaluation, 1),
            }
        )
        print(
            f"{name} seed {seed}: {case.metric} {runs[-1]['scores'][case.metric]:.4f}", flush=True
        )
    shape = model.fitted.shape
    return {
        "benchmark": f"forecast_{name}",
        "note": case.note,
        "metric": case.metric,
        "published": case.published,
        "configuration": {
            "cell": "gru",
            **options,
            "lookback": shape.lookback,
            "seasons": shape.seasons,
            "segment": model.fitted.network.sizes.segment,
            "parameters": sum(p.numel() for p in model.fitted.network.parameters()),
        },
        "windows": result["windows"],
        "model": summary(runs, case.metric),
        "baselines": scores,
        **surroundings(),
    }


def show(result: dict[str, Any]) -> None:
    """Print one line a method."""
    print(f"{result['benchmark']} ({result['note']})")
    first = result["model"]["runs"][0]["scores"]
    for method, scores in {"model": first, **result["baselines"]}.items():
        print(f"  {method:18}" + "  ".join(f"{k} {v:.4f}" for k, v in scores.items()))
    model = result["model"]
    print(
        f"  {result['metric']} over {len(model['runs'])} seeds: {model['mean']:.4f} +- {model['spread']:.4f}; "
        f"published: {result['published']}"
    )
    print(
        f"  training {model['runs'][0]['training_seconds']} s, peak memory {result['peak_memory_mb']} MB"
    )


def main() -> None:
    description = (__doc__ or "").splitlines()[0]
    arguments = read_arguments(description, CASES, options_of="Forecaster")
    for name in arguments.names:
        result = run(name, CASES[name], arguments.data, arguments.seeds or 1, arguments.overrides)
        show(result)
        if not arguments.overrides:
            write_result(result)


if __name__ == "__main__":
    main()
