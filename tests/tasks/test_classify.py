"""Classifier: it learns, takes rows in every form, answers what was asked, and what is saved comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.laws.user_cells import CountingRNN
from tests.tasks.labelled_rows import accuracy, made, ordered, same_weights, themed, waves, weights
from unrolled import GRU
from unrolled.errors import InputError, ModelFileError, NotCausalError, OptionError
from unrolled.tasks.classify import Classifier
from unrolled.tasks.saving import load


@pytest.fixture(scope="module")
def fitted() -> Classifier:
    return made(bidirectional=False, max_steps=60, validation=50).fit(*themed(200))


def test_words_are_learned(fitted: Classifier) -> None:
    scores = fitted.evaluate()["scores"]
    assert list(scores) == ["model", "majority", "tfidf_logistic"]
    assert scores["model"]["accuracy"] > 0.9 > scores["majority"]["accuracy"]
    json.dumps(fitted.evaluate())


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("pooling", ["last", "max", "attention"])
def test_an_order_is_learned_that_a_bag_of_words_cannot_tell(
    pooling: str, bidirectional: bool
) -> None:
    options: dict[str, Any] = {"pooling": pooling, "bidirectional": bidirectional, "ngrams": 0}
    model = made(dropout=0.0, word_dropout=0.0, max_steps=120, **options).fit(*ordered())
    assert accuracy(model, ordered(60, seed=1)) > 0.9


def test_without_its_order_it_cannot_be_told() -> None:
    """So what is learned above is the order."""
    texts, labels = ordered()
    model = made(ngrams=1, max_steps=60).fit([" ".join(sorted(t.split())) for t in texts], labels)
    assert accuracy(model) < 0.7


def test_numbers_are_learned() -> None:
    rows, labels = waves()
    assert len({len(row) for row in rows}) > 3
    model = made(max_steps=60).fit(rows, labels)
    scores = model.evaluate()["scores"]
    assert list(scores) == ["model", "majority", "logistic"]
    assert scores["model"]["accuracy"] > 0.9
    assert model.classes == ("0", "1")
    alone = np.concatenate([model.predict_proba([row]) for row in rows[:8]])
    np.testing.assert_allclose(model.predict_proba(rows[:8]), alone, atol=1e-5)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole_lstm", GRU])
def test_any_cell_by_name_or_class(cell: Any) -> None:
    model = made(cell=cell, layers=2, max_steps=10).fit(*themed(60))
    assert np.isfinite(model.predict_proba(["a film"])).all()


def test_a_prediction_has_a_label_its_probability_and_those_of_every_class(
    fitted: Classifier,
) -> None:
    texts = themed(9, seed=3)[0]
    found = fitted.predict(texts)
    assert found.columns == ["label", "probability", "p_neg", "p_pos"]
    assert found.schema["label"] == pl.String
    probabilities = fitted.predict_proba(texts)
    assert probabilities.shape == (9, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    np.testing.assert_array_equal(found.select("p_neg", "p_pos").to_numpy(), probabilities)
    assert found["label"].to_list() == [fitted.classes[k] for k in probabilities.argmax(1)]
    np.testing.assert_array_equal(found["probability"], probabilities.max(1))


def test_many_classes_are_in_the_order_of_their_size_or_the_alphabet() -> None:
    texts, _ = themed(60)
    numbers = made(max_steps=2).fit(texts, [(10, 9, 100)[row % 3] for row in range(60)])
    assert numbers.classes == ("9", "10", "100")
    np.testing.assert_allclose(numbers.predict_proba(texts).sum(1), 1)
    names = made(max_steps=2).fit(texts, [("b", "a", "2")[row % 3] for row in range(60)])
    assert names.classes == ("2", "a", "b")


def test_chunks_are_predicted_as_the_whole(fitted: Classifier, tmp_path: Path) -> None:
    texts = [*themed(20)[0], ""]
    whole = fitted.predict(texts)
    parts = list(fitted.predict_chunks(texts, rows=6))
    assert [len(part) for part in parts] == [6, 6, 6, 3]
    file = tmp_path / "texts.csv"
    pl.DataFrame({"text": texts}).write_csv(file)
    for chunks in (parts, list(fitted.predict_chunks(file, rows=6))):
        joined = pl.concat(chunks)
        assert joined["label"].equals(whole["label"])
        for column in ("p_neg", "p_pos"):
            np.testing.assert_allclose(joined[column], whole[column], atol=1e-6)


def test_every_form_of_the_same_rows_gives_the_same_model(tmp_path: Path) -> None:
    texts, labels = themed(60)
    columns = {"text": texts, "label": labels}
    file = tmp_path / "rows.csv"
    pl.DataFrame(columns).write_csv(file)
    expected = made().fit(texts, labels)
    records = [{"text": t, "label": y} for t, y in zip(texts, labels, strict=True)]
    for data in (columns, pl.DataFrame(columns), pd.DataFrame(columns), file, str(file), records):
        model = made().fit(data)
        assert same_weights(model, expected), type(data)
        assert model.fitted.temperature == expected.fitted.temperature
        assert accuracy(model) == accuracy(expected)
    assert made().fit(file).title == "rows.csv"


def test_columns_are_named() -> None:
    texts, labels = themed(60)
    table = {"stars": labels, "body": texts, "label": ["x"] * 60}
    assert same_weights(made(text="body", label="stars").fit(table), made().fit(texts, labels))


def test_the_same_seed_gives_the_same_weights_and_another_one_does_not() -> None:
    one, same, other = (made(seed=seed).fit(*themed(60)) for seed in (1, 1, 2))
    assert same_weights(one, same)
    initial = [made(seed=s, max_steps=1, learning_rate=1e-9).fit(*themed(60)) for s in (1, 2)]
    assert not weights(one)["answer.weight"].equal(weights(other)["answer.weight"])
    first, second = (weights(model)["answer.weight"] for model in initial)
    assert not first.allclose(second, atol=1e-4)


def test_random_numbers_of_the_caller_neither_matter_nor_move() -> None:
    import torch

    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = made().fit(*themed(60))
    assert torch.get_rng_state().equal(before)
    torch.manual_seed(2)
    assert same_weights(one, made().fit(*themed(60)))


def test_fitting_again_begins_again() -> None:
    model = made().fit(*ordered(60)).fit(*themed(60))
    assert same_weights(model, made().fit(*themed(60)))
    assert model.classes == ("neg", "pos")


def test_a_saved_model_answers_and_scores_the_same(fitted: Classifier, tmp_path: Path) -> None:
    folder = fitted.save(tmp_path / "model")
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
    texts, labels = themed(50, seed=5)
    scored = {"text": [*texts, "new", themed()[0][0]], "label": [*labels, "mixed", "pos"]}
    before = fitted.evaluate(scored)
    assert before["unseen"] == 1
    assert before["duplicates"] >= 1
    for loaded in (Classifier.load(folder), load(folder)):
        assert loaded.predict(texts).equals(fitted.predict(texts))
        assert loaded.evaluate(scored) == before
        assert loaded.settings == fitted.fitted.settings
        assert loaded.has_test_part is False
        with pytest.raises(InputError, match="no test part"):
            loaded.evaluate()
    again = Classifier.load(Classifier.load(folder).save(tmp_path / "again"))
    assert again.evaluate(scored) == before


def test_a_saved_model_of_numbers_answers_and_scores_the_same(tmp_path: Path) -> None:
    rows, labels = waves(60)
    model = made(pooling="last,attention", layers=2).fit(rows, labels)
    folder = model.save(tmp_path)
    assert not (folder / "tokenizer.json").exists()
    loaded = load(folder)
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
    assert loaded.evaluate((rows, labels)) == model.evaluate((rows, labels))


def test_a_loaded_model_can_be_fitted_again(fitted: Classifier, tmp_path: Path) -> None:
    loaded = load(fitted.save(tmp_path)).fit(*themed(200))
    assert same_weights(loaded, fitted)


def test_a_baseline_that_was_not_saved_is_said(fitted: Classifier, tmp_path: Path) -> None:
    path = fitted.save(tmp_path) / "config.json"
    config = json.loads(path.read_text())
    del config["baselines"]["majority"]
    path.write_text(json.dumps(config))
    loaded = load(tmp_path)
    for names in (["tfidf_logistic"], "tfidf_logistic"):
        scores = loaded.evaluate(themed(), baselines=names)["scores"]
        assert list(scores) == ["model", "tfidf_logistic"]
    with pytest.raises(InputError, match=r"majority was not saved.*tfidf_logistic"):
        loaded.evaluate(themed())
    with pytest.raises(OptionError, match="'majority'"):
        loaded.evaluate(themed(), baselines=["majorty"])


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_model_is_refused(fitted: Classifier, tmp_path: Path, file: str) -> None:
    path = fitted.save(tmp_path) / file
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelFileError, match=file):
        Classifier.load(tmp_path)
    path.unlink()
    with pytest.raises(ModelFileError, match=file):
        Classifier.load(tmp_path)


@pytest.mark.parametrize("entry", ["classes", "temperature", "sizes", "form", "units", "baselines"])
def test_a_config_without_an_entry_is_refused(
    fitted: Classifier, tmp_path: Path, entry: str
) -> None:
    path = fitted.save(tmp_path) / "config.json"
    config = json.loads(path.read_text())
    del config[entry]
    path.write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match=f"incomplete.*{entry}"):
        Classifier.load(tmp_path)


def test_a_model_with_a_cell_of_ones_own_asks_for_it(tmp_path: Path) -> None:
    model = made(cell=CountingRNN).fit(*themed(60))
    model.save(tmp_path)
    with pytest.raises(ModelFileError, match="cell=YourCell"):
        Classifier.load(tmp_path)
    texts = themed(9)[0]
    assert load(tmp_path, cell=CountingRNN).predict(texts).equals(model.predict(texts))
    with pytest.raises(ModelFileError, match="weights do not fit"):
        Classifier.load(tmp_path, cell="lstm")


def test_a_stream_gives_the_running_probabilities(fitted: Classifier) -> None:
    words = ["the", "film", "fine", "unheard", "plot"]
    stream = fitted.stream()
    assert stream.classes == fitted.classes
    assert fitted.fitted.temperature != 1
    running = stream.push(" ".join(words[:3]))
    assert stream.tokens == words[:3]
    twin = stream.fork()
    rest = stream.push(" ".join(words[3:]))
    assert stream.tokens == ["[UNK]", "plot"]
    for length in range(1, 4):
        expected = fitted.predict_proba([" ".join(words[:length])])[0]
        np.testing.assert_allclose(running[length - 1], expected, atol=1e-6)
    np.testing.assert_allclose(rest[-1], fitted.predict_proba([" ".join(words)])[0], atol=1e-6)
    other = twin.push("dull")
    np.testing.assert_allclose(
        other[-1], fitted.predict_proba(["the film fine dull"])[0], atol=1e-6
    )
    assert stream.push("").shape == (0, 2)
    np.testing.assert_allclose(
        stream.push("story")[-1], fitted.predict_proba([" ".join(words) + " story"])[0], atol=1e-6
    )


def test_a_stream_of_numbers() -> None:
    rows, labels = waves(60)
    model = made(bidirectional=False).fit(rows, labels)
    stream = model.stream()
    parts = np.concatenate([stream.push(rows[0][:2]), stream.push(rows[0][2:])])
    np.testing.assert_allclose(parts[-1], model.predict_proba(rows[:1])[0], atol=1e-6)
    single = made(bidirectional=False).fit([row[:, 0] for row in rows], labels)
    last = single.stream().push(rows[0][:, 0])[-1]
    np.testing.assert_allclose(last, single.predict_proba([rows[0][:, 0]])[0], atol=1e-6)


def test_what_reads_in_both_directions_does_not_stream() -> None:
    with pytest.raises(NotCausalError):
        made(max_steps=1).fit(*themed(40)).stream()


def test_what_is_not_fitted_cannot_answer() -> None:
    for call in (made().predict, made().predict_proba, made().evaluate):
        with pytest.raises(InputError, match="not fitted yet"):
            call(["a film"])


def test_facts_and_the_reach_of_gradients(fitted: Classifier, tmp_path: Path) -> None:
    facts = fitted.facts()
    network = fitted.fitted.network
    assert facts["parameters"] == sum(p.numel() for p in network.parameters())
    assert facts["vocabulary"] == len(weights(fitted)["body.layers.0.weight"])
    assert (facts["cell"], facts["tokenizer"], facts["steps"]) == ("gru", "words", 60)
    json.dumps(facts)
    reach = fitted.reach()
    assert len(reach) == 1
    for norms in reach.values():
        assert len(norms) == 6 and np.isfinite(norms).all() and (norms > 0).any()
    loaded = load(fitted.save(tmp_path))
    assert loaded.reach() == {}
    of_the_training = {"steps", "best_step", "stopped", "seconds"}
    of_the_parts = {"train_rows", "validation_rows", "test_rows"}
    assert set(facts) - set(loaded.facts()) == of_the_training | of_the_parts
    both = made(layers=2, max_steps=2).fit(*waves(40))
    assert sorted(both.reach()) == ["h1 ←", "h1 →", "h2 ←", "h2 →"]
    assert all(np.isfinite(norms).all() for norms in both.reach().values())
