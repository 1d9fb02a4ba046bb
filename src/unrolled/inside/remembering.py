"""How far a model remembers: the gradient of its answer at each distance, beside new cells of equal size, and what to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.cells import GRU, LSTM, RNN
from unrolled.core.compose import deep
from unrolled.core.watch import gradient_reach
from unrolled.inside.wanted import Wanted
from unrolled.tasks.trace import Side, Trace
from unrolled.view.reach import Reach, advice, reach, reach_sentence
from unrolled.view.words import Text

Array = NDArray[np.float64]

FEWEST = 8
"""Distances below which there is no verdict: within so few steps of one input hardly anything could vanish."""
STEPS = 512
"""Steps of a long input that new cells read."""
BESIDE = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}


@dataclass(frozen=True)
class Remembering:
    """|dL/dh_t| at each distance from where a cell stops reading, as a share of what it is there.

    Attributes:
        cells: by cell, what it is called, the norms (T,) and the verdict.
        beside: by kind, the norms of the highest forward cell of a new network of the same size on an input as long.
        advice: what to try.
    """

    cells: Mapping[str, tuple[Array, Reach]]
    beside: Mapping[str, Array]
    advice: tuple[Text, ...]

    def sentences(self) -> dict[str, Text]:
        """Return the verdict on each cell in words."""
        return {name: reach_sentence(name, found) for name, (_, found) in self.cells.items()}


def remembering(trace: Trace, wanted: Wanted | None = None) -> Remembering:
    """Measure how far back the answer of a trace depends on what its cells remembered.

    Args:
        trace: of one input.
        wanted: tells whether the answer still is; None = always.

    Raises:
        Superseded: it is not.
    """
    wanted = wanted or Wanted()
    wanted.check()
    names = {path: name for side in trace.sides for path, name in side.names.items()}
    cells = {
        names.get(path, path): (relative(norms), _judged(norms))
        for path, norms in trace.reach().items()
    }
    beside = fresh(trace.sides[0], wanted) if trace.sides else {}
    return Remembering(cells, beside, tuple(advice(judged for _, judged in cells.values())))


def _judged(norms: Array) -> Reach:
    found = reach(norms)
    return replace(found, verdict="unknown") if found.distance < FEWEST else found


def relative(norms: Array) -> Array:
    """Return norms as shares of the first one that is known and not zero.

    >>> relative(np.array([4.0, 2.0])).tolist()
    [1.0, 0.5]
    """
    known = norms[np.isfinite(norms) & (norms > 0)]
    shares: Array = norms / known[0] if len(known) else np.full(len(norms), np.nan)
    return shares


def fresh(side: Side, wanted: Wanted) -> dict[str, Array]:
    """Return the norms of new RNN, LSTM and GRU networks with the layers, directions and units of a side's cells.

    They read unit normal numbers, as many steps as the side, at most 512; the loss is what their last output says in one fixed
    random direction.
    """
    cells = [run.cell for run in side.runs.values()]
    sized = [cell for cell in cells if cell.input_size is not None]
    steps = min(len(side.steps[0]), STEPS)
    if not sized or steps < 2:
        return {}
    bidirectional = any(run.backward for run in side.runs.values())
    layers = max(1, len(sized) // (2 if bidirectional else 1))
    features, units = int(sized[0].input_size or 1), int(sized[0].hidden_size)
    xs = torch.randn(4, steps, features, generator=torch.Generator().manual_seed(0))
    found = {}
    for name, cell in BESIDE.items():
        wanted.check()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = deep(cell, features, units, layers=layers, bidirectional=bidirectional)
        norms = gradient_reach(network, xs)
        forward = [path for path in norms if "backward_layer" not in path]
        found[name] = relative(norms[forward[-1]].double().numpy())
    return found
