"""Checkpoints that are whole or not there: a process killed at any moment leaves the last one or the one before."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from unrolled.errors import ModelFileError

CHECKPOINT = "checkpoint.pt"
PARTIAL = "checkpoint.pt.partial"
FORMAT = 2


def write_checkpoint(folder: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` (tensors, numbers, strings and containers of them) as the checkpoint of ``folder``.

    It is written beside the old one, forced to disk, and put in its place by one rename, which is atomic.
    """
    partial = folder / PARTIAL
    with partial.open("wb") as file:
        torch.save({"format": FORMAT, **content}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, folder / CHECKPOINT)  # noqa: PTH105  (named as the system call that it is)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    # Without this a power cut may undo the rename. Only POSIX lets a folder be opened.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the checkpoint of ``folder`` on the CPU, or None when there is none. No code in it is ever run.

    Raises:
        ModelFileError: the file is there and is no checkpoint of this version.
    """
    path = folder / CHECKPOINT
    (folder / PARTIAL).unlink(missing_ok=True)
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError, BadZipFile) as error:
        raise ModelFileError(
            f"this is no checkpoint, or a damaged one ({type(error).__name__})",
            where=str(path),
            fix="start again without resume",
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelFileError(
            "this checkpoint was written by another version of unrolled",
            where=str(path),
            expected=f"format {FORMAT}",
            fix="start again without resume",
        )
    return content


def remove_checkpoint(folder: Path) -> None:
    """Remove what an earlier run left, so that nothing of it can enter the next."""
    for name in (CHECKPOINT, PARTIAL):
        (folder / name).unlink(missing_ok=True)
