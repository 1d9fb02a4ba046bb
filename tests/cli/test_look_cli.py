"""`unrolled look`: what is shown, and what is said where nothing can be."""

from __future__ import annotations

import json
import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from tests.cli.command import Command, one_line
from tests.inside.models import shown
from unrolled.inside.server import Server

TEXT = "a lovely story of a film"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shown("classify").model.save(tmp_path_factory.mktemp("look") / "reader")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    file.write_text("text,label\na fine film,x\na dull plot,y\n", encoding="utf-8")
    return file


def steps(said: str, pane: int = 0) -> list[str]:
    found: list[str] = json.loads(said)["panes"][pane]["sides"][0]["steps"]
    return found


def test_a_page_is_written_and_nothing_is_opened(
    run: Command, folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    answer = run("look", folder, TEXT, "--html", page, "--language", "zh")
    assert (answer.status, answer.out) == (0, "")
    assert f"written to {page}" in answer.err
    assert '<html lang="zh-CN">' in page.read_text("utf-8")


def test_texts_files_and_stdin(run: Command, folder: Path, table: Path) -> None:
    assert steps(run("look", folder, TEXT, "--json").out) == TEXT.split()
    assert steps(run("look", folder, table, "--row", "2", "--json").out) == ["a", "dull", "plot"]
    assert steps(run("look", folder, "-", "--json", stdin=b"a dull film\n").out) == [
        "a",
        "dull",
        "film",
    ]
    assert len(steps(run("look", folder, "long " * 100, "--json").out)) == 100


def test_stdin_is_read_once(run: Command, folder: Path) -> None:
    for more in (("--beside", folder), ("--with", "-"), ("--corpus", "-")):
        answer = run("look", folder, "-", *more, stdin=b"a plot\n")
        assert answer.status == 2
        assert one_line(answer.err)
        assert "read once" in answer.err


def test_a_port_that_is_taken(run: Command, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = run("look", folder, TEXT, "--port", port, "--no-browser")
    assert answer.status == 2
    assert one_line(answer.err)
    assert f"port {port} cannot be used" in answer.err


def test_two_inputs_and_two_models(run: Command, folder: Path) -> None:
    both = run("look", folder, TEXT, "--with", "a dull plot", "--json").out
    assert steps(both, 1) == ["a", "dull", "plot"]
    assert steps(run("look", folder, TEXT, "--beside", folder, "--json").out, 1) == TEXT.split()


def test_a_corpus_is_searched(run: Command, folder: Path, table: Path) -> None:
    found = json.loads(run("look", folder, TEXT, "--corpus", table, "--json").out)["panes"][0][
        "nearest"
    ]
    assert found["corpus"] == "rows.csv"
    assert found["rows"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "nothing to look at"),
        (("",), "the text is empty"),
        (("no/such/file.csv",), "there is no such file"),
        (("TABLE", "--row", "3"), "a row from 1 to 2"),
        ((TEXT, "--series", "x"), "--series x is for forecast"),
        ((TEXT, "--target", "x"), "--target x is for translate"),
        ((TEXT, "--with", "x", "--beside", "y"), "a second input or a second model"),
        ((TEXT, "--html", "no/such/folder/page.html"), "there is no such folder"),
        ((TEXT, "--beside", "nowhere"), "config.json"),
        ((TEXT, "--language", "de"), "de"),
        (("a " * 30_000,), "60,000 characters"),
    ],
)
def test_bad_input_is_one_line(
    run: Command, folder: Path, table: Path, arguments: tuple[str, ...], says: str
) -> None:
    given = [str(table) if each == "TABLE" else each for each in arguments]
    answer = run("look", folder, *given, "--no-browser")
    assert answer.status == 2
    assert answer.out == ""
    assert one_line(answer.err)
    assert says in answer.err


def test_a_folder_without_a_model(run: Command, tmp_path: Path) -> None:
    answer = run("look", tmp_path, TEXT)
    assert answer.status == 2
    assert one_line(answer.err)


def test_the_browser_is_opened_on_a_page_that_is_there(
    run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def open_(url: str) -> bool:
        with urllib.request.urlopen(url) as answer:
            seen.append(answer.read())
        return True

    def interrupted(server: Server) -> None:
        assert threading.active_count() > 1
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", open_)
    monkeypatch.setattr(Server, "wait", interrupted)
    answer = run("look", folder, TEXT)
    assert answer.status == 0
    assert "looking at http://127.0.0.1:" in answer.err
    assert b'name="live" content="1"' in seen[0]
