"""The report of a tagger: scores beside the baseline, types and confusions, mistakes, new words, lengths, the training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from unrolled.view.confusion import FEW_CLASSES, class_table, confusion_list, confusion_matrix
from unrolled.view.facts import Headline, Headlines, key_facts
from unrolled.view.gallery import Block
from unrolled.view.metrics import metric, written
from unrolled.view.numbers import fixed, percent
from unrolled.view.reach import gradient_reach_chart
from unrolled.view.report import Report, Section
from unrolled.view.scores import Scores, ScoreTable, score_table
from unrolled.view.tag_tables import fate_table, seen_table, type_confusions, type_table
from unrolled.view.tagged import tagged_mistakes
from unrolled.view.text_lengths import OF_TAGS, text_length_blocks
from unrolled.view.training import gradient_norms, learning_curves
from unrolled.view.words import Text, known_phrase, listed, phrase

if TYPE_CHECKING:
    from unrolled.tasks.tag.outcome import Outcome  # torch stands behind these
    from unrolled.train.loop import TrainResult

_LARGE = ("span_f1", "accuracy")


class ReportedTagger(Protocol):
    """What the report asks of a tagger that was fitted in this process."""

    @property
    def title(self) -> str:
        """What was tagged, such as the name of the data."""

    @property
    def training(self) -> TrainResult | None:
        """How the training went. Its validation score is the loss of a token, or 1 less the score ``selected_by``."""

    @property
    def train_options(self) -> Mapping[str, Any]:
        """What the training was given; read is ``clip_norm``."""

    @property
    def selected_by(self) -> str:
        """The score that the weights were chosen by, "span_f1" or "accuracy"; "" where it was the loss."""

    @property
    def outcome(self) -> Outcome | None:
        """The sentences of the test part and what the model made of them."""

    def facts(self) -> Mapping[str, object]:
        """Return what was configured and measured, by name."""

    def reach(self) -> Mapping[str, ArrayLike]:
        """Return path -> |dL/dh| (distances,), nearest first, as `gradient_reach` gives it."""


def tag_report(
    tagger: ReportedTagger, result: Mapping[str, Any] | None, language: str = "en"
) -> Report:
    """Return the report of a fitted tagger.

    Args:
        tagger: fitted in this process, so that its training is known.
        result: what `Tagger.evaluate` gave for the test part; None where there is none.
        language: "en" or "zh".
    """
    outcome = tagger.outcome
    sections = []
    if result is not None:
        blocks: list[Block] = [headlines(result["scores"], outcome), scores_of(result)]
        sections.append(Section(phrase("report.scores"), (), blocks))
    if outcome is not None and len(outcome.sentences):
        by_type = None if result is None else result.get("by_type")
        sections += outcome_sections(outcome, by_type)
    sections.append(Section(phrase("report.training"), (), training_blocks(tagger)))
    title = phrase("report.tag_title", name=tagger.title)
    summary = () if result else phrase("report.no_test_rows")
    return Report(title, language, summary, sections)


def headlines(scores: Scores, outcome: Outcome | None = None) -> Headlines:
    """Return the main scores in large figures, each beside the best baseline's, and the accuracy of new words."""
    figures = []
    for key in _LARGE:
        column, value = metric(key), scores["model"].get(key)
        if value is None:
            continue
        others = {name: row.get(key) for name, row in scores.items() if name != "model"}
        known = {name: other for name, other in others.items() if other is not None}
        figures.append(
            Headline(written(column, value, 3), column.label, _beside(key, value, known))
        )
    if outcome is not None:
        new = ~np.concatenate([np.zeros(0, np.bool_), *outcome.known])
        right = np.concatenate([np.zeros(0, np.bool_), *outcome.correct])
        if new.any():
            share = phrase("tagged.new_share", share=percent(float(new.mean())))
            label = phrase("tagged.new_accuracy")
            figures.append(Headline(percent(float(right[new].mean())), label, share))
    return Headlines(figures)


