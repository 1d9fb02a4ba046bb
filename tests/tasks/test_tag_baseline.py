"""The most frequent tag of a word: what it answers, and what it keeps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load
from safetensors.torch import save

from unrolled.errors import InputError, ShapeError
from unrolled.tasks.baselines import TAG_BASELINES, MostFrequentTag
from unrolled.tasks.scores import BASELINE_ORDER

SENTENCES = [["the", "dog", "runs"], ["the", "run"], ["the", "dog", "saw", "The", "run"]]
TAGS = [["D", "N", "V"], ["D", "N"], ["X", "N", "V", "Y", "V"]]


def kept(baseline: MostFrequentTag) -> MostFrequentTag:
    """Return the baseline after its way through the two files of a saved model."""
    config, arrays = baseline.saved()
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return MostFrequentTag.restored(json.loads(json.dumps(config)), load(save(tensors)))


def test_by_hand() -> None:
    fitted = MostFrequentTag().fit(SENTENCES, TAGS)
    # "run" was N and V once each, N first; of runs, saw, The, seen once, most are V.
    asked = [["the", "dog", "run", "saw", "The", "cat", ""], []]
    assert fitted.predict(asked) == [["D", "N", "N", "V", "Y", "V", "V"], []]
    assert kept(fitted).predict(asked) == fitted.predict(asked)
    assert kept(fitted).saved()[0] == fitted.saved()[0]


WORDS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("XYZ")), max_size=12)


@given(st.lists(WORDS, min_size=1, max_size=4).filter(any))
def test_as_its_definition(drawn: list[list[tuple[str, str]]]) -> None:
    pairs = [pair for row in drawn for pair in row]
    words = Counter(word for word, _ in pairs)
    once = [(word, tag) for word, tag in pairs if words[word] == 1]
    expected = []
    for word in "abcdefg":
        its = [tag for seen, tag in pairs if seen == word] or [tag for _, tag in once or pairs]
        expected.append(max(its, key=its.count))
    sentences, tags = ([[pair[side] for pair in row] for row in drawn] for side in (0, 1))
    fitted = MostFrequentTag().fit(sentences, tags)
    assert fitted.predict([list("abcdefg")]) == [expected]


def test_words_and_tags_of_any_signs_are_kept() -> None:
    words, tags = ["half \ud800 pair", "𠀀二\n", "\x00", "é"], ["B-日", "O", "", "O"]
    assert kept(MostFrequentTag().fit([words], [tags])).predict([words]) == [tags]


def test_its_name_is_that_of_the_score_table() -> None:
    assert list(TAG_BASELINES) == ["most_frequent_tag"]
    assert set(TAG_BASELINES) <= set(BASELINE_ORDER)


def test_what_cannot_be_fitted_on_is_refused() -> None:
    with pytest.raises(InputError, match="there is no word to fit the baselines on"):
        MostFrequentTag().fit([[]], [[]])
    with pytest.raises(ShapeError, match="tags of 1 sentences; expected 2"):
        MostFrequentTag().fit([["a"], ["b"]], [["X"]])
    with pytest.raises(ShapeError, match="row 0: 2 tags; expected 1, one a word"):
        MostFrequentTag().fit([["a"]], [["X", "Y"]])


Change = Callable[[dict[str, Any], dict[str, Any]], object]
DAMAGES: dict[str, Change] = {
    "no note": lambda config, _: config.pop("note"),
    "no unseen": lambda config, _: config.pop("unseen"),
    "another unseen": lambda config, _: config.update(unseen="ADJ"),
    "no words": lambda _, arrays: arrays.pop("words"),
    "fewer words": lambda _, arrays: arrays.update(word_lengths=arrays["word_lengths"][1:]),
    "fewer codes": lambda _, arrays: arrays.update(codes=arrays["codes"][1:]),
    "another code": lambda _, arrays: arrays.update(codes=arrays["codes"] + 9),
    "a code below 0": lambda _, arrays: arrays.update(codes=arrays["codes"] - 1),
    "codes of another kind": lambda _, arrays: arrays.update(codes=arrays["codes"].astype(np.int64)),
    "other tags": lambda _, arrays: arrays.update(tags=arrays["tags"][:1]),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused(damage: str) -> None:
    config, arrays = MostFrequentTag().fit(SENTENCES, TAGS).saved()
    DAMAGES[damage](config, arrays)
    with pytest.raises((KeyError, ValueError)):
        MostFrequentTag.restored(config, arrays)
