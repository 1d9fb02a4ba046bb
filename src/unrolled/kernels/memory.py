"""Memory of large tensors, kept for the next one: fresh pages cost a fifth of a training step (LSTM, H=256, B=128)."""

from __future__ import annotations

import threading
import weakref

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.kernels.extension import extension

LARGE = 2**22
"""Numbers from which memory is kept: smaller pieces the system's allocator keeps by itself."""

MOST_KEPT = 2**27
"""Numbers that are kept at most, in all pieces that nobody uses: 512 MB."""

Block = NDArray[np.float32]

_kept: list[Block] = []
# Reentrant: a tensor may die, and give its block back, while another is being made.
_lock = threading.RLock()


def large_empty(count: int) -> Tensor:
    """Return a float32 tensor (count,) of any content, where there is one in memory that an earlier one has left.

    >>> large_empty(3).shape
    torch.Size([3])
    """
    if count < LARGE:
        return torch.empty(count, dtype=torch.float32)
    block = _take(count)
    lent = block[:count]
    # The tensor keeps `lent` alive, and so does every view of it.
    weakref.finalize(lent, _give_back, block).atexit = False
    return torch.from_numpy(lent)


def _take(count: int) -> Block:
    with _lock:
        fitting = [block for block in _kept if count <= len(block) <= 2 * count]
        if fitting:
            smallest = min(fitting, key=len)
            _kept[:] = [block for block in _kept if block is not smallest]
            return smallest
    return np.empty(count, np.float32)


def _give_back(block: Block) -> None:
    with _lock:
        _kept.append(block)
        while sum(map(len, _kept)) > MOST_KEPT:
            _kept.pop(0)


def free_memory() -> None:
    """Free what the compiled kernels keep for later calls."""
    with _lock:
        _kept.clear()
    if extension is not None:
        extension.free_workspaces()
