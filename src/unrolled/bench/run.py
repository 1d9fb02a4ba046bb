"""A whole run: the machine's peak, then case after case, and what was finished when it is stopped."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from types import TracebackType
from typing import Any

import torch

from unrolled.bench.cases import Case
from unrolled.bench.measure import Settings, measure
from unrolled.bench.peers import PEERS, installed
from unrolled.kernels.extension import extension, extension_status
from unrolled.train.threads import torch_threads

PEAK_SECONDS = 0.1
PEAK_TRIES = 3


def measured_peak(threads: int) -> float | None:
    """Return the floating point operations a second of this machine, the best of a few tries; None without the extension."""
    if extension is None:
        return None
    return max(float(extension.peak_flops(threads, PEAK_SECONDS)) for _ in range(PEAK_TRIES))


class Bar(AbstractContextManager["Bar"]):
    """A bar on stderr where that is a terminal: which case is timed, and how many are done."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            console=console,
            auto_refresh=False,  # a thread that draws would take time from what is timed
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("", total=total)

    def __enter__(self) -> Bar:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def begin(self, done: int, case: Case) -> None:
        self.bar.update(self.task, completed=done, description=str(case))
        self.bar.refresh()


def run_cases(
    cases: Sequence[Case],
    *,
    settings: Settings,
    threads: int | None = None,
    measure_case: Callable[[Case, Settings], dict[str, Any]] = measure,
) -> dict[str, Any]:
    """Measure every case and return their figures beside those of the machine.

    Ctrl-C ends the run: what is finished is returned, with ``"finished": False``.

    Args:
        cases: of the grid; a GRU is timed beside the LSTM where the grid has both.
        settings: of every case; the peak is measured here.
        threads: of torch and of ours; None = as many as torch has.
        measure_case: gives the figures of a case: `measure`, or one that keeps them.

    Raises:
        UnrolledError: a result is not torch's.
    """
    both = {"lstm", "gru"} <= {case.cell for case in cases}
    rows: list[dict[str, Any]] = []
    with torch_threads(threads or torch.get_num_threads()), Bar(len(cases)) as bar:
        peak = measured_peak(torch.get_num_threads())
        settings = replace(settings, peak=peak, beside_lstm=both)
        finished = True
        try:
            for case in cases:
                bar.begin(len(rows), case)
                rows.append(measure_case(case, settings))
        except KeyboardInterrupt:
            finished = False
        machine = machine_facts(peak)
    return {"machine": machine, "pairs": settings.pairs, "finished": finished, "cases": rows}


def machine_facts(peak: float | None) -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
    there = installed()
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "cores_of_this_process": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "peak_gflops": peak / 1e9 if peak else None,
        "kernels": extension_status(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "peers": {name: there.get(name, "not installed") for name in PEERS},
    }
