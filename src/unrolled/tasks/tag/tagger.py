"""Tagger: from tagged sentences to a trained, scored and saved model that tags every token."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import polars as pl
from numpy.typing import NDArray
import numpy as np

from unrolled.data.partition import repeated
from unrolled.data.tagged import Tagged, iter_tagged, read_tagged
from unrolled.data.words import split_words
from unrolled.tasks.baselines import TAG_BASELINES, TagBaseline, chosen_baselines
from unrolled.tasks.model import ReadInside
from unrolled.tasks.options import refuse_shares
from unrolled.tasks.parted import PartedModel
from unrolled.tasks.recurrent import CellChoice, cell_maker
from unrolled.tasks.tag.fitted import Fitted, FoundSpan, TaggedSentence
from unrolled.tasks.tag.fitting import MakeProgress, prepare
from unrolled.tasks.tag.inside import facts_of, reach_of
from unrolled.tasks.tag.parts import TagPart, part_sentences
from unrolled.tasks.tag.saving import load_fitted, save_fitted
from unrolled.tasks.tag.scoring import make_outcome, score_beside_baselines, score_intervals
from unrolled.tasks.tag.settings import read_options
from unrolled.tasks.tag.stream import TagStream


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
        cell: CellChoice = "lstm",
        *,
        hidden_size: int | None = None,
        layers: int = 1,
        bidirectional: bool = True,
        characters: bool | None = None,
        crf: bool | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
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
        if self.settings.select == "loss":
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
        rows = read_tagged(
            data if tags is None else (data, tags),
            text_column=self.settings.text,
            tag_column=self.settings.tag,
        )
        held, scored = (
            None if own is None else read_tagged(own, like=rows.form) for own in (validation, test)
        )
        parts = part_sentences(rows, self.settings, self.seed, held, scored)
        task = prepare(self.cell, self.settings, self.train_options, rows, parts)
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
        form = self.fitted.form
        given = [sentences] if isinstance(sentences, str) else list(sentences)
        rows = [
            split_words(some, form.units, form.marked) if isinstance(some, str) else list(some)
            for some in given
        ]
        return self.fitted.tagged(rows)

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
