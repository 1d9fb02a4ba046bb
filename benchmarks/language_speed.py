"""A language model of characters: training and writing, beside the same network in plain torch.

    python -m benchmarks.language_speed [--cells gru lstm] [--threads 1 2] [--pairs N] [--windows N] [--tokens N]

The network has two layers of 512 units, tied weights and 65 characters, which are drawn uniformly. Training: ours by
the training loop, with locked dropout, the state carried from window to window and a running average of the weights; the
other by hand on the same windows, with dropout, AdamW and clipping, see `benchmarks.language_plain`. Before they are
timed, both must have the same loss and gradient without dropout. Writing: one text, every character drawn from the
softmax; plain torch once with its layers and once with its cells.
With all cells and threads, benchmarks/results/language_speed.json is written; a case that is done is kept until then.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.language_plain import (
    PlainLanguageModel,
    step_cells,
    train_plainly,
    write_with_cells,
    write_with_layers,
)
from benchmarks.runs import Finished, surroundings, write_result
from unrolled import Sampling, Stream, renew
from unrolled.bench.timing import PAIRS, duel
from unrolled.core.tree import State
from unrolled.data.streams import StreamWindow, TokenStreams
from unrolled.models.language import LanguageModel, LanguageSizes
from unrolled.models.recurrent_stack import recurrent_stack
from unrolled.models.search import Rules
from unrolled.models.writer import Writer
from unrolled.train.loop import Loss, fit
from unrolled.train.settings import TrainSettings
from unrolled.train.threads import torch_threads

CELLS, THREADS = ("gru", "lstm"), (1, 2)
VOCABULARY, HIDDEN, LAYERS, DROPOUT, SEED = 65, 512, 2, 0.2, 0
ROWS, STEPS = 32, 128
SETTINGS = {"optimizer": "adamw", "learning_rate": 2e-3, "average": 0.99, "clip_norm": 1.0}
LOSS_APART, GRADIENT_APART, SCORES_APART = 1e-4, 1e-3, 1e-3
FIRST = 0
"""The character that a text begins with."""

Clock = Callable[[], float]


def network_of(cell: str) -> LanguageModel:
    torch.manual_seed(SEED)
    layer = recurrent_stack(cell, HIDDEN, HIDDEN, LAYERS, dropout=DROPOUT)
    return LanguageModel(layer, LanguageSizes(VOCABULARY, HIDDEN, HIDDEN), dropout=DROPOUT)


def drawn_windows(count: int) -> list[StreamWindow]:
    """Return windows that follow each other."""
    ids = np.random.default_rng(SEED).integers(VOCABULARY, size=ROWS * STEPS * count + 1)
    return list(TokenStreams(ids, ROWS, STEPS)(0))


def window_loss(model: Any, window: StreamWindow, state: State) -> tuple[Loss, State]:
    total, count, state = model.loss(window.tokens, window.targets, renew(state))
    return Loss(total, count), state


def begin(model: Any, window: StreamWindow) -> State:
    return model.initial_state(len(window.tokens))


def apart(
    network: LanguageModel, plain: PlainLanguageModel, window: StreamWindow
) -> dict[str, float]:
    """Return how far loss and gradient norm differ without dropout; raise where that is more than rounding."""
    network.eval()
    plain.eval()
    total, count, _ = network.loss(window.tokens, window.targets)
    losses = (total / count, plain.loss(window, plain.begin())[0])
    norms = []
    for model, loss in zip((network, plain), losses, strict=True):
        loss.backward()
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        norms.append(float(torch.nn.utils.get_total_norm(gradients)))
        model.zero_grad()
    found = {
        "loss": abs(float(losses[0].detach() - losses[1].detach())),
        "gradient": abs(norms[0] / norms[1] - 1),
    }
    if found["loss"] > LOSS_APART or found["gradient"] > GRADIENT_APART:
        raise RuntimeError(f"the networks differ: {found}")
    return found


def measure_training(
    cell: str, threads: int, *, pairs: int, windows: int, clock: Clock = time.perf_counter
) -> dict[str, Any]:
    """Return the characters a second of both, and the ratio of their times on the same windows."""
    network = network_of(cell)
    plain = PlainLanguageModel(network)
    some = drawn_windows(windows)
    train = TrainSettings(epochs=1, threads=threads, seed=SEED, **SETTINGS)  # type: ignore[arg-type]

    def ours() -> None:
        fit(network, window_loss, lambda epoch: some, train, carry=begin)

    def theirs() -> None:
        train_plainly(
            plain, some, learning_rate=train.learning_rate, clip_norm=train.clip_norm or 1.0
        )

    with torch_threads(threads):
        differ = apart(network, plain, some[0])
        fought = duel(ours, theirs, pairs=pairs, clock=clock)
    each = sum(window.tokens.numel() for window in some)
    return {
        **fought.as_json(),
        "tokens_per_second": each / fought.ours,
        "torch_tokens_per_second": each / fought.theirs,
        "differ": differ,
    }


def check_scores(network: LanguageModel, plain: PlainLanguageModel) -> float:
    """Return how far the logits after some characters differ; raise where that is more than rounding."""
    tokens = torch.from_numpy(np.random.default_rng(SEED).integers(VOCABULARY, size=(1, 50)))
    with torch.inference_mode():
        ours, theirs = Stream(network).push(tokens), plain(tokens, plain.begin())[0]
    found = float((ours - theirs).abs().max())
    if not found <= SCORES_APART:
        raise RuntimeError(f"the networks differ: {found}")
    return found


def measure_writing(
    cell: str, threads: int, *, pairs: int, tokens: int, clock: Clock = time.perf_counter
) -> dict[str, Any]:
    """Return the characters a second of ours and of plain torch, with its layers and with its cells."""
    network = network_of(cell).eval()
    plain = PlainLanguageModel(network).eval()
    cells = step_cells(plain)
    stream = Stream(network)

    def ours() -> None:
        stream.restore(None)
        Writer(stream, FIRST, tokens, Rules(end=None, forbidden=()), sampling=Sampling()).run()

    rivals = {
        "layers": lambda: write_with_layers(plain, tokens),
        "cells": lambda: write_with_cells(plain, cells, tokens),
    }
    with torch_threads(threads):
        differ = check_scores(network, plain)
        fought = {
            name: duel(ours, theirs, pairs=pairs, clock=clock) for name, theirs in rivals.items()
        }
    return {
        "tokens_per_second": tokens / float(np.median([one.ours for one in fought.values()])),
        "against": {
            name: {**one.as_json(), "torch_tokens_per_second": tokens / one.theirs}
            for name, one in fought.items()
        },
        "differ": differ,
    }


def shown(part: str, case: dict[str, Any]) -> str:
    beside = case["against"] if part == "writing" else {"": case}
    rest = "; ".join(
        f"torch {name} {one['torch_tokens_per_second']:,.0f}, {one['ratio']:.2f} x "
        f"({one['low']:.2f} to {one['high']:.2f})"
        for name, one in beside.items()
    )
    return f"{part} {case['cell']} {case['threads']} threads: {case['tokens_per_second']:,.0f} characters/s; {rest}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--threads", nargs="+", type=int, default=THREADS)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how often each is timed")
    parser.add_argument("--windows", type=int, default=2, help="trained on each time")
    parser.add_argument("--tokens", type=int, default=200, help="written each time")
    read = parser.parse_args()
    sample = {"pairs": read.pairs, "windows": read.windows, "tokens": read.tokens}
    finished = Finished("language_speed", sample)
    cases: dict[str, list[dict[str, Any]]] = {"training": [], "writing": []}
    for part, cell, threads in itertools.product(cases, read.cells, read.threads):
        key = {"part": part, "cell": cell, "threads": threads}
        case = finished.get(key)
        if case is None and part == "training":
            found = measure_training(cell, threads, pairs=read.pairs, windows=read.windows)
            case = finished.add(key, found)
        elif case is None:
            found = measure_writing(cell, threads, pairs=read.pairs, tokens=read.tokens)
            case = finished.add(key, found)
        cases[part].append(case)
        print(shown(part, case), flush=True)
    if set(CELLS) <= set(read.cells) and set(THREADS) <= set(read.threads):
        write_result(
            {
                "benchmark": "language_speed",
                "configuration": {
                    "vocabulary": VOCABULARY,
                    "hidden_size": HIDDEN,
                    "layers": LAYERS,
                    "dropout": DROPOUT,
                    "rows": ROWS,
                    "steps": STEPS,
                    **SETTINGS,
                },
                "seed": SEED,
                **sample,
                **cases,
                **surroundings(),
            }
        )
        finished.clear()


if __name__ == "__main__":
    main()
