"""The report of a generator: scores beside the n-gram model, samples and what they copy, surprise, and the training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import ArrayLike

from unrolled.view.bars import Histogram
from unrolled.view.charts import Axis
from unrolled.view.facts import Headline, Headlines, key_facts
from unrolled.view.gallery import Block
from unrolled.view.metrics import metric, written
from unrolled.view.numbers import number, percent
from unrolled.view.reach import gradient_reach_chart
from unrolled.view.report import Report, Section
from unrolled.view.scores import ScoreTable, beside_baselines, score_table
from unrolled.view.surprise import SurprisingTexts
from unrolled.view.training import gradient_norms, learning_curves
from unrolled.view.words import Text, phrase
from unrolled.view.written_texts import WrittenTexts

if TYPE_CHECKING:
    from unrolled.tasks.generate.outcome import Outcome  # torch stands behind these
    from unrolled.tasks.generate.settings import GenerateSettings
    from unrolled.train.loop import TrainResult

_LARGE = ("bits_per_char", "perplexity")


class ReportedGenerator(Protocol):
    """What the report asks of a generator that was fitted in this process."""

    @property
    def title(self) -> str:
        """What it was trained on, such as the name of the data."""

    @property
    def training(self) -> TrainResult | None:
        """How the training went. Its validation score is the mean cross-entropy of a token."""

    @property
    def train_options(self) -> Mapping[str, Any]:
        """What the training was given; read is ``clip_norm``."""

    @property
    def settings(self) -> GenerateSettings:
        """What else it was given; read are ``activation`` and ``temporal``."""

    @property
    def outcome(self) -> Outcome | None:
        """The texts of the test part as the model found them, and what it wrote by itself."""

    def facts(self) -> Mapping[str, object]:
        """Return what was configured and measured, by name."""

    def reach(self) -> Mapping[str, ArrayLike]:
        """Return path -> |dL/dh| (distances,), nearest first, as `gradient_reach` gives it."""


def generate_report(
    generator: ReportedGenerator, result: Mapping[str, Any] | None, language: str = "en"
) -> Report:
    """Return the report of a fitted generator.

    Args:
        generator: fitted in this process, so that its training is known.
        result: what `Generator.evaluate` gave for the test part; None where there is none.
        language: "en" or "zh".
    """
    sections = []
    if result is not None:
        blocks: list[Block] = [headlines(result), scores_of(result)]
        sections.append(Section(phrase("report.scores"), (), blocks))
    if generator.outcome is not None:
        sections += outcome_sections(generator.outcome, result or {})
    sections.append(Section(phrase("report.training"), (), training_blocks(generator)))
    title = phrase("report.generate_title", name=generator.title)
    return Report(title, language, () if result else phrase("report.no_test_rows"), sections)


def headlines(result: Mapping[str, Any]) -> Headlines:
    """Return the main scores in large figures beside the n-gram model's, what is copied, the form kept, and the speed."""
    scores, samples = result["scores"], result["samples"]
    model = scores["model"]
    figures = [
        Headline(
            written(metric(key), value, 3), metric(key).label, beside_baselines(key, value, scores)
        )
        for key in _LARGE
        if (value := model.get(key)) is not None
    ]
    if (copied := samples.get("copied_median")) is not None:
        count, held = str(samples["count"]), samples.get("held_out_median")
        note = phrase("report.copied_median", count=count)
        if held is not None:
            note = phrase("report.copied_beside", count=count, held=number(held))
        figures.append(Headline(number(copied), phrase("report.copied"), note))
    if (kept := samples.get("form_kept")) is not None:
        beside = phrase("report.form_beside", share=percent(samples["form_kept_in_test"]))
        figures.append(Headline(percent(kept), phrase("report.form"), beside))
    speed, column = model["tokens_per_second"], metric("tokens_per_second")
    size = phrase("report.parameters", count=f"{model['parameters']:,.0f}")
    figures.append(Headline(written(column, speed, 3), column.label, size))
    return Headlines(figures)


def scores_of(result: Mapping[str, Any]) -> ScoreTable:
    """Return the table of what `evaluate` gave, and in its note how much was scored."""
    rows = int(result["rows"])
    texts = phrase("report.one_text" if rows == 1 else "report.texts", count=f"{rows:,}")
    counts = {name: f"{int(result[name]):,}" for name in ("tokens", "characters")}
    notes: list[Text] = [phrase("report.scored_texts", rows=texts, **counts)]
    if duplicates := result.get("duplicates"):
        notes.append(phrase("report.duplicate_texts", count=f"{duplicates:,}"))
    return score_table(result["scores"], note=notes)


def outcome_sections(outcome: Outcome, result: Mapping[str, Any]) -> list[Section]:
    """Return what the test part and the samples show: texts, what is copied, and surprise."""
    sections = [Section(phrase("report.samples"), (), [WrittenTexts(outcome.samples)])]
    if copying := copied_histogram(outcome, result.get("samples", {})):
        sections.append(Section(phrase("report.copying"), (), [copying]))
    if outcome.passages:
        surprise = SurprisingTexts(outcome.passages)
        sections.append(Section(phrase("report.surprise"), (), [surprise]))
    return sections


def copied_histogram(outcome: Outcome, figures: Mapping[str, Any]) -> Histogram | None:
    """Return how long the copied runs of the samples are; None where the training text was not kept."""
    runs = [
        each.copied.characters
        for each in (outcome.samples[-1].completions if outcome.samples else ())
        if each.copied is not None
    ]
    if not runs:
        return None
    notes: list[Text] = [
        phrase(
            "copied.note",
            count=str(len(runs)),
            median=number(figures["copied_median"]),
            longest=str(figures["copied_longest"]),
        )
    ]
    if "held_out_median" in figures:
        held = {
            "median": number(figures["held_out_median"]),
            "longest": str(figures["held_out_longest"]),
        }
        notes.append(phrase("copied.held_out", **held))
    axis = Axis(phrase("copied.axis"))
    return Histogram(phrase("copied.title"), runs, axis, note=notes, whole=True)


def training_blocks(generator: ReportedGenerator) -> list[Block]:
    """Return learning curves, gradient norms, how far gradients reach, and what was configured."""
    blocks: list[Block] = []
    if (training := generator.training) is not None:
        # With a penalty the loss is another measure than the cross-entropy of the validation part.
        penalised = generator.settings.activation or generator.settings.temporal
        score: Text = phrase("metric.cross_entropy") if penalised else ""
        blocks.append(learning_curves(training.history, score=score))
        clip_norm = generator.train_options.get("clip_norm", 1.0)
        blocks.append(gradient_norms(training.history, clip_norm=clip_norm))
    if reached := generator.reach():
        blocks.append(gradient_reach_chart(reached))
    blocks.append(key_facts(generator.facts()))
    return blocks
