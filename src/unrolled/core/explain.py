"""Which kernel runs for every cell of a layer, and why the others do not."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from unrolled.core.layer import Layer
from unrolled.core.registry import traced_choices


class CellKernel(NamedTuple):
    """What runs one cell: its path in the layer, its type, the kernel, and (kernel, reason) of each refusal."""

    path: str
    cell: str
    kernel: str
    refusals: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        reasons = "".join(f"; {name} refused: {why}" for name, why in self.refusals)
        return f"{self.path or '(itself)'} {self.cell}: {self.kernel}{reasons}"


def explain(layer: Layer, xs: Any) -> list[CellKernel]:
    """Run ``layer`` on ``xs`` once and return what ran each of its cells. The generator of random numbers is left alone.

    It answers for the call as it stands: inside ``torch.no_grad()`` for inference, otherwise for training.
    With the environment variable UNROLLED_KERNELS=off the compiled kernels refuse every call.

    >>> from unrolled import GRU
    >>> print(*explain(GRU(2, 3, reset="before").double(), torch.zeros(1, 4, 2).double()))
    (itself) GRU: plain loop; compiled refused: it computes torch.float32, not torch.float64;
    torch.nn refused: torch's GRU resets after the product
    """
    paths = {id(part): path for path, part in layer.named_modules()}
    with traced_choices() as choices, torch.random.fork_rng(devices=[]):
        layer(xs)
    rows = [
        CellKernel(paths[id(choice.cell)], type(choice.cell).__name__, *choice[1:])
        for choice in choices
    ]
    return list(dict.fromkeys(rows))
