"""Record what happens inside: every cell's gates, states and outputs, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.core.compose import Bidirectional
from unrolled.core.layer import Cell
from unrolled.core.seq import Seq
from unrolled.core.tree import State, Tree, detach, leaves, tree_map
from unrolled.core.unroll import check_features, plain_loop, stack_steps


@dataclass
class Record:
    """One run of one cell over time.

    `outputs`, `states` and `gates` hold tensors (B, T, ...), in the order of the input also where the cell read it
    backward, and 0 where a row had ended.
    """

    cell: Cell
    backward: bool
    lengths: Tensor | None = None
    steps: int | None = None
    step_outputs: list[Tree] = field(default_factory=list)
    step_states: list[State] = field(default_factory=list)
    step_gates: list[Any] = field(default_factory=list)

    @property
    def outputs(self) -> Tree:
        """What the cell gave out at each step."""
        return self._over_time(self.step_outputs)

    @property
    def states(self) -> State:
        """The state after each step, in the cell's own state type."""
        return self._over_time(self.step_states)

    @property
    def gates(self) -> Any:
        """The gates at each step, a NamedTuple as the cell's `gates` returns it; None for a cell without."""
        if not self.step_gates or self.step_gates[0] is None:
            return None
        return self._over_time(self.step_gates)

    def _over_time(self, steps: list[Tree]) -> Tree:
        # A run over zero steps still took one to learn its shapes.
        stacked = tree_map(lambda leaf: leaf[:, : self.steps], stack_steps(steps))
        rows = Seq(stacked, self.lengths)
        return (rows.reversed() if self.backward else rows).data


class Seen(Mapping[str, Record]):
    """What `watch` recorded: the last run of each cell by its module path; `runs` has all of them."""

    def __init__(self, runs: dict[str, list[Record]]) -> None:
        self.runs = runs

    def __getitem__(self, path: str) -> Record:
        return self.runs[path][-1]

    def __iter__(self) -> Iterator[str]:
        return (path for path, runs in self.runs.items() if runs)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@contextmanager
def watch(layer: nn.Module, *, graph: bool = False) -> Iterator[Seen]:
    """Record every cell inside ``layer`` while the block runs.

    Watched cells take the plain loop, whose numbers are the kernels' numbers. Gates are those that `step` itself
    computed. A cell that is stepped outside of any sequence (a decoder) is recorded as one run.

    Args:
        layer: any module that holds cells.
        graph: keep what is recorded attached to the autograd graph.

    >>> from unrolled import GRU
    >>> cell = GRU(3, 5)
    >>> with watch(cell) as seen:
    ...     ys, _ = cell(torch.zeros(2, 4, 3))
    >>> seen[""].gates.update.shape, seen[""].states.h.shape
    (torch.Size([2, 4, 5]), torch.Size([2, 4, 5]))
    """
    keep: Callable[[Tree], Tree] = (lambda tree: tree) if graph else detach
    runs: dict[str, list[Record]] = {}
    with ExitStack() as undo:
        for path, cell in layer.named_modules():
            if isinstance(cell, Cell):
                runs[path] = []
                backward = _is_read_backward(layer, path)
                undo.enter_context(_recorded(cell, backward, runs[path], keep))
        yield Seen(runs)


def _is_read_backward(layer: nn.Module, path: str) -> bool:
    """Whether an odd number of Bidirectional layers around ``path`` turn its input round."""
    turned = [
        f"{name}.backward_layer".lstrip(".")
        for name, part in layer.named_modules()
        if isinstance(part, Bidirectional)
    ]
    return sum(path == place or path.startswith(f"{place}.") for place in turned) % 2 == 1


