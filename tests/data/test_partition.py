"""Parts are stratified, repeatable and complete; repeated rows are found."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.number_rows import NumberRows
from unrolled.data.partition import duplicates, grouped_parts, repeated_rows, stratified_parts
from unrolled.errors import OptionError


@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    validation=st.sampled_from([0, 0.1, 0.25, 3]),
    test=st.sampled_from([0, 0.2, 1, 0.33]),
    seed=st.integers(0, 3),
)
def test_parts_cover_the_rows_once(
    counts: list[int], validation: float, test: float, seed: int
) -> None:
    labels = [str(k) for k, count in enumerate(counts) for _ in range(count)]
    try:
        parts = stratified_parts(labels, validation=validation, test=test, seed=seed)
    except OptionError:
        sizes = [p if p >= 1 else round(p * len(labels)) for p in (validation, test)]
        assert sum(sizes) >= len(labels)
        return
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert np.array_equal(np.sort(together), np.arange(len(labels)))
    for part in (parts.train, parts.validation, parts.test):
        assert part.dtype == np.int64
        assert np.all(np.diff(part) > 0)
    assert {labels[k] for k in parts.train} == set(labels)
    again = stratified_parts(labels, validation=validation, test=test, seed=seed)
    assert np.array_equal(parts.test, again.test)


def test_shares_of_each_class_are_those_of_all() -> None:
    labels = ["a"] * 700 + ["b"] * 200 + ["c"] * 100
    parts = stratified_parts(labels, validation=0.1, test=0.2, seed=1)
    assert Counter(labels[k] for k in parts.test) == {"a": 140, "b": 40, "c": 20}
    assert Counter(labels[k] for k in parts.validation) == {"a": 70, "b": 20, "c": 10}
    assert not np.array_equal(parts.test, stratified_parts(labels, test=0.2, seed=2).test)
    counted = stratified_parts(labels, validation=50, test=1, seed=1)
    assert (len(counted.validation), len(counted.test)) == (50, 1)


def test_small_classes_stay_in_training() -> None:
    parts = stratified_parts(["a"] * 8 + ["rare"] + ["two"] * 2, validation=2, test=2, seed=0)
    assert 8 in parts.train
    assert parts.notes == ("1 class has one row only, which is used for training: rare",)
    parts = stratified_parts(list("abcdd"), validation=2, test=0, seed=0)
    assert (
        parts.notes[1]
        == "validation: 1 rows instead of 2, so that every class keeps a row for training"
    )


def test_parts_that_cannot_be() -> None:
    with pytest.raises(OptionError, match="hold out 4 of 4 rows; expected some rows to train on"):
        stratified_parts(["a"] * 4, validation=0.5, test=0.5)
    for wrong in (-1, 1.5, float("inf")):
        with pytest.raises(OptionError, match="expected a share of the rows below 1"):
            stratified_parts(["a"] * 4, validation=wrong)


def test_repeated_rows() -> None:
    train = ["A good  film.", "", "坏", "a"]
    other = ["a GOOD film. ", "", " ", "坏", "坏\n", "b", "A"]
    assert repeated_rows(train, other).tolist() == [True, False, False, True, True, False, True]
    assert duplicates(iter(train), iter(other)) == 4
    numbers = NumberRows([[0.0], [1.0], [2.0]], [0, 2, 3, 3])
    assert repeated_rows(numbers, [np.array([-0.0, 1]), [[0, 1]], [2], []]).tolist() == [
        True, False, True, False,
    ]  # fmt: skip


def test_a_group_is_in_one_part() -> None:
    groups = np.random.default_rng(0).integers(0, 300, size=2000)
    parts = grouped_parts(groups, validation=0.1, test=150, seed=3)
    held = [set(groups[part].tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]
    assert sorted(np.concatenate([parts.train, parts.validation, parts.test])) == list(range(2000))
    largest = np.bincount(groups).max()
    assert 200 - largest < len(parts.validation) <= 200
    assert 150 - largest < len(parts.test) <= 150
    again = grouped_parts(groups, validation=0.1, test=150, seed=3)
    assert np.array_equal(parts.test, again.test)


def test_groups_of_one_row_are_held_out_exactly() -> None:
    parts = grouped_parts(range(100), validation=0.05, test=0.1)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (85, 5, 10)
    with pytest.raises(OptionError, match="hold out 100 of 100"):
        grouped_parts(range(100), validation=0.5, test=0.5)
