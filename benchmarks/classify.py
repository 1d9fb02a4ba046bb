"""Classification of public data sets, the model beside every baseline, on the splits that the literature uses.

    UNROLLED_DATA=DIR python -m benchmarks.classify hotel --seeds 3

DIR holds classify/imdb/{train,test}.tsv.xz, classify/trec6/TREC.{train,test}, classify/subj/subj.{objective,subjective},
classify/chnsenticorp_hotel/ChnSentiCorp_htl_all.csv, classify/online_shopping_zh/online_shopping_10_cats.zip,
classify/mnist1d/mnist1d.npz and classify/names_18lang/LANGUAGE.txt. Every case writes
benchmarks/results/classify_NAME.json: configuration, scores, wall time, peak memory, machine and commit. A case that is
stopped goes on with the seeds, folds and variants that are left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import classify_data as data
from benchmarks.fasttext_baseline import FastText, is_installed
from benchmarks.runs import (
    Finished,
    mean_scores,
    peak_memory_mb,
    read_arguments,
    summary,
    surroundings,
    write_result,
)
from unrolled.data.partition import stratified_parts
from unrolled.tasks.class_scores import class_scores
from unrolled.tasks.classify import Classifier
from unrolled.train.progress import TerminalProgress

BASELINE_SEED = 0
"""The baselines are fitted beside the model of this seed."""


@dataclass(frozen=True)
class Case:
    """One data set and how it is split.

    ``variants`` are options to compare; with more than one, no baseline is fitted. ``slow``: of several minutes, so that
    progress is printed.
    """

    read: Callable[[Path], list[data.Split]]
    published: str
    note: str
    seeds: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    variants: tuple[dict[str, Any], ...] = ({},)
    slow: bool = False
    metric: str = "accuracy"


CASES = {
    "imdb": Case(
        data.read_imdb,
        "LSTM 0.862, one-hot LSTM 0.941",
        "25,000 reviews to train on and 25,000 to test, as given",
        slow=True,
    ),
    "trec6": Case(
        data.read_trec6, "LSTM 0.91", "5,452 questions to train on, 500 to test, as given", seeds=3
    ),
    "subj": Case(
        data.read_subj,
        "LSTM 0.93",
        "10 stratified folds of 10,000 sentences, shuffled with seed 0; the mean of the folds",
        slow=True,
    ),
    "hotel": Case(data.read_hotel, "BiLSTM 0.898 on a relative", "stratified 80/20, seed 0"),
    "online_shopping": Case(
        data.read_online_shopping,
        "none",
        "sentiment; rows that stand in hotel left out, then stratified 80/20, seed 0",
        slow=True,
    ),
    "mnist1d": Case(data.read_mnist1d, "GRU 0.91", "4,000 to train on, 1,000 to test, as given"),
    "mnist1d_shuffled": Case(
        data.read_mnist1d_shuffled, "GRU 0.57", "the same, the 40 steps in one order of seed 0"
    ),
    "names": Case(data.read_names, "none", "stratified 80/20, seed 0", seeds=3),
    "depth": Case(
        data.read_hotel,
        "none",
        "hotel, the recurrent layers alone (ngrams=0)",
        options={"ngrams": 0},
        variants=tuple(
            {"layers": layers, "bidirectional": bidirectional}
            for layers in (1, 2, 4)
            for bidirectional in (False, True)
        ),
        slow=True,
    ),
}


def run(
    name: str, case: Case, folder: Path, seeds: int | None, overrides: dict[str, Any]
) -> dict[str, Any]:
    """Train and score once for every seed, fold and variant; the baselines are fitted beside the first seed."""
    splits = case.read(folder)
    options = {**case.options, **overrides}
    finished = Finished(f"classify_{name}", options)
    runs = []
    for key, split, variant in jobs(case, splits, seeds or case.seeds):
        done = finished.get(key)
        if done is None:
            with_baselines = len(case.variants) == 1 and key["seed"] == BASELINE_SEED
            fitted = one_run(
                split, {**options, **variant}, key["seed"], with_baselines, show_progress=case.slow
            )
            done = finished.add(key, fitted)
        runs.append(done)
        told = " ".join(f"{option} {value}" for option, value in key.items())
        print(f"{name} {told}: {case.metric} {done['scores'][case.metric]:.4f}", flush=True)
    result = gathered(name, case, options, runs)
    if not overrides:
        write_result(result)
    finished.clear()
    return result


def jobs(
    case: Case, splits: list[data.Split], seeds: int
) -> Iterator[tuple[dict[str, Any], data.Split, dict[str, Any]]]:
    """Yield what names a run, the rows, and the options of the variant."""
    for variant in case.variants:
        for seed in range(seeds):
            for split in splits:
                yield {**variant, "seed": seed, **split.key}, split, variant


def one_run(
    split: data.Split,
    options: Mapping[str, Any],
    seed: int,
    with_baselines: bool,
    *,
    show_progress: bool,
) -> dict[str, Any]:
    """Train on the training part, which the classifier holds its validation out of, and score the test part once."""
    model = Classifier(seed=seed, **options)
    progress = partial(TerminalProgress, lines=True) if show_progress else None
    began = time.perf_counter()
    model.fit(split.train.inputs, split.train.labels, test=split.test, progress=progress)
    fitted, memory = time.perf_counter(), peak_memory_mb()
    result = model.evaluate(baselines=None if with_baselines else ())
    evaluated = time.perf_counter()
    assert model.training is not None
    scores = result["scores"]
    baselines = {method: row for method, row in scores.items() if method != "model"}
    if with_baselines and isinstance(split.train.inputs[0], str) and is_installed():
        baselines["fasttext"] = fasttext_scores(split, model)
    return {
        "scores": scores["model"],
        "steps": model.training.steps,
        "best_step": model.training.best_step,
        "epochs": model.training.history[-1].epoch if model.training.history else 0,
        "validation_score": model.training.best_score,
        "training_seconds": round(model.training.seconds, 1),
        "fit_seconds": round(fitted - began, 1),
        "evaluate_seconds": round(evaluated - fitted, 1),
        # Of the process so far: in the first run, of the model without the baselines.
        "fit_memory_mb": memory,
        "rows": {"train": len(split.train.labels), "test": result["rows"]},
        "duplicates": result["duplicates"],
        "facts": {name: plain(value) for name, value in model.facts().items()},
        **({"baselines": baselines} if baselines else {}),
    }


def fasttext_scores(split: data.Split, model: Classifier) -> dict[str, float]:
    """Fit fastText on the classifier's own training and validation rows, and score it on the test part."""
    numbers = {label: number for number, label in enumerate(model.classes)}
    validation, seed = model.settings.validation, int(model.train_options["seed"])
    parts = stratified_parts(split.train.labels, validation=validation, test=0, seed=seed)
    train, held = split.train.take(parts.train), split.train.take(parts.validation)
    fitted = FastText().fit(
        train.inputs,
        [numbers[label] for label in train.labels],
        held.inputs,
        [numbers[label] for label in held.labels],
        classes=len(numbers),
        seed=seed,
    )
    truth = np.array([numbers[label] for label in split.test.labels])
    return class_scores(truth, fitted.predict(split.test.inputs))


