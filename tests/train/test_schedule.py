"""The learning rate at every step, and that the optimizer gets it."""

from __future__ import annotations

import math

import pytest
import torch

from tests.train.problems import line, line_loss, settings
from unrolled.train.batches import BatchList, shuffled_batches
from unrolled.train.loop import fit
from unrolled.train.schedule import last_step, learning_rate


def rates(steps: int, **options: object) -> list[float]:
    given = settings(learning_rate=2.0, **options)
    return [learning_rate(given, step, last_step=steps) for step in range(steps)]


def test_warmup_rises_to_the_rate() -> None:
    assert rates(6, warmup_steps=4) == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0, 2.0])


def test_cosine_falls_from_the_rate_to_nothing() -> None:
    made = rates(101, schedule="cosine")
    assert made[0] == 2.0
    assert made == sorted(made, reverse=True)
    assert made[-1] == pytest.approx(1 + math.cos(math.pi * 100 / 101))
    assert 0 < made[-1] < 1e-3
    assert learning_rate(settings(schedule="cosine"), 200, last_step=101) == 0.0


def test_cosine_begins_after_the_warmup() -> None:
    made = rates(30, schedule="cosine", warmup_steps=10)
    assert max(made) == made[9] == made[10] == 2.0
    assert made[20] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("bounds", "per_epoch", "end"),
    [
        ({"epochs": 3, "max_steps": 50}, 10, 30),
        ({"epochs": 30, "max_steps": 50}, 10, 50),
        ({"epochs": None, "max_steps": 50}, None, 50),
        ({"epochs": 3}, None, None),
    ],
)
def test_the_nearest_bound_is_the_end(
    bounds: dict[str, int], per_epoch: int | None, end: int | None
) -> None:
    assert last_step(settings(**bounds), per_epoch) == end


def test_by_the_clock_the_end_is_where_the_pace_so_far_leads() -> None:
    given = settings(epochs=100, max_minutes=1.0)
    assert last_step(given, 10, step=30, seconds=15.0) == 120
    assert last_step(given, 10, step=30, seconds=0.1) == 1000
    assert last_step(given, 10, step=30, seconds=90.0) == 30
    assert last_step(given, 10) == 1000


def test_cosine_falls_to_0_when_the_time_is_over() -> None:
    model, batches = line()
    options = settings(epochs=10**9, schedule="cosine", learning_rate=1e-3, max_minutes=0.2 / 60)
    result = fit(model, line_loss, batches, options)
    assert result.stopped == "max_minutes"
    assert result.history[0].learning_rate > 5e-4
    assert result.history[-1].learning_rate < 2e-4


@pytest.mark.parametrize("sized", [True, False])
def test_cosine_ends_with_the_last_epoch(sized: bool) -> None:
    model, batches = line()
    options = settings(epochs=4, schedule="cosine", learning_rate=1.0)
    result = fit(model, line_loss, batches if sized else lambda e: iter(batches(e)), options)
    made = [record.learning_rate for record in result.history]
    assert made == sorted(made, reverse=True)
    assert made[-1] == pytest.approx((1 + math.cos(math.pi * 15 / 16)) / 2)
    # Batches that cannot be counted beforehand have been counted after the first epoch.
    assert made[0] == (pytest.approx((1 + math.cos(math.pi * 3 / 16)) / 2) if sized else 1.0)


def test_sgd_moves_by_rate_times_gradient() -> None:
    model, _ = line()
    x = torch.ones(1, 1)
    before, bias = model.weight.item(), model.bias.item()
    options = settings(epochs=1, optimizer="sgd", learning_rate=0.1, warmup_steps=4, clip_norm=None)
    fit(model, line_loss, lambda epoch: [x], options)
    assert model.weight.item() == pytest.approx(before - 0.025 * 2 * (before + bias - 2), rel=1e-5)


def test_plateau_halves_after_evaluations_without_a_better_score() -> None:
    scores = iter([5.0, 4.0, 4.0, 4.5, 3.0, 3.5, 3.5, 3.5, 3.5, 1.0])
    model, batches = line()
    options = settings(
        epochs=10, schedule="plateau", plateau_patience=2, learning_rate=1.0, patience=None
    )
    history = fit(model, line_loss, batches, options, validate=lambda m: next(scores)).history
    rates_by_epoch = [record.learning_rate for record in history]
    assert rates_by_epoch == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_plateau_needs_validation() -> None:
    model, batches = line()
    with pytest.raises(ValueError, match="plateau"):
        fit(model, line_loss, batches, settings(schedule="plateau"))


def test_batch_list_is_counted_without_being_made() -> None:
    made: list[int] = []
    batches = BatchList(shuffled_batches(8, 2, seed=0, epoch=0), lambda rows: made.append(1))
    assert len(batches) == 4
    assert made == []
