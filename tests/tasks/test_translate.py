"""Translator: it learns, takes pairs in every form, answers what was asked, and what is saved comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.laws.user_cells import CountingRNN
from tests.tasks.text_pairs import (
    LEARNING,
    OF_WORD,
    WORDS,
    Pairs,
    chinese,
    made,
    same_weights,
    scored,
    sides,
    swapped,
    turned,
    weights,
)
from unrolled import LSTM
from unrolled.errors import InputError, ModelFileError
from unrolled.tasks.saving import load
from unrolled.tasks.translate import Translator


@pytest.fixture(scope="module")
def learned() -> Translator:
    return made(**LEARNING).fit(turned(400))


def in_order(rows: int, seed: int = 0) -> Pairs:
    """Return sentences of 2 to 4 words of few, and other words in the same order."""
    random = np.random.default_rng(seed)
    sources = [random.choice(WORDS[:12], size=random.integers(2, 5)).tolist() for _ in range(rows)]
    return [(" ".join(words), " ".join(OF_WORD[word] for word in words)) for words in sources]


def test_a_language_is_learned(learned: Translator) -> None:
    result = learned.evaluate()
    scores = result["scores"]
    assert list(scores) == ["model", "nearest_pair", "copy_source"]
    assert (result["task"], result["kind"], result["rows"]) == ("translate", "translate", 40)
    assert scores["model"]["bleu"] > 95 > 50 > scores["nearest_pair"]["bleu"]
    assert scores["copy_source"]["bleu"] < 1
    assert set(scores["model"]) == {
        "bleu", "chrf", "parameters", "tokens_per_second", "peak_memory_mb",
    }  # fmt: skip
    assert set(result["signatures"]) == {"bleu", "chrf"}
    json.dumps(result)
    assert learned.translate("da mu ba") == " ".join(OF_WORD[word] for word in ("ba", "mu", "da"))


def test_without_attention_the_state_must_hold_all_and_less_is_learned(learned: Translator) -> None:
    model = made(**{**LEARNING, "max_steps": 100}, attention="none").fit(turned(400))
    assert scored(model)["scores"]["model"]["bleu"] < scored(learned)["scores"]["model"]["bleu"] / 2


TRANSFORMER = {**LEARNING, "embedding": 32, "hidden_size": 32, "heads": 2, "learning_rate": 0.005}


def test_a_transformer_learns_what_cannot_be_looked_up() -> None:
    model = made("transformer", **{**TRANSFORMER, "max_steps": 180}).fit(in_order(1500))
    scores = model.evaluate(in_order(40, seed=1))["scores"]
    assert scores["model"]["bleu"] > scores["nearest_pair"]["bleu"] + 20
    assert scores["copy_source"]["bleu"] < 1


@pytest.mark.slow
def test_a_transformer_learns_a_language() -> None:
    options = {**TRANSFORMER, "embedding": 64, "hidden_size": 64, "max_steps": 1500, "dropout": 0.1}
    model = made("transformer", **options).fit(in_order(1500))
    scores = model.evaluate(in_order(60, seed=1))["scores"]
    assert scores["model"]["bleu"] > 95 > scores["nearest_pair"]["bleu"]


KINDS: dict[str, tuple[Any, dict[str, Any], Pairs]] = {
    "gru": ("gru", {}, turned()),
    "lstm of two layers": ("lstm", {"layers": 2, "encoder_layers": 2, "dropout": 0.2}, turned()),
    "a class": (LSTM, {"attention": "scaled"}, turned()),
    "transformer": ("transformer", {"heads": 2}, turned()),
    "no attention": ("gru", {"attention": "none"}, turned()),
    "additive": ("rnn", {"attention": "additive"}, turned()),
    "dot": ("gru", {"attention": "dot"}, turned()),
    "multi_head": ("gru", {"attention": "multi_head", "heads": 2}, turned()),
    "input feeding": ("gru", {"input_feeding": True}, turned()),
    "two vocabularies": ("gru", {"shared": False}, turned()),
    "bpe": ("gru", {"units": "bpe", "vocabulary": 300, "bpe_dropout": 0.2}, turned()),
    "unigram": ("gru", {"units": "unigram", "vocabulary": 300}, turned()),
    "characters": ("gru", {"units": "characters"}, turned()),
    "odd size": ("gru", {"hidden_size": 7}, turned()),
    "Chinese read": ("gru", {"units": "bpe", "vocabulary": 300}, chinese()),
    "Chinese written": ("gru", {"units": "bpe", "vocabulary": 300}, swapped(chinese())),
    "Chinese by sign": ("gru", {"units": "characters"}, swapped(chinese())),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_answers_and_scores_the_same(kind: str, tmp_path: Path) -> None:
    cell, options, pairs = KINDS[kind]
    model = made(cell, **options, max_steps=4, max_length=24).fit(pairs)
    asked = [*sides(pairs[:3])[0], "", "unheard of 🙂"]
    answers, before = model.predict(asked), scored(model, pairs[:4])
    assert answers["row"].to_list() == [1, 2, 3, 4, 5]
    folder = model.save(tmp_path / "model")
    files = {"config.json", "model.safetensors", "tokenizer.json"}
    if not model.fitted.settings.shared:
        files.add("source_tokenizer.json")
    assert {path.name for path in folder.iterdir()} == files
    loaded = load(folder)
    assert type(loaded) is Translator
    assert loaded.predict(asked).equals(answers)
    assert loaded.translate(asked) == model.translate(asked) == answers["target"].to_list()
    assert "".join(loaded.stream(asked[0])) == loaded.translate(asked[0], beam=1)
    assert scored(loaded, pairs[:4]) == before
    assert loaded.settings == model.fitted.settings
    assert loaded.has_test_part is False
    with pytest.raises(InputError, match="no test part"):
        loaded.evaluate()


def test_what_was_loaded_is_saved_and_fitted_again(tmp_path: Path) -> None:
    model = made().fit(turned())
    loaded = load(load(model.save(tmp_path / "one")).save(tmp_path / "two"))
    assert scored(loaded, turned(9)) == scored(model, turned(9))
    assert same_weights(loaded.fit(turned()), model)


def test_a_cell_of_ones_own(tmp_path: Path) -> None:
    model = made(CountingRNN).fit(turned())
    model.save(tmp_path)
    with pytest.raises(ModelFileError, match="cell=YourCell"):
        Translator.load(tmp_path)
    texts = sides(turned(9))[0]
    assert load(tmp_path, cell=CountingRNN).predict(texts).equals(model.predict(texts))
    with pytest.raises(ModelFileError, match="weights do not fit"):
        Translator.load(tmp_path, cell="lstm")


def test_a_vocabulary_is_shared_within_one_script() -> None:
    one, two = made(max_steps=1).fit(turned()), made(max_steps=1).fit(chinese())
    assert one.fitted.reader.source is one.fitted.reader.target
    assert two.fitted.reader.source is not two.fitted.reader.target
    assert (one.fitted.settings.shared, two.fitted.settings.shared) == (True, False)
    both = made(max_steps=1, shared=True).fit(chinese()).fitted.reader
    assert both.source is both.target


def test_chinese_is_scored_by_its_signs() -> None:
    model = made(max_steps=1).fit(swapped(chinese()), test=swapped(chinese(9, seed=1)))
    result = model.evaluate()
    assert "tok:zh" in result["signatures"]["bleu"]
    asked = made(max_steps=1, tokenize="char").fit(swapped(chinese()))
    assert "tok:char" in asked.evaluate()["signatures"]["bleu"]


def test_every_form_of_the_same_pairs_gives_the_same_model(tmp_path: Path) -> None:
    pairs = turned()
    sources, targets = sides(pairs)
    columns = {"source": sources, "target": targets}
    expected = made().fit(pairs)
    frame = pl.DataFrame(columns)
    frame.write_csv(tmp_path / "pairs.csv")
    frame.write_parquet(tmp_path / "pairs.parquet")
    parallel = tmp_path / "train.xx", tmp_path / "train.yy"
    for file, texts in zip(parallel, (sources, targets), strict=True):
        file.write_text("".join(f"{text}\n" for text in texts))
    records = [{"source": source, "target": target} for source, target in pairs]
    forms = [columns, frame, pd.DataFrame(columns), records, tmp_path / "pairs.csv"]
    for data in (*forms, str(tmp_path / "pairs.parquet"), parallel, (sources, targets)):
        assert same_weights(made().fit(data), expected), type(data)
    assert same_weights(made().fit(sources, targets), expected)
    assert made(max_steps=1).fit(parallel).title == "train.xx + train.yy"
    other = {"target": ["x"] * 60, "yy": targets, "xx": sources}
    assert same_weights(made(source="xx", target="yy").fit(other), expected)


def test_columns_may_be_called_otherwise_than_in_training() -> None:
    sources, targets = sides(turned())
    model = made().fit({"source": sources, "target": targets})
    other = {"what is read": sources, "what is written": targets, "more": targets}
    named = {"source": "what is read", "target": "what is written"}
    assert scored(model, other, **named) == scored(model, {"source": sources, "target": targets})
    assert model.predict(other, source="what is read").equals(model.predict(sources))


def test_the_columns_of_the_training_are_those_of_the_saved_model(tmp_path: Path) -> None:
    sources, targets = sides(turned())
    table = {"more": targets, "was": sources, "wird": targets, "else": sources}
    model = made(source="was", target="wird", max_steps=2).fit(table)
    loaded = load(model.save(tmp_path))
    assert loaded.predict(table).equals(model.predict(sources))
    assert scored(loaded, table) == scored(model, (sources, targets))


def test_the_same_seed_gives_the_same_weights_and_another_one_does_not() -> None:
    noisy = {"units": "bpe", "vocabulary": 300, "dropout": 0.3, "bpe_dropout": 0.3}
    one, same, other = (made(seed=seed, **noisy).fit(turned()) for seed in (1, 1, 2))
    assert same_weights(one, same)
    name = "bridge.fields.0.weight"
    assert not weights(one)[name].equal(weights(other)[name])


def test_random_numbers_of_the_caller_neither_matter_nor_move() -> None:
    import torch

    noisy = {"dropout": 0.3, "word_dropout": 0.2}
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = made(**noisy).fit(turned())
    assert torch.get_rng_state().equal(before)
    torch.manual_seed(2)
    assert same_weights(one, made(**noisy).fit(turned()))


def test_fitting_again_begins_again() -> None:
    model = made().fit(chinese()).fit(turned())
    assert same_weights(model, made().fit(turned()))


def test_merges_that_are_dropped_change_the_training_alone() -> None:
    bpe = {"units": "bpe", "vocabulary": 400, "shared": False}
    with_dropout, without = (made(**bpe, bpe_dropout=p).fit(turned()) for p in (0.5, 0.0))
    assert not same_weights(with_dropout, without)
    read = [model.fitted.reader.source.tokens("lo ko du") for model in (with_dropout, without)]
    assert read[0] == read[1] == [" lo", " ko", " du"]


def test_facts_and_the_reach_of_gradients(learned: Translator, tmp_path: Path) -> None:
    facts = learned.facts()
    assert facts["parameters"] == sum(p.numel() for p in learned.fitted.network.parameters())
    assert (facts["cell"], facts["tokenizer"], facts["attention"]) == ("gru", "words", "general")
    assert (facts["steps"], facts["train_rows"], facts["test_rows"]) == (300, 360, 40)
    json.dumps(facts)
    reach = learned.reach()
    assert reach
    for norms in reach.values():
        assert np.isfinite(norms).all()
        assert (norms > 0).any()
    loaded = load(learned.save(tmp_path))
    assert loaded.reach() == {}
    of_the_training = {"steps", "best_step", "stopped", "seconds", "train_tokens_per_second"}
    of_the_parts = {"train_rows", "validation_rows", "test_rows"}
    assert set(facts) - set(loaded.facts()) == of_the_training | of_the_parts
    for cell, attention, name in (
        ("gru", "none", "none"),
        ("transformer", "general", "multi_head"),
    ):
        other = made(cell, attention=attention, max_steps=1).fit(turned())
        assert other.reach()
        assert other.facts()["attention"] == name


def test_what_is_not_fitted_cannot_answer(tmp_path: Path) -> None:
    for call in (made().predict, made().translate, made().evaluate, made().hypotheses):
        with pytest.raises(InputError, match="not fitted yet"):
            call(["da mu"])
    with pytest.raises(InputError, match="not fitted yet"):
        made().save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_where_the_decoder_looked_is_kept_of_some_rows(learned: Translator) -> None:
    learned.evaluate(turned(30, seed=3), baselines=())
    outcome = learned.outcome
    assert outcome is not None
    assert len(outcome.alignments) == 12
    for row, alignment in outcome.alignments.items():
        read = outcome.sources[row].split()
        assert alignment.weights.shape == (len(alignment.target), len(alignment.source))
        np.testing.assert_allclose(alignment.weights.sum(1), 1, atol=1e-5)
        assert len(alignment.source) == len(read) + 1
        # What is written first stands last: it looks there, at the word or at what follows it.
        assert alignment.weights[0, -2:].sum() > 0.5
    blind = made(attention="none", max_steps=1).fit(turned())
    blind.evaluate(turned(5), baselines=())
    assert blind.outcome is not None
    assert blind.outcome.alignments == {}
