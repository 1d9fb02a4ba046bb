"""How much memory this process has had."""

from __future__ import annotations

import sys


def peak_memory() -> float | None:
    """Return the most memory that this process has had, in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (2**20 if sys.platform == "darwin" else 2**10), 1)
