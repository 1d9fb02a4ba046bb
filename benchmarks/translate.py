"""Translation and headlines: the model beside simple methods, and one network beside another, on public data sets.

    UNROLLED_DATA=DIR python -m benchmarks.translate multi30k_de_en --seeds 3 --cell transformer

DIR holds translate/multi30k/tok/{train,val,test_2016_flickr}.lc.norm.tok.{de,en,fr}, translate/tatoeba_cmn_eng/cmn.txt,
translate/classical_modern_zh/BOOK.tsv.xz and translate/reuters_headlines/{training,test}.tsv.xz. What is trained with which
options stands in `benchmarks.translate_data`.

Every training has a process of its own. One that is killed goes on from its checkpoint when the same command is run again;
checkpoints are in a folder outside the repository (--scratch, or UNROLLED_SCRATCH). A finished seed is kept in
benchmarks/results/translate_NAME.json beside the other variants, and is trained again only if its options have changed, or
with --again. The test part is looked at once, after the training. With --set, --pairs or --max-steps it is a trial, and the
result is written into the scratch folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.runs import RESULTS, mean_scores, options_set, summary
from benchmarks.translate_data import RECIPES, options_of
from benchmarks.translate_run import Job, in_own_process, score_baselines, train_and_score
from unrolled.data.files import write_atomically

SCRATCH = Path(tempfile.gettempdir()) / "unrolled_benchmarks"


def read_arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", choices=[*RECIPES, "all"])
    parser.add_argument("--data", type=Path, default=os.environ.get("UNROLLED_DATA"))
    parser.add_argument("--scratch", type=Path, default=os.environ.get("UNROLLED_SCRATCH", SCRATCH))
    parser.add_argument("--seeds", type=int, help="how many; as the recipe says if not given")
    parser.add_argument("--cell", default="gru", help='a cell, or "transformer"')
    parser.add_argument("--attention", help='how the decoder looks at the source; "none" = not')
    parser.add_argument("--input-feeding", action="store_true")
    parser.add_argument("--max-minutes", type=float)
    parser.add_argument("--again", action="store_true", help="train what is finished, too")
    parser.add_argument("--max-steps", type=int, help="a trial")
    parser.add_argument("--pairs", type=int, help="of each part, a trial")
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=VALUE", help="a trial")
    read = parser.parse_args(given)
    if read.data is None:
        parser.error("give the data folder: --data DIR, or UNROLLED_DATA=DIR")
    for name in ("seeds", "pairs"):
        if (count := getattr(read, name)) is not None and count < 1:
            parser.error(f"--{name} {count}: at least 1")
    read.trial = options_set(read.set, parser)
    if read.max_steps is not None:
        read.trial["max_steps"] = read.max_steps
    return read


def variant_name(read: argparse.Namespace) -> str:
    """Return what a variant is called in the results: gru, gru_attention_none, gru_input_feeding, ..."""
    parts = [read.cell]
    if read.attention is not None:
        parts.append(f"attention_{read.attention}")
    if read.input_feeding:
        parts.append("input_feeding")
    parts += [f"{option}={value}" for option, value in read.trial.items()]
    return "_".join(parts)


def chosen_options(name: str, read: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the translator: the recipe's, the variant's, and those of the command."""
    variant: dict[str, Any] = {"cell": read.cell}
    if read.attention is not None:
        variant["attention"] = read.attention
    if read.input_feeding:
        variant["input_feeding"] = True
    if read.max_minutes is not None:
        variant["max_minutes"] = read.max_minutes
    return {**options_of(name, **variant), **read.trial}


