"""The report of a translator: scores beside the baselines, examples, attention, chrF by length, and the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import ArrayLike

from unrolled.view.attention import attention_maps
from unrolled.view.compared import ComparedTexts, chosen_examples
from unrolled.view.facts import Headline, Headlines, key_facts
from unrolled.view.gallery import Block
from unrolled.view.metrics import metric, written
from unrolled.view.numbers import MINUS, fixed, percent
from unrolled.view.reach import gradient_reach_chart
from unrolled.view.report import Report, Section
from unrolled.view.scores import Scores, ScoreTable, beside_baselines, score_table
from unrolled.view.svg import escape, tag
from unrolled.view.text_lengths import text_length_blocks
from unrolled.view.training import gradient_norms, learning_curves
from unrolled.view.words import Text, phrase, speaker

if TYPE_CHECKING:
    from unrolled.tasks.translate.outcome import Outcome  # torch stands behind these
    from unrolled.tasks.translate.settings import TranslateSettings
    from unrolled.train.loop import TrainResult

_LARGE = {"translate": ("bleu", "chrf"), "summarise": ("rouge_l", "rouge_1")}
"""The scores that stand in large figures, for each kind of pairs."""


class ReportedTranslator(Protocol):
    """What the report asks of a translator that was fitted in this process."""

    @property
    def title(self) -> str:
        """What was translated, such as the name of the data."""

    @property
    def training(self) -> TrainResult | None:
        """How the training went. Its validation score is the mean cross-entropy of a token, without label smoothing,
        or minus the BLEU.
        """

    @property
    def train_options(self) -> Mapping[str, Any]:
        """What the training was given; read is ``clip_norm``."""

    @property
    def settings(self) -> TranslateSettings:
        """What else it was given; read are ``label_smoothing`` and ``select``."""

    @property
    def outcome(self) -> Outcome | None:
        """The pairs of the test part and what the model made of them."""

    def facts(self) -> Mapping[str, object]:
        """Return what was configured and measured, by name."""

    def reach(self) -> Mapping[str, ArrayLike]:
        """Return path -> |dL/dh| (distances,), nearest first, as `gradient_reach` gives it."""


def translate_report(
    translator: ReportedTranslator, result: Mapping[str, Any] | None, language: str = "en"
) -> Report:
    """Return the report of a fitted translator.

    Args:
        translator: fitted in this process, so that its training is known.
        result: what `Translator.evaluate` gave for the test part; None where there is none.
        language: "en" or "zh".
    """
    outcome = translator.outcome
    kind = "translate" if result is None else str(result["kind"])
    sections = []
    if result is not None:
        blocks: list[Block] = [headlines(result["scores"], kind, outcome), scores_of(result)]
        if signatures := result.get("signatures"):
            blocks.append(Signatures(signatures))
        sections.append(Section(phrase("report.scores"), (), blocks))
    if outcome is not None and len(outcome.sources):
        sections += outcome_sections(outcome)
    sections.append(Section(phrase("report.training"), (), training_blocks(translator)))
    title = phrase(f"report.{kind}_title", name=translator.title)
    summary = () if result else phrase("report.no_test_rows")
    return Report(title, language, summary, sections)


@dataclass(frozen=True)
class Signatures:
    """By which rules each metric was computed, in the short form in which others can compare them."""

    signatures: Mapping[str, str]

    def html(self, language: str = "en") -> str:
        """Return metrics and signatures in ``language``."""
        speak = speaker(language)
        lines = [
            tag(
                "p",
                f"{escape(speak(metric(key).label))} ",
                tag("code", escape(signature)),
                class_="note",
            )
            for key, signature in self.signatures.items()
        ]
        return tag("div", *lines, class_="block wide")


def headlines(scores: Scores, kind: str, outcome: Outcome | None = None) -> Headlines:
    """Return the main scores in large figures, each beside the best baseline's, the output's length, and the speed."""
    model = scores["model"]
    figures = [
        Headline(
            written(metric(key), value, 3), metric(key).label, beside_baselines(key, value, scores)
        )
        for key in _LARGE[kind]
        if (value := model.get(key)) is not None
    ]
    if outcome is not None and (wanted := sum(map(len, outcome.references))):
        share = percent(sum(map(len, outcome.hypotheses)) / wanted)
        figures.append(
            Headline(share, phrase("report.output_length"), phrase("report.of_references"))
        )
    speed, parameters = model.get("tokens_per_second"), model.get("parameters")
    if speed is not None:
        column = metric("tokens_per_second")
        note = "" if parameters is None else phrase("report.parameters", count=f"{parameters:,.0f}")
        figures.append(Headline(written(column, speed, 3), column.label, note))
    return Headlines(figures)


def scores_of(result: Mapping[str, Any]) -> ScoreTable:
    """Return the table of what `evaluate` gave, and in its note how many pairs were scored."""
    notes: list[Text] = [phrase("report.scored_pairs", rows=f"{int(result['rows']):,}")]
    if interval := result.get("bleu_interval"):
        low, high = (fixed(end, 1) for end in interval)
        notes.append(phrase("report.bleu_interval", low=low, high=high))
    if duplicates := result.get("duplicates"):
        notes.append(phrase("report.duplicate_pairs", count=f"{duplicates:,}"))
    return score_table(result["scores"], note=notes)


def outcome_sections(outcome: Outcome) -> list[Section]:
    """Return what the test part shows: examples, attention where the decoder has any, and chrF by length."""
    examples = ComparedTexts(chosen_examples(outcome))
    sections = [Section(phrase("report.examples"), (), [examples])]
    if outcome.alignments:
        text = phrase("report.attention_text")
        sections.append(Section(phrase("report.attention"), text, [attention_maps(outcome)]))
    if by_length := text_length_blocks(outcome.lengths, outcome.sentence_chrf):
        sections.append(Section(phrase("report.lengths"), (), by_length))
    return sections


def training_blocks(translator: ReportedTranslator) -> list[Block]:
    """Return learning curves, gradient norms, how far gradients reach, and what was configured."""
    blocks: list[Block] = []
    if (training := translator.training) is not None:
        options, settings = translator.train_options, translator.settings
        # A smoothed loss is another measure than the cross-entropy of the validation part.
        score: Text = phrase("metric.cross_entropy") if settings.label_smoothing else ""
        if settings.select == "bleu":
            score = f"{MINUS}{metric('bleu').label}"
        blocks.append(learning_curves(training.history, score=score))
        blocks.append(gradient_norms(training.history, clip_norm=options.get("clip_norm", 1.0)))
    if reached := translator.reach():
        blocks.append(gradient_reach_chart(reached))
    blocks.append(key_facts(translator.facts()))
    return blocks
