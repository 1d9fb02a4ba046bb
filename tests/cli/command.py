"""The command run within the test's process."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from unrolled import cli


class Answer(NamedTuple):
    status: int
    out: str
    err: str


class Command:
    """Called with arguments as a shell would, it returns what the command answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: str | Path, stdin: bytes | None = None) -> Answer:
        self.monkeypatch.setattr(sys, "argv", ["unrolled", *map(str, arguments)])
        if stdin is not None:
            self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return Answer(int(stop.value.code or 0), *self.capsys.readouterr())


def one_line(said: str) -> bool:
    return said.startswith("unrolled: ") and len(said.strip().splitlines()) == 1
