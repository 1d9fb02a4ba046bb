"""The linear part of n-grams: importance and answer as a plain count has them, and which rows of the weight are read."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from unrolled import Seq
from unrolled.models.ngrams import RARE_FROM, NgramLinear, distinct_ngrams

UNKNOWN = 1


def grams_of(ids: list[int], order: int) -> list[tuple[int, ...]]:
    """Return the n-grams of a text, -1 before its beginning; none with an unknown token."""
    known = [-1, *ids]
    return [
        gram
        for n in range(1, order + 1)
        for start in range(len(known) - n + 1)
        if UNKNOWN not in (gram := tuple(known[start : start + n])) and gram != (-1,)
    ]


def drawn_rows(count: int, most: int = 12) -> list[list[int]]:
    random = np.random.default_rng(0)
    lengths = random.integers(0, most, size=count)
    return [random.integers(1, 15, size=length).tolist() for length in lengths]


def batch_of(rows: list[list[int]]) -> Seq:
    return Seq.from_list([torch.tensor(row, dtype=torch.int64) for row in rows])


def scored(layer: NgramLinear, row: list[int]) -> list[float]:
    return layer.value(layer.absorb(batch_of([row]), layer.initial_state(1)))[0].tolist()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_importance_is_what_a_plain_count_says(order: int) -> None:
    rows = drawn_rows(40)
    held = Counter(gram for row in rows for gram in set(grams_of(row, order)))
    by_sklearn = TfidfVectorizer(
        analyzer=lambda row: grams_of(row, order), lowercase=False, preprocessor=None
    ).fit(rows)
    layer = NgramLinear(15, 1, order=order, buckets=2**20)
    layer.weigh([batch_of(rows[:7]), batch_of(rows[7:])])
    torch.nn.init.ones_(layer.weight)
    for gram, number in by_sklearn.vocabulary_.items():
        importance = 1 + math.log((1 + 40) / (1 + held[gram]))
        assert importance == pytest.approx(by_sklearn.idf_[number])
        if len(gram) == 1:
            assert float(layer.importance[gram[0]]) == pytest.approx(importance)
    for row in rows:
        found = [by_sklearn.idf_[by_sklearn.vocabulary_[gram]] for gram in grams_of(row, order)]
        expected = 10 * sum(found) / math.sqrt(sum(i * i for i in found)) if found else 0.0
        assert scored(layer, row) == [pytest.approx(expected, rel=1e-5)]


def test_it_is_tf_idf_where_no_ngram_repeats() -> None:
    rows = [row for row in drawn_rows(40, most=8) if len(set(row)) == len(row)]
    assert len(rows) > 15
    vectorizer = TfidfVectorizer(analyzer=lambda row: grams_of(row, 2))
    expected = 10 * np.asarray(vectorizer.fit_transform(rows).sum(1)).ravel()
    layer = NgramLinear(15, 1, order=2, buckets=2**20)
    layer.weigh([batch_of(rows)])
    torch.nn.init.ones_(layer.weight)
    np.testing.assert_allclose([scored(layer, row)[0] for row in rows], expected, rtol=1e-5)


def weighed(rows: list[list[int]], order: int = 2, buckets: int = 2**16) -> NgramLinear:
    layer = NgramLinear(15, 2, order=order, buckets=buckets)
    layer.weigh([batch_of(rows)])
    torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    return layer


def test_unknown_tokens_and_unseen_ngrams_count_for_nothing() -> None:
    layer = weighed([[2, 3, 4], [4, 2]], order=1)
    assert scored(layer, [2, UNKNOWN, 3]) == pytest.approx(scored(layer, [2, 3]))
    assert scored(layer, [2, 14, 3]) == pytest.approx(scored(layer, [2, 3]))  # 14 is new
    assert scored(layer, [UNKNOWN, 14]) == [0, 0]
    pairs = weighed([[2, 3], [4, 2]])
    with torch.no_grad():
        pairs.weight[:15] = 0  # what is left is of pairs
    assert scored(pairs, [4, 3]) != [0, 0]  # as (start, 4) was seen
    assert scored(pairs, [3, 4]) == [0, 0]  # neither (start, 3) nor (3, 4) was
    assert scored(pairs, [UNKNOWN, 2, UNKNOWN, 3]) == [0, 0]


def test_an_ngram_of_a_single_row_of_many_counts_for_nothing() -> None:
    rows = [[2, 3]] * (RARE_FROM - 2) + [[4]]
    assert weighed(rows).importance[4] > 0
    layer = weighed([*rows, [2, 3]])
    assert layer.importance[4] == 0
    assert layer.importance[2] > 0
    assert weighed([*rows, [4]]).importance[4] > 0


def test_padding_counts_for_nothing() -> None:
    one = NgramLinear(15, 1, order=2, buckets=64)
    one.weigh([Seq(torch.tensor([[2, 3, 0], [3, 0, 0]]), [2, 1])])
    assert one.importance[0] == 0
    assert (one.importance > 0).sum() == 5  # 2, 3, (start, 2), (2, 3), (start, 3)


def touched(layer: NgramLinear, row: list[int]) -> set[int]:
    """Return the rows of the weight that a text needs."""
    layer.weight.grad = None
    layer.value(layer.absorb(batch_of([row]), layer.initial_state(1))).sum().backward()
    assert layer.weight.grad is not None
    return set(layer.weight.grad.abs().sum(1).nonzero().flatten().tolist())


def test_tokens_have_rows_of_their_own_and_ngrams_share_theirs_by_hash() -> None:
    layer = NgramLinear(15, 1, order=2, buckets=2**16)
    torch.nn.init.ones_(layer.importance)
    begins = {first: touched(layer, [first]) - {first} for first in range(2, 15)}
    places = {}
    for first, second in itertools.product(range(2, 15), repeat=2):
        found = touched(layer, [first, second])
        assert {first, second} <= found
        (places[first, second],) = found - {first, second} - begins[first]
    assert all(place >= 15 for place in places.values())
    # 182 pairs, start included, meet in 65,536 places with a chance of 22 %; more than one meeting is 3 %.
    assert len(set(places.values())) >= len(places) - 1
    assert places[2, 3] != places[3, 2]
    later = touched(layer, [7, 7, 2, 3])
    assert places[2, 3] in later
    shared = NgramLinear(15, 1, order=2, buckets=1)
    torch.nn.init.ones_(shared.importance)
    assert touched(shared, [2, 3, 4]) == {2, 3, 4, 15}


@pytest.mark.parametrize(("order", "ngrams"), [(2, 30**2), (3, 30**2 + 30**3)])
def test_the_hash_spreads_ngrams_evenly(order: int, ngrams: int) -> None:
    layer = NgramLinear(32, 1, order=order, buckets=2 * ngrams)
    every = torch.tensor(list(itertools.product(range(2, 32), repeat=order)))
    layer.weigh([Seq(every.reshape(1, -1))])
    used = int((layer.importance[32:] > 0).sum())
    assert used > 0.97 * 2 * ngrams * (1 - math.exp(-1 / 2))


def test_distinct_ngrams_are_counted_up_to_a_bound() -> None:
    rows = [np.array(row) for row in ([2, 3, 4], [3, 4], [], [9], [2, 3, 4, 2, 3])]
    assert distinct_ngrams(rows, 2, 1000) == 3
    assert distinct_ngrams(rows, 3, 1000) == 6
    assert distinct_ngrams(rows, 3, 4) == 4
