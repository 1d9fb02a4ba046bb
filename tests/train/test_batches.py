"""Which rows meet in a batch, and that it never changes what a row counts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from tests.train.problems import settings
from unrolled.cells.gru import GRU
from unrolled.core.seq import Seq
from unrolled.errors import InputError, OptionError
from unrolled.train.batches import (
    BatchList,
    length_buckets,
    remaining,
    shuffled_batches,
    token_batches,
)
from unrolled.train.loop import Loss, fit

LENGTHS = np.random.default_rng(0).integers(0, 200, 500)


def padding(lengths: np.ndarray, batches: list[np.ndarray]) -> float:
    """Return the share of what is computed that is padding."""
    computed = sum(len(rows) * int(lengths[rows].max()) for rows in batches)
    return 1 - int(lengths.sum()) / computed


@given(
    st.lists(st.integers(0, 50), max_size=60),
    st.integers(1, 9),
    st.integers(0, 3),
    st.integers(1, 4),
)
def test_every_row_is_in_one_batch(lengths: list[int], size: int, epoch: int, pool: int) -> None:
    batches = length_buckets(lengths, size, seed=1, epoch=epoch, pool=pool)
    assert sorted(itertools.chain(*map(list, batches))) == list(range(len(lengths)))
    assert all(1 <= len(rows) <= size for rows in batches)
    assert len(batches) == -(-len(lengths) // size)


def test_buckets_spare_most_of_the_padding() -> None:
    plain = padding(LENGTHS, shuffled_batches(len(LENGTHS), 16, seed=0, epoch=0))
    bucketed = padding(LENGTHS, length_buckets(LENGTHS, 16, seed=0, epoch=0))
    assert plain > 0.4
    assert bucketed < 0.1


def tokens_of(lengths: np.ndarray, rows: np.ndarray) -> int:
    """Return what a batch takes, padding counted; an empty row counts as one token."""
    return len(rows) * int(np.maximum(lengths[rows], 1).max(axis=0).sum())


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=60),
    st.integers(1, 120),
    st.integers(0, 3),
    st.integers(1, 4),
    st.booleans(),
)
def test_a_batch_of_tokens_is_within_its_bound(
    pairs: list[tuple[int, int]], tokens: int, epoch: int, pool: int, single: bool
) -> None:
    lengths = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    lengths = lengths[:, :1] if single else lengths
    given_as = lengths[:, 0] if single else lengths
    batches = token_batches(given_as, tokens, seed=1, epoch=epoch, pool=pool)
    assert sorted(itertools.chain(*map(list, batches))) == list(range(len(pairs)))
    for rows in batches:
        assert len(rows) == 1 or tokens_of(lengths, rows) <= tokens


def test_batches_of_tokens_are_full_and_spare_most_of_the_padding() -> None:
    lengths = np.stack([LENGTHS, LENGTHS + np.arange(500) % 7], axis=1)
    batches = token_batches(lengths, 4000, seed=0, epoch=0)
    computed = [tokens_of(lengths, rows) for rows in batches]
    assert lengths.sum() / sum(computed) > 0.9
    assert np.median(computed) > 3600


@pytest.mark.parametrize("pool", [1, 3, 50])
def test_rows_are_sorted_within_a_pool_alone(pool: int) -> None:
    lengths = np.arange(1, 401)
    spread = [
        np.ptp(lengths[rows]) for rows in token_batches(lengths, 3000, seed=0, epoch=0, pool=pool)
    ]
    assert (np.mean(spread) < 30) == (pool == 50)


def test_seed_and_epoch_alone_decide_batches_of_tokens() -> None:
    def rows(seed: int, epoch: int) -> list[list[int]]:
        torch.rand(1)
        return [b.tolist() for b in token_batches(LENGTHS, 2000, seed=seed, epoch=epoch)]

    assert rows(3, 1) == rows(3, 1)
    assert rows(3, 1) != rows(3, 2)
    assert rows(3, 1) != rows(4, 1)
    means = [LENGTHS[some].mean() for some in rows(3, 1)]
    assert means != sorted(means)
    assert means != sorted(means, reverse=True)


@pytest.mark.parametrize("bucketed", [True, False])
def test_seed_and_epoch_alone_decide(bucketed: bool) -> None:
    def rows(seed: int, epoch: int) -> list[list[int]]:
        torch.rand(1)
        if bucketed:
            return [b.tolist() for b in length_buckets(LENGTHS, 16, seed=seed, epoch=epoch)]
        return [b.tolist() for b in shuffled_batches(500, 16, seed=seed, epoch=epoch)]

    assert rows(3, 1) == rows(3, 1)
    assert rows(3, 1) != rows(3, 2)
    assert rows(3, 1) != rows(4, 1)


def test_batches_come_in_random_order_of_length() -> None:
    means = [LENGTHS[rows].mean() for rows in length_buckets(LENGTHS, 16, seed=0, epoch=0)]
    assert means != sorted(means)
    assert means != sorted(means, reverse=True)


def test_wrong_lengths_and_sizes() -> None:
    for lengths in ([1.5, 2.0], [-1, 2], [[1], [2]]):
        with pytest.raises(InputError, match="lengths"):
            length_buckets(lengths, 2, seed=0, epoch=0)
    for lengths in ([1.5, 2.0], [[-1, 2]], [[[1]]]):
        with pytest.raises(InputError, match="lengths"):
            token_batches(lengths, 2, seed=0, epoch=0)
    with pytest.raises(OptionError, match="tokens=0"):
        token_batches([1], 0, seed=0, epoch=0)
    assert token_batches([], 4, seed=0, epoch=0) == []
    with pytest.raises(OptionError, match="batch_size=0"):
        length_buckets([1], 0, seed=0, epoch=0)
    assert length_buckets([], 4, seed=0, epoch=0) == []


def test_resuming_makes_only_what_is_left() -> None:
    made: list[int] = []
    rows = shuffled_batches(10, 2, seed=0, epoch=0)

    def make(picked: np.ndarray) -> int:
        made.append(int(picked[0]))
        return len(made)

    assert list(remaining(BatchList(rows, make), 3)) == [1, 2]
    assert made == [int(picked[0]) for picked in rows[3:]]
    assert [int(b[0]) for b in BatchList(rows, lambda r: r)[1:3]] == [int(r[0]) for r in rows[1:3]]
    assert list(remaining((letter for letter in "abcd"), 3)) == ["d"]


class Tagger(nn.Module):
    """A GRU that gives every step a value."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.out = GRU(2, 5), nn.Linear(5, 1)
        self.double()

    def forward(self, xs: Seq) -> Tensor:
        ys, _ = self.cell(xs)
        return self.out(ys.data).squeeze(-1)


