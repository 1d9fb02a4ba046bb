"""One job on several data sets, in variants that stand beside each other: one cell and another, with attention and without.

Every training has a process of its own. One that is killed goes on from its checkpoint when the same command is run again;
checkpoints are in a folder outside the repository (--scratch, or UNROLLED_SCRATCH). A finished seed is kept in
benchmarks/results/JOB_NAME.json beside the other variants, and is trained again only if its options have changed, or with
--again. The test part is looked at once, after the training. With --set, --rows or --max-steps it is a trial, and the result
is written into the scratch folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.runs import RESULTS, mean_scores, options_set, summary
from unrolled.data.files import write_atomically

SCRATCH = Path(tempfile.gettempdir()) / "unrolled_benchmarks"

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Recipe:
    """One data set, how it is trained on, and what is kept beside its scores.

    Attributes:
        read: what is trained on and scored, from the job's folder of the data.
        note: what that is, in a sentence.
        published: figures of others.
        metric: the score that is shown.
        options: of the job's model, beside its defaults.
        seeds: as many as are trained where the command does not say.
        examples: test rows that are kept with what the model made of them, evenly spread.
    """

    read: Callable[[Path], Any]
    note: str
    published: str = "none"
    metric: str = "bleu"
    options: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 1
    examples: int = 0


@dataclass(frozen=True)
class Job:
    """What one process does.

    Attributes:
        name: of the data set.
        data: the folder of the data.
        rows: of each part at most, for a trial.
        options: of the model, with its cell.
        seed: of the training.
        folder: where its checkpoint goes.
    """

    name: str
    data: Path
    rows: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    folder: Path = Path()


Work = Callable[[Job], dict[str, Any]]


@dataclass(frozen=True)
class Study:
    """What is trained and scored, and how.

    Attributes:
        job: "translate", "generate", "tag".
        recipes: by data set.
        options_of: the options of a data set and a variant.
        train: trains from the checkpoint if there is one, and scores the test part once: "scores" by metric, "rows",
            "facts", "parameters", "training_seconds", "steps", "best_step", "fit_memory_mb", "train_tokens_per_second".
        baselines: scores the simple methods: "baselines" by method. None where the trainings tell them.
        told: what a data set's result takes over from its first run.
    """

    job: str
    recipes: Mapping[str, Recipe]
    options_of: Callable[..., dict[str, Any]]
    train: Work
    baselines: Work | None = None
    told: tuple[str, ...] = ("rows",)


def in_own_process(work: Callable[[Job], Answer], job: Job) -> Answer:
    """Return what ``work`` returns in a new process, which ends when this one does."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_end_with_parent) as pool:
        return pool.submit(work, job).result()


