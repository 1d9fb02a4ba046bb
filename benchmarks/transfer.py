"""A classifier that begins with a language model of its own training texts: IMDB reviews, 25,000 to train on and 25,000 to
test (Maas et al. 2011), beside the simple methods.

    UNROLLED_DATA=DIR python -m benchmarks.transfer [--seed N] [--language OPTION=VALUE ...] [--set OPTION=VALUE ...]

DIR holds classify/imdb/{train,test}.tsv.xz. First a Generator is trained on the texts of the training part, without their
labels and without other text, then a Classifier that begins with it (Dai and Le 2015, arXiv:1511.01432; Howard and Ruder
2018, arXiv:1801.06146). Their checkpoints are in a folder outside the repository (--scratch, or UNROLLED_SCRATCH): a run that
is stopped goes on, and another classifier takes the language model that is there. The test part is scored once, at the
end, and the result is written to benchmarks/results/transfer_imdb.json.

A trial (--rows N, --language, --set) trains on so many rows of the training part and scores others of it: the test part
is not read. Its result is written into the scratch folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import classify_data as data
from benchmarks.classify import plain
from benchmarks.runs import RESULTS, options_set, peak_memory_mb, surroundings
from unrolled.data.files import write_atomically
from unrolled.data.partition import stratified_parts
from unrolled.tasks.classify import Classifier
from unrolled.tasks.generate import Generator
from unrolled.train.progress import TerminalProgress

Rows = NDArray[np.int64]

SCRATCH = Path(tempfile.gettempdir()) / "unrolled_benchmarks"
LANGUAGE: dict[str, Any] = {
    "cell": "gru",
    "kind": "documents",
    "units": "bpe",
    "vocabulary": 8_000,
    "layers": 1,
    "hidden_size": 512,
    "embedding": 256,
    "dropout": 0.1,
    "weight_dropout": 0.1,
    "validation": 0.02,
    "test": 0,
    "epochs": None,
    "max_minutes": 60,
}
"""The options of the Generator."""
CLASSIFY: dict[str, Any] = {"epochs": None, "max_minutes": 25}
"""Those of the Classifier."""
TRIAL_SCORED = 0.2
"""The share of the training part that a trial scores."""
PUBLISHED = (
    "LSTM from a language model of the same and unlabelled reviews 0.928, one-hot LSTM 0.941"
)


def read_arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("UNROLLED_DATA"))
    parser.add_argument("--scratch", type=Path, default=os.environ.get("UNROLLED_SCRATCH", SCRATCH))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, help="of the training part, a trial")
    for name, of in (("language", "Generator"), ("set", "Classifier")):
        parser.add_argument(
            f"--{name}", nargs="*", default=[], metavar="OPTION=VALUE", help=f"of the {of}, a trial"
        )
    read = parser.parse_args(given)
    if read.data is None:
        parser.error("give the data folder: --data DIR, or UNROLLED_DATA=DIR")
    read.language, read.set = (options_set(given, parser) for given in (read.language, read.set))
    read.trial = bool(read.rows or read.language or read.set)
    return read


def rows_of(read: argparse.Namespace) -> data.Split:
    """Return what is trained on and what is scored: of a trial both are of the training part."""
    folder = read.data / "classify"
    if not read.trial:
        return data.read_imdb(folder)[0]
    train = data.imdb_part(folder, "train")
    parts = stratified_parts(train.labels, validation=0, test=TRIAL_SCORED, seed=0)
    return data.Split(*(train.take(spread(rows, read.rows)) for rows in (parts.train, parts.test)))


def spread(rows: Rows, most: int | None) -> Rows:
    """Return at most so many rows, evenly spread.

    >>> spread(np.arange(10), 3).tolist()
    [0, 3, 6]
    """
    return rows[:: -(-len(rows) // most)] if most else rows


def run(read: argparse.Namespace) -> dict[str, Any]:
    """Train the language model, and from it the classifier, or go on with them; score, and return the result."""
    split = rows_of(read)
    language = {"seed": read.seed, **LANGUAGE, **read.language}
    options = {"seed": read.seed, **CLASSIFY, **read.set}
    began = time.perf_counter()
    generator = Generator(**language).fit(
        split.train.inputs,
        folder=read.scratch / f"transfer_language_{digest(language, read.rows)}",
        resume=True,
        progress=partial(TerminalProgress, title="language model", lines=True),
    )
    learned = time.perf_counter()
    classifier = Classifier(start=generator, **options).fit(
        split.train.inputs,
        split.train.labels,
        test=tuple(split.test),
        folder=read.scratch / f"transfer_classify_{digest(language, options, read.rows)}",
        resume=True,
        progress=partial(TerminalProgress, title="classifier", lines=True),
    )
    fitted, memory = time.perf_counter(), peak_memory_mb()
    result = classifier.evaluate(baselines=() if read.trial else None)
    seconds = {
        # With what was done before a resumption.
        "language_training": training_seconds(generator),
        "classifier_training": training_seconds(classifier),
        # Of this process alone, with reading the texts.
        "language": learned - began,
        "classifier": fitted - learned,
        "scoring": time.perf_counter() - fitted,
    }
    return {
        "benchmark": "transfer_imdb",
        "note": "25,000 reviews to train on and 25,000 to test, as given; no other text",
        "metric": "accuracy",
        "published": PUBLISHED,
        "rows": {"train": len(split.train.labels), "test": result["rows"]},
        "options": {"language": language, "classifier": options},
        "configuration": {
            "language": facts_of(generator),
            "classifier": facts_of(classifier),
        },
        "model": {"scores": result["scores"].pop("model")},
        "baselines": result["scores"],
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "fit_memory_mb": memory,
        **surroundings(),
    }


def digest(*options: Any) -> str:
    """Return what tells the folder of one training from those of others."""
    text = json.dumps(options, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def training_seconds(model: Generator | Classifier) -> float:
    assert model.training is not None
    return model.training.seconds


def facts_of(model: Generator | Classifier) -> dict[str, object]:
    """Return what was configured and measured, and the best validation score."""
    assert model.training is not None
    facts = {name: plain(value) for name, value in model.facts().items()}
    return {**facts, "validation_score": model.training.best_score}


def show(result: dict[str, Any]) -> None:
    """Print one line a method, and the times."""
    print(f"{result['benchmark']} ({result['note']}); published: {result['published']}")
    for method, scores in {"model": result["model"]["scores"], **result["baselines"]}.items():
        print(f"  {method:18}" + "  ".join(f"{k} {v:.4f}" for k, v in scores.items()))
    print("  seconds: " + ", ".join(f"{name} {value}" for name, value in result["seconds"].items()))


def main() -> None:
    read = read_arguments()
    result = run(read)
    folder = read.scratch if read.trial else RESULTS
    path = folder / f"{result['benchmark']}.json"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(result, indent=2) + "\n").encode())
    show(result)
    print(f"  written to {path}")


if __name__ == "__main__":
    main()
