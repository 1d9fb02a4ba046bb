"""Pairs in alternating order, and the interval of their median."""

from __future__ import annotations

import gc
import math

import numpy as np
import pytest

from unrolled.bench.timing import FEWEST, Ratio, duel, ratio_of


class Calls:
    """Two callables on a clock of their own: ours takes 1 s, theirs ``slower`` s, each with the noise given."""

    def __init__(self, slower: float, noise: float = 0.0) -> None:
        self.now, self.order = 0.0, ""
        self.slower, self.noise = slower, noise
        self.random = np.random.default_rng(1)

    def _take(self, name: str, seconds: float) -> None:
        self.order += name
        self.now += seconds * math.exp(self.noise * self.random.normal())

    def ours(self) -> None:
        self._take("A", 1.0)

    def theirs(self) -> None:
        self._take("B", self.slower)

    def clock(self) -> float:
        return self.now


def test_pairs_alternate_after_a_warm_up() -> None:
    calls = Calls(2.0)
    fought = duel(calls.ours, calls.theirs, pairs=5, clock=calls.clock)
    assert calls.order == "AABB" + "ABBAABBAAB"
    assert fought.pairs == 5
    assert fought.ratio == Ratio(2.0, 2.0, 2.0)
    assert (fought.ours, fought.theirs) == (1.0, 2.0)


def test_calls_that_are_short_are_repeated_and_given_by_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("unrolled.bench.timing.LEAST_SECONDS", 2e-3)
    calls = Calls(2.0)

    def clock() -> float:
        return calls.now * 1e-3

    fought = duel(calls.ours, calls.theirs, pairs=2, clock=clock)
    assert calls.order == "AABB" + "AAB" + "BAA"
    assert fought.ours == pytest.approx(1e-3)
    assert fought.theirs == pytest.approx(2e-3)


@pytest.mark.parametrize(("slower", "expected"), [(4.0, FEWEST), (0.25, FEWEST), (1.25, 21)])
def test_only_a_clear_ratio_is_left_before_all_pairs(slower: float, expected: int) -> None:
    calls = Calls(slower)
    assert duel(calls.ours, calls.theirs, seconds=3.0, clock=calls.clock).pairs == expected
    assert duel(calls.ours, calls.theirs, clock=calls.clock).pairs == 21


def test_interval_covers_the_ratio_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = widths = 0.0
    for trial in range(200):
        theirs = 1.2 * np.exp(random.normal(0, 0.1, 21))
        ratio = ratio_of(np.ones(21), theirs, seed=trial)
        assert ratio.low <= ratio.value <= ratio.high
        covered += ratio.low <= 1.2 <= ratio.high
        widths += ratio.high - ratio.low
    assert 0.88 <= covered / 200 <= 0.99
    assert widths / 200 < 0.2


def test_noise_common_to_a_pair_leaves_the_ratio_alone() -> None:
    busy = np.exp(np.random.default_rng(0).normal(0, 1.0, 21))
    ratio = ratio_of(busy, 1.5 * busy)
    assert ratio.low == pytest.approx(1.5)
    assert ratio.high == pytest.approx(1.5)


def test_inverse_keeps_the_ends_in_order() -> None:
    inverse = Ratio(2.0, 1.6, 4.0).inverse(2.0)
    assert inverse == Ratio(1.0, 0.5, 1.25)


def test_garbage_is_collected_again_after_an_error() -> None:
    def fails() -> None:
        if not gc.isenabled():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        duel(fails, fails, pairs=1)
    assert gc.isenabled()
