"""The command on tagged sentences: training, scoring, tagging from pipes and files, and how it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import Answer, Command
from tests.tasks.tagged_rows import chinese, columns, made, news, parts_of_speech

SMALL = (
    "--hidden-size", "8", "--embedding", "8", "--letter-size", "4", "--max-steps", "30",
    "--batch-tokens", "200", "--learning-rate", "0.02", "--threads", "1",
)  # fmt: skip
MAIN = [sys.executable, "-c", "from unrolled.cli import main; main()"]


def train(run: Command, data: Path, folder: Path, *more: str) -> Answer:
    return run("train", "tag", data, "-o", folder, *SMALL, *more)


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is used and never changed."""
    folder = tmp_path_factory.mktemp("tag")
    data = folder / "news.conll"
    data.write_text(columns(news(200)))
    return made(max_steps=60).fit(data).save(folder / "model")


def test_train_leaves_a_model_its_scores_and_a_report(run: Command, tmp_path: Path) -> None:
    data = tmp_path / "news.conll"
    data.write_text(columns(news(100)))
    answer = train(run, data, tmp_path / "model", "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert result["task"] == "tag"
    assert list(result["scores"]) == ["model", "most_frequent_tag"]
    assert {"accuracy", "span_f1"} < set(result["scores"]["model"])
    assert result["rows"] == 10
    names = {file.name for file in (tmp_path / "model").iterdir()}
    assert {"config.json", "model.safetensors", "vocabulary.json", "metrics.jsonl"} <= names
    saved = json.loads((tmp_path / "model" / "scores.json").read_text())
    assert saved["scores"] == result["scores"]
    page = (tmp_path / "model" / "report.html").read_text()
    assert "Tags of news.conll" in page
    assert "span F1" in page


def test_chinese_columns_give_a_chinese_report(run: Command, tmp_path: Path) -> None:
    data = tmp_path / "简历.bmes"
    data.write_text(columns(chinese(100)))
    answer = train(run, data, tmp_path / "model", "--language", "zh", "--no-crf")
    assert answer.status == 0, answer.err
    assert "最常见标签" in answer.out
    assert '<html lang="zh-CN"' in (tmp_path / "model" / "report.html").read_text()
    tagged = run("predict", tmp_path / "model", stdin="今天王明住在北京\n".encode())
    lines = tagged.out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [*"今天王明住在北京", ""]


def test_files_may_be_given_for_validation_and_test(run: Command, tmp_path: Path) -> None:
    for name, rows in (("train", 60), ("held", 20), ("test", 30)):
        text = columns(parts_of_speech(rows, seed=rows))
        (tmp_path / f"{name}.tsv").write_text(text)
    parts = ("--validation", str(tmp_path / "held.tsv"), "--test", str(tmp_path / "test.tsv"))
    more = ("--cell", "gru", "--no-bidirectional", "--select", "loss", "--json")
    answer = train(run, tmp_path / "train.tsv", tmp_path / "model", *parts, *more)
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert result["rows"] == 30
    assert result["duplicates"] > 0
    assert set(result["scores"]["model"]) == {"accuracy"}


def test_evaluate_scores_a_file_beside_the_baseline(
    run: Command, saved: Path, tmp_path: Path
) -> None:
    data = tmp_path / "new.conll"
    data.write_text(columns(news(30, seed=3)))
    answer = run("evaluate", saved, data, "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert result["rows"] == 30
    model, baseline = (result["scores"][name] for name in ("model", "most_frequent_tag"))
    assert model["span_f1"] > baseline["span_f1"]
    shown = run("evaluate", saved, data)
    assert "30 sentences" in shown.out
    assert "most frequent tag" in shown.out


def test_predict_is_the_same_from_file_stdin_and_python(
    run: Command, saved: Path, tmp_path: Path
) -> None:
    from unrolled.tasks.saving import load

    text = "today Ann Li met a cat in New York City.\n\ntoday Bob met a dog.\n"
    expected = load(saved).tag(text.split("\n\n"))
    piped = run("predict", saved, "-", stdin=text.encode())
    assert piped.status == 0, piped.err
    blocks = [block.strip().splitlines() for block in piped.out.strip().split("\n\n")]
    assert [[line.split("\t")[1] for line in block] for block in blocks] == expected
    assert blocks[0][1] == "Ann\tB-PER"
    (tmp_path / "text.txt").write_text(text)
    to_file = run("predict", saved, tmp_path / "text.txt", "-o", tmp_path / "out.conll")
    assert to_file.out == ""
    assert (tmp_path / "out.conll").read_text() == piped.out
    answer = json.loads(run("predict", saved, "-", "--json", stdin=text.encode()).out)
    assert answer["task"] == "tag"
    (first, *_) = answer["predictions"]
    assert first["tokens"][:3] == ["today", "Ann", "Li"]
    assert first["tags"] == expected[0]
    (name, *_) = first["spans"]
    assert (name["type"], name["start"], name["end"], name["text"]) == ("PER", 1, 3, "Ann Li")
    assert 0 < name["confidence"] <= 1
    assert len(first["confidence"]) == len(first["tokens"])


def test_columns_are_tagged_again_as_they_were_read(run: Command, saved: Path) -> None:
    """What predict writes, evaluate and train read."""
    once = run("predict", saved, stdin=columns(news(4, seed=8)).encode()).out
    assert run("predict", saved, stdin=once.encode()).out == once
    scored = run("evaluate", saved, "-", "--json", stdin=once.encode())
    assert json.loads(scored.out)["scores"]["model"]["span_f1"] == 1.0


def test_predict_answers_each_line_as_it_comes(saved: Path) -> None:
    command = [*MAIN, "predict", str(saved)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"today Ann met a cat\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"today\tO\n"
        assert process.stdout.readline() == b"Ann\tB-PER\n"
        process.stdin.close()
        assert process.wait(30) == 0


GOOD = columns(news(30))
BAD_FILES: dict[str, tuple[bytes, list[str]]] = {
    "missing column": (GOOD.encode() + b"\nalone\n", ["line"]),
    "one tag": (b"a\tO\nb\tO\n\nc\tO\n\n" * 10, ["'O'", "two tags"]),
    "encoding": (GOOD.encode() + b"\nna\xefve\tO\n", ["0xEF"]),
    "empty": (b"", ["empty"]),
    "binary": (b"\0\1\2\3", []),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_get_one_line_and_leave_nothing(run: Command, tmp_path: Path, name: str) -> None:
    content, expected = BAD_FILES[name]
    (tmp_path / "bad.conll").write_bytes(content)
    answer = train(run, tmp_path / "bad.conll", tmp_path / "model")
    assert answer.status == 2, answer.err
    assert answer.out == ""
    assert one_line(answer.err)
    for part in ("bad.conll", *expected):
        assert part in answer.err
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--cell", "lstmm"], "'lstm'"),
        (["--tag", "upos"], "upos"),
        (["--select", "f1"], "score"),
        (["--dropout", "1.5"], "dropout=1.5"),
        (["--test", "1.5"], "1.5 is no part of the rows"),
        (["--test", "absent.conll"], "absent.conll"),
        (["--language", "fr"], "'fr'"),
    ],
)
def test_bad_options_are_refused_by_name(
    run: Command, tmp_path: Path, options: list[str], expected: str
) -> None:
    (tmp_path / "news.conll").write_text(GOOD)
    answer = train(run, tmp_path / "news.conll", tmp_path / "model", *options)
    assert answer.status == 2, answer.err
    assert expected in answer.err
    assert one_line(answer.err)
    assert not (tmp_path / "model").exists()


def test_options_of_other_tasks_are_refused(run: Command, saved: Path) -> None:
    for option in (["--beam", "3"], ["--horizon", "2"]):
        answer = run("predict", saved, *option, stdin=b"a cat\n")
        assert answer.status == 2
        assert option[0] in answer.err
        assert one_line(answer.err)


def test_a_run_goes_on_where_it_ended(run: Command, tmp_path: Path) -> None:
    data, folder = tmp_path / "news.conll", tmp_path / "model"
    data.write_text(GOOD)
    assert train(run, data, folder, "--max-steps", "4").status == 0
    refused = train(run, data, folder, "--max-steps", "8")
    assert refused.status == 2
    assert "--resume" in refused.err
    other = train(run, data, folder, "--max-steps", "8", "--resume", "--no-crf")
    assert other.status == 2
    assert "other options" in other.err
    assert train(run, data, folder, "--max-steps", "8", "--resume").status == 0
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [4, 8]
