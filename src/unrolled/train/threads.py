"""How many threads a network is trained with: one for a small network, whatever the machine has for a large one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.core.layer import Cell
from unrolled.core.registry import has_rows_shared

WORTH_SHARING = 2**26
"""Multiplications in one product of a recurrent step from which torch gets all its threads.

Measured with torch's LSTM on 2 cores that others used too: two threads were 1.3 times as fast as one at 2^17, no faster
at 2^19 to 2^21, and 3 to 5 times slower at 2^22 to 2^27, as in every step each thread waits for the other. One thread
holds its pace whatever else runs, so two must have much to gain.
"""
ROWS_WORTH_SHARING = 2**18
"""The same where the kernels share out whole rows, and no thread waits within a sequence.

Measured on 2 cores with a forecaster (2^18) and a classifier (32 rows of about 50 steps, 2^19), both of GRUs: two threads
were 1.3 and 1.5 times as fast as one. The classifier took 2.3 times as long as on one thread where another process had
one of the cores; ``threads=1`` is for such a machine.
"""


def threads_for(batch: int, hidden: int, *, available: int, by_rows: bool = False) -> int:
    """Return the number of threads for ``batch`` rows and ``hidden`` units.

    The number of steps does not enter: what threads share and what they wait for both grow with it.

    Args:
        batch: rows.
        hidden: units.
        available: the most threads.
        by_rows: whether the cells run on kernels that share out whole rows (`shared_by_rows`).

    >>> threads_for(batch=32, hidden=64, available=8)
    1
    >>> threads_for(batch=512, hidden=512, available=8)
    8
    """
    worth = ROWS_WORTH_SHARING if by_rows else WORTH_SHARING
    return available if batch * hidden * hidden >= worth else 1


def shared_by_rows(model: nn.Module) -> bool:
    """Tell whether every cell that multiplies its state by weights, if any, has a kernel that shares out whole rows."""
    cells = [module for module in model.modules() if isinstance(module, Cell)]
    shared = [has_rows_shared(type(cell)) for cell in cells]
    others = (cell for cell, is_shared in zip(cells, shared, strict=True) if not is_shared)
    return any(shared) and not any(cell.recurrent_weights for cell in others)


def threads_by_shape(model: nn.Module, batches: Iterable[Any]) -> int:
    """Return the number of threads for a model and its batches, at most what torch has been given until now."""
    available = torch.get_num_threads()
    if available == 1:
        return 1
    hidden = max((_width(module) for module in model.modules()), default=1)
    batch = next(iter(batches), None)
    rows = max((len(leaf) for leaf in _tensors(batch) if leaf.dim() >= 2), default=1)
    return threads_for(rows, hidden, available=available, by_rows=shared_by_rows(model))


def _width(module: nn.Module) -> int:
    size = getattr(module, "hidden_size", 1)
    return size if isinstance(size, int) else 1


def _tensors(batch: Any) -> Iterator[Tensor]:
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, dict):
        for part in batch.values():
            yield from _tensors(part)
    elif isinstance(batch, tuple | list):
        for part in batch:
            yield from _tensors(part)
    elif isinstance(getattr(batch, "data", None), Tensor | tuple):
        yield from _tensors(batch.data)  # a Seq, or torch's PackedSequence


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    if count != before:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
