"""Parts of a network that are trained later than the rest, and at rates of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.train.problems import settings
from unrolled.errors import OptionError, TrainingError
from unrolled.train.loop import Loss, fit
from unrolled.train.metrics import read_records
from unrolled.train.thaw import Part


def two_layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 4), nn.Linear(4, 1))


def batches(epoch: int) -> list[Tensor]:
    del epoch
    return list(torch.linspace(-1, 1, 16).unsqueeze(1).split(4))


def loss(model: nn.Module, x: Tensor) -> Loss:
    return Loss((model(x) - 2 * x).square().sum(), len(x))


def test_what_is_frozen_does_not_change_until_its_share_of_the_run() -> None:
    begun = [parameter.detach().clone() for parameter in two_layers().parameters()]
    for steps, changed in ((4, False), (5, True)):
        model = two_layers()
        parts = [Part(list(model[0].parameters()), begins=0.5)]
        seen: list[bool] = []

        def watched(model: Any, x: Tensor, seen: list[bool] = seen, steps: int = steps) -> Loss:
            seen.append(model[0].weight.requires_grad)
            if len(seen) > steps:
                raise InterruptedError
            return loss(model, x)

        with pytest.raises(InterruptedError):
            fit(model, watched, batches, settings(epochs=2), parts=parts)
        assert seen[:4] == [False] * 4
        assert bool((model[0].weight != begun[0]).any()) == changed
        assert bool((model[1].weight != begun[2]).all())
        assert model[0].weight.requires_grad  # however it ended


def test_a_rate_of_its_own_multiplies_the_step() -> None:
    begun = two_layers()[0].weight.detach().clone()
    whole, half = two_layers(), two_layers()
    fit(whole, loss, batches, settings(optimizer="sgd", max_steps=1, learning_rate=0.1))
    parts = [Part(list(half[0].parameters()), rate=0.5)]
    fit(half, loss, batches, settings(optimizer="sgd", max_steps=1, learning_rate=0.1), parts=parts)
    torch.testing.assert_close(half[0].weight - begun, (whole[0].weight - begun) / 2)
    torch.testing.assert_close(half[1].weight, whole[1].weight)


def test_a_resumed_run_freezes_as_the_whole_one_did(tmp_path: Path) -> None:
    def run(folder: Path, model: nn.Sequential, stop: int | None = None) -> None:
        count = [0]

        def stopping(model: nn.Module, x: Tensor) -> Loss:
            count[0] += 1
            if count[0] == stop:
                raise InterruptedError
            return loss(model, x)

        parts = [Part(list(model[0].parameters()), rate=0.3, begins=0.4)]
        options = settings(epochs=5, checkpoint_every=1, weight_decay=0.1, average=0.9)
        fit(model, stopping, batches, options, parts=parts, folder=folder, resume=True)

    straight, broken = two_layers(), two_layers()
    run(tmp_path / "straight", straight)
    for stop in (3, 9):
        with pytest.raises(InterruptedError):
            run(tmp_path / "broken", broken, stop)
        broken = two_layers()
    run(tmp_path / "broken", broken)
    assert len(read_records(tmp_path / "broken")) == 5
    for ours, theirs in zip(broken.parameters(), straight.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_diverged_run_leaves_nothing_frozen() -> None:
    model = two_layers()
    parts = [Part(list(model[0].parameters()), begins=0.9)]
    with pytest.raises(TrainingError):
        fit(
            model,
            lambda model, x: Loss(loss(model, x).total * float("nan"), 4),
            batches,
            settings(),
            parts=parts,
        )
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (lambda m: [Part([m[0].weight]), Part([m[0].weight])], "in two parts"),
        (lambda m: [Part([nn.Parameter(torch.zeros(1))])], "not the model's"),
        (lambda m: [Part(list(m.parameters()), begins=0.5)], "every part begins later"),
        (lambda m: [Part([m[0].weight], rate=0.0)], "rate=0.0"),
        (lambda m: [Part([m[0].weight], begins=1.0)], "begins=1.0"),
    ],
)
def test_parts_that_make_no_sense_are_refused(parts: Any, message: str) -> None:
    model = two_layers()
    with pytest.raises(OptionError, match=message):
        fit(model, loss, batches, settings(), parts=parts(model))
