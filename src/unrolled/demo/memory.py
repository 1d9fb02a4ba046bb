"""What a cell remembers and how far its gradient reaches: RNN, LSTM and GRU on the adding problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from unrolled.cells import cell_named
from unrolled.cells.rnn import RNN
from unrolled.core.layer import Layer
from unrolled.core.watch import gradient_reach
from unrolled.data.synthetic import adding_problem
from unrolled.errors import TrainingError
from unrolled.train.loop import Loss, fit
from unrolled.train.progress import Silent
from unrolled.train.run import Run
from unrolled.train.settings import TrainSettings

Batch = tuple[Tensor, Tensor]

CELLS = ("rnn", "lstm", "gru")
GUESS = 1 / 6
"""Mean squared error of the simplest method: always answer 1, the mean of the sum."""

LENGTHS = (20, 50)
UPDATES = {20: 600, 50: 900}
BATCH, UNITS, CLIP = 32, 32, 1.0


@dataclass
class Course(Silent):
    """What every step of a training gave: the loss of its batch, and the gradient's norm before clipping."""

    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)

    def step(self, run: Run) -> None:
        self.losses.append(run.losses[-1])
        self.norms.append(run.gradient_norms[-1])


@dataclass(frozen=True)
class MemoryRun:
    """One cell trained on the adding problem of one length.

    Attributes:
        cell: its name.
        steps: length of the sequences.
        course: loss and gradient norm of every step.
        error: mean squared error on 2,000 fresh sequences.
        seconds: of training.
        reach: |dL/dh_t| by distance from the last step, before training.
        trained_reach: the same after it.
    """

    cell: str
    steps: int
    course: Course
    error: float
    seconds: float
    reach: list[float]
    trained_reach: list[float]

    @property
    def solved(self) -> bool:
        """Whether the error is below a tenth of what guessing the mean gives."""
        return self.error < GUESS / 10


@dataclass(frozen=True)
class ExplodingRun:
    """A relu RNN whose gradients grow with every step back, trained with or without clipping.

    Attributes:
        clipped: whether the norm was clipped at 1.
        course: loss and gradient norm of every step.
        stopped: what the training said when it could not go on, else None.
    """

    clipped: bool
    course: Course
    stopped: str | None = None


class AddingNetwork(nn.Module):
    """A layer over (B, T, 2), and one number from its last output: (B,)."""

    def __init__(self, layer: Layer, units: int) -> None:
        super().__init__()
        self.layer, self.readout = layer, nn.Linear(units, 1)

    def forward(self, xs: Tensor) -> Tensor:
        ys, _ = self.layer(xs)
        return self.readout(ys[:, -1]).squeeze(1)


def train_on_adding(cell: str, steps: int, seed: int = 0) -> MemoryRun:
    """Train one cell, at most 5 seconds, and measure it on fresh sequences."""
    torch.manual_seed(seed)
    network = AddingNetwork(cell_named(cell)(2, UNITS), UNITS)
    fresh = adding_problem(2000, steps, torch.Generator().manual_seed(seed + 1))
    sample = (fresh[0][:64], fresh[1][:64])
    before, course = _reach(network, sample), Course()
    settings = TrainSettings(
        epochs=None,
        max_steps=UPDATES[steps],
        max_minutes=5 / 60,
        learning_rate=0.01,
        clip_norm=CLIP,
        seed=seed,
        threads=1,
    )
    result = fit(network, _squared_error, _batches(steps, seed), settings, progress=course)
    with torch.no_grad():
        error = float(_squared_error(network, fresh).total) / len(fresh[1])
    return MemoryRun(cell, steps, course, error, result.seconds, before, _reach(network, sample))


def train_exploding(clipped: bool, steps: int = 50, seed: int = 0) -> ExplodingRun:
    """Train a relu RNN that begins at 1.05 x the identity: there a gradient grows with every step back.

    The identity itself is from Le et al. 2015, arXiv:1504.00941.
    """
    torch.manual_seed(seed)
    cell, course = RNN(2, UNITS, nonlinearity="relu"), Course()
    with torch.no_grad():
        cell.weight_hh.copy_(1.05 * torch.eye(UNITS))
    settings = TrainSettings(
        epochs=None,
        max_steps=300,
        optimizer="sgd",
        learning_rate=0.05,
        schedule="constant",
        clip_norm=CLIP if clipped else None,
        seed=seed,
        threads=1,
    )
    network = AddingNetwork(cell, UNITS)
    try:
        fit(network, _squared_error, _batches(steps, seed), settings, progress=course)
    except TrainingError as error:
        return ExplodingRun(clipped, course, stopped=str(error))
    return ExplodingRun(clipped, course)


def _squared_error(network: nn.Module, batch: Batch) -> Loss:
    xs, sums = batch
    return Loss((network(xs) - sums).square().sum(), len(sums))


def _batches(steps: int, seed: int) -> Callable[[int], Iterator[Batch]]:
    def epoch_of(epoch: int) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(1_000_000 * (seed + 2) + epoch)
        for _ in range(100):
            yield adding_problem(BATCH, steps, generator)

    return epoch_of


def _reach(network: nn.Module, sample: Batch) -> list[float]:
    (reach,) = gradient_reach(network, sample, lambda *both: _squared_error(*both).total).values()
    return reach.tolist()
