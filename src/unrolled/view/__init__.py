"""Charts, tables and pages: what was trained, how well it does, and what happens inside.

Blocks (charts, tables, facts) are data; ``write_report`` writes them as one self-contained page.
"""

from unrolled.view.attention import AttentionMap, attention_maps
from unrolled.view.bars import Bar, BarTable, Histogram, bar_table, histogram
from unrolled.view.calibration import confidence_histogram, judge_calibration, reliability_chart
from unrolled.view.charts import Axis, LineChart, Rule, Spot, line_chart
from unrolled.view.compared import ComparedTexts, chosen_examples
from unrolled.view.confusion import (
    ConfusionMatrix,
    class_table,
    confusion_counts,
    confusion_list,
    confusion_matrix,
)
from unrolled.view.facts import Headline, Headlines, KeyFacts, key_facts
from unrolled.view.figure import Verdict
from unrolled.view.forecast import ForecastWindow, forecast_picture, worst_windows
from unrolled.view.gallery import Block, Gallery
from unrolled.view.heat import HeatTable
from unrolled.view.lengths import length_blocks, length_chart, length_groups, length_table
from unrolled.view.mistakes import Mistake, MistakenTexts, mistakes_block, worst_mistakes
from unrolled.view.reach import Reach, gradient_reach_chart, reach, reach_sentence
from unrolled.view.report import Report, Section, render, write_report
from unrolled.view.runs import Band, Line
from unrolled.view.scores import ScoreTable, score_table
from unrolled.view.tables import PlainTable
from unrolled.view.terminal import terminal_scores, terminal_table
from unrolled.view.text_lengths import text_length_blocks
from unrolled.view.training import gradient_norms, learning_curves
from unrolled.view.words import Phrase, phrase, say

__all__ = [
    "AttentionMap",
    "Axis",
    "Band",
    "Bar",
    "BarTable",
    "Block",
    "ComparedTexts",
    "ConfusionMatrix",
    "ForecastWindow",
    "Gallery",
    "Headline",
    "Headlines",
    "HeatTable",
    "Histogram",
    "KeyFacts",
    "Line",
    "LineChart",
    "Mistake",
    "MistakenTexts",
    "Phrase",
    "PlainTable",
    "Reach",
    "Report",
    "Rule",
    "ScoreTable",
    "Section",
    "Spot",
    "Verdict",
    "attention_maps",
    "bar_table",
    "chosen_examples",
    "class_table",
    "confidence_histogram",
    "confusion_counts",
    "confusion_list",
    "confusion_matrix",
    "forecast_picture",
    "gradient_norms",
    "gradient_reach_chart",
    "histogram",
    "judge_calibration",
    "key_facts",
    "learning_curves",
    "length_blocks",
    "length_chart",
    "length_groups",
    "length_table",
    "line_chart",
    "mistakes_block",
    "phrase",
    "reach",
    "reach_sentence",
    "reliability_chart",
    "render",
    "say",
    "score_table",
    "terminal_scores",
    "terminal_table",
    "text_length_blocks",
    "worst_mistakes",
    "worst_windows",
    "write_report",
]
