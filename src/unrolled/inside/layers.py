"""The trace of a bare layer: any module of cells on any sequence of numbers, without a task around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unrolled.core.inputs import unwrap
from unrolled.core.layer import Cell, Layer
from unrolled.core.seq import Seq
from unrolled.core.tree import leaves, tree_map
from unrolled.core.watch import gradient_reach, projected, watch
from unrolled.errors import InputError
from unrolled.inside.arrays import finite
from unrolled.tasks.recurrent import cell_names
from unrolled.tasks.trace import Side, Trace


def trace_layer(layer: nn.Module, x: Any) -> Trace:
    """Return what the cells of ``layer`` did on one sequence.

    Args:
        layer: any module that holds cells.
        x: what it reads, of one row: (1, T, ...), a Seq, or for a layer of features also (T, F).

    Raises:
        InputError: it holds no cell, or the input has more rows than one, or no step.
    """
    if not any(isinstance(part, Cell) for part in layer.modules()):
        raise InputError(
            f"a {type(layer).__name__} without a cell",
            expected="a model of unrolled, or a module that holds cells",
            fix="torch's own layers: look(unrolled.from_torch(layer), x)",
        )
    if not isinstance(x, torch.Tensor | tuple | list) and hasattr(x, "__array__"):
        x = torch.as_tensor(np.asarray(x), dtype=torch.get_default_dtype())
    if isinstance(x, torch.Tensor) and x.dim() == 2 and x.is_floating_point():
        x = x[None]
    seq, _ = unwrap(x)
    if seq.batch != 1 or not seq.steps:
        raise InputError(
            f"an input of {seq.batch} rows and {seq.steps} steps",
            expected="one row with at least one step: (1, T, F)",
            fix="look at one row at a time",
        )
    with torch.no_grad(), watch(layer) as seen:
        layer(x)
    named = cell_names(layer, {"": layer}) if isinstance(layer, Layer) else {}
    runs = {path: run for path, run in seen.items() if run.steps == seq.steps}
    steps = tuple(str(step + 1) for step in range(seq.steps))

    def reached() -> Mapping[str, NDArray[np.float64]]:
        # What reads backward stops at the first step, so its distances count from there.
        last, first = gradient_reach(layer, seq), gradient_reach(layer, seq, _first_output)
        return {
            path: (first if run.backward else last)[path].double().numpy()
            for path, run in runs.items()
            if path in last
        }

    side = Side("", (steps,), runs, named)
    values = [[finite(step) for step in leaf[0].numpy()] for leaf in leaves(seq.data)]
    given = {"values": values[0]} if len(values) == 1 else {}
    return Trace("layer", given, (side,), (), {}, (), reached)


def _first_output(model: nn.Module, seq: Seq) -> Tensor:
    return projected(tree_map(lambda leaf: leaf[:, 0], model(seq)[0].data))
