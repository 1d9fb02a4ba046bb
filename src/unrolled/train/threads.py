"""How many threads torch trains with: one for a small network, whatever the machine has for a large one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

WORTH_SHARING = 2**24
"""Multiplications of one recurrent step from which a second thread pays.

Measured on 2 cores with an LSTM: below this a second thread gains at most a third on an idle machine, and on a busy
one it makes training several times slower, because in every step each thread waits for the other.
"""


def threads_for(batch: int, hidden: int, steps: int, *, available: int) -> int:
    """Return the number of threads for a network that is unrolled over ``steps`` with ``hidden`` units.

    >>> threads_for(batch=32, hidden=64, steps=100, available=8)
    1
    >>> threads_for(batch=512, hidden=512, steps=100, available=8)
    8
    """
    recurrent = batch * hidden * hidden
    # Without a recurrence worth the name the product over all steps at once is what is shared.
    per_call = recurrent if steps > 1 else recurrent // 4
    return available if per_call >= WORTH_SHARING else 1


def threads_by_shape(model: nn.Module, batches: Iterable[Any]) -> int:
    """Return the number of threads for a model and its batches, at most what torch has been given until now."""
    available = torch.get_num_threads()
    if available == 1:
        return 1
    hidden = max((_width(module) for module in model.modules()), default=1)
    batch = next(iter(batches), None)
    shapes = [leaf.shape for leaf in _tensors(batch) if leaf.dim() >= 2]
    rows = max((shape[0] for shape in shapes), default=1)
    steps = max((shape[1] for shape in shapes), default=1)
    return threads_for(rows, hidden, steps, available=available)


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
