"""Models of others, unchanged, with and without `accelerate`: time, and the same loss from the same seed.

    python -m benchmarks accelerate all --rounds 5 --threads 2

neuralforecast, darts and stable-baselines3's contrib are measured where they are installed; the tagger always is. The two
sides take turns, so that what else the machine does meets both. A case is (seconds, final training loss) of one training.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from benchmarks.runs import surroundings, write_result
from unrolled import accelerate

TOLERANCE = 1e-3
"""How far the losses of both sides may lie apart, relative to the loss."""

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
QUIET |= {"enable_checkpointing": False, "accelerator": "cpu"}


class Case(NamedTuple):
    """One training of a model of others.

    Attributes:
        what: the model, in words.
        needs: the package it comes from, or None for plain torch.
        train: is told whether to accelerate and the seed; returns a function that trains and returns the final loss.
    """

    what: str
    needs: str | None
    train: Callable[[bool, int], Callable[[], float]]


class Tagger(nn.Module):
    """A tagger as textbooks have it: embedded words, a recurrent network over packed sentences, a linear layer."""

    def __init__(self, kind: type[nn.RNNBase], words: int, tags: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 100)
        self.body: Any = kind(100, 128, bidirectional=True)  # type: ignore[call-arg]
        self.head = nn.Linear(256, tags)

    def forward(self, sentences: PackedSequence) -> Tensor:
        features = sentences._replace(data=self.embedding(sentences.data))
        return self.head(self.body(features)[0].data)


def tagger(kind: type[nn.RNNBase], accelerated: bool, seed: int) -> Callable[[], float]:
    """Tag each word by itself and the one before it, in sentences of 4 to 60 words."""
    generator = torch.Generator().manual_seed(seed)
    batches = []
    for _ in range(40):
        lengths = torch.randint(4, 61, (32,), generator=generator).tolist()
        rows = [torch.randint(500, (length,), generator=generator) for length in lengths]
        tags = [(row + row.roll(1)) % 7 for row in rows]
        words, right = (pack_sequence(part, enforce_sorted=False) for part in (rows, tags))
        batches.append((words, right.data))
    torch.manual_seed(seed)
    model = Tagger(kind, 500, 7)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    if accelerated:
        accelerate(model)

    def train() -> float:
        loss = torch.zeros(())
        for words, right in batches:
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(model(words), right)
            loss.backward()
            optimiser.step()
        return loss.item()

    return train


def daily_waves(seed: int, series: int, hours: int) -> np.ndarray:
    """Return series (S, T) with a day's wave, a slow drift and noise."""
    generator = np.random.default_rng(seed)
    time_of = np.arange(hours)
    phase = generator.uniform(0, 2 * np.pi, (series, 1))
    noise = generator.normal(0, 0.2, (series, hours))
    waves: np.ndarray = np.sin(2 * np.pi * time_of / 24 + phase) + noise + time_of / hours
    return waves.astype(np.float32)


def neuralforecast_gru(accelerated: bool, seed: int) -> Callable[[], float]:
    import pandas
    from neuralforecast import NeuralForecast
    from neuralforecast.models import GRU

    waves = daily_waves(seed, 8, 400)
    frame = pandas.DataFrame(
        {
            "unique_id": np.repeat(np.arange(8), 400),
            "ds": np.tile(pandas.date_range("2024-01-01", periods=400, freq="h"), 8),
            "y": waves.ravel(),
        }
    )
    model = GRU(h=24, input_size=96, max_steps=60, random_seed=seed, **QUIET)
    if accelerated:
        accelerate(model)
    whole = NeuralForecast([model], freq="h")

    def train() -> float:
        whole.fit(frame)
        return float(whole.models[0].train_trajectories[-1][1])

    return train


def darts_network(kind: str, accelerated: bool, seed: int) -> Callable[[], float]:
    from darts import TimeSeries
    from darts.models import RNNModel
    from pytorch_lightning import Callback

    class Accelerated(Callback):  # type: ignore[misc]
        """darts makes its network when it fits."""

        def on_fit_start(self, trainer: Any, pl_module: nn.Module) -> None:
            accelerate(pl_module)

    callbacks = [Accelerated()] if accelerated else []
    model = RNNModel(
        input_chunk_length=48,
        training_length=72,
        model=kind,
        hidden_dim=64,
        n_rnn_layers=2,
        dropout=0.1,
        n_epochs=4,
        random_state=seed,
        pl_trainer_kwargs={**QUIET, "callbacks": callbacks},
    )
    series = [TimeSeries.from_values(row[:, None]) for row in daily_waves(seed, 4, 300)]

    def train() -> float:
        model.fit(series)
        return float(model.trainer.callback_metrics["train_loss"])

    return train


