"""The compiled extension: where it is, or why it is missing.

`python -m unrolled.kernels.extension` prints the answer. Everything works without it, on slower paths.
"""

from __future__ import annotations

from types import ModuleType

# Before the extension: both name the same OpenMP library, and the one that is loaded first serves both. Torch brings
# its own, so torch must be first; in the other order the system's would run beside it.
import torch  # noqa: F401

extension: ModuleType | None
missing: ImportError | None

try:
    from unrolled import _kernels as extension
except ImportError as error:
    extension, missing = None, error
else:
    missing = None


def extension_status() -> str:
    """Say in one line whether the compiled kernels are there and what they run on, or why they are not.

    >>> extension_status().startswith("compiled kernels: ")
    True
    """
    if extension is None:
        return (
            f"compiled kernels: missing ({missing}); everything works, on slower paths. "
            "To have them, install a C++ compiler and then this package again"
        )
    threads = extension.openmp_threads()
    openmp = f"OpenMP, {threads} thread(s)" if threads else "built without OpenMP, one thread"
    return f"compiled kernels: {extension.instruction_set()}; {openmp}"


if __name__ == "__main__":
    print(extension_status())  # noqa: T201
