"""An epoch of the review classifier, beside the same network in plain torch.

    UNROLLED_DATA=DIR python -m benchmarks.review_epoch review_epoch

DIR holds classify/online_shopping_zh/online_shopping_10_cats.zip and classify/chnsenticorp_hotel. The epoch is cut into
parts; every part is trained on by each of three in turn, on the same batches of reviews of similar length:

    ours    Classifier(cell="gru", hidden_size=128, bidirectional=False, ngrams=0), by its own training loop
    padded  nn.Embedding, nn.GRU on the padded batch, the mean and the largest step, nn.Linear; Adam, clipping
    packed  the same with a PackedSequence

Before anything is timed the three must answer alike. Writes benchmarks/results/review_epoch.json.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks import classify_data as data
from benchmarks.runs import read_arguments, surroundings, write_result
from unrolled import to_torch
from unrolled.bench.timing import ratio_of
from unrolled.data.labelled import read_labelled
from unrolled.models.classifier import ClassifyNetwork
from unrolled.tasks.classify.fitting import FittingTask, prepare
from unrolled.tasks.classify.parts import part_rows
from unrolled.tasks.classify.reading import LabelledBatch
from unrolled.tasks.classify.settings import read_options
from unrolled.tasks.classify.training import classify_loss, training_batches
from unrolled.train.batches import BatchList
from unrolled.train.loop import fit

PARTS = 21
SEED = 0
OPTIONS = {
    "hidden_size": 128,
    "bidirectional": False,
    "ngrams": 0,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "epochs": 1,
    "test": 0,
}
CLIP = 1.0


class PlainNetwork(nn.Module):
    """The classifier's network in torch alone, with a copy of its weights."""

    def __init__(self, network: ClassifyNetwork, packed: bool) -> None:
        super().__init__()
        self.packed = packed
        self.read = nn.Embedding.from_pretrained(network.read.weight.detach().clone(), freeze=False)
        self.recurrent = to_torch(network.layer)
        self.answer = nn.Linear(network.answer.in_features, network.answer.out_features)
        self.answer.load_state_dict(network.answer.state_dict())

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        read = self.read(tokens)
        lengths = lengths.clamp(
            min=1
        )  # torch cannot pack an empty review; it reads one unit of padding
        if self.packed:
            rows = pack_padded_sequence(read, lengths, batch_first=True, enforce_sorted=False)
            hidden, _ = pad_packed_sequence(self.recurrent(rows)[0], batch_first=True)
        else:
            hidden, _ = self.recurrent(read)
        padding = (torch.arange(hidden.shape[1]) >= lengths[:, None])[:, :, None]
        largest = hidden.masked_fill(padding, -torch.inf).amax(1)
        mean = hidden.masked_fill(padding, 0).sum(1) / lengths[:, None]
        answer: Tensor = self.answer(torch.cat((largest, mean), -1))
        return answer


def train_plainly(network: PlainNetwork, batches: Sequence[LabelledBatch], rate: float) -> None:
    """Train on every batch once, as a tutorial does."""
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for batch in batches:
        optimizer.zero_grad()
        scores = network(batch.xs.data, batch.xs.row_lengths)
        F.cross_entropy(scores, batch.labels).backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()


def check(network: ClassifyNetwork, plain: Sequence[PlainNetwork], batch: LabelledBatch) -> float:
    """Return how far the answers differ, the most of all; raise where that is more than rounding."""
    with torch.no_grad():
        ours = network.classify(batch.xs)
        others = [other(batch.xs.data, batch.xs.row_lengths) for other in plain]
    worst = max(float((other - ours).abs().max()) for other in others)
    if worst > 1e-4:
        raise RuntimeError(f"the networks differ by {worst}")
    return worst


def reviews(folder: Path) -> FittingTask:
    """Return the task of learning from the reviews."""
    (split,) = data.read_online_shopping(folder)
    settings, training = read_options({**OPTIONS, "seed": SEED})
    labelled = read_labelled((split.train.inputs, split.train.labels))
    return prepare("gru", settings, training, labelled, part_rows(labelled, settings, SEED))


def gathered(task: FittingTask, seconds: dict[str, list[float]], worst: float) -> dict[str, Any]:
    """Return the result: seconds of the epoch, and how many times ours the others take, over the parts."""
    lengths = task.train.lengths
    ratios = {
        name: ratio_of(seconds["ours"], spent).as_json()
        for name, spent in seconds.items()
        if name != "ours"
    }
    return {
        "benchmark": "review_epoch",
        "configuration": {**OPTIONS, "cell": "gru", "batch_size": task.settings.batch_size},
        "seed": SEED,
        "threads": torch.get_num_threads(),
        "reviews": len(lengths),
        "tokens": int(lengths.sum()),
        "answers_differ": worst,
        "seconds": {name: round(sum(spent), 2) for name, spent in seconds.items()},
        "ratios": ratios,
        "parts": seconds,
        **surroundings(),
    }


def main() -> None:
    read = read_arguments(__doc__, ["review_epoch"], options_of="nothing")
    task = reviews(read.data / "classify")
    batches = training_batches(task.train, task.parts.train.labels, task.settings)(0)
    network, rate = task.network, task.settings.learning_rate
    contestants: dict[str, Callable[[BatchList[LabelledBatch]], Any]] = {
        "ours": lambda part: fit(network, classify_loss(None), lambda _: part, task.settings)
    }
    plain = {name: PlainNetwork(network, name == "packed") for name in ("padded", "packed")}
    for name, other in plain.items():
        contestants[name] = lambda part, other=other: train_plainly(other, part, rate)
    worst = check(network, list(plain.values()), batches[0])
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    cuts = np.linspace(0, len(batches), PARTS + 1).astype(int)
    for number, (begin, end) in enumerate(itertools.pairwise(cuts)):
        names = list(contestants)
        for name in names if number % 2 else reversed(names):
            started = time.perf_counter()
            contestants[name](batches[begin:end])
            seconds[name].append(time.perf_counter() - started)
        told = "  ".join(f"{name} {sum(spent):.1f} s" for name, spent in seconds.items())
        print(f"part {number + 1} of {PARTS}: {told}", file=sys.stderr, flush=True)
    write_result(gathered(task, seconds, worst))


if __name__ == "__main__":
    main()
