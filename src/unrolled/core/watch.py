"""Record what happens inside: every cell's gates, states and outputs, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from unrolled.core.compose import Bidirectional
from unrolled.core.inputs import unwrap
from unrolled.core.layer import Cell
from unrolled.core.seq import Seq
from unrolled.core.tree import State, Tree, detach, leaves, tree_map
from unrolled.core.unroll import check_features, plain_loop, stack_steps
from unrolled.errors import InputError

Keep: TypeAlias = Callable[[Tree], Tree]


@dataclass
class Record:
    """One run of one cell over time.

    `outputs`, `states` and `gates` hold tensors (B, T, ...), in the order of the input also where the cell read it
    backward, and 0 where a row had ended.
    """

    cell: Cell
    backward: bool = False
    lengths: Tensor | None = None
    steps: int | None = None
    """T of the sequence; None for single steps outside of any."""
    around: Record | None = None
    """The run of the cell that steps this one, where it is part of another (as inside `Zoneout`)."""
    initial: State | None = None
    """The state (B, ...) before the first step; None before any step was taken."""
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

    def gate(self, name: str) -> Tree:
        """One field of the gates at each step, where the others are not needed; None where they have no such field."""
        steps = [getattr(gates, name, None) for gates in self.step_gates]
        return None if not steps or steps[0] is None else self._over_time(steps)

    def _over_time(self, steps: list[Tree]) -> Tree:
        if next(leaves(steps[-1]), None) is None:
            return steps[-1]  # a state that holds nothing but what is `Constant`
        rows = self.rows(stack_steps(steps))
        return (rows.reversed() if self.backward else rows).data

    def rows(self, recorded: Tree) -> Seq:
        """Return what was recorded (B, number of records, ...) as the sequence that was read."""
        count = next(leaves(recorded)).shape[1]
        if self.steps is None or count != max(self.steps, 1):
            # Single steps; or several for each step of the cell around; or a run that an error cut short.
            return Seq(recorded)
        # A run over zero steps still took one to learn its shapes.
        return Seq(tree_map(lambda leaf: leaf[:, : self.steps], recorded), self.lengths)


class Seen(Mapping[str, Record]):
    """What `watch` recorded: the last run of each cell by its module path; `runs` has all of them."""

    def __init__(self, runs: dict[str, list[Record]]) -> None:
        self.runs = runs

    def __getitem__(self, path: str) -> Record:
        runs = self.runs[path]
        if not runs:
            raise KeyError(path)  # a cell that did not run, which is not among the keys either
        return runs[-1]

    def __iter__(self) -> Iterator[str]:
        return (path for path, runs in self.runs.items() if runs)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@contextmanager
def watch(layer: nn.Module, *, graph: bool = False) -> Iterator[Seen]:
    """Record every cell inside ``layer`` while the block runs.

    Watched cells take the plain loop, whose numbers are the kernels' numbers. Gates are those that `step` itself
    computed. A cell that another cell steps (inside `Zoneout`, a decoder) has the runs of that cell; one that is
    stepped outside of any sequence is recorded as one run.

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
    keep: Keep = (lambda tree: tree) if graph else _without_graph
    runs: dict[str, list[Record]] = {}
    under_way: list[Record] = []
    with ExitStack() as undo:
        for path, cell in layer.named_modules():
            if isinstance(cell, Cell):
                runs[path] = []
                backward = _is_read_backward(layer, path)
                undo.enter_context(_Recorder(cell, backward, runs[path], under_way, keep))
        yield Seen(runs)


def _without_graph(tree: Tree) -> Tree:
    # Where no graph is made there is none to cut.
    return detach(tree) if torch.is_grad_enabled() else tree


def _is_read_backward(layer: nn.Module, path: str) -> bool:
    """Whether an odd number of Bidirectional layers around ``path`` turn its input round."""
    turned = [
        f"{name}.backward_layer".lstrip(".")
        for name, part in layer.named_modules()
        if isinstance(part, Bidirectional)
    ]
    return sum(path == place or path.startswith(f"{place}.") for place in turned) % 2 == 1


