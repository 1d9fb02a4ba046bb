"""Problems made of random numbers, whose answer is known."""

from __future__ import annotations

import torch
from torch import Tensor


def adding_problem(rows: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return sequences in which two marked numbers, one in each half, are to be added at the end.

    Always answering 1, the mean, has a mean squared error of 1/6, about 0.167. Hochreiter and Schmidhuber 1997.

    Args:
        rows: number of sequences B.
        steps: length T, at least 2.
        generator: where the randomness comes from.

    Returns:
        xs (B, T, 2): a number in [0, 1) and a marker that is 1 at two steps and 0 elsewhere; and the sums (B,).

    >>> xs, sums = adding_problem(3, 10, torch.Generator().manual_seed(0))
    >>> torch.equal(sums, (xs[..., 0] * xs[..., 1]).sum(1)), xs[..., 1].sum(1).tolist()
    (True, [2.0, 2.0, 2.0])
    """
    numbers = torch.rand(rows, steps, generator=generator)
    marks = torch.zeros(rows, steps)
    middle = steps // 2
    for begin, end in ((0, middle), (middle, steps)):
        marks.scatter_(1, torch.randint(begin, end, (rows, 1), generator=generator), 1.0)
    return torch.stack((numbers, marks), -1), (numbers * marks).sum(1)
