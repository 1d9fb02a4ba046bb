"""Translator: from pairs of texts to a trained, scored and saved model that writes the one for the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.data.pair_rows import checked_text, short
from unrolled.data.pairs import Pairs, iter_pairs, read_pairs
from unrolled.data.partition import repeated, row_hashes
from unrolled.errors import InputError
from unrolled.models.sampling import Sampling
from unrolled.models.search import Hypothesis
from unrolled.tasks.baselines import TRANSLATE_BASELINES, TranslateBaseline, chosen_baselines
from unrolled.tasks.bleu_interval import bleu_interval
from unrolled.tasks.model import ReadInside
from unrolled.tasks.options import refuse_shares
from unrolled.tasks.parted import PartedModel
from unrolled.tasks.recurrent import CellChoice
from unrolled.tasks.sequences import sequences
from unrolled.tasks.text_scores import text_score_notes, text_signatures
from unrolled.tasks.texts import as_texts
from unrolled.tasks.trace import Side, Trace
from unrolled.tasks.translate.fitted import SUMMARISE, Fitted
from unrolled.tasks.translate.fitting import MakeProgress, prepare
from unrolled.tasks.translate.inside import facts_of, reach_of
from unrolled.tasks.translate.network import check_cell
from unrolled.tasks.translate.parts import PairPart, part_pairs
from unrolled.tasks.translate.predicting import table_of, tables_of
from unrolled.tasks.translate.reading import Cut
from unrolled.tasks.translate.saving import load_fitted, save_fitted
from unrolled.tasks.translate.scoring import score_beside_baselines, write_outcome
from unrolled.tasks.translate.settings import read_options
from unrolled.tasks.translate.trace import trace_of, watched


class Translator(PartedModel):
    """Writes a target text for each source text: a translation, or a summary.

    An encoder of recurrent layers in both directions reads the source; a decoder that attends to it writes the target,
    token by token (Sutskever et al. 2014, arXiv:1409.3215; Bahdanau et al. 2015, arXiv:1409.0473).

    Args:
        cell: "rnn", "lstm", "gru", ..., a cell's class, a function ``(input_size, hidden_size) -> Layer``; or
            "transformer", for an encoder and decoder of its blocks.
        units: "bpe", "unigram", "characters" or "words".
        hidden_size: units of every decoder layer; None = chosen by how many pairs there are.
        layers: how many lie over each other in the decoder.
        attention: "general", "additive", "dot", "scaled", "multi_head", or "none".
        seed: of every random number.
        options: all others, see `TranslateSettings` and `TrainSettings`: columns (``source="de"``), ``dropout``,
            ``beam``, ``epochs``, ``learning_rate``, ...

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.

    Attributes:
        notes: what was mended or left out when data was read, one line each.
        training: what came of the last `fit`; None before.
        outcome: the pairs that `evaluate` scored last, and what the model made of them.

    >>> pairs = [("eins zwei", "one two"), ("zwei drei", "two three"), ("drei", "three"), ("eins", "one")] * 8
    >>> small = {"hidden_size": 32, "embedding": 32, "units": "words", "dropout": 0.0, "word_dropout": 0.0}
    >>> model = Translator(**small, max_steps=150, learning_rate=0.01, warmup_steps=0, validation=0, test=0).fit(pairs)
    >>> model.translate("drei")
    'three'
    """

    rows_called = "pairs"

    def __init__(
        self,
        cell: CellChoice = "gru",
        *,
        units: str = "bpe",
        hidden_size: int | None = None,
        layers: int | None = None,
        attention: str = "general",
        seed: int = 0,
        **options: Any,
    ) -> None:
        self.cell = cell
        self.settings, self.train_options = read_options(
            {
                "units": units,
                "hidden_size": hidden_size,
                "layers": layers,
                "attention": attention,
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
        targets: Iterable[str] | None = None,
        *,
        validation: Any = None,
        test: Any = None,
        folder: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: MakeProgress | None = None,
    ) -> Self:
        """Train on pairs, from the beginning.

        Pairs are held out at random, those of one source together: the settings' ``test`` part is not looked at
        (`evaluate` scores it), the ``validation`` part tells which weights are the best.

        Args:
            data: a file of pairs; two files, (sources, targets), that belong together line by line; a dataframe, a
                dict of columns, a list of dicts or of (source, target); or the sources alone, when ``targets`` are given.
            targets: one for every source.
            validation: pairs of their own in place of a part of ``data``.
            test: the same, for the test.
            folder: where the training's checkpoint and metrics go.
            resume: go on from the checkpoint in ``folder``.
            progress: makes what is told of every step from the settings of the training, for instance
                `unrolled.train.progress.TerminalProgress`.

        Raises:
            InputError: the data cannot be used; what, where and how to mend it is said.
            TrainingError: the loss or a gradient was not finite; the last good weights are kept.
        """
        if targets is not None and (
            isinstance(data, str | Path) or isinstance(targets, str | Path)
        ):
            raise InputError(
                f"fit({short(data)}, {short(targets)})",
                expected="sources and targets, a text for each",
                fix="give two files together: fit((sources, targets))",
            )
        refuse_shares(validation=validation, test=test)
        source = data if targets is None else (list(data), list(targets))
        pairs = read_pairs(
            source, source_column=self.settings.source, target_column=self.settings.target
        )
        held, scored = (
            None if own is None else read_pairs(own, like=pairs.form) for own in (validation, test)
        )
        parts = part_pairs(pairs, self.settings, self.seed, held, scored)
        task = prepare(self.cell, self.settings, self.train_options, pairs, parts)
        self.notes = (*pairs.notes, *task.notes, *_notes_of(held), *_notes_of(scored))
        self._fitted, self.training = task.run(folder, resume=resume, progress=progress)
        # Only now: a run that was interrupted leaves what was fitted before, with the parts that belong to it.
        self._parts, self._baselines, self.outcome = task.parts, {}, None
        self.title = _title(data)
        return self

    def translate(self, source: str | Iterable[str], **how: Any) -> Any:
        """Return the target of a text, or a list of those of several texts.

        Args:
            source: one text, or several.
            how: as of `hypotheses`.
        """
        found = [best for best, *_ in self.hypotheses(source, **how)]
        written = [self.fitted.text(hypothesis.tokens) for hypothesis in found]
        return written[0] if isinstance(source, str) else written

    def hypotheses(
        self,
        sources: str | Iterable[str],
        *,
        beam: int | None = None,
        n_best: int = 1,
        sampling: Sampling | None = None,
        done: Callable[[int], None] = lambda count: None,
    ) -> list[list[Hypothesis]]:
        """Return the ``n_best`` hypotheses of each source, best first, with their tokens and scores.

        Args:
            sources: texts, or one.
            beam: hypotheses that the search keeps, 1 for the most likely token each time; None = as in the settings.
            n_best: how many are returned; as many are kept at least.
            sampling: draws tokens in place of a search: ``Sampling(temperature=0.8, top_p=0.9, seed=1)``.
            done: told how many sources are done, as they are.
        """
        manner = self.fitted.manner(beam, n_best, sampling)
        rows, _ = self.fitted.reader.sources(as_texts(sources))
        return self.fitted.writer.write(rows, manner, done)

    def stream(
        self, source: str, *, beam: int | None = None, sampling: Sampling | None = None
    ) -> Iterator[str]:
        """Yield the target of a text piece by piece, as its tokens become certain; together they are `translate`'s.

        Args:
            source: one text.
            beam: None = 1; with several hypotheses a token is certain once all of them begin with it.
            sampling: as of `hypotheses`.
        """
        fitted = self.fitted
        manner = fitted.manner(1 if beam is None and sampling is None else beam, 1, sampling)
        rows, _ = fitted.reader.sources([checked_text(source, "source")])
        tokens = fitted.writer.stream(sequences(rows, np.zeros(1, np.int64)), manner)
        decoder = fitted.reader.target.decoder()
        pieces = chain((decoder.push_all(some) for some in tokens), iter(decoder.finish, ""))
        return (piece for piece in pieces if piece)

    def predict(self, data: Any, *, source: str | None = None, **how: Any) -> pl.DataFrame:
        """Write the targets of many sources.

        Args:
            data: as in `fit`, targets are not needed; also a list of texts, and a file with a text in each line.
            source: column of the sources, where it is called otherwise than in training.
            how: beam, n_best and sampling as of `hypotheses`; there are n_best rows for each source, best first.

        Returns:
            row (of the source, from 1), target, and score: of a search log P(target) / length^alpha, otherwise
            (beam=1, sampling) log P(target) itself.

        Raises:
            InputError: the data cannot be used.
        """
        manner = self.fitted.manner(**how)
        pairs = read_pairs(data, source_column=source, like=self.fitted.form, needs_targets=False)
        frame, lengths = table_of(self.fitted, pairs, manner)
        cut = Cut(self.fitted.settings.max_length).add(lengths, pairs.where)
        self.notes = (*pairs.notes, *cut.notes())
        return frame

    def predict_chunks(
        self, data: Any, rows: int = 256, *, source: str | None = None, **how: Any
    ) -> Iterator[pl.DataFrame]:
        """Write as `predict` does, at most ``rows`` sources at a time: from a pipe, or of a file of any size."""
        manner = self.fitted.manner(**how)
        parts = iter_pairs(data, source_column=source, like=self.fitted.form, rows=rows)
        self.notes = ()
        return tables_of(self.fitted, parts, manner, self._say)

    def evaluate(
        self,
        data: Any = None,
        *,
        source: str | None = None,
        target: str | None = None,
        beam: int | None = None,
        baselines: Iterable[str] | None = None,
    ) -> dict[str, Any]:
        """Score pairs beside the simple methods.

        Args:
            data: pairs; None = the test part that `fit` kept aside.
            source: column of the sources, where it is called otherwise than in training.
            target: column of the targets, the same.
            beam: as of `translate`.
            baselines: which of them to score, all of them by default.

        Returns:
            {"task": "translate", "kind": "translate" or "summarise", "scores": {"model": {"bleu": ..., "chrf": ...,
            "parameters": ..., "tokens_per_second": ..., "peak_memory_mb": ...}, "nearest_pair": {...}, ...},
            "bleu_interval": (low, high) of the model's BLEU, see there, "rows": ..., "duplicates": rows whose source the
            training part holds too, "signatures": {"bleu": ..., ...}}

        Raises:
            InputError: there is no pair, or a baseline was not saved with the model.
        """
        fitted = self.fitted
        names = chosen_baselines(baselines, self.known_baselines())
        manner = fitted.manner(beam)
        part = self._test_part() if data is None else self._read_part(data, source, target)
        self.outcome, speed = write_outcome(fitted, part, manner)
        beside = {name: self._baseline(name) for name in names}
        scores = score_beside_baselines(self.outcome, fitted, speed, beside)
        tokenize = fitted.settings.tokenize
        references = self.outcome.references
        cut = Cut(fitted.settings.max_length).add(self.outcome.lengths, part.where)
        notes = (*cut.notes(), *text_score_notes(references, tokenize=tokenize))
        self._say(notes)
        return {
            "task": "translate",
            "kind": fitted.kind,
            "scores": scores,
            "bleu_interval": bleu_interval(self.outcome.hypotheses, references, tokenize=tokenize),
            "rows": len(part),
            "duplicates": int(repeated(row_hashes(part.sources), fitted.train_hashes).sum()),
            "signatures": text_signatures(
                references, tokenize=tokenize, rouge=fitted.kind == SUMMARISE
            ),
        }

    def _read_part(self, data: Any, source: str | None, target: str | None) -> PairPart:
        pairs = read_pairs(data, source_column=source, target_column=target, like=self.fitted.form)
        self.notes = pairs.notes
        return PairPart.of(pairs)

    def known_baselines(self) -> Mapping[str, type[TranslateBaseline]]:
        return TRANSLATE_BASELINES[self.fitted.kind]

    def fit_baseline(self, baseline: TranslateBaseline) -> None:
        train = self._parts.train
        baseline.fit(train.sources, train.targets, seed=self.seed)

    def trace(self, source: str, target: str | None = None) -> Trace:
        """Return what happens inside while one target is written: what was expected, and where each step looked.

        A step of the decoder is called after the token that is written at it, of which it has read those before.

        Args:
            source: the text that is read; of a long one the beginning.
            target: the text that is written; None = what `translate` writes.

        Raises:
            InputError: one of them is no text, or empty.

        >>> pairs = [("eins zwei", "one two"), ("zwei drei", "two three"), ("drei", "three"), ("eins", "one")] * 8
        >>> small = {"hidden_size": 16, "embedding": 16, "units": "words", "max_steps": 5, "validation": 0, "test": 0}
        >>> trace = Translator(**small).fit(pairs).trace("eins", "one two")
        >>> [side.steps[0] for side in trace.sides], list(trace.questions)[0]
        ([(' eins', '[EOS]'), (' one', ' two', '[EOS]')], 'step 1:  one')
        """
        return trace_of(self.fitted, source, target)

    def watched(self, inputs: Iterable[str]) -> tuple[Side, ...]:
        """Return what each cell does on many sources at once, and while their targets are written, without anything else.

        Raises:
            InputError: there is no source, or one is no text, or empty.
        """
        return watched(self.fitted, inputs)

    def inputs_of(self, source: Any, limit: int | None = None) -> list[str]:
        """Return the sources of a file, a frame or a list, as `trace` takes them, at most ``limit``.

        Raises:
            InputError: they cannot be read, as of `predict`.
        """
        parts = iter_pairs(source, like=self.fitted.form)
        return list(islice(chain.from_iterable(part.sources for part in parts), limit))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model into ``folder``: config.json, model.safetensors and the tokenizers.

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
        """Return |dL/dh| of the last token's loss on some training pairs, by the distance from the end of each side."""
        return {} if self._parts is None else reach_of(self.fitted, self._parts)


def _notes_of(pairs: Pairs | None) -> tuple[str, ...]:
    return () if pairs is None else pairs.notes


def _title(data: Any) -> str:
    """Return the name of the file or files of the pairs."""
    files = data if isinstance(data, tuple) else (data,)
    named = [Path(file).name for file in files if isinstance(file, str | Path)]
    return " + ".join(named) if len(named) == len(files) else ""
