"""A fitted generator's inside: the network, how texts are read, how it writes, and what it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unrolled.data.documents import DocumentsForm
from unrolled.models.language import LanguageModel
from unrolled.models.poem_form import PoemForm
from unrolled.models.sampling import Sampling
from unrolled.models.verse import LineEnds, Verse
from unrolled.tasks.generate.copies import TrainText
from unrolled.tasks.generate.reading import TextReader
from unrolled.tasks.generate.settings import GenerateSettings
from unrolled.tasks.generate.writing import USUAL, Manner, TextWriter


@dataclass(frozen=True)
class Fitted:
    """What fitting leaves.

    Attributes:
        settings: with nothing left open.
        form: how texts are read from files.
        reader: how texts become what the network reads.
        network: in evaluation mode.
        line_ends: what stands after the lines of verse.
        verses: forms of verse that are usual in the training part; none where it is no verse.
        train_text: the training part, to find what is copied from it; None where it was not kept.
        train_hashes: (N,) of the training texts, to find those that come again.
    """

    settings: GenerateSettings
    form: DocumentsForm
    reader: TextReader
    network: LanguageModel
    line_ends: LineEnds
    verses: tuple[Verse, ...]
    train_text: TrainText | None
    train_hashes: NDArray[np.uint64]

    @cached_property
    def writer(self) -> TextWriter:
        """What writes texts."""
        return TextWriter(self.network, self.reader)

    def manner(
        self,
        max_length: int | None = None,
        sampling: Sampling | None = None,
        form: PoemForm | None = None,
        n: int = 1,
    ) -> Manner:
        """Return how texts are written, as the settings say where nothing was said.

        Raises:
            OptionError: a value is out of range.
        """
        longest = self.settings.max_length if max_length is None else max_length
        if isinstance(form, PoemForm) and form.ends is None:
            form = replace(form, ends=self.line_ends)
        return Manner(longest, USUAL if sampling is None else sampling, form, n)

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(parameter.numel() for parameter in self.network.parameters())
