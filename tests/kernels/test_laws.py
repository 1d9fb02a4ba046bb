"""All laws with the kernels of each instruction set; the laws themselves stand in tests/laws."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels.compiled import INSTRUCTION_SETS, instruction_set, needs_extension

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@needs_extension
@pytest.mark.parametrize("name", INSTRUCTION_SETS[:-1])
def test_all_laws(name: str) -> None:
    with instruction_set(name):
        pass  # skips where the machine has it not
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "not slow",
            "-p",
            "no:cacheprovider",
            "tests/laws",
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"UNROLLED_INSTRUCTION_SET": name, "UNROLLED_TEST_BUDGETS": "report"},
    )
    assert done.returncode == 0, done.stdout[-5000:]
