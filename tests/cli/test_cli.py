"""The command as a user types it: what it prints, what it leaves behind, and how it fails."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars
import pytest
from safetensors.numpy import load_file

from tests.cli.command import Answer
from unrolled import cli

SMALL = ("--lookback", "14", "--hidden-size", "8", "--threads", "1")


def table(days: int = 200, seed: int = 0) -> polars.DataFrame:
    """A weekly wave with noise."""
    noise = np.random.default_rng(seed).normal(scale=0.2, size=days)
    wave = 10 + np.sin(np.arange(days) * 2 * np.pi / 7)
    begin = np.datetime64("2024-01-01")
    return polars.DataFrame({"ds": begin + np.arange(days), "y": wave + noise})


def write(path: Path, frame: polars.DataFrame) -> Path:
    frame.write_csv(path)
    return path


def train(run, data: Path, folder: Path, *more: str) -> Answer:
    options = ("--horizon", "7", "--max-steps", "30", *SMALL, *more)
    return run("train", "forecast", data, "-o", folder, *options)


@pytest.fixture
def model(run, tmp_path: Path) -> Path:
    data = write(tmp_path / "days.csv", table())
    assert train(run, data, tmp_path / "model").status == 0
    return tmp_path / "model"


def test_train_leaves_a_model_its_scores_and_a_report(run, tmp_path: Path) -> None:
    answer = train(run, write(tmp_path / "days.csv", table()), tmp_path / "model", "--json")
    assert answer.status == 0
    result = json.loads(answer.out)
    assert next(iter(result["scores"])) == "model"
    assert {"naive", "seasonal_naive", "ridge"} <= set(result["scores"])
    assert {"config.json", "model.safetensors", "metrics.jsonl", "report.html", "scores.json"} <= {
        file.name for file in (tmp_path / "model").iterdir()
    }
    saved = json.loads((tmp_path / "model" / "scores.json").read_text())
    assert saved["scores"] == result["scores"]


def test_report_is_in_the_language_that_was_asked_for(run, tmp_path: Path) -> None:
    data = write(tmp_path / "days.csv", table())
    assert train(run, data, tmp_path / "model", "--language", "zh").status == 0
    page = (tmp_path / "model" / "report.html").read_text()
    assert '<html lang="zh-CN"' in page
    assert "预测" in page


def test_train_never_writes_over_a_model(run, model: Path) -> None:
    before = {file.name: file.read_bytes() for file in model.iterdir()}
    answer = train(run, model.parent / "days.csv", model)
    assert answer.status == 2
    assert "--resume" in answer.err
    assert before == {file.name: file.read_bytes() for file in model.iterdir()}


def test_predict_writes_what_follows_the_rows_given(run, model: Path, tmp_path: Path) -> None:
    rows = table(214).tail(60)
    answer = run("predict", model, "-", stdin=rows.write_csv().encode())
    forecast = polars.read_csv(io.StringIO(answer.out))
    assert forecast["ds"].to_list() == [f"2024-08-{day:02}" for day in range(2, 9)]
    assert (forecast["lo-95"] <= forecast["y_hat"]).all()
    to_file = run("predict", model, write(tmp_path / "later.csv", rows), "-o", tmp_path / "f.csv")
    assert to_file.out == ""
    assert (tmp_path / "f.csv").read_text() == answer.out
    as_json = json.loads(run("predict", model, tmp_path / "later.csv", "--json").out)
    assert [row["y_hat"] for row in as_json["forecast"]] == forecast["y_hat"].to_list()


def test_evaluate_scores_rows_after_the_training(run, model: Path, tmp_path: Path) -> None:
    later = write(tmp_path / "later.csv", table(260))
    result = json.loads(run("evaluate", model, later, "--json").out)
    assert result["task"] == "forecast"
    assert set(result["scores"]["model"]) >= {"mae", "mse", "mase", "smape", "crps", "coverage_80"}
    assert "seasonal naive" in run("evaluate", model, later).out


def test_training_goes_on_from_a_saved_model(run, model: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "more.csv", table(260))
    assert train(run, data, tmp_path / "second", "--from", str(model)).status == 0
    first, second = (
        load_file(folder / "model.safetensors") for folder in (model, tmp_path / "second")
    )
    assert any(not np.array_equal(first[name], second[name]) for name in first if name in second)


BAD_TABLES = {
    "nan": (
        "ds,y\n2024-01-01,1\n2024-01-02,\n2024-01-03,3\n",
        ["row 3", "column y", "--missing mask"],
    ),
    "infinite": ("ds,y\n2024-01-01,1\n2024-01-02,inf\n2024-01-03,3\n", ["row 3", "inf"]),
    "gap": (
        "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-07,3\n",
        ["2024-01-03", "mask"],
    ),
    "duplicate": ("ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-02,3\n2024-01-03,3\n", ["2024-01-02"]),
    "date": ("ds,y\n2024-01-01,1\nyesterday,2\n2024-01-03,3\n", ["row 3", "yesterday"]),
    "text": ("ds,y\n2024-01-01,1\n2024-01-02,many\n2024-01-03,3\n", ["row 3", "many"]),
    "empty": ("", ["empty"]),
    "binary": ("\0\1\2\3", ["bad.csv"]),
    "short": ("ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n", ["21"]),
    "ambiguous": ("ds,a,b\n2024-01-01,1,1\n2024-01-02,2,2\n", ["a", "b", "--target"]),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables_get_one_line_and_leave_nothing(run, tmp_path: Path, name: str) -> None:
    content, expected = BAD_TABLES[name]
    (tmp_path / "bad.csv").write_text(content)
    answer = train(run, tmp_path / "bad.csv", tmp_path / "model")
    assert answer.status == 2, answer.err
    assert answer.out == ""
    assert answer.err.startswith("unrolled: ")
    assert len(answer.err.strip().splitlines()) == 1
    for part in ("bad.csv", *expected):
        assert part in answer.err
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--cell", "gruu"], "'gru'"),
        (["--freq", "fortnight"], "fortnight"),
        (["--missing", "drop"], "mask"),
        (["--decode", "direkt"], "'direct'"),
        (["--target", "z"], "'z'"),
        (["--lookback", "0"], "lookback=0"),
    ],
)
def test_bad_options_are_refused_by_name(
    run, tmp_path: Path, options: Sequence[str], expected: str
) -> None:
    data = write(tmp_path / "days.csv", table())
    answer = train(run, data, tmp_path / "model", *options)
    assert answer.status == 2
    assert expected in answer.err
    assert not (tmp_path / "model").exists()


def test_usage_errors_exit_with_2(run, tmp_path: Path) -> None:
    assert run("train", "forecast", "x.csv").status == 2
    assert run("nonsense").status == 2
    assert run("evaluate", tmp_path / "no-model", "x.csv").status == 2


def test_page_language_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert cli.page_language(None) == "zh"
    assert cli.page_language("en") == "en"
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert cli.page_language(None) == "en"


def test_killed_training_resumes_to_the_same_model(tmp_path: Path) -> None:
    data = write(tmp_path / "days.csv", table(400))
    options = ["--horizon", "7", "--max-steps", "400", *SMALL]

    def command(folder: str, *more: str) -> list[str]:
        start = [sys.executable, "-c", "from unrolled.cli import main; main()", "train", "forecast"]
        return [*start, str(data), "-o", str(tmp_path / folder), *options, *more]

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command("whole"), env=environment, check=True, capture_output=True)
    victim = subprocess.Popen(command("killed"), env=environment, stderr=subprocess.DEVNULL)
    while not (tmp_path / "killed" / "checkpoint.pt").exists() and victim.poll() is None:
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    subprocess.run(command("killed", "--resume"), env=environment, check=True, capture_output=True)
    whole, resumed = (
        load_file(tmp_path / folder / "model.safetensors") for folder in ("whole", "killed")
    )
    assert whole.keys() == resumed.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], resumed[name], err_msg=name)
