"""Short looks at the peak and at every call: how long they take does not matter here."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unrolled.bench.run.PEAK_SECONDS", 0.001)
    monkeypatch.setattr("unrolled.bench.timing.LEAST_SECONDS", 2e-4)
