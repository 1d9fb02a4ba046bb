"""Long memory: the adding problem (T = 600) and copy memory (T = 1,000), a GRU beside a MinGRU.

    python -m benchmarks.long_memory adding|copy|all [--cells gru mingru] [--seeds N] [--max-steps N] [--no-chrono]

Every step is trained on fresh sequences, and every score is that of 1,000 sequences which no training saw: the mean squared
error of the sums, or the mean cross-entropy over all steps. A run that is stopped goes on from its checkpoint, a finished
one is kept until the whole result stands in benchmarks/results/long_memory_TASK.json.
The update gates' biases begin so that units remember from 1 to T steps (Tallec and Ollivier 2018,
arXiv:1804.11188). Published: GRU 5.3e-5 and 0.0197 (Bai et al. 2018, arXiv:1803.01271).
"""

from __future__ import annotations

import argparse
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.runs import RESULTS, Finished, summary, surroundings, write_result
from unrolled import GRU, MinGRU, deep
from unrolled.cells import cell_named
from unrolled.data.synthetic import RECALL, adding_problem, copy_memory
from unrolled.train.loop import Loss, fit
from unrolled.train.progress import TerminalProgress
from unrolled.train.settings import TrainSettings

Batch = tuple[Tensor, Tensor]

CELLS = ("gru", "mingru")
ROWS, STEPS_AN_EPOCH, TEST_ROWS = 32, 250, 1000


@dataclass(frozen=True)
class Task:
    """What is trained: its sequences, sizes, and the score of the simplest method."""

    draw: Callable[[int, torch.Generator], Batch]
    steps: int
    score: str
    published: float
    simplest: tuple[str, float]
    features: int
    outputs: int
    hidden: int
    max_steps: int

    def loss(self, network: nn.Module, batch: Batch) -> Loss:
        xs, answers = batch
        ys = network(xs)
        if self.outputs == 1:
            return Loss((ys[:, -1, 0] - answers).square().sum(), len(answers))
        return Loss(F.cross_entropy(ys.flatten(0, 1), answers.flatten(), reduction="sum"), answers.numel())  # fmt: skip


TOKENS = RECALL + 1
TASKS = {
    "adding": Task(
        lambda rows, draw: adding_problem(rows, 600, draw),
        600,
        "mse",
        5.3e-5,
        ("answer_1", 1 / 6),
        features=2,
        outputs=1,
        hidden=128,
        max_steps=10_000,
    ),
    "copy": Task(
        lambda rows, draw: copy_memory(rows, 1000, draw),
        1020,
        "cross_entropy",
        0.0197,
        ("blanks_then_guess", 10 * math.log(8) / 1020),
        features=TOKENS,
        outputs=TOKENS,
        hidden=128,
        max_steps=10_000,
    ),
}


class Network(nn.Module):
    """Layers of one cell, and an answer at every step."""

    def __init__(self, task: Task, cell: str, layers: int) -> None:
        super().__init__()
        self.features = task.features
        self.body = deep(cell_named(cell), task.features, task.hidden, layers=layers)
        self.readout = nn.Linear(task.hidden, task.outputs)

    def forward(self, xs: Tensor) -> Tensor:
        if not xs.is_floating_point():
            xs = F.one_hot(xs, self.features).float()
        answers: Tensor = self.readout(self.body(xs)[0])
        return answers


def begin_with_long_memory(network: Network, steps: int) -> None:
    """Begin the update gates' biases as the memory of 1 to ``steps`` steps asks for, spread over the units."""
    for cell in network.modules():
        if isinstance(cell, GRU | MinGRU):
            rows = 1 if isinstance(cell, GRU) else 0
            assert cell.bias_ih is not None
            gate = cell.bias_ih.detach().view(-1, cell.hidden_size)[rows]
            spans = torch.empty_like(gate).uniform_(1, steps - 1).log()
            gate.copy_(spans if isinstance(cell, GRU) else -spans)


def batches(task: Task, seed: int) -> Callable[[int], Iterator[Batch]]:
    def epoch_of(epoch: int) -> Iterator[Batch]:
        draw = torch.Generator().manual_seed(1_000_000 * (seed + 1) + epoch)
        for _ in range(STEPS_AN_EPOCH):
            yield task.draw(ROWS, draw)

    return epoch_of


def unseen(task: Task) -> list[Batch]:
    draw = torch.Generator().manual_seed(0)
    return [task.draw(100, draw) for _ in range(TEST_ROWS // 100)]


def score(task: Task, network: nn.Module, parts: list[Batch]) -> float:
    with torch.no_grad():
        losses = [task.loss(network, part) for part in parts]
    return float(
        sum(float(loss.total) for loss in losses) / sum(int(loss.items) for loss in losses)
    )


def one_run(name: str, cell: str, seed: int, read: argparse.Namespace) -> dict[str, Any]:
    """Train one network, from its checkpoint if it has one."""
    task = TASKS[name]
    torch.manual_seed(seed)
    # What a MinGRU's gate knows of the past it must be told by a layer below.
    network = Network(task, cell, layers=1 if cell == "gru" else 2)
    if read.chrono:
        begin_with_long_memory(network, task.steps)
    settings = TrainSettings(
        epochs=None,
        max_steps=read.max_steps or task.max_steps,
        batch_size=ROWS,
        learning_rate=read.learning_rate,
        warmup_steps=100,
        clip_norm=1.0,
        seed=seed,
        threads=read.threads,
        evaluate_every=STEPS_AN_EPOCH,
    )
    parts = unseen(task)
    # They choose the weights that are kept; the test sequences are others.
    seen = [task.draw(200, torch.Generator().manual_seed(seed + 1))]
    begun = "_chrono" if read.chrono else ""
    folder = RESULTS / f"long_memory_{name}_{cell}_{seed}{begun}.checkpoint"
    progress = TerminalProgress(
        settings, title=f"{name}, {cell}, seed {seed}", score_name=task.score, lines=True
    )
    result = fit(
        network,
        task.loss,
        batches(task, seed),
        settings,
        validate=lambda network: score(task, network, seen),
        folder=folder,
        resume=True,
        progress=progress,
    )
    shutil.rmtree(folder)
    return {
        "scores": {task.score: score(task, network, parts)},
        "steps": result.steps,
        "training_seconds": round(result.seconds, 1),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "history": [{"step": record.step, task.score: record.score} for record in result.history],
    }


def run(name: str, read: argparse.Namespace) -> None:
    task = TASKS[name]
    options = {
        "hidden": task.hidden,
        "rows": ROWS,
        "max_steps": read.max_steps or task.max_steps,
        "chrono": read.chrono,
        "learning_rate": read.learning_rate,
    }
    finished = Finished(f"long_memory_{name}", options)
    cells = {}
    for cell in read.cells:
        runs = []
        for seed in range(read.seeds):
            key = {"cell": cell, "seed": seed}
            done = finished.get(key) or finished.add(key, one_run(name, cell, seed, read))
            print(f"{name} {cell} seed {seed}: {task.score} {done['scores'][task.score]:.3g}, "
                  f"{done['training_seconds']} s")  # fmt: skip
            runs.append(done)
        cells[cell] = summary(runs, task.score)
    write_result(
        {
            "benchmark": f"long_memory_{name}",
            "options": options,
            "published": {"gru": task.published},
            "simplest": dict([task.simplest]),
            "cells": cells,
            **surroundings(),
        }
    )
    finished.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("task", choices=[*TASKS, "all"])
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--chrono", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--threads", type=int)
    read = parser.parse_args()
    for name in TASKS if read.task == "all" else (read.task,):
        run(name, read)


if __name__ == "__main__":
    main()
