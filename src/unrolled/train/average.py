"""A running average of the weights, which is evaluated and kept in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

YOUNG = 10
"""The average of a run's first steps forgets faster: else it would be that of weights that were hardly trained."""


class WeightAverage:
    """The average a of the weights w, over about the last 1 / (1 - decay) steps.

        a_t = d_t a_(t-1) + (1 - d_t) w_t,   d_t = min(decay, t / (t + 10))

    It does without a pass over saved checkpoints what averaging the last of them does (Vaswani et al. 2017,
    arXiv:1706.03762, section 6.1). Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging.

    Args:
        weights: the parameters; they are read after every step.
        decay: from 0, which is the weights themselves, to below 1.

    >>> weights = [torch.tensor([1.0])]
    >>> average = WeightAverage(weights, decay=0.5)
    >>> average.update(step=10, weights=[torch.tensor([3.0])])
    >>> with average.in_place_of(weights):
    ...     print(weights[0].item())
    2.0
    >>> weights[0].item()
    1.0
    """

    def __init__(self, weights: Sequence[Tensor], decay: float) -> None:
        self.decay = decay
        self.values = [weight.detach().clone() for weight in weights]

    @torch.no_grad()
    def update(self, step: int, weights: Sequence[Tensor]) -> None:
        """Take in the weights after update number ``step``, counted from 1."""
        decay = min(self.decay, step / (step + YOUNG))
        torch._foreach_lerp_(self.values, list(weights), 1 - decay)

    @torch.no_grad()
    def restore(self, values: Sequence[Tensor]) -> None:
        """Take over the average that a checkpoint holds."""
        for value, saved in zip(self.values, values, strict=True):
            value.copy_(saved)

    @contextmanager
    def in_place_of(self, weights: Sequence[Tensor]) -> Iterator[None]:
        """Let the weights hold the average inside."""
        self._swap(weights)
        try:
            yield
        finally:
            self._swap(weights)

    @torch.no_grad()
    def put_into(self, weights: Sequence[Tensor]) -> None:
        """Overwrite the weights with the average."""
        for weight, value in zip(weights, self.values, strict=True):
            weight.copy_(value)

    @torch.no_grad()
    def _swap(self, weights: Sequence[Tensor]) -> None:
        for weight, value in zip(weights, self.values, strict=True):
            kept = weight.clone()
            weight.copy_(value)  # in place, so that packed weights are seen to have changed
            value.copy_(kept)
