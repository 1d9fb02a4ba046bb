"""Streams of a text: what a row reads goes on, every token is read, and an epoch begins elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import InputError, OptionError
from unrolled.data.streams import TokenStreams
from unrolled.data.token_rows import TokenRows


@pytest.mark.parametrize(("tokens", "rows", "steps"), [(50, 4, 3), (50, 1, 100), (9, 8, 2), (64, 3, 7)])  # fmt: skip
def test_every_row_reads_its_part_of_the_ring(tokens: int, rows: int, steps: int) -> None:
    streams = TokenStreams(np.arange(tokens, dtype=np.int32), rows, steps)
    each = (tokens - 1) // rows
    begins = set()
    for epoch in range(5):
        windows = streams(epoch)
        assert len(windows) == len(list(windows)) == -(-each // steps)
        read = torch.cat([window.tokens for window in windows], 1)
        targets = torch.cat([window.targets for window in windows], 1)
        assert read.shape == targets.shape == (rows, each)
        assert read.dtype == targets.dtype == torch.int64
        begin = int(read[0, 0])
        begins.add(begin)
        expected = (begin + torch.arange(rows * each)) % tokens
        assert torch.equal(read.flatten(), expected)
        assert torch.equal(targets, (read + 1) % tokens)
        assert all(window.tokens.shape[1] == steps for window in windows[:-1])
    assert len(begins) > 1


def test_an_epoch_is_a_function_of_seed_and_number() -> None:
    ids = np.arange(1000)
    one, other = TokenStreams(ids, 4, 9, seed=3), TokenStreams(ids, 4, 9, seed=3)
    for first, second in zip(one(2), other(2), strict=True):
        assert torch.equal(first.tokens, second.tokens)
    assert not torch.equal(TokenStreams(ids, 4, 9, seed=4)(2)[0].tokens, one(2)[0].tokens)
    assert torch.equal(one(2)[-1].tokens, one(2)[len(one(2)) - 1].tokens)
    with pytest.raises(IndexError):
        one(2)[len(one(2))]


@pytest.mark.parametrize("in_memory", [0, 10**6])
def test_documents_are_read_one_after_the_other(in_memory: int) -> None:
    documents = [[1, 5, 2], [], [1, 6, 7, 8, 2], [1, 2]]
    rows = TokenRows.of(documents, in_memory=in_memory)
    streams = TokenStreams(rows, rows=3, steps=2)
    joined = [token for document in documents for token in document]
    found = torch.cat([window.tokens for window in streams(0)], 1).flatten().tolist()
    begin = next(n for n in range(10) if [*joined[n:], *joined[:n]][:9] == found)
    assert found == [*joined[begin:], *joined[:begin]][:9]


def test_a_text_that_is_too_short() -> None:
    assert TokenStreams(np.arange(5), rows=4, steps=3)(0)[0].tokens.shape == (4, 1)
    with pytest.raises(InputError, match="4 tokens for 4 streams"):
        TokenStreams(np.arange(4), rows=4, steps=3)
    with pytest.raises(InputError, match="0 tokens for 1 streams"):
        TokenStreams(TokenRows.of([]), rows=1, steps=3)
    for given in ({"rows": 0, "steps": 3}, {"rows": 1, "steps": 0}):
        with pytest.raises(OptionError, match="=0"):
            TokenStreams(np.arange(9), **given)
