"""Equations are read from docstrings, and say in numbers what the cell computed."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

import unrolled as ur
from unrolled import cells
from unrolled.core.layer import Cell
from unrolled.core.watch import watch
from unrolled.inside.equation import Equation, Symbol, equations_of, summary_of
from unrolled.inside.recorded import beginning_of, gates_of, states_of

CELLS = [
    found
    for name in cells.__all__
    if isinstance(found := getattr(cells, name), type) and issubclass(found, Cell)
]
FUNCTIONS: dict[str, Any] = {
    name: getattr(torch, name) for name in ("sigmoid", "tanh", "relu", "exp", "sqrt")
}


class Kept(NamedTuple):
    m: Tensor


class KeepGates(NamedTuple):
    keep: Tensor
    new: Tensor


class Leaky(Cell):
    """A user's own cell, with a gate.

        keep = sigmoid(W x)            how much stays
        new = tanh(V x)
        m' = keep * m + (1 - keep) * new

    Read nowhere.
    """

    state_type, output_field = Kept, "m"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.W, self.V = (torch.nn.Linear(input_size, hidden_size, bias=False) for _ in range(2))

    def gates(self, x: Tensor, state: Kept) -> KeepGates:
        return KeepGates(self.W(x).sigmoid(), self.V(x).tanh())

    def step(self, x: Tensor, state: Kept) -> tuple[Tensor, Kept]:
        keep, new = self.gates(x, state)
        m = keep * state.m + (1 - keep) * new
        return m, Kept(m)


def equations(cell: Cell) -> tuple[tuple[Equation, ...], dict[tuple[str, str], Tensor]]:
    """Return the equations of a cell, and the numbers of one row's second step by kind and field."""
    torch.manual_seed(0)
    with torch.no_grad(), watch(cell) as seen:
        cell(torch.randn(1, 3, cell.input_size or 4))
    run = seen[""]
    states, gates = states_of(run), gates_of(run)
    beginning_of(run, states)
    numbers = {("gate", name): leaf[0, 1] for name, leaf in gates.items()}
    for name, leaf in states.items():
        numbers |= {("before", name): leaf[0, 0], ("after", name): leaf[0, 1]}
    return equations_of(cell, tuple(gates), tuple(states)), numbers


def value(parts: tuple[str | Symbol, ...], numbers: dict[tuple[str, str], Tensor]) -> Tensor:
    """Compute what an elementwise side of an equation says."""
    given = {
        f"s{at}": numbers[part.kind, part.field]
        for at, part in enumerate(parts)
        if isinstance(part, Symbol)
    }
    text = "".join(part if isinstance(part, str) else f"s{at}" for at, part in enumerate(parts))
    return eval(text, {"__builtins__": {}}, {**FUNCTIONS, **given})


@pytest.mark.parametrize("kind", [*CELLS, Leaky], ids=lambda kind: kind.__name__)
def test_numbers_fit_the_equation(kind: type[Cell]) -> None:
    lines, numbers = equations(kind(4, 4))
    in_numbers = [
        line
        for line in lines
        if line.elementwise and all(isinstance(part, Symbol) for part in line.left)
    ]
    for line in in_numbers:
        torch.testing.assert_close(value(line.left, numbers), value(line.right, numbers))
    assert kind in (ur.RNN, cells.LayerNormLSTM) or in_numbers, (
        "no line that could be shown in numbers"
    )
    after = {
        part.field
        for line in lines
        for part in line.left
        if isinstance(part, Symbol) and part.kind == "after"
    }
    assert after == {field for at, field in numbers if at == "after"}, "every state has an equation"
    gates = {
        part.field
        for line in lines
        for part in line.left
        if isinstance(part, Symbol) and part.kind == "gate"
    }
    assert gates == {field for at, field in numbers if at == "gate"}, "every gate has one, too"


def test_only_lines_of_the_cells_own_form_are_kept() -> None:
    def of(cell: Cell) -> list[str]:
        return [text(line) for line in equations(cell)[0]]

    keep, write = of(ur.GRU(4, 4, update="keep")), of(ur.GRU(4, 4, update="write"))
    assert "h' = z * h + (1 - z) * n" in keep and "h' = (1 - z) * h + z * n" in write
    assert len(keep) == len(write) == 5
    assert not any("relu" in line for line in of(ur.RNN(4, 4)))


def text(line: Equation) -> str:
    """Write an equation as it stands in the docstring."""
    left, right = (
        "".join(part if isinstance(part, str) else part.text for part in parts)
        for parts in (line.left, line.right)
    )
    return f"{left} = {right}"


def test_a_cell_without_a_docstring_has_no_equation() -> None:
    bare = type("Bare", (Leaky,), {"__doc__": None})
    assert equations(bare(4, 4))[0] == ()


def test_arguments_are_no_equation() -> None:
    documented = type(
        "Documented", (Leaky,), {"__doc__": "A cell.\n\n    Args:\n        size: = 3\n"}
    )
    assert equations(documented(4, 4))[0] == ()


def test_text_is_never_lost() -> None:
    for kind in CELLS:
        for line in equations(kind(4, 4))[0]:
            assert re.sub(r"\s+", "", text(line)) in re.sub(r"\s+", "", kind.__doc__ or "")


def test_a_condition_that_holds_is_not_said() -> None:
    found = equations_of(ur.GRU(1, 1), ("reset", "update", "candidate"), ("h",))
    assert [line.note for line in found] == ["reset gate", "update gate", "candidate", "", ""]


def test_a_summary_is_a_sentence() -> None:
    for cell in CELLS:
        assert not summary_of(cell.__new__(cell)).endswith(":")
