"""How a trained network writes: many texts together, or one as its tokens come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.core.seq import Seq
from unrolled.core.stream import Stream
from unrolled.core.tree import State, select_rows
from unrolled.data.token_rows import TokenRows
from unrolled.errors import OptionError
from unrolled.models.form_rules import FormRules
from unrolled.models.language import LanguageModel
from unrolled.models.poem_form import PoemForm
from unrolled.models.rollout import Rollout
from unrolled.models.sampling import Sampling
from unrolled.models.search import Hypothesis, Rules
from unrolled.models.token_ids import BEGIN, END, PADDING, UNKNOWN
from unrolled.models.writer import Writer
from unrolled.tasks.generate.reading import TextReader
from unrolled.tasks.options import check_whole
from unrolled.tasks.sequences import blocks

Rows = NDArray[np.int64]

USUAL = Sampling(temperature=0.8)
"""How tokens are drawn where nothing was said: somewhat more surely than the network is, as small ones know little."""
MOST_STEPS = 16_384
"""Tokens of prompts that are read together, with their padding."""
MOST_ROWS = 128
"""Texts that are written together."""
WINDOW = 1_024
"""Steps of a prompt that are read at a time, however long it is."""


@dataclass(frozen=True)
class Manner:
    """How texts are written.

    Attributes:
        longest: tokens at most; where a form is kept, it says how many.
        sampling: how tokens are drawn.
        form: the form that is kept, if any.
        n: texts for each prompt.
    """

    longest: int
    sampling: Sampling = USUAL
    form: PoemForm | None = None
    n: int = field(default=1)

    def __post_init__(self) -> None:
        check_whole(self, {"longest": 1, "n": 1})
        for name, kind in (("sampling", Sampling), ("form", PoemForm)):
            value = getattr(self, name)
            if not isinstance(value, kind) and not (name == "form" and value is None):
                raise OptionError(f"{name}={value!r}", expected=f"{kind.__name__}(...)")


@dataclass(frozen=True)
class TextWriter:
    """Writes texts with a network in evaluation mode."""

    network: LanguageModel
    reader: TextReader

    @cached_property
    def _stream(self) -> Stream:
        """The network with its weights packed: a text by itself is written several times as fast with it."""
        return Stream(self.network)

    def write(
        self,
        prompts: TokenRows,
        manner: Manner,
        first: int = 0,
    ) -> list[list[Hypothesis]]:
        """Return ``manner.n`` texts for each prompt, as what was written behind it.

        ``first`` is the number of the first prompt, on which draws depend: what is drawn for a prompt is the same in
        whatever portions prompts come.
        """
        if len(prompts) == 1 and manner.n == 1:
            return [[self._alone(prompts, manner, first).run()]]
        found: list[list[Hypothesis]] = [[] for _ in range(len(prompts))]
        for rows in blocks(prompts.lengths, MOST_STEPS):
            for some in np.array_split(rows, -(-len(rows) * manner.n // MOST_ROWS)):
                if not len(some):
                    continue
                for start in range(0, manner.n, MOST_ROWS):
                    copies = range(start, min(start + MOST_ROWS, manner.n))
                    written = self._rollout(prompts, some, manner, first, copies).run()
                    for place, row in enumerate(some.tolist()):
                        found[row] += written[place * len(copies) : (place + 1) * len(copies)]
        return found

    def stream(self, prompts: TokenRows, manner: Manner) -> Iterator[tuple[int, ...]]:
        """Yield the tokens of one text as they are written; what cannot be begun is an error before."""
        writer = self._alone(prompts, manner, 0)
        return (written.tokens for written in writer if written.tokens)

    def _alone(self, prompts: TokenRows, manner: Manner, first: int) -> Writer:
        row = np.zeros(1, np.int64)
        last, state = self._read(prompts, row)
        stream = self._stream.fork()
        stream.state = state
        rules = self._rules(prompts, row, manner, first, range(1))
        longest = _longest(manner)
        return Writer(stream, int(last), longest, rules, first * manner.n, manner.sampling)

    def _rollout(
        self, prompts: TokenRows, rows: Rows, manner: Manner, first: int, copies: range
    ) -> Rollout:
        last, state = self._read(prompts, rows)
        again = torch.arange(len(rows)).repeat_interleave(len(copies))
        numbers = torch.from_numpy(rows + first)[again] * manner.n
        numbers += torch.tensor(copies).repeat(len(rows))
        if len(copies) > 1:
            last, state = last[again], select_rows(state, again)
        return Rollout(
            self.network.step,
            last,
            state,
            _longest(manner),
            self._rules(prompts, rows, manner, first, copies),
            numbers,
            manner.sampling,
        )

    @torch.inference_mode()
    def _read(self, prompts: TokenRows, rows: Rows) -> tuple[Tensor, State]:
        """Return the last token of each prompt, and the state after those before it."""
        values, lengths = prompts.padded(rows)
        ids, sizes = torch.from_numpy(values), torch.from_numpy(lengths)
        state = self.network.initial_state(len(rows))
        for start in range(0, ids.shape[1] - 1, WINDOW):
            part = ids[:, start : min(start + WINDOW, ids.shape[1] - 1)]
            read = (sizes - 1 - start).clamp(0, part.shape[1])
            _, state = self.network.hidden(Seq(part, read), state)
        return ids[torch.arange(len(rows)), sizes - 1], state

    def _rules(
        self, prompts: TokenRows, rows: Rows, manner: Manner, first: int, copies: range
    ) -> Rules:
        special = (PADDING, UNKNOWN, BEGIN)
        if manner.form is None:
            # A byte alone would be half a character; whoever keeps a form sees to it that characters become whole.
            never = (*special, *self.reader.bytes_alone)
            return Rules(END, never) if self.reader.ends else Rules(None, (*never, END))
        begun: dict[int, str] = {}
        for row in rows.tolist():
            text = self.reader.text(prompts[row][1:])
            manner.form.begun(text, f"prompt {first + row + 1}")
            begun |= {(first + row) * manner.n + each: text for each in copies}
        allow = FormRules(manner.form, self.reader.tokenizer.written, END, begun)
        return Rules(END, special, allow)


def _longest(manner: Manner) -> int:
    return manner.longest if manner.form is None else manner.form.longest
