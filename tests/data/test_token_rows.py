"""Token ids and steps of numbers in flat rows, in memory and on disk."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.data import token_rows
from unrolled.data.number_rows import NumberRows
from unrolled.data.token_rows import ScratchIds, TokenRows


def some_rows(count: int = 50, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [
        random.integers(1, 2**31 - 1, size=size).astype(np.int32)
        for size in [0, *random.integers(0, 9, size=count - 2), 0]
    ]


@pytest.fixture(params=["memory", "disk", "disk in the midst"])
def stored(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> TokenRows:
    monkeypatch.setattr(token_rows, "_TOGETHER", 7)
    monkeypatch.setattr(token_rows, "_COPIED", 10)
    in_memory = {"memory": 10**6, "disk": 0, "disk in the midst": 400}[request.param]
    rows = TokenRows.of(iter(some_rows()), in_memory=in_memory)
    assert isinstance(rows.values, ScratchIds) == (request.param != "memory")
    return rows


def test_rows_are_those_that_were_given(stored: TokenRows) -> None:
    given = some_rows()
    assert len(stored) == len(given)
    assert stored.lengths.tolist() == [len(row) for row in given]
    for row, expected in zip(stored, given, strict=True):
        assert row.dtype == np.int32
        np.testing.assert_array_equal(row, expected)
    np.testing.assert_array_equal(stored[-2], given[-2])
    with pytest.raises(IndexError, match="row 50 of 50"):
        stored[50]


def test_rows_taken_out(stored: TokenRows) -> None:
    given = some_rows()
    taken = stored.take([3, 0, 3, 48])
    assert isinstance(taken, TokenRows)
    for row, expected in zip(taken, [given[3], given[0], given[3], given[48]], strict=True):
        np.testing.assert_array_equal(row, expected)
    assert [row.tolist() for row in stored[40:20:-9]] == [row.tolist() for row in given[40:20:-9]]
    assert len(stored.take([])) == 0


def test_padded_rows(stored: TokenRows) -> None:
    given = some_rows()
    rows = np.random.default_rng(1).permutation(50)[:20]
    ids, lengths = stored.padded(rows)
    assert ids.dtype == lengths.dtype == np.int64
    assert ids.shape == (20, lengths.max())
    for row, length, of in zip(ids, lengths, rows, strict=True):
        np.testing.assert_array_equal(row[:length], given[of])
        assert (row[length:] == 0).all()
    assert torch.from_numpy(ids).shape == ids.shape
    assert stored.padded([0, 49])[0].shape == (2, 0)
    assert stored.padded([])[0].shape == (0, 0)


@pytest.mark.parametrize("row", [-1, 50])
def test_rows_that_do_not_exist(stored: TokenRows, row: int) -> None:
    with pytest.raises(IndexError):
        stored.padded([0, row])
    with pytest.raises(IndexError):
        stored.take([0, row])


def test_rows_can_be_given_to_torch(stored: TokenRows) -> None:
    row = torch.from_numpy(stored[1])  # warns of an array that cannot be written to
    assert row.tolist() == some_rows()[1].tolist()


@pytest.mark.parametrize("in_memory", [0, 10**6])
def test_no_row_and_empty_rows(in_memory: int) -> None:
    assert len(TokenRows.of([], in_memory=in_memory)) == 0
    empty = TokenRows.of([[], []], in_memory=in_memory)
    assert empty.lengths.tolist() == [0, 0]
    assert empty.padded([0, 1])[0].shape == (2, 0)
    assert empty.take([1])[0].tolist() == []


def test_many_rows_of_the_disk_are_taken_to_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = TokenRows.of(some_rows(), in_memory=0)
    assert isinstance(stored.take([1, 2]).values, np.ndarray)
    monkeypatch.setattr(token_rows, "IN_MEMORY", 100)
    taken = stored.take(range(50))
    assert isinstance(taken.values, ScratchIds)
    assert [row.tolist() for row in taken] == [row.tolist() for row in some_rows()]


def test_numbers_are_padded_with_0() -> None:
    rows = NumberRows([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0, 2, 2, 3])
    block, lengths = rows.padded([2, 0, 1])
    assert block.dtype == np.float32
    assert block.tolist() == [[[5, 6], [0, 0]], [[1, 2], [3, 4]], [[0, 0], [0, 0]]]
    assert lengths.tolist() == [1, 2, 0]
    assert rows[1:].lengths.tolist() == [0, 1]
    assert rows.padded([])[0].shape == (0, 0, 2)
