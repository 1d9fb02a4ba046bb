"""The compiled extension: it is there wherever it can be, it says so when it is not, and it shares torch's runtime."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from unrolled.kernels import extension
from unrolled.kernels.extension import extension_status

# Run before the import of the module under test: the import system then reports the extension as not installed.
WITHOUT_EXTENSION = """
import sys
sys.modules["unrolled._kernels"] = None
from unrolled.kernels import extension
print(extension.extension, extension.extension_status())
"""

LOADED_LIBRARIES = """
from pathlib import Path
from unrolled.kernels.extension import extension
for line in Path("/proc/self/maps").read_text().splitlines():
    print(line.split()[-1])
"""


def compiler_works() -> bool:
    """Tell whether the C++ compiler that CMake would choose can build a library."""
    named = os.environ.get("CXX")
    candidates = [named] if named else ["c++", "g++", "clang++"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.cpp"
        source.write_text("int answer() { return 42; }\n")
        for candidate in candidates:
            command = shlex.split(candidate)
            if shutil.which(command[0]) is None:
                continue
            built = subprocess.run(
                [*command, "-shared", "-fPIC", source, "-o", Path(folder) / "probe.so"],
                check=False,
                capture_output=True,
            )
            if built.returncode == 0:
                return True
    return False


def test_extension_is_there_where_a_compiler_is() -> None:
    # An install without a compiler is legal and goes on as Python only, which would hide an error in the C++ too.
    if compiler_works():
        assert extension.extension is not None, (
            f"the extension is {extension.missing} though a compiler is here: `rm .venv/.installed` and make "
            "again; if that does not mend it, `.venv/bin/pip install -v .` shows what the compiler says"
        )


def test_status_names_instruction_set_or_cause() -> None:
    status = extension_status()
    if extension.extension is None:
        assert "install a C++ compiler" in status
    else:
        assert extension.extension.instruction_set() in status


def test_a_build_of_another_version_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    old = SimpleNamespace(interface=extension.INTERFACE - 1)
    for found in (old, SimpleNamespace()):
        monkeypatch.setattr(extension.importlib, "import_module", lambda name, found=found: found)
        assert extension._load() == (None, "built for another version of unrolled")


def test_works_and_says_so_without_extension() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTENSION], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("None compiled kernels: not built;")
    assert "install a C++ compiler" in done.stdout


@pytest.fixture
def compiled() -> object:
    if extension.extension is None:
        pytest.skip("no compiler on this machine")
    return extension.extension


def test_instruction_set_is_what_the_system_reports(compiled) -> None:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        assert compiled.instruction_set() in {"avx512", "avx2", "neon", "portable"}
        return
    flags = set(cpuinfo.read_text().split())
    if platform.machine() in {"aarch64", "arm64"}:
        expected = "neon"
    elif {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
        expected = "avx512"
    else:
        expected = "avx2" if {"avx2", "fma"} <= flags else "portable"
    assert compiled.instruction_set() == expected


def test_shares_openmp_with_torch(compiled) -> None:
    if compiled.openmp_threads() == 0:
        pytest.skip("built without OpenMP")
    for threads in (3, 1, 2):
        torch.set_num_threads(threads)
        assert compiled.openmp_threads() == threads


def test_loads_no_second_openmp_runtime(compiled) -> None:
    # In a process of its own: scikit-learn, which other tests import, carries one under another name.
    if not Path("/proc/self/maps").exists():
        pytest.skip("this system does not list a process's libraries in /proc")
    done = subprocess.run(
        [sys.executable, "-c", LOADED_LIBRARIES], check=True, capture_output=True, text=True
    )
    runtimes = {path for path in done.stdout.split() if "gomp" in path or "libomp" in path}
    assert len(runtimes) == 1, f"expected torch's alone: {sorted(runtimes)}"


def test_does_not_link_torch(compiled) -> None:
    # One build has to fit every torch, and a name that is in the file's dynamic section is in its bytes.
    library = Path(compiled.__file__).read_bytes()
    assert b"libtorch" not in library
    assert b"libc10" not in library
