"""Ctrl-C finishes the step, saves, and says how to go on."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.train.problems import line, line_loss, settings
from unrolled.train.loop import Loss, fit

pytestmark = pytest.mark.usefixtures("pythons_own_handler")


def interrupts(at: int, times: int = 1) -> Any:
    """Return a loss during which Ctrl-C is pressed."""
    steps = iter(range(1, 1000))

    def loss(model: nn.Module, x: Tensor) -> Loss:
        if next(steps) == at:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return line_loss(model, x)

    return loss


def test_interrupted_run_is_saved_and_resumes(tmp_path: Path) -> None:
    model, batches = line()
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(model, interrupts(at=6), batches, settings(), folder=tmp_path)
    message = str(caught.value)
    assert f"its checkpoint of step 6 is in {tmp_path}" in message
    assert "resume=True (--resume)" in message
    model, batches = line()
    fit(model, line_loss, batches, settings(), folder=tmp_path, resume=True)
    whole, batches = line()
    fit(whole, line_loss, batches, settings())
    assert torch.equal(model.weight, whole.weight)


def test_second_interrupt_is_raised_at_once(tmp_path: Path) -> None:
    model, batches = line()
    before = model.weight.clone()
    with pytest.raises(KeyboardInterrupt, match="before the first checkpoint"):
        fit(model, interrupts(at=1, times=2), batches, settings(), folder=tmp_path)
    assert torch.equal(model.weight, before)


def test_interrupt_within_validation_names_the_checkpoint_there_is(tmp_path: Path) -> None:
    model, batches = line()

    def validate(model: nn.Module) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="checkpoint of step 4"):
        fit(
            model,
            line_loss,
            batches,
            settings(checkpoint_every=1),
            folder=tmp_path,
            validate=validate,
        )


def test_resumed_run_that_is_interrupted_names_the_checkpoint_there_was(tmp_path: Path) -> None:
    model, batches = line()
    fit(model, line_loss, batches, settings(epochs=2), folder=tmp_path)
    again = interrupts(at=1, times=2)
    with pytest.raises(KeyboardInterrupt, match="checkpoint of step 8"):
        fit(model, again, batches, settings(epochs=3), folder=tmp_path, resume=True)


def test_without_a_folder_nothing_is_promised() -> None:
    model, batches = line()
    with pytest.raises(KeyboardInterrupt, match="nothing was saved"):
        fit(model, interrupts(at=2), batches, settings())


def test_handler_is_put_back() -> None:
    model, batches = line()
    before = signal.getsignal(signal.SIGINT)
    fit(model, line_loss, batches, settings())
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        fit(model, interrupts(at=2), batches, settings())
    assert signal.getsignal(signal.SIGINT) is before


def test_ignored_interrupts_stay_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        model, batches = line()
        assert fit(model, interrupts(at=2), batches, settings()).steps == 12
    finally:
        signal.signal(signal.SIGINT, before)


def test_training_in_another_thread() -> None:
    model, batches = line()
    steps: list[int] = []
    thread = threading.Thread(
        target=lambda: steps.append(fit(model, line_loss, batches, settings()).steps)
    )
    thread.start()
    thread.join()
    assert steps == [12]
