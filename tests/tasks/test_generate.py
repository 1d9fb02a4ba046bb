"""Generator: it learns, takes long texts and documents, scores every token once, and what is saved comes back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.laws.user_cells import CountingRNN
from tests.tasks.written_texts import made, novel, poems, same_weights, scored
from unrolled import LSTM, Sampling
from unrolled.data.token_rows import TokenRows
from unrolled.errors import InputError, ModelFileError
from unrolled.models.text_loss import text_loss
from unrolled.tasks.generate import Generator
from unrolled.tasks.generate.scoring import figures, ngram_rows, scored_tokens, token_nats
from unrolled.tasks.saving import load

SURE = Sampling(top_k=1)


@pytest.fixture(scope="module")
def learned() -> Generator:
    """One line again and again: what comes next is known, but for the test's beginning."""
    return made(hidden_size=32, embedding=32, max_steps=200, max_length=40).fit(
        ["to be or not\n" * 100]
    )


def test_a_text_is_learned(learned: Generator) -> None:
    result = learned.evaluate()
    assert (result["task"], result["kind"], result["rows"]) == ("generate", "text", 1)
    assert list(result["scores"]) == ["model", "ngram"]
    model = result["scores"]["model"]
    assert set(model) == {
        "nats_per_char", "bits_per_char", "perplexity", "parameters", "tokens_per_second", "peak_memory_mb",
    }  # fmt: skip
    assert model["nats_per_char"] < 0.3
    assert math.isclose(model["bits_per_char"] * math.log(2), model["nats_per_char"])
    assert math.isclose(math.log(model["perplexity"]), model["nats_per_char"])
    assert result["tokens"] == result["characters"] == 65
    assert learned.generate("to be", max_length=8, sampling=SURE) == " or not\n"
    json.dumps(result)


def test_what_is_copied_is_told(learned: Generator) -> None:
    result = scored(learned)
    assert result["samples"]["count"] == 64
    assert result["samples"]["copied_longest"] == 40
    assert result["samples"]["held_out_median"] == 40
    completion = learned.completions("to be", max_length=8, sampling=SURE)[0][0]
    assert completion.copied is not None
    assert (completion.copied.characters, completion.copied.share) == (8, 1.0)
    assert completion.copied.text == " or not\n"
    assert completion.copied.text in completion.copied.source
    assert learned.copied("or NOT").characters == 3
    assert learned.copied("§").characters == 0


def test_a_text_that_was_learned_is_not_taken_for_a_test() -> None:
    text = novel(4000)
    model = made(hidden_size=8, max_steps=2, test=0).fit([text])
    scored(model, [text[1000:2000]])
    assert any("50 of 50 passages stand word for word" in note for note in model.notes)
    scored(model, [novel(1000, seed=9)])
    assert not any("word for word" in note for note in model.notes)


def test_poems_have_ends_and_a_form() -> None:
    model = made(max_steps=60, batch_tokens=600, validation=0.1, test=0.1).fit(poems(200))
    result = scored(model)
    # An end is a token, and counts as a character.
    assert (result["kind"], result["rows"]) == ("documents", 20)
    assert result["tokens"] == result["characters"] == 20 * (len(poems(1)[0]) + 1)
    assert result["samples"]["form_kept_in_test"] == 1.0
    assert 0 <= result["samples"]["form_kept"] <= 1
    assert result["scores"]["model"]["perplexity"] < 22
    assert model.outcome is not None
    assert len(model.outcome.passages) == 3
    for passage in model.outcome.passages:
        assert len(passage.tokens) == len(passage.nats)


KINDS: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "gru": ("gru", {}, [novel()]),
    "lstm of two layers": ("lstm", {"layers": 2, "dropout": 0.2, "weight_dropout": 0.2}, [novel()]),
    "a class": (LSTM, {"activation": 0.1, "temporal": 0.1}, [novel()]),
    "two novels": ("min_gru", {"embedding_dropout": 0.1}, [novel(), novel(20, seed=1)]),
    "transformer": ("transformer", {"heads": 2, "dropout": 0.1}, [novel()]),
    "untied": ("gru", {"tied": False, "hidden_size": 12}, poems()),
    "text forgotten": ("gru", {"keep_text": False}, poems()),
    "bpe": ("gru", {"units": "bpe", "vocabulary": 300}, [novel()]),
    "bpe of poems": ("gru", {"units": "bpe", "vocabulary": 300}, poems()),
    "unigram": ("gru", {"units": "unigram", "vocabulary": 300}, [novel()]),
    "words": ("gru", {"units": "words"}, [novel()]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_writes_and_scores_the_same(kind: str, tmp_path: Path) -> None:
    cell, options, data = KINDS[kind]
    model = made(cell, **options, max_steps=3).fit(data)
    prompts = ["the moon", "", "山水", "unheard of 🙂\n"]
    table = model.predict(prompts, n=2)
    before = scored(model, data[:2])
    assert table["row"].to_list() == [1, 1, 2, 2, 3, 3, 4, 4]
    folder = model.save(tmp_path / "model")
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json",
    }  # fmt: skip
    loaded = load(folder)
    assert type(loaded) is Generator
    assert loaded.predict(prompts, n=2).equals(table)
    assert loaded.generate(prompts) == model.generate(prompts)
    assert "".join(loaded.stream(prompts[0])) == loaded.generate(prompts[0])
    assert scored(loaded, data[:2]) == before
    assert loaded.settings == model.fitted.settings
    assert (loaded.copied("山") is None) == ("forgotten" in kind)
    assert table["copied"].is_null().all() == ("forgotten" in kind)
    assert loaded.has_test_part is False
    with pytest.raises(InputError, match="no test part"):
        loaded.evaluate()


