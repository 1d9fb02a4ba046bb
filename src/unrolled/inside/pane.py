"""One model on one input: its trace, the document that the page draws, and what is only worked out when it is asked for."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from unrolled.errors import InputError
from unrolled.inside.arrays import EXACT, packed
from unrolled.inside.attribution import attribution
from unrolled.inside.document import Document, Json, document_of, note_json
from unrolled.inside.layers import trace_layer
from unrolled.inside.nearest import Corpus
from unrolled.inside.parts import attribution_json, places_json, reach_json
from unrolled.inside.recorded import main_field, states_of
from unrolled.inside.remembering import remembering
from unrolled.inside.wanted import Wanted
from unrolled.tasks.forecast import Forecaster
from unrolled.tasks.trace import Note, Trace

CHARACTERS = 50_000
"""Of a text that is looked at, at most."""
STEPS = 20_000
"""The same, steps."""
MANY = 3_000_000
"""Numbers of a file that are kept to the millionth; of more each is kept in one byte."""
COARSE = Note(
    "numbers of this long input are kept to a 254th of their range in the file; the live page has all digits",
    "coarse",
)
QUESTIONS = 3
"""Attributions that a file holds: of the answer, and of others."""
NEIGHBOURS = 400
"""Steps of an input up to which a file holds their nearest places."""
BUSY = threading.RLock()
"""Held while a network is watched or asked: what stands in for its steps meanwhile belongs to one thread."""
FACTS = ("cell", "layers", "bidirectional", "hidden_size", "parameters", "tokenizer", "vocabulary")


class Pane:
    """What is shown of one input.

    Args:
        model: one of the tasks' models, or a module that holds cells.
        given: the input as its `trace` takes it, or what a bare layer reads.
        options: keywords of `trace`.
        title: of the model.
        corpus: where states like a chosen one are looked for.

    Attributes:
        trace: what happened.
        wanted: whether what takes long still is; `Superseded` ends it.
    """

    def __init__(
        self,
        model: Any,
        *given: Any,
        title: str = "",
        corpus: Corpus | None = None,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.model, self.title, self.corpus = model, title, corpus
        self.wanted = Wanted()
        # A window of a forecaster is a place in its data, which stay the same when it is edited.
        self._data = given if isinstance(model, Forecaster) else ()
        _check_length([*given, *options.values()])
        with BUSY:
            self.trace = _traced(model, given, options)
        _check_steps(self.trace)

    @cached_property
    def document(self) -> Document:
        """The document, and the arrays beside it."""
        return document_of(self.trace, title=self.title, facts=_facts(self.model))

    def edited(self, given: Mapping[str, Any]) -> Pane:
        """Return what is shown of another input."""
        if isinstance(self.model, nn.Module):
            try:
                values = np.asarray(given.get("values"), dtype=np.float32)
            except (TypeError, ValueError) as error:
                raise InputError("the values are no numbers", expected="rows of numbers") from error
            return Pane(self.model, values, title=self.title)
        return Pane(self.model, *self._data, title=self.title, corpus=self.corpus, options=given)

    def live(self) -> Json:
        """Return the document for a page that fetches its arrays."""
        shapes = [{"shape": list(array.shape)} for array in self.document.arrays]
        return {**self.document.content, "arrays": shapes, "corpus": self.corpus is not None}

    def whole(self) -> Json:
        """Return the document with everything in it."""
        content, arrays = self.document
        size = EXACT if sum(array.size for array in arrays) <= MANY else 1
        notes = list(content["notes"])
        if size != EXACT:
            notes.append(note_json(COARSE))
        return {
            **content,
            "notes": notes,
            "arrays": [packed(array, size) for array in arrays],
            "attribution": {of: self.attribution(of) for of in [*self.trace.questions][:QUESTIONS]},
            "reach": self.reach(),
            "nearest": self.all_nearest(),
        }

    def attribution(self, of: str) -> Json:
        """Return to which steps an output is owed.

        Raises:
            InputError: there is no such question.
        """
        if of not in self.trace.questions:
            raise InputError(f"nothing is known of {of!r}", expected=_some(self.trace.questions))
        with BUSY:
            return attribution_json(attribution(self.trace.questions[of](), self.wanted))

    def reach(self) -> Json | None:
        """Return how far the model remembers; None where there is nothing to remember over."""
        if all(len(side.steps[0]) < 2 for side in self.trace.sides):
            return None
        with BUSY:
            return reach_json(remembering(self.trace, self.wanted))

    def nearest(self, side: int, path: str, step: int) -> list[Json]:
        """Return the corpus's places like one step of a cell.

        Raises:
            InputError: there is no corpus.
        """
        if self.corpus is None:
            raise InputError(
                "there is no corpus to look in",
                fix="look MODEL INPUT --corpus FILE, or look(model, x, corpus=texts)",
            )
        with BUSY:
            return places_json(self.corpus.nearest(side, path, self._states(side, path)[step]))

    def all_nearest(self) -> Json | None:
        """Return the corpus's places like every step of the highest cell of the first side; None without a corpus."""
        side = self.trace.sides[0] if self.trace.sides else None
        if self.corpus is None or side is None or len(side.steps[0]) > NEIGHBOURS:
            return None
        forward = [path for path, run in side.runs.items() if not run.backward and states_of(run)]
        if not forward:
            return None
        steps = range(len(side.steps[0]))
        return {
            "corpus": self.corpus.name,
            "rows": self.corpus.rows,
            "cell": side.names.get(forward[-1], forward[-1]),
            "side": 0,
            "steps": [self.nearest(0, forward[-1], step) for step in steps],
        }

    def _states(self, side: int, path: str) -> NDArray[Any]:
        run = self.trace.sides[side].runs[path]
        states = states_of(run)
        field = main_field(run, states)
        if field is None:
            raise InputError(f"{path} remembers nothing that could be compared")
        found: NDArray[Any] = states[field][0].numpy()
        return found


