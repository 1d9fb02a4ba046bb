"""Truncated backpropagation through time: the state is carried from batch to batch, the graph is not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.train.problems import settings
from unrolled.cells.lstm import LSTM
from unrolled.core.tree import State, leaves
from unrolled.train.loop import Loss, fit


class Streamed:
    """A long sequence in chunks, with a loss that notes the state it was given."""

    def __init__(self, chunks: int) -> None:
        torch.manual_seed(0)
        self.cell = LSTM(1, 4)
        self.xs = torch.randn(2, 5 * chunks, 1)
        self.given: list[State] = []
        self.begun = 0

    def carry(self, model: nn.Module, xs: Tensor) -> State:
        self.begun += 1
        return self.cell.initial_state(len(xs))

    def loss(self, model: nn.Module, xs: Tensor, state: State) -> tuple[Loss, State]:
        self.given.append(state)
        ys, state = model(xs, state)
        return Loss(ys.square().sum(), ys.numel()), state


def test_truncated_bptt_carries_the_state_and_cuts_the_graph() -> None:
    task = Streamed(chunks=3)
    options = settings(epochs=2, learning_rate=1e-30, optimizer="sgd")
    batches = task.xs.split(5, dim=1)
    result = fit(task.cell, task.loss, lambda epoch: batches, options, carry=task.carry)
    assert task.begun == 2
    with torch.no_grad():
        _, state = task.cell(task.xs[:, :10])
    assert type(task.given[2]) is type(state)
    for given, wanted in zip(leaves(task.given[2]), leaves(state), strict=True):
        torch.testing.assert_close(given, wanted)
        assert not given.requires_grad
    assert all(float(leaf.abs().sum()) == 0 for leaf in leaves(task.given[3]))  # a new epoch
    assert result.history[0].losses == result.history[1].losses


def test_truncated_gradient_is_that_of_the_chunk_alone() -> None:
    task = Streamed(chunks=2)
    first, second = task.xs.split(5, dim=1)
    norms = (
        fit(
            task.cell,
            task.loss,
            lambda epoch: [first, second],
            settings(epochs=1, learning_rate=1e-30, optimizer="sgd"),
            carry=task.carry,
        )
        .history[0]
        .gradient_norms
    )
    _, state = task.cell(first)
    ys, _ = task.cell(second, type(state)(*(leaf.detach() for leaf in state)))
    ys.square().mean().backward()
    wanted = torch.cat([p.grad.flatten() for p in task.cell.parameters()]).norm()
    assert norms[1] == pytest.approx(wanted.item(), rel=1e-5)
