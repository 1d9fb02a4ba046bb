"""The command on pairs of texts: training, scoring, writing line by line, and how it fails."""

from __future__ import annotations

import io
import json
import lzma
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
from tests.cli.sentences import parallel, tsv
from tests.tasks.text_pairs import chinese, reports, sides, swapped, turned

SMALL = (
    "--hidden-size", "8", "--embedding", "8", "--layers", "1", "--units", "words", "--batch-tokens", "300",
    "--max-steps", "6", "--threads", "1",
)  # fmt: skip
MAIN = [sys.executable, "-c", "from unrolled.cli import main; main()"]


def train(run: Command, data: Path | tuple[Path, Path], folder: Path, *more: str | Path) -> Answer:
    files = data if isinstance(data, tuple) else (data,)
    return run("train", "translate", *files, "-o", folder, *SMALL, *more)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is used and never changed."""
    from tests.tasks.text_pairs import made

    folder = tmp_path_factory.mktemp("translate")
    data = tsv(folder / "pairs.tsv", turned(100))
    return made(hidden_size=16, max_steps=40).fit(data).save(folder / "model")


def test_train_leaves_a_model_its_scores_and_a_report(run: Command, tmp_path: Path) -> None:
    data = tsv(tmp_path / "pairs.tsv", turned(100))
    answer = train(run, data, tmp_path / "model", "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert (result["task"], result["kind"], result["rows"]) == ("translate", "translate", 5)
    assert list(result["scores"]) == ["model", "nearest_pair", "copy_source"]
    assert {"bleu", "chrf", "parameters", "tokens_per_second", "peak_memory_mb"} == set(
        result["scores"]["model"]
    )
    assert "tok:13a" in result["signatures"]["bleu"]
    files = {file.name for file in (tmp_path / "model").iterdir()}
    assert files >= {
        "config.json", "model.safetensors", "tokenizer.json", "metrics.jsonl", "report.html", "scores.json",
    }  # fmt: skip
    kept = json.loads((tmp_path / "model" / "scores.json").read_text())
    assert kept["scores"] == result["scores"]
    assert kept["signatures"] == result["signatures"]
    page = (tmp_path / "model" / "report.html").read_text()
    for part in ("pairs.tsv", "nearest pair", "tok:13a"):
        assert part in page


@pytest.mark.parametrize(
    "options",
    [
        ("--cell", "transformer", "--heads", "2"),
        ("--attention", "none", "--select", "bleu", "--validation", "0.2"),
        ("--input-feeding", "--encoder-layers", "2", "--no-shared"),
    ],
    ids=" ".join,
)
def test_every_network_has_a_report_and_writes(
    run: Command, tmp_path: Path, options: tuple[str, ...]
) -> None:
    data = tsv(tmp_path / "pairs.tsv", turned(60))
    answer = train(run, data, tmp_path / "model", *options, "--json")
    assert answer.status == 0, answer.err
    page = (tmp_path / "model" / "report.html").read_text()
    assert (">Attention<" in page) == ("none" not in options)
    predicted = run("predict", tmp_path / "model", stdin=b"da mu\nba\n")
    assert predicted.status == 0, predicted.err
    assert predicted.out.count("\n") == 2


def test_scores_are_shown_with_their_signatures(run: Command, tmp_path: Path) -> None:
    data = tsv(tmp_path / "pairs.tsv", turned(60))
    answer = train(run, data, tmp_path / "model")
    assert answer.status == 0, answer.err
    for word in ("BLEU", "chrF", "nearest pair"):
        assert word in answer.out
    assert "tok:13a" in " ".join(answer.out.split())
    assert f"model: {tmp_path / 'model'}" in answer.err


def test_chinese_is_written_and_reported(run: Command, tmp_path: Path) -> None:
    data = tsv(tmp_path / "句对.tsv", swapped(chinese(60)))
    answer = train(run, data, tmp_path / "model", "--language", "zh", "--units", "characters")
    assert answer.status == 0, answer.err
    assert "tok:zh" in " ".join(answer.out.split())
    page = (tmp_path / "model" / "report.html").read_text()
    assert '<html lang="zh-CN"' in page
    predicted = run("predict", tmp_path / "model", stdin=b"da mu\n\nba\n")
    assert predicted.status == 0, predicted.err
    assert len(predicted.out.split("\n")) == 4


def test_summaries_have_rouge_and_the_lead_beside_them(run: Command, tmp_path: Path) -> None:
    data = tmp_path / "reports.csv"
    sources, targets = sides(reports())
    polars.DataFrame({"body": sources, "headline": targets}).write_csv(data)
    answer = train(run, data, tmp_path / "model", "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert result["kind"] == "summarise"
    assert list(result["scores"]) == ["model", "nearest_pair", "lead"]
    for scores in result["scores"].values():
        assert {"rouge_1", "rouge_2", "rouge_l"} <= set(scores)
    assert "rouge" in result["signatures"]


def test_every_form_of_the_same_pairs_gives_the_same_model(run: Command, tmp_path: Path) -> None:
    pairs = turned(40)
    sources, targets = sides(pairs)
    frame = polars.DataFrame({"n": ["x"] * 40, "xx": sources, "yy": targets})
    frame.write_csv(tmp_path / "pairs.csv")
    frame.write_ndjson(tmp_path / "pairs.jsonl")
    data = tsv(tmp_path / "pairs.tsv", pairs)
    (tmp_path / "pairs.tsv.xz").write_bytes(lzma.compress(data.read_bytes()))
    named = ("--source", "xx", "--target", "yy")
    forms: dict[str, tuple[Path | tuple[Path, Path], tuple[str, ...]]] = {
        "tsv": (data, ()),
        "xz": (tmp_path / "pairs.tsv.xz", ()),
        "csv": (tmp_path / "pairs.csv", named),
        "jsonl": (tmp_path / "pairs.jsonl", named),
        "two files": (parallel(tmp_path, "train", pairs), ()),
    }
    tensors = {}
    for name, (files, more) in forms.items():
        answer = train(run, files, tmp_path / name, *more, "--test", "0", "--json")
        assert answer.status == 0, answer.err
        tensors[name] = load_file(tmp_path / name / "model.safetensors")
    for name, found in tensors.items():
        assert found.keys() == tensors["tsv"].keys()
        for key in found:
            np.testing.assert_array_equal(found[key], tensors["tsv"][key], err_msg=name)


def test_test_and_validation_may_be_files(run: Command, tmp_path: Path) -> None:
    data = parallel(tmp_path, "train", turned(60))
    test = ",".join(map(str, parallel(tmp_path, "test", turned(30, seed=1))))
    held = str(tsv(tmp_path / "held.tsv", turned(20, seed=2)))
    more = ("--test", test, "--validation", held, "--select", "bleu", "--json")
    answer = train(run, data, tmp_path / "model", *more)
    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["rows"] == 30
    three = run("train", "translate", *data, "-o", tmp_path / "other", "--test", f"{test},{held}")
    assert three.status == 2
    assert "3 files" in three.err
    assert one_line(three.err)


def test_without_a_test_part_there_are_no_scores(run: Command, tmp_path: Path) -> None:
    data = tsv(tmp_path / "pairs.tsv", turned(40))
    answer = train(run, data, tmp_path / "model", "--test", "0", "--validation", "0", "--json")
    assert answer.status == 0, answer.err
    assert "scores" not in json.loads(answer.out)
    assert not (tmp_path / "model" / "scores.json").exists()
    assert (tmp_path / "model" / "report.html").exists()


def test_train_never_writes_over_a_model(run: Command, saved: Path) -> None:
    before = {file.name: file.read_bytes() for file in saved.iterdir()}
    answer = train(run, saved.parent / "pairs.tsv", saved)
    assert answer.status == 2
    assert "--resume" in answer.err
    assert before == {file.name: file.read_bytes() for file in saved.iterdir()}


def test_a_line_of_100_000_characters_trains_and_is_translated(
    run: Command, tmp_path: Path
) -> None:
    long = " ".join(["da", "mu"] * 17_000)
    assert len(long) > 100_000
    # Long sources are cut; a target that is too long cannot be taught.
    pairs = [*turned(60), (long, "re zy"), ("da", long), ("x" * 100_000, "re")]
    data = tsv(tmp_path / "pairs.tsv", pairs)
    answer = train(run, data, tmp_path / "model", "--test", "0", "--validation", "0")
    assert answer.status == 0, answer.err
    assert "1 source of more than 256 tokens, read up to there (--max-length)" in answer.err
    assert "1 target of more than 256 tokens, left out" in answer.err
    predicted = run("predict", tmp_path / "model", stdin=f"da mu\n{long}\nda mu\n".encode())
    assert predicted.status == 0, predicted.err
    lines = predicted.out.split("\n")
    assert len(lines) == 4
    assert lines[0] == lines[2]
    assert "stdin, line 2: 1 source of more than 256 tokens" in predicted.err


def test_evaluate_scores_a_file_or_two_beside_the_baselines(
    run: Command, saved: Path, tmp_path: Path
) -> None:
    pairs = [*turned(30, seed=3), *turned(100)[:9]]
    one = run("evaluate", saved, tsv(tmp_path / "new.tsv", pairs), "--json")
    two = run("evaluate", saved, *parallel(tmp_path, "new", pairs), "--json", "--beam", "5")
    for answer in (one, two):
        assert answer.status == 0, answer.err
        result = json.loads(answer.out)
        assert result["rows"] == 39
        assert result["duplicates"] >= 1
        assert result["scores"]["nearest_pair"]["bleu"] > result["scores"]["copy_source"]["bleu"]
    first, second = (json.loads(answer.out)["scores"]["model"]["bleu"] for answer in (one, two))
    assert first == second
    shown = run("evaluate", saved, tmp_path / "new.tsv").out
    assert "copy of the source" in shown
    assert "39 pairs" in shown


def test_pairs_may_come_on_standard_input(run: Command, tmp_path: Path) -> None:
    lines = tsv(tmp_path / "pairs.tsv", turned(40)).read_bytes()
    answer = run("train", "translate", "-", "-o", tmp_path / "model", *SMALL, stdin=lines)
    assert answer.status == 0, answer.err
    scored = run("evaluate", tmp_path / "model", "-", "--json", stdin=lines)
    assert scored.status == 0, scored.err
    assert json.loads(scored.out)["rows"] == 40
    rows = b"".join(
        json.dumps({"source": source}).encode() + b"\n" for source in sides(turned(3))[0]
    )
    plain = "".join(f"{source}\n" for source in sides(turned(3))[0]).encode()
    piped = [run("predict", tmp_path / "model", stdin=sent).out for sent in (rows, plain)]
    assert piped[0] == piped[1]


def test_predict_is_the_same_from_file_stdin_and_python(
    run: Command, saved: Path, tmp_path: Path
) -> None:
    from unrolled.tasks.saving import load

    sources = [*sides(turned(5, seed=4))[0], "", "never heard of", ""]
    lines = "".join(f"{source}\n" for source in sources).encode()
    expected = load(saved).predict(sources)
    piped = run("predict", saved, "-", stdin=lines)
    assert piped.status == 0, piped.err
    assert piped.out == "".join(f"{target}\n" for target in expected["target"])
    assert run("predict", saved, stdin=lines).out == piped.out
    for name in ("sources.txt", "sources.xx"):
        (tmp_path / name).write_bytes(lines)
        assert run("predict", saved, tmp_path / name).out == piped.out
    to_file = run("predict", saved, tmp_path / "sources.txt", "-o", tmp_path / "out.csv")
    assert to_file.out == ""
    table = polars.read_csv(tmp_path / "out.csv")
    assert table.columns == ["row", "target", "score"]
    assert table["row"].to_list() == list(range(1, 9))
    assert table["target"].fill_null("").to_list() == expected["target"].to_list()
    answer = json.loads(run("predict", saved, "-", "--json", stdin=lines).out)
    assert answer["task"] == "translate"
    assert [row["target"] for row in answer["predictions"]] == expected["target"].to_list()


def test_predict_reads_a_table_by_its_column(run: Command, saved: Path, tmp_path: Path) -> None:
    sources = sides(turned(5, seed=4))[0]
    plain = run("predict", saved, stdin="".join(f"{source}\n" for source in sources).encode())
    rows = polars.DataFrame({"other": ["x"] * 5, "what": sources})
    rows.write_csv(tmp_path / "rows.csv")
    rows.write_ndjson(tmp_path / "rows.jsonl")
    for file in ("rows.csv", "rows.jsonl"):
        assert run("predict", saved, tmp_path / file, "--source", "what").out == plain.out
    refused = run("predict", saved, tmp_path / "rows.csv", "--source", "whta")
    assert refused.status == 2
    assert "'whta'" in refused.err
    assert one_line(refused.err)


def test_the_n_best_are_a_table(run: Command, saved: Path) -> None:
    answer = run("predict", saved, "--n-best", "3", stdin=b"\nda mu\nba lo\n")
    assert answer.status == 0, answer.err
    table = polars.read_csv(io.StringIO(answer.out))
    assert table.columns == ["row", "target", "score"]
    assert table["row"].to_list() == [1, 2, 2, 2, 3, 3, 3]
    assert answer.out.count("row,target") == 1


def test_draws_repeat_with_their_seed(run: Command, saved: Path) -> None:
    lines = b"da mu ba\nlo ku no\nga do\nda mu ba\n"

    def drawn(*more: str) -> str:
        answer = run("predict", saved, "--temperature", "3", *more, stdin=lines)
        assert answer.status == 0, answer.err
        return answer.out

    assert drawn("--seed", "1") == drawn("--seed", "1")
    assert drawn("--seed", "1") != drawn("--seed", "2")
    one = drawn("--seed", "1").splitlines()
    assert one[0] != one[3]  # the same source twice is drawn twice
    refused = run("predict", saved, "--temperature", "0", stdin=lines)
    assert refused.status == 2
    assert "temperature=0" in refused.err
    assert one_line(refused.err)


def test_predict_answers_each_line_as_it_comes(saved: Path) -> None:
    command = [*MAIN, "predict", str(saved), "--beam", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in (b"da mu\n", b"\n", b"ba lo\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline().endswith(b"\n")
        # The reader goes away; the writer ends without a word.
        process.stdout.close()
        process.stdin.write(b"da\n")
        process.stdin.close()
        assert process.wait(30) == 1


def test_a_broken_line_leaves_no_file(run: Command, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "sources.txt").write_bytes(b"da mu\n" * 300 + b"na\xefve\n")
    (tmp_path / "out.csv").write_text("as it was\n")
    answer = run("predict", saved, tmp_path / "sources.txt", "-o", tmp_path / "out.csv")
    assert answer.status == 2
    assert "line 301" in answer.err
    assert "0xEF" in answer.err
    assert one_line(answer.err)
    assert (tmp_path / "out.csv").read_text() == "as it was\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.csv", "sources.txt"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--horizon", "3"], ["--horizon", "forecast"]),
        (["--text", "x"], ["--text", "classify"]),
        (["--beam", "0"], ["beam=0"]),
        (["--n-best", "0"], ["n_best=0"]),
        (["--n-best", "2", "--temperature", "1"], ["n_best=2 with sampling"]),
        (["--top-p", "1.5"], ["top_p=1.5"]),
        (["--top-k", "0"], ["top_k=0"]),
        (["--seed", str(10**30)], [f"seed={10**30}"]),
    ],
)
def test_options_of_predict_are_refused_by_name(
    run: Command, saved: Path, options: list[str], expected: list[str]
) -> None:
    answer = run("predict", saved, *options, stdin=b"da\n")
    assert answer.status == 2
    assert answer.out == ""
    assert one_line(answer.err)
    for part in expected:
        assert part in answer.err


def test_rows_of_a_batch_are_no_option(run: Command, tmp_path: Path) -> None:
    data = tsv(tmp_path / "pairs.tsv", turned(40))
    answer = train(run, data, tmp_path / "model", "--batch-size", "32")
    assert answer.status == 2
    assert "--batch-size" in answer.err
    assert "--batch-tokens" in answer.err


def test_options_of_another_task_are_refused_by_evaluate(run: Command, saved: Path) -> None:
    answer = run("evaluate", saved, saved.parent / "pairs.tsv", "--label", "x")
    assert answer.status == 2
    assert "--label x is for classify" in answer.err
    many = run("evaluate", saved, "a", "b", "c")
    assert many.status == 2
    assert "3 files: a, b, c" in many.err


GOOD = "".join(f"{source}\t{target}\n" for source, target in turned(40)).encode()
BAD_FILES: dict[str, tuple[bytes, list[str]]] = {
    "encoding": (
        GOOD + b"na\xefve\tre\n",
        ["line 41", "0xEF", f"({len(GOOD) + 3} of the file)", "UTF-8"],
    ),
    "empty sides": (b"da\t\n\tre\nmu\t\n", ["3", "empty"]),
    "one column": (b"source\nda\nmu\n", ["target"]),
    "no target": (b"da mu\nba lo\n", []),
    "one pair": (b"da\tre\n", ["one pair"]),
    "only a header": (b"source\ttarget\n", []),
    "empty": (b"", ["empty"]),
    "binary": (b"\0\1\2\3", []),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_get_one_line_and_leave_nothing(run: Command, tmp_path: Path, name: str) -> None:
    content, expected = BAD_FILES[name]
    (tmp_path / "bad.tsv").write_bytes(content)
    answer = train(run, tmp_path / "bad.tsv", tmp_path / "model")
    assert answer.status == 2, answer.err
    assert answer.out == ""
    assert one_line(answer.err)
    for part in ("bad.tsv", *expected):
        assert part in answer.err
    assert not (tmp_path / "model").exists()


def test_pairs_with_an_empty_side_are_left_out_and_said(run: Command, tmp_path: Path) -> None:
    pairs = [*turned(40), ("da", ""), ("", "re"), ("mu", " ")]
    answer = train(run, tsv(tmp_path / "pairs.tsv", pairs), tmp_path / "model")
    assert answer.status == 0, answer.err
    assert "3 pairs with an empty side are left out" in answer.err
    assert "pairs.tsv" in answer.err


def test_files_that_do_not_belong_together_are_refused(run: Command, tmp_path: Path) -> None:
    sources, targets = parallel(tmp_path, "train", turned(40))
    targets.write_text("re\n" * 39)
    answer = train(run, (sources, targets), tmp_path / "model")
    assert answer.status == 2
    assert "train.xx has 40 lines" in answer.err
    assert "train.yy has 39" in answer.err
    assert one_line(answer.err)
    targets.write_bytes(b"re\n" * 20 + b"\xff\n" + b"re\n" * 19)
    answer = train(run, (sources, targets), tmp_path / "model")
    assert answer.status == 2
    for part in ("train.yy, line 21", "0xFF", "(61 of the file)"):
        assert part in answer.err
    assert one_line(answer.err)
    absent = train(run, (sources, tmp_path / "train.zz"), tmp_path / "model")
    assert absent.status == 2
    assert "train.zz" in absent.err
    three = train(run, (sources, targets), tmp_path / "model", sources)
    assert three.status == 2
    assert "3 files" in three.err
    assert one_line(three.err)
    alone = train(run, sources, tmp_path / "model")
    assert alone.status == 2
    assert "no targets" in alone.err
    assert one_line(alone.err)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--cell", "gruu"], "'gru'"),
        (["--cell", "transformr"], "'transformer'"),
        (["--cell", "transformer", "--attention", "dot"], "attention='dot' with cell"),
        (["--cell", "transformer", "--heads", "3"], "heads=3"),
        (["--cell", "transformer", "--input-feeding"], "input_feeding=True"),
        (["--source", "de"], "'de'"),
        (["--units", "word"], "'words'"),
        (["--units", "bpe", "--vocabulary", "100"], "vocabulary=100 with units='bpe'"),
        (["--attention", "luong"], "attention='luong'"),
        (["--attention", "multi_head", "--heads", "3"], "heads=3"),
        (["--hidden-size", "9", "--attention", "dot"], "hidden_size=9"),
        (["--layers", "0"], "layers=0"),
        (["--dropout", "1.5"], "dropout=1.5"),
        (["--bpe-dropout", "0.1"], "bpe_dropout=0.1 with units='words'"),
        (["--max-length", "0"], "max_length=0"),
        (["--max-length", "1"], "--max-length"),
        (["--beam", "0"], "beam=0"),
        (["--length-penalty", "-1"], "length_penalty=-1"),
        (["--select", "blue"], "'bleu'"),
        (["--select", "bleu", "--validation", "0"], "--validation"),
        (["--tokenize", "moses"], "tokenize='moses'"),
        (["--batch-tokens", "0"], "batch_tokens=0"),
        (["--learning-rate", "0"], "learning_rate=0"),
        (["--seed", str(2**63)], f"seed={2**63}"),
        (["--threads", "1000000"], "threads=1000000"),
        (["--test", "pairs.tsv,"], "'pairs.tsv,'"),
        (["--test", "1.5"], "1.5 is no part of the rows"),
        (["--test", "40"], "hold out"),
        (["--test", "absent.tsv"], "absent.tsv"),
        (["--validation", "-1"], "validation=-1"),
        (["--language", "fr"], "'fr'"),
    ],
    ids=" ".join,
)
def test_bad_options_are_refused_by_name(
    run: Command, tmp_path: Path, options: list[str], expected: str
) -> None:
    data = tsv(tmp_path / "pairs.tsv", turned(40))
    answer = train(run, data, tmp_path / "model", *options)
    assert answer.status == 2, answer.err
    assert expected in answer.err
    assert one_line(answer.err)
    assert not (tmp_path / "model").exists()


@pytest.mark.usefixtures("pythons_own_handler")
def test_an_interrupted_training_says_how_to_go_on(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tsv(tmp_path / "pairs.tsv", turned(60))
    more = ("--test", "0", "--max-steps", "12", "--json")
    assert train(run, data, tmp_path / "whole", *more).status == 0

    from unrolled.tasks.translate import training

    before, made = training.translate_loss, []

    def stopping(smoothing: float):
        loss = before(smoothing)

        def counted(model, batch):
            made.append(batch)
            if len(made) == 5:
                signal.raise_signal(signal.SIGINT)
            return loss(model, batch)

        return counted

    with monkeypatch.context() as patch:
        patch.setattr("unrolled.tasks.translate.fitting.translate_loss", stopping)
        answer = train(run, data, tmp_path / "model", *more)
    assert answer.status == 1
    assert "--resume" in answer.err
    assert (tmp_path / "model" / "checkpoint.pt").exists()
    assert not (tmp_path / "model" / "config.json").exists()
    other = train(
        run, tsv(tmp_path / "other.tsv", turned(60, seed=1)), tmp_path / "model", *more, "--resume"
    )
    assert other.status == 2
    assert "rows" in other.err
    assert one_line(other.err.splitlines()[-1])
    assert train(run, data, tmp_path / "model", *more, "--resume").status == 0
    whole, resumed = (
        load_file(tmp_path / folder / "model.safetensors") for folder in ("whole", "model")
    )
    assert whole.keys() == resumed.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], resumed[name], err_msg=name)


@pytest.mark.slow
def test_killed_training_resumes_to_the_same_model(tmp_path: Path) -> None:
    data = tsv(tmp_path / "pairs.tsv", turned(200))
    noise = ("--dropout", "0.3", "--units", "bpe", "--vocabulary", "300", "--bpe-dropout", "0.2")

    def command(folder: str, *more: str) -> list[str]:
        files = [str(data), "-o", str(tmp_path / folder)]
        return [*MAIN, "train", "translate", *files, *SMALL, *noise, "--max-steps", "400", *more]

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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--json", "-o", "out.csv"), "--json with -o"),
        (("--seed", "3"), "--seed 3 and nothing that is drawn"),
        (("--temperature", "1", "--beam", "4"), "beam=4 with sampling"),
        (("--temperature", "0"), "--top-k 1"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    run: Command, saved: Path, options: tuple[str, ...], said: str
) -> None:
    answer = run("predict", saved, *options, stdin=b"da mu\n")
    assert answer.status == 2
    assert one_line(answer.err)
    assert said in answer.err
    assert not answer.out


def test_help_of_the_verbs_is_not_cut(run: Command) -> None:
    for verb in ((), ("train",)):
        assert "...\n" not in run(*verb, "--help").out.partition("Commands:")[2]


def test_what_was_taken_for_what_is_told_before_the_training(run: Command, tmp_path: Path) -> None:
    data = tsv(tmp_path / "pairs.tsv", turned(40))
    answer = train(run, data, tmp_path / "model", "--max-steps", "2", "--test", "0")
    told = "the source is 'column_1', the target 'column_2'"
    assert answer.err.count(told) == 1
    assert answer.err.index(told) < answer.err.index("step 2")
