"""The command that looks inside a model: what it writes, and how it fails."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from tests.cli.command import Command, one_line
from tests.tasks import labelled_rows


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is used and never changed."""
    model = labelled_rows.made(test=0, max_steps=2).fit(*labelled_rows.themed(40))
    return model.save(tmp_path_factory.mktemp("look") / "model")


def shown_in(page: Path) -> list[dict]:
    blocks = re.findall(r'id="pane\d">(.*?)</script>', page.read_text("utf-8"))
    return [json.loads(block) for block in blocks]


def test_a_text_beside_the_row_of_a_file(run: Command, saved: Path, tmp_path: Path) -> None:
    page, rows = tmp_path / "page.html", tmp_path / "rows.csv"
    rows.write_text("text,label\nfirst row,pos\nsecond row,neg\n")
    answer = run(
        "look", saved, "a <script> film", "--with", rows, "--row", "2", "--html", page,
        "--language", "zh",
    )  # fmt: skip
    assert (answer.status, answer.out) == (0, "")
    assert [pane["input"]["text"] for pane in shown_in(page)] == ["a <script> film", "second row"]
    assert '<html lang="zh-CN">' in page.read_text("utf-8")


def test_stdin_is_read_once(run: Command, saved: Path) -> None:
    answer = run("look", saved, "-", "--json", stdin=b"a plot\n")
    assert answer.status == 0, answer.err
    assert [pane["input"]["text"] for pane in json.loads(answer.out)["panes"]] == ["a plot"]
    for more in (("--beside", saved), ("--with", "-"), ("--corpus", "-")):
        answer = run("look", saved, "-", *more, stdin=b"a plot\n")
        assert answer.status and one_line(answer.err) and "read once" in answer.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "nothing to look at"),
        (("  ",), "the text is empty"),
        (("nowhere/rows.csv",), "no such file"),
        (("a film", "--series", "x"), "--series x is for forecast"),
        (("a film", "--with", "b", "--beside", "c"), "a second input or a second model"),
        (("a film", "--language", "fr"), "expected one of en, zh"),
        (("a film", "--html", "nowhere/page.html"), "no such folder"),
        (("film " * 20_000,), "at most 50,000"),
    ],
)
def test_what_cannot_be_looked_at(
    run: Command, saved: Path, arguments: tuple[str, ...], why: str
) -> None:
    answer = run("look", saved, *arguments)
    assert answer.status and one_line(answer.err) and why in answer.err


def test_a_folder_that_is_no_model(run: Command, tmp_path: Path) -> None:
    answer = run("look", tmp_path, "a film")
    assert answer.status and one_line(answer.err) and "config.json" in answer.err


def test_a_port_that_is_taken(run: Command, saved: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = run("look", saved, "a film", "--port", port, "--no-browser")
    assert answer.status and one_line(answer.err) and f"port {port} cannot be used" in answer.err
