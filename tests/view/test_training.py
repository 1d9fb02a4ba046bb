"""Pictures of a training: what is read from its records, what is marked, and the verdict on its gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.view.markup import check_drawing, classed, lines, words
from unrolled.cells import LSTM
from unrolled.core.watch import gradient_reach
from unrolled.errors import ShapeError
from unrolled.train.metrics import Record
from unrolled.view import (
    Gallery,
    LineChart,
    gradient_norms,
    gradient_reach_chart,
    learning_curves,
    reach,
    reach_sentence,
    say,
)
from unrolled.view.training import evaluations, every_step, running_mean


def record(step: int, losses: list[float], norms: list[float], score: float | None) -> Record:
    return Record(step, 0, losses[-1], 0.01, max(norms), score, 1.0, 10.0, losses, norms)


HISTORY = [
    record(2, [0.9, 0.7], [1.0, 4.0], 0.8),
    record(4, [0.6, 0.5], [0.5, 0.1], 0.6),
    record(6, [0.4, 0.3], [0.1, 2.0], 0.7),
]


def test_every_step_has_its_place() -> None:
    steps, losses = every_step(HISTORY, "losses")
    assert steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert losses.tolist() == [0.9, 0.7, 0.6, 0.5, 0.4, 0.3]
    assert evaluations(HISTORY)[0].tolist() == [2, 4, 6]


def test_lines_of_metrics_jsonl_are_read_as_records_are() -> None:
    as_dictionaries = [one._asdict() for one in HISTORY]
    assert learning_curves(as_dictionaries).html() == learning_curves(HISTORY).html()


def test_learning_curves_mark_the_best_score() -> None:
    root = check_drawing(learning_curves(HISTORY).html())
    assert [path.get("data-name") for path in lines(root)] == ["training", "validation"]
    (spot,) = classed(root, "spot")
    assert spot.get("cx") == "60%"  # step 4 on an axis from 1 to 6
    assert "best 0.6" in words(root)


def test_another_measure_has_its_own_axis() -> None:
    block = learning_curves(HISTORY, score="MASE")
    assert isinstance(block, Gallery)
    root = check_drawing(block.html())
    assert [title.text for title in root.iter("h3")] == [
        "Training loss",
        "MASE on the validation part",
    ]


def test_a_training_without_validation_is_drawn() -> None:
    alone = [record(2, [0.9, 0.7], [1.0, 4.0], None)]
    for block in (learning_curves(alone), learning_curves(alone, score="MASE")):
        root = check_drawing(block.html())
        assert len(lines(root)) == 1
        assert not classed(root, "spot")
    check_drawing(learning_curves([]).html())
    check_drawing(gradient_norms([]).html())


def test_a_loss_that_falls_far_gets_a_log_axis() -> None:
    far = learning_curves([record(2, [100.0, 0.01], [1.0, 1.0], None)])
    near = learning_curves(HISTORY)
    assert isinstance(far, LineChart)
    assert isinstance(near, LineChart)
    assert far.y.log
    assert not near.y.log


def test_gradient_norms_show_the_threshold_and_how_often_it_was_passed() -> None:
    text = words(check_drawing(gradient_norms(HISTORY, clip_norm=1.5).html()))
    assert "clipped above 1.5" in text
    assert "33.3\u00a0% of the steps were clipped" in text
    assert "clipped" not in words(check_drawing(gradient_norms(HISTORY).html()))


def test_infinite_gradients_are_counted() -> None:
    history = [record(3, [1.0, 1.0, 1.0], [0.0, math.inf, 2.0], None)]
    text = words(check_drawing(gradient_norms(history, clip_norm=1.0).html()))
    assert "largest ∞" in text
    assert "not finite: 1 values" in text
    assert "66.7\u00a0% of the steps" in text


def test_long_curves_are_smoothed_and_say_so() -> None:
    noise = np.exp(np.random.default_rng(0).normal(size=4000))
    long = [record(4000, noise.tolist(), noise.tolist(), None)]
    for block in (learning_curves(long), gradient_norms(long)):
        root = check_drawing(block.html())
        assert [path.get("class") for path in lines(root)] == ["line faint", "line c1"]
        assert "mean over 100 steps" in words(root)


def test_the_running_mean_leaves_out_what_is_not_finite() -> None:
    assert running_mean(np.array([1.0, np.inf, 3.0]), 3).tolist() == [1.0, 2.0, 3.0]
    assert np.isnan(running_mean(np.array([np.nan]), 5)).all()
    assert running_mean(np.arange(9.0), 3)[1:-1].tolist() == list(range(1, 8))


@pytest.mark.parametrize(
    ("norms", "verdict"),
    [
        (0.5 ** np.arange(30), "vanishing"),
        (1.5 ** np.arange(30), "exploding"),
        (0.95 ** np.arange(60), "healthy"),
        (np.ones(10), "healthy"),
        ([1.0, 0.9, math.inf], "exploding"),
        ([1.0, 0.5, 0.0, 0.0], "vanishing"),
        ([1.0, 0.5, math.nan, math.nan], "healthy"),
        ([1.0], "unknown"),
        ([], "unknown"),
        ([0.0, 0.0], "unknown"),
        ([math.nan], "unknown"),
    ],
    ids=str,
)
def test_the_verdict_follows_the_rule(norms: list[float], verdict: str) -> None:
    found = reach(norms)
    assert found.verdict == verdict
    for language in ("en", "zh"):
        assert "nan" not in say(reach_sentence("layer", found), language)
        check_drawing(gradient_reach_chart({"layer": norms}).html(language))


def test_the_factor_is_that_of_one_step() -> None:
    found = reach(3.0 * 0.8 ** np.arange(101))
    assert found.factor == pytest.approx(0.8)
    assert found.distance == 100
    assert found.lasts == pytest.approx(5 + math.ceil(math.log(0.01) / math.log(0.8)), abs=1)


def test_the_threshold_is_a_thousandth() -> None:
    assert reach([1.0, 0.00101]).verdict == "healthy"
    assert reach([1.0, 0.00099]).verdict == "vanishing"
    assert reach([1.0, 1001.0]).verdict == "exploding"


def test_what_is_no_norm_is_refused() -> None:
    for norms in ([1.0, -1.0], [[1.0]]):
        with pytest.raises(ShapeError, match="gradient norms"):
            reach(norms)


def test_the_reach_that_was_measured_is_drawn() -> None:
    torch.manual_seed(0)
    measured = gradient_reach(LSTM(1, 4), torch.randn(2, 12, 1))
    root = check_drawing(gradient_reach_chart(measured).html())
    assert [path.get("data-name") for path in lines(root)] == ["the layer"]
    assert "11 steps back" in words(root)