def recurrent_ppo(accelerated: bool, seed: int) -> Callable[[], float]:
    from sb3_contrib import RecurrentPPO

    model = RecurrentPPO("MlpLstmPolicy", "CartPole-v1", n_steps=256, seed=seed, device="cpu")
    if accelerated:
        accelerate(model.policy)

    def train() -> float:
        model.learn(512)
        return float(model.logger.name_to_value["train/loss"])

    return train


CASES = {
    "tagger_gru": Case(
        "tagger, packed, bidirectional GRU", None, lambda on, seed: tagger(nn.GRU, on, seed)
    ),
    "tagger_lstm": Case(
        "tagger, packed, bidirectional LSTM", None, lambda on, seed: tagger(nn.LSTM, on, seed)
    ),
    "neuralforecast_gru": Case("neuralforecast's GRU", "neuralforecast", neuralforecast_gru),
    "darts_gru": Case(
        "darts' RNNModel, GRU", "darts", lambda on, seed: darts_network("GRU", on, seed)
    ),
    "darts_lstm": Case(
        "darts' RNNModel, LSTM", "darts", lambda on, seed: darts_network("LSTM", on, seed)
    ),
    "recurrent_ppo": Case("sb3-contrib's RecurrentPPO, LSTM", "sb3_contrib", recurrent_ppo),
}


def measured(case: Case, rounds: int) -> dict[str, Any]:
    """Return times, ratio and losses of a case; the first round, in which much is loaded, is not timed."""
    sides: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    for round_ in range(rounds + 1):
        # The seed of a round is the same for both sides, and they take turns in being first.
        for accelerated in (False, True) if round_ % 2 else (True, False):
            train = case.train(accelerated, round_)
            wall, processor = time.perf_counter(), time.process_time()
            loss = train()
            run = {
                "seconds": time.perf_counter() - wall,
                "processor_seconds": time.process_time() - processor,
                "loss": loss,
            }
            sides[accelerated].append(run)
    plain, fast = sides[False][1:], sides[True][1:]
    apart = [
        abs(a["loss"] - b["loss"]) / abs(a["loss"])
        for a, b in zip(sides[False], sides[True], strict=True)
    ]

    def ratio(figure: str) -> float:
        medians = [statistics.median(run[figure] for run in side) for side in (plain, fast)]
        return medians[0] / medians[1]

    return {
        "what": case.what,
        "ratio": ratio("seconds"),
        "processor_ratio": ratio("processor_seconds"),
        "loss_apart": max(apart),
        "same_loss": max(apart) <= TOLERANCE,
        "torch": plain,
        "accelerated": fast,
    }


@contextmanager
def quiet() -> Any:
    """Leave out what the packages of others say meanwhile."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def main() -> None:
    parser = argparse.ArgumentParser(description="Models of others, with and without accelerate.")
    parser.add_argument("name", choices=[*CASES, "all"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    read = parser.parse_args()
    torch.set_num_threads(read.threads)
    found: dict[str, Any] = {}
    for name in CASES if read.name == "all" else [read.name]:
        case = CASES[name]
        if case.needs and importlib.util.find_spec(case.needs) is None:
            found[name] = {"what": case.what, "not_installed": case.needs}
            print(f"{case.what:<36} not installed: {case.needs}")
            continue
        with quiet():
            found[name] = result = measured(case, read.rounds)
        print(
            f"{case.what:<36} {result['ratio']:.2f} x (processor {result['processor_ratio']:.2f} x), "
            f"losses {result['loss_apart']:.1e} apart",
            flush=True,
        )
    if read.name == "all":
        settings = {"rounds": read.rounds, "threads": read.threads}
        write_result({"benchmark": "accelerate", **settings, "cases": found, **surroundings()})


if __name__ == "__main__":
    main()
