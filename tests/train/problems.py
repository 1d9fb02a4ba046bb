"""Small training problems that several tests share."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.cells.gru import GRU
from unrolled.core.compose import deep
from unrolled.train.loop import Loss
from unrolled.train.settings import TrainSettings


def line(slope: float = 2.0) -> tuple[nn.Module, Callable[[int], list[Tensor]]]:
    """Return a linear model and batches of x; `line_loss` asks for slope * x."""
    torch.manual_seed(0)
    xs = torch.linspace(-1, 1, 16).unsqueeze(1)
    return nn.Linear(1, 1), lambda epoch: list(xs.split(4))


def line_loss(model: nn.Module, x: Tensor) -> Loss:
    return Loss(((model(x) - 2 * x) ** 2).sum(), len(x))


def settings(**options: Any) -> TrainSettings:
    """Return settings that end after a few steps unless told otherwise."""
    return TrainSettings.from_options(**{"epochs": 3, "schedule": "constant"} | options)


class Noisy(nn.Module):
    """A stack of cells with dropout, a state to carry, buffers that training changes, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = deep(GRU, 3, 6, layers=2, dropout=0.2)
        self.norm = nn.BatchNorm1d(6)
        self.out = nn.Linear(6, 1)

    def forward(self, xs: Tensor, state: Any) -> tuple[Tensor, Any]:
        ys, state = self.cells(xs, state)
        return self.out(self.norm(ys.flatten(0, 1))).squeeze(-1), state


class NoisyProblem:
    """Everything that a resumed run must put back: carried states, noise, buffers, all three random generators."""

    rows, steps, chunks = 4, 5, 6

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.model = Noisy()
        self.xs = torch.randn(self.rows, self.steps * self.chunks, 3)

    def batches(self, epoch: int) -> Sequence[Tensor]:
        rows = np.random.default_rng((0, epoch)).permutation(self.rows)
        return self.xs[torch.from_numpy(rows)].split(self.steps, dim=1)

    def carry(self, model: Noisy, xs: Tensor) -> Any:
        return model.cells.initial_state(len(xs))

    def loss(self, model: Noisy, xs: Tensor, state: Any) -> tuple[Loss, Any]:
        ys, state = model(xs, state)
        noise = random.random() + float(np.random.rand()) + torch.rand(()).item()  # noqa: NPY002
        target = xs[..., 0].cumsum(1).flatten() + 0.1 * noise
        return Loss(((ys - target) ** 2).sum(), ys.numel()), state

    def validate(self, model: Noisy) -> float:
        ys, _ = model(self.xs, model.cells.initial_state(self.rows))
        return float((ys - self.xs[..., 0].flatten()).square().mean()) + random.random() / 10

    def settings(self, **options: Any) -> TrainSettings:
        return TrainSettings.from_options(
            **{
                "epochs": 5,
                "learning_rate": 0.03,
                "schedule": "plateau",
                "plateau_patience": 1,
                "warmup_steps": 3,
                "evaluate_every": 4,
                "checkpoint_every": 1,
                "patience": None,
                "weight_decay": 0.01,
                "optimizer": "adamw",
            }
            | options
        )
