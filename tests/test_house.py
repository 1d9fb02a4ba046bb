"""What holds for the whole package: its public names, what may import what, and what must not be imported early."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path

import pytest

import unrolled

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "unrolled"
SOURCES = sorted(PACKAGE.rglob("*.py"))

HOUSE = (
    "errors", "core", "cells", "kernels", "adopt", "models", "data", "train", "tasks", "view", "inside",
    "serve", "export", "demo", "bench", "cli", "__main__",
)  # fmt: skip
"""The rooms from top to bottom; a room imports only from itself and from those above it."""

PUBLIC_NAMES = (ROOT / "tests" / "golden" / "public_names.txt").read_text().split()
HEAVY = ("torch", "numpy", "polars", "sklearn", "pandas", "scipy", "pyarrow")


def room_of(module: str) -> str:
    """Return the room of a dotted module name: "core" of "unrolled.core.seq", "" of "unrolled"."""
    return module.partition(".")[2].partition(".")[0]


def module_of(path: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything imported, inside functions and for types too."""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def misplaced_imports(path: Path) -> list[str]:
    """Return one line for every import of ``path`` that does not point upward in the house."""
    own = room_of(module_of(path))
    wrong = []
    for line, name in imported_names(path):
        if name.partition(".")[0] != "unrolled":
            continue
        room = room_of(name)
        where = f"{path.relative_to(ROOT)}:{line}"
        if room.startswith("_"):
            continue  # unrolled._kernels is part of kernels; unrolled.__version__ of nothing
        if room not in HOUSE:
            wrong.append(f"{where}: `{name}` goes through the root; import it from its own room")
        elif HOUSE.index(room) > HOUSE.index(own):
            wrong.append(f"{where}: {own} imports {room}, which stands below it")
    return wrong


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_upward(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        # The root is no room: it names all of them, and loads each on first use.
        assert not [name for _, name in imported_names(path) if name.startswith("unrolled")]
        return
    if path == PACKAGE / "_lazy.py":
        assert misplaced_imports(path) == []  # shared by the root and by cells: it imports no room
        return
    assert room_of(module_of(path)) in HOUSE, "a new room needs its place in HOUSE"
    assert misplaced_imports(path) == []


def test_misplaced_imports_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "unrolled")
    source = tmp_path / "unrolled" / "core" / "seq.py"
    source.parent.mkdir(parents=True)
    source.write_text(
        "from unrolled.errors import InputError\n"
        "from ..errors import InputError\n"
        "from .tree import Tree\n"
        "import torch\n"
        "from unrolled.data.series import Panel\n"
        "def late():\n"
        "    from .. import cells\n"
        "    from unrolled import GRU\n"
    )
    assert [line.partition(": ")[2] for line in misplaced_imports(source)] == [
        "core imports data, which stands below it",
        "core imports cells, which stands below it",
        "`unrolled.GRU` goes through the root; import it from its own room",
    ]


def test_public_names_are_the_agreed_ones() -> None:
    # Cells are guarded by tests/laws, where each must stand to be tested: adding one is to touch three places only.
    cells = set(importlib.import_module("unrolled.cells").__all__)
    assert sorted(set(unrolled.__all__) - cells) == PUBLIC_NAMES
    assert cells <= set(unrolled.__all__)
    assert len(set(unrolled.__all__)) == len(unrolled.__all__)


@pytest.mark.parametrize("name", unrolled.__all__)
def test_public_name_can_be_imported(name: str) -> None:
    value = getattr(unrolled, name)
    assert getattr(value, "__doc__", None), f"unrolled.{name} has no docstring"


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="gruu"):
        _ = unrolled.gruu
    assert set(unrolled.__all__) <= set(dir(unrolled))


def loaded_by(*arguments: str) -> set[str]:
    """Return the top-level modules that a new Python process has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], check=True, capture_output=True, text=True
    )
    rows = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {row.rpartition("|")[2].strip().partition(".")[0] for row in rows}


def test_import_is_lazy() -> None:
    loaded = loaded_by("-c", "import unrolled")
    assert "unrolled" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_error_tree_is_light() -> None:
    assert loaded_by("-c", "from unrolled import InputError").isdisjoint(HEAVY)


def test_version_is_the_packages() -> None:
    assert unrolled.__version__ == version("unrolled")


def test_dependencies_are_what_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {requirement.partition(">")[0] for requirement in project["dependencies"]}
    imported = {name.split(".")[0] for path in SOURCES for _, name in imported_names(path)}
    foreign = imported - set(sys.stdlib_module_names) - {"unrolled"}
    called = {"sklearn": "scikit-learn", "rouge_score": "rouge-score"}
    assert {called.get(name, name) for name in foreign} == named


def test_pins_satisfy_every_requirement() -> None:
    from packaging.requirements import Requirement

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    wanted = [Requirement(text) for text in requires("unrolled") or []]
    wanted = [need for need in wanted if need.name != "unrolled"]
    assert {need.name for need in wanted} <= set(pins)
    for need in wanted:
        assert need.specifier.contains(pins[need.name]), f"{need} excludes the pin"


@pytest.mark.parametrize("verb", [[], ["train", "translate"]], ids=" ".join)
def test_help_is_light(verb: list[str]) -> None:
    arguments = ["unrolled", *verb, "--help"]
    command = f"import sys; sys.argv = {arguments}; from unrolled.cli import main; main()"
    loaded = loaded_by("-c", command)
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)
