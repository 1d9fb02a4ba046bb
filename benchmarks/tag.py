"""Tagging: entities and parts of speech, the model beside the most frequent tag of every word, on public data sets.

    UNROLLED_DATA=DIR python -m benchmarks.tag resume_ner --seeds 3 --cell lstm

DIR holds tag/resume_ner/{train,dev,test}.char.bmes and tag/ud_english_lines/en_lines-ud-{train,dev,test}.conllu.xz. How runs are kept
and gone on with stands in `benchmarks.variants`.
"""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import Any

from benchmarks import variants
from benchmarks.runs import peak_memory_mb, surroundings
from benchmarks.tag_data import RECIPES, options_of
from benchmarks.variants import Job, Study
from unrolled.data.tagged import Tagged, read_tagged
from unrolled.tasks.tag import Tagger
from unrolled.train.progress import TerminalProgress

METRICS = ("accuracy", "span_precision", "span_recall", "span_f1")


def train_and_score(job: Job) -> dict[str, Any]:
    """Train from the checkpoint if there is one, and score the test part once."""
    train, held, scored = (
        _first(read_tagged(str(file)), job.rows)
        for file in RECIPES[job.name].read(job.data / "tag")
    )
    resumed = (job.folder / "checkpoint.pt").exists()
    model = Tagger(seed=job.seed, **job.options)
    began = time.perf_counter()
    model.fit(
        *train,
        validation=held,
        test=scored,
        folder=job.folder,
        resume=True,
        progress=partial(TerminalProgress, title=f"{job.name}, seed {job.seed}", lines=True),
    )
    fitted, memory = time.perf_counter(), peak_memory_mb()
    result = model.evaluate()
    evaluated = time.perf_counter()
    assert model.training is not None
    facts, training, scores = model.facts(), model.training, result["scores"]
    shown = [name for name in METRICS if name in scores["model"]]
    beside = {name: some for name, some in scores.items() if name != "model"}
    return {
        "scores": {name: scores["model"][name] for name in shown},
        "baselines": {n: {m: some[m] for m in shown} for n, some in beside.items()},
        "by_type": result.get("by_type"),
        "parameters": facts["parameters"],
        "train_tokens_per_second": median(each.items_per_second for each in training.history),
        "fit_memory_mb": memory,
        "steps": training.steps,
        "best_step": training.best_step,
        "epochs": training.history[-1].epoch,
        "stopped": training.stopped,
        "validation_score": training.best_score,
        "training_seconds": round(training.seconds, 1),
        # Of this process: after a resumption, without what was done before.
        "fit_seconds": round(fitted - began, 1),
        "scoring_seconds": round(evaluated - fitted, 1),
        "resumed": resumed,
        "rows": {
            "train": facts["train_rows"],
            "validation": facts["validation_rows"],
            "test": result["rows"],
        },
        "duplicates": result["duplicates"],
        "notes": list(model.notes),
        "facts": facts,
        **surroundings(),
    }


def _first(rows: Tagged, count: int | None) -> tuple[list[list[str]], list[list[str]]]:
    """Return sentences and tags, so many at most."""
    assert rows.tags is not None
    return (
        [list(sentence) for sentence in rows.sentences[:count]],
        [list(tags) for tags in rows.tags[:count]],
    )


STUDY = Study("tag", RECIPES, options_of, train_and_score)


def main() -> None:
    variants.main(STUDY)


if __name__ == "__main__":
    main()
