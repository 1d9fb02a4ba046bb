"""A cell's equation, read from its docstring: which of its symbols are gates, and which the state before and after."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from unrolled.core.layer import Cell

FUNCTIONS = frozenset(
    {"sigmoid", "tanh", "relu", "exp", "log", "max", "min", "softplus", "abs", "sqrt"}
)
"""What is taken unit by unit, so that a line with these and symbols alone can be written in numbers."""

_NAME = re.compile(r"[^\W\d]\w*(?:_\(t-1\))?'*(?:_t\b)?")
_CONDITION = re.compile(r"""(\w+)=(["']?)([\w.]+)\2""")


@dataclass(frozen=True)
class Symbol:
    """A name in an equation that stands for numbers: of a gate, or of the state before or after the step."""

    text: str
    kind: Literal["gate", "before", "after"]
    field: str


Part = str | Symbol


@dataclass(frozen=True)
class Equation:
    """One equation of a cell: ``left = right``, and what the docstring says beside it.

    Attributes:
        left: text and symbols.
        right: the same.
        note: "forget gate".
        elementwise: every name on the right stands for numbers, one a unit.
    """

    left: tuple[Part, ...]
    right: tuple[Part, ...]
    note: str
    elementwise: bool


def equations_of(cell: Cell, gates: Sequence[str], states: Sequence[str]) -> tuple[Equation, ...]:
    r"""Return the equations of a cell's docstring: its first indented block.

    A line is ``name = ...``, or several of them parted by ``",  "``, and after two spaces or more what is to be said about it;
    a remark like ``update="keep"`` keeps the line only where the cell has that attribute, and is left out. The state's field h is h' or h_t
    after the step and h or h_(t-1) before it. A gate is called by its field, or else the names on the left that are no state
    stand for the gates in their order.

    Args:
        cell: any cell.
        gates: fields of what its `gates` returns.
        states: fields of its state.

    >>> from unrolled import LSTM
    >>> found = equations_of(LSTM(1, 1), ("input", "forget", "candidate", "output"), ("h", "c"))
    >>> [part.field for part in found[4].right if isinstance(part, Symbol)], found[1].note
    (['forget', 'c', 'input', 'candidate'], 'forget gate')
    """
    lines = [found for line in block_of(cell) for found in _split(cell, line)]
    symbols = _symbols([left for left, _, _ in lines], gates, states)
    return tuple(
        Equation(
            tuple(_parts(left, symbols)),
            tuple(_parts(right, symbols)),
            note,
            all(name in symbols or name in FUNCTIONS for name in _NAME.findall(right)),
        )
        for left, right, note in lines
    )


def block_of(cell: Cell) -> list[str]:
    """Return the lines of the first indented block of a cell's docstring, before its sections."""
    found: list[str] = []
    for line in inspect.cleandoc(type(cell).__doc__ or "").splitlines():
        if line.startswith("    "):
            found.append(line.strip())
        elif found or line.endswith(":"):
            # What follows `Args:` is indented, too, and no equation.
            break
    return found


def summary_of(cell: Cell) -> str:
    """Return the first paragraph of a cell's docstring, as a sentence."""
    first = inspect.cleandoc(type(cell).__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return f"{first[:-1]}." if first.endswith(":") else first


def _split(cell: Cell, line: str) -> Iterator[tuple[str, str, str]]:
    """Yield left, right and note of every equation of a line that holds for this cell."""
    columns = re.split(r" {2,}", line)
    equations: list[str] = []
    while columns and (not equations or " = " in columns[0] or columns[0][0] in "(=+-*/"):
        column = columns.pop(0)
        if equations and " = " not in column:
            equations[-1] += f" {column}"  # spaces that line up two lines are no gap
        else:
            equations.append(column)
    note = " ".join(columns)
    for condition in _CONDITION.finditer(note):
        name, _, value = condition.groups()
        if hasattr(cell, name):
            if str(getattr(cell, name)) != value:
                return
            note = note.replace(condition[0], "")
    note = note.strip(" ,;")
    for equation in equations:
        left, is_equation, right = equation.rstrip(",").partition(" = ")
        if is_equation:
            yield left.strip(), right.strip(), note


def _symbols(
    lefts: Sequence[str], gates: Sequence[str], states: Sequence[str]
) -> dict[str, Symbol]:
    found: dict[str, Symbol] = {}
    for field in states:
        for kind, texts in (
            ("before", (field, f"{field}_(t-1)")),
            ("after", (f"{field}'", f"{field}_t")),
        ):
            for text in texts:
                found[text] = Symbol(text, kind, field)  # type: ignore[arg-type]
    named = {gate: Symbol(gate, "gate", gate) for gate in gates}
    left = [name for text in lefts if "(" not in text for name in _NAME.findall(text)]
    others = list(dict.fromkeys(n for n in left if n not in found and n not in named))
    if gates and not any(gate in left for gate in gates) and len(others) >= len(gates):
        named = {
            text: Symbol(text, "gate", gate) for text, gate in zip(others, gates, strict=False)
        }
    return {**found, **named}


def _parts(text: str, symbols: dict[str, Symbol]) -> Iterator[Part]:
    begin = 0
    for name in _NAME.finditer(text):
        if name[0] in symbols:
            if name.start() > begin:
                yield text[begin : name.start()]
            yield symbols[name[0]]
            begin = name.end()
    if begin < len(text):
        yield text[begin:]


def as_json(equation: Equation) -> dict[str, Any]:
    """Return an equation as the page reads it."""

    def parts(given: tuple[Part, ...]) -> list[Any]:
        return [
            part
            if isinstance(part, str)
            else {"s": part.text, "kind": part.kind, "field": part.field}
            for part in given
        ]

    return {
        "left": parts(equation.left),
        "right": parts(equation.right),
        "note": equation.note,
        "elementwise": equation.elementwise,
    }
