"""`Stream` in one compiled call: all layers of a frozen stack with weights that stay packed."""

from __future__ import annotations

from array import array
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.core.registry import changed_on_instance, register_stream_kernel
from unrolled.core.tree import State
from unrolled.kernels.extension import extension, missing
from unrolled.kernels.packing import Packer, is_packable, torch_must_see
from unrolled.kernels.parts import dense_copy, fits, parts_of, rebuilt, states_of
from unrolled.kernels.threads import threads_for

MANY_STEPS = 1024
"""Rows times steps from which a chunk of several steps goes to the kernels for whole sequences."""


class PackedStream:
    """Runs the chunks of one stream; the state lies in tensors of its own, over which each run writes the next one.

    Args:
        layer: the frozen layer.
        packer: its packed weights.
    """

    def __init__(self, layer: nn.Module, packer: Packer) -> None:
        self._layer, self._packer = layer, packer
        self._run, self._work = packer.program.run, packer.program.multiplications
        self._reads, self._writes = packer.reads, packer.writes
        self._dims, self._dtype = (3, torch.float32) if packer.reads else (2, torch.int64)
        self._begun: State = None
        self._batch, self._steps = -1, 0
        # The addresses, and what lies there: one attribute, so that a run keeps the memory it writes to.
        self._memory: tuple[Any, ...] = ()

    def fork(self) -> PackedStream:
        return PackedStream(self._layer, self._packer)

    def takes(self, chunk: Any) -> bool:
        # Before any size is looked at: a trace would record it.
        if torch_must_see() or type(chunk) is not Tensor or chunk.dtype is not self._dtype:
            return False
        shape = chunk.shape
        if len(shape) != self._dims or (self._dims == 3 and shape[2] != self._reads):
            return False
        if not chunk.is_cpu or chunk.is_neg():
            return False
        return shape[1] <= 1 or shape[0] * shape[1] <= MANY_STEPS

    def begin(self, state: State, batch: int) -> bool:
        if not fits(self._layer, state, batch):
            return False
        states = states_of(self._layer, state)
        own, addresses = [], []
        for has_state in self._packer.states:
            leaves = [dense_copy(leaf) for leaf in next(states)] if has_state else []
            own += leaves
            addresses += [*(leaf.data_ptr() for leaf in leaves), 0, 0][:2]
        self._memory = (array("q", addresses), *own)
        self._begun, self._batch, self._steps = state, batch, 0
        return True

    def push(self, chunk: Any) -> Tensor | None:
        if not self.takes(chunk):
            return None
        shape, memory = chunk.shape, self._memory
        batch, steps = shape[0], shape[1]
        if batch != self._batch:
            return None
        chunk = chunk.contiguous()
        ys: Tensor = memory[1].new_empty((batch, steps, self._writes))
        threads = threads_for(self._work * batch * steps)
        addresses = memory[0].buffer_info()[0]
        if not self._run(chunk.data_ptr(), batch, steps, ys.data_ptr(), addresses, threads):
            return None
        self._steps += steps
        return ys

    def state(self) -> State:
        return rebuilt(self._layer, self._begun, iter(self._memory[1:]), self._steps)


def packed_stream(layer: nn.Module) -> PackedStream | str:
    """Return what runs streams of a frozen layer, or the reason why it cannot be packed."""
    if extension is None:
        return f"compiled kernels: {missing}"
    packer = Packer()
    reason = pack(layer, packer)
    if reason is None and not any(packer.states):
        reason = "there is no RNN, LSTM or GRU in it"
    return reason or PackedStream(layer, packer)


def pack(layer: nn.Module, packer: Packer, path: str = "") -> str | None:
    """Put a layer and what is inside it on top of what was packed, or return the reason why it cannot be."""
    where = f"{path or 'it'} ({type(layer).__name__})"
    if changed_on_instance(layer):
        return f"{where} has hooks, or methods that are replaced on the instance"
    parts = parts_of(layer)
    if parts is not None:
        reasons = (pack(part, packer, f"{path}.{name}".lstrip(".")) for name, part, _ in parts)
        return next((reason for reason in reasons if reason is not None), None)
    added = packer.add_cell(layer) if is_packable(layer) else packer.add_module(layer)
    return None if added else f"{where} is not packed, or not in this place, dtype or size"


register_stream_kernel(packed_stream)
