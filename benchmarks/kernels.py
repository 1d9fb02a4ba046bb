"""The kernels against torch.nn and the peers that are installed: the grid of `unrolled bench`, larger, and resumable.

python -m benchmarks kernels [--threads N] [--pairs N] [--seconds S]

Ctrl-C or a crash loses the case under way only: the same command goes on. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.runs import Finished, code_digest, surroundings, write_result
from unrolled.bench.cases import Case, grid
from unrolled.bench.measure import Settings, measure
from unrolled.bench.peers import installed
from unrolled.bench.run import run_cases
from unrolled.bench.timing import PAIRS
from unrolled.kernels.extension import extension

TIMED_ROOMS = ("core", "cells", "kernels", "bench")
"""The rooms of the package on which a time depends."""

ALL_CELLS = ("rnn", "lstm", "gru")
CASES = [
    *grid(["lstm"], [32], [32]),
    *grid(ALL_CELLS, [64, 128, 256, 512], [32]),
    *grid(["lstm", "gru"], [64, 128, 256, 512], [1, 8]),
    *grid(ALL_CELLS, [64, 128, 256], [128]),
]
SECONDS = 5.0
"""For a comparison, after which one that is clear by then is left: far from 1, fewer pairs say as much."""


def compiled_digest() -> str:
    """Return a hash of the compiled extension: its source is not among the Python files that `Finished` looks at."""
    path = getattr(extension, "__file__", None)
    return hashlib.blake2b(Path(path).read_bytes(), digest_size=8).hexdigest() if path else "none"


def run(settings: Settings, threads: int) -> dict[str, Any] | None:
    """Measure every case that is not done yet; None when it was interrupted."""
    options = {
        "pairs": settings.pairs,
        "seconds": settings.seconds,
        "threads": threads,
        "peers": list(settings.peers),
        "compiled": compiled_digest(),
    }
    done = Finished("kernels", options, code_digest(TIMED_ROOMS))

    def kept(case: Case, whole: Settings) -> dict[str, Any]:
        key = {"case": str(case)}
        found = done.get(key)
        if found is None:
            began = time.perf_counter()
            figures = measure(case, whole)
            wall = round(time.perf_counter() - began, 1)
            found = done.add(key, {**figures, "wall_seconds": wall})
            show(found)
        return found

    result = run_cases(CASES, settings=settings, threads=threads, measure_case=kept)
    if not result["finished"]:
        return None
    around = surroundings()
    wall = round(sum(row["wall_seconds"] for row in result["cases"]), 1)
    machine = {**around.pop("machine"), **result.pop("machine")}
    done.clear()
    return {
        "benchmark": "kernels",
        "options": options,
        "wall_seconds": wall,
        "machine": machine,
        **around,
        **result,
    }


def show(row: dict[str, Any]) -> None:
    """Print one line of a case."""
    ratios = (
        f"{name} {figures['ratio']:.2f} ({figures['low']:.2f}-{figures['high']:.2f})"
        for name, figures in row["against"].items()
    )
    print(
        f"{row['case']}: {row['kernel']}  {'  '.join(ratios)}  [{row['wall_seconds']} s]",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    if given.threads < 1 or given.pairs < 1 or not given.seconds > 0:
        parser.error("--threads, --pairs and --seconds must be above 0")
    settings = Settings(pairs=given.pairs, seconds=given.seconds, peers=tuple(installed()))
    result = run(settings, given.threads)
    if result is None:
        sys.exit("interrupted; the same command goes on with the cases that are left")
    write_result(result)


if __name__ == "__main__":
    main()
