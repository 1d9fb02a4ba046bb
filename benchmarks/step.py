"""One step: Stream.push and Cell.step against torch's cell and layer, NumPy and ONNX Runtime.

    python -m benchmarks step [--pairs N] [--threads N]

All go on from the state that they reached, with the same weights; what they compute is compared first. Each rival is
timed beside `Stream.push` in alternating pairs: the ratio is the median over pairs, with the ends of its bootstrap 95 %
interval. "inside" is the same step repeated by the extension itself, without Python.
"""

from __future__ import annotations

import argparse
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.runs import surroundings, write_result
from benchmarks.step_rivals import Step, rivals
from unrolled import GRU, LSTM, RNN, Stack, Stream
from unrolled.bench.timing import duel
from unrolled.kernels.packing import Packer
from unrolled.kernels.threads import threads_for

CELLS: tuple[Callable[[int, int], Any], ...] = (RNN, GRU, LSTM)
ONE_ROW, MANY_ROWS = (32, 64, 128, 256, 512), ((1000, 128),)
TOLERANCE = 1e-4


def fight(ours: Step, theirs: Step, pairs: int) -> dict[str, float]:
    """Return median microseconds of both sides, and the ratio theirs / ours with its interval."""
    fought = duel(ours, theirs, pairs=pairs)
    return {"ours_us": fought.ours * 1e6, "us": fought.theirs * 1e6, **fought.ratio.as_json()}


def stepping(cell: Any, x: Tensor) -> Step:
    """Return `Cell.step` from the state that it reached."""
    state = cell.initial_state(len(x))

    def step() -> Tensor:
        nonlocal state
        with torch.no_grad():
            y, state = cell.step(x, state)
        result: Tensor = y
        return result

    return step


def inside(cell: Any, x: Tensor, repeats: int, pairs: int) -> float:
    """Return the median seconds of a step inside the extension."""
    packer = Packer()
    packer.add_cell(cell)
    state, ys = cell.initial_state(len(x)), torch.empty(len(x), cell.hidden_size)
    addresses = array("q", [*(leaf.data_ptr() for leaf in state), 0][:2])
    where = (x.data_ptr(), len(x), 1, ys.data_ptr(), addresses.buffer_info()[0])
    threads = threads_for(len(x) * packer.program.multiplications)
    times = [packer.program.seconds(*where, threads, repeats) / repeats for _ in range(pairs)]
    return float(np.median(times))


def check(name: str, expected: Tensor, found: Tensor) -> None:
    difference = float((expected - found).abs().max())
    if not difference <= TOLERANCE:
        raise SystemExit(f"error: {name} is off by {difference:.2g}")


def measure(make: Callable[[int, int], Any], batch: int, hidden: int, pairs: int) -> dict[str, Any]:
    torch.manual_seed(0)
    cell, x = make(hidden, hidden), torch.randn(batch, hidden)
    chunk = x.unsqueeze(1)
    stream, others = Stream(cell), {"Cell.step": stepping(cell, x)} | rivals(cell, x)
    for _ in range(3):
        expected = stream.push(chunk)[:, 0]
        for name, step in others.items():
            check(f"{type(cell).__name__} H={hidden} {name}", expected, step())

    def push() -> Tensor:
        return stream.push(chunk)  # type: ignore[no-any-return]

    against = {name: fight(push, step, pairs) for name, step in others.items()}
    once = np.median([fought["ours_us"] for fought in against.values()])
    return {
        "cell": type(cell).__name__,
        "batch": batch,
        "hidden_size": hidden,
        "push_us": float(once),
        "inside_us": inside(cell, x, max(1, round(2e3 / once)), pairs) * 1e6,
        "against": against,
    }


def token(classes: int, pairs: int) -> dict[str, Any]:
    """Measure one token through Embedding, two GRUs of 128 units and a Linear, against the same modules of torch."""
    torch.manual_seed(0)
    layer = Stack(nn.Embedding(classes, 128), GRU(128, 128), GRU(128, 128), nn.Linear(128, classes))
    stream, ids = Stream(layer), torch.tensor([[3]])
    recurrent, state = nn.GRU(128, 128, 2, batch_first=True), None
    for depth in range(2):
        own: Any = layer[1 + depth]
        with torch.no_grad():
            for name, parameter in own.named_parameters():
                getattr(recurrent, f"{name}_l{depth}").copy_(parameter)

    def theirs() -> Tensor:
        nonlocal state
        with torch.no_grad():
            ys, state = recurrent(layer[0](ids), state)
            logits: Tensor = layer[3](ys)
        return logits

    for _ in range(3):
        check("a token", stream.push(ids), theirs())
    fought = fight(lambda: stream.push(ids), theirs, pairs)
    return {"classes": classes, "push_us": fought["ours_us"], "against": {"torch layers": fought}}


def shown(row: dict[str, Any]) -> str:
    rest = ", ".join(
        f"{name} {fought['us']:.1f} ({fought['ratio']:.2f} x)"
        for name, fought in row["against"].items()
    )
    inner = f" (inside {row['inside_us']:.2f})" if "inside_us" in row else ""
    return f"push {row['push_us']:.1f} us{inner}; {rest}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if min(arguments.pairs, arguments.threads) < 1:
        parser.error("--pairs and --threads: at least 1")
    torch.set_num_threads(arguments.threads)
    cases = [(1, hidden) for hidden in ONE_ROW] + list(MANY_ROWS)
    rows, tokens = [], []
    for make in CELLS:
        for batch, hidden in cases:
            rows.append(measure(make, batch, hidden, arguments.pairs))
            print(f"{rows[-1]['cell']} B={batch} H={hidden}: {shown(rows[-1])}", flush=True)
    for classes in (100, 1000):
        tokens.append(token(classes, arguments.pairs))
        print(f"2-layer GRU 128, a token of {classes}: {shown(tokens[-1])}", flush=True)
    result = {"benchmark": "step", "threads": arguments.threads, "pairs": arguments.pairs}
    write_result(result | {"steps": rows, "token": tokens} | surroundings())


if __name__ == "__main__":
    main()
