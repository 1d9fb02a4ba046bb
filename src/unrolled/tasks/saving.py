"""A saved model is a folder: config.json says what it is, model.safetensors holds its tensors. Nothing in it can run code."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from unrolled.data.files import write_atomically
from unrolled.errors import InputError, ModelFileError

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FORMAT = 1

TASKS = {
    "classify": ("unrolled.tasks.classify", "Classifier"),
    "forecast": ("unrolled.tasks.forecast", "Forecaster"),
    "generate": ("unrolled.tasks.generate", "Generator"),
    "tag": ("unrolled.tasks.tag", "Tagger"),
    "translate": ("unrolled.tasks.translate", "Translator"),
}
"""By task, the module and the class that load its models."""


def load(folder: str | os.PathLike[str], **options: Any) -> Any:
    """Return the model saved in ``folder``, whatever its task.

    Args:
        folder: of the model.
        options: handed to the task's own ``load``; ``cell=`` where the model was made with a cell of your own.

    Raises:
        ModelFileError: there is no model, it is damaged, or another version wrote it.
    """
    config, _ = read_model(folder, tensors=False)
    module, name = TASKS[config["task"]]
    return getattr(importlib.import_module(module), name).load(folder, **options)


def write_model(
    folder: str | os.PathLike[str],
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    files: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a model into ``folder``, which is made, with further ``files`` by name; return it.

    Each file appears whole or not at all. config.json and the tensors hold the same random mark, and config.json the
    digest of every further file, so that a folder whose last file could not be written any more is found out when it is read.
    """
    target, further = Path(folder), files or {}
    mark = secrets.token_hex(8)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in further.items()}
    whole = {"format": FORMAT, "mark": mark, "files": digests, **config}
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    dense = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, content in further.items():
            write_atomically(target / name, content)
        write_atomically(target / WEIGHTS, save(dense, metadata={"mark": mark}))
        write_atomically(target / CONFIG, (text + "\n").encode("utf-8"))
    except OSError as error:
        raise InputError(
            f"the model cannot be written: {error.strerror or error}",
            where=str(target),
            expected="a folder that can be written to",
        ) from error
    return target


def read_model(
    folder: str | os.PathLike[str], *, task: str | None = None, tensors: bool = True
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what config.json says and the tensors of a saved model.

    Raises:
        ModelFileError: there is no model, it is damaged, it is not of ``task``, or another version wrote it.
    """
    source = Path(folder)
    config = _read_config(source / CONFIG)
    if config.get("format") != FORMAT or config.get("task") not in TASKS:
        raise ModelFileError(
            "another version of unrolled wrote this model",
            where=str(source),
            expected=f"format {FORMAT}, task {' or '.join(TASKS)}",
        )
    if task is not None and config["task"] != task:
        raise ModelFileError(
            f"this model's task is {config['task']}", where=str(source), expected=task
        )
    return config, _read_tensors(source / WEIGHTS, str(config.get("mark"))) if tensors else {}


def read_file(folder: str | os.PathLike[str], name: str, config: Mapping[str, Any]) -> str:
    """Return the text of a further file of a saved model.

    Raises:
        ModelFileError: it is not there, or is not the one that was saved with ``config``.
    """
    path = Path(folder) / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if hashlib.sha256(content).hexdigest() != config["files"][name]:
        raise ModelFileError(
            f"does not belong to the {CONFIG} beside it",
            where=str(path),
            fix="save the model again: the last saving was cut off",
        )
    return content.decode("utf-8")


@contextmanager
def complete(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what a model's config or tensors lack, while they are read inside, into a ModelFileError."""
    try:
        yield
    except ModelFileError:
        raise
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise ModelFileError(
            f"{CONFIG} or {WEIGHTS} is incomplete ({error})", where=str(folder)
        ) from error


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelFileError(
            f"there is no {CONFIG}",
            where=str(path.parent),
            expected="the folder of a saved model",
        ) from None
    except (OSError, ValueError) as error:
        raise ModelFileError(f"cannot be read: {error}", where=str(path)) from error
    if not isinstance(config, dict):
        raise ModelFileError("is not an object of JSON", where=str(path))
    return config


def _read_tensors(path: Path, mark: str) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            found = (file.metadata() or {}).get("mark")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelFileError(
            f"cannot be read: {error}", where=str(path), fix="save the model again"
        ) from error
    if found != mark:
        raise ModelFileError(
            f"does not belong to the {CONFIG} beside it",
            where=str(path),
            fix="save the model again: the last saving was cut off",
        )
    return tensors


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with ``prefix``, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def load_weights(module: torch.nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Put ``tensors`` into ``module``, all of them.

    Raises:
        ModelFileError: some are missing, too many, or of another shape.
    """
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise ModelFileError(
            f"the weights do not fit: {' '.join(line.strip() for line in lines[1:2])}",
            where=where,
            fix="give the cell that the model was made with (cell=...)",
        ) from error


def saved_baselines(baselines: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what config.json says of the baselines of a model, by name, and their tensors."""
    configs: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for name, baseline in baselines.items():
        configs[name], arrays = baseline.saved()
        tensors |= {f"baseline.{name}.{k}": torch.from_numpy(a) for k, a in arrays.items()}
    return configs, tensors


def restored_baselines(
    kinds: Mapping[str, type[Any]], configs: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> dict[str, Any]:
    """Return the baselines of which `saved_baselines` gave these."""
    baselines = {}
    for name, saved in configs.items():
        arrays = {k: t.numpy() for k, t in below(f"baseline.{name}.", tensors).items()}
        baselines[name] = kinds[name].restored(saved, arrays)
    return baselines
