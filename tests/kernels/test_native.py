"""The compiled forward and backward against float64: shapes, rows, addresses, threads and instruction sets."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.kernels import native
from tests.kernels.compiled import INSTRUCTION_SETS
from tests.kernels.native import CELLS, Case, check
from unrolled.kernels.extension import extension

pytestmark = pytest.mark.skipif(extension is None, reason="no compiler on this machine")

SIZES = [*range(1, 71), 128, 256]


@pytest.fixture(params=INSTRUCTION_SETS)
def instruction_set(request) -> Iterator[str]:
    try:
        extension.force_instruction_set(request.param)
    except ValueError:
        pytest.skip("this machine cannot run it")
    yield request.param
    extension.force_instruction_set(None)


@pytest.fixture(autouse=True)
def any_work_is_worth_a_thread() -> Iterator[None]:
    extension.set_work_per_thread(1)
    yield
    extension.set_work_per_thread(1e6)


def drawn(seed: int) -> Case:
    """Draw a case."""
    draw = random.Random(seed)
    longest = draw.choice([0, 1, 2, draw.randint(3, 30)])
    rows = draw.choice([0, 1, 2, draw.randint(3, 40)])
    wanted = tuple(name for name in native.GRADIENTS if draw.random() < 0.8)
    return Case(
        cell=draw.choice(CELLS),
        input_size=draw.choice(SIZES),
        hidden_size=draw.choice(SIZES),
        lengths=[longest if draw.random() < 0.3 else draw.randint(0, longest) for _ in range(rows)],
        biases=draw.random() < 0.8,
        initial=draw.random() < 0.7,
        packed=draw.random() < 0.3,
        unaligned=draw.random() < 0.4,
        time_first=draw.random() < 0.3,
        threads=draw.choice([1, 2, 3]),
        gradient_of_y=draw.random() < 0.8,
        gradient_of_last=draw.random() < 0.8,
        wanted=wanted if draw.random() < 0.5 else native.GRADIENTS,
        extra_steps=draw.choice([0, 0, 0, 3]),
        seed=seed,
    )


@pytest.mark.parametrize("block", range(5))
def test_random_cases(instruction_set, block) -> None:
    for seed in range(block * 8, block * 8 + 8):
        check(drawn(seed), states=seed % 3 == 0, inference=seed % 4 == 0)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_many_random_cases(instruction_set, block) -> None:
    for seed in range(1000 + block * 25, 1000 + block * 25 + 25):
        check(drawn(seed), states=seed % 3 == 0, inference=seed % 4 == 0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("hidden_size", [1, 16, 33, 64])
def test_cells_at_usual_and_odd_sizes(instruction_set, cell, hidden_size) -> None:
    check(Case(cell, 5, hidden_size, lengths=[7, 0, 12, 3, 12, 1, 9], threads=2), states=True)


@pytest.mark.parametrize("cell", CELLS)
def test_saturated_gates(instruction_set, cell) -> None:
    # Far out sigmoid and tanh are 0 and 1: no NaN, nothing beyond their range.
    scale = 1.0 if cell == native.RNN_RELU else 100.0
    found = native.run(Case(cell, 4, 9, lengths=[20] * 5, scale=scale, initial=False))
    for value in found.values():
        assert value.isfinite().all()
    if cell != native.RNN_RELU:
        assert found["y"].abs().max() <= 1.0


@pytest.mark.parametrize("cell", CELLS)
def test_result_does_not_depend_on_threads(instruction_set, cell) -> None:
    case = Case(cell, 20, 40, lengths=[30, 25, 25, 10, 8, 8, 3, 1, 0], threads=1)
    alone = native.run(case)
    case.threads = 2
    together = native.run(case)
    for name, value in alone.items():
        error = (value - together[name]).abs().max() / value.abs().max()
        assert error < 1e-6, name


@pytest.mark.parametrize("cell", CELLS)
def test_nan_stays_in_its_row(instruction_set, cell) -> None:
    case = Case(cell, 6, 18, lengths=[5, 5, 5], wanted=("gx",))
    case.values["x"][1, 2] = float("nan")
    found = native.run(case)
    assert found["y"][[0, 2]].isfinite().all()
    assert found["y"][1, :2].isfinite().all()
    assert found["y"][1, 2:].isnan().all()


def test_unknown_instruction_set_is_refused() -> None:
    with pytest.raises(ValueError, match="no kernels called mmx"):
        extension.force_instruction_set("mmx")


def test_environment_chooses_instruction_set() -> None:
    code = (
        "from unrolled.kernels.extension import extension as e; print(e.instruction_set_in_force())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"UNROLLED_INSTRUCTION_SET": "portable"},
    )
    assert done.stdout.strip() == "portable"


def test_workspaces_are_kept_within_limit_and_freed() -> None:
    case = Case(native.GRU_AFTER, 64, 64, lengths=[50] * 16)
    extension.force_instruction_set(None)
    extension.free_workspaces()
    native.run(case)
    assert extension.workspace_bytes() > 0
    extension.free_workspaces()
    assert extension.workspace_bytes() == 0
    extension.set_workspace_limit(0)
    try:
        native.run(case)
        assert extension.workspace_bytes() == 0
    finally:
        extension.set_workspace_limit(1 << 29)
