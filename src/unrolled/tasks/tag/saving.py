"""A fitted tagger as config.json, tensors and vocabularies, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.data.tag_schemes import SCHEMES
from unrolled.data.tagged_form import TaggedForm
from unrolled.errors import ModelFileError
from unrolled.models.tag_network import TagSizes
from unrolled.tasks.baselines import TAG_BASELINES, MostFrequentTag
from unrolled.tasks.recurrent import CellChoice, cell_name, chosen_cell
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
from unrolled.tasks.tag.codes import TagCodes
from unrolled.tasks.tag.fitted import Fitted, make_model
from unrolled.tasks.tag.reading import TagReader
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.tag.vocabulary import vocabularies_from_text, vocabularies_to_text

VOCABULARY = "vocabulary.json"
"""Words, and their letters."""

Baselines = dict[str, MostFrequentTag]


def save_fitted(
    folder: str | os.PathLike[str],
    cell: CellChoice,
    training: Mapping[str, Any],
    fitted: Fitted,
    baselines: Mapping[str, MostFrequentTag],
) -> Path:
    """Write a fitted tagger into ``folder``, with the baselines that it is to be scored beside."""
    tensors = {f"model.{n}": t for n, t in fitted.model.state_dict().items()}
    tensors["train_hashes"] = torch.from_numpy(fitted.train_hashes.view(np.int64))
    of_baselines, tensors_of_baselines = saved_baselines(baselines)
    config = {
        "task": "tag",
        "cell": cell_name(cell),
        "options": {**fitted.settings.as_dict(), **training},
        "sizes": asdict(fitted.model.network.sizes),
        "form": fitted.form.to_dict(),
        "tags": list(fitted.codes.names),
        "start": fitted.start.to_dict() if fitted.start else None,
        "baselines": of_baselines,
    }
    text = vocabularies_to_text([fitted.reader.words, fitted.reader.letters])
    files = {VOCABULARY: text.encode()}
    if fitted.start is not None:
        files[TOKENIZER] = fitted.start.tokenizer.to_text().encode()
    return write_model(folder, config, tensors | tensors_of_baselines, files)


def load_fitted(
    folder: str | os.PathLike[str], cell: CellChoice | None
) -> tuple[CellChoice, dict[str, Any], Callable[[TagSettings], tuple[Fitted, Baselines]]]:
    """Return the cell, the options of the Tagger, and what makes the rest once its settings are read.

    Raises:
        ModelFileError: there is no tagger in ``folder``, it is damaged, or its cell must be given.
    """
    config, tensors = read_model(folder, task="tag")
    chosen = chosen_cell(cell, config.get("cell"), folder)
    with complete(folder):
        start = read_start(config, chosen, folder)

    def read(settings: TagSettings) -> tuple[Fitted, Baselines]:
        with complete(folder):
            fitted = _read_fitted(config, tensors, settings, chosen, start, Path(folder))
            return fitted, restored_baselines(TAG_BASELINES, config["baselines"], tensors)

    with complete(folder):
        return chosen, {**config["options"], "start": start}, read


def _read_fitted(
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    settings: TagSettings,
    cell: CellChoice,
    start: Start | None,
    folder: Path,
) -> Fitted:
    form = TaggedForm.from_dict(config["form"])
    if form.scheme not in SCHEMES:
        raise ValueError(f"scheme is {form.scheme!r}")
    codes = TagCodes(tuple(config["tags"]), form.scheme)
    where = str(folder / VOCABULARY)
    words, letters = vocabularies_from_text(read_file(folder, VOCABULARY, config), where)
    if words is None:
        raise ModelFileError("holds no words", where=where)
    reader = TagReader(words, letters, settings.max_length)
    model = make_model(cell, settings, TagSizes(**config["sizes"]), codes, 0, start)
    load_weights(model, below("model.", tensors), str(folder))
    hashes = tensors["train_hashes"].numpy().view(np.uint64)
    return Fitted(settings, form, codes, reader, model.eval(), hashes, start)
