"""Small files, and the one line with which a file is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unrolled.data.series import Columns, Panel, read_panel
from unrolled.errors import InputError

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]


def daily(*rows: str, header: str = "ds,y") -> str:
    """Return a CSV file of rows below a header."""
    return "\n".join([header, *rows]) + "\n"


class Folder:
    """A folder for the files of one test, whose path is left out of messages."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def file(self, content: str | bytes, name: str = "sales.csv") -> Path:
        path = self.path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(
        self,
        content: str | bytes,
        *,
        name: str = "sales.csv",
        columns: dict[str, Any] | None = None,
        **options: Any,
    ) -> Panel:
        return read_panel(self.file(content, name), Columns(**(columns or {})), **options)

    def notes(self, panel: Panel) -> list[str]:
        return [note.replace(f"{self.path}/", "") for note in panel.notes]

    def refusal(self, content: str | bytes, **options: Any) -> str:
        """Return the message with which a file is refused: one line, the path of the folder left out."""
        with pytest.raises(InputError) as caught:
            self.read(content, **options)
        message = str(caught.value)
        assert "\n" not in message
        return message.replace(f"{self.path}/", "")


def refusal(source: Any, columns: Columns | None = None, **options: Any) -> str:
    """Return the message, one line, with which what lies in memory is refused."""
    with pytest.raises(InputError) as caught:
        read_panel(source, columns, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