@contextmanager
def _recorded(
    cell: Cell, backward: bool, runs: list[Record], keep: Callable[[Tree], Tree]
) -> Iterator[None]:
    """Replace step, gates and unroll on this instance by ones that record, and put them back afterwards."""
    step, gates = cell.step, cell.gates
    in_sequence = False

    def recorded_gates(x: Tree, state: State) -> Any:
        values = gates(x, state)
        _current(in_sequence).step_gates.append(None if values is None else keep(values))
        return values

    def recorded_step(x: Tree, state: State) -> tuple[Tree, State]:
        y, following = step(x, state)
        record = _current(in_sequence)
        record.step_outputs.append(keep(y))
        record.step_states.append(keep(following))
        return y, following

    def recorded_unroll(xs: Seq, state: State) -> tuple[Seq, State]:
        nonlocal in_sequence
        check_features(cell, xs)
        runs.append(Record(cell, backward, xs.lengths, xs.steps))
        in_sequence = True
        try:
            return plain_loop(cell, xs, state)
        finally:
            in_sequence = False

    def _current(in_sequence: bool) -> Record:
        # Single steps belong to a run of their own, which a sequence ends (only sequences know their steps).
        if not in_sequence and (not runs or runs[-1].steps is not None):
            runs.append(Record(cell, backward=False))
        return runs[-1]

    replaced = {"step": recorded_step, "gates": recorded_gates, "unroll": recorded_unroll}
    before = {name: cell.__dict__[name] for name in replaced if name in cell.__dict__}
    cell.__dict__.update(replaced)
    try:
        yield
    finally:
        for name in replaced:
            del cell.__dict__[name]
        cell.__dict__.update(before)


def gradient_reach(
    model: nn.Module,
    batch: Any,
    loss: Callable[[nn.Module, Any], Tensor] | None = None,
) -> dict[str, Tensor]:
    """Measure how far back the gradient of the loss reaches: |dL/dh_t| against the distance from the last step.

    A curve that falls by orders of magnitude within the sequence is a vanishing gradient, one that rises an exploding
    one (Bengio et al. 1994; Pascanu et al. 2013, arXiv:1211.5063).

    Args:
        model: any module that holds cells; its parameters' gradients are left alone.
        batch: what ``loss`` takes; without ``loss``, the input of ``model``.
        loss: ``loss(model, batch) -> scalar``. By default the last outputs, projected on one fixed random direction.

    Returns:
        for each cell's path a tensor (T,): at index d the mean over rows of the Euclidean norm of dL/dh, d steps
        before the row's last (in the order in which the cell read it). NaN at a distance that no row has.

    >>> from unrolled import RNN
    >>> reach = gradient_reach(RNN(1, 8), torch.ones(4, 30, 1))[""]
    >>> reach.shape, bool(reach[25] < reach[0])
    (torch.Size([30]), True)
    """
    with torch.enable_grad(), watch(model, graph=True) as seen:
        value = (loss or _last_output)(model, batch)
        return {
            path: _norm_by_distance(value, max(runs, key=lambda run: len(run.step_states)))
            for path, runs in seen.runs.items()
            if runs
        }


def _last_output(model: nn.Module, batch: Any) -> Tensor:
    xs = batch if isinstance(batch, Seq) else Seq(batch)
    last: Tensor = model(xs)[0].last().flatten(1)
    direction = torch.randn(last.shape[1], generator=torch.Generator().manual_seed(0))
    return torch.sum(last @ (direction / direction.norm()).to(last))


def _norm_by_distance(loss: Tensor, record: Record) -> Tensor:
    hidden = [_hidden(record.cell, state) for state in record.step_states]
    gradients = torch.autograd.grad(
        loss, hidden, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients], 1)
    rows = Seq(norms, record.lengths)
    by_distance: Tensor = rows.reversed().data.sum(0)
    return by_distance / rows.mask().sum(0)


def _hidden(cell: Cell, state: State) -> Tensor:
    """Return the part of the state that is the output, or else its first tensor that has a gradient."""
    if cell.output_field is not None:
        hidden = getattr(state, cell.output_field)
        assert isinstance(hidden, Tensor)
        return hidden
    return next(leaf for leaf in leaves(state) if leaf.requires_grad)
