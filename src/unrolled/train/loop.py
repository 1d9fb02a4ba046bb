"""The loop: batch, loss, gradient, clip, step; evaluate, keep the best, save.

    settings = TrainSettings(epochs=20, learning_rate=3e-3)
    result = fit(model, loss, batches, settings, validate=validate, folder=Path("model"))

A process that is killed at any moment goes on with ``resume=True`` to the weights it would have had.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.core.tree import State, detach
from unrolled.errors import InputError, OptionError, TrainingError
from unrolled.train.batches import count, remaining
from unrolled.train.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint
from unrolled.train.clip import clip_gradients
from unrolled.train.generators import generators_kept, seed_generators
from unrolled.train.guard import Guard
from unrolled.train.interrupt import Interrupt
from unrolled.train.metrics import Record, append_record, cut_records, remove_records
from unrolled.train.optimizer import make_optimizer
from unrolled.train.progress import Progress, Silent
from unrolled.train.resume import Resumed, checkpoint_content
from unrolled.train.run import Run
from unrolled.train.schedule import last_step, learning_rate
from unrolled.train.settings import TrainSettings
from unrolled.train.threads import threads_by_shape, torch_threads


class Loss(NamedTuple):
    """What a loss function returns: a sum and what it is a sum over.

    A step minimises total / items. So every valid item of a batch counts the same, however long the rows are and
    however much they were padded.
    """

    total: Tensor
    """() the sum over the valid items, differentiable."""
    items: Tensor | int
    """How many valid items there were; a batch without any is passed over."""


@dataclass(frozen=True)
class TrainResult:
    """What came of a training run; the model holds the best weights, or the last ones without validation.

    Attributes:
        best_score: the lowest validation score, None without validation.
        best_step: the step it was reached at, the last one without validation.
        steps: updates done.
        history: one `Record` for every evaluation, as in metrics.jsonl.
        stopped: the setting that ended it: "epochs", "max_steps", "max_minutes" or "patience".
        seconds: wall time, with that of the runs it resumed.
    """

    best_score: float | None
    best_step: int
    steps: int
    history: tuple[Record, ...]
    stopped: str
    seconds: float


def fit(
    model: nn.Module,
    loss: Callable[..., Any],
    batches: Callable[[int], Iterable[Any]],
    settings: TrainSettings,
    *,
    validate: Callable[[nn.Module], float] | None = None,
    carry: Callable[[nn.Module, Any], State] | None = None,
    folder: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainResult:
    """Train ``model`` in place.

    Args:
        model: any network.
        loss: (model, batch) -> `Loss`; with ``carry`` (model, batch, state) -> (`Loss`, state).
        batches: the batches of epoch 0, 1, ... It must be a function of the epoch alone (draw from (seed, epoch)). A
            sequence (`BatchList`) tells the schedule how long an epoch is, and resumes without making what is done.
        settings: bounds, optimizer, clipping and the rest.
        validate: the score of the validation part, lower is better; called in evaluation mode and without gradients.
        carry: (model, batch) -> the state an epoch begins with. Given, the state is carried from batch to batch and
            cut from the graph between them: truncated backpropagation through time (Williams and Peng 1990).
        folder: where checkpoint.pt and metrics.jsonl go; None = nothing is written.
        resume: go on from the checkpoint in ``folder``, or begin if there is none; otherwise an old one is removed.
        progress: told of every step.

    Raises:
        TrainingError: a loss, gradient or score was not finite; the model has its last good weights.
        OptionError: resumed with other settings.
        KeyboardInterrupt: on Ctrl-C, after the step under way was finished and a checkpoint written.

    >>> model, data = nn.Linear(1, 1), torch.tensor([[0.0], [1.0]])
    >>> def loss(model, x): return Loss(((model(x) - 2 * x) ** 2).sum(), len(x))
    >>> result = fit(model, loss, lambda epoch: [data], TrainSettings(epochs=200, learning_rate=0.1))
    >>> result.steps, result.history[-1].loss < 0.01
    (200, True)
    """
    training = Training(
        model, loss, batches, settings, validate, carry, folder, progress or Silent()
    )
    with generators_kept(), _modes_kept(model), Interrupt() as interrupt:
        training.begin(resume)
        with torch_threads(training.run.threads), training.progress:
            return training.run_to_end(interrupt)


class Training:
    """One call of `fit`: what it was given, and the `Run` that changes."""

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[..., Any],
        batches: Callable[[int], Iterable[Any]],
        settings: TrainSettings,
        validate: Callable[[nn.Module], float] | None,
        carry: Callable[[nn.Module, Any], State] | None,
        folder: Path | None,
        progress: Progress,
    ) -> None:
        self.model, self.loss, self.batches, self.settings = model, loss, batches, settings
        self.validate, self.carry, self.folder, self.progress = validate, carry, folder, progress
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        if not self.parameters:
            raise InputError("the model has no parameter that requires a gradient")
        if settings.schedule == "plateau" and validate is None:
            raise OptionError(
                "schedule='plateau' follows the validation score, and there is no validation"
            )
        self.optimizer = make_optimizer(self.parameters, settings)
        self.run = Run()
        self.resumed: Resumed | None = None
        self.saved_at, self.saving_took, self.saved_step = time.perf_counter(), 0.0, 0

    def begin(self, resume: bool) -> None:
        """Start anew and leave nothing of an earlier run, or put everything where the checkpoint says."""
        if resume and self.folder is None:
            raise OptionError(
                "resume=True without a folder", fix="give the folder of the run to resume"
            )
        content = read_checkpoint(self.folder) if resume and self.folder else None
        if self.folder and content:
            self.resumed = Resumed(content, self.folder)
            self.resumed.restore(self.run, self.model, self.optimizer, self.settings)
            self.run.history = cut_records(self.folder, self.run.records)
        else:
            if self.folder:
                self.folder.mkdir(parents=True, exist_ok=True)
                remove_checkpoint(self.folder)
                remove_records(self.folder)
            first = next(iter(remaining(self.batches(0), 0)), None)
            self.run.threads = self.settings.threads or threads_by_shape(self.model, first)
            self.run.steps_per_epoch = count(self.batches(0))
            seed_generators(self.settings.seed)
        self.guard = Guard(self.model, self.loss_value, self.settings)
        self.model.train()

    def run_to_end(self, interrupt: Interrupt) -> TrainResult:
        run = self.run
        while (stopped := run.stop_reason(self.settings)) is None:
            self.train_epoch(interrupt)
            if interrupt.asked:
                raise self.interrupted()
        if run.losses:
            self.evaluate()
        self.save()
        self.optimizer.zero_grad()
        if run.best_weights is not None:
            self.model.load_state_dict(run.best_weights)
        best_step = run.step if run.best_score is None else run.best_step
        return TrainResult(
            run.best_score, best_step, run.step, tuple(run.history), stopped, run.seconds
        )

    def train_epoch(self, interrupt: Interrupt) -> None:
        """Train on what is left of the epoch, or until something ends the run."""
        run, every = self.run, self.settings.evaluate_every
        batches = remaining(self.batches(run.epoch), run.batch)
        if self.resumed:
            self.resumed.restore_generators()
        for batch in batches:
            took_step = self.train_step(batch)
            run.batch += 1
            if took_step and every and run.step % every == 0:
                self.evaluate()
            self.save_when_due()
            self.progress.step(run)
            if interrupt.asked or run.stop_reason(self.settings):
                return
        if run.step == run.epoch_began:
            raise InputError(f"batches({run.epoch}) held no batch with a valid item")
        run.end_epoch()
        if every is None and run.losses:
            self.evaluate()
            self.save_when_due()

    def train_step(self, batch: Any) -> bool:
        """Take one step; False when the batch has no valid item."""
        run = self.run
        end = last_step(self.settings, run.steps_per_epoch)
        run.rate = learning_rate(self.settings, run.step, last_step=end, decay=run.decay)
        for group in self.optimizer.param_groups:
            group["lr"] = run.rate
        part, carried = self.forward(batch, run.carried)
        items = float(part.items)
        if items == 0:
            run.carried = carried
            return False
        mean = part.total / items
        value = mean.item()
        if not math.isfinite(value):
            raise self.guard.bad_loss(value, run)
        self.optimizer.zero_grad()
        mean.backward()
        norm = clip_gradients(self.parameters, self.settings)
        if not math.isfinite(norm):
            raise self.guard.bad_gradient(value, run)
        self.guard.keep(batch)
        self.optimizer.step()
        run.carried = carried
        run.took_step(value, items, norm)
        return True

    def forward(self, batch: Any, state: State | None) -> tuple[Loss, State | None]:
        """Return the loss of a batch and the state to carry on, cut from the graph."""
        if self.carry is None:
            part = self.loss(self.model, batch)
        else:
            if state is None and self.resumed:
                with generators_kept():
                    state = self.resumed.carried(like=self.carry(self.model, batch))
            if state is None:
                state = self.carry(self.model, batch)
            part, state = self.loss(self.model, batch, state)
            state = detach(state)
        if not isinstance(part, Loss):
            raise InputError(
                f"the loss function returned {type(part).__name__}", expected="Loss(total, items)"
            )
        return part, state

    def loss_value(self, batch: Any) -> float:
        """Return the mean loss of a batch from the initial state; nothing is trained."""
        with torch.no_grad():
            part, _ = self.forward(batch, None)
            return float(part.total / part.items)

    def evaluate(self) -> None:
        """Score the validation part, write the record, and keep the weights if they are the best."""
        score = None if self.validate is None else self.score(self.validate)
        record = self.run.take_record(score)
        if score is not None:
            self.run.judge(score, self.model, self.settings)
        if self.folder:
            append_record(self.folder, record)
        self.run.group_began = self.run.seconds
        self.progress.evaluated(record)

    def score(self, validate: Callable[[nn.Module], float]) -> float:
        """Return the validation score; how often it is asked for does not change what is trained."""
        self.model.eval()
        with torch.no_grad(), generators_kept():
            score = float(validate(self.model))
        self.model.train()
        if math.isnan(score):
            raise TrainingError(f"step {self.run.step}: the validation score is nan")
        return score

    def save_when_due(self) -> None:
        every = self.settings.checkpoint_every
        if every is not None:
            due = self.run.step - self.saved_step >= every
        else:
            # Saving takes one percent of the time at most, and at most a few seconds of work are ever lost.
            waited = time.perf_counter() - self.saved_at
            due = waited > max(2.0, 100 * self.saving_took)
        if due:
            self.save()

    def save(self) -> None:
        """Write a checkpoint, if there is a folder to write it to."""
        if self.folder is None:
            return
        began = time.perf_counter()
        content = checkpoint_content(self.run, self.model, self.optimizer, self.settings)
        write_checkpoint(self.folder, content)
        self.saved_at, self.saved_step = time.perf_counter(), self.run.step
        self.saving_took = self.saved_at - began

    def interrupted(self) -> KeyboardInterrupt:
        """Save, and return the interrupt that says how to go on."""
        self.save()
        if self.folder is None:
            return KeyboardInterrupt(
                f"stopped after step {self.run.step}; nothing was saved, as no folder was given"
            )
        return KeyboardInterrupt(
            f"stopped after step {self.run.step}; go on with resume=True (--resume) and the folder {self.folder}"
        )


@contextmanager
def _modes_kept(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
