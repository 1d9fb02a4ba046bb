"""Seq: conversions there and back, what padding is, and which lengths are refused."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence

from unrolled import Seq, ShapeError

NAN = float("nan")


@st.composite
def ragged(draw, *, shortest=0):
    rows = draw(st.lists(st.integers(shortest, 5), min_size=1, max_size=4))
    return [torch.randn(length, 2) for length in rows]


def rows_equal(found, expected) -> bool:
    return len(found) == len(expected) and all(map(torch.equal, found, expected))


@given(rows=ragged())
def test_lists_there_and_back(rows) -> None:
    seq = Seq.from_list(rows)
    assert seq.data.shape == (len(rows), max(map(len, rows)), 2)
    assert seq.lengths.tolist() == list(map(len, rows))
    assert rows_equal(seq.to_list(), rows)
    assert torch.equal(seq.valid(), torch.cat(rows))


@given(rows=ragged(shortest=1))
def test_packed_there_and_back(rows) -> None:
    packed = pack_sequence(rows, enforce_sorted=False)
    seq = Seq.from_packed(packed)
    assert rows_equal(seq.to_list(), rows)
    again = seq.to_packed()
    assert rows_equal(Seq.from_packed(again).to_list(), rows)
    like = seq.to_packed(like=packed)
    for ours, theirs in zip(like, packed, strict=True):
        assert torch.equal(ours, theirs)


@given(rows=ragged())
def test_reversed_turns_every_row_and_keeps_its_padding(rows) -> None:
    turned = Seq.from_list(rows).reversed()
    assert rows_equal(turned.to_list(), [row.flip(0) for row in rows])
    assert not turned.data[~turned.mask()].any()
    assert torch.equal(turned.reversed().data, Seq.from_list(rows).data)


@given(rows=ragged())
def test_last_is_the_last_step_of_every_row(rows) -> None:
    last = Seq.from_list(rows).last()
    for found, row in zip(last, rows, strict=True):
        assert torch.equal(found, row[-1] if len(row) else torch.zeros(2))


@given(rows=ragged())
def test_mask_counts_the_steps(rows) -> None:
    mask = Seq.from_list(rows).mask()
    assert mask.dtype == torch.bool
    assert mask.sum(1).tolist() == list(map(len, rows))
    assert not (mask[:, 1:] & ~mask[:, :-1]).any(), "padding is on the right"


def test_padding_is_zero_whatever_it_was() -> None:
    data = torch.full((2, 3, 2), NAN)
    data[0] = 1
    given_in = data.clone().requires_grad_()
    seq = Seq(given_in, [3, 0])
    assert seq.data.tolist() == [[[1, 1]] * 3, [[0, 0]] * 3]
    seq.data.sum().backward()
    assert given_in.grad.tolist() == [[[1, 1]] * 3, [[0, 0]] * 3]
    assert given_in[1].isnan().all(), "the tensor that was given is left alone"


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_a_look_without_gradients_does_not_take_them_away(around) -> None:
    x = torch.ones(2, 3, 1, requires_grad=True)
    seq = Seq(x, [3, 1])
    with around():
        assert not seq.data.requires_grad
    seq.data.sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == [1, 1, 1, 1, 0, 0]


def test_padding_is_zeroed_once_and_only_where_it_is_asked_for() -> None:
    x = torch.full((2, 3, 1), torch.nan)
    seq = Seq(x, [2, 0])
    assert seq.given is x
    assert seq.data is seq.data
    assert seq.data[0, 2] == 0
    assert seq.to(torch.float64).data[1].tolist() == [[0.0]] * 3


def test_once_looked_at_the_numbers_stay() -> None:
    given, lengths = torch.ones(2, 3, 1), torch.tensor([3, 1])
    seq = Seq(given, lengths)
    with torch.no_grad():
        seq.data.mul_(2)
    given.zero_()
    lengths.fill_(0)
    assert seq.data.flatten().tolist() == [2, 2, 2, 2, 0, 0]
    assert [len(row) for row in seq.to_list()] == [3, 1]
    assert copy.deepcopy(seq).data.sum() == 8


def test_a_trace_keeps_nothing() -> None:
    seq = Seq(torch.ones(2, 3, 1), [3, 1])
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert isinstance(seq.data, FakeTensor)
    assert type(seq.data) is torch.Tensor


def test_a_transform_leaves_nothing_of_its_own_behind() -> None:
    seq = Seq(torch.ones(2, 3), [3, 1])
    gradient = torch.func.grad(lambda scale: (scale * seq.data).sum())(torch.tensor(2.0))
    assert gradient == 4
    assert type(seq.data) is torch.Tensor
    assert seq.data.sum() == 4


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.int64, torch.int32, torch.bool, torch.bfloat16]
)
def test_any_dtype(dtype) -> None:
    seq = Seq(torch.ones(2, 3, dtype=dtype), [3, 1])
    assert seq.data.dtype == dtype
    assert seq.data.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert seq.reversed().last().tolist() == [1, 1]


def test_without_lengths_every_row_is_full() -> None:
    data = torch.randn(2, 3, 4)
    seq = Seq(data)
    assert seq.data is data
    assert seq.lengths is None
    assert seq.row_lengths.tolist() == [3, 3]
    assert seq.mask().all()
    assert torch.equal(seq.reversed().data, data.flip(1))
    assert torch.equal(seq.last(), data[:, -1])
    assert torch.equal(seq.valid(), data.flatten(0, 1))
    assert (seq.batch, seq.steps) == (2, 3)
    assert torch.equal(pad_packed_sequence(seq.to_packed(), batch_first=True)[0], data)


@pytest.mark.parametrize("lengths", [None, [], torch.zeros(0, dtype=torch.int64)])
def test_no_rows(lengths) -> None:
    seq = Seq(torch.zeros(0, 3, 2), lengths)
    assert seq.mask().shape == (0, 3)
    assert seq.reversed().data.shape == (0, 3, 2)
    assert seq.valid().shape == (0, 2)
    assert seq.last().shape == (0, 2)
    assert seq.to_list() == []


def test_no_steps() -> None:
    for seq in (Seq(torch.zeros(2, 0, 3)), Seq(torch.zeros(2, 0, 3), [0, 0])):
        assert seq.last().tolist() == [[0] * 3] * 2
        assert seq.reversed().data.shape == (2, 0, 3)
        assert seq.valid().shape == (0, 3)
        assert [row.shape for row in seq.to_list()] == [(0, 3)] * 2


def test_trees() -> None:
    x, dt = torch.randn(2, 3, 4), torch.rand(2, 3)
    seq = Seq((x, dt), [1, 3])
    features, times = seq.data
    assert not features[0, 1:].any()
    assert not times[0, 1:].any()
    assert seq.first is features
    turned_x, turned_dt = seq.reversed().data
    assert torch.equal(turned_x[1], x[1].flip(0))
    assert torch.equal(turned_dt[1], dt[1].flip(0))
    assert torch.equal(turned_dt[0, :1], dt[0, :1])
    last_x, last_dt = seq.last()
    assert torch.equal(last_x, torch.stack([x[0, 0], x[1, 2]]))
    assert torch.equal(last_dt, torch.stack([dt[0, 0], dt[1, 2]]))
    valid_x, valid_dt = seq.valid()
    assert valid_x.shape == (4, 4)
    assert torch.equal(valid_dt, torch.cat([dt[0, :1], dt[1]]))
    rows = seq.to_list()
    assert torch.equal(rows[0][0], x[0, :1])
    assert torch.equal(rows[1][1], dt[1])
    with pytest.raises(ShapeError, match=r"tuple.*one tensor.*PackedSequence.*keep the Seq"):
        seq.to_packed()


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([2, -1], r"row 1 has length -1; expected a length from 0 to 3"),
        ([4, 1], r"row 0 has length 4; expected a length from 0 to 3"),
        ([1, 2, 3], r"lengths have shape \(3,\); expected one for each of 2 rows"),
        ([3], r"lengths have shape \(1,\)"),
        ([[1, 2]], r"lengths have shape \(1, 2\)"),
        (2, r"lengths have shape \(\)"),
        ([1.0, 2.0], r"lengths are torch.float32; expected whole numbers"),
        (torch.tensor([1.0, 2.0], dtype=torch.float64), r"lengths are torch.float64"),
        ([True, False], r"lengths are torch.bool"),
        ([1j, 2j], r"lengths are torch.complex64"),
    ],
)
def test_wrong_lengths_are_refused(lengths, message) -> None:
    with pytest.raises(ShapeError, match=message):
        Seq(torch.zeros(2, 3, 1), lengths)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_lengths_of_any_whole_dtype(dtype) -> None:
    lengths = Seq(torch.zeros(2, 3, 1), torch.tensor([3, 1], dtype=dtype)).lengths
    assert lengths.dtype == torch.int64
    assert lengths.tolist() == [3, 1]


@pytest.mark.parametrize(
    "data",
    [
        torch.zeros(3),
        (torch.zeros(2, 3, 1), torch.zeros(2, 4)),
        (torch.zeros(2, 3), torch.zeros(1, 3)),
    ],
)
def test_wrong_shapes_are_refused(data) -> None:
    with pytest.raises(ShapeError, match=r"sequence data has shapes .*\(batch, time, \.\.\.\)"):
        Seq(data)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "at least one row"),
        ([torch.zeros(2, 3), torch.zeros(2, 4)], "same features"),
        ([torch.tensor(1.0)], "each \\(time"),
        ([[1.0, 2.0], [3.0]], "a list of list; expected a list of Tensors"),
    ],
)
def test_wrong_lists_are_refused(rows, message) -> None:
    with pytest.raises(ShapeError, match=message):
        Seq.from_list(rows)


def test_rows_of_length_zero_cannot_be_packed() -> None:
    with pytest.raises(ShapeError, match=r"rows \[1\] have length zero.*keep the Seq"):
        Seq(torch.zeros(2, 3, 1), [3, 0]).to_packed()


def test_map_and_with_data_keep_the_padding_zero() -> None:
    seq = Seq(torch.ones(2, 3, 1), [3, 1])
    assert seq.map(lambda leaf: leaf + 1).data[..., 0].tolist() == [[2, 2, 2], [2, 0, 0]]
    assert seq.with_data(torch.full((2, 3), NAN)).data[1, 1:].tolist() == [0, 0]


def test_to_converts_real_data_only() -> None:
    seq = Seq((torch.ones(2, 3, 1), torch.ones(2, 3, dtype=torch.int64)), [3, 1])
    moved = seq.to(torch.float64)
    assert [leaf.dtype for leaf in moved.data] == [torch.float64, torch.int64]
    assert torch.equal(moved.lengths, seq.lengths)
    assert {leaf.device.type for leaf in seq.to("meta").data} == {"meta"}


def test_a_seq_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Seq(torch.zeros(2, 3)).data = torch.zeros(2, 3)


def test_packed_rows_keep_the_callers_order() -> None:
    data, lengths = torch.randn(3, 4, 2), torch.tensor([2, 4, 1])
    packed = pack_padded_sequence(data, lengths, batch_first=True, enforce_sorted=False)
    assert torch.equal(Seq.from_packed(packed).data, Seq(data, lengths).data)
