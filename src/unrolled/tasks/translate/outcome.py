"""What a translator made of pairs whose targets are known: the scores, the report and the tests read it from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Alignment:
    """Where a decoder looked while it wrote one target.

    - ``source`` (S) and ``target`` (T): tokens as they are read, T with the end of the target.
    - ``weights`` (T, S): every row sums to 1.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """N pairs with what a translator made of each source.

    - ``sources``, ``references``, ``hypotheses`` (N): texts.
    - ``lengths`` (N,): tokens of each source, before a long one is cut.
    - ``sentence_chrf`` (N,): chrF of each hypothesis, 0 to 100.
    - ``alignments``: of some rows, by row; empty for a decoder without attention.
    - ``where``: the place of row i, such as "pairs.tsv, row 7".
    """

    sources: Sequence[str]
    references: Sequence[str]
    hypotheses: Sequence[str]
    lengths: NDArray[np.int64]
    sentence_chrf: NDArray[np.float64]
    alignments: dict[int, Alignment]
    where: Callable[[int], str]
