"""The longest run that an output shares with the training text, against a comparison of every place with every other."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load
from safetensors.torch import save

from unrolled.data.token_rows import TokenRows
from unrolled.tasks.copied_runs import CopiedRun, CopiedRuns

NOTHING = CopiedRun(0, 0, 0, 0)


def slow(documents: Sequence[Sequence[Any]], output: Sequence[Any]) -> CopiedRun:
    best = NOTHING
    for start in range(len(output)):
        for number, document in enumerate(documents):
            for offset in range(len(document)):
                length = 0
                while (
                    start + length < len(output)
                    and offset + length < len(document)
                    and output[start + length] == document[offset + length]
                ):
                    length += 1
                if length > best.length:
                    best = CopiedRun(length, start, number, offset)
    return best


def kept(runs: CopiedRuns) -> CopiedRuns:
    """Return what comes back through the two files of a saved model."""
    config, arrays = runs.saved()
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return CopiedRuns.restored(json.loads(json.dumps(config)), load(save(tensors)))


TOKENS = st.integers(0, 2) | st.sampled_from([0, 300, 2**31 - 1])
DOCUMENTS = st.lists(st.lists(TOKENS, max_size=30), max_size=5)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, DOCUMENTS, st.randoms(use_true_random=False))
def test_runs_are_those_of_a_full_comparison(
    documents: list[list[int]], outputs: list[list[int]], random: Any
) -> None:
    # Runs of some length: an output that holds a part of a document.
    for document in documents:
        start, end = sorted(random.choices(range(len(document) + 1), k=2))
        outputs.append([7, *document[start:end], *random.choices(document or [1], k=3)])
    runs = CopiedRuns([np.array(document, np.int32) for document in documents])
    rows = [np.array(output, np.int32) for output in outputs]
    expected = [slow(documents, output) for output in outputs]
    assert runs.longest_of_each(rows) == expected
    assert kept(runs).longest_of_each(TokenRows.of(rows)) == expected
    assert [runs.longest(row) for row in rows] == expected


def test_lengths_around_every_doubling_are_found() -> None:
    text = np.random.default_rng(0).permutation(300).astype(np.int32)
    lengths = [length for length in range(1, 300) if length < 20 or length % 16 in (0, 1, 15)]
    outputs = [np.r_[400, text[300 - length :], 401] for length in lengths]
    found = CopiedRuns([[1], text]).longest_of_each(outputs)
    assert found == [CopiedRun(length, 1, 1, 300 - length) for length in lengths]


def test_what_repeats_itself() -> None:
    runs = CopiedRuns([[5] * 1000, [6, 5] * 400])
    assert runs.longest([5] * 777) == CopiedRun(777, 0, 0, 0)
    assert runs.longest([5] * 5000) == CopiedRun(1000, 0, 0, 0)
    assert runs.longest([6, 6, *[5, 6] * 300, 6]) == CopiedRun(601, 1, 1, 0)


def test_texts_are_compared_by_characters() -> None:
    runs = CopiedRuns(["春眠不覺曉", "處處聞啼鳥", "𠀀二\ud800 🐦"])
    assert runs.longest("不覺曉處處聞啼鳥") == CopiedRun(5, 3, 1, 0)
    assert kept(runs).longest("x二\ud800 🐦 y") == CopiedRun(4, 1, 2, 1)
    assert runs.longest("夏") == NOTHING


@pytest.mark.parametrize("documents", [[], [""], ["", "abc", ""]])
def test_nothing_on_either_side(documents: list[str]) -> None:
    runs = CopiedRuns(documents)
    assert runs.longest_of_each([]) == []
    assert kept(runs).longest_of_each(["", "xyz"]) == [NOTHING, NOTHING]
    expected = CopiedRun(2, 0, 1, 1) if len(documents) > 1 else NOTHING
    assert runs.longest("bc") == kept(runs).longest("bc") == expected


def test_the_text_is_kept_small() -> None:
    rows = [np.arange(200), np.arange(50_000, 50_100)]
    assert CopiedRuns(rows[:1]).saved()[1]["ids"].dtype == np.uint8
    arrays = CopiedRuns(rows).saved()[1]
    assert arrays["ids"].dtype == np.uint16
    assert arrays["alphabet"].tolist() == np.concatenate(rows).tolist()
    many = kept(CopiedRuns([np.arange(255), np.arange(70_000)]))
    assert many.longest(np.arange(250, 256)) == CopiedRun(6, 0, 1, 250)
    assert many.longest(np.arange(65_530, 65_540)) == CopiedRun(10, 0, 1, 65_530)


@pytest.mark.parametrize("size", [254, 255, 256, 65_535, 65_536])
def test_alphabets_at_the_ends_of_a_kind_of_number(size: int) -> None:
    runs = kept(CopiedRuns([np.arange(size), np.array([size - 1, 0])]))
    assert runs.longest([size - 2, size - 1]) == CopiedRun(2, 0, 0, size - 2)
    assert runs.longest([size - 1, 0, 1]) == CopiedRun(2, 0, 1, 0)


def with_array(name: str, change: Callable[[Any], Any]) -> Callable[[Any], object]:
    return lambda arrays: arrays.update({name: change(arrays[name])})


DAMAGES = {
    "no alphabet": lambda arrays: arrays.pop("alphabet"),
    "an alphabet that falls": with_array("alphabet", lambda old: old[::-1].copy()),
    "an alphabet of another kind": with_array("alphabet", lambda old: old.astype(np.int64)),
    "a smaller alphabet": with_array("alphabet", lambda old: old[:-1]),
    "no ids": lambda arrays: arrays.pop("ids"),
    "fewer ids": with_array("ids", lambda old: old[1:]),
    "a length below 0": with_array("lengths", lambda old: old + np.array([-9, 9], np.int32)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_refused(damage: str) -> None:
    config, arrays = CopiedRuns([[4, 5], [4]]).saved()
    CopiedRuns.restored(config, arrays)
    DAMAGES[damage](arrays)
    with pytest.raises((KeyError, ValueError)):
        CopiedRuns.restored(config, arrays)
