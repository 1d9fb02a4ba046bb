"""The benchmarks of generation, tagging and music: what is read, and that a training of each is scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from benchmarks import generate, generate_data, music, tag, tag_data, variants
from benchmarks.variants import Job
from unrolled.tasks.generate import Generator
from unrolled.tasks.generate.network import make_network, network_sizes
from unrolled.tasks.generate.settings import with_usual
from unrolled.tasks.tag import Tagger

CELLS = ("gru", "lstm", "mingru", "transformer")


def test_every_recipe_is_one_that_its_job_takes() -> None:
    for name in generate_data.RECIPES:
        for cell in CELLS:
            Generator(**generate_data.options_of(name, cell=cell))
    for name in tag_data.RECIPES:
        Tagger(**tag_data.options_of(name, cell="gru"))


def test_cells_have_as_many_parameters_as_the_gru() -> None:
    def parameters(cell: str) -> int:
        settings = Generator(**generate_data.options_of("shakespeare", cell=cell)).settings
        chosen = with_usual(settings, characters=10**6, unspaced=False, drops_weights=False)
        network = make_network(cell, chosen, network_sizes(chosen, 67), 0)
        return sum(parameter.numel() for parameter in network.parameters())

    gru = parameters("gru")
    assert all(abs(parameters(cell) - gru) < 0.01 * gru for cell in CELLS)


def put_sentences(folder: Path) -> None:
    sentence = "张\tB-NAME\n三\tE-NAME\n在\tO\n北\tB-LOC\n京\tE-LOC\n\n"
    folder.mkdir(parents=True)
    for part in ("train", "dev", "test"):
        (folder / f"{part}.char.bmes").write_text(sentence * 12, encoding="utf-8")


@pytest.mark.slow
def test_a_tagger_is_trained_and_scored_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sentences(tmp_path / "tag" / "resume_ner")
    monkeypatch.setattr(variants, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(variants, "in_own_process", lambda work, job: work(job))
    given = ["resume_ner", "--data", str(tmp_path), "--scratch", str(tmp_path / "scratch")]
    read = variants.read_arguments(tag.STUDY, [*given, "--max-steps", "2", "--seeds", "2"])
    result = variants.run(tag.STUDY, "resume_ner", read)
    (found,) = result["variants"].values()
    assert [run["seed"] for run in found["runs"]] == [0, 1]
    assert found["runs"][0]["rows"] == {"train": 12, "validation": 12, "test": 12}
    assert result["baselines"]["most_frequent_tag"]["span_f1"] == 1.0
    assert (tmp_path / "scratch" / "tag_resume_ner.json").exists()
    variants.show(result)


@pytest.mark.slow
def test_a_generator_is_trained_and_scored(tmp_path: Path) -> None:
    folder = tmp_path / "generate" / "tinyshakespeare"
    folder.mkdir(parents=True)
    (folder / "input.txt").write_text("To be, or not to be: that is the question.\n" * 60)
    options = {
        **generate_data.options_of("shakespeare", cell="gru"),
        "hidden_size": 8,
        "max_steps": 2,
    }
    job = Job("shakespeare", tmp_path, None, options, folder=tmp_path / "run")
    found = generate.train_and_score(job)
    assert found["rows"]["characters"] == pytest.approx(60 * 43 * 0.1, abs=2)
    assert found["baselines"]["ngram"]["nats_per_char"] < found["scores"]["nats_per_char"]
    assert found["samples"]["copied_median"] >= 0
    again = generate.train_and_score(job)
    assert again["resumed"]
    assert again["scores"] == found["scores"]


def put_rolls(path: Path) -> None:
    random = np.random.default_rng(0)
    path.parent.mkdir(parents=True)
    pieces = np.empty(4, dtype=object)
    pieces[:] = [(random.random((length, 88)) < 0.05).astype(np.uint8) for length in (5, 7, 9, 6)]
    savemat(path, {f"{part}data": pieces for part in ("train", "valid", "test")})


def test_music_scores_every_frame_but_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "JSB_Chorales.mat"
    put_rolls(path.parent / "new" / path.name)
    rolls = music.read_rolls(path.parent / "new" / path.name)
    assert [len(piece) for piece in rolls.train] == [5, 7, 9, 6]
    xs, answers = music.batch_of(rolls.train)
    assert (xs.row_lengths.tolist(), answers.shape) == ([4, 6, 8, 5], (23, 88))
    before, following = music.pairs(rolls.test)
    assert np.array_equal(following[:4], rolls.test[0][1:])
    assert music.nats(np.full_like(following, 0.5), following) == pytest.approx(88 * np.log(2))
    options = {"hidden": 8, "layers": 1, "dropout": 0.1, "batch": 2, "epochs": 2}
    monkeypatch.setitem(music.OPTIONS, "jsb", options)
    run = music.one_run("jsb", "gru", 0, rolls)
    assert 0 < run["scores"]["nats_per_frame"] < 88
    assert len(before) == 23
