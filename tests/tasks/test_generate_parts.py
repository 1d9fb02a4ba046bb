"""What a generator is fitted on, stopped on and scored on, and what options it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tasks.written_texts import made, novel, poems, same_weights
from unrolled import Generator
from unrolled.data.documents import read_documents
from unrolled.data.token_rows import TokenRows
from unrolled.errors import InputError, OptionError
from unrolled.tasks.generate import training
from unrolled.tasks.generate.parts import LONG, kind_of, part_texts
from unrolled.tasks.generate.scoring import token_nats
from unrolled.tasks.generate.settings import (
    MINUTES,
    GenerateSettings,
    read_options,
    training_settings,
    with_usual,
)
from unrolled.tasks.generate.training import (
    MOST_VALIDATION_TOKENS,
    document_batches,
    document_validation,
    pieces_of,
    text_batches,
    text_validation,
    thinned,
)


def parted(texts: list[str], **options: Any) -> list[list[str]]:
    settings = GenerateSettings(kind=options.pop("kind", kind_of(texts)), **options)
    parts = part_texts(read_documents(texts), settings, seed=0)
    return [list(part.texts) for part in (parts.train, parts.validation, parts.test)]


def test_the_test_part_of_a_text_is_its_end() -> None:
    text = novel(100)
    train, validation, test = parted([text], validation=0.05, test=0.1)
    assert (train[0] + validation[0] + test[0]) == text
    assert len(test[0]) == round(0.1 * len(text))
    assert len(validation[0]) == round(0.05 * len(text))
    several = parted([text, text[:500]], kind="text", validation=0.1, test=0.2)
    assert [len(each) for each in several[2]] == [round(0.2 * len(text)), 100]
    numbered = parted([text], validation=0, test=300)
    assert (numbered[1], len(numbered[2][0])) == ([], 300)


def test_words_are_not_cut() -> None:
    text = "alpha beta gamma delta " * 40
    train, validation, test = parted([text], units="words", validation=0.15, test=0.15)
    for part in (train, validation, test):
        assert set(part[0].split()) == {"alpha", "beta", "gamma", "delta"}
    assert train[0] + validation[0] + test[0] == text
    parts = parted(["人" * 1000], units="bpe", test=0.1)
    assert len(parts[2][0]) == 100


def test_equal_documents_are_never_parted() -> None:
    texts = [text for text in poems(40) for _ in range(3)]
    parts = parted(texts, validation=0.2, test=0.2)
    held = [set(part) for part in parts]
    assert all(held)
    assert not (held[0] & held[1] or held[0] & held[2] or held[1] & held[2])
    assert sum(map(len, parts)) == 120


def test_another_seed_holds_out_other_documents() -> None:
    first, second = made(max_steps=1).fit(poems()), made(max_steps=1, seed=1).fit(poems())
    assert list(first._parts.test.texts) != list(second._parts.test.texts)


def test_long_texts_are_told_from_documents() -> None:
    assert kind_of(["x" * LONG] * 30) == "text"
    assert kind_of(["x" * (LONG - 1)] * 2) == "documents"
    assert kind_of(["short"]) == "text"
    with pytest.raises(InputError, match="one document only"):
        parted(["a poem"], kind="documents")
    with pytest.raises(OptionError, match="hold out the whole text"):
        parted(["a text"], validation=0.5, test=0.5)
    with pytest.raises(OptionError, match="whole number of characters"):
        parted(["a text"], test=3.5)


def test_parts_of_ones_own_are_kept_whole(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(novel(100))
    (tmp_path / "test.txt").write_text(novel(20, seed=7))
    model = made(max_steps=2).fit(
        tmp_path / "train.txt", validation=[novel(10, seed=8)], test=tmp_path / "test.txt"
    )
    assert model.evaluate()["tokens"] == len(novel(20, seed=7))
    assert model._parts.train.characters == len(novel(100))
    assert model.title == "train.txt"
    again = made(max_steps=1).fit(poems(), validation=poems(5))
    assert any("5 of 5 validation texts stand in the training part" in n for n in again.notes)
    with pytest.raises(InputError, match=r"fit\(test=0.1\)"):
        made().fit(poems(), test=0.1)


def test_two_files_are_two_texts(tmp_path: Path) -> None:
    files = (tmp_path / "one.txt", tmp_path / "two.txt")
    for seed, file in enumerate(files):
        file.write_text(novel(300, seed=seed))
    model = made(max_steps=1).fit(files)
    assert model.title == "one.txt + two.txt"
    assert len(model._parts.test) == 2
    assert model.fitted.settings.kind == "text"
    lines = made(max_steps=1, split="lines").fit(files[0])
    assert lines.fitted.settings.kind == "documents"


def test_an_epoch_reads_every_document_once_and_texts_in_order() -> None:
    rows = made(max_steps=1).fit(poems()).fitted.reader.rows(poems(30))
    read = document_batches(rows, 100, seed=0)(3)
    assert sum(len(batch.tokens.valid()) for batch in read) == int(rows.lengths.sum()) - len(rows)
    for batch in read:
        assert batch.tokens.data[:, 1:].equal(batch.targets.data[:, :-1])
    # One that is longer than a batch is read in pieces, each token of it once.
    long = TokenRows.of([[1, 2, 3, 4, 5, 6, 7], [8, 9]])
    batches = document_batches(long, 3, seed=0)(0)
    assert max(batch.tokens.sample.shape[1] for batch in batches) == 3
    targets = torch.cat([batch.targets.valid() for batch in batches])
    assert sorted(targets.tolist()) == [2, 3, 4, 5, 6, 7, 9]
    windows = text_batches(TokenRows.of([np.arange(1000)]), 16, 64, seed=0)(0)
    assert tuple(windows[0].tokens.shape) == (4, 16)
    assert windows[0].targets[:, -1].equal(windows[1].tokens[:, 0])
    tiny = text_batches(TokenRows.of([np.arange(5)]), 16, 64, seed=0)(0)
    assert tuple(tiny[0].tokens.shape) == (1, 4)


def test_much_validation_is_thinned_out() -> None:
    rows = TokenRows.of([np.zeros(1000, np.int32)] * (2 * MOST_VALIDATION_TOKENS // 1000))
    assert thinned(rows).lengths.sum() == MOST_VALIDATION_TOKENS
    assert thinned(rows[:3]) is not None
    assert [row.tolist() for row in pieces_of(TokenRows.of([[1, 2, 3, 4, 5]]), 3)] == [
        [1, 2, 3], [3, 4, 5],
    ]  # fmt: skip


def test_validation_reads_what_is_enormous_in_windows_and_of_many_texts_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = made(max_steps=1).fit([novel()]).fitted.network
    ids = np.random.default_rng(0).integers(4, 12, 1500)
    rows = TokenRows.of([ids[:1400], ids[1400:1460], ids[1460:]])
    read: list[int] = []
    loss = type(network).loss

    def watched(self: Any, tokens: Any, *others: Any, **more: Any) -> Any:
        read.append(tokens.sample.shape[1])
        return loss(self, tokens, *others, **more)

    monkeypatch.setattr(type(network), "loss", watched)
    with torch.no_grad():
        score = document_validation(rows, 100)(network)
        expected = sum(float(nats.sum()) for nats in token_nats(network, rows)) / (1500 - 3)
        assert max(read) <= 512
        assert score == pytest.approx(expected, rel=1e-5)
        monkeypatch.setattr(training, "MOST_TEXTS", 5)
        read.clear()
        many = TokenRows.of([ids[:3]] * (MOST_VALIDATION_TOKENS + 1))
        assert np.isfinite(text_validation(many)(network))
        assert len(read) == 5


def test_what_is_chosen_from_the_data() -> None:
    few = with_usual(GenerateSettings(), characters=10_000, unspaced=False, drops_weights=True)
    assert (few.units, few.embedding, few.hidden_size) == ("characters", 512, 512)
    much = with_usual(GenerateSettings(), characters=10**8, unspaced=False, drops_weights=False)
    assert (much.units, much.dropout, few.dropout) == ("bpe", 0.1, 0.3)
    assert (much.weight_dropout, few.weight_dropout) == (0.0, 0.2)
    chinese = with_usual(GenerateSettings(), characters=10**8, unspaced=True, drops_weights=True)
    assert (chinese.units, chinese.embedding) == ("characters", 256)
    assert None not in few.as_dict().values() or few.as_dict()["text"] is None
    model = made(units=None, max_steps=1).fit(["人生若只如初見" * 30])
    assert model.fitted.settings.units == "characters"
    assert made("min_gru", weight_dropout=None, max_steps=1).fit([novel()]).fitted.settings.weight_dropout == 0  # fmt: skip


def test_a_training_that_nothing_bounds_ends_within_minutes() -> None:
    assert training_settings({}, batches=10, tokens=10).max_minutes == MINUTES
    for bound in ({"epochs": 3}, {"max_steps": 3}):
        assert training_settings(bound, batches=10, tokens=10).max_minutes is None
    assert training_settings({"max_minutes": 60.0}, batches=10, tokens=10).max_minutes == 60
    assert training_settings({}, batches=9, tokens=10**9).epochs == 3
    assert training_settings({"max_steps": 50}, batches=9, tokens=10).warmup_steps == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "bpe"}, "'units'"),
        ({"units": "letters"}, "characters"),
        ({"kind": "novel"}, "text"),
        ({"split": "line"}, "'lines'"),
        ({"batch_size": 3}, "batch_tokens"),
        ({"vocabulary": 10, "units": "bpe"}, "at least 248"),
        ({"dropout": 1.0}, "below 1"),
        ({"temporal": -1}, "at least 0"),
        ({"tied": 1}, "True or False"),
        ({"cell": "gruu"}, "'gru'"),
        ({"cell": "transformer", "hidden_size": 10}, "even number"),
        ({"cell": "transformer", "weight_dropout": 0.2}, "recurrent weights"),
        ({"max_length": 0}, "at least 1"),
        ({"test": -1}, "share"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Generator(**options)


def test_options_are_parted() -> None:
    own, training = read_options({"dropout": 0.5, "seed": np.int64(3), "epochs": 2})
    assert own.dropout == 0.5
    assert training == {"seed": 3, "epochs": 2}


def test_what_cannot_be_fitted_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "blank.txt").write_text(" \n\n")
    for file in ("empty.txt", "blank.txt"):
        with pytest.raises(InputError, match=file):
            made().fit(tmp_path / file)
    with pytest.raises(InputError):
        made().fit([])
    with pytest.raises(InputError, match="not fitted"):
        made().generate("x")
    model = made(max_steps=1).fit([novel()])
    with pytest.raises(InputError):
        model.evaluate([""])


def test_one_enormous_line_is_read_in_pieces() -> None:
    line = "the moon and mine " * 8_000
    model = made(max_steps=2, units="bpe", vocabulary=300).fit([line])
    ids = next(iter(model.fitted.reader.rows([line])))
    assert model.fitted.reader.text(ids[1:]) == line
    # The pieces change nothing: they are cut between words.
    whole = next(model.fitted.reader.tokenizer.encode([line[:40_000]]))
    assert np.array_equal(next(iter(model.fitted.reader.rows([line[:40_000]])))[1:], whole)


def test_a_text_of_one_character_can_be_fitted() -> None:
    model = made(max_steps=2, validation=0, test=0).fit(["aa"])
    assert not model.has_test_part
    assert same_weights(model, made(max_steps=2, validation=0, test=0).fit(["aa"]))