class _Recorder:
    """Stands in for step, gates and unroll of one cell, and puts them back afterwards.

    Args:
        cell: the cell.
        backward: whether its sequences were turned round.
        runs: its runs, which grow.
        under_way: the runs over sequences that have begun and not ended, of any cell; the innermost is the last.
        keep: what is done to a tree before it is kept.
    """

    def __init__(
        self, cell: Cell, backward: bool, runs: list[Record], under_way: list[Record], keep: Keep
    ) -> None:
        self._cell, self._backward, self._runs = cell, backward, runs
        self._under_way, self._keep = under_way, keep

    def __enter__(self) -> None:
        cell = self._cell
        names = ("step", "gates", "unroll")
        self._before = {name: cell.__dict__[name] for name in names if name in cell.__dict__}
        self._step, self._gates = cell.step, cell.gates
        # An outer watch has its own stand-in, which must see the sequence too.
        self._unroll = self._before.get("unroll", partial(plain_loop, cell))
        cell.__dict__.update({name: getattr(self, name) for name in names})

    def __exit__(self, *error: object) -> None:
        for name in ("step", "gates", "unroll"):
            del self._cell.__dict__[name]
        self._cell.__dict__.update(self._before)

    def gates(self, x: Tree, state: State) -> Any:
        values = self._gates(x, state)
        self._run().step_gates.append(None if values is None else self._keep(values))
        return values

    def step(self, x: Tree, state: State) -> tuple[Tree, State]:
        y, following = self._step(x, state)
        run = self._run()
        if not run.step_states:
            run.initial = self._keep(state)
        run.step_outputs.append(self._keep(y))
        run.step_states.append(self._keep(following))
        return y, following

    def unroll(self, xs: Seq, state: State) -> tuple[Seq, State]:
        check_features(self._cell, xs)
        self._runs.append(Record(self._cell, self._backward, xs.lengths, xs.steps))
        self._under_way.append(self._runs[-1])
        try:
            result: tuple[Seq, State] = self._unroll(xs, state)
            return result
        finally:
            self._under_way.pop()

    def _run(self) -> Record:
        """Return the run that this step belongs to."""
        around = self._under_way[-1] if self._under_way else None
        last = self._runs[-1] if self._runs else None
        if around is None:
            if last is None or last.steps is not None:
                self._runs.append(Record(self._cell))
        elif around is not last and (last is None or last.around is not around):
            self._runs.append(
                Record(self._cell, around.backward, around.lengths, around.steps, around)
            )
        return self._runs[-1]


def gradient_reach(
    model: nn.Module,
    batch: Any,
    loss: Callable[[nn.Module, Any], Tensor] | None = None,
) -> dict[str, Tensor]:
    """Measure how far back the gradient of the loss reaches: |dL/dh_t| against the distance from the last step.

    A curve that falls by orders of magnitude within the sequence is a vanishing gradient, one that rises an exploding
    one (Bengio et al. 1994; Pascanu et al. 2013, arXiv:1211.5063).

    Args:
        model: any module that holds cells, frozen ones too; its parameters' gradients are left alone.
        batch: what ``loss`` takes; without ``loss``, the input of ``model``.
        loss: ``loss(model, batch) -> scalar``. By default the last outputs, projected on one fixed random direction.

    Returns:
        for each cell's path a tensor (T,): at index d the mean over rows of the Euclidean norm of dL/dh, d steps
        before the row's last (in the order in which the cell read it). NaN at a distance that no row has. A cell
        whose state holds no real number is left out.

    Raises:
        InputError: the loss does not depend on any parameter.

    >>> from unrolled import RNN
    >>> reach = gradient_reach(RNN(1, 8), torch.ones(4, 30, 1))[""]
    >>> reach.shape, bool(reach[25] < reach[0])
    (torch.Size([30]), True)
    """
    with torch.enable_grad(), _thawed(model), watch(model, graph=True) as seen:
        value = (loss or _last_output)(model, batch)
        if not value.requires_grad:
            raise InputError(
                "the loss does not depend on any parameter",
                expected="a model with parameters, and at least one step",
            )
        return {
            path: _norm_by_distance(value, max(runs, key=lambda run: len(run.step_states)))
            for path, runs in seen.runs.items()
            if runs and _remembers(runs[0])
        }


@contextmanager
def _thawed(model: nn.Module) -> Iterator[None]:
    """Let gradients flow through frozen parameters too: what comes before them is still part of the path."""
    frozen = [p for p in model.parameters() if p.is_floating_point() and not p.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


def _last_output(model: nn.Module, batch: Any) -> Tensor:
    xs, _ = unwrap(batch)
    return projected(model(xs)[0].last())


def projected(outputs: Tree) -> Tensor:
    """Return a scalar of outputs (B, ...): their sum over rows in one fixed random direction, to take gradients of."""
    flat = torch.cat([leaf.flatten(1) for leaf in leaves(outputs)], 1)
    direction = torch.randn(flat.shape[1], generator=torch.Generator().manual_seed(0))
    return torch.sum(flat @ (direction / direction.norm()).to(flat))


def _norm_by_distance(loss: Tensor, record: Record) -> Tensor:
    hidden = [_hidden(record.cell, state) for state in record.step_states]
    gradients = torch.autograd.grad(
        loss, hidden, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients], 1)
    rows = record.rows(norms)
    by_distance: Tensor = rows.reversed().data.sum(0)
    return by_distance / rows.mask().sum(0)


def _remembers(record: Record) -> bool:
    """Tell whether the state holds a real tensor; that of a cell that only looks at a memory does not."""
    return any(leaf.is_floating_point() for state in record.step_states for leaf in leaves(state))


def _hidden(cell: Cell, state: State) -> Tensor:
    """Return the part of the state that is the output, or else its first real tensor."""
    if cell.output_field is not None:
        hidden = getattr(state, cell.output_field)
        assert isinstance(hidden, Tensor)
        return hidden
    return next(leaf for leaf in leaves(state) if leaf.is_floating_point())
