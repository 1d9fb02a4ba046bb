"""One training of the translation benchmarks and its scores, and the simple methods beside it."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np

from benchmarks.runs import peak_memory_mb, surroundings
from benchmarks.translate_data import RECIPES, Split
from benchmarks.variants import Job
from unrolled.tasks.baselines import TRANSLATE_BASELINES, is_summary
from unrolled.tasks.text_scores import text_scores
from unrolled.tasks.translate import Outcome, Translator
from unrolled.train.progress import TerminalProgress


def split_of(job: Job) -> Split:
    """Return what the job trains on and scores."""
    whole: Split = RECIPES[job.name].read(job.data / "translate")
    return whole.first(job.rows)


def train_and_score(job: Job) -> dict[str, Any]:
    """Train from the checkpoint if there is one, and score the test part once."""
    split, recipe = split_of(job), RECIPES[job.name]
    resumed = (job.folder / "checkpoint.pt").exists()
    model = Translator(seed=job.seed, **job.options)
    began = time.perf_counter()
    model.fit(
        *split.train,
        validation=split.validation and tuple(split.validation),
        test=tuple(split.test),
        folder=job.folder,
        resume=True,
        progress=partial(TerminalProgress, title=f"{job.name}, seed {job.seed}", lines=True),
    )
    fitted, memory = time.perf_counter(), peak_memory_mb()
    result = model.evaluate(baselines=())
    evaluated = time.perf_counter()
    assert model.training is not None
    assert model.outcome is not None
    facts = model.facts()
    speed = {"parameters", "tokens_per_second", "peak_memory_mb"}
    scores = {name: v for name, v in result["scores"]["model"].items() if name not in speed}
    training = model.training
    return {
        "scores": scores,
        "bleu_interval": result["bleu_interval"],
        "signatures": result["signatures"],
        "parameters": facts["parameters"],
        "train_tokens_per_second": facts["train_tokens_per_second"],
        "decode_tokens_per_second": result["scores"]["model"]["tokens_per_second"],
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
        **({"examples": examples(model.outcome, recipe.examples)} if recipe.examples else {}),
        **surroundings(),
    }


def examples(outcome: Outcome, count: int) -> list[dict[str, str]]:
    """Return so many rows as the model wrote them, evenly spread."""
    most = len(outcome.sources)
    rows = np.unique(np.linspace(0, most - 1, min(count, most)).round().astype(int)).tolist()
    return [
        {
            "source": outcome.sources[row],
            "reference": outcome.references[row],
            "hypothesis": outcome.hypotheses[row],
        }
        for row in rows
    ]


def score_baselines(job: Job) -> dict[str, Any]:
    """Fit the simple methods on the training pairs, and score the test part."""
    split = split_of(job)
    sources, targets = split.train
    kind = "summarise" if is_summary(sources, targets) else "translate"
    scores = {}
    for name, baseline in TRANSLATE_BASELINES[kind].items():
        written = baseline().fit(sources, targets).predict(split.test.sources)
        scores[name] = text_scores(
            written,
            split.test.targets,
            tokenize=job.options.get("tokenize"),
            rouge=kind == "summarise",
        )
    seen = set(targets)
    return {
        "kind": kind,
        "baselines": scores,
        "test_targets_in_training": sum(target in seen for target in split.test.targets),
    }
