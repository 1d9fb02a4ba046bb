"""Whether an answer is still wanted: what takes long asks now and then, and stops when it is not."""

from __future__ import annotations


class Superseded(Exception):  # noqa: N818
    """Nobody waits for the answer any more: the input was edited meanwhile."""


class Wanted:
    """Is told by one thread that an answer is not wanted, and asked by the one that works it out.

    >>> wanted = Wanted()
    >>> wanted.check()
    >>> wanted.drop()
    >>> wanted.check()
    Traceback (most recent call last):
    unrolled.inside.wanted.Superseded
    """

    def __init__(self) -> None:
        self._dropped = False

    def drop(self) -> None:
        """Say that the answer is not wanted."""
        self._dropped = True

    def check(self) -> None:
        """Go on only where it is.

        Raises:
            Superseded: it is not.
        """
        if self._dropped:
            raise Superseded