def test_what_was_loaded_is_saved_and_fitted_again(tmp_path: Path) -> None:
    model = made().fit(poems())
    loaded = load(load(model.save(tmp_path / "one")).save(tmp_path / "two"))
    assert scored(loaded, poems(9)) == scored(model, poems(9))
    assert same_weights(loaded.fit(poems()), model)
    assert not same_weights(made(seed=1).fit(poems()), model)


def test_a_cell_of_ones_own(tmp_path: Path) -> None:
    model = made(CountingRNN).fit([novel()])
    model.save(tmp_path)
    with pytest.raises(ModelFileError, match="cell=YourCell"):
        load(tmp_path)
    assert load(tmp_path, cell=CountingRNN).generate("the") == model.generate("the")


@pytest.mark.parametrize("cell", ["lstm", "transformer"])
def test_every_token_is_scored_once_by_both(cell: str) -> None:
    long = made(cell, max_steps=2, steps=2_000).fit([novel(), novel(200, seed=2)])
    rows = long.fitted.reader.rows([novel(150, seed=3), "", "x"])
    found = token_nats(long.fitted.network, rows)
    assert [len(each) for each in found] == [len(row) - 1 for row in rows]
    for row, nats in zip(rows, found, strict=True):
        whole, count = text_loss(long.fitted.network, row)
        assert count == len(nats)
        assert math.isclose(whole, float(nats.sum()), rel_tol=1e-4, abs_tol=1e-6)
    assert scored_tokens(rows, long.fitted.reader)[0] == sum(map(len, found))


def test_the_baseline_is_asked_for_the_same_tokens() -> None:
    for data in ([novel()], poems()):
        model = made(max_steps=1).fit(data)
        model.evaluate()
        rows, reader = model.fitted.reader.rows(data[:3]), model.fitted.reader
        found = model._baseline("ngram").log_p(ngram_rows(rows, reader))
        skipped = 0 if reader.ends else 1
        tokens, characters, _ = scored_tokens(rows, reader)
        assert sum(len(row) - skipped for row in found) == tokens == characters
        # Neither is told more than the other: all before a token, and what stands before the text.
        assert reader.rows([""]).lengths.tolist() == [2 if reader.ends else 1]


def test_documents_are_scored_as_each_alone() -> None:
    model = made(max_steps=2).fit(poems())
    rows = model.fitted.reader.rows([*poems(7), "山"])
    together = token_nats(model.fitted.network, rows)
    for row, nats in enumerate(together):
        alone = token_nats(model.fitted.network, TokenRows.of([rows[row]]))[0]
        np.testing.assert_allclose(nats, alone, atol=1e-5)


def test_pieces_of_words_are_figured_by_the_character() -> None:
    model = made(units="bpe", vocabulary=300, max_steps=2).fit([novel(200)])
    result = scored(model)
    scores = result["scores"]["model"]
    assert result["tokens"] < result["characters"]
    nats = math.log(scores["perplexity"]) * result["tokens"]
    assert math.isclose(scores["nats_per_char"], nats / result["characters"])


def test_unknown_words_have_no_figure_of_a_character() -> None:
    model = made(units="words", max_steps=2).fit([novel(200)])
    assert scored(model)["scores"]["model"]["nats_per_char"] > 0
    result = scored(model, ["the stranger and the moon.\n"])
    for scores in result["scores"].values():
        assert scores["nats_per_char"] is None
        assert scores["perplexity"] > 0
    assert "1 of 7 words are unknown" in model.notes[-1]
    assert "nan" not in json.dumps(result).lower()


def test_figures_without_a_character() -> None:
    assert math.isnan(figures(1.0, tokens=1, characters=0, unknown=0)["nats_per_char"])


def test_noise_is_off_where_a_model_is_used() -> None:
    model = made(dropout=0.5, weight_dropout=0.5, embedding_dropout=0.5, max_steps=2).fit([novel()])
    torch.manual_seed(1)
    first = scored(model)
    torch.manual_seed(2)
    assert scored(model) == first
