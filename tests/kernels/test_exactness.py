"""The compiled kernels of every instruction set against float64 torch, and beside torch's own float32."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.kernels.compiled import (
    MAKERS,
    Exactness,
    always_compiled,
    available_sets,
    instruction_set,
    needs_extension,
    problem,
)
from unrolled import Seq, explain

pytestmark = needs_extension


def assert_exact_in_every_set(seeds: Iterable[int]) -> None:
    """Assert what is promised of exactness, for each instruction set over all seeds."""
    found = {name: Exactness() for name in available_sets()}
    kinds = list(MAKERS)
    with always_compiled():
        for seed in seeds:
            given = problem(seed, kinds[seed % len(kinds)])
            assert explain(given.cell, Seq(given.data, given.lengths))[0].kernel == "compiled"
            exact, by_torch = given.double().results_of_torch(), given.results_of_torch()
            for name, exactness in found.items():
                with instruction_set(name):
                    exactness.add(given, exact, by_torch)
    for name, exactness in found.items():
        print(f"{name}: {exactness}")
        exactness.assert_as_promised()


def test_random_configurations() -> None:
    assert_exact_in_every_set(range(105))


@pytest.mark.slow
def test_a_thousand_random_configurations() -> None:
    assert_exact_in_every_set(range(1000, 2000))
