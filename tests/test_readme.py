"""The documents: their Python runs, both languages show the same code, and no link leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.core import TyperGroup
from typer.main import get_command

from benchmarks import tables
from unrolled.cli import app

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = (*READMES, "CONTRIBUTING.md", "CHANGELOG.md")


def code_blocks(document: str, language: str) -> list[tuple[int, str]]:
    """Return line number and text of every fenced block in ``language``."""
    text = (ROOT / document).read_text(encoding="utf-8")
    fences = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, fence.start(1)) + 1, fence.group(1)) for fence in fences]


@pytest.mark.parametrize("document", READMES)
def test_python_of_readme_runs(document: str) -> None:
    torch.manual_seed(0)
    blocks = code_blocks(document, "python")
    assert blocks
    namespace = {"__name__": "readme"}  # one for all blocks, as a reader goes through them
    for line, source in blocks:
        # The empty lines make a traceback name the line of the document.
        exec(compile("\n" * (line - 1) + source, document, "exec"), namespace)


def test_both_languages_show_the_same_python() -> None:
    english, chinese = ([text for _, text in code_blocks(name, "python")] for name in READMES)
    assert english == chinese


def test_both_languages_show_the_same_commands() -> None:
    def commands(document: str) -> list[str]:
        lines = "".join(text for _, text in code_blocks(document, "sh")).splitlines()
        return [line.partition("#")[0].strip() for line in lines]

    assert commands(READMES[0]) == commands(READMES[1])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files(document: str) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", (ROOT / document).read_text(encoding="utf-8"))
    local = [target for target in targets if not target.startswith("https://")]
    assert [target for target in local if not (ROOT / target).exists()] == []


def test_tables_are_those_of_the_results() -> None:
    for path, language in tables.DOCUMENTS.items():
        text = path.read_text(encoding="utf-8")
        assert tables.with_tables(text, language) == text, "run: python -m benchmarks.tables"


def test_make_targets_in_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        shown = "".join(text for _, text in code_blocks(document, "sh"))
        assert set(re.findall(r"^make ([a-z-]+)", shown, re.MULTILINE)) <= targets


def verbs(command: Any, name: str) -> Iterator[str]:
    """Yield the full name of every command that does something: "unrolled train forecast"."""
    if not isinstance(command, TyperGroup):
        yield name
        return
    for part, child in command.commands.items():
        yield from verbs(child, f"{name} {part}")


@pytest.mark.parametrize("document", READMES)
def test_table_of_verbs_is_that_of_the_command(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(unrolled [^`]+)` \|", text, re.MULTILINE)
    assert sorted(shown) == sorted(verbs(get_command(app), "unrolled"))
