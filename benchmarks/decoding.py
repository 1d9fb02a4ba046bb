"""Greedy decoding of sequence to sequence, against the same weights stepped in plain torch.

    python -m benchmarks decoding [--pairs N] [--threads N]

A bidirectional GRU encoder, a decoder of two GRUs of 512 units with attention, embeddings of 256 features and 8,000
tokens, random weights: 32 sources of 10 to 20 tokens, 20 steps without an end. Both sides write the same tokens, which
is checked first, and are timed in alternating pairs: the ratio is the median over pairs, with the ends of its bootstrap
95 % interval. "whole" is encoder and decoder, "recurrent" one step of the decoder's GRUs alone, "encoder" its GRUs over
the sources (packed in torch), "head" the scores of one step.
With one thread the clock is processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.runs import surroundings, write_result
from benchmarks.translate_plain import copied
from unrolled import GRU, Bidirectional, DotAttention, Seq, to_torch
from unrolled.bench.timing import duel
from unrolled.models.attending_stack import AttendingStack
from unrolled.models.decoding import greedy
from unrolled.models.search import Rules
from unrolled.models.seq2seq import Seq2Seq, Seq2SeqSizes
from unrolled.models.token_ids import BEGIN, END

BATCH, STEPS, VOCABULARY, EMBEDDING, HIDDEN = 32, 20, 8000, 256, 512
NO_END = Rules(end=None, forbidden=range(END + 1))


def network() -> Seq2Seq:
    memory = 2 * HIDDEN
    attention = DotAttention(HIDDEN, memory, "general")
    decoder = AttendingStack(GRU, EMBEDDING, HIDDEN, attention, layers=2, output_size=EMBEDDING)
    encoder = Bidirectional(GRU(EMBEDDING, HIDDEN), GRU(EMBEDDING, HIDDEN))
    model = Seq2Seq(encoder, decoder, Seq2SeqSizes(VOCABULARY, VOCABULARY, EMBEDDING, memory))
    with torch.no_grad():  # so that it does not write one token for ever
        for embedding in (model.source, model.target):
            assert embedding is not None
            embedding.weight.mul_(10)
    return model.eval()


class Plain:
    """The same network as one writes it in torch."""

    def __init__(self, model: Seq2Seq) -> None:
        self.model, self.encoder = model, to_torch(model.encoder)
        decoder: Any = model.decoder
        # Copies in torch's own class: ours has the compiled product.
        self.keys, self.answer = copied(decoder.look.attention.W), copied(decoder.W_c)
        self.begin = [copied(field) for field in model.bridge.fields]
        self.cells = []
        for cell in decoder.cells:
            self.cells.append(nn.GRUCell(cell.input_size, cell.hidden_size))
            self.cells[-1].load_state_dict(cell.state_dict())

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        """Return memory (B, S, 2 * HIDDEN), the cells' first states, and where there is only padding (B, 1, S)."""
        assert self.model.source is not None
        packed = pack_padded_sequence(
            self.model.source(source), lengths, batch_first=True, enforce_sorted=False
        )
        memory, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        last = memory[torch.arange(len(memory)), lengths - 1]
        read = torch.cat((memory[:, 0], last, memory.sum(1) / lengths[:, None]), -1)
        states = [torch.tanh(field(read)) for field in self.begin]
        padding = torch.arange(memory.shape[1]) >= lengths[:, None]
        return memory, states, padding[:, None]

    def greedy(self, source: Tensor, lengths: Tensor) -> list[list[int]]:
        memory, (first, second), padding = self.encode(source, lengths)
        keys = self.keys(memory).transpose(1, 2)
        tokens, written = torch.full((len(memory),), BEGIN), []
        for _ in range(STEPS):
            first = self.cells[0](self.model.target(tokens), first)
            scores = torch.bmm(first[:, None], keys).masked_fill_(padding, -torch.inf)
            context = torch.bmm(scores.softmax(-1), memory)[:, 0]
            second = self.cells[1](torch.cat((first, context), -1), second)
            y = torch.tanh(self.answer(torch.cat((context, second), -1)))
            logits = F.linear(y, self.model.target.weight, self.model.bias)
            logits[:, : END + 1] = -torch.inf
            tokens = logits.argmax(-1)
            written.append(tokens)
        return torch.stack(written, 1).tolist()  # type: ignore[no-any-return]


def recurrent(model: Seq2Seq, plain: Plain) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return one step of both of the decoder's GRUs, ours and torch's."""
    decoder: Any = model.decoder
    xs = [torch.randn(BATCH, cell.input_size) for cell in decoder.cells]
    states = decoder.inner_state(BATCH)

    def ours() -> None:
        for cell, x, state in zip(decoder.cells, xs, states, strict=True):
            cell.step(x, state)

    def theirs() -> None:
        for cell, x, state in zip(plain.cells, xs, states, strict=True):
            cell(x, state.h)

    return ours, theirs


def contests() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    torch.manual_seed(0)
    model = network()
    plain = Plain(model)
    lengths = torch.randint(10, 21, (BATCH,))
    source = torch.randint(END + 1, VOCABULARY, (BATCH, int(lengths.max())))
    seq, first, hidden = (
        Seq(source, lengths),
        torch.full((BATCH,), BEGIN),
        torch.randn(BATCH, EMBEDDING),
    )

    def ours() -> Any:
        return greedy(model.step, first, model.start(seq), STEPS, NO_END)

    def theirs() -> Any:
        return plain.greedy(source, lengths)

    with torch.inference_mode():
        if [list(one.tokens) for one in ours()] != theirs():
            raise SystemExit("error: the two sides write different tokens")
    weight, bias = model.target.weight, model.bias
    encoder, embedded = model.encoder, seq.map(model.source or model.target)
    packed = pack_padded_sequence(embedded.data, lengths, batch_first=True, enforce_sorted=False)
    return {
        "whole": (ours, theirs),
        "recurrent": recurrent(model, plain),
        "encoder": (lambda: encoder(embedded), lambda: plain.encoder(packed)),
        "head": (lambda: model.score(hidden), lambda: F.linear(hidden, weight, bias)),
    }


def shown(row: dict[str, Any]) -> str:
    ours, theirs = row["ours_seconds"] * 1e3, row["seconds"] * 1e3
    ratio = f"{row['ratio']:.2f} x ({row['low']:.2f} to {row['high']:.2f})"
    return f"{ours:.2f} ms against {theirs:.2f} ms, {ratio}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=41)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if min(arguments.pairs, arguments.threads) < 1:
        parser.error("--pairs and --threads: at least 1")
    torch.set_num_threads(arguments.threads)
    clock = time.thread_time if arguments.threads == 1 else time.perf_counter
    fought, sides = {}, contests()
    with torch.inference_mode():
        for name, (ours, theirs) in sides.items():
            fought[name] = duel(ours, theirs, pairs=arguments.pairs, clock=clock).as_json()
            print(f"{name}: {shown(fought[name])}", flush=True)
    fought["whole"]["ours_tokens_per_second"] = BATCH * STEPS / fought["whole"]["ours_seconds"]
    result = {"benchmark": "decoding", "threads": arguments.threads, **fought}
    write_result(result | surroundings())


if __name__ == "__main__":
    main()
