"""Small files of labelled rows, and the one line with which they are refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from unrolled.data.labelled import read_labelled
from unrolled.errors import InputError

ROWS = [("good film", "pos"), ("bad, very bad", "neg"), ("一部好电影", "pos"), ("", "neg")]
CSV = 'text,label\ngood film,pos\n"bad, very bad",neg\n一部好电影,pos\n,neg\n'


def write(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(source: Any, **options: Any) -> str:
    """Return the message, one line, with the folders of the tests left out."""
    with pytest.raises(InputError) as caught:
        read_labelled(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    return re.sub(r"/[\w/.-]*/test_\w+/", "", message) if isinstance(source, Path) else message


def without_folder(text: str, folder: Path) -> str:
    return text.replace(f"{folder}/", "")
