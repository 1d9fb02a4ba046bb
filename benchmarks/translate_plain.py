"""The translator's network as it is written in plain torch: padded batches, torch's own layers, all logits at once."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled import to_torch
from unrolled.core.compose import Bidirectional, Stack
from unrolled.models.attending_stack import AttendingStack
from unrolled.models.attention import DotAttention
from unrolled.models.seq2seq import Seq2Seq
from unrolled.models.token_ids import PADDING, UNKNOWN
from unrolled.tasks.translate.reading import PairBatch


class PlainTranslator(nn.Module):
    """The network of `unrolled.tasks.translate.network` with a copy of its weights.

    The encoder's backward direction reads every row from its own last token, as ours does: otherwise it would begin with
    the padding, and the losses would differ.

    Args:
        network: with one bidirectional encoder layer, general attention, and one vocabulary for both sides.
    """

    def __init__(self, network: Seq2Seq) -> None:
        super().__init__()
        encoder, decoder = network.encoder, network.decoder
        assert isinstance(encoder, Stack)
        assert isinstance(decoder, AttendingStack)
        (both,) = encoder
        assert isinstance(both, Bidirectional)
        attention = decoder.look.attention
        assert isinstance(attention, DotAttention)
        assert attention.W is not None
        assert network.source is None
        self.p, self.hide = network.dropout.p, network.word_dropout.p
        self.embedding = nn.Embedding.from_pretrained(
            network.target.weight.detach().clone(), freeze=False
        )
        self.forwards, self.backwards = to_torch(both.forward_layer), to_torch(both.backward_layer)
        self.cells = nn.ModuleList(to_torch(cell) for cell in decoder.cells)
        self.begin = nn.ModuleList(map(copied, network.bridge.fields))
        self.keys, self.answer = copied(attention.W), copied(decoder.W_c)
        self.bias = nn.Parameter(network.bias.detach().clone())

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Return logits (B, T, V) after each of the target tokens (B, T)."""
        memory, mask = self.encode(source, lengths)
        states = self.first_states(memory, mask, lengths)
        x = self.embed(target)
        context: Tensor | None = None
        for cell, state in zip(self.cells, states, strict=True):
            hidden, _ = cell(x if context is None else torch.cat((x, context), -1), state)
            if context is None:
                scores = hidden @ self.keys(memory).mT
                weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
                context = weights @ memory
            x = F.dropout(hidden, self.p, self.training)
        assert context is not None
        y = torch.tanh(self.answer(torch.cat((context, x), -1)))
        return F.linear(F.dropout(y, self.p, self.training), self.embedding.weight, self.bias)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return what stands for tokens (B, T), of which some are hidden in training."""
        if self.training and self.hide:
            hidden = torch.rand(tokens.shape) < self.hide
            tokens = tokens.masked_fill(hidden & (tokens != PADDING), UNKNOWN)
        return F.dropout(self.embedding(tokens), self.p, self.training)

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the memory (B, S, M) and where it holds a token (B, S)."""
        steps = torch.arange(source.shape[1])
        mask = steps < lengths[:, None]
        turned = torch.where(mask, lengths[:, None] - 1 - steps, steps)[:, :, None]
        xs = self.embed(source)
        ahead, _ = self.forwards(xs)
        back, _ = self.backwards(xs.gather(1, turned.expand_as(xs)))
        back = back.gather(1, turned.expand_as(back))
        return torch.cat((ahead, back), -1), mask

    def first_states(
        self, memory: Tensor, mask: Tensor, lengths: Tensor
    ) -> list[Tensor | tuple[Tensor, ...]]:
        """Return the decoder's states before the first token: of a GRU one tensor a layer, of an LSTM two."""
        last = memory[torch.arange(len(memory)), lengths - 1]
        mean = (memory * mask[:, :, None]).sum(1) / lengths[:, None]
        read = torch.cat((memory[:, 0], last, mean), -1)
        made = [torch.tanh(field(read))[None] for field in self.begin]
        each = len(made) // len(self.cells)
        if each == 1:
            return list(made)
        return [tuple(made[first : first + each]) for first in range(0, len(made), each)]


def copied(linear: nn.Linear) -> nn.Linear:
    """Return a linear layer with the same weights."""
    copy = nn.Linear(linear.in_features, linear.out_features, bias=linear.bias is not None)
    copy.load_state_dict(linear.state_dict())
    return copy


def plain_loss(network: PlainTranslator, batch: PairBatch, smoothing: float) -> Tensor:
    """Return the mean label-smoothed cross-entropy of the target tokens."""
    target = batch.target.data
    logits = network(batch.source.data, batch.source.row_lengths, target[:, :-1])
    return F.cross_entropy(
        logits.flatten(0, 1),
        target[:, 1:].flatten(),
        ignore_index=PADDING,
        label_smoothing=smoothing,
    )


def train_plainly(
    network: PlainTranslator,
    batches: Iterable[PairBatch],
    *,
    smoothing: float,
    learning_rate: float,
    clip_norm: float,
) -> None:
    """Train on every batch once, as a tutorial does."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=learning_rate, weight_decay=0.0, fused=True
    )
    network.train()
    for batch in batches:
        optimizer.zero_grad()
        plain_loss(network, batch, smoothing).backward()
        nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
        optimizer.step()
