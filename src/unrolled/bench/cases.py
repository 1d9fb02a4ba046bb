"""What is timed: a cell, its size, a batch, full or ragged rows, inference or training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import torch
from torch import Tensor

from unrolled.cells.gated import GatedCell
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM
from unrolled.cells.rnn import RNN
from unrolled.errors import OptionError, unknown_option

CELLS: dict[str, type[GatedCell]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
KINDS = ("full", "lengths")
MODES = ("inference", "train")

SHORTEST_SHARE = 0.1
"""The shortest row of a ragged batch, as a share of the longest."""

TRAIN_WORK = 3
"""A backward pass has two products, for inputs and for weights, for each one of the forward pass."""

Choice = TypeVar("Choice", str, int)


@dataclass(frozen=True)
class Case:
    """One row of the grid; the input is as wide as the state.

    ``kind`` "lengths" draws the rows' lengths evenly from a tenth of ``steps`` to ``steps``, and one row is full.

    >>> print(Case("gru", 64, 8, "lengths", "train"))
    gru H=64 B=8 T=100 lengths train
    """

    cell: str
    hidden: int
    batch: int
    kind: str = "full"
    mode: str = "inference"
    steps: int = 100
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.cell} H={self.hidden} B={self.batch} T={self.steps} {self.kind} {self.mode}"

    @property
    def trains(self) -> bool:
        return self.mode == "train"

    def operations(self, live_steps: int) -> int:
        """Return the floating point operations of the products in so many steps, summed over rows."""
        a_step = 2 * GATES[self.cell] * self.hidden * (2 * self.hidden)
        return a_step * live_steps * (TRAIN_WORK if self.trains else 1)


@dataclass(frozen=True)
class Problem:
    """The numbers of a case.

    Attributes:
        x: (B, T, H), random everywhere: also where a ragged row has ended.
        lengths: (B,) int64, or None where every row is full.
        live: (B, T) bool, the steps that a row has.
        grad: (B, T, H), the loss' gradient for the outputs; 0 where a row has ended.
    """

    x: Tensor
    lengths: Tensor | None
    live: Tensor
    grad: Tensor

    @property
    def live_steps(self) -> int:
        return int(self.live.sum())


def make_problem(case: Case) -> Problem:
    """Draw the numbers of a case from its seed."""
    random = torch.Generator().manual_seed(case.seed)
    shape = (case.batch, case.steps, case.hidden)
    x = torch.randn(shape, generator=random)
    grad = torch.randn(shape, generator=random)
    if case.kind == "full":
        return Problem(x, None, torch.ones(shape[:2], dtype=torch.bool), grad)
    shortest = max(1, round(SHORTEST_SHARE * case.steps))
    lengths = torch.randint(shortest, case.steps + 1, (case.batch,), generator=random)
    lengths[0] = case.steps
    live = torch.arange(case.steps) < lengths[:, None]
    return Problem(x, lengths, live, grad * live[..., None])


def make_cell(case: Case) -> GatedCell:
    """Return the cell of a case, its weights and biases drawn as torch.nn draws them: evenly within 1 / sqrt(H)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        cell = CELLS[case.cell](case.hidden, case.hidden)
        with torch.no_grad():
            for weight in cell.parameters():
                weight.uniform_(-(case.hidden**-0.5), case.hidden**-0.5)
    return cell.train(case.trains)


def grid(
    cells: Sequence[str],
    sizes: Sequence[int],
    batches: Sequence[int],
    kinds: Sequence[str] = KINDS,
    modes: Sequence[str] = MODES,
    steps: int = 100,
) -> list[Case]:
    """Return every combination, the cells of one shape beside each other.

    Raises:
        OptionError: a name that does not exist, a number below 1, or nothing at all.

    >>> len(grid(["lstm", "gru"], [64, 128], [32]))
    16
    """
    cells = _checked("cells", cells, _one_of("cells", CELLS))
    kinds = _checked("kinds", kinds, _one_of("kinds", KINDS))
    modes = _checked("modes", modes, _one_of("modes", MODES))
    sizes = _checked("sizes", sizes, _at_least_1("sizes"))
    batches = _checked("batch", batches, _at_least_1("batch"))
    _at_least_1("steps")(steps)
    order = product(batches, sizes, kinds, modes, cells)
    return [Case(cell, size, batch, kind, mode, steps) for batch, size, kind, mode, cell in order]


def _checked(option: str, given: Sequence[Choice], check: Callable[[Choice], None]) -> list[Choice]:
    """Return what was given without repetitions."""
    if not given:
        raise OptionError(f"--{option} is empty", expected="at least one")
    for value in given:
        check(value)
    return list(dict.fromkeys(given))


def _one_of(option: str, choices: Iterable[str]) -> Callable[[str], None]:
    def check(name: str) -> None:
        if name not in choices:
            raise unknown_option(f"--{option}", name, choices)

    return check


def _at_least_1(option: str) -> Callable[[int], None]:
    def check(number: int) -> None:
        if number < 1:
            raise OptionError(f"--{option} {number}", expected="at least 1")

    return check
