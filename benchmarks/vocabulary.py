"""The vocabulary head: vocabulary_loss in training, and scores from packed weights in decoding, against torch's own.

    python -m benchmarks vocabulary [--pairs N] [--threads N] [--processor-time]

Training is forward and backward of a mean over the rows with label smoothing, against F.linear and F.cross_entropy;
decoding is `packed_affine` against F.linear. Both are timed in alternating pairs: the ratio is the median over pairs, with
the ends of its bootstrap 95 % interval. Memory is the peak beyond inputs and gradients, each side in a process of its own.
On a busy machine time the processor, with one thread.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.runs import peak_memory_mb, surroundings, write_result
from unrolled.bench.timing import duel
from unrolled.kernels.packed_affine import packed_affine
from unrolled.models.vocabulary_loss import vocabulary_loss

ROWS, FEATURES, TOKENS = (512, 1000, 4000), (256, 512), (4000, 8000, 16_000)
DECODED_ROWS = (1, 5, 32, 160)
OF_MEMORY = 20_000, 256, 8000
SMOOTHING = 0.1

Loss = Callable[..., Tensor]


def torchs(
    hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, *, smoothing: float
) -> Tensor:
    scores = F.linear(hidden, weight, bias)
    return F.cross_entropy(scores, targets, label_smoothing=smoothing, reduction="sum")


LOSSES: dict[str, Loss] = {"unrolled": vocabulary_loss, "torch": torchs}


def problem(rows: int, features: int, tokens: int) -> tuple[list[Tensor], Tensor]:
    torch.manual_seed(0)
    shapes = ((rows, features), (tokens, features), (tokens,))
    leaves = [torch.randn(shape) for shape in shapes]
    leaves[1] *= features**-0.5
    return [leaf.requires_grad_() for leaf in leaves], torch.randint(0, tokens, (rows,))


def gradients(loss: Loss, leaves: list[Tensor], targets: Tensor) -> tuple[Tensor, ...]:
    mean = loss(*leaves, targets, smoothing=SMOOTHING) / len(targets)
    return torch.autograd.grad(mean, leaves)


def training(sizes: tuple[int, int, int], **timing: Any) -> dict[str, Any]:
    leaves, targets = problem(*sizes)
    for ours, theirs in zip(*(gradients(loss, leaves, targets) for loss in LOSSES.values()), strict=True):  # fmt: skip
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)
    sides = [lambda loss=loss: gradients(loss, leaves, targets) for loss in LOSSES.values()]
    return named(sizes) | duel(*sides, **timing).as_json()


@torch.no_grad()
def decoding(sizes: tuple[int, int, int], **timing: Any) -> dict[str, Any]:
    (hidden, weight, bias), _ = problem(*sizes)
    for _ in range(3):
        torch.testing.assert_close(
            packed_affine(hidden, weight, bias),
            F.linear(hidden, weight, bias),
            rtol=1e-4,
            atol=1e-4,
        )
    sides = [lambda run=run: run(hidden, weight, bias) for run in (packed_affine, F.linear)]
    return named(sizes) | duel(*sides, **timing).as_json()


def named(sizes: tuple[int, int, int]) -> dict[str, int]:
    return dict(zip(("rows", "features", "tokens"), sizes, strict=True))


def peak_beyond(name: str) -> float:
    """Return the megabytes at the peak beyond inputs and gradients, in a process that has done nothing else."""
    leaves, targets = problem(*OF_MEMORY)
    # Their room is taken before, and so is what torch loads at its first call.
    room = [torch.zeros_like(leaf) for leaf in leaves]
    gradients(LOSSES[name], [leaf[:70] for leaf in leaves], targets[:70] % 70)
    before = peak_memory_mb()
    del room
    gradients(LOSSES[name], leaves, targets)
    return round(peak_memory_mb() - before, 1)


def memory() -> Iterator[tuple[str, float]]:
    for name in LOSSES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            yield name, pool.apply(peak_beyond, (name,))


def shown(row: dict[str, Any]) -> str:
    sizes = f"N={row['rows']} E={row['features']} V={row['tokens']}"
    times = f"{1e3 * row['ours_seconds']:.2f} ms, torch {1e3 * row['seconds']:.2f} ms"
    return f"{sizes}: {times}, {row['ratio']:.2f} x ({row['low']:.2f} to {row['high']:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processor-time", action="store_true")
    read = parser.parse_args()
    if min(read.pairs, read.threads) < 1:
        parser.error("--pairs and --threads: at least 1")
    torch.set_num_threads(read.threads)
    clock = time.thread_time if read.processor_time else time.perf_counter
    # First, while this process is small: what it has held counts as the peak of those that it starts.
    peaks = dict(memory())
    print(f"memory N={OF_MEMORY[0]} E={OF_MEMORY[1]} V={OF_MEMORY[2]}: {peaks} MB", flush=True)
    rows: dict[str, list[dict[str, Any]]] = {"training": [], "decoding": []}
    for measure, sizes in (
        *((training, sizes) for sizes in itertools.product(ROWS, FEATURES, TOKENS)),
        *((decoding, sizes) for sizes in itertools.product(DECODED_ROWS, FEATURES, (8000,))),
    ):
        row = measure(sizes, pairs=read.pairs, clock=clock)
        rows[measure.__name__].append(row)
        print(measure.__name__, shown(row), flush=True)
    options = {"threads": read.threads, "pairs": read.pairs, "clock": clock.__name__}
    peak = {"memory_beyond_inputs_and_gradients_mb": {**named(OF_MEMORY), **peaks}}
    write_result({"benchmark": "vocabulary", **options, **rows, **peak, **surroundings()})


if __name__ == "__main__":
    main()
