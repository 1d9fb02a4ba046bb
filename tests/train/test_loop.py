"""What the loop does from the first step to the result."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.train.problems import NoisyProblem, line, line_loss, settings
from unrolled.errors import InputError
from unrolled.train.loop import Loss, fit
from unrolled.train.metrics import read_records


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_optimizer_learns(optimizer: str) -> None:
    model, batches = line()
    options = settings(epochs=60, optimizer=optimizer, learning_rate=0.1, momentum=0.5)
    history = fit(model, line_loss, batches, options).history
    assert history[-1].loss < 1e-3 < 0.1 < history[0].loss
    assert model.weight.item() == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("optimizer", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_steps_are_those_of_torchs_own_loop(optimizer: str, kind: Any) -> None:
    model, batches = line()
    fit(
        model,
        line_loss,
        batches,
        settings(optimizer=optimizer, learning_rate=0.03, weight_decay=0.1, clip_norm=0.5),
    )
    plain, batches = line()
    groups = [
        {"params": [plain.weight], "weight_decay": 0.1},
        {"params": [plain.bias], "weight_decay": 0.0},
    ]
    torchs = kind(groups, lr=0.03)
    for x in [x for epoch in range(3) for x in batches(epoch)]:
        torchs.zero_grad()
        (plain(x) - 2 * x).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        torchs.step()
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


class Pair(NamedTuple):
    x: Tensor
    y: Tensor


def test_any_loss_and_any_batch() -> None:
    model = nn.Linear(2, 3)
    batch = {"pair": Pair(torch.randn(8, 2), torch.arange(8) % 3), "weight": 2.0}

    def cross_entropy(model: nn.Module, batch: dict[str, Any]) -> Loss:
        x, y = batch["pair"]
        return Loss(
            batch["weight"] * nn.functional.cross_entropy(model(x), y, reduction="sum"),
            torch.tensor(8),
        )

    result = fit(model, cross_entropy, lambda epoch: [batch], settings(epochs=2, learning_rate=0.1))
    assert result.history[1].loss < result.history[0].loss


def test_wrong_uses_are_told() -> None:
    model, batches = line()
    with pytest.raises(
        InputError, match=r"the loss function gave Tensor; expected Loss\(total, items\)"
    ):
        fit(model, lambda m, x: m(x).sum(), batches, settings())
    frozen, _ = line()
    frozen.requires_grad_(False)
    with pytest.raises(InputError, match="no parameter that requires a gradient"):
        fit(frozen, line_loss, batches, settings())


def test_frozen_parameters_stay() -> None:
    model, batches = line()
    model.bias.requires_grad_(False)
    before = model.bias.clone()
    fit(model, line_loss, batches, settings(weight_decay=0.5, optimizer="adamw"))
    assert torch.equal(model.bias, before)


def test_history_and_metrics_tell_the_same(tmp_path: Path) -> None:
    model, batches = line()
    result = fit(
        model,
        line_loss,
        batches,
        settings(evaluate_every=5, learning_rate=0.1),
        validate=lambda m: float((m(torch.ones(1, 1)) - 2).abs()),
        folder=str(tmp_path),
    )
    assert [record.step for record in result.history] == [5, 10, 12]
    assert [len(record.losses) for record in result.history] == [5, 5, 2]
    assert read_records(tmp_path) == list(result.history)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert {"step", "loss", "learning_rate", "gradient_norm", "score", "seconds"} <= set(lines[0])
    for record in result.history:
        assert record.loss == pytest.approx(sum(record.losses) / len(record.losses))
        assert record.gradient_norm == max(record.gradient_norms)
        assert record.learning_rate == 0.1
    assert result.seconds >= result.history[-1].seconds > 0
    assert (result.steps, result.stopped) == (12, "epochs")


def test_early_stopping_gives_the_best_weights_back() -> None:
    seen: list[dict[str, Tensor]] = []
    scores = [3.0, 1.0, 2.0, 1.0, 5.0, 0.5]

    def validate(model: nn.Module) -> float:
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return scores[len(seen) - 1]

    model, batches = line()
    result = fit(model, line_loss, batches, settings(epochs=50, patience=3), validate=validate)
    assert result.stopped == "patience"
    assert len(seen) == 5
    assert (result.best_score, result.best_step, result.steps) == (1.0, 8, 20)
    for name, value in model.state_dict().items():
        assert torch.equal(value, seen[1][name])
        assert not torch.equal(value, seen[4][name])


def test_best_weights_come_back_however_the_run_ended() -> None:
    scores = iter([1.0, 2.0, 3.0])
    model, batches = line()
    seen: list[Tensor] = []

    def validate(model: nn.Module) -> float:
        seen.append(model.weight.clone())
        return next(scores)

    result = fit(model, line_loss, batches, settings(epochs=3), validate=validate)
    assert result.best_step == 4
    assert torch.equal(model.weight, seen[0])


def test_without_validation_the_last_weights_stay() -> None:
    model, batches = line()
    result = fit(model, line_loss, batches, settings(patience=1))
    assert (result.best_score, result.best_step, result.steps) == (None, 12, 12)


def test_a_better_score_begins_the_patience_anew() -> None:
    scores = iter([3.0, 4.0, 2.0, 4.0, 1.0, 5.0, 5.0, 0.0])
    model, batches = line()
    result = fit(
        model, line_loss, batches, settings(epochs=8, patience=2), validate=lambda m: next(scores)
    )
    assert (result.stopped, result.best_score, result.steps) == ("patience", 1.0, 28)


@pytest.mark.parametrize(
    ("bounds", "steps", "stopped"),
    [
        ({"epochs": 2}, 8, "epochs"),
        ({"epochs": None, "max_steps": 7}, 7, "max_steps"),
        ({"epochs": 1, "max_steps": 7}, 4, "epochs"),
    ],
)
def test_bounds(bounds: dict[str, int], steps: int, stopped: str) -> None:
    model, batches = line()
    result = fit(model, line_loss, batches, settings(**bounds), validate=lambda m: 1.0)
    assert (result.steps, result.stopped) == (steps, stopped)
    assert result.history[-1].step == steps


def test_max_minutes_ends_within_an_epoch() -> None:
    model, _ = line()
    xs = torch.ones(4, 1)

    def slow(model: nn.Module, x: Tensor) -> Loss:
        time.sleep(0.01)
        return line_loss(model, x)

    began = time.perf_counter()
    options = settings(epochs=1, max_minutes=0.1 / 60)
    result = fit(model, slow, lambda epoch: [xs] * 1000, options)
    assert result.stopped == "max_minutes"
    assert 0 < result.steps <= 10
    assert time.perf_counter() - began < 3


def test_validation_leaves_no_trace() -> None:
    def weights(every: int | None) -> dict[str, Tensor]:
        problem = NoisyProblem()
        modes: list[bool] = []

        def validate(model: nn.Module) -> float:
            modes.append(model.training or torch.is_grad_enabled())
            torch.rand(3)
            random.random()
            np.random.rand()  # noqa: NPY002
            return -float(len(modes))  # every score is the best, so the last weights are

        options = problem.settings(evaluate_every=every, epochs=2, schedule="constant")
        fit(
            problem.model,
            problem.loss,
            problem.batches,
            options,
            validate=validate,
            carry=problem.carry,
        )
        assert not any(modes)
        return problem.model.state_dict()

    often, once = weights(1), weights(12)
    assert all(torch.equal(often[name], once[name]) for name in often)


def test_same_seed_same_weights_whatever_was_drawn_before() -> None:
    def weights(seed: int) -> Tensor:
        problem = NoisyProblem()
        torch.rand(seed + 5)
        options = problem.settings(seed=seed, schedule="constant", epochs=1)
        fit(problem.model, problem.loss, problem.batches, options, carry=problem.carry)
        return torch.cat([p.detach().flatten() for p in problem.model.parameters()])

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


def test_callers_generators_and_modes_are_left_alone() -> None:
    torch.manual_seed(5)
    random.seed(5)
    wanted = (torch.rand(1), random.random())
    torch.manual_seed(5)
    random.seed(5)
    problem = NoisyProblem()
    torch.manual_seed(5)
    problem.model.eval()
    problem.model.out.train()
    fit(
        problem.model,
        problem.loss,
        problem.batches,
        problem.settings(schedule="constant", epochs=1),
        carry=problem.carry,
    )
    assert (torch.rand(1), random.random()) == wanted
    assert not problem.model.training
    assert problem.model.out.training
    assert all(parameter.grad is None for parameter in problem.model.parameters())


def test_a_second_fit_begins_anew(tmp_path: Path) -> None:
    model, batches = line()
    fit(model, line_loss, batches, settings(epochs=5, learning_rate=0.1), folder=tmp_path)
    again, batches = line()
    result = fit(again, line_loss, batches, settings(epochs=2), folder=tmp_path)
    alone, batches = line()
    fit(alone, line_loss, batches, settings(epochs=2))
    assert torch.equal(again.weight, alone.weight)
    assert result.steps == 8
    assert [record.step for record in read_records(tmp_path)] == [4, 8]


def test_a_torn_line_is_no_record(tmp_path: Path) -> None:
    assert read_records(tmp_path) == []
    model, batches = line()
    fit(model, line_loss, batches, settings(epochs=2), folder=tmp_path)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 12, "ep')
    assert [record.step for record in read_records(tmp_path)] == [4, 8]


def test_no_file_is_written_without_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model, batches = line()
    fit(model, line_loss, batches, settings())
    assert list(tmp_path.iterdir()) == []


def test_clock_saves_while_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unrolled.train.saving.SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr("unrolled.train.saving.COST", 0)
    steps: list[bool] = []

    def loss(model: nn.Module, x: Tensor) -> Loss:
        steps.append((tmp_path / "checkpoint.pt").exists())
        return line_loss(model, x)

    model, batches = line()
    fit(model, loss, batches, settings(epochs=1), folder=tmp_path)
    assert steps == [False, True, True, True]