def _end_with_parent() -> None:
    """Let this process end at once when its parent is killed: two must never train in one folder."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def read_arguments(study: Study, given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog=f"benchmarks {study.job}", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("name", choices=[*study.recipes, "all"])
    parser.add_argument("--data", type=Path, default=os.environ.get("UNROLLED_DATA"))
    parser.add_argument("--scratch", type=Path, default=os.environ.get("UNROLLED_SCRATCH", SCRATCH))
    parser.add_argument("--seeds", type=int, help="how many; as the recipe says if not given")
    parser.add_argument("--cell", default="gru", help='a cell, or "transformer"')
    parser.add_argument(
        "--vary", nargs="*", default=[], metavar="OPTION=VALUE", help="of the model, a variant"
    )
    parser.add_argument("--max-minutes", type=float)
    parser.add_argument("--again", action="store_true", help="train what is finished, too")
    parser.add_argument("--max-steps", type=int, help="a trial")
    parser.add_argument("--rows", type=int, help="of each part, a trial")
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=VALUE", help="a trial")
    read = parser.parse_args(given)
    if read.data is None:
        parser.error("give the data folder: --data DIR, or UNROLLED_DATA=DIR")
    for name in ("seeds", "rows"):
        if (count := getattr(read, name)) is not None and count < 1:
            parser.error(f"--{name} {count}: at least 1")
    read.vary, read.trial = options_set(read.vary, parser), options_set(read.set, parser)
    if read.max_steps is not None:
        read.trial["max_steps"] = read.max_steps
    return read


def variant_name(read: argparse.Namespace) -> str:
    """Return what a variant is called in the results: gru, gru_attention_none, gru_input_feeding, ..."""
    varied = [
        option if value is True else f"{option}_{value}" for option, value in read.vary.items()
    ]
    return "_".join(
        [read.cell, *varied, *(f"{option}={value}" for option, value in read.trial.items())]
    )


@dataclass(frozen=True)
class Variant:
    """One network on one data set, and the file where its runs stand beside those of others."""

    study: Study
    data: str
    name: str
    options: dict[str, Any]
    rows: int | None
    path: Path

    def checkpoints(self, scratch: Path, seed: int) -> Path:
        """Return the folder of a training; it bears a digest of the options, so that others are not gone on with."""
        text = json.dumps([self.options, self.rows], sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        return scratch / f"{self.study.job}_{self.data}_{self.name}_{seed}_{digest}"

    def kept(self) -> list[dict[str, Any]]:
        """Return the runs that were made with these options."""
        found = read_result(self.path).get("variants", {}).get(self.name, {})
        same = found.get("options") == self.options and found.get("cut") == self.rows
        return list(found["runs"]) if same else []

    def keep(self, runs: list[dict[str, Any]]) -> None:
        """Write the runs beside the other variants of the data set, as they stand in the file now."""
        recipe, result = self.study.recipes[self.data], read_result(self.path)
        about = {
            "benchmark": f"{self.study.job}_{self.data}",
            "note": recipe.note,
            "metric": recipe.metric,
            "published": recipe.published,
            **{name: runs[0][name] for name in self.study.told},
        }
        own = {
            "options": self.options,
            "cut": self.rows,
            "configuration": runs[0]["facts"],
            "scores": mean_scores([run["scores"] for run in runs]),
            **summary(runs, recipe.metric),
        }
        variants = {**result.get("variants", {}), self.name: own}
        write(self.path, {**result, **about, "variants": variants})


def run(study: Study, name: str, read: argparse.Namespace) -> dict[str, Any]:
    """Train and score the seeds that are left of one variant, and return the result of the data set."""
    recipe = study.recipes[name]
    bound = {} if read.max_minutes is None else {"max_minutes": read.max_minutes}
    options = {**study.options_of(name, cell=read.cell, **read.vary, **bound), **read.trial}
    is_trial = bool(read.trial) or read.rows is not None
    path = (read.scratch if is_trial else RESULTS) / f"{study.job}_{name}.json"
    variant = Variant(study, name, variant_name(read), options, read.rows, path)
    runs = [] if read.again else variant.kept()
    done = {run["seed"] for run in runs}
    for seed in range(read.seeds or recipe.seeds):
        told = f"{name} {variant.name} seed {seed}"
        if seed in done:
            print(f"{told}: finished before", flush=True)
            continue
        folder = variant.checkpoints(read.scratch, seed)
        job = Job(name, read.data, read.rows, options, seed, folder)
        trained = {"seed": seed, **in_own_process(study.train, job)}
        runs = sorted([*runs, trained], key=lambda run: run["seed"])
        variant.keep(runs)
        shutil.rmtree(folder)
        print(f"{told}: {recipe.metric} {trained['scores'][recipe.metric]:.3f}", flush=True)
    result = read_result(path)
    if study.baselines is None:
        result["baselines"] = runs[0]["baselines"]
        write(path, result)
    elif "baselines" not in result or result.get("baselines_cut") != read.rows:
        beside = in_own_process(study.baselines, Job(name, read.data, read.rows, options))
        result |= {**beside, "baselines_cut": read.rows}
        write(path, result)
    return result


def read_result(path: Path) -> dict[str, Any]:
    """Return what was written before."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def write(path: Path, result: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode())
    print(f"  written to {path}", flush=True)


def show(result: Mapping[str, Any]) -> None:
    """Print one line a method and variant, and what each cost."""
    print(f"{result['benchmark']} ({result['note']}); published: {result['published']}")
    metric = result["metric"]
    for method, scores in result["baselines"].items():
        print(f"  {method:24}" + "  ".join(f"{k} {v:.3f}" for k, v in scores.items()))
    for name, variant in result["variants"].items():
        print(f"  {name:24}" + "  ".join(f"{k} {v:.3f}" for k, v in variant["scores"].items()))
        first = variant["runs"][0]
        print(
            f"    {metric} over {len(variant['runs'])} seeds {variant['mean']:.3f} +- {variant['spread']:.3f}; "
            f"{first['parameters']:,} parameters, training {first['train_tokens_per_second']:,.0f} tokens/s "
            f"({first['training_seconds']:.0f} s, {first['steps']} steps, best {first['best_step']}), "
            f"{first['fit_memory_mb']} MB"
        )


def main(study: Study) -> None:
    """Run what the command line says."""
    read = read_arguments(study)
    try:
        for name in study.recipes if read.name == "all" else (read.name,):
            show(run(study, name, read))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from the last checkpoint")
