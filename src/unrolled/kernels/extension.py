"""The compiled extension, or the reason why it is missing. Everything works without it, on slower paths."""

from __future__ import annotations

import importlib
from types import ModuleType

# Before the extension: both name the same OpenMP library, and the one that is loaded first serves both. Torch brings
# its own, so torch must be first; in the other order the system's would run beside it.
import torch  # noqa: F401

INTERFACE = 1
"""Of csrc/module.cpp: an editable install may hold a build of an earlier version."""


def _load() -> tuple[ModuleType | None, str | None]:
    try:
        module = importlib.import_module("unrolled._kernels")
    except ModuleNotFoundError:
        return None, "not built"
    except ImportError as error:
        return None, f"cannot be loaded: {error}"
    if getattr(module, "interface", None) != INTERFACE:
        return None, "built for another version of unrolled"
    return module, None


extension, missing = _load()
"""The module unrolled._kernels, or None and the reason."""


def extension_status() -> str:
    """Say in one line whether the compiled kernels are there and what they run on, or why they are not.

    >>> extension_status().startswith("compiled kernels: ")
    True
    """
    if extension is None:
        return (
            f"compiled kernels: {missing}; everything works, on slower paths. "
            "To have them, install a C++ compiler and then this package again"
        )
    threads = extension.openmp_threads()
    openmp = f"OpenMP, {threads} thread(s)" if threads else "built without OpenMP, one thread"
    return f"compiled kernels: {extension.instruction_set()}; {openmp}"
