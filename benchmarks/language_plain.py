"""The language model as it is written in plain torch: torch's own layers, and all logits at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled import to_torch
from unrolled.core.compose import Stack
from unrolled.data.streams import StreamWindow
from unrolled.models.language import LanguageModel


class PlainLanguageModel(nn.Module):
    """The network of `LanguageModel` over GRUs or LSTMs, with a copy of its weights, tied like them.

    Args:
        network: whose dropout is the same before, between and after its cells.
    """

    def __init__(self, network: LanguageModel) -> None:
        super().__init__()
        layer = network.layer
        assert isinstance(layer, Stack)
        self.p = network.dropout.p
        self.embedding = nn.Embedding.from_pretrained(
            network.read.table.weight.detach().clone(), freeze=False
        )
        self.cells = nn.ModuleList(to_torch(part) for part in layer if hasattr(part, "weight_hh"))
        self.scores = nn.Linear(network.sizes.width, network.sizes.vocabulary)
        self.scores.weight = self.embedding.weight
        self.scores.bias.data.copy_(network.bias)

    def forward(self, tokens: Tensor, states: list[Any]) -> tuple[Tensor, list[Any]]:
        """Return logits (B, T, V) after each of the tokens (B, T), and the states of the cells."""
        x, after = self.drop(self.embedding(tokens)), []
        for cell, state in zip(self.cells, states, strict=True):
            x, state = cell(x, state)
            x = self.drop(x)
            after.append(state)
        return self.scores(x), after

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p, self.training)

    def begin(self) -> list[Any]:
        return [None] * len(self.cells)

    def loss(self, window: StreamWindow, states: list[Any]) -> tuple[Tensor, list[Any]]:
        """Return the mean cross-entropy of a window, and the states after it, cut from the graph."""
        logits, states = self(window.tokens, states)
        loss = F.cross_entropy(logits.flatten(0, 1), window.targets.flatten())
        return loss, [detached(state) for state in states]


def detached(state: Any) -> Any:
    return state.detach() if isinstance(state, Tensor) else tuple(map(detached, state))


def train_plainly(
    network: PlainLanguageModel,
    windows: list[StreamWindow],
    *,
    learning_rate: float,
    clip_norm: float,
) -> None:
    """Train on every window once, as a tutorial does."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=learning_rate, weight_decay=0.0, fused=True
    )
    network.train()
    states = network.begin()
    for window in windows:
        optimizer.zero_grad()
        loss, states = network.loss(window, states)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
        optimizer.step()


def write_with_layers(network: PlainLanguageModel, tokens: int) -> Tensor:
    """Write so many tokens with torch's layers, one step at a time, and return the last logits."""
    states, token = network.begin(), torch.zeros(1, 1, dtype=torch.int64)
    with torch.inference_mode():
        for _ in range(tokens):
            logits, states = network(token, states)
            token = torch.multinomial(logits[0].softmax(-1), 1)
    return logits[0, 0]


def step_cells(network: PlainLanguageModel) -> list[Any]:
    """Return torch's cells with the weights of its layers."""
    cells = []
    for layer in network.cells:
        kind = nn.GRUCell if isinstance(layer, nn.GRU) else nn.LSTMCell
        cell = kind(layer.input_size, layer.hidden_size)
        weights = layer.state_dict().items()
        cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in weights})
        cells.append(cell)
    return cells


def write_with_cells(network: PlainLanguageModel, cells: list[Any], tokens: int) -> Tensor:
    """Write so many tokens with torch's cells, and return the last logits."""
    states, token = network.begin(), torch.zeros(1, dtype=torch.int64)
    with torch.inference_mode():
        for _ in range(tokens):
            x, after = network.embedding(token), []
            for cell, state in zip(cells, states, strict=True):
                state = cell(x, state)
                x = state if isinstance(state, Tensor) else state[0]
                after.append(state)
            states, logits = after, network.scores(x)
            token = torch.multinomial(logits.softmax(-1), 1)[0]
    return logits[0]
