"""The command on texts: training, scoring, writing as it comes, and how it fails."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars
import pytest

from tests.cli.command import Answer, Command, one_line
from tests.tasks.written_texts import made, novel, poems

SMALL = (
    "--hidden-size", "8", "--embedding", "8", "--layers", "1", "--batch-tokens", "200", "--steps", "16",
    "--max-steps", "6", "--max-length", "24", "--threads", "1",
)  # fmt: skip
MAIN = [sys.executable, "-c", "from unrolled.cli import main; main()"]


def train(run: Command, data: Path | tuple[Path, ...], folder: Path, *more: str | Path) -> Answer:
    files = data if isinstance(data, tuple) else (data,)
    return run("train", "generate", *files, "-o", folder, *SMALL, *more)


def jsonl(path: Path, rows: list[str]) -> Path:
    path.write_text(
        "".join(json.dumps({"paragraphs": row.split("\n")}) + "\n" for row in rows),
        encoding="utf-8",
    )
    return path


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def poet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is used and never changed."""
    folder = tmp_path_factory.mktemp("generate")
    return made(max_steps=10).fit(jsonl(folder / "poems.jsonl", poems(80))).save(folder / "model")


@pytest.fixture(scope="module")
def novelist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generate")
    return made(max_steps=10).fit(written(folder / "novel.txt", novel(80))).save(folder / "model")


def test_train_leaves_a_model_its_scores_and_a_report(run: Command, tmp_path: Path) -> None:
    data = written(tmp_path / "novel.txt", novel(100))
    more = ("--test", "0.1", "--weight-dropout", "0.2", "--dropout", "0.1")
    answer = train(run, data, tmp_path / "model", *more, "--json")
    assert answer.status == 0, answer.err
    result = json.loads(answer.out)
    assert (result["task"], result["kind"], result["rows"]) == ("generate", "text", 1)
    assert list(result["scores"]) == ["model", "ngram"]
    assert {"nats_per_char", "bits_per_char", "perplexity"} == set(result["scores"]["ngram"])
    assert {"copied_median", "held_out_median"} < set(result["samples"])
    files = {file.name for file in (tmp_path / "model").iterdir()}
    assert files >= {
        "config.json", "model.safetensors", "tokenizer.json", "metrics.jsonl", "report.html", "scores.json",
    }  # fmt: skip
    kept = json.loads((tmp_path / "model" / "scores.json").read_text())
    assert kept["scores"] == result["scores"]
    page = (tmp_path / "model" / "report.html").read_text()
    for part in ("novel.txt", "n-gram", "What it copies", "What surprises it", "Temperature 0.5"):
        assert part in page


def test_scores_say_who_wins(run: Command, tmp_path: Path) -> None:
    data = written(tmp_path / "novel.txt", novel(100))
    answer = train(run, data, tmp_path / "model")
    assert answer.status == 0, answer.err
    shown = " ".join(answer.out.split())
    assert "n-gram beats the model on nats/character" in shown
    assert "characters; every method is asked for the same tokens" in shown
    assert f"model: {tmp_path / 'model'}" in answer.err


def test_poems_in_chinese(run: Command, tmp_path: Path) -> None:
    data = jsonl(tmp_path / "诗.jsonl", poems(60))
    more = ("--language", "zh", "--cell", "transformer", "--heads", "2", "--no-keep-text")
    answer = train(run, data, tmp_path / "model", *more)
    assert answer.status == 0, answer.err
    assert "n 元模型胜过模型" in " ".join(answer.out.split())
    page = (tmp_path / "model" / "report.html").read_text()
    assert '<html lang="zh-CN"' in page
    assert "保持诗体" in page
    assert "抄袭程度" not in page
    written_ = run("predict", tmp_path / "model", "--json")
    assert json.loads(written_.out)["predictions"][0]["copied"] is None


def test_several_files_and_parts_of_their_own(run: Command, tmp_path: Path) -> None:
    files = tuple(written(tmp_path / f"{n}.txt", novel(60, seed=n)) for n in range(3))
    more = ("--test", str(files[2]), "--validation", "0.2", "--kind", "text", "--json")
    answer = train(run, files[:2], tmp_path / "model", *more)
    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["tokens"] == len(novel(60, seed=2))
    scored = run("evaluate", tmp_path / "model", *files[1:], "--json")
    assert scored.status == 0, scored.err
    assert json.loads(scored.out)["rows"] == 2
    nothing = train(run, files[0], tmp_path / "other", "--test", "0", "--validation", "0", "--json")
    assert "scores" not in json.loads(nothing.out)


