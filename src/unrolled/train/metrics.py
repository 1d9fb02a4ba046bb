"""What training writes down: one line of metrics.jsonl for every evaluation."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

METRICS = "metrics.jsonl"


class Record(NamedTuple):
    """What happened from one evaluation to the next."""

    step: int
    """Updates done."""
    epoch: int
    """Passes over the training part that are finished."""
    loss: float
    """Mean over all valid items since the record before."""
    learning_rate: float
    """Of the last step."""
    gradient_norm: float
    """The largest since the record before, before clipping."""
    score: float | None
    """Of the validation part, lower is better; None without validation."""
    seconds: float
    """Wall time of the run, with the runs that it resumed."""
    items_per_second: float
    """Valid items trained on, validation time left out."""
    losses: list[float]
    """Of every step since the record before."""
    gradient_norms: list[float]
    """Of every step since the record before, before clipping."""


def append_record(folder: Path, record: Record) -> None:
    """Write one line and hand it to the system."""
    with (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record._asdict(), separators=(",", ":")) + "\n")


def sync_records(folder: Path) -> None:
    """Force the records to disk (some milliseconds), so that no checkpoint knows of one that a power cut took."""
    path = folder / METRICS
    if path.exists():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def read_records(folder: Path) -> list[Record]:
    """Return the records of a model folder from first to last; a line that was cut off by a crash is left out."""
    path = folder / METRICS
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [Record(**json.loads(line)) for line in lines if line.endswith("\n")]


def cut_records(folder: Path, count: int) -> list[Record]:
    """Keep the first ``count`` records of the file, those that the checkpoint knows of, and return them."""
    path, partial = folder / METRICS, folder / f"{METRICS}.partial"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:count]
    partial.write_text("".join(lines), encoding="utf-8")
    partial.replace(path)
    return read_records(folder)


def remove_records(folder: Path) -> None:
    """Remove what an earlier run wrote."""
    (folder / METRICS).unlink(missing_ok=True)
