"""The model's scores beside those of the n-gram model, over the same tokens; and what its own texts are like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from unrolled.core.seq import Seq
from unrolled.data.token_rows import TokenRows
from unrolled.errors import InputError
from unrolled.models.language import LanguageModel
from unrolled.models.token_ids import UNKNOWN
from unrolled.tasks.baselines import NgramModel
from unrolled.tasks.generate.fitted import Fitted
from unrolled.tasks.generate.outcome import Outcome, Passage
from unrolled.tasks.generate.parts import TextPart
from unrolled.tasks.generate.reading import TextReader
from unrolled.tasks.generate.samples import (
    form_share,
    held_out_runs,
    known_passages,
    own_texts,
    sample_figures,
)
from unrolled.tasks.memory import peak_memory
from unrolled.tasks.scores import score_rows
from unrolled.tasks.sequences import blocks

Nats = NDArray[np.float32]

MOST_STEPS = 8_192
"""Tokens that are read together, with their padding."""
WINDOW = 512
"""Steps that are read at a time; the state is carried from each to the next."""
SCORES = 2**22
"""Scores of the vocabulary in memory at a time."""


def token_nats(network: LanguageModel, rows: TokenRows) -> list[Nats]:
    """Return -ln p of every token of each row but the first, (T_i - 1,), given all those before it."""
    found: list[Nats] = [np.zeros(0, np.float32)] * len(rows)
    for some in blocks(rows.lengths, MOST_STEPS):
        values, lengths = rows.padded(some)
        read = torch.from_numpy(values)
        for row, nats, length in zip(some.tolist(), _nats(network, read, lengths), lengths, strict=True):  # fmt: skip
            found[row] = nats[: max(0, length - 1)]
    return found


@torch.inference_mode()
def _nats(
    network: LanguageModel, ids: torch.Tensor, lengths: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return (B, T - 1); of what lies behind a row's end, anything."""
    steps = torch.from_numpy(lengths)
    state = network.initial_state(len(ids))
    found = np.zeros((len(ids), max(0, ids.shape[1] - 1)), np.float32)
    for start in range(0, found.shape[1], WINDOW):
        part = ids[:, start : min(start + WINDOW, found.shape[1])]
        read = Seq(part, (steps - 1 - start).clamp(0, part.shape[1]))
        hidden, state = network.hidden(read, state)
        right = ids[:, start + 1 : start + 1 + part.shape[1]]
        flat, targets = hidden.data.flatten(0, 1), right.flatten()
        rows = max(1, SCORES // network.sizes.vocabulary)
        nats = [
            F.cross_entropy(
                F.linear(flat[i : i + rows], network.output_weight, network.bias),
                targets[i : i + rows],
                reduction="none",
            )
            for i in range(0, len(flat), rows)
        ]
        found[:, start : start + part.shape[1]] = torch.cat(nats).view(part.shape).numpy()
    return found


def ngram_rows(rows: TokenRows, reader: TextReader) -> TokenRows:
    """Return rows as the n-gram model takes them: documents without their frame, a text with the token before it."""
    return TokenRows.of(row[1:-1] for row in rows) if reader.ends else rows


def ngram_nats(ngram: NgramModel, rows: TokenRows, reader: TextReader) -> float:
    """Return -ln p of every token of each row but the first, summed, by the n-gram model."""
    found = ngram.log_p(ngram_rows(rows, reader))
    skipped = 0 if reader.ends else 1
    return -float(sum(row[skipped:].sum() for row in found))


def figures(nats: float, tokens: int, characters: int, *, unknown: int) -> dict[str, float]:
    """Return the scores of so many tokens, which write so many characters, by name.

    With words that are ``unknown``, and so not written, no figure of a character would be true.

    >>> figures(8.0, tokens=4, characters=8, unknown=0)["bits_per_char"].__round__(3)
    1.443
    """
    each = nats / characters if characters and not unknown else math.nan
    return {
        "nats_per_char": each,
        "bits_per_char": each / math.log(2),
        "perplexity": math.exp(min(nats / tokens, 700.0)),
    }


def scored_tokens(rows: TokenRows, reader: TextReader) -> tuple[int, int, int]:
    """Return how many tokens of the rows are scored, how many characters they write, and how many are unknown."""
    tokens = characters = unknown = 0
    for row in rows:
        tokens += len(row) - 1
        characters += reader.characters(row[1:])
        unknown += int((row[1:] == UNKNOWN).sum())
    return tokens, characters, unknown


KNOWN = 0.1
"""The share of passages found in the training text beyond which the texts that are scored were learned."""
PASSAGES, SHOWN = 3, 600
"""Passages that an outcome holds, and the tokens that are shown of all of them."""


def passages_of(
    fitted: Fitted, part: TextPart, rows: TokenRows, nats: Sequence[Nats]
) -> list[Passage]:
    """Return the beginnings of some texts, evenly spread, with what each token cost."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(PASSAGES, len(rows))).round().astype(int))
    most = SHOWN // len(chosen)
    return [
        Passage(named(fitted.reader, rows[row][1 : most + 1]), nats[row][:most], part.where(row))
        for row in chosen.tolist()
    ]


def named(reader: TextReader, ids: NDArray[np.int32]) -> tuple[str, ...]:
    """Return what each token writes; a character of several tokens stands with its last."""
    decoder = reader.tokenizer.decoder()
    return tuple(decoder.push(number) for number in ids.tolist())


def evaluated(
    fitted: Fitted, part: TextPart, baselines: Mapping[str, NgramModel], seed: int
) -> tuple[dict[str, Any], Outcome, tuple[str, ...]]:
    """Return the scores of texts, what was found beside them, and what there is to say.

    Raises:
        InputError: there is no text.
    """
    if not len(part):
        raise InputError("there is no text to score", expected="texts, or one")
    reader = fitted.reader
    rows = reader.rows(part.texts)
    tokens, characters, unknown = scored_tokens(rows, reader)
    found = token_nats(fitted.network, rows)
    nats = sum(float(row.sum(dtype=np.float64)) for row in found)
    own = own_texts(fitted, seed)
    counted = own.samples[-1]
    held_out = held_out_runs(fitted, part.texts, counted)
    forms = None
    if fitted.verses:
        written = [each.text for each in counted.completions]
        forms = form_share(written, fitted.verses), form_share(part.texts, fitted.verses)
    outcome = Outcome(
        part.texts, part.where, nats, tokens, characters, passages_of(fitted, part, rows, found),
        own.samples, held_out, forms,
    )  # fmt: skip
    model: dict[str, Any] = figures(nats, tokens, characters, unknown=unknown)
    model |= {
        "parameters": fitted.parameters,
        "tokens_per_second": round(own.tokens_per_second, 1),
        "peak_memory_mb": peak_memory(),
    }
    beside = {
        name: figures(ngram_nats(each, rows, reader), tokens, characters, unknown=unknown)
        for name, each in baselines.items()
    }
    result = {
        "task": "generate",
        "kind": fitted.settings.kind,
        "scores": score_rows(model, beside),
        "rows": len(part),
        "tokens": tokens,
        "characters": characters,
        "samples": sample_figures(counted, held_out, forms),
    }
    return result, outcome, _notes(unknown, tokens, known_passages(fitted, part.texts))


def _notes(unknown: int, tokens: int, known: tuple[int, int]) -> tuple[str, ...]:
    notes = []
    if unknown:
        notes.append(
            f"{unknown:,} of {tokens:,} words are unknown: no figure of a character can be given (--units bpe)"
        )
    found, passages = known
    if found > KNOWN * passages:
        notes.append(
            f"{found} of {passages} passages stand word for word in the training text: the scores are of texts that were learned"
        )
    return tuple(notes)
