"""What the benchmarks share: their options, what a figure depends on, the runs of several seeds, and the files of results."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unrolled

RESULTS = Path(__file__).parent / "results"
MEASURED_ROOMS = ("core", "cells", "kernels", "models", "data", "train", "tasks")
"""The rooms of the package on which a score depends."""


@dataclass(frozen=True)
class Arguments:
    """What a benchmark was called with.

    Attributes:
        names: of the cases to run.
        data: the folder of the data sets.
        seeds: how many; None = as many as the case says.
        overrides: options of the model that are not those of the case; then nothing is written to the results.
    """

    names: tuple[str, ...]
    data: Path
    seeds: int | None
    overrides: dict[str, Any]


def read_arguments(description: str, cases: Iterable[str], *, options_of: str) -> Arguments:
    """Read ``NAME [--data DIR] [--seeds N] [--set OPTION=VALUE ...]``; "all" is every case."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("name", choices=[*cases, "all"])
    parser.add_argument("--data", type=Path, default=os.environ.get("UNROLLED_DATA"))
    parser.add_argument("--seeds", type=int)
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="OPTION=VALUE", help=f"of {options_of}"
    )
    read = parser.parse_args()
    if read.data is None:
        parser.error("give the data folder: --data DIR, or UNROLLED_DATA=DIR")
    if read.seeds is not None and read.seeds < 1:
        parser.error(f"--seeds {read.seeds}: at least 1")
    overrides = options_set(read.set, parser)
    names = tuple(cases) if read.name == "all" else (read.name,)
    return Arguments(names, Path(read.data), read.seeds, overrides)


def options_set(given: Iterable[str], parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return what ``--set`` was given; leave with a message where it is no OPTION=VALUE."""
    if wrong := [pair for pair in given if "=" not in pair]:
        parser.error(f"--set {wrong[0]}: expected OPTION=VALUE")
    return dict(map(_pair, given))


def _pair(text: str) -> tuple[str, Any]:
    """Return option and value; a value that is no JSON is a text."""
    option, _, value = text.partition("=")
    try:
        return option, json.loads(value)
    except ValueError:
        return option, value


def summary(runs: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    """Return mean and spread of a metric over the runs, and the runs themselves."""
    figures = [run["scores"][metric] for run in runs]
    return {"mean": float(np.mean(figures)), "spread": float(np.std(figures)), "runs": runs}


def mean_scores(scores: list[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of every metric."""
    return {name: float(np.mean([row[name] for row in scores])) for name in scores[0]}


def surroundings() -> dict[str, Any]:
    """Return what a figure depends on besides the code's own configuration."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "peak_memory_mb": peak_memory_mb(),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load": [round(load, 1) for load in os.getloadavg()],
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "commit": commit or "unknown",
        "date": time.strftime("%Y-%m-%d"),
    }


def peak_memory_mb() -> int:
    """Return the most memory that this process has held so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def write_result(result: Mapping[str, Any]) -> None:
    """Write a result to the file that bears the name of its benchmark."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{result['benchmark']}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"  written to {path}")


def code_digest(rooms: Iterable[str] = MEASURED_ROOMS) -> str:
    """Return a hash of the code in ``rooms`` of the package, whether it is committed or not."""
    digest = hashlib.blake2b(digest_size=8)
    root = Path(unrolled.__file__).parent
    for room in rooms:
        for path in sorted((root / room).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@dataclass
class Finished:
    """Runs that are done, kept in a file, so that a benchmark of several seeds or folds can be stopped and go on.

    They count only for the code and the options with which they were made.

        done = Finished("classify_subj", {"layers": 2})
        run = done.get({"seed": 0, "fold": 3}) or done.add({"seed": 0, "fold": 3}, one_run(...))
        done.clear()        # the whole result is written
    """

    benchmark: str
    options: Mapping[str, Any]
    code: str = field(default_factory=code_digest)

    def __post_init__(self) -> None:
        self.path = RESULTS / f"{self.benchmark}.partial.json"
        self.kept: dict[str, list[dict[str, Any]]] = {}
        self.name = json.dumps(dict(self.options), sort_keys=True)
        if self.path.exists():
            read = json.loads(self.path.read_text(encoding="utf-8"))
            if read["code"] == self.code:
                self.kept = read["runs"]
            else:
                print(f"  {self.path.name} is of other code: begun anew", file=sys.stderr)

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the run whose entries are those of ``key``, or None."""
        for run in self.kept.get(self.name, []):
            if all(run.get(name) == value for name, value in key.items()):
                return run
        return None

    def add(self, key: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a run under ``key``, and return it with the entries of the key in front."""
        whole = {**key, **run}
        self.kept.setdefault(self.name, []).append(whole)
        self._write()
        return whole

    def clear(self) -> None:
        """Forget the runs of these options."""
        self.kept.pop(self.name, None)
        if self.kept:
            self._write()
        else:
            self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        from unrolled.data.files import write_atomically

        RESULTS.mkdir(exist_ok=True)
        text = json.dumps({"code": self.code, "runs": self.kept}, indent=2)
        write_atomically(self.path, text.encode())
