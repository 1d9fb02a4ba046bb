"""What holds for every test: one torch thread, repeatable examples, and a time budget for each room."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Before torch is imported anywhere, and inherited by the processes that tests start. One thread gives the same sums
# in every run, and on a busy machine it is faster than two.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent

BUDGETS = {
    "house": 30.0,
    "core": 20.0,
    "laws": 90.0,
    "cells": 20.0,
    "kernels": 100.0,
    "adopt": 15.0,
    "data": 15.0,
    "models": 15.0,
    "train": 30.0,
    "tasks": 55.0,
    "view": 10.0,
    "inside": 45.0,
    "bench": 10.0,
    "cli": 75.0,
}
"""Processor seconds that the tests of a room (a folder of tests/) may take in `make test`.

Processor time, with that of child processes, so that a machine busy with something else fails nobody. A room that is
over its budget fails the run; UNROLLED_TEST_BUDGETS=report only reports it.
"""
ANY_OTHER_ROOM = 10.0

# Deadlines in wall time would fail on a busy machine. `make test` draws the same examples every time;
# `make test-all` draws new ones, and more.
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile(
    "wide", deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")


@dataclass
class Spent:
    """What the tests of one room have taken so far, those marked slow left out."""

    tests: int = 0
    seconds: float = 0.0
    processor: float = 0.0


_spent: dict[str, Spent] = defaultdict(Spent)


def room_of(path: Path) -> str:
    """Return the folder under tests/ that a test file stands in, or "house"."""
    parts = path.relative_to(TESTS).parts
    return parts[0] if len(parts) > 1 else "house"


def _processor_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    started, processor = time.perf_counter(), _processor_seconds()
    result = yield
    if item.get_closest_marker("slow") is None:
        spent = _spent[room_of(item.path)]
        spent.tests += 1
        spent.seconds += time.perf_counter() - started
        spent.processor += _processor_seconds() - processor
    return result


def _over_budget() -> list[str]:
    return [r for r, spent in _spent.items() if spent.processor > BUDGETS.get(r, ANY_OTHER_ROOM)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    strict = os.environ.get("UNROLLED_TEST_BUDGETS") != "report"
    if _over_budget() and strict and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    over = _over_budget()
    terminalreporter.section("time by room (slow tests left out)")
    terminalreporter.line(f"{'room':<10}{'tests':>7}{'seconds':>10}{'processor':>11}{'budget':>8}")
    for room, spent in sorted(_spent.items()):
        budget = BUDGETS.get(room, ANY_OTHER_ROOM)
        row = f"{room:<10}{spent.tests:>7}{spent.seconds:>10.1f}{spent.processor:>11.1f}{budget:>8.0f}"
        note = "   over budget" if room in over else ""
        terminalreporter.line(row + note, red=room in over)


@pytest.fixture(autouse=True)
def one_torch_thread() -> Iterator[None]:
    """Undo what a test (or training inside it) did to torch's thread count."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture
def pythons_own_handler() -> Iterator[None]:
    """A shell starts what runs in its background with interrupts ignored, these tests too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
