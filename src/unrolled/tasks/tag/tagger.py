"""Tagger: from tagged sentences to a trained, scored and saved model that tags every token."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.pair_rows import short
from unrolled.data.partition import repeated
from unrolled.data.tagged import Tagged, iter_tagged, read_tagged
from unrolled.errors import InputError
from unrolled.tasks.baselines import TAG_BASELINES, MostFrequentTag, chosen_baselines
from unrolled.tasks.generate import Generator
from unrolled.tasks.model import ReadInside
from unrolled.tasks.options import refuse_shares
from unrolled.tasks.parted import PartedModel
from unrolled.tasks.recurrent import CellChoice, cell_maker
from unrolled.tasks.start import Start
from unrolled.tasks.tag.context import checked_start
from unrolled.tasks.tag.fitted import Fitted, TaggedSentence
from unrolled.tasks.tag.fitting import MakeProgress, prepare
from unrolled.tasks.tag.inside import facts_of, reach_of
from unrolled.tasks.tag.parts import TagPart, part_sentences
from unrolled.tasks.tag.saving import load_fitted, save_fitted
from unrolled.tasks.tag.scoring import make_outcome, score_beside_baselines, score_intervals
from unrolled.tasks.tag.settings import read_options
from unrolled.tasks.tag.stream import TagStream
from unrolled.tasks.tag.trace import trace_of, watched
from unrolled.tasks.trace import Side, Trace

COLUMNS = {
    "sentence": pl.Int64,
    "token": pl.String,
    "tag": pl.String,
    "probability": pl.Float64,
}
SENTENCES = "a text, a list of texts, or a list of sentences that are lists of tokens"


class Tagger(PartedModel):
    """Tags every token of a sentence: its part of speech, or the spans (names, places, ...) that it belongs to.

    Recurrent layers read words and their letters, or characters and their pairs, in both directions; where tags make
    spans, a linear-chain CRF finds the best tags of the whole sentence (Huang et al. 2015, arXiv:1508.01991; Lample et
    al. 2016, arXiv:1603.01360). Spans are written as the data writes them: IOB1, IOB2, BIOES, BMES, ...

    Args:
        cell: "rnn", "lstm", "gru", ..., a cell's class, or a function ``(input_size, hidden_size) -> Layer``.
        hidden_size: units of a layer, in each direction; None = chosen by what tokens are.
        layers: how many recurrent layers lie over each other.
        bidirectional: read in both directions; only a tagger that reads forward can stream.
        characters: read the letters of every word; None = where tokens are words.
        crf: score whole sequences of tags; None = where tags make spans.
        start: a Generator of characters, or the folder of a saved one, for data that tags characters: what it makes of all
            characters so far is read beside each, and its layers are trained after the others, the top one first.
        seed: of every random number.
        options: all others, see `TagSettings` and `TrainSettings`: columns (``tag="upos"``), ``dropout``, ``select``,
            ``epochs``, ``learning_rate``, ...

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.

    Attributes:
        notes: what was mended or left out when data was read, one line each.
        training: what came of the last `fit`; None before.
        outcome: the sentences that `evaluate` scored last, and what the model made of them.

    >>> sentences = [["Ann", "met", "Bob"], ["Bob", "ran"], ["we", "met", "Ann"], ["we", "ran"]] * 6
    >>> tags = [["B-PER", "O", "B-PER"], ["B-PER", "O"], ["O", "O", "B-PER"], ["O", "O"]] * 6
    >>> small = {"hidden_size": 16, "embedding": 16, "max_steps": 60, "validation": 0, "test": 0}
    >>> model = Tagger("gru", **small).fit(sentences, tags)
    >>> model.tag("Ann ran"), [span.text for span in model.spans("we met Bob")]
    (['B-PER', 'O'], ['Bob'])
    """

    rows_called = "sentences"

    def __init__(
        self,
        cell: CellChoice = "gru",
        *,
        hidden_size: int | None = None,
        layers: int = 1,
        bidirectional: bool = True,
        characters: bool | None = None,
        crf: bool | None = None,
        start: Generator | str | os.PathLike[str] | Start | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        self.start = checked_start(start, {"characters": characters, **options})
        cell_maker(cell)
        self.cell = cell
        self.settings, self.train_options = read_options(
            {
                "hidden_size": hidden_size,
                "layers": layers,
                "bidirectional": bidirectional,
                "characters": characters,
                "crf": crf,
                "seed": seed,
                **options,
            }
        )
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
    def types(self) -> tuple[str, ...]:
        """The types of spans that it knows, or its tags where they make no spans."""
        return tuple(sorted(self.fitted.codes.kinds))

    @property
    def selected_by(self) -> str:
        """The score that the weights were chosen by, "span_f1" or "accuracy"; "" where it was the loss."""
        if self.fitted.settings.select == "loss":
            return ""
        return "span_f1" if self.fitted.codes.has_spans else "accuracy"

    def fit(
        self,
        data: Any,
        tags: Iterable[Sequence[str]] | None = None,
        *,
        validation: Any = None,
        test: Any = None,
        folder: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: MakeProgress | None = None,
    ) -> Self:
        """Train on tagged sentences, from the beginning.

        Sentences are held out at random, equal ones together: the settings' ``test`` part is not looked at (`evaluate`
        scores it), the ``validation`` part tells which weights are the best.

        Args:
            data: a file (CoNLL columns, CoNLL-U, JSONL, CSV), a list of dicts, or the sentences alone, each a list of
                tokens, when ``tags`` are given.
            tags: a list of tags for every sentence.
            validation: tagged sentences of their own in place of a part of ``data``.
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
        if tags is not None and (isinstance(data, str | Path) or isinstance(tags, str | Path)):
            raise InputError(
                f"fit({short(data)}, {short(tags)})",
                expected="sentences and their tags, a list of both for each",
                fix="give a file that holds both: fit(file)",
            )
        rows = read_tagged(
            data if tags is None else (list(data), list(tags)),
            text_column=self.settings.text,
            tag_column=self.settings.tag,
        )
        held, scored = (
            None if own is None else read_tagged(own, like=rows.form) for own in (validation, test)
        )
        parts = part_sentences(rows, self.settings, self.seed, held, scored)
        task = prepare(self.cell, self.settings, self.train_options, rows, parts, self.start)
        self.notes = (*rows.notes, *task.notes, *_notes_of(held), *_notes_of(scored))
        self._fitted, self.training = task.run(folder, resume=resume, progress=progress)
        # Only now: a run that was interrupted leaves what was fitted before, with the parts that belong to it.
        self._parts, self._baselines, self.outcome = task.parts, {}, None
        self.title = Path(data).name if isinstance(data, str | Path) else ""
        return self

    def tag(self, sentences: Any) -> Any:
        """Return the tags of a sentence, or a list of those of several.

        Args:
            sentences: one text, which is parted into tokens; or several; or sentences that are lists of tokens.
        """
        found = [list(some.tags) for some in self._tagged(sentences)]
        return found[0] if isinstance(sentences, str) else found

    def spans(self, sentences: Any) -> Any:
        """Return the spans of a sentence, or a list of those of several, each with its type, place, text and probability.

        Args:
            sentences: as of `tag`.
        """
        found = [list(some.spans) for some in self._tagged(sentences)]
        return found[0] if isinstance(sentences, str) else found

    def _tagged(self, sentences: Any) -> list[TaggedSentence]:
        given = [sentences] if isinstance(sentences, str) else sentences
        if not isinstance(given, Iterable) or isinstance(given, Mapping):
            raise InputError(f"sentences of type {type(given).__name__}", expected=SENTENCES)
        return self.fitted.tagged([self.fitted.tokens(some) for some in given])

    def predict(self, data: Any, *, text: str | None = None) -> pl.DataFrame:
        """Tag many sentences.

        Args:
            data: as in `fit`, tags are not needed; also a file of plain text, a sentence in each line.
            text: column of the tokens, where it is called otherwise than in training.

        Returns:
            a row for every token: sentence (from 1), token, tag, probability.

        Raises:
            InputError: the data cannot be used.
        """
        rows = read_tagged(data, text_column=text, like=self.fitted.form, needs_tags=False)
        self.notes = (*rows.notes, *self.fitted.reader.notes(rows.sentences, rows.where))
        return _frame(self.fitted.tagged(rows.sentences))

    def predict_chunks(
        self, data: Any, rows: int = 256, *, text: str | None = None
    ) -> Iterator[pl.DataFrame]:
        """Tag as `predict` does, at most ``rows`` sentences at a time: from a pipe, or of a file of any size."""
        first = 0
        for some in self.tagged_chunks(data, rows, text=text):
            yield _frame(some, first)
            first += len(some)

    def tagged_chunks(
        self, data: Any, rows: int = 256, *, text: str | None = None
    ) -> Iterator[list[TaggedSentence]]:
        """Yield what it makes of sentences, at most ``rows`` at a time, as they come."""
        self.notes = ()
        for part in iter_tagged(data, text_column=text, like=self.fitted.form, rows=rows):
            self._say((*part.notes, *self.fitted.reader.notes(part.sentences, part.where)))
            yield self.fitted.tagged(part.sentences)

    def evaluate(
        self,
        data: Any = None,
        *,
        text: str | None = None,
        tag: str | None = None,
        baselines: Iterable[str] | None = None,
    ) -> dict[str, Any]:
        """Score tagged sentences beside the simple methods.

        Args:
            data: tagged sentences; None = the test part that `fit` kept aside. Tags that the model was not trained on
                count as wrong, for every method.
            text: column of the tokens, where it is called otherwise than in training.
            tag: column of the tags, the same.
            baselines: which of them to score, all of them by default.

        Returns:
            {"task": "tag", "scores": {"model": {"accuracy": ..., and where tags make spans "span_precision": ...,
            "span_recall": ..., "span_f1": ...}, "most_frequent_tag": {...}}, "by_type": {"model": {type: {"precision": ...,
            "recall": ..., "f1": ..., "support": ...}}, ...}, "intervals": by score, (low, high) of the model's, see
            `ratio_interval`, "scheme": ..., "rows": sentences, "tokens": ..., "duplicates": sentences that the training
            part holds too, "unseen": tags, or types of spans, that it does not hold}

        Raises:
            InputError: there is no sentence, a tag marks no span where those of the model do, or a baseline was not saved
                with the model.
        """
        fitted = self.fitted
        names = chosen_baselines(baselines, self.known_baselines())
        part = self._test_part() if data is None else self._read_part(data, text, tag)
        self.outcome = make_outcome(fitted, part)
        beside = {name: self._baseline(name) for name in names}
        scores, by_type = score_beside_baselines(self.outcome, beside)
        self._say(fitted.reader.notes(part.sentences, part.where))
        return {
            "task": "tag",
            "scores": scores,
            **({"by_type": by_type} if self.outcome.has_spans else {}),
            "intervals": score_intervals(self.outcome),
            "scheme": fitted.codes.scheme,
            "rows": len(part),
            "tokens": int(self.outcome.lengths.sum()),
            "duplicates": int(repeated(part.hashes(), fitted.train_hashes).sum()),
            "unseen": self._note_unseen(part),
        }

    def _read_part(self, data: Any, text: str | None, tag: str | None) -> TagPart:
        rows = read_tagged(data, text_column=text, tag_column=tag, like=self.fitted.form)
        self.notes = rows.notes
        return TagPart.of(rows)

    def _note_unseen(self, part: TagPart) -> list[str]:
        """Return the tags, or types of spans, that are new, and say so."""
        codes = self.fitted.codes
        new = sorted({name for tags in part.tags for name in codes.unknown(tags)})
        if new:
            first = next(row for row, tags in enumerate(part.tags) if codes.unknown(tags))
            said = f"{', '.join(new[:5])}{', ...' if len(new) > 5 else ''}"
            note = f"{part.where(first)}: not trained on ({said}), counted as wrong"
            self._say([note])
        return new

    def known_baselines(self) -> Mapping[str, type[MostFrequentTag]]:
        return TAG_BASELINES

    def fit_baseline(self, baseline: MostFrequentTag) -> None:
        train = self._parts.train
        baseline.fit(train.sentences, train.tags)

    def trace(self, text: Any, *, tags: Sequence[str] | None = None) -> Trace:
        """Return what happens inside on one sentence, with the probability of every tag at every token.

        The tags are written as the data writes them; one stands for all forms that are written so. Of a sentence of more
        than ``max_length`` tokens the first of its pieces is read.

        Args:
            text: a text, which is parted into tokens, or a list of tokens.
            tags: the true tags.

        Raises:
            InputError: it is no sentence, or empty, or there are not as many tags.

        >>> sentences, tags = [["Ann", "ran"], ["we", "ran"]] * 12, [["B-PER", "O"], ["O", "O"]] * 12
        >>> model = Tagger(hidden_size=8, embedding=8, max_steps=60, validation=0, test=0).fit(sentences, tags)
        >>> trace = model.trace("Ann ran")
        >>> trace.outputs[0].tags, list(trace.questions)
        (('B-PER', 'O'), ['step 1: B-PER', 'step 2: O'])
        """
        return trace_of(self.fitted, text, tags)

    def watched(self, inputs: Iterable[Any]) -> tuple[Side, ...]:
        """Return what each cell does on many sentences at once, as `trace` does of one, without anything that comes out.

        Raises:
            InputError: there is no sentence, or one is none, or empty.
        """
        return watched(self.fitted, inputs)

    def inputs_of(self, source: Any, limit: int | None = None) -> list[Any]:
        """Return the sentences of a file, a frame or a list, as `trace` takes them, at most ``limit``.

        Raises:
            InputError: they cannot be read, as of `predict`.
        """
        parts = iter_tagged(source, like=self.fitted.form)
        return list(islice(chain.from_iterable(part.sentences for part in parts), limit))

    def stream(self) -> TagStream:
        """Return a stream that is fed token by token and answers each at once.

        Raises:
            NotCausalError: the model reads in both directions; train it with ``bidirectional=False``.
        """
        return TagStream(self.fitted)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model into ``folder``: config.json, model.safetensors and vocabulary.json.

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
        """Return |dL/dh| of one token's loss on some training sentences, by the distance from that token."""
        return {} if self._parts is None else reach_of(self.fitted, self._parts.train)


def _frame(sentences: Sequence[TaggedSentence], first: int = 0) -> pl.DataFrame:
    """Return a row for every token of sentences, before which there were ``first``."""
    rows = [
        (number, token, tag, float(sure))
        for number, some in enumerate(sentences, start=first + 1)
        for token, tag, sure in zip(some.tokens, some.tags, some.probabilities, strict=True)
    ]
    return pl.DataFrame(rows, COLUMNS, orient="row")


def _notes_of(rows: Tagged | None) -> tuple[str, ...]:
    return () if rows is None else rows.notes
