"""The loop: batch, loss, gradient, clip, step; evaluate, keep the best, save.

    settings = TrainSettings(epochs=20, learning_rate=3e-3)
    result = fit(model, loss, batches, settings, validate=validate, folder=Path("model"))

A process that is killed at any moment goes on with ``resume=True`` to the weights it would have had.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unrolled.core.tree import State
from unrolled.errors import InputError, OptionError, TrainingError
from unrolled.train.average import WeightAverage
from unrolled.train.batches import count, remaining
from unrolled.train.clip import clip_gradients
from unrolled.train.generators import generators_kept, seed_generators, set_generator_states
from unrolled.train.guard import Guard
from unrolled.train.interrupt import Interrupt
from unrolled.train.metrics import Record, append_record
from unrolled.train.objective import Loss, Objective
from unrolled.train.optimizer import make_optimizer
from unrolled.train.progress import Progress, Silent
from unrolled.train.run import Run
from unrolled.train.saving import Saver
from unrolled.train.schedule import last_step, learning_rate
from unrolled.train.settings import TrainSettings
from unrolled.train.thaw import Part, thaw, whole
from unrolled.train.threads import threads_by_shape, torch_threads

__all__ = ["Loss", "TrainResult", "Training", "fit"]

Score = Callable[[nn.Module], float]


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
    validate: Score | None = None,
    carry: Callable[[nn.Module, Any], State] | None = None,
    parts: Sequence[Part] = (),
    folder: Path | str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    about: Mapping[str, str] | None = None,
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
        parts: of the network that are trained later than the rest, or at a rate of their own.
        folder: where checkpoint.pt and metrics.jsonl go; None = nothing is written.
        resume: go on from the checkpoint in ``folder``, or begin if there is none; otherwise an old one is removed.
        progress: told of every step.
        about: what else a run must be resumed with, by name: a digest of the data, the options of the task.

    Raises:
        TrainingError: a loss, gradient or score was not finite; the model has its last good weights.
        OptionError: resumed with other settings, or with something else of ``about``.
        KeyboardInterrupt: on Ctrl-C, after the step under way was finished and a checkpoint written; it says how to
            go on.

    >>> model, data = nn.Linear(1, 1), torch.tensor([[0.0], [1.0]])
    >>> def loss(model, x): return Loss(((model(x) - 2 * x) ** 2).sum(), len(x))
    >>> result = fit(model, loss, lambda epoch: [data], TrainSettings(epochs=200, learning_rate=0.1))
    >>> result.steps, result.history[-1].loss < 0.01
    (200, True)
    """
    if settings.schedule == "plateau" and validate is None:
        raise OptionError("schedule='plateau' follows the validation score, and nothing validates")
    folder = None if folder is None else Path(folder)
    training = Training(
        model, Objective(loss, carry), batches, settings, validate, folder, about, parts
    )
    training.progress = progress or Silent()
    with generators_kept(), _modes_kept(model), training.thawed(), Interrupt() as interrupt:
        training.begin(resume)
        try:
            with torch_threads(training.run.threads), training.progress:
                return training.run_to_end(interrupt)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(training.saver.how_to_resume()) from stop