def _traced(model: Any, given: Sequence[Any], options: Mapping[str, Any]) -> Trace:
    trace = partial(trace_layer, model) if isinstance(model, nn.Module) else _trace_of(model)
    try:
        inspect.signature(trace).bind(*given, **options)
    except TypeError as error:
        raise InputError(
            f"a {type(model).__name__} cannot be shown so: {error}",
            expected=f"what it reads: {inspect.signature(trace)}",
        ) from error
    found: Trace = trace(*given, **options)
    return found


def _trace_of(model: Any) -> Callable[..., Trace]:
    if not hasattr(model, "trace"):
        raise InputError(
            f"a {type(model).__name__} is no model",
            expected="a model of unrolled, or a module that holds cells",
            fix="of a folder: look(unrolled.load(folder), x)",
        )
    found: Callable[..., Trace] = model.trace
    return found


def _check_length(given: Iterable[Any]) -> None:
    for text in given:
        if isinstance(text, str) and len(text) > CHARACTERS:
            raise InputError(
                f"a text of {len(text):,} characters",
                expected=f"at most {CHARACTERS:,} to look at",
                fix="give a part of it",
            )


def _check_steps(trace: Trace) -> None:
    for side in trace.sides:
        if len(side.steps[0]) > STEPS:
            raise InputError(
                f"an input of {len(side.steps[0]):,} steps",
                expected=f"at most {STEPS:,} to look at",
                fix="give a part of it",
            )


def _facts(model: Any) -> list[tuple[str, str]]:
    if isinstance(model, nn.Module):
        parameters = sum(parameter.numel() for parameter in model.parameters())
        return [("cell", type(model).__name__), ("parameters", f"{parameters:,}")]
    facts = model.facts()
    return [
        (name, f"{facts[name]:,}" if type(facts[name]) is int else str(facts[name]))
        for name in FACTS
        if facts.get(name) is not None
    ]


def _some(names: Mapping[str, Any]) -> str:
    shown = [*names][:5]
    return f"one of {', '.join(shown)}{', ...' if len(names) > len(shown) else ''}"
