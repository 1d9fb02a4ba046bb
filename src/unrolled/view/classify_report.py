"""The report of a classifier: scores beside the baselines, confusions, calibration, mistakes, lengths, and the training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import ArrayLike

from unrolled.tasks.class_scores import expected_calibration_error, reliability
from unrolled.view.calibration import (
    Judgement,
    calibration_word,
    confidence_histogram,
    judge_calibration,
    reliability_chart,
)
from unrolled.view.confusion import (
    FEW_CLASSES,
    class_table,
    confusion_counts,
    confusion_list,
    confusion_matrix,
)
from unrolled.view.facts import Headline, Headlines, key_facts
from unrolled.view.gallery import Block
from unrolled.view.intervals import share_interval
from unrolled.view.lengths import length_blocks
from unrolled.view.metrics import metric, written
from unrolled.view.mistakes import mistakes_block, worst_mistakes
from unrolled.view.numbers import fixed
from unrolled.view.reach import gradient_reach_chart
from unrolled.view.report import Report, Section
from unrolled.view.scores import Scores, ScoreTable, score_table
from unrolled.view.training import gradient_norms, learning_curves
from unrolled.view.words import Text, phrase

if TYPE_CHECKING:
    from unrolled.tasks.classify.outcome import Outcome  # torch stands behind these two
    from unrolled.train.loop import TrainResult


class ReportedClassifier(Protocol):
    """What the report asks of a classifier that was fitted in this process."""

    @property
    def title(self) -> str:
        """What was classified, such as the name of the data."""

    @property
    def training(self) -> TrainResult | None:
        """How the training went. Its validation score is the same loss as that of training."""

    @property
    def train_options(self) -> Mapping[str, Any]:
        """What the training was given; read is ``clip_norm``."""

    @property
    def outcome(self) -> Outcome | None:
        """The rows of the test part and what the model made of them."""

    def facts(self) -> Mapping[str, object]:
        """Return what was configured and measured, by name."""

    def reach(self) -> Mapping[str, ArrayLike]:
        """Return path -> |dL/dh| (distances,), nearest first, as `gradient_reach` gives it."""


def classify_report(
    classifier: ReportedClassifier, result: Mapping[str, Any] | None, language: str = "en"
) -> Report:
    """Return the report of a fitted classifier.

    Args:
        classifier: fitted in this process, so that its training is known.
        result: what `Classifier.evaluate` gave for the test part; None where there is none.
        language: "en" or "zh".
    """
    outcome = classifier.outcome
    sections = []
    if result is not None:
        blocks: list[Block] = [headlines(result["scores"], outcome), scores_of(result)]
        sections.append(Section(phrase("report.scores"), (), blocks))
    if outcome is not None and len(outcome.truth):
        sections += outcome_sections(outcome)
    sections.append(Section(phrase("report.training"), (), training_blocks(classifier)))
    title = phrase("report.classify_title", name=classifier.title)
    summary = () if result else phrase("report.no_test_rows")
    return Report(title, language, summary, sections)


def headlines(scores: Scores, outcome: Outcome | None = None) -> Headlines:
    """Return accuracy and macro F1 in large figures beside the best baseline's, and the calibration error in a word."""
    figures = []
    for key in ("accuracy", "macro_f1", "ece"):
        column, value = metric(key), scores["model"].get(key)
        if value is None:
            continue
        others = [row.get(key) for name, row in scores.items() if name != "model"]
        known = [other for other in others if other is not None]
        note: Text = ""
        # The share of the commonest class is a perfectly calibrated probability: no baseline to be measured by.
        if key == "ece" and outcome is not None:
            note = calibration_word(_judged(outcome))
        elif key != "ece" and known:
            best = min(known, key=column.badness)
            note = phrase("report.best_baseline", figure=written(column, best, 3))
        figures.append(Headline(written(column, value, 3), column.label, note))
    return Headlines(figures)


def scores_of(result: Mapping[str, Any]) -> ScoreTable:
    """Return the table of what `evaluate` gave, and in its note how surely so many rows tell two methods apart."""
    rows, classes = int(result["rows"]), len(result["classes"])
    notes: list[Text] = [
        phrase("report.scored_rows", rows=f"{rows:,}", classes=f"{classes:,}"),
    ]
    accuracy = result["scores"].get("model", {}).get("accuracy")
    if accuracy is not None and rows:
        low, high = share_interval([accuracy * rows], [rows])
        ends = (fixed(100 * float(end[0]), 1) for end in (low, high))
        notes.append(phrase("report.known_to", low=next(ends), high=next(ends)))
    if duplicates := result.get("duplicates"):
        notes.append(phrase("report.duplicates", count=f"{duplicates:,}"))
    return score_table(result["scores"], note=notes)


def outcome_sections(outcome: Outcome) -> list[Section]:
    """Return what the test part shows: confusions, calibration, the worst mistakes, and accuracy by length."""
    rows, wrong = len(outcome.truth), int((~outcome.correct).sum())
    of_text = isinstance(outcome.inputs[0], str)
    mistakes = mistakes_block(worst_mistakes(outcome), wrong, rows)
    by_length = length_blocks(outcome.lengths, outcome.correct, "tokens" if of_text else "steps")
    sections = [
        Section(phrase("report.confusions"), (), confusion_blocks(outcome)),
        Section(phrase("report.calibration"), (), calibration_blocks(outcome)),
        Section(phrase("report.mistakes"), (), [mistakes]),
    ]
    if by_length:
        sections.append(Section(phrase("report.lengths"), (), by_length))
    return sections


def confusion_blocks(outcome: Outcome) -> list[Block]:
    """Return the matrix, the figures of every class and, of many classes, the commonest confusions."""
    classes = outcome.classes
    counts = confusion_counts(outcome.truth, outcome.predicted, len(classes))
    blocks: list[Block] = [confusion_matrix(counts, classes), class_table(counts, classes)]
    if len(classes) > FEW_CLASSES and not outcome.correct.all():
        blocks.append(confusion_list(counts, classes))
    return blocks


def calibration_blocks(outcome: Outcome) -> list[Block]:
    """Return accuracy against confidence, and how often each confidence occurs."""
    bins = reliability(outcome.truth, outcome.probabilities)
    ece = expected_calibration_error(outcome.truth, outcome.probabilities)
    return [reliability_chart(bins, ece), confidence_histogram(outcome.confidence)]


def training_blocks(classifier: ReportedClassifier) -> list[Block]:
    """Return learning curves, gradient norms, how far gradients reach, and what was configured."""
    blocks: list[Block] = []
    if (training := classifier.training) is not None:
        clip_norm = classifier.train_options.get("clip_norm", 1.0)
        blocks.append(learning_curves(training.history))
        blocks.append(gradient_norms(training.history, clip_norm=clip_norm))
    if reached := classifier.reach():
        blocks.append(gradient_reach_chart(reached))
    blocks.append(key_facts(classifier.facts()))
    return blocks


def _judged(outcome: Outcome) -> Judgement:
    return judge_calibration(reliability(outcome.truth, outcome.probabilities))
