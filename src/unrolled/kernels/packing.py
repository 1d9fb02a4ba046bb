"""Layers into a compiled Program: their weights, packed once for many steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from unrolled.cells.gated import GatedCell
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM
from unrolled.cells.rnn import RNN
from unrolled.kernels import cpu_operators as operators
from unrolled.kernels.compiled import address, compiled
from unrolled.kernels.weights import torch_weights

CELL, LINEAR, LAYER_NORM, EMBEDDING, TANH, SIGMOID, RELU = range(7)
"""Kinds of layers, as in csrc/step_call.hpp."""

LINEARS: set[type] = {nn.Linear}
"""Types that compute W x + b and nothing else."""

EACH_NUMBER: dict[type, int] = {nn.Tanh: TANH, nn.Sigmoid: SIGMOID, nn.ReLU: RELU}


def code_of(cell: GatedCell) -> int:
    """Return the compiled code of a cell of exactly the types RNN, LSTM and GRU."""
    if isinstance(cell, RNN):
        return operators.RNN.forms[cell.nonlinearity]
    return operators.GRU.forms[cell.reset] if isinstance(cell, GRU) else operators.LSTM.forms[""]


def packable(weights: Sequence[Tensor | None], shapes: Sequence[tuple[int, ...]]) -> bool:
    """Tell whether these are weights as the compiled code reads them; None is one that is absent."""
    return all(
        weight is None
        or (
            weight.shape == shape
            and weight.dtype is torch.float32
            and weight.is_cpu
            and weight.layout is torch.strided
        )
        for weight, shape in zip(weights, shapes, strict=False)
    )


class Packer:
    """Builds a Program layer by layer.

    Attributes:
        program: the compiled one.
        tables: the embeddings' tables, which the Program reads where they are.
        states: for each of its layers whether it is a cell.
        reads: features of the first layer's input, 0 where it reads the numbers of an embedding's rows.
        writes: features of the last layer's output.
    """

    def __init__(self) -> None:
        self.program: Any = compiled().Program()
        self.tables: list[Tensor] = []
        self.states: list[bool] = []
        self.reads, self.writes = 0, 0

    def add_cell(self, cell: GatedCell) -> bool:
        """Put a cell of exactly the types RNN, LSTM and GRU on top, or return False."""
        sizes = (cell.input_size or 0, cell.hidden_size)
        rows = cell.gate_count * cell.hidden_size
        shapes = [(rows, sizes[0]), (rows, sizes[1]), (rows,), (rows,)]
        with torch.no_grad():
            weights = torch_weights(cell)
        return self._add(CELL, sizes, weights, shapes, code=code_of(cell))

    def add_module(self, module: nn.Module) -> bool:
        """Put a layer without state on top, or return False where there is none of exactly its type."""
        kind = type(module)
        if kind is nn.Identity or kind is nn.Dropout:
            return True  # in evaluation
        if isinstance(module, nn.Linear) and kind in LINEARS:
            return self.add_linear(module.weight, module.bias)
        if isinstance(module, nn.LayerNorm) and kind is nn.LayerNorm:
            if len(module.normalized_shape) != 1:
                return False
            size = module.normalized_shape[0]
            weights = [module.weight, None, module.bias]
            shapes = [(size,), (), (size,)]
            return self._add(LAYER_NORM, (size, size), weights, shapes, epsilon=module.eps)
        if isinstance(module, nn.Embedding) and kind is nn.Embedding:
            if module.max_norm is not None or self.states:
                return False
            table = module.weight.detach().contiguous()
            self.tables.append(table)
            sizes = (module.num_embeddings, module.embedding_dim)
            return self._add(EMBEDDING, sizes, [table], [sizes])
        if kind in EACH_NUMBER and self.states:
            return self._add(EACH_NUMBER[kind], (self.writes, self.writes), [], [])
        return False

    def add_linear(self, weight: Tensor, bias: Tensor | None) -> bool:
        """Put W x + b on top, the weight (O, I) and the bias (O,) or None, or return False."""
        if weight.dim() != 2:
            return False
        outputs, inputs = weight.shape
        shapes = [(outputs, inputs), (), (outputs,)]
        return self._add(LINEAR, (inputs, outputs), [weight, None, bias], shapes)

    def _add(
        self,
        kind: int,
        sizes: tuple[int, int],
        weights: Sequence[Tensor | None],
        shapes: Sequence[tuple[int, ...]],
        code: int = 0,
        epsilon: float = 0.0,
    ) -> bool:
        if not packable(weights, shapes) or min(sizes) < 1:
            return False
        if self.states and sizes[0] != self.writes:
            return False
        dense = [None if weight is None else weight.detach().contiguous() for weight in weights]
        dense += [None] * (4 - len(dense))
        self.program.add(kind, code, *sizes, epsilon, *map(address, dense))
        if not self.states:
            self.reads = 0 if kind == EMBEDDING else sizes[0]
        self.states.append(kind == CELL)
        self.writes = sizes[1]
        return True


def torch_must_see() -> bool:
    """Tell whether torch traces, transforms, records or casts what runs here, so that each operation must be its own."""
    return (
        torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._is_any_autocast_enabled()
    )


def is_packable(layer: nn.Module) -> TypeGuard[GatedCell]:
    """Tell whether a layer is of exactly the types of cells that can be packed."""
    return type(layer) in (RNN, LSTM, GRU)
