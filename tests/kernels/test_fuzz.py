"""The compiled kernels on random calls, for as long as there is time.

UNROLLED_FUZZ_SECONDS (600) is how long the slow test goes on, UNROLLED_FUZZ_SEED its first seed: a failure names its own.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import pytest

from tests.kernels.compiled import always_compiled, needs_extension
from tests.kernels.fuzz import Call

pytestmark = needs_extension


def test_random_calls() -> None:
    with always_compiled():
        compared = [Call(seed).check() for seed in range(150)]
    assert sum(compared) > 140


@pytest.mark.slow
def test_random_calls_while_there_is_time() -> None:
    first = int(os.environ.get("UNROLLED_FUZZ_SEED") or random.SystemRandom().randrange(2**31))
    end = time.monotonic() + float(os.environ.get("UNROLLED_FUZZ_SECONDS") or 600)
    print(f"fuzz: UNROLLED_FUZZ_SEED={first}")
    seen: Counter[str] = Counter()
    seed = first
    with always_compiled():
        while seed == first or time.monotonic() < end:
            call = Call(seed)
            seen["at a kink of relu"] += not call.check()
            seen[call.said["kind"]] += 1
            seen[call.set] += 1
            seed += 1
    print(f"fuzz: {seed - first} calls: {dict(sorted(seen.items()))}")
