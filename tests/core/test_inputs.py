"""What goes into a layer comes out as the same kind; and how layers are put together."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tests.laws.user_cells import DecayingRNN, LeakySum, TwoOutputs
from unrolled import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Carry,
    Dropout,
    Seq,
    ShapeError,
    Stack,
    Zoneout,
    deep,
)

LENGTHS = torch.tensor([2, 4, 1])


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return deep(LSTM, 3, 5, layers=2, bidirectional=True)


@pytest.fixture
def expected(layer):
    data = torch.arange(36.0).view(3, 4, 3) / 36
    return data, layer(Seq(data, LENGTHS))[0].data


def test_tensor(layer) -> None:
    ys, _ = layer(torch.randn(3, 4, 3))
    assert type(ys) is torch.Tensor
    assert ys.shape == (3, 4, 10)


def test_seq(layer, expected) -> None:
    ys, _ = layer(Seq(expected[0], LENGTHS))
    assert isinstance(ys, Seq)
    assert ys.lengths.tolist() == LENGTHS.tolist()


def test_list(layer, expected) -> None:
    data, wanted = expected
    ys, _ = layer([row[:n] for row, n in zip(data, LENGTHS.tolist(), strict=True)])
    assert isinstance(ys, list)
    assert [len(y) for y in ys] == LENGTHS.tolist()
    torch.testing.assert_close(Seq.from_list(ys).data, wanted)


@pytest.mark.parametrize("presorted", [False, True])
def test_packed(layer, expected, presorted) -> None:
    data, wanted = expected
    order = LENGTHS.argsort(descending=True) if presorted else torch.arange(3)
    packed = pack_padded_sequence(
        data[order], LENGTHS[order], batch_first=True, enforce_sorted=presorted
    )
    ys, _ = layer(packed)
    assert isinstance(ys, PackedSequence)
    assert torch.equal(ys.batch_sizes, packed.batch_sizes)
    for ours, theirs in (
        (ys.sorted_indices, packed.sorted_indices),
        (ys.unsorted_indices, packed.unsorted_indices),
    ):
        assert (ours is None) == (theirs is None) == presorted
        assert presorted or torch.equal(ours, theirs)
    torch.testing.assert_close(pad_packed_sequence(ys, batch_first=True)[0], wanted[order])


def test_tuple() -> None:
    ys, _ = Stack(Carry(DecayingRNN(3, 5)), Carry(DecayingRNN(5, 2)))(
        (torch.randn(2, 4, 3), torch.rand(2, 4))
    )
    assert type(ys) is tuple
    assert [leaf.shape for leaf in ys] == [(2, 4, 2), (2, 4)]


def test_several_outputs_come_back_whole() -> None:
    pair = Bidirectional(GRU(3, 5), RNN(3, 2), "none")
    rows = [torch.randn(2, 3), torch.randn(4, 3)]
    for ys in (pair(rows)[0], TwoOutputs(3, 5)(rows)[0]):
        assert [[len(leaf) for leaf in row] for row in ys] == [[2, 2], [4, 4]]
    (ahead, back), _ = pair(torch.randn(2, 4, 3))
    assert (ahead.shape, back.shape) == ((2, 4, 5), (2, 4, 2))
    packed = pack_padded_sequence(torch.randn(2, 4, 3), torch.tensor([4, 2]), batch_first=True)
    with pytest.raises(ShapeError, match="PackedSequence"):
        pair(packed)


def test_a_parameterless_layer_begins_in_the_dtype_of_its_input() -> None:
    for dtype in (torch.float32, torch.float64):
        ys, state = LeakySum(3)(torch.ones(1, 2, 3, dtype=dtype))
        assert ys.dtype == state.h.dtype == dtype
        _, (_, inner) = Stack(nn.Linear(3, 3, dtype=dtype), LeakySum(3))(
            torch.ones(1, 2, 3, dtype=dtype)
        )
        assert inner.h.dtype == dtype


@pytest.mark.parametrize("merge", ["concat", "sum", "mean"])
def test_deep_fits_its_sizes_to_each_other(merge: str) -> None:
    layer = deep(GRU, 3, 5, layers=3, bidirectional=True, dropout=0.1, merge=merge, reset="before")
    assert layer(torch.zeros(2, 4, 3))[0].shape == (2, 4, 10 if merge == "concat" else 5)
    kinds = [type(part) for part in layer]
    assert kinds == [Bidirectional, Dropout, Bidirectional, Dropout, Bidirectional]
    assert {part.reset for part in layer.modules() if isinstance(part, GRU)} == {"before"}


def test_deep_takes_any_function_that_makes_a_layer() -> None:
    layer = deep(lambda f, h, p: Zoneout(LSTM(f, h), p), 3, 5, layers=2, p=0.2)
    assert [type(part) for part in layer] == [Zoneout, Zoneout]
    assert layer(torch.zeros(2, 4, 3))[0].shape == (2, 4, 5)


def test_a_stack_is_a_sequence_of_layers() -> None:
    layer = Stack(GRU(3, 5), nn.Linear(5, 2))
    assert len(layer) == 2
    assert layer[1] is list(layer)[1]
    assert layer.initial_state(2)[1] == ()
