"""A trace as the document that the page draws: plain numbers, lists and texts, and arrays beside them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from unrolled.core.watch import Record
from unrolled.inside import units
from unrolled.inside.arrays import finite
from unrolled.inside.equation import as_json, equations_of, summary_of
from unrolled.inside.recorded import beginning_of, gates_of, main_field, states_of
from unrolled.tasks.trace import (
    Attended,
    Expected,
    Forecasted,
    Note,
    Probabilities,
    Side,
    Tags,
    Trace,
    Written,
)

Array = NDArray[np.float64]

Json = dict[str, Any]

VERSION = 1


class Document(NamedTuple):
    """What the page is told of one input, and the arrays that it refers to by their places in the list."""

    content: Json
    arrays: list[NDArray[Any]]


def document_of(
    trace: Trace, *, title: str = "", facts: Sequence[tuple[str, str]] = ()
) -> Document:
    """Return the document of a trace: all but attribution, reach and nearest states, which take longer."""
    arrays = _Arrays()
    signals = [_output_signal(trace, side) for side in range(len(trace.sides))]
    content: Json = {
        "version": VERSION,
        "task": trace.task,
        "title": title,
        "model": {"facts": [list(fact) for fact in facts]},
        "input": dict(trace.input),
        "notes": [note_json(note) for note in trace.notes],
        "sides": [
            {
                "name": side.name,
                "steps": list(side.steps[0]),
                "cells": [
                    cell
                    for path, run in side.runs.items()
                    if (cell := _cell(path, run, side, signal, arrays)) is not None
                ],
            }
            for side, signal in zip(trace.sides, signals, strict=True)
        ],
        "outputs": [_output(output, arrays) for output in trace.outputs],
        "questions": list(trace.questions),
        "attribution": {},
        "reach": None,
        "nearest": None,
    }
    return Document(content, arrays.kept)


def note_json(note: str) -> Json:
    """Return a note as the page says it: in the words of its key, where it has one, or else as it stands."""
    if isinstance(note, Note):
        return {"text": str(note), "key": note.key, "gaps": dict(note.gaps)}
    return {"text": note, "key": None}


class _Arrays:
    """Arrays in the order in which they were kept."""

    def __init__(self) -> None:
        self.kept: list[NDArray[Any]] = []

    def keep(self, values: ArrayLike | Tensor) -> int:
        # As they are: a copy of all states and gates would be as large again.
        self.kept.append(values.numpy() if isinstance(values, Tensor) else np.asarray(values))
        return len(self.kept) - 1


def _cell(path: str, run: Record, side: Side, signal: Array, arrays: _Arrays) -> Json | None:
    """Return what is shown of one cell; None for one that remembers nothing with units."""
    states, gates = states_of(run), gates_of(run)
    field = main_field(run, states)
    if field is None:
        return None
    begun = beginning_of(run, states)
    values, name = _numbers(states[field]), side.names.get(path, path)
    order = slice(None, None, -1) if run.backward else slice(None)
    first = _numbers(begun[field])
    correlation = units.with_output(values, signal)
    equations = equations_of(
        run.cell, tuple(gates), tuple(field.split(".")[-1] for field in states)
    )
    symbols = {
        part.field: part.text
        for equation in equations
        for part in (*equation.left, *equation.right)
        if not isinstance(part, str) and part.kind == "gate"
    }
    saturated = {
        field: found._asdict()
        for field, leaf in gates.items()
        if (found := units.saturation(_numbers(leaf))) is not None
    }
    return {
        "path": path,
        "name": name,
        "layer": _layer(name),
        "backward": run.backward,
        "type": type(run.cell).__name__,
        "units": values.shape[1],
        "summary": summary_of(run.cell),
        "doc": inspect.cleandoc(type(run.cell).__doc__ or ""),
        "equation": [as_json(equation) for equation in equations],
        "states": [
            {"field": field, "array": arrays.keep(leaf[0]), "begin": arrays.keep(begun[field])}
            for field, leaf in states.items()
        ],
        "gates": [
            {
                "field": field,
                "symbol": symbols.get(field, field),
                "array": arrays.keep(leaf[0]),
                "range": units.bounds_of(_numbers(leaf)),
            }
            for field, leaf in gates.items()
        ],
        "change": arrays.keep(units.change(first, values[order])[order]),
        "orders": {
            "activity": units.by_activity(values).tolist(),
            "similarity": units.by_likeness(values).tolist(),
            "output": np.argsort(-np.abs(correlation), kind="stable").tolist(),
        },
        "output_correlation": arrays.keep(correlation),
        "saturated": saturated,
        "dead": units.dead_units(values),
    }


def _layer(name: str) -> int:
    """Return the number in a cell's name: 2 of "h2 →"; 1 where there is none."""
    digits = "".join(character for character in name if character.isdigit())
    return int(digits) if digits else 1


def _numbers(leaf: Tensor) -> Array:
    numbers: Array = leaf[0].double().numpy()
    return numbers


def _output_signal(trace: Trace, side: int) -> Array:
    """Return one number a step that says what came out there: what units are correlated with. NaN where none is known."""
    signal = np.full(len(trace.sides[side].steps[0]), np.nan)
    for output in trace.outputs:
        if isinstance(output, Probabilities) and output.side == side:
            signal[output.at] = _log_odds(output.values[:, output.answer])
        elif isinstance(output, Expected) and output.side == side:
            signal[:] = output.surprise
        elif isinstance(output, Tags) and output.side == side:
            signal[:] = _log_odds(output.values.max(axis=1))
        elif isinstance(output, Forecasted):
            steps = np.asarray(output.step_of)
            for step in np.unique(steps):
                known = output.past_values[steps == step]
                signal[step] = (
                    known[np.isfinite(known)].mean() if np.isfinite(known).any() else np.nan
                )
        else:
            continue
        break
    return signal


def _log_odds(p: Array) -> Array:
    inside = np.clip(p, 1e-9, 1 - 1e-9)
    odds: Array = np.log(inside / (1 - inside))
    return odds


def _output(output: Any, arrays: _Arrays) -> Json:
    if isinstance(output, Probabilities):
        return {
            "kind": "probabilities",
            "side": output.side,
            "names": list(output.names),
            "array": arrays.keep(output.values),
            "at": [int(step) for step in output.at],
            "answer": int(output.answer),
        }
    if isinstance(output, Expected):
        likely = [[[token, float(p)] for token, p in step] for step in output.likely]
        surprise = arrays.keep(output.surprise)
        return {"kind": "expected", "side": output.side, "surprise": surprise, "likely": likely}
    if isinstance(output, Tags):
        truth = None if output.truth is None else list(output.truth)
        return {
            "kind": "tags",
            "side": output.side,
            "names": list(output.names),
            "array": arrays.keep(output.values),
            "tags": list(output.tags),
            "truth": truth,
        }
    if isinstance(output, Attended):
        return {
            "kind": "attended",
            "rows": output.rows,
            "columns": output.columns,
            "array": arrays.keep(output.weights),
            "name": output.name,
        }
    if isinstance(output, Forecasted):
        return {
            "kind": "forecast",
            "series": output.series,
            "past": list(output.past),
            "past_values": finite(output.past_values),
            "future": list(output.future),
            "median": finite(output.median),
            "bands": [[level, finite(low), finite(high)] for level, low, high in output.bands],
            "happened": None if output.happened is None else finite(output.happened),
            "baselines": {name: finite(values) for name, values in output.baselines.items()},
            "step_of": [int(step) for step in output.step_of],
        }
    assert isinstance(output, Written)
    return {"kind": "written", "side": output.side, "text": output.text}
