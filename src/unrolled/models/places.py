"""Places: how attention, which takes its steps in any order, is told where each of them stands."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unrolled.core.seq import traced
from unrolled.models.linear import Linear

PERIOD = 10_000.0
"""Base of the wavelengths, from 2 pi to almost 2 pi x PERIOD steps; that of Vaswani et al. and of Su et al."""


def places_of(position: Tensor, steps: int) -> Tensor:
    """Return the places (B, T) of steps that follow ``position`` (B,); (1, T) where all rows are at the same."""
    together = not traced() and len(position) > 0 and bool((position == position[0]).all())
    first = position[:1] if together else position
    return first[:, None] + torch.arange(steps, device=position.device)


def turns(places: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """Return exp(i place * 10000^(-2j / size)), j = 0 ... size/2 - 1, of places (...): complex (..., size / 2)."""
    # In double precision: a float32 angle at place 1,000,000 is wrong in its second digit.
    exponents = torch.arange(0, size, 2, dtype=torch.float64, device=places.device) / size
    angles = places.unsqueeze(-1) * PERIOD**-exponents
    return torch.complex(angles.cos().to(dtype), angles.sin().to(dtype))


def rotate(features: Tensor, places: Tensor) -> Tensor:
    """Turn each pair of features by an angle that grows with the place, so that products depend on distances alone.

    Args:
        features: (B, T, heads, d), d even.
        places: (B, T), or (1, T) where all rows are at the same.

    Su et al. 2021, RoFormer, arXiv:2104.09864.
    """
    turn = turns(places, features.shape[-1], features.dtype).unsqueeze(2)
    pairs = torch.view_as_complex(features.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2)


class Entrance(nn.Module):
    """What the first block is given: LayerNorm(W_x x) + P_t, with P_t the cosines and sines of the place.

    Rotation tells distances within one sequence; whoever looks at a memory must know how far along it each step stands.
    Normalised first, what is read and where weigh the same at whatever scale it is given.

    Vaswani et al. 2017, arXiv:1706.03762, section 3.5.

    Args:
        input_size: features of x.
        size: features of a block, an even number.
    """

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.W_x = projection(input_size, size)
        self.norm = nn.LayerNorm(size)

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        """Return (..., size) of x (..., input_size) at places (...), or what broadcasts to them."""
        features: Tensor = self.norm(self.W_x(x))
        place = torch.view_as_real(turns(places, features.shape[-1], features.dtype)).flatten(-2)
        return features + place


def projection(input_size: int, size: int) -> nn.Module:
    """Return the way from what is read to a block's features: nothing where the sizes are equal."""
    return nn.Identity() if input_size == size else Linear(input_size, size, bias=False)
