"""Polyphonic music: what keys of a piano sound in the next frame, JSB chorales and Nottingham (Boulanger-Lewandowski et al.
2012, arXiv:1206.6392), one cell beside another and beside two simple methods.

    UNROLLED_DATA=DIR python -m benchmarks.music jsb|nottingham|all [--cells gru lstm rnn mingru] [--seeds N]

DIR holds generate/polyphonic_music/{JSB_Chorales,Nottingham}.mat with their own parts. Every frame but a piece's first is
scored once: the negative log-likelihood of its 88 keys, given the frames before, in nats a frame. The weights are those
of the best validation score; the test part is looked at once, after the training. Simple methods: how often each key
sounds, and a logistic regression of each key on the frame before. Published: LSTM 8.45, GRU 8.43, RNN 8.91 (JSB) and 3.29,
3.46, 4.05 (Nottingham), of Bai et al. 2018, arXiv:1803.01271. With all cells benchmarks/results/music_NAME.json is written;
what is done is kept until then.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.io import loadmat
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.runs import Finished, summary, surroundings, write_result
from unrolled import Dropout, Seq, Stack, deep
from unrolled.cells import cell_named
from unrolled.train.batches import BatchList, length_buckets
from unrolled.train.loop import Loss, fit
from unrolled.train.progress import TerminalProgress
from unrolled.train.settings import TrainSettings

KEYS = 88
METRIC = "nats_per_frame"
FILES = {"jsb": "JSB_Chorales", "nottingham": "Nottingham"}
PUBLISHED = {
    "jsb": {"lstm": 8.45, "gru": 8.43, "rnn": 8.91},
    "nottingham": {"lstm": 3.29, "gru": 3.46, "rnn": 4.05},
}
CELLS = ("gru", "lstm", "rnn", "mingru")
OPTIONS: dict[str, dict[str, Any]] = {
    "jsb": {"hidden": 512, "layers": 1, "dropout": 0.5, "batch": 8, "epochs": 200},
    "nottingham": {"hidden": 512, "layers": 1, "dropout": 0.3, "batch": 16, "epochs": 60},
}

Roll = NDArray[np.float32]
"""A piece: (T, 88), 1 where a key sounds."""


class Rolls(NamedTuple):
    """The pieces of each part."""

    train: list[Roll]
    validation: list[Roll]
    test: list[Roll]


def read_rolls(path: Path) -> Rolls:
    read = loadmat(path)
    return Rolls(
        *(
            [np.asarray(piece, np.float32) for piece in read[f"{part}data"][0]]
            for part in ("train", "valid", "test")
        )
    )


def pairs(pieces: list[Roll]) -> tuple[Roll, Roll]:
    """Return every frame that another follows, and that other: (N, 88) each."""
    before = np.concatenate([piece[:-1] for piece in pieces])
    return before, np.concatenate([piece[1:] for piece in pieces])


def simple_methods(rolls: Rolls) -> dict[str, float]:
    """Return the test scores of the methods that know no more than the frame before."""
    before, following = pairs(rolls.train)
    seen, answers = pairs(rolls.test)
    rates = (following.sum(0) + 1) / (len(following) + 2)
    by_rate = np.broadcast_to(rates, answers.shape)
    by_frame = by_rate.copy()
    for key in np.flatnonzero(following.any(0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(max_iter=200).fit(before, following[:, key])
        by_frame[:, key] = model.predict_proba(seen)[:, 1]
    return {"key_rates": nats(by_rate, answers), "frame_before": nats(by_frame, answers)}


def nats(probabilities: Roll, answers: Roll) -> float:
    right = np.where(answers > 0, probabilities, 1 - probabilities)
    return float(-np.log(np.maximum(right, 1e-12)).sum(1).mean())


def batch_of(pieces: list[Roll]) -> tuple[Seq, Tensor]:
    """Return the frames that others follow, and these, one after the other (N, 88)."""
    xs = Seq.from_list([torch.from_numpy(piece[:-1]) for piece in pieces])
    return xs, Seq.from_list([torch.from_numpy(piece[1:]) for piece in pieces]).valid()


def loss(network: nn.Module, batch: tuple[Seq, Tensor]) -> Loss:
    xs, answers = batch
    ys, _ = network(xs)
    total = F.binary_cross_entropy_with_logits(ys.valid(), answers, reduction="sum")
    return Loss(total, len(answers))


def score(network: nn.Module, pieces: list[Roll]) -> float:
    """Return nats a frame."""
    total, items = 0.0, 0.0
    with torch.no_grad():
        for start in range(0, len(pieces), 32):
            found = loss(network, batch_of(pieces[start : start + 32]))
            total, items = total + float(found.total), items + float(found.items)
    return total / items


def training_batches(
    pieces: list[Roll], size: int, seed: int
) -> Callable[[int], BatchList[tuple[Seq, Tensor]]]:
    lengths = [len(piece) - 1 for piece in pieces]

    def batches(epoch: int) -> BatchList[tuple[Seq, Tensor]]:
        rows = length_buckets(lengths, size, seed=seed, epoch=epoch)
        return BatchList(rows, lambda some: batch_of([pieces[int(row)] for row in some]))

    return batches


def one_run(name: str, cell: str, seed: int, rolls: Rolls) -> dict[str, Any]:
    """Train one network and score it."""
    options = OPTIONS[name]
    torch.manual_seed(seed)
    hidden, dropout = options["hidden"], options["dropout"]
    network = Stack(
        nn.Linear(KEYS, hidden),
        Dropout(dropout, locked=True),
        deep(cell_named(cell), hidden, hidden, layers=options["layers"], dropout=dropout),
        Dropout(dropout, locked=True),
        nn.Linear(hidden, KEYS),
    )
    settings = TrainSettings(
        epochs=options["epochs"],
        batch_size=options["batch"],
        optimizer="adamw",
        learning_rate=2e-3,
        warmup_steps=50,
        average=0.99,
        patience=20,
        seed=seed,
    )
    result = fit(
        network,
        loss,
        training_batches(rolls.train, options["batch"], seed),
        settings,
        validate=lambda network: score(network, rolls.validation),
        progress=TerminalProgress(
            settings, title=f"{name}, {cell}, seed {seed}", score_name=METRIC, lines=True
        ),
    )
    return {
        "scores": {METRIC: score(network.eval(), rolls.test)},
        "validation": result.best_score,
        "steps": result.steps,
        "best_step": result.best_step,
        "stopped": result.stopped,
        "training_seconds": round(result.seconds, 1),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def run(name: str, read: argparse.Namespace) -> None:
    rolls = read_rolls(read.data / "generate" / "polyphonic_music" / f"{FILES[name]}.mat")
    finished = Finished(f"music_{name}", OPTIONS[name])
    cells = {}
    for cell in read.cells:
        runs = []
        for seed in range(read.seeds):
            key = {"cell": cell, "seed": seed}
            done = finished.get(key) or finished.add(key, one_run(name, cell, seed, rolls))
            print(f"{name} {cell} seed {seed}: {done['scores'][METRIC]:.3f} {METRIC}, "
                  f"{done['training_seconds']} s")  # fmt: skip
            runs.append(done)
        cells[cell] = summary(runs, METRIC)
    if not set(CELLS) <= set(read.cells):
        return  # What is done is kept for the run of all cells.
    write_result(
        {
            "benchmark": f"music_{name}",
            "options": OPTIONS[name],
            "pieces": {part: len(pieces) for part, pieces in rolls._asdict().items()},
            "published": PUBLISHED[name],
            "baselines": simple_methods(rolls),
            "cells": cells,
            **surroundings(),
        }
    )
    finished.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", choices=[*FILES, "all"])
    parser.add_argument("--data", type=Path, default=os.environ.get("UNROLLED_DATA"))
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--seeds", type=int, default=3)
    read = parser.parse_args()
    if read.data is None:
        parser.error("give the data folder: --data DIR, or UNROLLED_DATA=DIR")
    for name in FILES if read.name == "all" else (read.name,):
        run(name, read)


if __name__ == "__main__":
    main()