@dataclass(frozen=True)
class Variant:
    """One network on one data set, and the file where its runs stand beside those of others.

    Attributes:
        data: name of the data set.
        name: of the variant.
        options: of the translator.
        pairs: of each part at most, for a trial.
        path: of the result.
    """

    data: str
    name: str
    options: dict[str, Any]
    pairs: int | None
    path: Path

    def checkpoints(self, scratch: Path, seed: int) -> Path:
        """Return the folder of a training; it bears a digest of the options, so that others are not gone on with."""
        text = json.dumps([self.options, self.pairs], sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        return scratch / f"translate_{self.data}_{self.name}_{seed}_{digest}"

    def kept(self) -> list[dict[str, Any]]:
        """Return the runs that were made with these options."""
        found = read_result(self.path).get("variants", {}).get(self.name, {})
        same = found.get("options") == self.options and found.get("pairs") == self.pairs
        return list(found["runs"]) if same else []

    def keep(self, runs: list[dict[str, Any]]) -> None:
        """Write the runs beside the other variants of the data set, as they stand in the file now."""
        recipe, result = RECIPES[self.data], read_result(self.path)
        about = {
            "benchmark": f"translate_{self.data}",
            "note": recipe.note,
            "metric": recipe.metric,
            "published": recipe.published,
            "rows": runs[0]["rows"],
            "signatures": runs[0]["signatures"],
        }
        own = {
            "options": self.options,
            "pairs": self.pairs,
            "configuration": runs[0]["facts"],
            "scores": mean_scores([run["scores"] for run in runs]),
            **summary(runs, recipe.metric),
        }
        variants = {**result.get("variants", {}), self.name: own}
        write(self.path, {**result, **about, "variants": variants})


def run(name: str, read: argparse.Namespace) -> dict[str, Any]:
    """Train and score the seeds that are left of one variant, and return the result of the data set."""
    recipe, options = RECIPES[name], chosen_options(name, read)
    is_trial = bool(read.trial) or read.pairs is not None
    path = (read.scratch if is_trial else RESULTS) / f"translate_{name}.json"
    variant = Variant(name, variant_name(read), options, read.pairs, path)
    runs = [] if read.again else variant.kept()
    done = {run["seed"] for run in runs}
    for seed in range(read.seeds or recipe.seeds):
        told = f"{name} {variant.name} seed {seed}"
        if seed in done:
            print(f"{told}: finished before", flush=True)
            continue
        folder = variant.checkpoints(read.scratch, seed)
        job = Job(name, read.data, read.pairs, options, seed, folder)
        trained = {"seed": seed, **in_own_process(train_and_score, job)}
        runs = sorted([*runs, trained], key=lambda run: run["seed"])
        variant.keep(runs)
        shutil.rmtree(folder)
        print(f"{told}: {recipe.metric} {trained['scores'][recipe.metric]:.2f}", flush=True)
    result = read_result(path)
    if "baselines" not in result or result.get("baselines_pairs") != read.pairs:
        beside = in_own_process(score_baselines, Job(name, read.data, read.pairs, options))
        result |= {**beside, "baselines_pairs": read.pairs}
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
    for signature in result["signatures"].values():
        print(f"  {signature}")
    for method, scores in result["baselines"].items():
        print(f"  {method:24}" + "  ".join(f"{k} {v:.2f}" for k, v in scores.items()))
    for name, variant in result["variants"].items():
        print(f"  {name:24}" + "  ".join(f"{k} {v:.2f}" for k, v in variant["scores"].items()))
        first = variant["runs"][0]
        print(
            f"    {metric} over {len(variant['runs'])} seeds {variant['mean']:.2f} +- {variant['spread']:.2f}; "
            f"{first['parameters']:,} parameters, training {first['train_tokens_per_second']:,.0f} tokens/s "
            f"({first['training_seconds']:.0f} s, {first['steps']} steps, best {first['best_step']}), "
            f"decoding {first['decode_tokens_per_second']:,.0f} tokens/s, {first['fit_memory_mb']} MB"
        )


def main() -> None:
    read = read_arguments()
    try:
        for name in RECIPES if read.name == "all" else (read.name,):
            show(run(name, read))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from the last checkpoint")


if __name__ == "__main__":
    main()
