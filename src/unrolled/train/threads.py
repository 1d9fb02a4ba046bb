"""How many threads torch trains with: one for a small network, whatever the machine has for a large one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

WORTH_SHARING = 2**26
"""Multiplications in one product of a recurrent step from which torch gets all its threads.

Measured with an LSTM on 2 cores that others used too: two threads were 1.3 times as fast as one at 2^17, no faster at
2^19 to 2^21, and 3 to 5 times slower at 2^22 to 2^27, as in every step each thread waits for the other. One thread
holds its pace whatever else runs, so two must have much to gain.
"""


def threads_for(batch: int, hidden: int, *, available: int) -> int:
    """Return the number of threads for ``batch`` rows and ``hidden`` units.

    The number of steps does not enter: what threads share and what they wait for both grow with it.

    >>> threads_for(batch=32, hidden=64, available=8)
    1
    >>> threads_for(batch=512, hidden=512, available=8)
    8
    """
    return available if batch * hidden * hidden >= WORTH_SHARING else 1


def threads_by_shape(model: nn.Module, batches: Iterable[Any]) -> int:
    """Return the number of threads for a model and its batches, at most what torch has been given until now."""
    available = torch.get_num_threads()
    if available == 1:
        return 1
    hidden = max((_width(module) for module in model.modules()), default=1)
    batch = next(iter(batches), None)
    rows = max((len(leaf) for leaf in _tensors(batch) if leaf.dim() >= 2), default=1)
    return threads_for(rows, hidden, available=available)


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