def plain(value: object) -> object:
    """Return a fact as JSON has it."""
    return value if isinstance(value, int | float | str | list | None) else str(value)


def gathered(
    name: str, case: Case, options: Mapping[str, Any], runs: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the result of a case: the model, or every variant of it, and the baselines."""
    result: dict[str, Any] = {
        "benchmark": f"classify_{name}",
        "note": case.note,
        "metric": case.metric,
        "published": case.published,
        "configuration": {"cell": "gru", **options, **runs[0]["facts"]},
        "rows": runs[0]["rows"],
    }
    if len(case.variants) == 1:
        result["model"] = scored(runs, case.metric)
        beside = [run["baselines"] for run in runs if "baselines" in run]
        result["baselines"] = {
            method: mean_scores([row[method] for row in beside]) for method in beside[0]
        }
    else:
        result["variants"] = [
            {
                **variant,
                **scored([run for run in runs if variant.items() <= run.items()], case.metric),
            }
            for variant in case.variants
        ]
    return {**result, **surroundings()}


def scored(runs: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    """Return mean and spread of the metric, the mean of every other one, and the runs."""
    return {"scores": mean_scores([run["scores"] for run in runs]), **summary(runs, metric)}


def show(result: dict[str, Any]) -> None:
    """Print one line a method, or a variant."""
    print(f"{result['benchmark']} ({result['note']})")
    metric, variants = result["metric"], result.get("variants")
    if variants is not None:
        for row in variants:
            direction = "both directions" if row["bidirectional"] else "one direction"
            seconds = row["runs"][0]["training_seconds"]
            print(
                f"  layers {row['layers']}, {direction:15} {metric} {row['mean']:.4f}, {seconds} s"
            )
        return
    model = result["model"]
    for method, scores in {"model": model["scores"], **result["baselines"]}.items():
        print(f"  {method:18}" + "  ".join(f"{k} {v:.4f}" for k, v in scores.items()))
    print(
        f"  {metric} over {len(model['runs'])} runs: {model['mean']:.4f} +- {model['spread']:.4f}; "
        f"published: {result['published']}"
    )
    ahead = {m: s[metric] for m, s in result["baselines"].items() if s[metric] > model["mean"]}
    for method, value in ahead.items():
        print(f"  lost against {method}: {value:.4f}")
    first = model["runs"][0]
    print(
        f"  training {first['training_seconds']} s, peak memory {first['fit_memory_mb']} MB, "
        f"with the baselines {result['peak_memory_mb']} MB"
    )


def main() -> None:
    description = (__doc__ or "").splitlines()[0]
    arguments = read_arguments(description, CASES, options_of="Classifier")
    for name in arguments.names:
        folder = arguments.data / "classify"
        show(run(name, CASES[name], folder, arguments.seeds, arguments.overrides))


if __name__ == "__main__":
    main()
