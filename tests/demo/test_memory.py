"""The demo's trainings in small, and its page."""

from __future__ import annotations

import math

import pytest
import torch

from unrolled.data.synthetic import adding_problem
from unrolled.demo import memory
from unrolled.demo.memory_page import explode_section, memory_section
from unrolled.demo.words import WORDS
from unrolled.view.report import Report, render


def test_guessing_the_mean_has_the_error_that_is_stated() -> None:
    _, sums = adding_problem(200_000, 10, torch.Generator().manual_seed(0))
    assert float((sums - 1).square().mean()) == pytest.approx(memory.GUESS, rel=0.02)


def test_two_marks_stand_in_different_halves() -> None:
    xs, _ = adding_problem(500, 11, torch.Generator().manual_seed(0))
    halves = xs[..., 1].split([5, 6], dim=1)
    assert all((half.sum(1) == 1).all() for half in halves)


def test_lstm_learns_to_add_at_20_steps() -> None:
    torch.set_num_threads(1)
    run = memory.train_on_adding("lstm", 20)
    assert len(run.course.losses) == memory.UPDATES[20] or run.seconds > 4.9
    assert run.course.losses[-1] < run.course.losses[0]
    assert len(run.reach) == len(run.trained_reach) == 20
    assert run.solved == (run.error < memory.GUESS / 10)


def test_clipping_saves_the_training_that_explodes() -> None:
    free, clipped = (memory.train_exploding(clip) for clip in (False, True))
    assert free.stopped is not None
    assert "clip_norm" in free.stopped
    assert clipped.stopped is None
    assert clipped.course.norms[0] > 1000
    assert math.isfinite(clipped.course.losses[-1])
    assert clipped.course.losses[-1] < 1


def test_both_languages_have_the_same_sentences() -> None:
    gaps = [
        {name: sorted(part for part in text.split("{")[1:]) for name, text in words.items()}
        for words in WORDS.values()
    ]
    assert gaps[0].keys() == gaps[1].keys()
    for name, here in gaps[0].items():
        there = gaps[1][name]
        assert {part.split("}")[0] for part in here} == {part.split("}")[0] for part in there}, name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_can_be_written(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setattr(memory, "UPDATES", {20: 3, 50: 3})
    runs = [memory.train_on_adding(cell, steps) for steps in (20, 50) for cell in ("rnn", "gru")]
    words = WORDS[language]
    sections = [
        memory_section(runs, words),
        explode_section([memory.train_exploding(clipped=False)], words),
    ]
    page = render(Report(words["title"], language, words["summary"], sections))
    assert "GRU" in page
    assert words["memory"] in page
