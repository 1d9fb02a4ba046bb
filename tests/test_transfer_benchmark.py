"""The benchmark of transfer: a trial reads no test part, and goes on with what is done."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from benchmarks import transfer
from tests.cli.reviews import ENGLISH, reviews

LANGUAGE = (
    "hidden_size=8",
    "embedding=8",
    "vocabulary=300",
    "max_minutes=null",
    "max_steps=4",
    "batch_tokens=200",
)
CLASSIFY = ("max_minutes=null", "max_steps=4", "threads=1")


def test_a_trial_reads_the_training_part_alone_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = reviews(ENGLISH, rows=60)
    lines = ["label\trating\ttext", *(f"{int(label == 'pos')}\t5\t{text}" for text, label in rows)]
    (tmp_path / "classify" / "imdb").mkdir(parents=True)
    packed = lzma.compress(("\n".join(lines) + "\n").encode())
    (tmp_path / "classify" / "imdb" / "train.tsv.xz").write_bytes(packed)
    given = ["--data", str(tmp_path), "--scratch", str(tmp_path / "scratch")]
    read = transfer.read_arguments([*given, "--language", *LANGUAGE, "--set", *CLASSIFY])
    result = transfer.run(read)
    assert result["rows"] == {"train": 48, "test": 12}
    assert result["baselines"] == {}
    assert result["configuration"]["classifier"]["start"] == "a Generator"
    assert {"language_training", "classifier_training"} <= set(result["seconds"])
    json.dumps(result)
    again = transfer.run(read)
    assert again["model"] == result["model"]
    for name in ("language_training", "classifier_training"):
        assert again["seconds"][name] == pytest.approx(result["seconds"][name], abs=0.2)
    transfer.show(again)
    assert "accuracy" in capsys.readouterr().out
    assert len(list((tmp_path / "scratch").iterdir())) == 2


def test_only_a_whole_run_reads_the_test_part(tmp_path: Path) -> None:
    given = ["--data", str(tmp_path)]
    assert not transfer.read_arguments(given).trial
    for more in (["--rows", "9"], ["--set", "ngrams=0"], ["--language", "layers=2"]):
        assert transfer.read_arguments([*given, *more]).trial
