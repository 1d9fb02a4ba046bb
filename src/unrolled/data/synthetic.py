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


SYMBOLS, BLANK, RECALL = 8, 8, 9
"""Of `copy_memory`: how many symbols there are, and the two tokens beside them."""


def copy_memory(
    rows: int, delay: int, generator: torch.Generator, length: int = 10
) -> tuple[Tensor, Tensor]:
    """Return sequences that begin with symbols, which are to be repeated after a long time of blanks.

    Blanks until the end and then a guess have a mean cross-entropy of length * ln(8) / (delay + 2 * length).
    Hochreiter and Schmidhuber 1997; in this form Arjovsky et al. 2016, arXiv:1511.06464.

    Args:
        rows: number of sequences B.
        delay: steps between the symbols and their recall, at least 1.
        generator: where the randomness comes from.
        length: symbols to remember.

    Returns:
        tokens (B, delay + 2 * length) int64: symbols 0 to 7, blanks 8, and 9 at the last step of the delay; and the
        answers of the same shape: blanks, then the symbols.

    >>> tokens, answers = copy_memory(1, 3, torch.Generator().manual_seed(0), length=2)
    >>> tokens[0, 2:].tolist(), answers[0, :5].tolist(), torch.equal(tokens[0, :2], answers[0, 5:])
    ([8, 8, 9, 8, 8], [8, 8, 8, 8, 8], True)
    """
    symbols = torch.randint(0, SYMBOLS, (rows, length), generator=generator)
    blanks = torch.full((rows, delay + length), BLANK)
    tokens = torch.cat((symbols, blanks), 1)
    tokens[:, length + delay - 1] = RECALL
    return tokens, torch.cat((blanks, symbols), 1)
