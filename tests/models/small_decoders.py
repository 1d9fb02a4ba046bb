"""Small random decoders, peaked enough to end, and a beam search that is as plain as it can be."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unrolled import (
    GRU,
    LSTM,
    AdditiveAttention,
    AttendingCell,
    DotAttention,
    Seq,
    TransformerDecoder,
)
from unrolled.core.tree import State
from unrolled.models.attending_stack import AttendingStack
from unrolled.models.search import Hypothesis, Step
from unrolled.models.seq2seq import Seq2Seq, Seq2SeqSizes
from unrolled.models.token_ids import BEGIN, END, PADDING, UNKNOWN

VOCABULARY, EMBEDDING, MEMORY = 11, 6, 5
FORBIDDEN = (PADDING, UNKNOWN, BEGIN)

DECODERS = {
    "stack of GRUs": lambda: AttendingStack(
        GRU, EMBEDDING, 7, DotAttention(7, MEMORY, "general"), layers=2, output_size=EMBEDDING
    ),
    "stack of LSTMs": lambda: AttendingStack(
        LSTM, EMBEDDING, 7, AdditiveAttention(7, MEMORY), output_size=EMBEDDING
    ),
    "attending cell": lambda: AttendingCell(
        GRU, EMBEDDING, EMBEDDING, AdditiveAttention(EMBEDDING, MEMORY)
    ),
    "without attention": lambda: LSTM(EMBEDDING, EMBEDDING),
    "transformer": lambda: TransformerDecoder(
        EMBEDDING, 8, MEMORY, layers=2, heads=2, context=9, output_size=EMBEDDING
    ),
}


def network(name: str, seed: int = 0) -> Seq2Seq:
    torch.manual_seed(seed)
    sizes = Seq2SeqSizes(VOCABULARY, VOCABULARY, EMBEDDING, MEMORY)
    model = Seq2Seq(GRU(EMBEDDING, MEMORY), DECODERS[name](), sizes).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


def sources(lengths: list[int], seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(4, VOCABULARY, (length,), generator=generator) for length in lengths]


def begun(model: Seq2Seq, rows: list[Tensor]) -> tuple[Step, Tensor, State]:
    """Return what every way of decoding is given first."""
    with torch.no_grad():
        return model.step, torch.full((len(rows),), BEGIN), model.start(Seq.from_list(rows))


class Table:
    """Scores that depend on the last token alone, (V, V); the state counts the rows' steps."""

    def __init__(self, scores: Tensor) -> None:
        self.scores, self.rows, self.steps = scores, 0, 0

    def __call__(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        self.rows, self.steps = self.rows + len(tokens), self.steps + 1
        return self.scores[tokens], (state[0] + 1,)

    def begun(self, count: int) -> tuple[Step, Tensor, State]:
        return self, torch.full((count,), BEGIN), (torch.zeros(count, dtype=torch.int64),)


def plain_beam_search(
    step: Step, state: State, longest: int, *, beams: int, n_best: int, alpha: float
) -> list[Hypothesis]:
    """Search for one source as the equations say, to the very end."""
    live: list[Any] = [((), (), 0.0, state)]
    finished: list[Hypothesis] = []
    for length in range(1, longest + 1):
        candidates = []
        for number, (tokens, each, total, before) in enumerate(live):
            last = tokens[-1] if tokens else BEGIN
            scores, after = step(torch.tensor([last]), before)
            for token, log_p in enumerate(scores[0].log_softmax(-1).tolist()):
                if token not in FORBIDDEN:
                    ahead = ((*tokens, token), (*each, log_p), total + log_p, after)
                    candidates.append((-total - log_p, number, token, ahead))
        candidates.sort(key=lambda candidate: candidate[:3])
        live = []
        for _, _, token, ahead in candidates[: beams - len(finished)]:
            tokens, each, total, _ = ahead
            if token == END:
                finished.append(Hypothesis(tokens[:-1], total / length**alpha, True, each))
            else:
                live.append(ahead)
    finished.sort(key=lambda hypothesis: -hypothesis.score)
    cut = [
        Hypothesis(tokens, total / max(longest, 1) ** alpha, False, each)
        for tokens, each, total, _ in live
    ]
    return [*finished, *cut][:n_best]