def test_one_prompt_is_gone_on_with(run: Command, novelist: Path) -> None:
    from unrolled.tasks.saving import load

    model = load(novelist)
    answer = run("predict", novelist, "the moon")
    assert answer.status == 0, answer.err
    assert answer.out == f"the moon{model.generate('the moon')}\n"
    assert "longest run in common with the training text: " in answer.err
    assert run("predict", novelist).out == f"{model.generate()}\n"
    assert run("predict", novelist, "").out == f"{model.generate()}\n"
    drawn = (
        "--temperature",
        "2",
        "--top-k",
        "5",
        "--top-p",
        "0.9",
        "--penalty",
        "1.2",
        "--max-length",
        "9",
    )
    one, same, other = (
        run("predict", novelist, "the", *drawn, "--seed", seed).out for seed in ("1", "1", "2")
    )
    assert one == same != other
    assert len(one) == len("the") + 9 + 1
    several = run("predict", novelist, "the", "--n", "3")
    assert several.out == "\n".join(f"the{text}\n" for text in model.generate("the", n=3))
    assert several.err.count("text 2: ") == 1
    for prompt in ("", "the moon and/or mine", "the moon " * 500):
        assert run("predict", novelist, prompt).out == f"{prompt}{model.generate(prompt)}\n"
    new = run("predict", novelist, "🙂")
    assert "the prompt: new to the model: '🙂'" in new.err


def test_poems_keep_their_form(run: Command, poet: Path) -> None:
    answer = run("predict", poet, "--characters", "5", "--acrostic", "春夏秋冬", "--seed", "3")
    assert answer.status == 0, answer.err
    lines = answer.out.replace("，", "\n").replace("。", "").split()
    assert [line[0] for line in lines] == list("春夏秋冬")
    assert [len(line) for line in lines] == [5, 5, 5, 5]
    begun = run("predict", poet, "山水", "--lines", "2", "--characters", "7")
    assert [len(line) for line in begun.out.strip("。\n").split("，")] == [7, 7]
    for wrong in (("--lines", "2", "--acrostic", "春夏秋冬"), ("水", "--acrostic", "山")):
        refused = run("predict", poet, *wrong)
        assert refused.status == 2
        assert refused.out == ""
        assert one_line(refused.err)


