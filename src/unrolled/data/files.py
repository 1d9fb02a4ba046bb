"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` beside ``path``, force it to disk, and put it in its place by one rename.

    Whoever reads ``path`` sees the old file or the new one, also when the process is killed or the power fails.

    Raises:
        OSError: the folder does not exist or cannot be written to; what was there stays.
    """
    with atomic_file(path) as file:
        file.write(content)


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file to write to piece by piece; at the end it is put in its place as by `write_atomically`.

    When the block raises, what was at ``path`` stays and nothing is left beside it.

    Raises:
        OSError: as `write_atomically`.
    """
    target = Path(path)
    descriptor, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is its owner's alone; a new file is whatever the user's mask lets it be.
        os.umask(mask := os.umask(0))
        os.chmod(partial, 0o666 & ~mask)  # noqa: PTH101
        os.replace(partial, target)  # noqa: PTH105
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
