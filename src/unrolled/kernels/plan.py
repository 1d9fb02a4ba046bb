"""In which order a kernel visits the rows of a batch, and where each element lies, as addresses of int64 arrays."""

from __future__ import annotations

import ctypes
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.core.packed import lengths_of
from unrolled.errors import ShapeError

Places = NDArray[np.int64]


Place = tuple[int, int, int, Any]
"""Where a tensor (B, T, F) or packed (N, F) lies, as addresses: of its first element, of (B,) int64 and of (T,) int64 offsets; element
(s, t, f) is row[s] + time[t] + f elements from the first. The last entry is what the offsets stand in: they are good as
long as it is kept."""

NOWHERE: Place = (0, 0, 0, None)
"""No tensor."""


class Plan:
    """A batch sorted by length, longest row first, so that the rows alive at a step are the first ones.

    Args:
        lengths: (B,) int64.
        steps: T of the padded batch.
    """

    MOST_STRIDES = 64

    def __init__(self, lengths: Places, steps: int) -> None:
        self.lengths, self.batch = lengths, len(lengths)
        self.order = np.ascontiguousarray(np.argsort(-lengths, kind="stable"), dtype=np.int64)
        self.steps = int(lengths.max(initial=0))
        ended = np.bincount(lengths, minlength=self.steps + 1)[: self.steps]
        self.batch_sizes = np.ascontiguousarray(self.batch - np.cumsum(ended), dtype=np.int64)
        self.live = int(lengths.sum())
        self.full = self.live == self.batch * steps
        self.order_address = self.order.ctypes.data
        self.batch_sizes_address = self.batch_sizes.ctypes.data
        self._offsets: dict[tuple[tuple[int, ...], bool], tuple[int, int, Any]] = {}

    def place(self, data: Tensor | None, reverse: bool = False) -> Place:
        """Return where a tensor (B, T, F) lies; its features must be one beside the other.

        With ``reverse`` a row's first step is the last one it has, whatever its length: nothing is moved for it.
        """
        if data is None:
            return NOWHERE
        strides = data.stride()
        known = self._offsets.get((strides, reverse))
        if known is None:
            rows, times = self.offsets(strides, reverse)
            known = rows.ctypes.data, times.ctypes.data, (rows, times)
            if len(self._offsets) < self.MOST_STRIDES:
                self._offsets[strides, reverse] = known
        row, time, holds = known
        return data.data_ptr(), row, time, holds

    def offsets(self, strides: tuple[int, ...], reverse: bool) -> tuple[Places, Places]:
        """Return the offsets (B,) of the rows and (T,) of the steps."""
        rows = self.order * strides[0]
        times = np.arange(self.steps, dtype=np.int64) * strides[1]
        if reverse:
            return rows + (self.lengths[self.order] - 1) * strides[1], -times
        return rows, times

    def live_places(self, steps: int, reverse: bool = False) -> Places:
        """Return for each live step, all rows of a step after those of the step before, row * steps + step: (N,).

        With ``reverse`` where it lies when each row's first step is the last one it has.
        """
        rows = [self.order[:alive] for alive in self.batch_sizes.tolist()]
        row = np.concatenate([*rows, self.order[:0]])
        step = np.repeat(np.arange(self.steps, dtype=np.int64), self.batch_sizes)
        return row * steps + (self.lengths[row] - 1 - step if reverse else step)

    def zero_padding(self, data: Tensor) -> None:
        """Set the padding of a contiguous (B, T, F) to 0, and touch nothing else."""
        if self.full or data.numel() == 0:
            return
        step = data.stride(1) * data.element_size()
        begin, steps = data.data_ptr(), data.shape[1]
        for row, length in enumerate(self.lengths.tolist()):
            if length < steps:
                ctypes.memset(begin + (row * steps + length) * step, 0, (steps - length) * step)


class PackedPlan(Plan):
    """Rows packed as torch's PackedSequence packs them: all rows of a step after those of the step before, (N, F).

    Args:
        batch_sizes: (T,) int64, how many rows each step has; not rising, and none is 0.
    """

    def __init__(self, batch_sizes: Places) -> None:
        super().__init__(lengths_of(torch.tensor(batch_sizes)).numpy(), len(batch_sizes))
        self.starts = np.cumsum(batch_sizes) - batch_sizes

    def offsets(self, strides: tuple[int, ...], reverse: bool) -> tuple[Places, Places]:
        times = self.starts * strides[0]
        # Only rows that are all equally long lie alike from both ends; `turn` is for others.
        return self.order * strides[0], np.ascontiguousarray(times[::-1]) if reverse else times

    @cached_property
    def turn(self) -> Tensor:
        """Where each of the N elements lies when every row is turned round; turning twice is no change."""
        step = np.repeat(np.arange(self.steps), self.batch_sizes)
        row = np.arange(self.live) - self.starts[step]
        return torch.from_numpy(self.starts[self.lengths[row] - 1 - step] + row)

    def live_places(self, steps: int, reverse: bool = False) -> Places:
        return self.turn.numpy() if reverse else np.arange(self.live)

    def zero_padding(self, data: Tensor) -> None:
        """There is none."""


def packed_plan_for(batch_sizes: Tensor | None, batch: int, live: int) -> PackedPlan:
    """Return the plan of packed rows; the last ones are kept."""
    right = batch_sizes is not None and batch_sizes.dim() == 1 and batch_sizes.numel() > 0
    if batch_sizes is None or not right or batch_sizes.dtype is not torch.int64:
        raise ShapeError(
            f"batch sizes are {batch_sizes if batch_sizes is None else batch_sizes.dtype}",
            expected="torch.int64, one for each step, with packed rows (N, F)",
        )
    plan = _packed(batch_sizes.numpy().tobytes())
    if (plan.batch, plan.live) != (batch, live):
        raise ShapeError(
            f"batch sizes are of {plan.batch} rows and {plan.live} steps in all",
            expected=f"those of {batch} rows and {live} steps, as state and input have",
        )
    return plan


def plan_for(lengths: Tensor | None, batch: int, steps: int) -> Plan:
    """Return the plan of a batch; the last ones are kept, as every layer, direction and epoch asks for them again."""
    if lengths is None:
        return _full(batch, steps)
    if lengths.shape != (batch,) or lengths.dtype is not torch.int64:
        raise ShapeError(
            f"lengths are {lengths.dtype} {tuple(lengths.shape)}",
            expected=f"torch.int64 ({batch},)",
        )
    return _ragged(lengths.numpy().tobytes(), steps)


@lru_cache(maxsize=64)
def _full(batch: int, steps: int) -> Plan:
    return Plan(np.full(batch, steps, np.int64), steps)


@lru_cache(maxsize=64)
def _ragged(lengths: bytes, steps: int) -> Plan:
    # By what they hold, not by which tensor holds it: lengths may be changed in place.
    rows = np.frombuffer(lengths, np.int64)
    if rows.min(initial=0) < 0 or rows.max(initial=0) > steps:
        raise ShapeError(f"lengths are {rows.tolist()}", expected=f"each from 0 to {steps}")
    return Plan(rows, steps)


@lru_cache(maxsize=64)
def _packed(batch_sizes: bytes) -> PackedPlan:
    sizes = np.frombuffer(batch_sizes, np.int64)
    if sizes[-1] < 1 or (np.diff(sizes) > 0).any():
        raise ShapeError(f"batch sizes are {sizes.tolist()}", expected="from 1 on, none rising")
    return PackedPlan(sizes)
