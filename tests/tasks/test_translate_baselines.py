"""The baselines of translation: what they answer, what they keep, and when a data set is a summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load
from safetensors.torch import save

from unrolled.data.texts import TextStore
from unrolled.errors import InputError, ShapeError
from unrolled.tasks.baselines import (
    TRANSLATE_BASELINES,
    CopySource,
    Lead,
    NearestPair,
    TranslateBaseline,
    is_summary,
)
from unrolled.tasks.baselines import nearest_pair as nearest_pair_module
from unrolled.tasks.scores import BASELINE_ORDER

ALL = [NearestPair, CopySource, Lead]
GERMAN = ["ein rotes Haus", "ein Hund und eine Katze", "zwei Hunde", "das Haus ist rot ."]
ENGLISH = ["a red house", "a dog and a cat", "two dogs", "the house is red ."]
ASKED = ["rotes Haus", "eine Katze", "", "zebra 斑马", "das Haus ist rot ."]


def kept(baseline: TranslateBaseline) -> Any:
    """Return the baseline after its way through the two files of a saved model."""
    config, arrays = baseline.saved()
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return type(baseline).restored(json.loads(json.dumps(config)), load(save(tensors)))


def test_names_are_those_of_the_score_table() -> None:
    assert {kind: list(names) for kind, names in TRANSLATE_BASELINES.items()} == {
        "translate": ["nearest_pair", "copy_source"],
        "summarise": ["nearest_pair", "lead"],
    }
    assert {make.name for make in ALL} <= set(BASELINE_ORDER)


@pytest.mark.parametrize("make", ALL)
def test_what_cannot_be_fitted_on_is_refused(make: type[TranslateBaseline]) -> None:
    with pytest.raises(InputError, match="there is no pair to fit the baselines on"):
        make().fit([], [])
    with pytest.raises(ShapeError, match="1 targets; expected 2, one a source"):
        make().fit(["a", "b"], ["a"])


@pytest.mark.parametrize("make", ALL)
def test_kept_baselines_answer_as_before(make: type[TranslateBaseline]) -> None:
    fitted = make().fit(GERMAN, ENGLISH)
    again = kept(fitted)
    assert again.predict(ASKED) == fitted.predict(ASKED)
    assert again.predict([]) == []
    assert again.saved()[0] == fitted.saved()[0]
    assert make().fit(TextStore(GERMAN), TextStore(ENGLISH)).predict(TextStore(ASKED)) == (
        fitted.predict(ASKED)
    )


def test_the_nearest_pair_answers() -> None:
    nearest = NearestPair().fit(GERMAN, ENGLISH)
    assert nearest.predict(GERMAN) == ENGLISH
    assert nearest.predict(ASKED) == [ENGLISH[0], ENGLISH[1], ENGLISH[0], ENGLISH[0], ENGLISH[3]]
    assert nearest.note == ""


def test_of_equal_pairs_the_first_answers() -> None:
    sources = ["b c", "a b", "a b", "b a b a"]
    assert NearestPair().fit(sources, ["0", "1", "2", "3"]).predict(["a b", "c"]) == ["1", "0"]


def test_a_word_of_a_single_source_counts_among_many() -> None:
    sources = [f"a man number {row}" for row in range(1500)]
    nearest = NearestPair().fit(sources, [str(row) for row in range(1500)])
    assert nearest.predict(["man number 707"]) == ["707"]


def test_chinese_is_compared_by_characters() -> None:
    pairs = ["房间很大", "服务很差", "他昨天没来"], ["large", "poor", "absent"]
    assert kept(NearestPair().fit(*pairs)).predict(["他没来", "服务不好"]) == ["absent", "poor"]


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_sources_without_a_word_leave_the_first_pair(empty: str) -> None:
    fitted = NearestPair().fit([empty] * 3, ["1", "2", "3"])
    assert fitted.predict(["x", ""]) == kept(fitted).predict(["x", ""]) == ["1", "1"]


def test_targets_of_any_signs_are_kept() -> None:
    targets = ["", "half \ud800 pair", "𠀀二\n", "\x00"]
    assert kept(NearestPair().fit(GERMAN, targets)).predict(GERMAN) == targets


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    nearest = NearestPair().fit(GERMAN, ENGLISH)
    whole = nearest.predict(ASKED * 3)
    monkeypatch.setattr(nearest_pair_module, "COSINES", 9)
    assert nearest.predict(ASKED * 3) == whole


def test_many_pairs_are_drawn_from_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [f"source {row}" for row in range(50)]
    targets = [f"target {row}" for row in range(50)]
    monkeypatch.setattr(nearest_pair_module, "MOST_PAIRS", 20)
    fitted = NearestPair().fit(sources, targets)
    assert fitted.note == kept(fitted).note == "fitted on 20 of 50 pairs, drawn at random"
    answers = fitted.predict(sources)
    right = sum(answer == target for answer, target in zip(answers, targets, strict=True))
    assert right == len(set(answers)) == 20
    assert NearestPair().fit(sources, targets, seed=1).predict(sources) != answers
    monkeypatch.setattr(nearest_pair_module, "MOST_ENTRIES", 0.3 * len("".join(sources[:10])))
    assert NearestPair().fit(sources, targets).note.startswith(("fitted on 9 ", "fitted on 10 "))


def without(name: str) -> Callable[[dict[str, Any], dict[str, Any]], object]:
    return lambda config, arrays: (config.pop(name, None), arrays.pop(name, None))


def with_array(name: str, change: Callable[[Any], Any]) -> Callable[[Any, Any], object]:
    return lambda config, arrays: arrays.update({name: change(arrays[name])})


def with_entry(name: str, value: Any) -> Callable[[Any, Any], object]:
    return lambda config, arrays: config.update({name: value})


DAMAGES = {
    "no note": (CopySource, without("note")),
    "no length": (Lead, without("length")),
    "length of 0": (Lead, with_entry("length", 0)),
    "words as text": (Lead, with_entry("of_words", "yes")),
    "another form of text": (NearestPair, with_entry("text_form", "verses")),
    "no targets": (NearestPair, without("targets")),
    "fewer letters": (NearestPair, with_array("targets", lambda old: old[1:])),
    "fewer targets": (NearestPair, with_array("target_lengths", lambda old: old[:1])),
    "not a target": (
        NearestPair,
        lambda _, arrays: arrays.update(
            {"targets": np.zeros(0, np.uint8), "target_lengths": np.zeros(0, np.int32)}
        ),
    ),
    "no terms": (NearestPair, without("terms")),
    "fewer idf": (NearestPair, with_array("idf", lambda old: old[1:])),
    "no weights": (NearestPair, without("weights")),
    "weights not finite": (NearestPair, with_array("weights", lambda old: old * np.nan)),
    "weights in float64": (NearestPair, with_array("weights", lambda old: old.astype(float))),
    "fewer weights": (NearestPair, with_array("weights", lambda old: old[1:])),
    "pairs beyond": (NearestPair, with_array("pairs", lambda old: old + 1)),
    "pairs below 0": (NearestPair, with_array("pairs", lambda old: old - 1)),
    "ends that fall": (NearestPair, with_array("ends", lambda old: np.r_[old[1], old[0], old[2:]])),
    "ends beyond": (NearestPair, with_array("ends", lambda old: old + np.int32(1))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_refused(damage: str) -> None:
    make, change = DAMAGES[damage]
    config, arrays = make().fit(GERMAN, ENGLISH).saved()
    make.restored(config, arrays)
    change(config, arrays)
    with pytest.raises((KeyError, ValueError)):
        make.restored(config, arrays)


def test_lead_without_an_end_is_as_long_as_the_targets() -> None:
    words = Lead().fit(["x"] * 3, ["a b", "a b c", "a b c d"])
    assert words.predict(["one two  three four", "one", "One. Two.", ""]) == [
        "one two three", "one", "One.", ""
    ]  # fmt: skip
    signs = Lead().fit(["x"] * 2, ["下雨", "大风下雨"])
    assert kept(signs).predict(["今天下了很大的雨", "大风。下雨。"]) == ["今天下", "大风。"]


def test_summaries_are_told_by_script_and_length() -> None:
    long, short = "Prices of grain rose again in March, officials said. " * 5, "Grain prices rise"
    assert is_summary([long] * 3, [short] * 3)
    assert is_summary(["三月份粮食价格再次上涨，官员说。" * 3] * 3, ["粮价上涨"] * 3)
    assert not is_summary([long] * 3, ["粮食价格上涨，官员说"] * 3)  # short by its script alone
    assert not is_summary([short] * 3, [long] * 3)
    assert not is_summary([long] * 3, [long[:120]] * 3)
    assert is_summary([long] * 3 + [short] * 2, [short] * 5)  # the median counts
    assert not is_summary([long] * 2 + [short] * 3, [short] * 5)
    assert not is_summary([], [])
    assert not is_summary(["", long], [short, " "])
    assert is_summary(["", "", long], [short] * 3)
    assert is_summary(TextStore(["", long]), TextStore(["", short]))
    assert is_summary([short] * 1500 + [long] * 4500, [short] * 6000)
