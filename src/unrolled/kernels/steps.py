"""`Cell.step` of RNN, LSTM and GRU in inference: one compiled call with weights that stay packed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unrolled.cells.gated import GatedCell
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM
from unrolled.cells.rnn import RNN
from unrolled.core.packs import packed
from unrolled.core.registry import register_step_kernel
from unrolled.core.tree import State, Tree
from unrolled.kernels.extension import extension
from unrolled.kernels.packing import Packer, code_of, torch_must_see
from unrolled.kernels.threads import threads_for

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class PackedStep:
    """Steps a cell in float32 on a CPU where no gradient can be asked for."""

    def step(self, cell: GatedCell, x: Tree, state: State) -> tuple[Tree, State] | None:
        # Not through the module's own lookup, which takes 0.5 us for each.
        given = cell.__dict__["_parameters"]
        weights = [weight for weight in map(given.get, WEIGHTS) if weight is not None]
        if torch.is_grad_enabled() and needs_gradients(weights, x, state):
            return None
        if not (takes(cell, x, state) and are_own(cell, weights)):
            return None

        def make() -> Any:
            packer = Packer()
            return packer.program if packer.add_cell(cell) else None

        form = (code_of(cell), isinstance(cell, GRU) and cell.update == "write")
        program = packed(cell, form, weights, make)
        if program is None:
            return None
        batch = x.shape[0]
        leaves = [leaf.contiguous() for leaf in state]
        x, h = x.contiguous(), leaves[0]
        y = torch.empty_like(h)
        c, c_after = (leaves[1], torch.empty_like(h)) if len(leaves) == 2 else (None, None)
        threads = threads_for(batch * program.multiplications)
        done = program.step(
            x.data_ptr(),
            batch,
            h.data_ptr(),
            0 if c is None else c.data_ptr(),
            y.data_ptr(),
            0 if c_after is None else c_after.data_ptr(),
            threads,
        )
        if not done:
            return None
        kind = type(state)
        return y, kind(y) if c_after is None else kind(y, c_after)


def needs_gradients(weights: list[Tensor], x: Tree, state: State) -> bool:
    """Tell whether a gradient could be asked for."""
    for weight in weights:
        if weight.requires_grad:
            return True
    return any(isinstance(leaf, Tensor) and leaf.requires_grad for leaf in (x, *state))


def are_own(cell: GatedCell, weights: list[Tensor]) -> bool:
    """Tell whether these are all of the cell's parameters, and no others in their place."""
    for weight in weights:
        if type(weight) is not nn.Parameter:
            return False
    return len(weights) == (4 if cell.bias else 2)


def takes(cell: GatedCell, x: Tree, state: State) -> bool:
    """Tell whether this is a step of a cell as its type defines it, in float32 on the CPU."""
    # Before any size is looked at: a trace would record it.
    if torch_must_see() or type(x) is not Tensor or type(state) is not cell.state_type:
        return False
    if x.dim() != 2:
        return False
    batch, features = x.shape
    if features != cell.input_size or x.dtype is not torch.float32 or not x.is_cpu or x.is_neg():
        return False
    shape = (batch, cell.hidden_size)
    for leaf in state:
        if type(leaf) is not Tensor or leaf.shape != shape:
            return False
        if leaf.dtype is not torch.float32 or not leaf.is_cpu or leaf.is_neg():
            return False
    return "gates" not in cell.__dict__ and "step" not in cell.__dict__


if extension is not None:
    for cell_type in (RNN, LSTM, GRU):
        register_step_kernel(cell_type, PackedStep())
