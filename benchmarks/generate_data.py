"""The data sets of the generation benchmarks, and the options that differ from the defaults.

What is trained is in two tables: `RECIPES` by data set, and `CELLS` by cell. Everything else is the job's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.variants import Recipe

Files = list[Path]


def files(*names: str) -> Any:
    """Return what gives the files of a data set below the folder generate/ of the data."""

    def read(folder: Path) -> Files:
        return [folder / name for name in names]

    return read


RECIPES: Mapping[str, Recipe] = {
    "shakespeare": Recipe(
        files("tinyshakespeare/input.txt"),
        "1.1 million characters; the last tenth scored, the twentieth before it to choose the weights by",
        "val. loss of small models (not the same test): Transformer 1.470, minLSTM 1.555, minGRU 1.548",
        metric="nats_per_char",
        options={
            "units": "characters",
            "kind": "text",
            "test": 0.1,
            "dropout": 0.3,
            "weight_dropout": 0.2,
            "epochs": None,
            "patience": None,
            "max_minutes": 60,
        },
    ),
    "tang": Recipe(
        files("quantangshi/tang.jsonl.xz"),
        "57,603 poems, a twentieth scored",
        metric="bits_per_char",
        options={"max_minutes": 60},
        examples=10,
    ),
    "novels": Recipe(
        files("classic_novels_zh/红楼梦.txt.xz", "classic_novels_zh/西游记.txt.xz"),
        "two novels, the last twentieth of each scored",
        metric="bits_per_char",
        options={"kind": "text", "max_minutes": 60},
        examples=5,
    ),
}
"""By data set."""

CELLS: Mapping[str, Mapping[str, Any]] = {
    "lstm": {"hidden_size": 444},
    "mingru": {"hidden_size": 724, "layers": 3, "weight_dropout": 0.0},
    "transformer": {"hidden_size": 256, "layers": 4, "weight_dropout": 0.0},
}
"""Options with which a cell has as many parameters as the GRU of the defaults, two layers of 512: within 1 % on Shakespeare."""


def options_of(name: str, **variant: Any) -> dict[str, Any]:
    """Return the options of a data set and a variant of the network: those of the variant count most."""
    return {**RECIPES[name].options, **CELLS.get(variant.get("cell", ""), {}), **variant}
