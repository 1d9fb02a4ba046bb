"""How many threads a compiled kernel gets: what torch has been given, and one where a second would not pay."""

from __future__ import annotations

import os

import torch

WORTH_SHARING = 2**21
"""Multiplications of one call from which it gets torch's threads; below, starting them costs more than they save."""

_forked = False


def threads_for(multiplications: int) -> int:
    """Return the number of threads for a call of so many multiplications.

    >>> threads_for(1000)
    1
    """
    if _forked or multiplications < WORTH_SHARING:
        return 1
    return torch.get_num_threads()


def _one_thread_from_now_on() -> None:
    # After a parallel region in the parent, one in the child waits forever for threads that were not forked.
    global _forked  # noqa: PLW0603
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread_from_now_on)
