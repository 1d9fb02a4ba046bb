"""How many threads a compiled kernel gets: what torch has been given, and one where a second would not pay."""

from __future__ import annotations

import os

import torch

WORTH_SHARING = 2**22
"""Multiplications of one call from which it gets torch's threads.

Measured on 2 cores, one thread's time / that of two: 1.07 at 2^19.5, 1.2 at 2^21.5, 1.4 at 2^22.5, 1.7 at 2^24.5 (LSTM).
Where another process has one of the cores, two threads wait for each other 10 ms at a time, so they must have much to gain.
"""

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
