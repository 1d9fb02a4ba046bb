"""A run that was killed, interrupted or bounded goes on to exactly what it would have been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.train.problems import NoisyProblem, line, line_loss, settings
from unrolled.errors import ModelFileError, OptionError
from unrolled.train.loop import TrainResult, fit
from unrolled.train.metrics import read_records

ROOT = Path(__file__).parents[2]
TIMES = ("seconds", "items_per_second", "group_began", "seconds_before")


def without_times(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in TIMES}


def assert_equal(one: Any, other: Any) -> None:
    """Compare bit for bit."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_equal(one[name], other[name])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_equal(left, right)
    else:
        assert one == other


def assert_same_end(one: Path, other: Path) -> None:
    """Compare what two runs left: weights, optimizer, generators, carried state, records."""
    ends = [torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (one, other)]
    for end in ends:
        end["numbers"] = without_times(end["numbers"])
    assert_equal(*ends)
    histories = [[without_times(r._asdict()) for r in read_records(f)] for f in (one, other)]
    assert len(histories[0]) > 0
    assert histories[0] == histories[1]


def train(folder: Path, problem: NoisyProblem, resume: bool = True, **options: Any) -> TrainResult:
    return fit(
        problem.model,
        problem.loss,
        problem.batches,
        problem.settings(**options),
        validate=problem.validate,
        carry=problem.carry,
        folder=folder,
        resume=resume,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.parametrize("how", ["moments", "writes"])
def test_killed_run_resumes_to_the_same_bits(tmp_path: Path, how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.train.killed", str(tmp_path), how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # Every one of them was killed, and that while there was still something to do.
    assert set(told["codes"]) == {-signal.SIGKILL}
    assert 0 < told["step"] < told["steps"]
    assert_same_end(tmp_path / "whole", tmp_path / "killed")
    finals = [torch.load(tmp_path / name / "final.pt") for name in ("whole", "killed")]
    assert_equal(*finals)


@pytest.mark.parametrize("stop_at", [5, 6, 8, 12])
def test_every_step_is_a_place_to_go_on_from(tmp_path: Path, stop_at: int) -> None:
    # Within an epoch, at its end, at an evaluation and at both; 6 steps are an epoch, 4 an evaluation.
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    wanted = train(whole, NoisyProblem(), epochs=3)

    class StopError(Exception):
        pass

    problem, steps = NoisyProblem(), iter(range(100))
    loss = problem.loss

    def stopping_loss(*arguments: Any) -> Any:
        if next(steps) == stop_at:
            raise StopError
        return loss(*arguments)

    problem.loss = stopping_loss
    with pytest.raises(StopError):
        train(parts, problem, epochs=3)
    result = train(parts, NoisyProblem(), epochs=3)
    assert_same_end(whole, parts)
    assert (result.best_score, result.best_step) == (wanted.best_score, wanted.best_step)
    assert len(result.history) == len(wanted.history)


def test_batches_that_draw_from_the_global_generator_when_made(tmp_path: Path) -> None:
    # torch's DataLoader does: it draws a seed for its workers.
    from torch.utils.data import DataLoader

    def run(folder: Path, steps: int) -> torch.nn.Module:
        model, _ = line()
        rows = torch.linspace(-1, 1, 12).unsqueeze(1)
        noise = torch.nn.Sequential(torch.nn.Dropout(0.5), model)
        bounds = settings(epochs=2, max_steps=steps, checkpoint_every=1)
        loader = DataLoader(rows, batch_size=2)  # type: ignore[arg-type]
        fit(noise, line_loss, lambda epoch: loader, bounds, folder=folder, resume=True)
        return model

    whole = run(tmp_path / "whole", 12)
    run(tmp_path / "parts", 4)
    parts = run(tmp_path / "parts", 12)
    assert_equal(whole.state_dict(), parts.state_dict())


def test_raised_bounds_go_on_and_count_time(tmp_path: Path) -> None:
    model, batches = line()
    first = fit(model, line_loss, batches, settings(epochs=2, max_minutes=5), folder=tmp_path)
    model, batches = line()
    more = settings(epochs=4, max_minutes=None)
    second = fit(model, line_loss, batches, more, folder=tmp_path, resume=True)
    assert (first.steps, second.steps) == (8, 16)
    assert second.history[-1].seconds > first.history[-1].seconds
    whole, batches = line()
    fit(whole, line_loss, batches, more)
    assert_equal(whole.state_dict(), model.state_dict())


def test_time_of_the_runs_before_counts_towards_max_minutes(tmp_path: Path) -> None:
    model, batches = line()
    bounds = settings(epochs=10**6, max_minutes=0.2 / 60, patience=None)
    first = fit(model, line_loss, batches, bounds, folder=tmp_path)
    assert first.stopped == "max_minutes"
    assert 0.2 <= first.seconds < 5
    second = fit(model, line_loss, batches, bounds, folder=tmp_path, resume=True)
    assert second.stopped == "max_minutes"
    assert second.steps == first.steps


def test_finished_run_resumes_to_its_result(tmp_path: Path) -> None:
    first = train(tmp_path, NoisyProblem(), epochs=2)
    again = NoisyProblem()
    second = train(tmp_path, again, epochs=2)
    assert second.steps == first.steps
    assert second.best_score == first.best_score
    best = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["best_weights"]
    assert_equal(dict(again.model.state_dict()), best)


def test_finished_run_with_raised_bounds_goes_on_with_its_generators(tmp_path: Path) -> None:
    # Evaluations fall on the bounds, so that a longer run would have made the same ones.
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, NoisyProblem(), epochs=4, schedule="constant")
    for epochs in (2, 2, 4):
        train(parts, NoisyProblem(), epochs=epochs, schedule="constant")
    ends = [torch.load(f / "checkpoint.pt", weights_only=True) for f in (whole, parts)]
    assert_equal(ends[0]["model"], ends[1]["model"])
    assert_equal(ends[0]["generators"], ends[1]["generators"])


def test_a_new_run_leaves_nothing_to_resume_of_the_old(tmp_path: Path) -> None:
    train(tmp_path, NoisyProblem(), epochs=2)
    failing = NoisyProblem()
    failing.loss = lambda *arguments: 1 / 0  # type: ignore[assignment, method-assign]
    with pytest.raises(ZeroDivisionError):
        train(tmp_path, failing, resume=False, epochs=2)
    assert list(tmp_path.iterdir()) == []


def test_resume_without_a_checkpoint_begins(tmp_path: Path) -> None:
    model, batches = line()
    assert (
        fit(model, line_loss, batches, settings(), folder=tmp_path / "new", resume=True).steps == 12
    )
    with pytest.raises(OptionError, match="resume=True without a folder"):
        fit(model, line_loss, batches, settings(), resume=True)


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    model, batches = line()
    fit(model, line_loss, batches, settings(epochs=2), folder=tmp_path)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    other = settings(epochs=1, learning_rate=0.5, clip_norm=None)
    with pytest.raises(OptionError) as caught:
        fit(model, line_loss, batches, other, folder=tmp_path, resume=True)
    message = str(caught.value)
    assert "learning_rate was 0.001 and is now 0.5" in message
    assert "clip_norm was 1.0 and is now None" in message
    assert "epochs was 2 and is now 1" in message
    assert "checkpoint.pt" in message
    assert_equal(before, dict(model.state_dict()))
    fit(model, line_loss, batches, settings(epochs=3, max_steps=100), folder=tmp_path)  # anew


def test_bound_that_was_not_there_is_no_raise(tmp_path: Path) -> None:
    model, batches = line()
    fit(model, line_loss, batches, settings(epochs=2), folder=tmp_path)
    with pytest.raises(OptionError, match="max_steps was None and is now 9"):
        fit(
            model, line_loss, batches, settings(epochs=2, max_steps=9), folder=tmp_path, resume=True
        )


def test_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    model, batches = line()
    fit(model, line_loss, batches, settings(), folder=tmp_path)
    wider = torch.nn.Linear(1, 2)
    with pytest.raises(
        ModelFileError, match=r"bias is \(1,\) there and \(2,\) in this model, and 1 more"
    ):
        fit(wider, line_loss, batches, settings(), folder=tmp_path, resume=True)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut off"])
def test_damaged_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    model, batches = line()
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"checkpoint\.pt: this is no checkpoint"):
        fit(model, line_loss, batches, settings(), folder=tmp_path, resume=True)


def test_checkpoint_runs_no_code(tmp_path: Path) -> None:
    import pickle

    class Attack:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    model, batches = line()
    torch.save(
        {"format": 1, "settings": Attack()}, tmp_path / "checkpoint.pt", pickle_module=pickle
    )
    with pytest.raises(ModelFileError):
        fit(model, line_loss, batches, settings(), folder=tmp_path, resume=True)
    assert not (tmp_path / "ran").exists()


def test_metrics_are_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    model, batches = line()
    fit(model, line_loss, batches, settings(epochs=2), folder=tmp_path)
    path = tmp_path / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) == 2
    path.write_text(
        "".join(lines) + lines[-1] + '{"step": 99, "ep'
    )  # a record after the checkpoint, one torn
    result = fit(model, line_loss, batches, settings(epochs=3), folder=tmp_path, resume=True)
    kept = path.read_text().splitlines(keepends=True)
    assert kept[:2] == lines
    assert [json.loads(line)["step"] for line in kept] == [4, 8, 12]
    assert [record.step for record in result.history] == [4, 8, 12]
