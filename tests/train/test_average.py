"""The running average of the weights: its equation, where it is evaluated and kept, and that a resumed run goes on with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import nn

from tests.train.problems import line, line_loss, settings
from unrolled.train.average import WeightAverage
from unrolled.train.loop import fit


def test_equation() -> None:
    weights = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    average, expected = WeightAverage([weights], decay=0.9), weights.clone()
    for step in range(1, 200):
        weights = weights + step
        average.update(step, [weights])
        decay = min(0.9, step / (step + 10))
        expected = decay * expected + (1 - decay) * weights
    torch.testing.assert_close(average.values[0], expected)


def test_the_average_is_what_is_validated_and_kept() -> None:
    model, batches = line()
    seen: list[list[float]] = []

    def validate(model: nn.Module) -> float:
        seen.append([float(p.detach().sum()) for p in model.parameters()])
        return -float(len(seen))

    options = settings(epochs=3, average=0.9, learning_rate=0.1)
    fit(model, line_loss, batches, options, validate=validate)
    assert [float(p.detach().sum()) for p in model.parameters()] == seen[-1]
    plain, _ = line()
    fit(plain, line_loss, batches, settings(epochs=3, learning_rate=0.1), validate=validate)
    assert seen[2] != seen[5]


def test_without_validation_the_last_average_is_kept() -> None:
    averaged, last = [], []
    for found, decay in ((averaged, 0.5), (last, 0.0)):
        model, batches = line()
        trail: list[torch.Tensor] = []

        def loss(model: nn.Module, batch: object, trail: list[torch.Tensor] = trail) -> object:
            trail.append(next(model.parameters()).detach().clone())
            return line_loss(model, batch)

        fit(model, loss, batches, settings(epochs=2, average=decay, learning_rate=0.1))
        found.append(next(model.parameters()).detach())
    assert not torch.equal(averaged[0], last[0])


def test_a_resumed_run_goes_on_with_the_average(tmp_path: Path) -> None:
    ends = []
    for name, runs in (("once", (4,)), ("twice", (2, 4))):
        for number, epochs in enumerate(runs):
            model, batches = line()
            options = settings(epochs=epochs, average=0.8, schedule="constant")
            folder = tmp_path / name
            fit(model, line_loss, batches, options, folder=folder, resume=number > 0)
        ends.append([p.detach() for p in model.parameters()])
        shutil.rmtree(folder)
    for one, other in zip(*ends, strict=True):
        assert torch.equal(one, other)
