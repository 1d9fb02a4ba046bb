"""A fitted translator as config.json, tensors and tokenizers, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.data.pairs import PairsForm
from unrolled.data.text_tokenizer import TextTokenizer
from unrolled.models.seq2seq import Seq2SeqSizes
from unrolled.tasks.baselines import TRANSLATE_BASELINES, TranslateBaseline
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
from unrolled.tasks.translate.fitted import Fitted
from unrolled.tasks.translate.network import make_network, saved_name
from unrolled.tasks.translate.reading import PairReader
from unrolled.tasks.translate.settings import TranslateSettings

TOKENIZER, SOURCE_TOKENIZER = "tokenizer.json", "source_tokenizer.json"
"""Of the targets, or of both sides; and of the sources where they have their own."""

Baselines = dict[str, TranslateBaseline]


def save_fitted(
    folder: str | os.PathLike[str],
    cell: CellChoice,
    training: Mapping[str, Any],
    fitted: Fitted,
    baselines: Mapping[str, TranslateBaseline],
) -> Path:
    """Write a fitted translator into ``folder``, with the baselines that it is to be scored beside."""
    tensors = {f"network.{n}": t for n, t in fitted.network.state_dict().items()}
    tensors["train_hashes"] = torch.from_numpy(fitted.train_hashes.view(np.int64))
    of_baselines, tensors_of_baselines = saved_baselines(baselines)
    config = {
        "task": "translate",
        "cell": saved_name(cell),
        "options": {**fitted.settings.as_dict(), **training},
        "sizes": asdict(fitted.network.sizes),
        "form": fitted.form.to_dict(),
        "kind": fitted.kind,
        "ratio": fitted.ratio,
        "longest": fitted.reader.longest,
        "baselines": of_baselines,
    }
    files = {TOKENIZER: fitted.reader.target.to_text().encode()}
    if not fitted.settings.shared:
        files[SOURCE_TOKENIZER] = fitted.reader.source.to_text().encode()
    return write_model(folder, config, tensors | tensors_of_baselines, files)


def load_fitted(
    folder: str | os.PathLike[str], cell: CellChoice | None
) -> tuple[CellChoice, dict[str, Any], Callable[[TranslateSettings], tuple[Fitted, Baselines]]]:
    """Return the cell, the options of the Translator, and what makes the rest once its settings are read.

    Raises:
        ModelFileError: there is no translator in ``folder``, it is damaged, or its cell must be given.
    """
    config, tensors = read_model(folder, task="translate")
    chosen = chosen_cell(cell, config.get("cell"), folder)

    def read(settings: TranslateSettings) -> tuple[Fitted, Baselines]:
        with complete(folder):
            fitted = _read_fitted(config, tensors, settings, chosen, Path(folder))
            kinds = TRANSLATE_BASELINES[config["kind"]]
            return fitted, restored_baselines(kinds, config["baselines"], tensors)

    with complete(folder):
        return chosen, dict(config["options"]), read


def _read_fitted(
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    settings: TranslateSettings,
    cell: CellChoice,
    folder: Path,
) -> Fitted:
    def tokenizer(name: str) -> TextTokenizer:
        text = read_file(folder, name, config)
        return TextTokenizer.from_text(text, settings.units, str(folder / name))

    target = tokenizer(TOKENIZER)
    source = target if settings.shared else tokenizer(SOURCE_TOKENIZER)
    longest = int(config["longest"])
    network = make_network(cell, settings, Seq2SeqSizes(**config["sizes"]), longest, seed=0)
    load_weights(network, below("network.", tensors), str(folder))
    return Fitted(
        settings,
        PairsForm.from_dict(config["form"]),
        str(config["kind"]),
        PairReader(source, target, settings.max_length, longest),
        network.eval(),
        float(config["ratio"]),
        tensors["train_hashes"].numpy().view(np.uint64),
    )
