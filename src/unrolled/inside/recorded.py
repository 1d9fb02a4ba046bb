"""Which tensors of a record are vectors of units, one a step: the fields of the state, and the gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from unrolled.core.tree import Constant, State, Tree
from unrolled.core.watch import Record

WEIGHTS = "weights"
"""How gates end that say where a step looked: their numbers belong to steps, not to units."""


def states_of(run: Record) -> dict[str, Tensor]:
    """Return the states after each step by field, each (B, T, U); what a state only reads and what has no units is left out.

    Of a cell that remembers nothing else, as a Transformer's keys and values of all steps, it is the output y.
    """
    states = {name: leaf for name, leaf in _fields(run.states) if _has_units(leaf)}
    outputs = run.outputs
    if not states and isinstance(outputs, Tensor) and _has_units(outputs):
        return {"y": outputs}
    return states


def beginning_of(run: Record, states: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state before the first step by field, each (B, U); zeros where it was not kept."""
    begun = dict(_fields(run.initial)) if run.initial is not None else {}
    return {
        name: begun[name] if name in begun else leaf.new_zeros(len(leaf), leaf.shape[-1])
        for name, leaf in states.items()
    }


def gates_of(run: Record) -> dict[str, Tensor]:
    """Return the gates by field, each (B, T, U)."""
    gates = run.gates
    if gates is None:
        return {}
    named = zip(getattr(gates, "_fields", map(str, range(len(gates)))), gates, strict=True)
    return {
        name: leaf
        for name, leaf in named
        if isinstance(leaf, Tensor) and _has_units(leaf) and not name.endswith(WEIGHTS)
    }


def main_field(run: Record, states: Mapping[str, Tensor]) -> str | None:
    """Return the field of the state that is the cell's output, or else the first one with units; None where there is none."""
    field = run.cell.output_field
    return field if field in states else next(iter(states), None)


def _has_units(leaf: Tensor) -> bool:
    return leaf.dim() == 3 and leaf.is_floating_point()


def _fields(tree: State | Tree, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a state by the path of their fields: "h", "inner.h"."""
    if isinstance(tree, Tensor):
        yield name or "state", tree
    elif isinstance(tree, tuple) and not isinstance(tree, Constant):
        names = getattr(tree, "_fields", map(str, range(len(tree))))
        for field, inner in zip(names, tree, strict=True):
            yield from _fields(inner, f"{name}.{field}" if name else str(field))
