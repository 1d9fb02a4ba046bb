"""Training a translator: target tokens a second, beside the same network in plain torch.

    python -m benchmarks.translate_speed [--cells gru lstm] [--threads 1 2] [--pairs N] [--batches N]

The network is the job's own for 29,000 pairs of one script. Lengths are drawn like those of Multi30k de-en in subwords:
sources log-normal, a target as long as its source times a log-normal factor; tokens are drawn uniformly. Ours is trained by
the job's training loop, with its running average of the weights; the other by hand on the same batches, with AdamW and
clipping, see `benchmarks.translate_plain`. Before they are timed, both must have the same loss and gradient without dropout.
With all cells and threads, benchmarks/results/translate_speed.json is written; a case that is done is kept until then.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.runs import Finished, surroundings, write_result
from benchmarks.translate_plain import PlainTranslator, plain_loss, train_plainly
from unrolled.bench.timing import PAIRS, duel
from unrolled.data.token_rows import TokenRows
from unrolled.models.seq2seq import Seq2Seq
from unrolled.models.token_ids import BEGIN, END
from unrolled.tasks.translate import TranslateSettings
from unrolled.tasks.translate.network import make_network, network_sizes
from unrolled.tasks.translate.reading import EncodedPairs, PairBatch
from unrolled.tasks.translate.settings import training_settings, with_usual
from unrolled.tasks.translate.training import training_batches, translate_loss
from unrolled.train.batches import BatchList
from unrolled.train.loop import fit
from unrolled.train.threads import torch_threads

CELLS, THREADS = ("gru", "lstm"), (1, 2)
VOCABULARY, TRAINING_PAIRS, SEED = 8_000, 29_000, 0
SOURCE_LENGTHS, TARGET_FACTOR = (2.605, 0.348), (-0.014, 0.179)
"""Mean and spread of the logarithms, measured on Multi30k de-en in 8,000 shared subwords."""
LOSS_APART, GRADIENT_APART = 1e-4, 1e-3


def drawn_pairs(rows: int) -> EncodedPairs:
    """Return pairs of tokens, as they stand in a `PairBatch`."""
    draw = np.random.default_rng(SEED)
    sources = draw.lognormal(*SOURCE_LENGTHS, rows)
    targets = sources * draw.lognormal(*TARGET_FACTOR, rows)

    def tokens(length: float) -> list[int]:
        return [*draw.integers(END + 1, VOCABULARY, max(1, round(length))).tolist(), END]

    return EncodedPairs(
        TokenRows.of(map(tokens, sources)), TokenRows.of([BEGIN, *tokens(n)] for n in targets)
    )


def network_of(cell: str, settings: TranslateSettings) -> Seq2Seq:
    sizes = network_sizes(cell, settings, VOCABULARY, VOCABULARY)
    return make_network(cell, settings, sizes, settings.max_length, SEED)


def apart(
    network: Seq2Seq, plain: PlainTranslator, batch: PairBatch, smoothing: float
) -> dict[str, float]:
    """Return how far loss and gradient norm differ without dropout; raise where that is more than rounding."""

    def norm(model: torch.nn.Module) -> float:
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        model.zero_grad()
        return float(torch.nn.utils.get_total_norm(gradients))

    network.eval()
    plain.eval()
    total, count = network.loss(batch.source, batch.target, smoothing)
    losses = (total / count, plain_loss(plain, batch, smoothing))
    for loss in losses:
        loss.backward()
    first, second = (float(loss.detach()) for loss in losses)
    found = {"loss": abs(first - second), "gradient": abs(norm(network) / norm(plain) - 1)}
    if found["loss"] > LOSS_APART or found["gradient"] > GRADIENT_APART:
        raise RuntimeError(f"the networks differ: {found}")
    return found


def measure(
    cell: str,
    threads: int,
    settings: TranslateSettings,
    *,
    pairs: int,
    batches: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Return the target tokens a second of both, and the ratio of their times on the same batches.

    Args:
        cell: of encoder and decoder.
        threads: of torch.
        settings: of the network, with nothing left open.
        pairs: how often each is timed.
        batches: that are trained on each time.
        clock: gives seconds.
    """
    tokens, smoothing = settings.batch_tokens or 1, settings.label_smoothing
    encoded = drawn_pairs(TRAINING_PAIRS)
    whole = training_batches(lambda epoch: encoded, tokens, SEED)(0)
    # Every sample is trained on other batches, the same on both sides: they take turns.
    starts = range(0, len(whole) - batches, batches)
    parts = [whole[start : start + batches] for start in starts][: pairs + 2]
    network = network_of(cell, settings)
    plain = PlainTranslator(network)
    given = {"epochs": 1, "threads": threads, "seed": SEED}
    train = training_settings(given, batches=batches, tokens=batches * tokens)
    ours, theirs = itertools.cycle(parts), itertools.cycle(parts)

    def job() -> None:
        part: BatchList[PairBatch] = next(ours)
        fit(network, translate_loss(smoothing), lambda epoch: part, train)

    def by_hand() -> None:
        train_plainly(
            plain,
            next(theirs),
            smoothing=smoothing,
            learning_rate=train.learning_rate,
            clip_norm=train.clip_norm or float("inf"),
        )

    with torch_threads(threads):
        differ = apart(network, plain, whole[0], smoothing)
        fought = duel(job, by_hand, pairs=pairs, clock=clock)
    counts = [int((batch.target.row_lengths - 1).sum()) for part in parts for batch in part]
    each = float(np.mean(counts)) * batches
    return {
        **fought.as_json(),
        "tokens_per_second": each / fought.ours,
        "torch_tokens_per_second": each / fought.theirs,
        "target_tokens_a_batch": float(np.mean(counts)),
        "differ": differ,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--threads", nargs="+", type=int, default=THREADS)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how often each is timed")
    parser.add_argument("--batches", type=int, default=3, help="trained on each time")
    read = parser.parse_args()
    settings = with_usual(TranslateSettings(), pairs=TRAINING_PAIRS, one_script=True)
    sample = {"pairs": read.pairs, "batches": read.batches}
    finished = Finished("translate_speed", sample)
    cases = []
    for cell, threads in itertools.product(read.cells, read.threads):
        key = {"cell": cell, "threads": threads}
        case = finished.get(key) or finished.add(key, measure(cell, threads, settings, **sample))
        cases.append(case)
        print(
            f"{cell} {threads} threads: {case['tokens_per_second']:,.0f} target tokens/s, torch "
            f"{case['torch_tokens_per_second']:,.0f}; {case['ratio']:.2f} x "
            f"({case['low']:.2f} to {case['high']:.2f})",
            flush=True,
        )
    if set(CELLS) <= set(read.cells) and set(THREADS) <= set(read.threads):
        write_result(
            {
                "benchmark": "translate_speed",
                "configuration": {**settings.as_dict(), "vocabulary": VOCABULARY},
                "lengths": {"source_log": SOURCE_LENGTHS, "target_factor_log": TARGET_FACTOR},
                "seed": SEED,
                **sample,
                "cases": cases,
                **surroundings(),
            }
        )
        finished.clear()


if __name__ == "__main__":
    main()
