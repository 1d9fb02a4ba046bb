"""Documents of made-up models in the form the page reads, with numbers that follow an LSTM's equation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.inside.arrays import EXACT, packed
from unrolled.inside.page import page as page_of

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


REVIEW = (
    "The film begins slowly , but the acting is wonderful and the last hour moved me "
    "to tears ; I would not have missed it for anything in the world ."
)


def _attribution(of: str, labels: list[str], values: Floats) -> Document:
    total = float(values.sum())
    return {
        "of": of,
        "unit": "log-odds",
        "side": 0,
        "labels": labels,
        "total": {"input": total - 0.1 + 0.004, "blank": -0.1},
        "methods": [
            {
                "name": "integrated_gradients",
                "values": values.tolist(),
                "sum": total,
                "error": 0.004 / abs(total),
            },
            {"name": "occlusion", "values": (values * 1.2 + 0.02).tolist()},
        ],
    }


def _reach(names: list[str], steps: int) -> Document:
    distance = np.arange(steps)
    cells = [
        {
            "name": name,
            "norms": (0.93**distance * (1 + 0.1 * np.sin(distance))).tolist(),
            "verdict": "healthy",
            "say": {
                "en": f"{name}: the gradient of 29 steps back is 0.12 of the nearest one.",
                "zh": f"{name}：29 步之前的梯度是最近处的 0.12 倍。",
            },
        }
        for name in names
    ]
    beside = {"RNN": 0.6, "LSTM": 0.85, "GRU": 0.9}
    return {
        "cells": cells,
        "beside": [
            {"name": name, "norms": (rate**distance).tolist()} for name, rate in beside.items()
        ],
        "advice": {
            "en": ["Nothing needs mending: the memory reaches over the whole text."],
            "zh": ["无需调整：记忆覆盖了整段文本。"],
        },
    }


def _nearest(random: np.random.Generator, steps: list[str], cell: str) -> Document:
    def place(at: int) -> Document:
        return {
            "row": int(random.integers(0, 500)),
            "step": int(random.integers(0, 90)),
            "similarity": float(random.uniform(0.8, 0.99)),
            "before": "and I thought the acting",
            "at": steps[at],
            "after": "dull and far too long",
        }

    found = [[place(at) for _ in range(5)] for at in range(len(steps))]
    return {"corpus": "reviews.csv, 500 texts", "cell": cell, "side": 0, "steps": found}


def classifier(text: str = REVIEW, seed: int = 1, units: int = 32) -> Document:
    """Return a sentence classifier of two bidirectional layers."""
    return classifier_maker(text, seed, units).made


def classifier_maker(text: str = REVIEW, seed: int = 1, units: int = 32) -> Maker:
    """Return the same with its numbers."""
    make = Maker(seed)
    steps = text.split()
    names = ["h1 →", "h1 ←", "h2 →", "h2 ←"]
    document = make.document(
        "classify", "reviews", {"text": text}, [make.side("", steps, units, names)]
    )
    logits = np.cumsum(make.random.normal(0.05, 0.4, (len(steps), 2)) * [-1, 1], axis=0)
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    document["outputs"] = [
        {
            "kind": "probabilities",
            "side": 0,
            "names": ["negative", "positive"],
            "array": make.add(odds),
            "at": list(range(len(steps))),
            "answer": int(odds[-1].argmax()),
        }
    ]
    values = make.random.normal(0.08, 0.3, len(steps))
    document["questions"] = ["positive", "negative"]
    document["attribution"] = {
        "positive": _attribution("positive", steps, values),
        "negative": _attribution("negative", steps, -values),
    }
    document["reach"] = _reach(names, len(steps))
    document["nearest"] = _nearest(make.random, steps, "h2 →")
    return make


def translator(seed: int = 2) -> Document:
    """Return an encoder and a decoder that attends to it."""
    make = Maker(seed)
    text = "The old man walked slowly along the quiet river ."
    source, target = (
        text.split(),
        ["<s>", "Der", "alte", "Mann", "ging", "langsam", "am", "stillen", "Fluss", "entlang", "."],
    )
    sides = [
        make.side("encoder", source, 48, ["h1 →", "h1 ←"]),
        make.side("decoder", target, 48, ["h1", "h2"]),
    ]
    document = make.document("translate", "English to German", {"text": text}, sides)
    along = np.linspace(0, len(source) - 1, len(target))
    apart = np.abs(np.arange(len(source)) - along[:, None])
    weights = np.exp(-(apart**2)) + 0.02
    likely = [[[token, 0.6 / 2**rank] for rank, token in enumerate(target[:8])] for _ in target]
    surprise = make.random.gamma(1.2, 1.5, len(target))
    surprise[0] = np.nan
    document["outputs"] = [
        {"kind": "written", "side": 1, "text": " ".join(target[1:])},
        {
            "kind": "attended",
            "rows": 1,
            "columns": 0,
            "array": make.add(weights / weights.sum(1, keepdims=True)),
            "name": "attention",
        },
        {"kind": "expected", "side": 1, "surprise": make.add(surprise), "likely": likely},
    ]
    values = make.random.normal(0.05, 0.2, len(source))
    document["questions"] = ["step 2: Der", "step 3: alte"]
    document["attribution"] = {"step 2: Der": _attribution("step 2: Der", source, values)}
    return document


def tagger(seed: int = 3) -> Document:
    """Return a tagger of names, one of whose tags is wrong."""
    make = Maker(seed)
    steps = ["Ada", "Lovelace", "met", "Charles", "Babbage", "in", "London", "."]
    names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    tags = ["B-PER", "I-PER", "O", "B-PER", "I-PER", "O", "B-PER", "O"]
    document = make.document(
        "tag", "names", {"text": " ".join(steps)}, [make.side("", steps, 24, ["h1 →", "h1 ←"])]
    )
    share = make.random.dirichlet(np.full(len(names), 0.3), len(steps))
    for at, each in enumerate(tags):
        share[at, names.index(each)] += 1.5
    document["outputs"] = [
        {
            "kind": "tags",
            "side": 0,
            "names": names,
            "array": make.add(share / share.sum(1, keepdims=True)),
            "tags": tags,
            "truth": [*tags[:6], "B-LOC", "O"],
        }
    ]
    document["questions"] = [f"step {at}: {each}" for at, each in enumerate(tags, 1)]
    return document


def forecaster(seed: int = 4) -> Document:
    """Return a forecaster of two weeks from eight weeks."""
    make = Maker(seed)
    past = np.arange("2024-03-01", "2024-04-26", dtype="datetime64[D]").astype(str).tolist()
    future = np.arange("2024-04-26", "2024-05-10", dtype="datetime64[D]").astype(str).tolist()
    at = np.arange(len(past) + len(future))
    values = 40 + 8 * np.sin(at * 2 * np.pi / 7) + 0.1 * at + make.random.normal(0, 1.5, len(at))
    document = make.document(
        "forecast",
        "Berlin",
        {"series": "Berlin", "origin": past[-1], "values": values[: len(past)].tolist()},
        [make.side("", past, 24, ["h1", "h2"])],
    )
    median = 40 + 8 * np.sin(at * 2 * np.pi / 7)[len(past) :] + 0.1 * at[len(past) :]
    wide = 2 + 0.2 * np.arange(len(future))
    shown = values[: len(past)].tolist()
    shown[5] = None
    document["outputs"] = [
        {
            "kind": "forecast",
            "series": "Berlin",
            "past": past,
            "past_values": shown,
            "future": future,
            "median": median.tolist(),
            "bands": [
                [0.9, (median - 2 * wide).tolist(), (median + 2 * wide).tolist()],
                [0.5, (median - wide).tolist(), (median + wide).tolist()],
            ],
            "happened": values[len(past) :].tolist(),
            "baselines": {"seasonal_naive": values[len(past) - 7 : len(past)].tolist() * 2},
            "step_of": list(range(len(past))),
        }
    ]
    document["questions"] = ["mean of the forecast"]
    document["attribution"] = {
        "mean of the forecast": _attribution(
            "mean of the forecast", past, make.random.normal(0, 0.4, len(past))
        )
        | {"unit": ""}
    }
    document["reach"] = _reach(["h1", "h2"], len(past))
    return document


def bare(seed: int = 6) -> Document:
    """Return a layer of cells that have less than an LSTM: of one, not even a state; of another, gates of its own."""
    make = Maker(seed)
    steps = [str(at) for at in range(1, 7)]
    side = make.side("", steps, 8, ["h1", "h2", "h3"])
    plain, own, empty = side["cells"]
    plain.update(gates=[], equation=[], saturated={}, output_correlation=None, dead=[])
    gate = {
        "field": "mixture",
        "symbol": "m",
        "array": make.add(np.full((6, 3), 2.5)),
        "range": None,
    }
    own.update(gates=[gate], equation=[], saturated={}, output_correlation=None, orders={})
    empty.update(gates=[], states=[], equation=[], saturated={}, output_correlation=None)
    reach = {
        "cells": [
            {
                "name": "h1",
                "norms": [1.0, None, 0.5],
                "verdict": "unknown",
                "say": {"en": "h1: nothing can be said.", "zh": "h1：无法判断。"},
            }
        ],
        "beside": [{"name": "RNN", "norms": None}],
        "advice": {"en": [], "zh": []},
    }
    document = make.document("layer", "a layer", {"values": [[0.5, 1.0]] * 6}, [side])
    document["reach"] = reach
    return document


def huge(steps: int = 5000, units: int = 512, seed: int = 5) -> Document:
    """Return a layer of many units that read a long text. Its numbers are coarse, so that they deflate well."""
    make = Maker(seed, size=1)
    words = [REVIEW.split()[at % 30] for at in range(steps)]
    document = make.document(
        "layer",
        "5,000 steps",
        {"text": " ".join(words)},
        [make.side("", words, units, ["h1"], kept=("forget",))],
    )
    document["sides"][0]["cells"][0]["equation"] = []
    return document


def page(documents: list[Document], live: bool = False) -> str:
    """Return the page that shows ``documents``, of which a live one asks its server for the numbers."""
    if live:
        return page_of([], panes=len(documents), title="samples")
    return page_of(documents, title="samples")
