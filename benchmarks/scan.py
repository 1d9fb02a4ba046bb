"""MinGRU and MinLSTM in training: the compiled scan beside the plain loop and beside a cumulative sum of logarithms in torch.

    python -m benchmarks.scan [--threads N] [--rounds N] [--hidden N] [--batch N]

A round runs every contender once, forward and backward with gradients of input and parameters, in turns, so that a busy
moment of the machine meets all of them. Each figure is the median over the rounds, in milliseconds, with the 10th and the
90th percentile, by the wall clock and by the processor's; the ratio is the median of the rounds' ratios. `lengths` is
the time of a step against the length of the sequence, ours alone. Everything goes to benchmarks/results/scan.json.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.runs import surroundings, write_result
from unrolled import MinGRU, MinLSTM, Seq, explain
from unrolled.cells.minimal import MinimalCell
from unrolled.core.unroll import plain_loop

STEPS = 1024
LENGTHS = (1024, 2048, 4096, 8192, 16384)
CELLS: tuple[type[MinimalCell], ...] = (MinGRU, MinLSTM)


def ours(cell: MinimalCell, xs: Tensor) -> Tensor:
    ys: Tensor = cell(xs)[0]
    return ys


def loop(cell: MinimalCell, xs: Tensor) -> Tensor:
    ys: Tensor = plain_loop(cell, Seq(xs), cell.initial_state(len(xs)))[0].data
    return ys


def log_space(cell: MinimalCell, xs: Tensor) -> Tensor:
    """Return what `cell` computes, all in logarithms: log h_t = A_t + log sum_s exp(log b_s - A_s), A = cumsum(log a)."""
    *gates, u = cell.from_input(xs).chunk(cell.gate_count, -1)
    if isinstance(cell, MinGRU):
        log_a, log_write = -F.softplus(gates[0]), -F.softplus(-gates[0])
    else:
        apart = F.softplus(-gates[1]) - F.softplus(-gates[0])
        log_a, log_write = -F.softplus(apart), -F.softplus(-apart)
    log_b = log_write + torch.where(u > 0, (F.relu(u) + 0.5).log(), -F.softplus(-u))
    total = log_a.cumsum(1)
    return (total + (log_b - total).logcumsumexp(1)).exp()


CONTENDERS: dict[str, Callable[[MinimalCell, Tensor], Tensor]] = {
    "unrolled": ours,
    "plain_loop": loop,
    "log_space_torch": log_space,
}


def train_once(run: Callable[[MinimalCell, Tensor], Tensor], cell: MinimalCell, xs: Tensor) -> None:
    ys = run(cell, xs)
    torch.autograd.grad(ys, [xs, *cell.parameters()], torch.ones_like(ys))


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return the milliseconds that passed, and those that the processor spent on this process."""
    wall, spent = time.perf_counter(), time.process_time()
    work()
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - spent)


def spread(values: Any) -> dict[str, float]:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return {"median": round(middle, 3), "p10": round(low, 3), "p90": round(high, 3)}


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def problem(kind: type[MinimalCell], batch: int, steps: int, hidden: int) -> tuple[Any, Tensor]:
    torch.manual_seed(0)
    return kind(hidden, hidden), torch.randn(batch, steps, hidden, requires_grad=True)


def race(kind: type[MinimalCell], batch: int, hidden: int, rounds: int) -> dict[str, Any]:
    """Return the times of every contender on one problem, after checking that they compute the same."""
    cell, xs = problem(kind, batch, STEPS, hidden)
    (choice,) = explain(cell, xs)
    with torch.no_grad():
        expected = loop(cell, xs)
        for name, run in CONTENDERS.items():
            # In logarithms float32 loses digits where the sum of log a has grown.
            torch.testing.assert_close(run(cell, xs), expected, rtol=1e-2, atol=1e-2, msg=name)
    for run in CONTENDERS.values():
        train_once(run, cell, xs)
    times = np.array(
        [
            [timed(lambda run=run: train_once(run, cell, xs)) for run in CONTENDERS.values()]
            for _ in range(rounds)
        ]
    )
    wall, spent = times[..., 0], times[..., 1]
    rows = {
        name: {"wall_ms": spread(wall[:, place]), "processor_ms": spread(spent[:, place])}
        for place, name in enumerate(CONTENDERS)
    }
    ratios = {
        f"{name}_to_unrolled": spread(wall[:, place] / wall[:, 0])
        for place, name in enumerate(CONTENDERS)
        if place
    }
    return {"kernel": choice.kernel, "times": rows, "ratios": ratios}


def by_length(kind: type[MinimalCell], batch: int, hidden: int, rounds: int) -> dict[str, Any]:
    """Return the microseconds of one step of the whole batch in training, at each length, by both clocks."""
    problems = {steps: problem(kind, batch, steps, hidden) for steps in LENGTHS}
    for cell, xs in problems.values():
        train_once(ours, cell, xs)
    taken: dict[int, list[tuple[float, float]]] = {steps: [] for steps in LENGTHS}
    for _ in range(rounds):
        for steps, (cell, xs) in problems.items():
            taken[steps].append(timed(lambda cell=cell, xs=xs: train_once(ours, cell, xs)))
    us = {steps: 1e3 / steps * np.array(values) for steps, values in taken.items()}
    return {
        str(steps): {"wall": spread(values[:, 0]), "processor": spread(values[:, 1])}
        for steps, values in us.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    read = parser.parse_args()
    options = {"hidden": read.hidden, "batch": read.batch, "threads": read.threads}
    cells = {}
    with threads(read.threads):
        for kind in CELLS:
            found = race(kind, read.batch, read.hidden, read.rounds)
            found["step_us_by_length"] = by_length(kind, read.batch, read.hidden, read.rounds)
            cells[kind.__name__] = found
            print(kind.__name__, found["kernel"])
            for name, row in found["times"].items():
                print(f"  {name:<16} {row['wall_ms']['median']:9.2f} ms")
            for name, ratio in found["ratios"].items():
                print(f"  {name:<28} {ratio['median']:6.2f} ({ratio['p10']} to {ratio['p90']})")
            for steps, row in found["step_us_by_length"].items():
                print(f"  T = {steps:<8} {row['wall']['median']:8.2f} us a step")
    result = {"benchmark": "scan", "options": {**options, "steps": STEPS, "rounds": read.rounds}}
    write_result({**result, "cells": cells, **surroundings()})


if __name__ == "__main__":
    main()
