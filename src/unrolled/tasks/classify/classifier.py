"""Classifier: from labelled texts or sequences of numbers to a trained, scored and saved model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.labelled import Labelled, iter_labelled, read_labelled
from unrolled.data.partition import repeated, row_hashes
from unrolled.tasks.baselines import (
    CLASSIFY_BASELINES,
    ClassifyBaseline,
    chosen_baselines,
)
from unrolled.tasks.classify.defaults import STARTED
from unrolled.tasks.classify.fitted import Fitted
from unrolled.tasks.classify.fitting import MakeProgress, prepare
from unrolled.tasks.classify.inside import facts_of, reach_of
from unrolled.tasks.classify.parts import Part, part_rows, refuse_all_new
from unrolled.tasks.classify.saving import load_fitted, save_fitted
from unrolled.tasks.classify.scoring import (
    make_outcome,
    score_beside_baselines,
)
from unrolled.tasks.classify.settings import read_options
from unrolled.tasks.classify.stream import ClassifyStream
from unrolled.tasks.classify.trace import trace_of, watched
from unrolled.tasks.generate import Generator
from unrolled.tasks.model import ReadInside
from unrolled.tasks.options import refuse_shares
from unrolled.tasks.parted import PartedModel
from unrolled.tasks.recurrent import CellChoice, cell_maker
from unrolled.tasks.start import Start
from unrolled.tasks.trace import Side, Trace
from unrolled.tasks.tracing import one_of

PREFIX = "p_"
"""Of the columns of the probabilities, before the label."""


class Classifier(PartedModel):
    """Classifies texts or sequences of numbers with a recurrent network.

    Args:
        cell: "rnn", "lstm", "gru", ..., a cell's class, or a function ``(input_size, hidden_size) -> Layer``; None = "gru".
        units: of texts: "words", "characters" or "bpe"; None = told by the texts.
        hidden_size: units of a layer, in each direction; None = chosen by what the rows are made of.
        layers: how many recurrent layers lie over each other.
        bidirectional: read in both directions, as where nothing is said; only a network that reads forward can stream.
        pooling: what is made of all steps: one or several of "last", "mean", "max", "attention"; None = max and mean.
        start: a Generator, or the folder of a saved one: its tokens, embedding and layers are begun with, which fixes
            what is said of them above, and trained one after the other, the top one first. They read forward; the last
            step is pooled, too, where nothing is said.
        seed: of every random number.
        options: all others, see `ClassifySettings` and `TrainSettings`: columns (``text="review"``), ``vectors``,
            ``class_weights``, ``dropout``, ``epochs``, ``learning_rate``, ...

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.

    Attributes:
        notes: what was mended or left out when data was read, one line each.
        training: what came of the last `fit`; None before.
        outcome: the rows that `evaluate` scored last, and what the model made of them.

    >>> texts, labels = ["a fine film", "fine acting", "dull", "a dull film"] * 5, ["yes", "yes", "no", "no"] * 5
    >>> model = Classifier("gru", hidden_size=8, embedding=8, max_steps=60, test=0).fit(texts, labels)
    >>> model.predict(["a fine story"])["label"].to_list()
    ['yes']
    """

    rows_called = "labelled rows"

    def __init__(
        self,
        cell: CellChoice | None = None,
        *,
        units: str | None = None,
        hidden_size: int | None = None,
        layers: int | None = None,
        bidirectional: bool | None = None,
        pooling: str | Sequence[str] | None = None,
        start: Generator | str | os.PathLike[str] | Start | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        named = {
            "units": units,
            "hidden_size": hidden_size,
            "layers": layers,
            "bidirectional": bidirectional,
            "pooling": pooling,
            "seed": seed,
        }
        given = {name: value for name, value in named.items() if value is not None} | options
        self.start = Start.of(start)
        if self.start is None:
            self.cell = "gru" if cell is None else cell
            cell_maker(self.cell)
        else:
            self.cell = self.start.cell
            given = {**STARTED, **self.start.options(cell, given)}
        self.settings, self.train_options = read_options(given)
        self._begin()

    @property
    def fitted(self) -> Fitted:
        """The network, and what was learned beside it.

        Raises:
            InputError: the model is not fitted yet.
        """
        fitted: Fitted = self._require_fitted()
        return fitted

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of the probabilities."""
        return self.fitted.classes

    def fit(
        self,
        data: Any,
        labels: Sequence[Any] | None = None,
        *,
        validation: Any = None,
        test: Any = None,
        folder: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: MakeProgress | None = None,
    ) -> Self:
        """Train on ``data``, from the beginning.

        Rows are held out, every class in proportion: the settings' ``test`` part is not looked at (`evaluate` scores
        it), the ``validation`` part tells when to stop and how sure the model may be of itself.

        Args:
            data: a file, a folder with a class in each sub-folder or file, a dataframe, a dict of columns, a list of
                dicts; or the inputs alone, when ``labels`` are given.
            labels: one for every input.
            validation: rows of their own in place of a part of ``data``.
            test: the same, for the test.
            folder: where the training's checkpoint and metrics go.
            resume: go on from the checkpoint in ``folder``.
            progress: makes what is told of every step from the settings of the training, for instance
                `unrolled.train.progress.TerminalProgress`.

        Raises:
            InputError: the data cannot be used; what, where and how to mend it is said.
            TrainingError: the loss or a gradient was not finite; the last good weights are kept.
        """
        refuse_shares(validation=validation, test=test)
        if self.start is not None:
            self.start.require_weights()
        rows = read_labelled(
            data if labels is None else (data, labels),
            text=self.settings.text,
            label=self.settings.label,
        )
        held, scored = (
            None if own is None else read_labelled(own, like=rows.form)
            for own in (validation, test)
        )
        parts = part_rows(rows, self.settings, self.seed, held, scored)
        task = prepare(self.cell, self.settings, self.train_options, rows, parts, self.start)
        self.notes = (*rows.notes, *parts.notes, *task.notes, *_notes_of(held), *_notes_of(scored))
        self._fitted, self.training = task.run(folder, resume=resume, progress=progress)
        # Only now: a run that was interrupted leaves what was fitted before, with the parts that belong to it.
        self._parts, self._baselines, self.outcome = parts, {}, None
        self.title = Path(data).name if isinstance(data, str | Path) else ""
        return self

    def predict_proba(self, data: Any) -> NDArray[np.float64]:
        """Return the probabilities (N, C) of rows, in the order of `classes`."""
        rows = read_labelled(data, like=self.fitted.form, needs_labels=False)
        return self.fitted.probabilities(rows.inputs)[0]

    def predict(self, data: Any, *, text: str | None = None) -> pl.DataFrame:
        """Classify rows.

        Args:
            data: as in `fit`, labels are not needed; also a list of texts or of arrays, and a file with a text in
                each line.
            text: column of the texts, where it is called otherwise than in training.

        Returns:
            label, probability (of that label), and a column ``p_LABEL`` for every class.

        Raises:
            InputError: the data cannot be used.
        """
        rows = read_labelled(data, text=text, like=self.fitted.form, needs_labels=False)
        self.notes = rows.notes
        return self._frame(rows)

    def predict_chunks(
        self, data: Any, rows: int = 1024, *, text: str | None = None
    ) -> Iterator[pl.DataFrame]:
        """Classify as `predict` does, at most ``rows`` rows at a time: from a pipe, or of a file of any size."""
        self.notes = ()
        for part in iter_labelled(data, text=text, like=self.fitted.form, rows=rows):
            self._say(part.notes)
            yield self._frame(part)

    def _frame(self, rows: Labelled) -> pl.DataFrame:
        probabilities, _ = self.fitted.probabilities(rows.inputs)
        best = probabilities.argmax(1)
        columns = {
            "label": np.array(self.classes, dtype=object)[best].tolist(),
            "probability": probabilities[np.arange(len(best)), best],
        }
        each = {f"{PREFIX}{name}": probabilities[:, k] for k, name in enumerate(self.classes)}
        return pl.DataFrame({**columns, **each}, schema_overrides={"label": pl.String})

    def evaluate(
        self,
        data: Any = None,
        *,
        text: str | None = None,
        label: str | None = None,
        baselines: Iterable[str] | None = None,
    ) -> dict[str, Any]:
        """Score rows whose labels are known, beside the simple methods.

        Args:
            data: labelled rows; None = the test part that `fit` kept aside. Rows with a label that the model was not
                trained on count as wrong, for every method.
            text: column of the texts, where it is called otherwise than in training.
            label: column of the labels, the same.
            baselines: which of them to score, all of them by default.

        Returns:
            {"task": "classify", "scores": {"model": {"accuracy": ...}, "majority": {...}, ...}, "rows": ...,
            "classes": [...], "duplicates": rows that the training part holds too, "unseen": rows with new labels}

        Raises:
            InputError: there is no row, none of the labels is known, or a baseline was not saved with the model.
        """
        fitted = self.fitted
        names = chosen_baselines(baselines, self.known_baselines())
        part = self._test_part() if data is None else self._read_part(data, text, label)
        probabilities, lengths = fitted.probabilities(part.inputs)
        self.outcome = make_outcome(part, probabilities, lengths)
        beside = {name: self._baseline(name) for name in names}
        scores = score_beside_baselines(self.outcome, beside)
        return {
            "task": "classify",
            "scores": scores,
            "rows": len(part),
            "classes": list(part.classes),
            "duplicates": int(repeated(row_hashes(part.inputs), fitted.train_hashes).sum()),
            "unseen": self._note_unseen(part),
        }

    def _read_part(self, data: Any, text: str | None, label: str | None) -> Part:
        rows = read_labelled(data, text=text, label=label, like=self.fitted.form)
        self.notes = rows.notes
        if rows.test is not None:
            rows = rows.test
            self.notes += ("scored are the rows that the file brings for the test",)
        part = Part.of(rows, self.classes)
        refuse_all_new(part, self.classes)
        return part

    def _note_unseen(self, part: Part) -> int:
        """Return how many rows have a label that is new, and say so."""
        rows = part.new_rows(self.classes)
        if len(rows):
            new = ", ".join(part.classes[len(self.classes) :][:5])
            count = "1 row has a label" if len(rows) == 1 else f"{len(rows):,} rows have labels"
            note = f"{part.where(int(rows[0]))}: {count} not trained on ({new}), counted as wrong"
            self._say([note])
        return len(rows)

    def known_baselines(self) -> Mapping[str, type[ClassifyBaseline]]:
        return CLASSIFY_BASELINES[self.fitted.form.kind]

    def fit_baseline(self, baseline: ClassifyBaseline) -> None:
        train, held = self._parts.train, self._parts.validation
        baseline.fit(
            train.inputs,
            train.labels,
            held.inputs,
            held.labels,
            classes=len(self.classes),
            seed=self.seed,
        )

    def trace(self, text: Any = None, *, values: Any = None) -> Trace:
        """Return what happens inside on one row, with the probabilities as it is read.

        They are those that `predict` gives of the row up to there. A network that reads in both directions reads it anew
        for each of them: of a long row they are taken after some steps only, evenly spread.

        Args:
            text: the text; of a model of numbers, the sequence.
            values: the sequence of numbers, (T,) or (T, F).

        Raises:
            InputError: it is not what the model reads, or empty.
            ShapeError: its steps have other features than those trained on.

        >>> texts, labels = ["a fine film", "fine acting", "dull", "a dull film"] * 5, ["yes", "yes", "no", "no"] * 5
        >>> model = Classifier("gru", hidden_size=8, embedding=8, max_steps=60, test=0).fit(texts, labels)
        >>> trace = model.trace("a fine story")
        >>> trace.sides[0].steps[0], list(trace.questions)
        (('a', 'fine', 'story'), ['yes', 'no'])
        """
        return trace_of(self.fitted, one_of(text=text, values=values))

    def watched(self, inputs: Iterable[Any]) -> tuple[Side, ...]:
        """Return what each cell does on many rows at once, as `trace` does of one, without anything that comes out.

        Raises:
            InputError: there is no row, or one is not what the model reads, or empty.
            ShapeError: the steps of one have other features than those trained on.
        """
        return watched(self.fitted, inputs)

    def inputs_of(self, source: Any, limit: int | None = None) -> list[Any]:
        """Return the rows of a file, a frame or a list as `trace` takes them, at most ``limit``.

        Raises:
            InputError: they cannot be read, as of `predict`.
        """
        parts = iter_labelled(source, like=self.fitted.form)
        return list(islice(chain.from_iterable(part.inputs for part in parts), limit))

    def stream(self) -> ClassifyStream:
        """Return a stream that is fed word by word, or step by step, and gives the running probabilities.

        A stream reads every token; of rows longer than ``max_length`` `predict` reads the head and the tail.

        Raises:
            NotCausalError: the model reads in both directions; train it with ``bidirectional=False``.
        """
        return ClassifyStream(self.fitted)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model into ``folder``: config.json, model.safetensors and, of texts, tokenizer.json.

        The baselines are kept with it, so that it can be scored beside them elsewhere; what was not fitted yet is.
        """
        return save_fitted(
            folder, self.cell, self.train_options, self.fitted, self._all_baselines()
        )

    @classmethod
    def _read_saved(
        cls, folder: str | os.PathLike[str], cell: CellChoice | None
    ) -> tuple[CellChoice, dict[str, Any], ReadInside]:
        return load_fitted(folder, cell)

    def facts(self) -> Mapping[str, object]:
        """Return what was configured and measured, by name."""
        return facts_of(self.fitted, self.cell, self.seed, self.training, self._parts)

    def reach(self) -> Mapping[str, NDArray[np.float64]]:
        """Return |dL/dh| of the loss on some training rows, by the distance from the end of the row."""
        return {} if self._parts is None else reach_of(self.fitted, self._parts.train)


def _notes_of(rows: Labelled | None) -> tuple[str, ...]:
    return () if rows is None else rows.notes