def scores_of(result: Mapping[str, Any]) -> ScoreTable:
    """Return the table of what `evaluate` gave, and in its note how many sentences were scored and how sure that is."""
    counts = {"rows": f"{int(result['rows']):,}", "tokens": f"{int(result['tokens']):,}"}
    notes: list[Text] = [phrase("report.scored_sentences", **counts)]
    for key, (low, high) in result.get("intervals", {}).items():
        if low == high:
            # Where all is right, or nothing, draws of the same sentences tell nothing of others.
            continue
        ends = {"low": fixed(100 * low, 1), "high": fixed(100 * high, 1)}
        notes.append(phrase("report.score_interval", metric=metric(key).label, **ends))
    if unseen := result.get("unseen"):
        names: list[Text] = list(unseen[:8])
        names += [phrase("confusion.more", count=f"{len(unseen) - 8:,}")] if unseen[8:] else []
        notes.append(phrase("report.unseen_tags", tags=listed(names)))
    if duplicates := result.get("duplicates"):
        notes.append(phrase("report.duplicate_sentences", count=f"{duplicates:,}"))
    return score_table(result["scores"], note=notes)


def outcome_sections(outcome: Outcome, by_type: Mapping[str, Any] | None) -> list[Section]:
    """Return what the test part shows: types, confusions, mistakes in their text, new words, and accuracy by length."""
    types: list[Block] = []
    if outcome.has_spans:
        types = [type_table(by_type)] if by_type else []
        types.append(fate_table(outcome))
    sections = [
        Section(phrase("report.types"), (), types),
        Section(phrase("report.confusions"), (), confusion_blocks(outcome)),
        Section(phrase("report.mistakes"), (), [tagged_mistakes(outcome)]),
        Section(phrase("report.words"), (), [seen_table(outcome)]),
    ]
    shares = [100 * float(right.mean()) if len(right) else 100.0 for right in outcome.correct]
    if by_length := text_length_blocks(outcome.lengths, shares, OF_TAGS):
        sections.append(Section(phrase("report.lengths"), (), by_length))
    return [section for section in sections if section.blocks]


def confusion_blocks(outcome: Outcome) -> list[Block]:
    """Return the matrix of tags, or of types of spans, and of tags the figures of every one."""
    counts, names = type_confusions(outcome)
    blocks: list[Block] = [confusion_matrix(counts, names)]
    if not outcome.has_spans:
        blocks.append(class_table(counts, names))
    if len(names) > FEW_CLASSES and counts.sum() > np.trace(counts):
        blocks.append(confusion_list(counts, names))
    return blocks


def training_blocks(tagger: ReportedTagger) -> list[Block]:
    """Return learning curves, gradient norms, how far gradients reach, and what was configured."""
    blocks: list[Block] = []
    if (training := tagger.training) is not None:
        chosen_by = tagger.selected_by
        score = phrase("tagged.less", metric=metric(chosen_by).label) if chosen_by else ""
        clip_norm = tagger.train_options.get("clip_norm", 1.0)
        blocks.append(learning_curves(training.history, score=score))
        blocks.append(gradient_norms(training.history, clip_norm=clip_norm))
    if reached := tagger.reach():
        blocks.append(gradient_reach_chart(reached))
    blocks.append(key_facts(tagger.facts()))
    return blocks


def _beside(key: str, value: float, known: Mapping[str, float]) -> Text:
    """Name the best baseline's figure, and the baseline where it beats the model."""
    if not known:
        return ""
    column = metric(key)
    best = min(known, key=lambda name: column.badness(known[name]))
    figure = written(column, known[best], 3)
    if column.badness(value) > column.badness(known[best]):
        method = known_phrase(f"method.{best}", best)
        return phrase("report.loses_to", method=method, figure=figure)
    return phrase("report.best_baseline", figure=figure)
