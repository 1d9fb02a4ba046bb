"""The score table: what is best, what loses, and the same figures on the page and in the terminal."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from rich.console import Console

from tests.view.markup import check_drawing, classed, read, words
from unrolled.errors import OptionError
from unrolled.tasks.scores import BASELINE_ORDER, forecast_scores
from unrolled.view import say, score_table, terminal_scores
from unrolled.view.metrics import metric
from unrolled.view.scores import ScoreTable
from unrolled.view.words import DICTIONARY

SCORES: dict[str, dict[str, float | None]] = {
    "naive": {"mae": 3.4, "smape": 22.9, "coverage_80": None},
    "model": {"mae": 2.026, "smape": 14.3, "coverage_80": 0.75},
    "ridge": {"mae": 2.0, "smape": 14.5, "coverage_80": 0.84},
}


def best(table: ScoreTable) -> dict[str, list[str]]:
    """Return for every metric the methods that are marked as best."""
    keys = [column.key for column in table.metrics]
    return {
        key: [name for name, cells in table.rows() if cells[place].best]
        for place, key in enumerate(keys)
    }


def sentences(table: ScoreTable, language: str = "en") -> list[str]:
    return [say(said.text, language).replace("\u00a0", " ") for said in table.verdict()]


def printed(table: ScoreTable, language: str = "en", width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(terminal_scores(table, language))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_model_comes_first() -> None:
    assert [name for name, _ in score_table(SCORES).rows()] == ["model", "naive", "ridge"]
    root = check_drawing(score_table(SCORES).html())
    assert [row.get("class") for row in root.iter("tr")] == [None, "model", None, None]


def test_the_best_of_every_metric_is_marked_by_its_own_direction() -> None:
    assert best(score_table(SCORES)) == {
        "mae": ["ridge"],
        "smape": ["model"],
        "coverage_80": ["ridge"],  # 4 points from 80 %, the model 5
    }
    higher = score_table({"model": {"accuracy": 0.9}, "majority": {"accuracy": 0.6}})
    assert best(higher) == {"accuracy": ["model"]}
    unknown = score_table({"model": {"mystery": 1.0}, "naive": {"mystery": 2.0}})
    assert best(unknown) == {"mystery": []}
    assert unknown.verdict() == []


def test_equal_figures_are_all_best_and_nobody_leads() -> None:
    table = score_table({"model": {"mae": 1.0}, "naive": {"mae": 1.0}})
    assert best(table) == {"mae": ["model", "naive"]}
    assert sentences(table) == ["No baseline beats the model on any metric shown."]


def test_losses_are_said_in_plain_words() -> None:
    assert sentences(score_table(SCORES)) == [
        "The model is ahead of every baseline on sMAPE (next: ridge, by 1.4 %).",
        "ridge beats the model on MAE by 1.3 %, 80 % coverage by 1.0 points.",
    ]
    assert sentences(score_table(SCORES), "zh")[1] == (
        "岭回归胜过模型：MAE（优 1.3 %）、80 % 覆盖率（优 1.0 个百分点）。"
    )


def test_every_baseline_that_wins_is_named() -> None:
    table = score_table({"model": {"mae": 2.0}, "naive": {"mae": 1.0}, "ridge": {"mae": 1.6}})
    assert sentences(table) == [
        "naive beats the model on MAE by 100.0 %.",
        "ridge beats the model on MAE by 25.0 %.",
    ]
    assert [said.kind for said in table.verdict()] == ["bad", "bad"]


def test_a_tiny_loss_is_still_a_loss() -> None:
    table = score_table({"model": {"mae": 1.0000001}, "naive": {"mae": 1.0}})
    assert sentences(table) == ["naive beats the model on MAE by < 0.1 %."]


def test_a_far_smaller_figure_is_a_factor_and_no_percent() -> None:
    table = score_table({"model": {"perplexity": 41.28}, "ngram": {"perplexity": 1.2}})
    assert sentences(table) == ["n-gram beats the model on perplexity by a factor of 34."]
    assert sentences(table, "zh") == ["n 元模型胜过模型：困惑度（优 34 倍）。"]
    nearer = score_table({"model": {"perplexity": 4.2}, "ngram": {"perplexity": 1.2}})
    assert sentences(nearer) == ["n-gram beats the model on perplexity by 250.0 %."]


def test_a_perfect_baseline_is_compared_without_percent() -> None:
    table = score_table({"model": {"mae": 0.25}, "naive": {"mae": 0.0}})
    assert sentences(table) == ["naive beats the model on MAE by 0.25, from zero."]


def test_a_missing_figure_of_the_model_is_said() -> None:
    table = score_table({"model": {"mae": math.nan}, "naive": {"mae": 1.0}})
    assert sentences(table) == ["The model has no figure for MAE."]
    assert table.rows()[0][1][0].text == "–"


def test_tables_without_a_model_or_baselines_say_nothing() -> None:
    assert score_table({"naive": {"mae": 1.0}, "ridge": {"mae": 2.0}}).verdict() == []
    assert score_table({"model": {"mae": 1.0}}).verdict() == []
    check_drawing(score_table({}).html())


def test_what_forecasts_are_scored_by_is_known() -> None:
    quantiles = {level: [[1.0]] for level in (0.025, 0.1, 0.5, 0.9, 0.975)}
    for key in forecast_scores([[1.0]], [[2.0]], quantiles, scale=[1.0]):
        assert metric(key).aim, f"the direction of {key} is not known"


@pytest.mark.parametrize("method", ["model", *BASELINE_ORDER])
def test_methods_have_names_in_both_languages(method: str) -> None:
    assert all(f"method.{method}" in words for words in DICTIONARY.values())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_and_terminal_agree(language: str) -> None:
    table = score_table(SCORES)
    page = words(check_drawing(table.html(language))).replace("\u00a0", " ")
    terminal = printed(table, language).replace("\u00a0", " ")
    for name, cells in table.rows():
        row = next(
            line
            for line in terminal.splitlines()
            if line.startswith(say(table.row_name(name), language))
        )
        for cell in cells:
            text = cell.text.replace("\u00a0", " ")
            assert f"{text} *" in row if cell.best else text in row
            assert text in page
    for sentence in sentences(table, language):
        assert sentence in page
        assert sentence in " ".join(terminal.split()) or language == "zh"


def test_best_figures_are_marked_for_the_eye_and_the_ear() -> None:
    root = check_drawing(score_table(SCORES).html())
    marked = classed(root, "best")
    assert [cell.findtext("b") for cell in marked] == ["14.30", "2.000", "84.0\u00a0%"]
    assert all("best of its column" in words(cell) for cell in marked)


def test_given_names_are_text_on_page_and_terminal() -> None:
    evil = "<script>x</script>[red]"
    table = score_table({"model": {evil: 1.0}, evil: {evil: 2.0}}, title=evil, note=evil)
    assert "script" not in read(table.html()).names
    assert printed(table).count("[red]") == 3


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_figure_is_lost_in_a_narrow_terminal(width: int) -> None:
    keys = ["mae", "mse", "mase", "smape", "crps", "coverage_80", "coverage_95"]
    values = np.random.default_rng(0).uniform(0.1, 1.0, (3, 7))
    names = ("model", "gradient_boosting", "ridge")
    scores = {n: dict(zip(keys, row, strict=True)) for n, row in zip(names, values, strict=True)}
    table = score_table(scores)
    shown = printed(table, width=width)
    assert "…" not in shown
    assert all(len(line.rstrip()) <= width for line in shown.splitlines())
    for _, cells in table.rows():
        for cell in cells:
            assert cell.text + (" *" if cell.best else "") in shown
    parts = sum(line.startswith("gradient boosting  ") for line in shown.splitlines())
    assert (parts == 1) == (width >= 100)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(OptionError, match="language='fr'"):
        score_table(SCORES).html("fr")
    with pytest.raises(OptionError, match="language='fr'"):
        terminal_scores(score_table(SCORES), "fr")


def test_nothing_is_cut_at_any_width() -> None:
    scores = {
        "model": {
            "accuracy": 0.7,
            "macro_f1": 0.69,
            "cross_entropy": 0.58,
            "calibration error": 8.1,
        },
        "tfidf_logistic": {
            "accuracy": 0.6,
            "macro_f1": 0.5,
            "cross_entropy": 0.6,
            "calibration error": 87.3,
        },
    }
    table = score_table(scores)
    for width in range(44, 120):
        shown = printed(table, width=width).replace("\xa0", " ")
        for part in (
            "70.0 % *",
            "69.0 % *",
            "0.580 *",
            "8.1",
            "87.3",
            "calibration",
            "cross-entropy",
        ):
            assert part in shown, (width, part)


def test_scores_from_0_to_100_have_one_decimal_and_costs_are_not_judged() -> None:
    quality = {"bleu": 36.04, "chrf": 58.26, "rouge_1": 40.0, "rouge_2": 20.0, "rouge_l": 38.0}
    costs = {"parameters": 5_412_880, "tokens_per_second": 9213.4, "peak_memory_mb": 612.3}
    free = {"parameters": 0, "tokens_per_second": 2.5e7, "peak_memory_mb": 3.25}
    worse = {name: value - 0.01 for name, value in quality.items()}
    table = score_table({"model": quality | costs, "copy_source": worse | free})
    (_, model), (_, copied) = table.rows()
    assert [cell.text for cell in model][:2] == ["36.0", "58.3"]
    assert [cell.text for cell in model][5:] == ["5,412,880", "9,213", "612"]
    assert [cell.text for cell in copied][5:] == ["0", "25,000,000", "3.2"]
    assert [cell.best for cell in model] == [True] * 5 + [False] * 3
    assert not any(cell.best for cell in copied)
    assert "copy of the source, by < 0.1 points" in sentences(table)[0]
    assert "词元/秒" in printed(table, "zh")
    assert "ROUGE-L ↑" in printed(table, width=200)
