"""Documents of made-up models in the form the page reads."""

from __future__ import annotations

import numpy as np

from tests.inside.maker import Document, Floats, Maker

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
