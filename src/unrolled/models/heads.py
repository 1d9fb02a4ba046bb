"""Output heads of a forecaster: what it says of the values to come, and the loss of having said it."""

from __future__ import annotations

import math

import scipy.stats
import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""The quantiles of every forecast: the median, and the ends of the 50, 80 and 95 % intervals."""

MEDIAN = LEVELS.index(0.5)


def pinball(quantiles: Tensor, target: Tensor) -> Tensor:
    """Return twice the mean pinball loss over the levels, (B, H): an estimate of the CRPS.

    2 / Q sum_p max(p (y - q_p), (p - 1) (y - q_p)), Koenker and Bassett 1978; of the median alone it is |y - q|.

    Args:
        quantiles: (B, H, Q) at `LEVELS`.
        target: (B, H).
    """
    levels = quantiles.new_tensor(LEVELS)
    error = target.unsqueeze(-1) - quantiles
    return 2 * torch.maximum(levels * error, (levels - 1) * error).mean(-1)


class Head(nn.Module):
    """Turns ``width`` numbers a step, and the centre that the linear part adds, into a distribution of the value."""

    width: int

    def begin(self) -> Tensor:
        """Return (width,) the numbers that training begins with: a spread about 1 around the centre."""
        raise NotImplementedError

    def forward(self, numbers: Tensor, centre: Tensor) -> Tensor:
        """Return the distribution's parameters (B, H, width) from (B, H, width) and the centre (B, H)."""
        raise NotImplementedError

    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        """Return (B, H) what is minimised, in the units of the window's scale."""
        raise NotImplementedError

    def point(self, parameters: Tensor) -> Tensor:
        """Return (B, H) the median."""
        raise NotImplementedError

    def quantiles(self, parameters: Tensor) -> Tensor:
        """Return (B, H, Q) at `LEVELS`, rising."""
        raise NotImplementedError

    def scale_free(self) -> bool:
        """Whether the loss stays the same when a window is scaled otherwise."""
        raise NotImplementedError


class QuantileHead(Head):
    """The quantiles themselves: a median, and steps above 0 away from it, so that they never cross.

    Trained with the pinball loss. Wen et al. 2017, arXiv:1711.11053.
    """

    width = len(LEVELS)

    def begin(self) -> Tensor:
        return torch.tensor([0.0 if i == MEDIAN else -0.7 for i in range(self.width)])

    def forward(self, numbers: Tensor, centre: Tensor) -> Tensor:
        below, median, above = numbers.tensor_split([MEDIAN, MEDIAN + 1], -1)
        median = median + centre.unsqueeze(-1)
        up = F.softplus(above).cumsum(-1)
        down = F.softplus(below).cumsum(-1).flip(-1)
        return torch.cat((median - down, median, median + up), -1)

    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        return pinball(parameters, target)

    def point(self, parameters: Tensor) -> Tensor:
        return parameters[..., MEDIAN]

    def quantiles(self, parameters: Tensor) -> Tensor:
        return parameters

    def scale_free(self) -> bool:
        return False


class StudentTHead(Head):
    """Student's t distribution: location, scale above 0, degrees of freedom above 2.

        -log p(y) = log(s) + log B(v) + (v + 1) / 2 log(1 + ((y - m) / s)^2 / v)

    Trained with the negative log likelihood, so heavy tails cost little. As in DeepAR, Salinas et al. 2020.
    """

    width = 3
    least_scale = 1e-3

    def begin(self) -> Tensor:
        return torch.tensor([0.0, 0.0, 2.0])

    def forward(self, numbers: Tensor, centre: Tensor) -> Tensor:
        location, scale, freedom = numbers.unbind(-1)
        scale = F.softplus(scale) + self.least_scale
        return torch.stack((location + centre, scale, 2 + F.softplus(freedom)), -1)

    def loss(self, parameters: Tensor, target: Tensor) -> Tensor:
        location, scale, freedom = parameters.unbind(-1)
        squared = ((target - location) / scale).square()
        half = (freedom + 1) / 2
        normaliser = (freedom / 2).lgamma() - half.lgamma() + (freedom * math.pi).log() / 2
        return scale.log() + normaliser + half * torch.log1p(squared / freedom)

    def point(self, parameters: Tensor) -> Tensor:
        return parameters[..., 0]

    def quantiles(self, parameters: Tensor) -> Tensor:
        location, scale, freedom = parameters.detach().double().cpu().unbind(-1)
        unit = scipy.stats.t.ppf(LEVELS, freedom.unsqueeze(-1).numpy())
        values = location.unsqueeze(-1) + scale.unsqueeze(-1) * torch.from_numpy(unit)
        return values.to(parameters)

    def scale_free(self) -> bool:
        return True


HEADS: dict[str, type[Head]] = {"quantile": QuantileHead, "student_t": StudentTHead}
"""The outputs a forecaster can have, by name."""
