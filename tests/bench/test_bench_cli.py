"""`unrolled bench`: one object or a table, a folder of results, and how it refuses and stops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Command
from unrolled.bench import run as running
from unrolled.bench.words import WORDS

SMALL = ("--cells", "lstm,gru", "--sizes", "8", "--batch", "2", "--steps", "5", "--pairs", "2")
ONE = (*SMALL, "--kinds", "lengths", "--modes", "train")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setattr("unrolled.bench.peers.PEERS", {})
    return Command(monkeypatch, capsys)


def test_json_is_one_object(run: Command) -> None:
    answer = run("bench", *SMALL, "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert set(result) == {"machine", "pairs", "finished", "cases"}
    assert (result["pairs"], result["finished"]) == (2, True)
    assert len(result["cases"]) == 8
    assert {"processor", "threads", "peak_gflops", "torch", "peers"} <= set(result["machine"])
    for row in result["cases"]:
        assert row["against"]["torch padded"]["pairs"] == 2
        assert ("torch packed" in row["against"]) == (row["kind"] == "lengths")
        assert ("of_lstm" in row) == (row["cell"] == "gru")


@pytest.mark.parametrize("language", WORDS)
def test_table_page_and_json_show_the_same(run: Command, tmp_path: Path, language: str) -> None:
    answer = run("bench", *ONE, "-o", tmp_path / "out", "--language", language)
    assert answer.status == 0, answer.err
    result = json.loads((tmp_path / "out" / "bench.json").read_text())
    page = (tmp_path / "out" / "bench.html").read_text()
    assert "…" not in answer.out
    for row in result["cases"]:
        ratio = f"{row['against']['torch packed']['ratio']:.2f}"
        assert ratio in answer.out
        assert ratio in page
    assert WORDS[language]["title"] in page


@pytest.mark.parametrize(("sizes", "drawn"), [("8", 'class="bars"'), ("8,16", 'class="line c3"')])
def test_one_size_is_drawn_as_bars_and_several_as_lines(
    run: Command, tmp_path: Path, sizes: str, drawn: str
) -> None:
    answer = run("bench", *ONE, "--sizes", sizes, "-o", tmp_path)
    assert answer.status == 0, answer.err
    page = (tmp_path / "bench.html").read_text()
    both = {'class="bars"', 'class="line c3"'}
    assert {look for look in both if look in page} == {drawn}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--cells", "gruu"), "'gru'"),
        (("--sizes", "64,many"), "--sizes"),
        (("--sizes", ""), "--sizes"),
        (("--batch", "0"), "--batch"),
        (("--kinds", "ragged"), "--kinds"),
        (("--modes", "training"), "--modes"),
        (("--pairs", "0"), "--pairs"),
        (("--threads", "0"), "--threads"),
        (("--threads", "100000"), "at most"),
        (("--seconds", "0"), "--seconds"),
        (("--seconds", "nan"), "--seconds"),
        (("--steps", "0"), "--steps"),
        (("--language", "fr"), "language"),
    ],
)
def test_bad_options_exit_with_2(
    run: Command, tmp_path: Path, options: tuple[str, str], expected: str
) -> None:
    answer = run("bench", *options, "-o", tmp_path / "out")
    assert answer.status == 2, answer.err
    assert answer.out == ""
    assert expected in answer.err
    assert answer.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_quick_leaves_what_was_asked_for(run: Command) -> None:
    options = (
        "--cells",
        "rnn",
        "--sizes",
        "3",
        "--steps",
        "4",
        "--pairs",
        "1",
        "--modes",
        "inference",
    )
    answer = run("bench", "--quick", *options, "--kinds", "full", "--json")
    assert answer.status == 0, answer.err
    (case,) = json.loads(answer.out)["cases"]
    assert (case["cell"], case["hidden"], case["batch"]) == ("rnn", 3, 8)


def test_output_below_a_file_is_refused_before_anything_is_timed(
    run: Command, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    answer = run("bench", *ONE, "-o", tmp_path / "file")
    assert answer.status == 2
    assert "file" in answer.err


def test_interrupted_run_reports_what_is_finished(
    run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from unrolled.bench.measure import measure

    def stopped(case: Any, settings: Any) -> dict[str, Any]:
        if case.cell == "gru":
            raise KeyboardInterrupt
        return measure(case, settings)

    monkeypatch.setattr(
        running.run_cases, "__kwdefaults__", {"threads": None, "measure_case": stopped}
    )
    answer = run("bench", *ONE, "--json", "-o", tmp_path)
    assert answer.status == 1
    result = json.loads(answer.out)
    assert [row["cell"] for row in result["cases"]] == ["lstm"]
    assert result["finished"] is False
    assert "1 of 2" in answer.err
    assert json.loads((tmp_path / "bench.json").read_text()) == result


def test_without_the_extension_it_says_so_and_compares_what_runs(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("unrolled.bench.run", "unrolled.kernels.extension", "unrolled.kernels.cpu"):
        monkeypatch.setattr(f"{module}.extension", None)
    monkeypatch.setattr("unrolled.kernels.extension.missing", "not built")
    answer = run("bench", *ONE, "--json")
    assert answer.status == 0, answer.err
    assert "not built" in answer.err
    result = json.loads(answer.out)
    assert {row["kernel"] for row in result["cases"]} == {"torch.nn"}
    assert result["machine"]["peak_gflops"] is None
    assert result["cases"][0]["share_of_peak"] is None


def test_mismatch_exits_with_1_and_prints_no_figure(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unrolled.bench.check.OUTPUT_TOLERANCE", -1.0)
    answer = run("bench", *ONE, "--json")
    assert answer.status == 1
    assert answer.out == ""
    assert "lstm H=8 B=2 T=5 lengths train" in answer.err


def test_both_languages_have_the_same_words_and_gaps() -> None:
    from string import Formatter

    def gaps(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text)} - {None}

    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for name, text in WORDS["en"].items():
        assert gaps(text) == gaps(WORDS["zh"][name]), name