class Training:
    """One call of `fit`: what it was given, and the `Run` that changes."""

    progress: Progress

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        batches: Callable[[int], Iterable[Any]],
        settings: TrainSettings,
        validate: Score | None,
        folder: Path | None,
        about: Mapping[str, str] | None = None,
        parts: Sequence[Part] = (),
    ) -> None:
        self.model, self.objective, self.batches = model, objective, batches
        self.settings, self.validate, self.folder = settings, validate, folder
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        if not self.parameters:
            raise InputError("the model has no parameter that requires a gradient")
        self.parts = whole(self.parameters, parts)
        self.optimizer = make_optimizer(self.parts, settings)
        self.average = (
            WeightAverage(self.parameters, settings.average) if settings.average else None
        )
        self.saver = Saver(folder, settings, model, self.optimizer, objective, about, self.average)
        self.run = Run()

    def begin(self, resume: bool) -> None:
        """Go on from the checkpoint, or start with nothing of an earlier run left."""
        if not self.saver.begin(self.run, resume=resume):
            epoch = self.batches(0)
            self.run.steps_per_epoch = count(epoch)
            self.run.threads = self.settings.threads or threads_by_shape(self.model, epoch)
            seed_generators(self.settings.seed)
        self.guard = Guard(self.model, self.objective, self.settings)
        self.optimizer.zero_grad()
        self.model.train()

    def run_to_end(self, interrupt: Interrupt) -> TrainResult:
        run = self.run
        while (stopped := run.stop_reason(self.settings)) is None:
            self.train_epoch(interrupt)
            if interrupt.asked:
                self.saver.save(run)
                raise KeyboardInterrupt
        if run.losses:
            self.evaluate()
        self.saver.save(run)
        self.optimizer.zero_grad()
        if run.best_weights is not None:
            self.model.load_state_dict(run.best_weights)
        elif self.average is not None:
            self.average.put_into(self.parameters)
        best_step = run.step if run.best_score is None else run.best_step
        return TrainResult(
            run.best_score, best_step, run.step, tuple(run.history), stopped, run.seconds
        )

    def train_epoch(self, interrupt: Interrupt) -> None:
        """Train on what is left of the epoch, or until something ends the run."""
        run, every = self.run, self.settings.evaluate_every
        for batch in self.batches_left():
            took_step = self.train_step(batch)
            run.batch += 1
            if took_step and every and run.step % every == 0:
                self.evaluate()
            self.saver.save_when_due(run)
            self.progress.step(run)
            if interrupt.asked or run.stop_reason(self.settings):
                return
        if run.step == run.epoch_began:
            raise InputError(f"batches({run.epoch}) held no batch with a valid item")
        run.end_epoch()
        self.objective.saved = None
        if every is None:
            self.evaluate()
            self.saver.save_when_due(run)

    def batches_left(self) -> Iterator[Any]:
        """Return the batches of the epoch that are not done."""
        batches = remaining(self.batches(self.run.epoch), self.run.batch)
        if self.saver.generators is not None:
            # Only now, as making and passing over batches may have drawn numbers.
            set_generator_states(self.saver.generators)
            self.saver.generators = None
        return batches

    def train_step(self, batch: Any) -> bool:
        """Take one step; False when the batch has no valid item."""
        run = self.run
        end = last_step(self.settings, run.steps_per_epoch, step=run.step, seconds=run.seconds)
        run.rate = learning_rate(self.settings, run.step, last_step=end, decay=run.decay)
        for group in self.optimizer.param_groups:
            group["lr"] = run.rate * group.get("rate", 1.0)
        thaw(self.parts, run.share_done(self.settings))
        part, carried = self.objective(self.model, batch, run.carried)
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
        if self.average is not None:
            self.average.update(run.step, self.parameters)
        return True

    def evaluate(self) -> None:
        """Score the validation part, write the record, and keep the weights if they are the best."""
        trained = self.run.seconds - self.run.group_began
        with self.weights_judged():
            score = None if self.validate is None else self.score(self.validate)
            record = self.run.take_record(score, trained)
            if score is not None:
                self.run.judge(score, self.model, self.settings)
        if self.folder:
            append_record(self.folder, record)
        self.progress.evaluated(record)

    @contextmanager
    def thawed(self) -> Iterator[None]:
        """Leave no part frozen, however the run ends."""
        try:
            yield
        finally:
            thaw(self.parts, done=1.0)

    def weights_judged(self) -> AbstractContextManager[None]:
        """Let the model have the weights inside that are evaluated and kept."""
        return nullcontext() if self.average is None else self.average.in_place_of(self.parameters)

    def score(self, validate: Score) -> float:
        """Return the validation score; how often it is asked for does not change what is trained."""
        self.model.eval()
        with torch.no_grad(), generators_kept():
            score = float(validate(self.model))
        self.model.train()
        if math.isnan(score):
            raise TrainingError(
                f"step {self.run.step}: the validation score is nan; look for values in the validation part "
                f"that are not finite, or lower learning_rate (now {self.settings.learning_rate:g})"
            )
        return score


@contextmanager
def _modes_kept(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
