"""Bytes on disk instead of in memory, gone with the object that holds them."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref

from unrolled.errors import InputError


class Scratch:
    """An unnamed temporary file that is appended to and read at any place.

    >>> scratch = Scratch()
    >>> scratch.append(b"one two")
    >>> scratch.read(4, 3), len(scratch)
    (b'two', 7)

    Raises:
        InputError: the disk is full.
    """

    def __init__(self) -> None:
        # Unbuffered, so that what was appended can be read; unnamed, so that nothing is left whatever happens.
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._lock = threading.Lock()
        self._size = 0
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise InputError(
                f"what is too large for memory cannot be written to disk ({error.strerror})",
                where=tempfile.gettempdir(),
                fix="free space there, or name another folder in TMPDIR",
            ) from error
        self._size += len(data)

    def read(self, start: int, size: int) -> bytes:
        # Where processes share the file after a fork, a position of its own for each read is needed. Reading rather
        # than mapping keeps the pages out of what the process is counted to use.
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, start)
        with self._lock:
            self._file.seek(start)
            data = self._file.read(size)
            self._file.seek(0, os.SEEK_END)
            return data or b""
