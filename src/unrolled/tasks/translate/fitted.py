"""A fitted translator's inside: the network, what it was taught to read, and how it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unrolled.data.pairs import PairsForm
from unrolled.errors import OptionError
from unrolled.models.sampling import Sampling
from unrolled.models.seq2seq import Seq2Seq
from unrolled.tasks.translate.reading import PairReader
from unrolled.tasks.translate.settings import TranslateSettings
from unrolled.tasks.translate.writing import Manner, Writer

TRANSLATE, SUMMARISE = "translate", "summarise"


@dataclass(frozen=True)
class Fitted:
    """What fitting leaves.

    Attributes:
        settings: with nothing left open.
        form: how pairs are read from files.
        kind: "translate" or "summarise": which baselines and scores the pairs ask for.
        reader: how texts become what the network reads.
        network: in evaluation mode.
        ratio: target tokens for a source token, on average over the training part.
        train_hashes: (N,) of the training sources, to find those that come again.
    """

    settings: TranslateSettings
    form: PairsForm
    kind: str
    reader: PairReader
    network: Seq2Seq
    ratio: float
    train_hashes: NDArray[np.uint64]

    @cached_property
    def writer(self) -> Writer:
        """What writes targets."""
        return Writer(self.network, self.ratio, self.reader.longest)

    def manner(
        self, beam: int | None = None, n_best: int = 1, sampling: Sampling | None = None
    ) -> Manner:
        """Return how targets are written, as the settings say where nothing was said.

        Raises:
            OptionError: a value is out of range, or several hypotheses are to be kept of a draw.
        """
        if sampling is not None and isinstance(beam, int) and beam > 1:
            raise OptionError(
                f"beam={beam} with sampling",
                expected="one of them: a draw keeps one hypothesis",
                fix="leave beam out (--beam)",
            )
        alpha = float(self.settings.length_penalty)
        manner = Manner(self.settings.beam if beam is None else beam, n_best, alpha, sampling)
        return replace(manner, beam=max(manner.beam, n_best))

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of a target's tokens."""
        return self.reader.target.decode(list(tokens))
