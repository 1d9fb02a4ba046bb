"""The command on texts and sequences of numbers: training, scoring, predicting row by row, and how it fails."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars
import pytest
from safetensors.numpy import load_file

from tests.cli.command import Answer, Command, one_line
from tests.cli.reviews import CHINESE, ENGLISH, reviews, write

SMALL = ("--hidden-size", "8", "--embedding", "8", "--max-steps", "40", "--threads", "1")
MAIN = [sys.executable, "-c", "from unrolled.cli import main; main()"]


def train(run: Command, data: Path, folder: Path, *more: str) -> Answer:
    return run("train", "classify", data, "-o", folder, *SMALL, *more)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is used and never changed."""
    from unrolled.tasks.classify import Classifier

    folder = tmp_path_factory.mktemp("classify")
    data = write(folder / "reviews.csv", reviews(ENGLISH))
    options = {"hidden_size": 8, "embedding": 8, "max_steps": 60, "threads": 1}
    return Classifier("gru", **options).fit(data).save(folder / "model")


def test_train_leaves_a_model_its_scores_and_a_report(run: Command, tmp_path: Path) -> None:
    data = write(tmp_path / "reviews.csv", reviews(ENGLISH))
    answer = train(run, data, tmp_path / "model", "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert result["task"] == "classify"
    assert list(result["scores"]) == ["model", "majority", "tfidf_logistic"]
    assert set(result["scores"]["model"]) == {"accuracy", "macro_f1", "cross_entropy", "ece"}
    assert result["rows"] == 40
    assert result["classes"] == ["neg", "pos"]
    assert {"config.json", "model.safetensors", "metrics.jsonl", "report.html", "scores.json"} <= {
        file.name for file in (tmp_path / "model").iterdir()
    }
    saved = json.loads((tmp_path / "model" / "scores.json").read_text())
    assert saved["scores"] == result["scores"]


def test_chinese_reviews_give_a_chinese_report_and_readable_labels(
    run: Command, tmp_path: Path
) -> None:
    data = write(tmp_path / "评论.csv", reviews(CHINESE))
    answer = train(run, data, tmp_path / "model", "--language", "zh")
    assert answer.status == 0, answer.err
    assert "多数类" in answer.out
    page = (tmp_path / "model" / "report.html").read_text()
    assert '<html lang="zh-CN"' in page
    assert "好评" in page
    predicted = run("predict", tmp_path / "model", stdin="房间很干净舒适\n".encode())
    header, row = predicted.out.splitlines()
    assert header == "label,probability,p_好评,p_差评"
    assert row.split(",")[0] in ("好评", "差评")


def test_numbers_are_classified_too(run: Command, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = [
        {"values": (random.normal(size=12) + 2 * (row % 2)).round(3).tolist(), "label": row % 2}
        for row in range(100)
    ]
    data = tmp_path / "waves.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    answer = train(run, data, tmp_path / "model", "--text", "values", "--json")
    assert answer.status == 0, answer.err
    assert "logistic" in json.loads(answer.out)["scores"]
    refused = train(run, data, tmp_path / "second", "--text", "values", "--units", "words")
    assert refused.status == 2
    assert "units" in refused.err
    assert not (tmp_path / "second").exists()


def test_test_and_validation_may_be_files(run: Command, tmp_path: Path) -> None:
    data = write(tmp_path / "train.csv", reviews(ENGLISH, 100))
    test = write(tmp_path / "test.csv", reviews(ENGLISH, 30, seed=1))
    held = write(tmp_path / "held.csv", reviews(ENGLISH, 20, seed=2))
    more = ("--test", str(test), "--validation", str(held), "--json")
    answer = train(run, data, tmp_path / "model", *more)
    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["rows"] == 30


def test_without_a_test_part_there_are_no_scores(run: Command, tmp_path: Path) -> None:
    data = write(tmp_path / "reviews.csv", reviews(ENGLISH, 100))
    answer = train(run, data, tmp_path / "model", "--test", "0", "--json")
    assert answer.status == 0, answer.err
    assert "scores" not in json.loads(answer.out)
    assert not (tmp_path / "model" / "scores.json").exists()
    assert (tmp_path / "model" / "report.html").exists()


def test_train_never_writes_over_a_model(run: Command, saved: Path) -> None:
    before = {file.name: file.read_bytes() for file in saved.iterdir()}
    answer = train(run, saved.parent / "reviews.csv", saved)
    assert answer.status == 2
    assert "--resume" in answer.err
    assert before == {file.name: file.read_bytes() for file in saved.iterdir()}


@pytest.mark.parametrize("more", [(), ("--resume",)])
@pytest.mark.parametrize("folder", ["file", "file/model"])
def test_a_model_below_a_file_is_refused_before_anything_is_read(
    run: Command, tmp_path: Path, folder: str, more: tuple[str, ...]
) -> None:
    write(tmp_path / "file", "")
    answer = train(run, tmp_path / "no data", tmp_path / folder, *more)
    assert answer.status == 2
    assert f"{tmp_path}/file: is a file" in answer.err
    assert "name another (-o)" in answer.err


def test_evaluate_scores_a_file_beside_the_baselines(
    run: Command, saved: Path, tmp_path: Path
) -> None:
    data = write(tmp_path / "new.csv", reviews(ENGLISH, 60, seed=3))
    answer = run("evaluate", saved, data, "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert result["rows"] == 60
    assert result["scores"]["model"]["accuracy"] > result["scores"]["majority"]["accuracy"]
    shown = run("evaluate", saved, data).out
    assert "majority" in shown
    assert "TF-IDF" in shown


def test_unseen_labels_are_counted_and_said(run: Command, saved: Path, tmp_path: Path) -> None:
    rows = [*reviews(ENGLISH, 20, seed=4), ("a film of a kind", "mixed"), ("the plot", "mixed")]
    answer = run("evaluate", saved, write(tmp_path / "new.csv", rows), "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert (result["rows"], result["unseen"]) == (22, 2)
    assert "2 rows" in answer.err
    assert "mixed" in answer.err
    only = write(tmp_path / "other.csv", [("a film", "mixed"), ("the plot", "strange")])
    refused = run("evaluate", saved, only)
    assert refused.status == 2
    assert "mixed" in refused.err
    assert one_line(refused.err)


def test_predict_is_the_same_from_file_stdin_and_python(
    run: Command, saved: Path, tmp_path: Path
) -> None:
    from unrolled.tasks.saving import load

    texts = ["a lovely film", "the plot of an awful story", "", "superb", "", ""]
    lines = "".join(f"{text}\n" for text in texts).encode()
    expected = load(saved).predict(texts)
    piped = run("predict", saved, "-", stdin=lines)
    assert piped.status == 0, piped.err
    read = polars.read_csv(io.StringIO(piped.out))
    assert read.columns == ["label", "probability", "p_neg", "p_pos"]
    assert read["label"].to_list() == expected["label"].to_list()
    np.testing.assert_allclose(read["p_pos"], expected["p_pos"], atol=1e-6)
    assert run("predict", saved, stdin=lines).out == piped.out
    (tmp_path / "texts.txt").write_bytes(lines)
    to_file = run("predict", saved, tmp_path / "texts.txt", "-o", tmp_path / "out.csv")
    assert to_file.out == ""
    assert (tmp_path / "out.csv").read_text() == piped.out
    answer = json.loads(run("predict", saved, "-", "--json", stdin=lines).out)
    assert answer["task"] == "classify"
    assert [row["label"] for row in answer["predictions"]] == expected["label"].to_list()
    assert set(answer["predictions"][0]["probabilities"]) == {"neg", "pos"}


def test_predict_writes_the_header_once(run: Command, saved: Path, tmp_path: Path) -> None:
    data = tmp_path / "texts.txt"
    data.write_text("a fine film\n" * 1500)  # more than one chunk
    rows = run("predict", saved, data).out.splitlines()
    assert len(rows) == 1501
    assert len([row for row in rows if row.startswith("label,")]) == 1


def test_broken_row_leaves_no_file(run: Command, saved: Path, tmp_path: Path) -> None:
    data = tmp_path / "texts.txt"
    data.write_bytes(b"a fine film\n" * 1500 + b"na\xefve\n")
    (tmp_path / "out.csv").write_text("as it was\n")
    answer = run("predict", saved, data, "-o", tmp_path / "out.csv")
    assert answer.status == 2
    assert "0xEF" in answer.err
    assert (tmp_path / "out.csv").read_text() == "as it was\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.csv", "texts.txt"]


def test_predict_answers_each_line_as_it_comes(saved: Path) -> None:
    command = [*MAIN, "predict", str(saved)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"a lovely film\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"label,probability,")
        assert process.stdout.readline().startswith(b"pos,")
        process.stdin.write(b"an awful story\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"neg,")
        # The reader goes away; the writer ends without a word.
        process.stdout.close()
        process.stdin.write(b"a dull film\n")
        process.stdin.close()
        assert process.wait(30) == 1


def test_horizon_is_no_option_of_a_classifier(run: Command, saved: Path) -> None:
    answer = run("predict", saved, "--horizon", "3", stdin=b"a film\n")
    assert answer.status == 2
    assert "--horizon" in answer.err
    assert one_line(answer.err)


def test_folder_of_an_output_that_is_not_there_is_said_first(
    run: Command, saved: Path, tmp_path: Path
) -> None:
    answer = run("predict", saved, "-", "-o", tmp_path / "no" / "out.csv", stdin=b"a film\n")
    assert answer.status == 2
    assert "no" in answer.err
    assert one_line(answer.err)


GOOD = "text,label\n" + "a fine film,pos\na dull film,neg\n" * 20
BAD_FILES: dict[str, tuple[bytes, list[str]]] = {
    "encoding": (GOOD.encode() + b"na\xefve,neg\n", ["line 42", "0xEF", "UTF-8"]),
    "one class": (GOOD.replace("neg", "pos").encode(), ["pos", "two classes"]),
    "one row": (b"text,label\na fine film,pos\n", ["pos", "two classes"]),
    "no label column": (b"text\na fine film\na dull film\n", ["label", "--label"]),
    "empty label": (GOOD.encode() + b"a weak film,\n", ["row 42", "label"]),
    "only a header": (b"text,label\n", []),
    "empty": (b"", ["empty"]),
    "binary": (b"\0\1\2\3", []),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_get_one_line_and_leave_nothing(run: Command, tmp_path: Path, name: str) -> None:
    content, expected = BAD_FILES[name]
    (tmp_path / "bad.csv").write_bytes(content)
    answer = train(run, tmp_path / "bad.csv", tmp_path / "model")
    assert answer.status == 2, answer.err
    assert answer.out == ""
    assert one_line(answer.err)
    for part in ("bad.csv", *expected):
        assert part in answer.err
    assert not (tmp_path / "model").exists()


def test_mixed_folder_is_refused(run: Command, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "pos").mkdir(parents=True)
    (folder / "pos" / "1.txt").write_text("a fine film")
    (folder / "neg.txt").write_text("a dull film\n")
    answer = train(run, folder, tmp_path / "model")
    assert answer.status == 2
    assert "neg.txt" in answer.err
    assert one_line(answer.err)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("film 1 2\nfine 1\ndull 0 1\n", "line 2"),
        ("film 1 2\nfine 1 many\ndull 0 1\n", "many"),
        ("unheard 1 2\nof 3 4\n", "words"),
        ("", "empty"),
        (None, "does not exist"),
    ],
)
def test_broken_word_vectors_are_refused(
    run: Command, tmp_path: Path, content: str | None, expected: str
) -> None:
    data = tmp_path / "reviews.csv"
    data.write_text(GOOD)
    vectors = tmp_path / "vectors.txt"
    if content is not None:
        vectors.write_text(content)
    command = ("train", "classify", data, "-o", tmp_path / "model", "--vectors", vectors)
    answer = run(*command, "--max-steps", "2")
    assert answer.status == 2
    assert "vectors.txt" in answer.err
    assert expected in answer.err
    assert one_line(answer.err)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--cell", "gruu"], "'gru'"),
        (["--text", "review"], "'review'"),
        (["--label", "stars"], "'stars'"),
        (["--units", "word"], "'words'"),
        (["--pooling", "max,median"], "'median'"),
        (["--class-weights", "balance"], "'balanced'"),
        (["--layers", "0"], "layers=0"),
        (["--ngrams", "-1"], "ngrams=-1"),
        (["--dropout", "1.5"], "dropout=1.5"),
        (["--test", "1.5"], "1.5 is no part of the rows"),
        (["--test", "nan"], "test=nan"),
        (["--test", "inf"], "inf is no part of the rows"),
        (["--test", "absent.csv"], "absent.csv"),
        (["--validation", "-1"], "validation=-1"),
        (["--max-length", "0"], "max_length=0"),
        (["--language", "fr"], "'fr'"),
    ],
)
def test_bad_options_are_refused_by_name(
    run: Command, tmp_path: Path, options: list[str], expected: str
) -> None:
    (tmp_path / "reviews.csv").write_text(GOOD)
    answer = train(run, tmp_path / "reviews.csv", tmp_path / "model", *options)
    assert answer.status == 2, answer.err
    assert expected in answer.err
    assert one_line(answer.err)
    assert not (tmp_path / "model").exists()


def test_killed_training_resumes_to_the_same_model(tmp_path: Path) -> None:
    data = write(tmp_path / "reviews.csv", reviews(ENGLISH, 400))
    options = [*SMALL[:4], "--max-steps", "400", "--threads", "1"]

    def command(folder: str, *more: str) -> list[str]:
        return [
            *MAIN,
            "train",
            "classify",
            str(data),
            "-o",
            str(tmp_path / folder),
            *options,
            *more,
        ]

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
