"""What is said while training, and where."""

from __future__ import annotations

import io

import pytest
import torch
from rich.console import Console

from tests.train.problems import line, line_loss, settings
from unrolled.errors import TrainingError
from unrolled.train import progress as module
from unrolled.train.loop import Loss, fit
from unrolled.train.metrics import Record
from unrolled.train.progress import TerminalProgress
from unrolled.train.run import Run


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, lines: bool = False) -> str:
    monkeypatch.setattr(module, "REDRAW_SECONDS", 0.0)
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=200, color_system=None)
    options = settings(epochs=2)
    model, batches = line()
    progress = TerminalProgress(
        options, title="line", score_name="mae", lines=lines, console=console
    )
    fit(model, line_loss, batches, options, validate=lambda m: 0.25, progress=progress)
    return out.getvalue()


def test_bar_shows_loss_score_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, terminal=True)
    for part in (
        "line",
        "step 7",
        "epoch 2",
        "loss 0.",
        "mae 0.25 (best 0.25)",
        "items/s",
        "0:00 left",
    ):
        assert part in text


def test_silent_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, terminal=False) == ""


def test_one_line_for_every_evaluation_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, terminal=False, lines=True).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("step 4  epoch 1  loss ")
    assert "mae 0.25" in lines[0]
    assert "items/s" in lines[0]


def test_progress_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    options = settings(epochs=1)
    model, batches = line()
    fit(model, line_loss, batches, options, progress=TerminalProgress(options, lines=True))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("step 4  epoch 1  loss ")


def test_bar_is_closed_when_training_fails() -> None:
    out = io.StringIO()
    options = settings()
    progress = TerminalProgress(options, console=Console(file=out, force_terminal=True))
    model, batches = line()
    with pytest.raises(TrainingError):
        fit(
            model, lambda m, x: Loss(m(x).sum() * torch.nan, 1), batches, options, progress=progress
        )
    assert not progress.bar.live.is_started


@pytest.mark.parametrize(
    ("bounds", "share"),
    [
        ({"epochs": 4}, 0.375),
        ({"epochs": 4, "max_steps": 10}, 0.6),
        ({"epochs": None, "max_minutes": 2}, 0.75),
    ],
)
def test_share_done_is_that_of_the_nearest_bound(bounds: dict[str, int], share: float) -> None:
    run = Run()
    run.step, run.epoch, run.batch, run.steps_per_epoch = 6, 1, 2, 4
    run.seconds_before = 90.0
    assert run.share_done(settings(**bounds)) == pytest.approx(share, abs=1e-3)


def test_time_left_of_a_resumed_run_counts_this_run_alone() -> None:
    options = settings(epochs=None, max_steps=100)
    progress = TerminalProgress(options, console=Console(file=io.StringIO(), force_terminal=True))
    run = Run()
    run.step = 50
    progress.step(run)
    run.step = 60
    assert progress._seconds_left(run, progress.began + 10.0) == pytest.approx(40.0)


def test_record_without_score() -> None:
    out = io.StringIO()
    progress = TerminalProgress(settings(), lines=True, console=Console(file=out, width=200))
    progress.evaluated(Record(4, 1, 0.5, 0.1, 1.0, None, 75.0, 2000.0, [], []))
    assert out.getvalue() == "step 4  epoch 1  loss 0.5  2,000 items/s  1:15\n"
