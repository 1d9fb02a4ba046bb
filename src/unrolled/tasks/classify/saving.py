"""A fitted classifier as config.json, tensors and tokenizer.json, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.data.labelled_form import TEXT, LabelledForm
from unrolled.data.tokenizer import Tokenizer
from unrolled.models.classifier import ClassifierSizes
from unrolled.tasks.baselines import CLASSIFY_BASELINES, ClassifyBaseline
from unrolled.tasks.classify.fitted import Fitted, make_network
from unrolled.tasks.classify.reading import Reader
from unrolled.tasks.classify.settings import ClassifySettings
from unrolled.tasks.generate.network import saved_name
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
from unrolled.tasks.start import TOKENIZER, Start, read_start

Baselines = dict[str, ClassifyBaseline]


def save_fitted(
    folder: str | os.PathLike[str],
    cell: CellChoice,
    training: Mapping[str, Any],
    fitted: Fitted,
    baselines: Mapping[str, ClassifyBaseline],
) -> Path:
    """Write a fitted classifier into ``folder``, with the baselines that it is to be scored beside."""
    tokenizer = fitted.reader.tokenizer
    tensors = {f"network.{n}": t for n, t in fitted.network.state_dict().items()}
    tensors["train_hashes"] = torch.from_numpy(fitted.train_hashes.view(np.int64))
    of_baselines, tensors_of_baselines = saved_baselines(baselines)
    config = {
        "task": "classify",
        "cell": saved_name(cell),
        "options": {**fitted.settings.as_dict(), **training},
        "sizes": asdict(fitted.network.sizes),
        "form": fitted.form.to_dict(),
        "classes": list(fitted.classes),
        "units": tokenizer.units if tokenizer else None,
        "temperature": fitted.temperature,
        "start": fitted.start.to_dict() if fitted.start else None,
        "baselines": of_baselines,
    }
    files = {TOKENIZER: tokenizer.to_text().encode()} if tokenizer else {}
    return write_model(folder, config, tensors | tensors_of_baselines, files)


def load_fitted(
    folder: str | os.PathLike[str], cell: CellChoice | None
) -> tuple[CellChoice, dict[str, Any], Callable[[ClassifySettings], tuple[Fitted, Baselines]]]:
    """Return the cell, the options of the Classifier, and what makes the rest once its settings are read.

    Raises:
        ModelFileError: there is no classifier in ``folder``, it is damaged, or its cell must be given.
    """
    config, tensors = read_model(folder, task="classify")
    chosen = chosen_cell(cell, config.get("cell"), folder)
    with complete(folder):
        start = read_start(config, chosen, folder)

    def read(settings: ClassifySettings) -> tuple[Fitted, Baselines]:
        with complete(folder):
            fitted = _read_fitted(config, tensors, settings, chosen, start, Path(folder))
            kinds = CLASSIFY_BASELINES[config["form"]["kind"]]
            return fitted, restored_baselines(kinds, config["baselines"], tensors)

    with complete(folder):
        return chosen, {**config["options"], "start": start}, read


def _read_fitted(
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    settings: ClassifySettings,
    cell: CellChoice,
    start: Start | None,
    folder: Path,
) -> Fitted:
    form = LabelledForm.from_dict(config["form"])
    tokenizer: Tokenizer | None = start.tokenizer if start else None
    if form.kind == TEXT and tokenizer is None:
        text = read_file(folder, TOKENIZER, config)
        tokenizer = Tokenizer.from_text(text, config["units"], str(folder / TOKENIZER))
    network = make_network(cell, settings, ClassifierSizes(**config["sizes"]), 0, start)
    load_weights(network, below("network.", tensors), str(folder))
    return Fitted(
        settings,
        form,
        tuple(config["classes"]),
        Reader(tokenizer, settings.max_length, form.features),
        network.eval(),
        float(config["temperature"]),
        tensors["train_hashes"].numpy().view(np.uint64),
        start,
    )
