"""Arrays of a document, and cells whose numbers follow an LSTM's equation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.inside.arrays import EXACT, packed

Document = dict[str, Any]
Floats = NDArray[np.float64]

_DOC = """Long short-term memory: a cell state that is forgotten, written and read through gates.

    i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      input gate
    f = sigmoid(W_if x + b_if + W_hf h + b_hf)      forget gate
    g = tanh   (W_ig x + b_ig + W_hg h + b_hg)      candidate
    o = sigmoid(W_io x + b_io + W_ho h + b_ho)      output gate
    c' = f * c + i * g
    h' = o * tanh(c'),   y = h'

Hochreiter and Schmidhuber 1997; the forget gate is from Gers et al. 2000.
"""
_GATES = {
    "input": ("i", "sigmoid", "input gate"),
    "forget": ("f", "sigmoid", "forget gate"),
    "candidate": ("g", "tanh   ", "candidate"),
    "output": ("o", "sigmoid", "output gate"),
}


class Maker:
    """Collects the arrays of one document."""

    def __init__(self, seed: int, size: int = EXACT) -> None:
        self.random = np.random.default_rng(seed)
        self.arrays: list[dict[str, Any]] = []
        self.values: list[Floats] = []
        self.made: Document = {}
        self._size = size

    def add(self, values: Any) -> int:
        self.arrays.append(packed(values, self._size))
        self.values.append(np.asarray(values, dtype=np.float64))
        return len(self.arrays) - 1

    def cell(
        self, path: str, name: str, layer: int, steps: int, units: int, kept: tuple[str, ...]
    ) -> Document:
        """Return an LSTM of units that each listen to the input and to themselves only."""
        backward = "←" in name
        runs = _lstm(self.random, steps, units, backward)
        h, c = runs["h"], runs["c"]
        gates = [
            {
                "field": field,
                "symbol": _GATES[field][0],
                "array": self.add(runs[field]),
                "range": [-1, 1] if field == "candidate" else [0, 1],
            }
            for field in kept
        ]
        activity = np.argsort(-np.abs(h).mean(0))
        follows = self.random.uniform(-1, 1, units)
        return {
            "path": path,
            "name": name,
            "layer": layer,
            "backward": backward,
            "type": "LSTM",
            "units": units,
            "summary": _DOC.splitlines()[0],
            "doc": _DOC,
            "equation": _equation(),
            "states": [
                {"field": "h", "array": self.add(h), "begin": self.add(np.zeros((1, units)))},
                {"field": "c", "array": self.add(c), "begin": self.add(np.zeros((1, units)))},
            ],
            "gates": gates,
            "change": self.add(_change(h, backward)),
            "orders": {
                "activity": activity.tolist(),
                "similarity": np.argsort(h[-1]).tolist(),
                "output": np.argsort(-follows).tolist(),
            },
            "output_correlation": self.add(follows),
            "saturated": {
                field: {
                    "low": float((runs[field] < 0.1).mean()),
                    "high": float((runs[field] > 0.9).mean()),
                }
                for field in kept
                if field != "candidate"
            },
            "dead": [3, units - 1],
        }

    def side(
        self,
        name: str,
        steps: list[str],
        units: int,
        names: list[str],
        kept: tuple[str, ...] = tuple(_GATES),
    ) -> Document:
        cells = [
            self.cell(f"body.{at}", each, int(each[1]), len(steps), units, kept)
            for at, each in enumerate(names)
        ]
        return {"name": name, "steps": steps, "cells": cells}

    def document(self, task: str, title: str, given: Document, sides: list[Document]) -> Document:
        facts = [["task", task], ["cell", "LSTM"], ["layers", "2"], ["parameters", "123,456"]]
        self.made = {
            "version": 1,
            "task": task,
            "title": title,
            "model": {"facts": facts},
            "input": given,
            "notes": [],
            "sides": sides,
            "arrays": self.arrays,
            "outputs": [],
            "questions": [],
            "attribution": {},
            "reach": None,
            "nearest": None,
        }
        return self.made


def _lstm(random: np.random.Generator, steps: int, units: int, backward: bool) -> dict[str, Floats]:
    x = random.normal(0, 1.2, (steps, 4))
    weights = {field: random.normal(0, 1, (4, units)) for field in _GATES}
    own = {field: random.normal(0, 1, units) for field in _GATES}
    drive = {field: x @ weights[field] for field in _GATES}
    drive["forget"] = drive["forget"] + 1.5
    kept: dict[str, Floats] = {field: np.zeros((steps, units)) for field in ("h", "c", *_GATES)}
    h, c = np.zeros(units), np.zeros(units)
    for step in reversed(range(steps)) if backward else range(steps):
        before = {field: drive[field][step] + own[field] * h for field in _GATES}
        gates = {
            field: np.tanh(value) if field == "candidate" else 1 / (1 + np.exp(-value))
            for field, value in before.items()
        }
        c = gates["forget"] * c + gates["input"] * gates["candidate"]
        h = gates["output"] * np.tanh(c)
        for field, value in {"h": h, "c": c, **gates}.items():
            kept[field][step] = value
    return kept


def _change(h: Floats, backward: bool) -> Floats:
    rows = h[::-1] if backward else h
    moved = np.linalg.norm(np.diff(rows, axis=0, prepend=0 * rows[:1]), axis=1)
    return (moved[::-1] if backward else moved) / np.sqrt(h.shape[1])


def _equation() -> list[Document]:
    def part(symbol: str, kind: str, field: str) -> Document:
        return {"s": symbol, "kind": kind, "field": field}

    gate = {field: part(symbol, "gate", field) for field, (symbol, _, _) in _GATES.items()}
    lines: list[Document] = [
        {
            "left": [gate[field]],
            "right": [
                f"{function}(W_i{symbol} x + b_i{symbol} + W_h{symbol} ",
                part("h", "before", "h"),
                f" + b_h{symbol})",
            ],
            "note": note,
            "elementwise": False,
        }
        for field, (symbol, function, note) in _GATES.items()
    ]
    right = [gate["forget"], " * ", part("c", "before", "c"), " + ", gate["input"], " * "]
    lines.append(
        {
            "left": [part("c'", "after", "c")],
            "right": [*right, gate["candidate"]],
            "note": "",
            "elementwise": True,
        }
    )
    lines.append(
        {
            "left": [part("h'", "after", "h")],
            "right": [gate["output"], " * tanh(", part("c'", "after", "c"), ")"],
            "note": "",
            "elementwise": True,
        }
    )
    return lines
