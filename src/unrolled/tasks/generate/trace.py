"""What happened inside a generator on one text, what it expected at each step, and what each token rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.core.seq import Seq
from unrolled.core.watch import watch
from unrolled.data.pair_rows import checked_text
from unrolled.data.token_rows import TokenRows
from unrolled.errors import InputError, OptionError
from unrolled.models.language import LanguageModel
from unrolled.models.token_ids import END
from unrolled.tasks.asking import Vectors, frozen, reading_as, tables_in
from unrolled.tasks.generate.fitted import Fitted
from unrolled.tasks.generate.inside import cells_of, reach_in
from unrolled.tasks.generate.training import token_batch
from unrolled.tasks.sequences import sequences
from unrolled.tasks.trace import Expected, Note, Output, Question, Side, Trace, Written
from unrolled.tasks.tracing import attended, expected, first_note, reach_within, side_of

LONGEST = 5_000
"""Tokens of a text that are read."""


def trace_of(fitted: Fitted, text: Any, write: int = 0) -> Trace:
    """Return what happens on one text, with so many tokens written behind it.

    Raises:
        InputError: it is no text, or empty and nothing is written.
        OptionError: ``write`` is no number of tokens.
    """
    if isinstance(write, bool) or not isinstance(write, int) or not 0 <= write <= LONGEST:
        raise OptionError(f"write={write!r}", expected=f"a whole number from 0 to {LONGEST:,}")
    text = checked_text(text, "the text") if write else checked(text)
    ids, written = _tokens(fitted, text, write)
    cut = len(ids) > LONGEST + 1
    row, network = ids[: LONGEST + 1], fitted.network
    if len(row) < 2:
        raise InputError("no token is read of this text", expected="a text")
    names = fitted.reader.tokenizer.named(row)
    xs = Seq(torch.from_numpy(row.astype(np.int64))[None])
    with torch.no_grad(), watch(network) as seen:
        hidden, _ = network.hidden(xs, network.initial_state(1))
    sides = (side_of("", [names], seen, cells_of(network)),)
    asked = {
        f"step {place + 1}: {names[place]}": partial(_question, network, xs, names, place)
        for place in (len(row) - 1, *range(1, len(row) - 1))
    }
    rows = TokenRows.of([row])
    notes = tuple(
        Note(said, "new", signs=said.partition("the model: ")[2])
        for said in fitted.reader.unseen_notes([text], lambda _: "the text")
    )
    return Trace(
        "generate",
        {"text": text, "write": write} if write else {"text": text},
        sides,
        (_expected(fitted, xs.data[0], hidden.data[0]), *written, *attended(sides, 0)),
        asked,
        notes + (first_note(len(ids) - 1, LONGEST, "tokens") if cut else ()),
        reach_within(sides, lambda: reach_in(network, token_batch(rows, np.zeros(1, np.int64)))),
    )


def checked(text: Any) -> str:
    """Return a text that is one and not empty."""
    if not (found := checked_text(text, "the text")):
        raise InputError("the text is empty", expected="a text, or one to be written: write=100")
    return found


def watched(fitted: Fitted, inputs: Iterable[Any]) -> tuple[Side, ...]:
    """Return what each cell does on many texts at once."""
    texts = [checked(text) for text in inputs]
    if not texts:
        raise InputError("there is no text to read", expected="texts")
    rows = TokenRows.of(row[: LONGEST + 1] for row in fitted.reader.rows(texts))
    xs, network = sequences(rows, np.arange(len(rows))), fitted.network
    with torch.no_grad(), watch(network) as seen:
        network.hidden(xs, network.initial_state(len(rows)))
    names = [fitted.reader.tokenizer.named(row) for row in rows]
    return (side_of("", names, seen, cells_of(network)),)


def _tokens(fitted: Fitted, text: str, write: int) -> tuple[NDArray[np.int32], tuple[Output, ...]]:
    """Return the ids that are read, and what was written, if anything."""
    if not write:
        return fitted.reader.rows([text])[0], ()
    prompts = fitted.reader.prompts([text])
    found = fitted.writer.write(prompts, fitted.manner(write))[0][0]
    new = [*found.tokens, *([END] if found.finished else [])]
    ids = np.concatenate((prompts[0], np.array(new, np.int32)))
    return ids, (Written(0, fitted.reader.text(found.tokens)),)


def _expected(fitted: Fitted, ids: Tensor, hidden: Tensor) -> Expected:
    """Return what was expected at each step; at the first nothing."""

    @torch.no_grad()
    def log_p(some: slice) -> Tensor:
        return fitted.network.score(hidden[:-1][some]).log_softmax(-1)

    tokenizer = fitted.reader.tokenizer
    rest = expected(0, ids[1:], log_p, tokenizer.named, len(tokenizer))
    return Expected(0, np.concatenate(([np.nan], rest.surprise)), ((), *rest.likely))


def _question(network: LanguageModel, xs: Seq, labels: Sequence[str], place: int) -> Question:
    """Return the question what the log-probability of the token at one place rests on."""
    read, token = tables_in(network.read), int(xs.data[0, place])
    before = Seq(xs.data[:, :place])

    def score(vectors: Tensor) -> Tensor:
        rows = len(vectors)
        ids = Seq(before.data.expand(rows, -1))
        with frozen(network), reading_as(read, [vectors[:, :place]]):
            hidden, _ = network.hidden(ids, network.initial_state(rows))
            return network.score(hidden.data[:, -1]).log_softmax(-1)[:, token]

    of = f"step {place + 1}: {labels[place]}"
    vectors = Vectors.read([(table, 1) for table in read], lambda: network.read(xs))
    return vectors.question(of, "log-probability", 0, labels, score)
