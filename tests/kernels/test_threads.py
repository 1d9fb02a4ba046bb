"""Many threads in the kernels at once: one layer in all of them, and memory that is freed under their hands."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from tests.kernels.compiled import MAKERS, needs_extension, shared_by
from unrolled import Seq
from unrolled.kernels.extension import extension
from unrolled.kernels.memory import free_memory

pytestmark = needs_extension

THREADS, TIMES = 4, 20
each_kind = pytest.mark.parametrize("kind", MAKERS)


def batch(number: int) -> Seq:
    """Return the batch of a thread: each has another shape."""
    draw = torch.Generator().manual_seed(number)
    lengths = torch.randint(0, 8 + 3 * number, (4 + number,), generator=draw)
    return Seq(torch.randn(4 + number, 8 + 3 * number, 20, generator=draw), lengths)


def results(cell, xs: Seq) -> list[Tensor]:
    """Return outputs and gradients; of the weights too, without collecting them in the layer."""
    data = xs.data.detach().requires_grad_()
    ys, _ = cell(Seq.padded(data, xs.lengths))
    return [ys.data.detach(), *torch.autograd.grad(ys.data.sin().sum(), [data, *cell.parameters()])]


@each_kind
def test_one_layer_in_four_threads(kind: str) -> None:
    cell = MAKERS[kind](20, 33, True)
    batches = [batch(number) for number in range(THREADS)]
    expected = [results(cell, xs) for xs in batches]

    def run(number: int) -> bool:
        return all(
            torch.equal(found, wanted)
            for _ in range(TIMES)
            for found, wanted in zip(results(cell, batches[number]), expected[number], strict=True)
        )

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(run, range(THREADS)))


def test_memory_is_freed_while_others_compute() -> None:
    cell, xs, done = MAKERS["LSTM"](20, 64, True), batch(3), threading.Event()
    expected = results(cell, xs)

    def run(_: int) -> bool:
        return all(
            torch.allclose(found, wanted, atol=1e-6)
            for _ in range(5 * TIMES)
            for found, wanted in zip(results(cell, xs), expected, strict=True)
        )

    def free() -> None:
        while not done.wait(1e-4):
            free_memory()

    freeing = threading.Thread(target=free)
    freeing.start()
    try:
        with shared_by(2), ThreadPoolExecutor(2) as pool:
            assert all(pool.map(run, range(2)))
    finally:
        done.set()
        freeing.join()
    free_memory()
    assert extension.workspace_bytes() == 0
