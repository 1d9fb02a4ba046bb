"""Generator: from texts to a trained, scored and saved model that writes more of the kind."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.documents import Documents, read_documents
from unrolled.data.pair_rows import checked_text
from unrolled.data.partition import repeated, row_hashes
from unrolled.data.prompts import iter_prompts
from unrolled.data.text_pieces import text_pieces
from unrolled.models.poem_form import PoemForm
from unrolled.models.sampling import Sampling
from unrolled.tasks.baselines import GENERATE_BASELINES, NgramModel, chosen_baselines
from unrolled.tasks.generate.fitted import Fitted
from unrolled.tasks.generate.fitting import MakeProgress, prepare
from unrolled.tasks.generate.inside import facts_of, reach_of
from unrolled.tasks.generate.network import check_cell
from unrolled.tasks.generate.outcome import Completion
from unrolled.tasks.generate.parts import TextPart, kind_of, part_texts
from unrolled.tasks.generate.predicting import COLUMNS, tables_of
from unrolled.tasks.generate.samples import completions_of
from unrolled.tasks.generate.saving import load_fitted, save_fitted
from unrolled.tasks.generate.scoring import evaluated, ngram_rows
from unrolled.tasks.generate.settings import DOCUMENTS, read_options
from unrolled.tasks.generate.trace import trace_of, watched
from unrolled.tasks.model import ReadInside
from unrolled.tasks.options import refuse_shares
from unrolled.tasks.parted import PartedModel
from unrolled.tasks.recurrent import CellChoice
from unrolled.tasks.texts import as_texts
from unrolled.tasks.trace import Side, Trace

PASSAGE = 2_000
"""Characters of a passage of a long text, about."""


class Generator(PartedModel):
    r"""Writes texts like those it has read: a recurrent language model.

    It reads a text token by token and gives each token that might follow a probability (Mikolov et al. 2010, Recurrent
    neural network based language model; Graves 2013, arXiv:1308.0850), regularised as in AWD-LSTM (Merity et al. 2018,
    arXiv:1708.02182). Few long texts (novels) are gone through with a state that is carried on; of many short ones
    (poems) each has a state of its own.

    Args:
        cell: "rnn", "lstm", "gru", ..., a cell's class, a function ``(input_size, hidden_size) -> Layer``; or
            "transformer".
        units: "characters", "bpe", "unigram" or "words"; None = characters, but pieces of words (bpe) where a text in a
            script with spaces is long.
        hidden_size: units of a layer.
        layers: how many lie over each other.
        seed: of every random number.
        options: all others, see `GenerateSettings` and `TrainSettings`: ``kind``, ``dropout``, ``steps``, ``test``,
            ``epochs``, ``max_minutes``, ...

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.

    Attributes:
        notes: what was mended or left out when data was read, one line each.
        training: what came of the last `fit`; None before.
        outcome: the texts that `evaluate` scored last, and what the model wrote by itself.

    >>> text = ["abcdefgh\n" * 50]
    >>> small = {"hidden_size": 16, "layers": 1, "dropout": 0.0, "weight_dropout": 0.0, "steps": 16, "batch_tokens": 64}
    >>> model = Generator(**small, max_steps=80, learning_rate=0.02, validation=0, test=0).fit(text)
    >>> model.generate("abc", max_length=3, sampling=Sampling(top_k=1))
    'def'
    """

    rows_called = "texts"

    def __init__(
        self,
        cell: CellChoice = "gru",
        *,
        units: str | None = None,
        hidden_size: int | None = None,
        layers: int | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        self.cell = cell
        self.settings, self.train_options = read_options(
            {
                "units": units,
                "hidden_size": hidden_size,
                "layers": layers,
                "seed": seed,
                **options,
            }
        )
        check_cell(cell, self.settings)
        self._begin()

    @property
    def fitted(self) -> Fitted:
        """The network, and what was learned beside it.

        Raises:
            InputError: the model is not fitted yet.
        """
        fitted: Fitted = self._require_fitted()
        return fitted

    def fit(
        self,
        data: Any,
        *,
        validation: Any = None,
        test: Any = None,
        folder: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: MakeProgress | None = None,
    ) -> Self:
        """Train on texts, from the beginning.

        Of long texts the ends are held out, of documents some at random, equal ones together: the settings' ``test``
        part is not looked at (`evaluate` scores it), the ``validation`` part tells which weights are the best.

        Args:
            data: a text file, several, or a folder; a table with a column of texts, JSON of poems; a list of texts.
            validation: texts of their own in place of a part of ``data``.
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
        texts = read_documents(data, text_column=self.settings.text, split=self.settings.split)
        held, scored = (
            None if own is None else read_documents(own, like=texts.form)
            for own in (validation, test)
        )
        settings = replace(self.settings, kind=self.settings.kind or kind_of(texts.texts))
        parts = part_texts(texts, settings, self.seed, held, scored)
        task = prepare(self.cell, settings, self.train_options, texts, parts)
        self.notes = (*texts.notes, *task.notes, *_notes_of(held), *_notes_of(scored))
        self._fitted, self.training = task.run(folder, resume=resume, progress=progress)
        # Only now: a run that was interrupted leaves what was fitted before, with the parts that belong to it.
        self._parts, self._baselines, self.outcome = task.parts, {}, None
        self.title = _title(data)
        return self

    def generate(self, prompt: str | Iterable[str] = "", **how: Any) -> Any:
        """Return what is written behind a prompt: a text, a list of n texts, or a list of these for several prompts.

        Args:
            prompt: the beginning of a text, or several; "" begins from nothing.
            how: as of `completions`, which tells what is copied, too.
        """
        fitted, prompts = self.fitted, self._read_prompts(prompt)
        manner = fitted.manner(**how)
        written = fitted.writer.write(fitted.reader.prompts(prompts), manner)
        texts = [[fitted.reader.text(each.tokens) for each in several] for several in written]
        found = texts if manner.n > 1 else [several[0] for several in texts]
        return found[0] if isinstance(prompt, str) else found

    def completions(
        self,
        prompts: str | Iterable[str] = "",
        *,
        max_length: int | None = None,
        sampling: Sampling | None = None,
        form: PoemForm | None = None,
        n: int = 1,
    ) -> list[list[Completion]]:
        """Return n completions of each prompt, with what they copy from the training text.

        Args:
            prompts: beginnings of texts, or one.
            max_length: tokens that are written at most; None = as in the settings. A form says itself how long it is.
            sampling: how tokens are drawn: ``Sampling(temperature=0.8, top_k=40, top_p=0.9, penalty=1.1, seed=1)``; None
                = at a temperature of 0.8.
            form: the form of a poem that is kept: ``PoemForm(lines=4, characters=5, acrostic="...")``. A prompt must be
                the beginning of one.
            n: how many.
        """
        texts = self._read_prompts(prompts)
        return completions_of(self.fitted, texts, self.fitted.manner(max_length, sampling, form, n))

    def _read_prompts(self, prompts: str | Iterable[str]) -> list[str]:
        texts = as_texts(prompts)
        self._say(self.fitted.reader.unseen_notes(texts))
        return texts

    def stream(
        self,
        prompt: str = "",
        *,
        max_length: int | None = None,
        sampling: Sampling | None = None,
        form: PoemForm | None = None,
    ) -> Iterator[str]:
        """Yield what is written behind a prompt piece by piece, as tokens are drawn; together they are `generate`'s.

        Args:
            prompt: the beginning of a text.
            max_length: as of `completions`.
            sampling: the same.
            form: the same.
        """
        fitted = self.fitted
        manner = fitted.manner(max_length, sampling, form)
        texts = self._read_prompts(checked_text(prompt, "prompt"))
        tokens = fitted.writer.stream(fitted.reader.prompts(texts), manner)
        decoder = fitted.reader.tokenizer.decoder()
        pieces = chain((decoder.push_all(some) for some in tokens), iter(decoder.finish, ""))
        return (piece for piece in pieces if piece)

    def copied(self, text: str) -> Any:
        """Return the longest run that a text has in common with the training text; None where that was not kept."""
        kept = self.fitted.train_text
        return None if kept is None else kept.copied([text])[0]

    def predict(self, data: Any, *, text: str | None = None, **how: Any) -> pl.DataFrame:
        """Complete many prompts.

        Args:
            data: a list of prompts, a file with one in each line, or a table with a column of them; "" begins from
                nothing.
            text: the column.
            how: max_length, sampling, form and n as of `completions`.

        Returns:
            row (of the prompt, from 1), prompt, text (what was written behind it), finished, score (log P of the text,
            in nats), and of the longest run that stands in the training text too: copied (characters), copied_share (of
            the text), copied_text, copied_source (where it stands, with what is around it).

        Raises:
            InputError: the data cannot be used.
        """
        return pl.concat(
            [pl.DataFrame(schema=COLUMNS), *self.predict_chunks(data, text=text, **how)]
        )

    def predict_chunks(
        self, data: Any, rows: int = 64, *, text: str | None = None, **how: Any
    ) -> Iterator[pl.DataFrame]:
        """Complete as `predict` does, at most ``rows`` prompts at a time: from a pipe, or of a file of any size."""
        manner = self.fitted.manner(**how)
        parts = iter_prompts(data, text_column=text, like=self.fitted.form, rows=rows)
        self.notes = ()
        return tables_of(self.fitted, parts, manner, self._say)

    def evaluate(
        self, data: Any = None, *, text: str | None = None, baselines: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """Score texts beside the n-gram model, over the same tokens, and count what the model copies by itself.

        Args:
            data: texts; None = the test part that `fit` kept aside.
            text: column of the texts, where it is called otherwise than in training.
            baselines: which of them to score, all of them by default.

        Returns:
            {"task": "generate", "kind": "text" or "documents", "scores": {"model": {"nats_per_char": ...,
            "bits_per_char": ..., "perplexity": (of a token), "parameters": ..., "tokens_per_second": (written, 64 texts
            together), "peak_memory_mb": ...}, "ngram": {...}}, "rows": ..., "tokens": ..., "characters": (an end counts
            as one), "duplicates": documents that the training part holds too, "samples": {"count": ..., "temperature":
            1.0, "copied_median": ..., "copied_longest": ..., "held_out_median": (the same of these texts), ...}}

        Raises:
            InputError: there is no text, or a baseline was not saved with the model.
        """
        fitted = self.fitted
        names = chosen_baselines(baselines, self.known_baselines())
        part = self._test_part() if data is None else self._read_part(data, text)
        beside = {name: self._baseline(name) for name in names}
        result, self.outcome, notes = evaluated(fitted, part, beside, self.seed)
        self._say(notes)
        duplicates = 0
        if fitted.settings.kind == DOCUMENTS:
            duplicates = int(repeated(row_hashes(part.texts), fitted.train_hashes).sum())
        return {**result, "duplicates": duplicates}

    def _read_part(self, data: Any, text: str | None) -> TextPart:
        read = read_documents(data, text_column=text, like=self.fitted.form)
        self.notes = read.notes
        return TextPart.of(read)

    def known_baselines(self) -> Mapping[str, type[NgramModel]]:
        return GENERATE_BASELINES

    def fit_baseline(self, baseline: NgramModel) -> None:
        fitted, parts = self.fitted, self._parts
        train, validation = (
            ngram_rows(fitted.reader.rows(part.texts), fitted.reader)
            for part in (parts.train, parts.validation)
        )
        baseline.fit(
            train,
            len(fitted.reader.tokenizer),
            validation=validation,
            documents=fitted.reader.ends,
            seed=self.seed,
        )

    def trace(self, text: str, *, write: int = 0) -> Trace:
        r"""Return what happens inside on one text, with what was expected at each step and how surprising the token was.

        The bits of all tokens together are what `evaluate` scores the text by. Of a long text the beginning is read.

        Args:
            text: the text; where something is to be written, its beginning, which may be "".
            write: tokens that are written behind it and read, too, as `generate` draws them.

        Raises:
            InputError: it is no text, or empty and nothing is written.
            OptionError: ``write`` is no number of tokens.

        >>> small = {"hidden_size": 16, "layers": 1, "steps": 16, "batch_tokens": 64, "max_steps": 20, "test": 0}
        >>> trace = Generator(**small, validation=0).fit(["abcdefgh\n" * 50]).trace("abc")
        >>> trace.sides[0].steps[0], list(trace.questions)[0], trace.outputs[0].surprise.shape
        (('\n', 'a', 'b', 'c'), 'step 4: c', (4,))
        """
        return trace_of(self.fitted, text, write)

    def watched(self, inputs: Iterable[str]) -> tuple[Side, ...]:
        """Return what each cell does on many texts at once, as `trace` does of one, without anything that comes out.

        Raises:
            InputError: there is no text, or one is none, or empty.
        """
        return watched(self.fitted, inputs)

    def inputs_of(self, source: Any, limit: int | None = None) -> list[str]:
        """Return the texts of a file, a frame or a list, as `trace` takes them, at most ``limit``; long ones in passages.

        Raises:
            InputError: they cannot be read, as of `evaluate`.
        """
        texts = read_documents(source, like=self.fitted.form).texts
        return list(
            islice(chain.from_iterable(text_pieces(text, PASSAGE) for text in texts), limit)
        )

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model into ``folder``: config.json, model.safetensors and the tokenizer.

        The n-gram model is kept with it, so that it can be scored beside it elsewhere: it holds the tokens of the
        training text. Unless ``keep_text`` is False the text itself is kept, too: what is copied from it can then be told.
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
        """Return |dL/dh| of the last token's loss on some training texts, by the distance from it."""
        return {} if self._parts is None else reach_of(self.fitted, self._parts)


def _notes_of(texts: Documents | None) -> tuple[str, ...]:
    return () if texts is None else texts.notes


def _title(data: Any) -> str:
    """Return the names of the files."""
    files = data if isinstance(data, tuple | list) else (data,)
    named = [Path(file).name for file in files if isinstance(file, str | Path) and _is_name(file)]
    return " + ".join(named) if len(named) == len(files) else ""


def _is_name(file: str | Path) -> bool:
    return isinstance(file, Path) or len(file) < 256
