"""A training step of the Transformer against torch.nn.Transformer, and what a step of decoding costs by its context.

    python -m benchmarks transformer [--pairs N] [--threads N]

Both have the same sizes, normalise first and drop with the same probability, on the same padded batch; ours also turns
queries and keys and adds the places, which theirs leaves to its user. The step decodes beams of 32 sources at place 10;
to reorder them is what a search does besides. Seconds are medians over alternating pairs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.runs import surroundings, write_result
from unrolled import Seq, TransformerDecoder, TransformerEncoder, select_rows
from unrolled.bench.timing import duel

SIZE, HEADS, LAYERS, ROWS, LENGTH, DROPOUT = 256, 4, 3, 266, 15, 0.1
CONTEXTS, BEAMS = (64, 128, 512), (1, 5)


def training(pairs: int) -> dict[str, Any]:
    """Time forward and backward of both over the same sources and targets of 10 to 15 steps."""
    torch.manual_seed(0)
    lengths = [torch.randint(10, LENGTH + 1, (ROWS,)) for _ in range(2)]
    data = [torch.randn(ROWS, LENGTH, SIZE, requires_grad=True) for _ in lengths]
    options: dict[str, Any] = {"layers": LAYERS, "heads": HEADS, "dropout": DROPOUT}
    encoder = TransformerEncoder(SIZE, SIZE, **options)
    decoder = TransformerDecoder(SIZE, SIZE, SIZE, **options)
    other = nn.Transformer(
        *(SIZE, HEADS, LAYERS, LAYERS, 4 * SIZE, DROPOUT), batch_first=True, norm_first=True
    )
    padding = ~Seq(data[0], lengths[0]).mask()
    later = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)

    def batch() -> tuple[Seq, Seq]:
        return Seq(data[0], lengths[0]), Seq(data[1], lengths[1])

    def ours() -> None:
        source, target = batch()
        memory, _ = encoder(source)
        decoder.outputs(target, decoder.start(memory)).data.sum().backward()

    def theirs() -> None:
        source, target = batch()
        ys = other(source.data, target.data, None, later, None, padding, None, padding)
        target.with_data(ys).data.sum().backward()

    def count(*modules: nn.Module) -> int:
        return sum(weight.numel() for module in modules for weight in module.parameters())

    parameters = {"ours": count(encoder, decoder), "torch": count(other)}
    tokens = sum(int(each.sum()) for each in lengths)
    return {
        "parameters": parameters,
        "tokens": tokens,
        **duel(ours, theirs, pairs=pairs).as_json(),
    }


def decoding(context: int, beams: int, repeats: int) -> dict[str, Any]:
    """Time one step of beams of 32 sources, and their reordering."""
    torch.manual_seed(0)
    decoder = TransformerDecoder(SIZE, SIZE, SIZE, layers=LAYERS, heads=HEADS, context=context)
    sources, rows = 32, 32 * beams
    state = decoder.eval().start(torch.randn(sources, LENGTH, SIZE))
    state = select_rows(state, torch.arange(sources).repeat_interleave(beams), constants=False)
    x, order = torch.randn(rows, SIZE), torch.randperm(rows)
    for _ in range(10):
        _, state = decoder.step(x, state)
    return {
        "context": context,
        "rows": rows,
        "step_ms": 1e3 * median(lambda: decoder.step(x, state), repeats),
        "reorder_ms": 1e3 * median(lambda: select_rows(state, order, constants=False), repeats),
    }


def median(call: Callable[[], Any], repeats: int) -> float:
    """Return the median seconds of a call."""
    taken = []
    for _ in range(repeats + 2):  # the first two are not measured
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[2:])


def shown(step: dict[str, Any]) -> str:
    return (
        f"decoding {step['rows']} rows, context {step['context']}: "
        f"{step['step_ms']:.2f} ms a step, {step['reorder_ms']:.2f} ms to reorder"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if min(arguments.pairs, arguments.threads) < 1:
        parser.error("--pairs and --threads: at least 1")
    torch.set_num_threads(arguments.threads)
    trained = training(arguments.pairs)
    print(
        f"training step: ours {trained['ours_seconds']:.3f} s, torch {trained['seconds']:.3f} s, "
        f"{trained['ratio']:.2f} x ({trained['low']:.2f} to {trained['high']:.2f})",
        flush=True,
    )
    steps = []
    with torch.no_grad():
        for context in CONTEXTS:
            for beams in BEAMS:
                steps.append(decoding(context, beams, arguments.pairs))
                print(shown(steps[-1]), flush=True)
    result = {"benchmark": "transformer", "threads": arguments.threads, "pairs": arguments.pairs}
    write_result(result | {"training": trained, "decoding": steps} | surroundings())


if __name__ == "__main__":
    main()