def test_many_prompts_are_a_table(run: Command, novelist: Path, tmp_path: Path) -> None:
    from unrolled.tasks.saving import load

    prompts = ["the moon", "", "🙂"]
    lines = "".join(f"{prompt}\n" for prompt in prompts).encode()
    expected = load(novelist).predict(prompts)
    piped = run("predict", novelist, "-", stdin=lines)
    assert piped.status == 0, piped.err
    table = polars.read_csv(io.StringIO(piped.out))
    assert table.columns == expected.columns
    assert table["text"].fill_null("").to_list() == expected["text"].to_list()
    assert "stdin, line 3: new to the model: '🙂'" in piped.err
    file = tmp_path / "prompts.txt"
    file.write_bytes(lines)
    assert run("predict", novelist, file).out == piped.out
    assert run("predict", novelist, file, "-o", tmp_path / "out.csv").out == ""
    assert (tmp_path / "out.csv").read_text() == piped.out
    answer = json.loads(run("predict", novelist, file, "--json", "--n", "2").out)
    assert answer["task"] == "generate"
    assert [row["row"] for row in answer["predictions"]] == [1, 1, 2, 2, 3, 3]
    assert set(answer["predictions"][0]["copied"]) == {"characters", "share", "text", "source"}
    polars.DataFrame({"n": [1], "what": ["the"]}).write_csv(tmp_path / "rows.csv")
    named = run("predict", novelist, tmp_path / "rows.csv", "--text", "what")
    assert polars.read_csv(io.StringIO(named.out))["prompt"].to_list() == ["the"]


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "another task's option": (("--beam", "3"), "--beam 3 is for translate"),
    "a column of no file": (("the moon", "--text", "what"), "--text what and no file"),
    "temperature": (("--temperature", "0"), "--top-k 1"),
    "no length": (("--max-length", "0"), "at least 1"),
    "a file that is not there": (("prompts.txt",), "no such file"),
    "a path that is not there": (("prompts/mine",), "no such file"),
    "json with a file": (("--json", "-o", "x.csv"), "one of them"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_usage_is_said_in_a_line(run: Command, novelist: Path, name: str) -> None:
    options, message = BAD[name]
    answer = run("predict", novelist, *options)
    assert answer.status == 2
    assert message in answer.err
    assert one_line(answer.err)


def test_no_prompts_on_stdin_are_no_text_to_learn_from(run: Command, novelist: Path) -> None:
    answer = run("predict", novelist, "-", stdin=b"")
    assert answer.status == 2
    assert answer.err == "unrolled: stdin is empty; expected text; pipe text into it\n"


def test_options_of_a_generator_are_refused_for_others(run: Command, tmp_path: Path) -> None:
    written(tmp_path / "config.json", '{"format": 1, "task": "translate"}')
    for option in ("--penalty", "--acrostic", "--n", "--max-length"):
        answer = run("predict", tmp_path, option, "2", stdin=b"da\n")
        assert answer.status == 2
        assert "is for generate;" in answer.err
    written(tmp_path / "config.json", '{"format": 1, "task": "tag"}')
    answer = run("predict", tmp_path, "--temperature", "2", stdin=b"da\n")
    assert "is for generate and translate; expected a model of generate or translate" in answer.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        ("人生若只如初見。".encode() * 9 + "何事秋風悲畫扇".encode("gb18030"), "byte"),
        (b"\x00\x01binary" * 9, "binary"),
    ],
    ids=["empty", "blank", "two encodings", "binary"],
)
def test_bad_data_is_said_with_its_place(
    run: Command, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "bad.txt").write_bytes(content)
    answer = train(run, tmp_path / "bad.txt", tmp_path / "model")
    assert answer.status == 2
    assert message in answer.err
    assert "bad.txt" in answer.err
    assert one_line(answer.err)
    assert not (tmp_path / "model").exists()


def test_train_never_writes_over_a_model(run: Command, novelist: Path) -> None:
    answer = train(run, novelist.parent / "novel.txt", novelist)
    assert answer.status == 2
    assert "--resume" in answer.err


def test_text_may_come_on_standard_input(run: Command, tmp_path: Path) -> None:
    answer = run(
        "train", "generate", "-", "-o", tmp_path / "model", *SMALL, "--json", stdin=novel(60).encode()
    )  # fmt: skip
    assert answer.status == 0, answer.err
    scored = run("evaluate", tmp_path / "model", "-", "--json", stdin=b"the moon.\n")
    assert json.loads(scored.out)["tokens"] == 10


@pytest.mark.usefixtures("pythons_own_handler")
def test_a_stopped_training_goes_on(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unrolled.tasks.generate import fitting

    data = written(tmp_path / "novel.txt", novel(60))
    whole = train(run, data, tmp_path / "whole", "--json")

    made_loss = fitting.stream_loss
    with monkeypatch.context() as patched:
        patched.setattr(fitting, "stream_loss", lambda settings: interrupting(made_loss(settings)))
        stopped = train(run, data, tmp_path / "model")
    assert stopped.status == 1
    assert "--resume" in stopped.err
    assert not (tmp_path / "model" / "model.safetensors").exists()
    resumed = train(run, data, tmp_path / "model", "--resume", "--json")
    assert resumed.status == 0, resumed.err
    assert perplexity(resumed) == perplexity(whole)


def interrupting(loss: Any) -> Any:
    """Return a loss that is interrupted when it is first computed."""

    def computed(*given: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return loss(*given)

    return computed


def perplexity(answer: Answer) -> float:
    found: float = json.loads(answer.out)["scores"]["model"]["perplexity"]
    return found


def test_a_text_is_written_as_it_comes(novelist: Path) -> None:
    command = [*MAIN, "predict", str(novelist), "the", "--max-length", "2000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(200).startswith(b"the")
        # The reader goes away; the writer ends without a word.
        process.stdout.close()
        assert process.wait(30) == 1
