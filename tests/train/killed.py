"""Run as a program: train to the end undisturbed, and again while being killed, and leave both results to compare.

    python killed.py FOLDER moments|writes

Children are forked, as importing torch anew for each takes longer than the training that is to be killed.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.train.problems import NoisyProblem
from unrolled.train import loop


def train(folder: Path) -> None:
    """Train in ``folder``, going on from what is there, and leave the final weights in final.pt."""
    problem = NoisyProblem()
    loop.fit(
        problem.model,
        problem.loss,
        problem.batches,
        problem.settings(epochs=12),
        validate=problem.validate,
        carry=problem.carry,
        folder=folder,
        resume=True,
    )
    torch.save(problem.model.state_dict(), folder / "final.pt")


def child(work: Callable[[], None]) -> int:
    """Do the work in a process of its own and return its number."""
    number = os.fork()
    if number == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  (a fork must not return into the parent's code)
            traceback.print_exception(error)
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    return number


def ended(number: int) -> int:
    """Wait for a child and return its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def dies_at(event: int) -> None:
    """Let this process be killed at its ``event``-th step of writing: before, within and after every system call."""
    left = [event]

    def tick() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            tick()
            result = function(*arguments)
            tick()
            return result

        return called

    save = torch.save

    def save_in_two_parts(content: Any, file: Any) -> None:
        buffer = io.BytesIO()
        save(content, buffer)
        whole = buffer.getvalue()
        tick()
        file.write(whole[: len(whole) // 2])
        file.flush()
        tick()
        file.write(whole[len(whole) // 2 :])

    torch.save = save_in_two_parts
    os.fsync, os.replace = around(os.fsync), around(os.replace)


def killed_at_moments(folder: Path) -> list[int]:
    """Kill at random moments, some steps further on each time."""
    draw, codes = random.Random(0), []
    for further in (0, 1, 2, 3, 4, 5):
        began = step_of(folder)
        number = child(lambda: train(folder))
        deadline = time.monotonic() + 60
        while step_of(folder) < began + further and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.01))
        os.kill(number, signal.SIGKILL)
        codes.append(ended(number))
    return codes


def step_of(folder: Path) -> int:
    """Return the step of the checkpoint, 0 before the first."""
    path = folder / "checkpoint.pt"
    return torch.load(path, weights_only=True)["numbers"]["step"] if path.exists() else 0


def killed_in_writes(folder: Path) -> list[int]:
    """Kill at the first, second, ... event of writing, each time going on from what the one before left."""
    codes = []
    for event in range(1, 16):

        def work(event: int = event) -> None:
            dies_at(event)
            train(folder)

        codes.append(ended(child(work)))
    return codes


def main(folder: Path, how: str) -> None:
    torch.set_num_threads(1)
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])  # its first use loads a great deal
    whole, killed = folder / "whole", folder / "killed"
    assert ended(child(lambda: train(whole))) == 0
    codes = killed_at_moments(killed) if how == "moments" else killed_in_writes(killed)
    step = step_of(killed)
    assert ended(child(lambda: train(killed))) == 0
    print(json.dumps({"codes": codes, "step": step, "steps": step_of(killed)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
