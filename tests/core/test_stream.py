"""Stream: chunks as they come give the numbers of one pass, from frozen weights."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.utils._pytree as pytree
from torch import nn

from tests.laws.examples import EXAMPLES, Example, begin_empty, drawer
from unrolled import (
    GRU,
    LSTM,
    Bidirectional,
    Dropout,
    InputError,
    NotCausalError,
    Residual,
    Seq,
    ShapeError,
    Stack,
    Stream,
    WeightDrop,
    Zoneout,
)

CAUSAL = [e for e in EXAMPLES if e.begin is begin_empty and e.make(3, 4).causal]


def cut(data, start, end):
    return pytree.tree_map(lambda leaf: leaf[:, start:end], data)


def close(found, expected) -> None:
    for one, other in zip(pytree.tree_leaves(found), pytree.tree_leaves(expected), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("example", CAUSAL, ids=str)
def test_chunks_are_one_pass(example: Example) -> None:
    torch.manual_seed(0)
    layer = example.make(3, 4)
    data = example.inputs(drawer(0, torch.float32), 2, 7, 3)
    stream = Stream(layer)
    pieces = [stream.push(cut(data, a, b)) for a, b in itertools.pairwise([0, 1, 1, 4, 7])]
    whole = pytree.tree_map(lambda *leaves: torch.cat(leaves, 1), *pieces)
    assert layer.training
    layer.eval()
    close(whole, layer(data)[0])


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return Stack(
        Dropout(0.5), Zoneout(LSTM(2, 3), 0.3), WeightDrop(GRU(3, 3), 0.5), nn.Linear(3, 2)
    )


def test_it_runs_in_evaluation_mode_and_leaves_the_layers_alone(layer) -> None:
    layer.layers[0].eval()  # a mixed mode stays mixed
    modes = [part.training for part in layer.modules()]
    stream = Stream(layer)
    xs = torch.randn(1, 4, 2)
    first = stream.push(xs)
    assert [part.training for part in layer.modules()] == modes
    stream.restore(None)
    assert torch.equal(stream.push(xs), first), "there is noise in it"
    assert not first.requires_grad
    assert all(parameter.requires_grad for parameter in layer.parameters())


def test_it_is_frozen_until_refreshed(layer) -> None:
    stream, xs = Stream(layer), torch.randn(1, 4, 2)
    before = stream.push(xs)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(0.5)
    stream.restore(None)
    assert torch.equal(stream.push(xs), before)
    stream.restore(None)
    stream.refresh()
    assert not torch.allclose(stream.push(xs), before)
    close(Stream(layer).push(xs), layer.eval()(xs)[0])


def test_refresh_keeps_the_state() -> None:
    layer, xs = GRU(2, 3), torch.randn(1, 6, 2)
    stream = Stream(layer)
    stream.push(xs[:, :3])
    stream.refresh()
    close(stream.push(xs[:, 3:]), layer(xs)[0][:, 3:].detach())


def test_snapshot_and_restore(layer) -> None:
    stream = Stream(layer)
    assert stream.snapshot() is None
    xs = torch.randn(2, 6, 2)
    stream.push(xs[:, :2])
    moment = stream.snapshot()
    rest = stream.push(xs[:, 2:])
    for _ in range(2):  # a snapshot can be taken up more than once
        stream.restore(moment)
        assert torch.equal(stream.push(xs[:, 2:]), rest)


def test_fork_goes_on_on_its_own(layer) -> None:
    stream, xs = Stream(layer), torch.randn(2, 6, 2)
    stream.push(xs[:, :2])
    twin = stream.fork()
    twin.push(torch.full((2, 3, 2), 9.0))
    rest = stream.push(xs[:, 2:])
    fresh = Stream(layer)
    fresh.push(xs[:, :2])
    assert torch.equal(fresh.push(xs[:, 2:]), rest)
    assert not torch.equal(twin.push(xs[:, 2:]), rest)


def test_refreshing_a_fork_leaves_the_other(layer) -> None:
    stream, xs = Stream(layer), torch.randn(1, 3, 2)
    before = stream.push(xs)
    twin = stream.fork()
    with torch.no_grad():
        layer.layers[3].weight.zero_()
    twin.refresh()
    stream.restore(None)
    assert torch.equal(stream.push(xs), before)


def test_ragged_chunks_and_lists() -> None:
    layer = GRU(2, 3)
    rows = [torch.randn(n, 2) for n in (5, 2, 4)]
    expected = layer(rows)[0]
    stream = Stream(layer)
    first = stream.push([row[:2] for row in rows])
    second = stream.push(Seq.from_list([row[2:] for row in rows]))
    assert isinstance(first, list)
    assert isinstance(second, Seq)
    for start, end, wanted in zip(first, second.to_list(), expected, strict=True):
        close(torch.cat([start, end]), wanted.detach())


def test_the_batch_is_that_of_the_first_push() -> None:
    stream = Stream(GRU(2, 3))
    stream.push(torch.randn(2, 1, 2))
    with pytest.raises(ShapeError, match=r"\[2\] rows, the input 3"):
        stream.push(torch.randn(3, 1, 2))


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (Bidirectional(GRU(2, 3), GRU(2, 3)), "it"),
        (Stack(GRU(2, 2), Residual(Bidirectional(GRU(2, 2), GRU(2, 2), "sum"))), "layers.1.layer"),
    ],
)
def test_what_needs_the_whole_sequence_is_named_when_it_is_made(layer, name) -> None:
    with pytest.raises(NotCausalError, match=f"{name} is a Bidirectional and needs the whole"):
        Stream(layer)


@pytest.mark.parametrize("given", [None, nn.GRU(2, 3)])
def test_only_layers_are_streamed(given) -> None:
    with pytest.raises(InputError, match="expected a Layer of unrolled"):
        Stream(given)
