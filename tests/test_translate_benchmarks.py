"""The translation benchmarks: how data is split, what is kept of finished runs, and the rival in plain torch."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import decoding, tables, translate, translate_data, translate_speed, variants
from benchmarks.translate_data import RECIPES, Split, options_of
from benchmarks.translate_plain import PlainTranslator, train_plainly
from benchmarks.translate_run import score_baselines, train_and_score
from benchmarks.variants import Job, in_own_process
from unrolled.tasks.translate import TranslateSettings, Translator
from unrolled.tasks.translate.training import training_batches


def put(folder: Path, name: str, content: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode()
    path.write_bytes(lzma.compress(data) if name.endswith(".xz") else data)


def put_multi30k(folder: Path, pairs: int) -> None:
    words = ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben"]
    sources = [" ".join(words[(row + n) % 7] for n in range(3)) for row in range(pairs)]
    for part in ("train", "val", "test_2016_flickr"):
        text = "\n".join(f"{source} {part}" for source in sources)
        put(folder, f"multi30k/tok/{part}.lc.norm.tok.de", text)
        put(folder, f"multi30k/tok/{part}.lc.norm.tok.en", text.upper())


def test_multi30k_is_split_as_it_is_given(tmp_path: Path) -> None:
    put_multi30k(tmp_path, 8)
    split = RECIPES["multi30k_de_en"].read(tmp_path)
    assert split.train.sources[0] == "eins zwei drei train"
    assert split.train.targets[0] == "EINS ZWEI DREI TRAIN"
    assert split.test.sources[1] == "zwei drei vier test_2016_flickr"
    assert split.validation is not None
    assert split.validation.targets[-1].endswith("VAL")
    assert RECIPES["multi30k_en_de"].read(tmp_path).test.targets == split.test.sources
    few = translate_data.multi30k_first(5)(tmp_path)
    assert few.train.sources == split.train.sources[:5]
    assert (few.test, few.validation) == (split.test, None)


def test_tatoeba_keeps_the_first_pair_of_a_source_and_parts_them_by_seed(tmp_path: Path) -> None:
    rows = [f"english {row // 2}\t中文 {row}\tby someone" for row in range(200)]
    put(tmp_path, "tatoeba_cmn_eng/cmn.txt", "\n".join(rows) + "\n")
    split = RECIPES["tatoeba_en_zh"].read(tmp_path)
    assert (len(split.train.sources), len(split.test.sources)) == (95, 5)
    assert not set(split.train.sources) & set(split.test.sources)
    both = zip(
        split.train.sources + split.test.sources,
        split.train.targets + split.test.targets,
        strict=True,
    )
    assert set(both) == {(f"english {row}", f"中文 {2 * row}") for row in range(100)}
    assert RECIPES["tatoeba_en_zh"].read(tmp_path) == split
    back = RECIPES["tatoeba_zh_en"].read(tmp_path)
    assert len(back.train.sources) + len(back.test.sources) == 200


def test_blocks_of_the_classics_are_held_out_whole(tmp_path: Path) -> None:
    for book in translate_data.BOOKS:
        lines = [f"{book}{row}\t今 {row}" for row in range(2136 if book == "孟子" else 7300)]
        put(tmp_path, f"classical_modern_zh/{book}.tsv.xz", "\n".join(lines) + "\n")
    split = RECIPES["classical_modern"].read(tmp_path)
    held = [source for source in split.test.sources if source.startswith("史记")]
    assert held == [f"史记{row}" for row in (*range(2000, 2500), *range(7000, 7300))]
    assert sum(source.startswith("孟子") for source in split.test.sources) == 136
    assert len(split.train.sources) + len(split.test.sources) == 3 * 7300 + 2136


def test_a_headline_is_the_target_of_its_news(tmp_path: Path) -> None:
    for part in ("training", "test"):
        put(
            tmp_path,
            f"reuters_headlines/{part}.tsv.xz",
            f"headline\tbody\nRAIN\tIt rained, {part}.\n",
        )
    split = RECIPES["reuters"].read(tmp_path)
    assert split == Split(
        translate_data.Texts(["It rained, training."], ["RAIN"]),
        translate_data.Texts(["It rained, test."], ["RAIN"]),
    )


def test_every_recipe_is_one_that_the_job_takes() -> None:
    for name in RECIPES:
        for variant in ({"cell": "gru", "attention": "none"}, {"cell": "transformer"}):
            Translator(**options_of(name, **variant))
    assert options_of("multi30k_de_en", cell="gru", tokenize="13a")["tokenize"] == "13a"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Job]:
    """Runs are not trained: what would be is in the list."""
    jobs: list[Job] = []

    def answer(work: Any, job: Job) -> dict[str, Any]:
        if work is score_baselines:
            return {"kind": "translate", "baselines": {"nearest_pair": {"bleu": 8.0, "chrf": 1.0}}}
        jobs.append(job)
        job.folder.mkdir(parents=True)
        speeds = {"train_tokens_per_second": 100.0, "decode_tokens_per_second": 10.0}
        return {
            "scores": {"bleu": 30.0 + job.seed, "chrf": 50.0},
            "signatures": {"bleu": "tok:none"},
            "rows": {"test": 3},
            "facts": {"cell": job.options["cell"]},
            "parameters": 1234,
            **speeds,
            "training_seconds": 60.0,
            "steps": 5,
            "best_step": 4,
            "fit_memory_mb": 9,
        }

    monkeypatch.setattr(variants, "in_own_process", answer)
    monkeypatch.setattr(variants, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(tables, "RESULTS", tmp_path / "results")
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))
    monkeypatch.setenv("UNROLLED_SCRATCH", str(tmp_path / "scratch"))
    return jobs


def run(*given: str) -> dict[str, Any]:
    read = variants.read_arguments(translate.STUDY, ["multi30k_de_en", *given])
    return variants.run(translate.STUDY, "multi30k_de_en", read)


def test_finished_seeds_are_kept_and_variants_stand_beside_each_other(
    fake: list[Job], tmp_path: Path
) -> None:
    run("--seeds", "1")
    result = run("--seeds", "2")
    assert [job.seed for job in fake] == [0, 1]
    assert result["variants"]["gru"]["mean"] == pytest.approx(30.5)
    run("--seeds", "1", "--vary", "attention=none")
    result = run("--seeds", "1", "--cell", "transformer", "--vary", "input_feeding=true")
    names = ["gru", "gru_attention_none", "transformer_input_feeding"]
    assert list(result["variants"]) == names
    assert fake[-1].options["encoder_layers"] == 4
    run("--seeds", "1", "--max-minutes", "3")
    assert len(fake) == 5, "other options are trained again"
    run("--seeds", "1", "--max-minutes", "3", "--again")
    assert len(fake) == 6
    path = tmp_path / "results" / "translate_multi30k_de_en.json"
    written = json.loads(path.read_text("utf-8"))
    assert list(written["variants"]) == names
    assert written["baselines"]["nearest_pair"]["bleu"] == 8.0
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_trial_leaves_the_results_alone(fake: list[Job], tmp_path: Path) -> None:
    for given in (["--rows", "5"], ["--max-steps", "2"], ["--set", "dropout=0.5"]):
        run("--seeds", "1", *given)
    assert fake[-1].options["dropout"] == 0.5
    assert not (tmp_path / "results").exists()
    assert (tmp_path / "scratch" / "translate_multi30k_de_en.json").exists()


def test_tables_are_made_of_what_is_there(
    fake: list[Job], capsys: pytest.CaptureFixture[str]
) -> None:
    run("--seeds", "2")
    variants.show(run("--seeds", "1", "--cell", "lstm"))
    assert "nearest_pair" in capsys.readouterr().out
    names = ("translate", "translate_cost", "translate_speed")
    marks = "".join(f"<!-- table: {name} -->\n{tables.END}\n" for name in names)
    text = tables.with_tables(marks, "en")
    assert "| **30.5** (30.0–31.0) | 30.0 | 8.0 |" in text
    assert "| Multi30k German–English | LSTM | 1,234 | 100 | 1 | 10 | 9 MB |" in text
    assert "Tatoeba" not in text
    assert "最近的句对" in tables.with_tables(marks, "zh")


@pytest.mark.slow
def test_a_training_of_its_own_process_is_scored(tmp_path: Path) -> None:
    put_multi30k(tmp_path / "translate", 40)
    small = {"cell": "gru", "hidden_size": 16, "embedding": 16, "units": "words", "max_steps": 3}
    job = Job("multi30k_de_en", tmp_path, 30, small, seed=1, folder=tmp_path / "run")
    found = in_own_process(train_and_score, job)
    assert found["rows"] == {"train": 30, "validation": 30, "test": 30}
    assert found["steps"] == 3
    assert found["fit_memory_mb"] > 0
    assert not found["resumed"]
    again = in_own_process(train_and_score, job)
    assert again["resumed"]
    assert again["scores"] == found["scores"]
    beside = score_baselines(job)
    assert set(beside["baselines"]) == {"nearest_pair", "copy_source"}


SMALL = TranslateSettings(embedding=8, hidden_size=8, layers=2, encoder_layers=1, shared=True)


@pytest.mark.parametrize("cell", translate_speed.CELLS)
def test_plain_torch_is_the_same_network(monkeypatch: pytest.MonkeyPatch, cell: str) -> None:
    monkeypatch.setattr(translate_speed, "VOCABULARY", 60)
    pairs = translate_speed.drawn_pairs(20)
    batch = training_batches(lambda epoch: pairs, 200, 0)(0)[0]
    assert len(set(batch.source.row_lengths.tolist())) > 1
    network = translate_speed.network_of(cell, SMALL)
    plain = PlainTranslator(network)
    assert translate_speed.apart(network, plain, batch, 0.1)["loss"] < 1e-5
    before = plain.bias.detach().clone()
    train_plainly(plain, [batch], smoothing=0.1, learning_rate=0.01, clip_norm=1.0)
    assert not torch.equal(before, plain.bias)
    with pytest.raises(RuntimeError, match="differ"):
        translate_speed.apart(network, plain, batch, 0.1)


def test_speed_is_that_of_both_on_the_same_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translate_speed, "VOCABULARY", 60)
    monkeypatch.setattr(translate_speed, "TRAINING_PAIRS", 40)
    settings = TranslateSettings(**{**SMALL.as_dict(), "batch_tokens": 120, "dropout": 0.1})
    found = translate_speed.measure("gru", 1, settings, pairs=2, batches=1)
    assert found["pairs"] == 2
    ratio = found["tokens_per_second"] / found["torch_tokens_per_second"]
    assert ratio == pytest.approx(found["seconds"] / found["ours_seconds"])
    assert found["low"] <= found["ratio"] <= found["high"]


def test_plain_torch_writes_the_same_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"BATCH": 3, "STEPS": 4, "VOCABULARY": 60, "EMBEDDING": 8, "HIDDEN": 12}
    for name, size in sizes.items():
        monkeypatch.setattr(decoding, name, size)
    sides = decoding.contests()  # which raises where the tokens differ
    with torch.inference_mode():
        for ours, theirs in sides.values():
            ours()
            theirs()
        ours, theirs = sides["head"]
        assert torch.allclose(ours(), theirs(), atol=1e-5)
    plain = decoding.Plain(decoding.network())
    # Plain torch has none of our products.
    assert {type(part) for part in (plain.keys, plain.answer, *plain.begin)} == {torch.nn.Linear}
