"""The random generators that training may draw from: torch's, numpy's and Python's."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor


def seed_generators(seed: int) -> None:
    """Seed all of them."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (the global one is what a loss may draw from)
    random.seed(seed)


def generator_states() -> dict[str, Any]:
    """Return where all of them stand, in types that a checkpoint can hold."""
    version, numbers, gauss = random.getstate()
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": (name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest),
        "python": (version, torch.tensor(numbers), gauss),
    }


def set_generator_states(states: Mapping[str, Any]) -> None:
    """Put all of them where ``states`` says."""
    torch.set_rng_state(states["torch"])
    cuda: list[Tensor] = states["cuda"]
    if cuda and torch.cuda.device_count() == len(cuda):
        torch.cuda.set_rng_state_all(cuda)
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers.tolist()), gauss))


@contextmanager
def generators_kept() -> Iterator[None]:
    """Put all generators back afterwards, so that what runs inside leaves no trace in the numbers drawn outside."""
    before = generator_states()
    try:
        yield
    finally:
        set_generator_states(before)
