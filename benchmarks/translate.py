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
import tempfile
from collections.abc import Mapping
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


def run(name: str, read: argparse.Namespace) -> dict[str, Any]:
    """Train and score the seeds that are left of one variant, and return the result of the data set."""
    recipe, options, variant = RECIPES[name], chosen_options(name, read), variant_name(read)
    is_trial = bool(read.trial) or read.pairs is not None
    path = (read.scratch if is_trial else RESULTS) / f"translate_{name}.json"
    runs = [] if read.again else kept_runs(path, variant, options, read.pairs)
    done = {run["seed"] for run in runs}
    for seed in range(read.seeds or recipe.seeds):
        if seed in done:
            print(f"{name} {variant} seed {seed}: finished before", flush=True)
            continue
        folder = read.scratch / f"translate_{name}_{variant}_{seed}_{digest(options, read.pairs)}"
        job = Job(name, read.data, read.pairs, options, seed, folder)
        runs.append({"seed": seed, **in_own_process(train_and_score, job)})
        runs.sort(key=lambda run: run["seed"])
        record(path, name, variant, options, read.pairs, runs)
        shutil.rmtree(folder)
        score = runs[[run["seed"] for run in runs].index(seed)]["scores"][recipe.metric]
        print(f"{name} {variant} seed {seed}: {recipe.metric} {score:.2f}", flush=True)
    result = read_result(path)
    if "baselines" not in result or result["pairs"] != read.pairs:
        beside = in_own_process(score_baselines, Job(name, read.data, read.pairs, options))
        result |= {**beside, "pairs": read.pairs}
        write(path, result)
    return result


def digest(options: Mapping[str, Any], pairs: int | None) -> str:
    """Return a short name of the options: a checkpoint of others is not gone on with."""
    text = json.dumps([dict(options), pairs], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def read_result(path: Path) -> dict[str, Any]:
    """Return what was written before."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def kept_runs(
    path: Path, variant: str, options: Mapping[str, Any], pairs: int | None
) -> list[dict[str, Any]]:
    """Return the runs of a variant that were made with these options."""
    kept = read_result(path).get("variants", {}).get(variant, {})
    same = kept.get("options") == json.loads(json.dumps(options)) and kept.get("pairs") == pairs
    return list(kept["runs"]) if same else []


def record(
    path: Path,
    name: str,
    variant: str,
    options: Mapping[str, Any],
    pairs: int | None,
    runs: list[dict[str, Any]],
) -> None:
    """Write the runs of a variant beside the others of the data set, as they stand in the file now."""
    recipe = RECIPES[name]
    result = {"pairs": pairs, **read_result(path)}
    variants = result.get("variants", {}) | {
        variant: {
            "options": options,
            "pairs": pairs,
            "configuration": runs[0]["facts"],
            "scores": mean_scores([run["scores"] for run in runs]),
            **summary(runs, recipe.metric),
        }
    }
    about = {
        "benchmark": f"translate_{name}",
        "note": recipe.note,
        "metric": recipe.metric,
        "published": recipe.published,
        "rows": runs[0]["rows"],
        "signatures": runs[0]["signatures"],
    }
    write(path, {**result, **about, "variants": variants})


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
    for name in RECIPES if read.name == "all" else (read.name,):
        show(run(name, read))


if __name__ == "__main__":
    main()
