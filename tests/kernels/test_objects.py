"""The object files of the instruction sets: nothing of one can serve another, and no step goes beyond its memory."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILER = os.environ.get("CXX", "g++")
X86 = platform.machine().lower() in {"x86_64", "amd64"}
FLAGS = {
    "portable": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma"],
}

needs_compiler = pytest.mark.skipif(
    shutil.which(COMPILER) is None or shutil.which("nm") is None, reason="no g++ or no nm here"
)


def defined(name: str, folder: Path) -> list[str]:
    """Return the symbols that other objects may see of an instruction set, compiled without any optional inlining."""
    target = folder / "kernels.o"
    options = ["-std=c++17", "-O0", "-fPIC", "-fvisibility=hidden", "-fopenmp", *FLAGS[name]]
    source = ROOT / "csrc" / f"kernels_{name}.cpp"
    subprocess.run([COMPILER, *options, "-c", source, "-o", target], check=True)
    table = subprocess.run(
        ["nm", "-C", "--defined-only", target], check=True, capture_output=True, text=True
    )
    rows = [line.split(maxsplit=2)[1:] for line in table.stdout.splitlines()]
    # Small letters are local; the capital V that stays is a pointer to the language's own exception routine.
    local = "".join(kind for kind, _ in rows if kind.islower() and kind not in "uvw")
    assert local, "nm listed nothing of its own"
    return [
        symbol
        for kind, symbol in rows
        if not (kind.islower() and kind not in "uvw") and not symbol.startswith("DW.ref.")
    ]


@needs_compiler
@pytest.mark.parametrize("name", FLAGS)
def test_an_instruction_set_shares_no_code(name: str, tmp_path: Path) -> None:
    # A weak symbol (an inline function of a header) is kept once for all objects: with AVX-512 in it, it would end the
    # process of a machine that has none.
    if name != "portable" and not X86:
        pytest.skip("not this processor's")
    assert defined(name, tmp_path) == [f"unrolled::{name}::entry"]


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("part", ["driver", "valgrind"])
def test_no_error_of_memory(part: str) -> None:
    if part == "valgrind" and shutil.which("valgrind") is None:
        pytest.skip("no valgrind here")
    done = subprocess.run(
        [ROOT / "tests" / "sanitize.sh", part], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    assert "portable: " in done.stdout