ROWS = [
    torch.randn(int(n), 2, generator=torch.Generator().manual_seed(i)).double()
    for i, n in enumerate(LENGTHS[:24] // 8)
]


def ragged(rows: np.ndarray) -> Seq:
    lengths = torch.tensor([len(ROWS[row]) for row in rows])
    return Seq(pad_sequence([ROWS[row] for row in rows], batch_first=True), lengths)


def tag_loss(model: Tagger, xs: Seq) -> Loss:
    errors = (model(xs) - xs.data.sum(-1)) ** 2
    return Loss(errors.masked_fill(~xs.mask(), 0.0).sum(), xs.mask().sum())


def gradient_of(batches: list[np.ndarray]) -> tuple[Tensor, float]:
    """Return the mean loss over all items and its gradient, added up over batches."""
    model, total, items = Tagger(), 0.0, 0.0
    for rows in batches:
        part = tag_loss(model, ragged(rows))
        total, items = total + part.total, items + float(part.items)
    mean = total / items
    mean.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()]), mean.item()


def test_mixed_lengths_change_neither_loss_nor_gradient() -> None:
    lengths = [len(row) for row in ROWS]
    assert min(lengths) == 0
    alone = gradient_of([np.array([row]) for row in range(len(ROWS))])
    for batches in (
        [np.arange(len(ROWS))],
        shuffled_batches(len(ROWS), 5, seed=0, epoch=0),
        length_buckets(lengths, 5, seed=0, epoch=0),
    ):
        gradient, loss = gradient_of(batches)
        assert loss == pytest.approx(alone[1], rel=1e-12)
        torch.testing.assert_close(gradient, alone[0], rtol=1e-10, atol=1e-13)


def test_an_epochs_loss_is_the_same_bucketed_or_not() -> None:
    lengths = [len(row) for row in ROWS]

    def epoch_loss(batches: list[np.ndarray]) -> float:
        options = settings(epochs=1, optimizer="sgd", learning_rate=1e-30)
        made = BatchList(batches, ragged)
        return fit(Tagger(), tag_loss, lambda epoch: made, options).history[0].loss

    whole = epoch_loss([np.arange(len(ROWS))])
    assert epoch_loss(length_buckets(lengths, 5, seed=0, epoch=0)) == pytest.approx(
        whole, rel=1e-12
    )
    assert epoch_loss(shuffled_batches(len(ROWS), 7, seed=0, epoch=0)) == pytest.approx(
        whole, rel=1e-12
    )


def test_a_step_is_that_of_the_mean_over_valid_items() -> None:
    def weights(batch: Seq) -> Tensor:
        model = Tagger()
        fit(model, tag_loss, lambda epoch: [batch], settings(epochs=3, learning_rate=0.01))
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    batch = ragged(np.arange(6))
    longer = Seq(torch.cat([batch.data, torch.zeros(6, 9, 2).double()], 1), batch.lengths)
    torch.testing.assert_close(weights(longer), weights(batch), rtol=1e-10, atol=1e-13)


def test_batches_without_a_valid_item_are_passed_over() -> None:
    empty = np.array([row for row in range(len(ROWS)) if len(ROWS[row]) == 0])
    full = np.array([row for row in range(len(ROWS)) if len(ROWS[row]) > 0])
    made = BatchList([empty, full, empty], ragged)
    for every in (None, 1):
        options = settings(epochs=2, evaluate_every=every)
        result = fit(Tagger(), tag_loss, lambda epoch: made, options)
        assert result.steps == 2
        assert [record.step for record in result.history] == [1, 2]
    only = BatchList([empty], ragged)
    with pytest.raises(InputError, match=r"batches\(0\) held no batch with a valid item"):
        fit(Tagger(), tag_loss, lambda epoch: only, settings())
    with pytest.raises(InputError, match=r"batches\(0\) held no batch"):
        fit(Tagger(), tag_loss, lambda epoch: [], settings())
