"""A fitted generator as config.json, tensors and a tokenizer, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.data.documents import DocumentsForm
from unrolled.data.text_tokenizer import TextTokenizer
from unrolled.models.language import LanguageSizes
from unrolled.models.verse import LineEnds, Verse
from unrolled.tasks.baselines import GENERATE_BASELINES, NgramModel
from unrolled.tasks.generate.copies import TrainText
from unrolled.tasks.generate.fitted import Fitted
from unrolled.tasks.generate.network import make_network, saved_name
from unrolled.tasks.generate.reading import TextReader
from unrolled.tasks.generate.settings import GenerateSettings
from unrolled.tasks.recurrent import CellChoice, chosen_cell
from unrolled.tasks.saving import (
    below,
    complete,
    load_weights,
    read_file,
    read_model,
    restored_baselines,
    saved_baselines,
    write_model,
)

TOKENIZER = "tokenizer.json"
TRAIN_TEXT = "train_text."

Baselines = dict[str, NgramModel]


def save_fitted(
    folder: str | os.PathLike[str],
    cell: CellChoice,
    training: Mapping[str, Any],
    fitted: Fitted,
    baselines: Mapping[str, NgramModel],
) -> Path:
    """Write a fitted generator into ``folder``, with the baselines that it is to be scored beside."""
    tensors = {f"network.{n}": t for n, t in fitted.network.state_dict().items()}
    tensors["train_hashes"] = torch.from_numpy(fitted.train_hashes.view(np.int64))
    if fitted.train_text is not None:
        arrays = fitted.train_text.arrays()
        tensors |= {f"{TRAIN_TEXT}{n}": torch.from_numpy(a) for n, a in arrays.items()}
    of_baselines, tensors_of_baselines = saved_baselines(baselines)
    config = {
        "task": "generate",
        "cell": saved_name(cell),
        "options": {**fitted.settings.as_dict(), **training},
        "sizes": asdict(fitted.network.sizes),
        "form": fitted.form.to_dict(),
        "line_ends": fitted.line_ends.to_dict(),
        "verses": [list(verse) for verse in fitted.verses],
        "baselines": of_baselines,
    }
    files = {TOKENIZER: fitted.reader.tokenizer.to_text().encode()}
    return write_model(folder, config, tensors | tensors_of_baselines, files)


def load_fitted(
    folder: str | os.PathLike[str], cell: CellChoice | None
) -> tuple[CellChoice, dict[str, Any], Callable[[GenerateSettings], tuple[Fitted, Baselines]]]:
    """Return the cell, the options of the Generator, and what makes the rest once its settings are read.

    Raises:
        ModelFileError: there is no generator in ``folder``, it is damaged, or its cell must be given.
    """
    config, tensors = read_model(folder, task="generate")
    chosen = chosen_cell(cell, config.get("cell"), folder)

    def read(settings: GenerateSettings) -> tuple[Fitted, Baselines]:
        with complete(folder):
            fitted = _read_fitted(config, tensors, settings, chosen, Path(folder))
            return fitted, restored_baselines(GENERATE_BASELINES, config["baselines"], tensors)

    with complete(folder):
        return chosen, dict(config["options"]), read


def _read_fitted(
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    settings: GenerateSettings,
    cell: CellChoice,
    folder: Path,
) -> Fitted:
    if settings.units is None or settings.kind is None:
        raise ValueError("units or kind is None")
    text = read_file(folder, TOKENIZER, config)
    tokenizer = TextTokenizer.from_text(text, settings.units, str(folder / TOKENIZER))
    network = make_network(cell, settings, LanguageSizes(**config["sizes"]), seed=0)
    load_weights(network, below("network.", tensors), str(folder))
    kept = {name: tensor.numpy() for name, tensor in below(TRAIN_TEXT, tensors).items()}
    return Fitted(
        settings,
        DocumentsForm.from_dict(config["form"]),
        TextReader(tokenizer, settings.kind),
        network.eval(),
        LineEnds.from_dict(config["line_ends"]),
        tuple(Verse(*verse) for verse in config["verses"]),
        TrainText.of_arrays(kept) if kept else None,
        tensors["train_hashes"].numpy().view(np.uint64),
    )
