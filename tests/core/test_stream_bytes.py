"""The state of a stream as bytes and back."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from tests.core.test_stream import CAUSAL, close, cut
from tests.laws.examples import Example, drawer
from tests.laws.harness import assert_same
from tests.laws.user_cells import AttendingRNN
from unrolled import GRU, LSTM, Dropout, InputError, ShapeError, Stack, Stream


@pytest.mark.parametrize("example", CAUSAL, ids=str)
def test_another_stream_goes_on_from_bytes(example: Example) -> None:
    torch.manual_seed(0)
    layer = example.make(3, 4)
    data = example.inputs(drawer(0, torch.float32), 2, 7, 3)
    first, second = Stream(layer), Stream(layer)
    first.push(cut(data, 0, 4))
    second.restore_bytes(first.to_bytes())
    assert_same(second.state, first.state, 0.0)
    close(second.push(cut(data, 4, 7)), first.push(cut(data, 4, 7)))


def test_rows_come_back_and_so_does_the_beginning() -> None:
    layer, xs = Stack(nn.Linear(2, 3), Dropout(0.5), LSTM(3, 4)), torch.randn(5, 2, 2)
    stream = Stream(layer)
    beginning = stream.to_bytes()
    expected = stream.push(xs)
    data = stream.to_bytes()
    other = Stream(layer)
    other.push(xs[:2])
    other.restore_bytes(data)
    close(other.push(xs), stream.push(xs))
    other.restore_bytes(beginning)
    assert other.state is None
    close(other.push(xs), expected)


def test_reading_draws_no_random_numbers() -> None:
    layer = Stack(Dropout(0.5), GRU(2, 3))
    stream, other = Stream(layer), Stream(layer)
    stream.push(torch.randn(1, 1, 2))
    before = torch.get_rng_state()
    other.restore_bytes(stream.to_bytes())
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_state_only_reads_is_saved_too() -> None:
    layer = AttendingRNN(2, 3)
    stream, other = Stream(layer), Stream(layer)
    for each in (stream, other):
        each.state = layer.start(torch.randn(2, 4, 3))
    other.restore_bytes(stream.to_bytes())
    xs = torch.randn(2, 3, 2)
    close(other.push(xs), stream.push(xs))


def changed(data: bytes, **tensors: Any) -> bytes:
    return bytes(save({k: v for k, v in (load(data) | tensors).items() if v is not None}))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"1.h": None}, r"lacks '1\.h'"),
        ({"7.h": torch.zeros(2, 4)}, r"has '7\.h'; expected a state of this Stack"),
        ({"1.h": torch.zeros(2, 5)}, r"has '1\.h' \(2, 5\)"),
        ({"1.h": torch.zeros(3, 4)}, "rows .*; expected as many in every tensor"),
        ({"1.h": torch.zeros(())}, r"has '1\.h' \(\)"),
        ({"2.seed": torch.tensor(1)}, r"has '2\.seed' \(\)"),
        (
            {"1.h": torch.zeros(2, 4).double()},
            r"torch\.float64; expected \('B', 4\) torch\.float32",
        ),
    ],
)
def test_the_state_of_another_layer_is_refused(tensors: dict[str, Any], message: str) -> None:
    stream = Stream(Stack(nn.Linear(2, 3), LSTM(3, 4), Dropout(0.5)))
    xs = torch.randn(2, 1, 2)
    stream.push(xs)
    moment = stream.snapshot()
    with pytest.raises(ShapeError, match=message):
        stream.restore_bytes(changed(stream.to_bytes(), **tensors))
    assert_same(stream.state, moment, 0.0)


@pytest.mark.parametrize("data", [b"", b"no state", "no bytes", Stream(GRU(2, 3)).to_bytes()[:-3]])
def test_bytes_that_are_no_state_are_refused(data: Any) -> None:
    with pytest.raises(InputError, match=r"no saved state .*; expected what Stream\.to_bytes"):
        Stream(GRU(2, 3)).restore_bytes(data)
