"""Generation: what a language model pays for a character it has not seen, beside an n-gram model, on public texts.

    UNROLLED_DATA=DIR python -m benchmarks.generate shakespeare --cell lstm

DIR holds generate/tinyshakespeare/input.txt, generate/quantangshi/tang.jsonl.xz and generate/classic_novels_zh/NAME.txt.xz. What is
trained with which options stands in `benchmarks.generate_data`, how runs are kept and gone on with in `benchmarks.variants`.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from benchmarks import variants
from benchmarks.generate_data import RECIPES, options_of
from benchmarks.runs import peak_memory_mb, surroundings
from benchmarks.variants import Job, Study
from unrolled.data.documents import read_documents
from unrolled.tasks.generate import Generator
from unrolled.train.progress import TerminalProgress

METRICS = ("nats_per_char", "bits_per_char", "perplexity")


def train_and_score(job: Job) -> dict[str, Any]:
    """Train from the checkpoint if there is one, and score the test part once."""
    recipe = RECIPES[job.name]
    resumed = (job.folder / "checkpoint.pt").exists()
    read = read_documents(recipe.read(job.data / "generate"))
    texts = list(read.texts) if job.rows is None else list(read.texts[: job.rows])
    model = Generator(seed=job.seed, **job.options)
    began = time.perf_counter()
    model.fit(
        texts,
        folder=job.folder,
        resume=True,
        progress=partial(TerminalProgress, title=f"{job.name}, seed {job.seed}", lines=True),
    )
    fitted, memory = time.perf_counter(), peak_memory_mb()
    result = model.evaluate()
    evaluated = time.perf_counter()
    assert model.training is not None
    assert model.outcome is not None
    facts, training, scores = model.facts(), model.training, result["scores"]
    beside = {name: some for name, some in scores.items() if name != "model"}
    written = model.outcome.samples[-1].completions[: recipe.examples]
    return {
        "scores": {name: scores["model"][name] for name in METRICS},
        "baselines": {n: {m: some[m] for m in METRICS} for n, some in beside.items()},
        "samples": result["samples"],
        "parameters": facts["parameters"],
        "train_tokens_per_second": facts["train_tokens_per_second"],
        "write_tokens_per_second": scores["model"]["tokens_per_second"],
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
        "rows": {name: result[name] for name in ("rows", "tokens", "characters", "duplicates")},
        "notes": [*read.notes, *model.notes],
        "facts": facts,
        "examples": [each.text for each in written],
        **surroundings(),
    }


STUDY = Study("generate", RECIPES, options_of, train_and_score)


def main() -> None:
    variants.main(STUDY)


if __name__ == "__main__":
    main()
