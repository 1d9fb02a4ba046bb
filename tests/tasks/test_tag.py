"""Tagger: it learns, answers in the data's own scheme, streams, and what is saved comes back."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.laws.user_cells import CountingRNN
from tests.tasks.tagged_rows import chinese, columns, made, news, parts_of_speech
from unrolled.data.tag_schemes import recognise_scheme
from unrolled.errors import InputError, ModelFileError, NotCausalError
from unrolled.tasks.saving import load
from unrolled.tasks.tag import Tagger


@pytest.fixture(scope="module")
def fitted() -> Tagger:
    return made(max_steps=60).fit(*news(200))


@pytest.fixture(scope="module")
def forward() -> Tagger:
    return made(bidirectional=False, max_steps=60).fit(*news(200))


def same_weights(one: Tagger, other: Tagger) -> bool:
    first, second = one.fitted.model.state_dict(), other.fitted.model.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_spans_are_learned_and_stand_beside_the_baseline(fitted: Tagger) -> None:
    result = fitted.evaluate()
    json.dumps(result)
    assert list(result["scores"]) == ["model", "most_frequent_tag"]
    assert list(result["scores"]["model"]) == [
        "accuracy",
        "span_precision",
        "span_recall",
        "span_f1",
    ]
    assert result["scores"]["model"]["span_f1"] > 0.95
    # A second name is tagged as a first one: only what stands before it tells.
    assert result["scores"]["most_frequent_tag"]["span_f1"] < 0.95
    assert set(result["by_type"]["model"]) == {"PER", "LOC"}
    low, high = result["intervals"]["span_f1"]
    assert low <= result["scores"]["model"]["span_f1"] <= high
    assert result["rows"] == 20
    assert result["scheme"] == "iob2"


@pytest.mark.parametrize("scheme", ["iob1", "bioes", "bmes"])
def test_answers_are_in_the_scheme_of_the_data(scheme: str) -> None:
    model = made(max_steps=40).fit(*news(150, scheme))
    sentences, tags = news(30, scheme, seed=5)
    found = model.tag(sentences)
    assert model.fitted.codes.scheme == scheme
    assert sum(a == b for a, b in zip(found, tags, strict=True)) > 25
    assert recognise_scheme(found, scheme) == scheme
    assert model.evaluate((sentences, tags))["scores"]["model"]["span_f1"] > 0.9


def test_plain_tags_are_learned_without_a_chain() -> None:
    model = made().fit(*parts_of_speech(150))
    result = model.evaluate()
    assert list(result["scores"]["model"]) == ["accuracy"]
    assert result["scores"]["model"]["accuracy"] > 0.95
    assert "by_type" not in result
    assert model.fitted.model.crf is None
    assert model.selected_by == "accuracy"
    assert model.spans("today Ann met a cat .") == []
    assert made(crf=True, max_steps=2).fit(*parts_of_speech(40)).fitted.model.chained


def test_letters_tell_what_a_new_word_is() -> None:
    model = made(max_steps=60).fit(*parts_of_speech(150))
    assert model.tag([["today", "Xaver", "met", "a", "bird", "."]])[0][1] == "PROPN"
    assert model.tag([["today", "Xaver", "met", "a", "bird", "."]])[0][4] == "NOUN"


def test_characters_are_read_with_the_ones_before_them(tmp_path: Path) -> None:
    model = made(max_steps=60).fit(*chinese(150))
    assert model.fitted.form.units == "characters"
    assert model.fitted.reader.letters is None
    pairs = model.fitted.model.network.read.pairs
    assert pairs is not None
    assert len(pairs.keys) > 5
    assert [span.text for span in model.spans("今天李伟芳去了上海")] == ["李伟芳"]
    assert model.tag("今天李伟芳去了上海")[:5] == ["O", "O", "B-NAME", "M-NAME", "E-NAME"]
    back = load(model.save(tmp_path / "model"))
    assert back.tag("今天李伟芳去了上海") == model.tag("今天李伟芳去了上海")


def test_no_answer_breaks_its_scheme_whatever_the_scores_are() -> None:
    """Of an untrained network without a learned chain, too."""
    for crf in (True, False):
        model = made(max_steps=1, crf=crf, learning_rate=1e-9).fit(*news(60, "bioes"))
        found = model.fitted.reader.encode(news(30, seed=3)[0])
        scores = model.fitted.model.scores(found.sequences(np.arange(30)))
        best = model.fitted.model.best(scores.with_data(scores.data * 1000))
        may = model.fitted.codes.allowed()
        for row in best.to_list():
            path = [-1, *row.tolist(), -1]
            assert all(may[a, b] for a, b in pairwise(path))


def test_probabilities_are_those_of_the_tags(fitted: Tagger) -> None:
    sentences = news(5, seed=9)[0]
    frame = fitted.predict(sentences)
    assert frame.columns == ["sentence", "token", "tag", "probability"]
    assert frame["token"].to_list() == [word for sentence in sentences for word in sentence]
    assert frame["tag"].to_list() == [tag for tags in fitted.tag(sentences) for tag in tags]
    assert frame["sentence"].unique(maintain_order=True).to_list() == [1, 2, 3, 4, 5]
    assert frame["probability"].is_between(0.0, 1.0 + 1e-6).all()
    (span, *_) = fitted.spans("today Bob Li met a cat .")
    assert (span.start, span.stop, span.kind, span.text) == (1, 3, "PER", "Bob Li")
    sure = fitted.predict(["today Bob Li met a cat ."])["probability"]
    assert span.probability == pytest.approx(min(sure[1], sure[2]))


def test_a_sentence_is_tagged_alone_as_among_others(fitted: Tagger) -> None:
    sentences = news(20, seed=4)[0]
    alone = [fitted.predict([sentence])["probability"].to_numpy() for sentence in sentences]
    together = fitted.predict(sentences)["probability"].to_numpy()
    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-5)
    assert fitted.tag([]) == []


def test_chunks_and_files_are_tagged_as_the_whole(fitted: Tagger, tmp_path: Path) -> None:
    rows = news(7, seed=2)
    file = tmp_path / "new.conll"
    file.write_text(columns(rows))
    whole = fitted.predict(rows[0])
    parts = list(fitted.predict_chunks(file, rows=3))
    assert [part["sentence"].n_unique() for part in parts] == [3, 3, 1]
    assert parts[0].rows()[0][:3] == whole.rows()[0][:3]
    assert [tag for part in parts for tag in part["tag"]] == whole["tag"].to_list()
    assert parts[-1]["sentence"].to_list()[-1] == 7


def test_a_stream_answers_each_token_from_what_was_read(forward: Tagger) -> None:
    """It equals a filter written out, over the scores of one pass."""
    model, words = forward.fitted.model, news(1, seed=8)[0][0]
    stream = forward.stream()
    pushed = np.concatenate([stream.push([word]) for word in words])
    np.testing.assert_allclose(forward.stream().push(words), pushed, atol=1e-6)
    encoded = forward.fitted.reader.encode([words])
    with torch.no_grad():
        scores = model.scores(encoded.sequences(np.array([0]))).data[0].double()
        assert model.crf is not None
        start, transitions, _ = model.crf.chain()
        weight = (start.double() + scores[0]).exp()
        for step, score in enumerate(scores):
            if step:
                weight = (weight @ transitions.double().exp()) * score.exp()
            weight = weight / weight.sum()
            np.testing.assert_allclose(pushed[step], weight.numpy(), atol=1e-5)
    assert stream.tags[pushed[0].argmax()] == "O"
    with pytest.raises(InputError, match="int"):
        stream.push([1])  # type: ignore[list-item]
    assert stream.push([]).shape == (0, len(stream.tags))


def test_a_stream_can_be_forked_and_takes_text(forward: Tagger) -> None:
    stream = forward.stream()
    stream.push("today Ann")
    twin = stream.fork()
    np.testing.assert_allclose(stream.push("met a cat."), twin.push(["met", "a", "cat", "."]))
    plain = made(bidirectional=False, max_steps=2).fit(*parts_of_speech(40)).stream()
    np.testing.assert_allclose(plain.push("today Ann met").sum(1), 1)


def test_what_reads_both_ways_does_not_stream(fitted: Tagger) -> None:
    with pytest.raises(NotCausalError):
        fitted.stream()


def test_what_is_saved_comes_back(fitted: Tagger, tmp_path: Path) -> None:
    folder = fitted.save(tmp_path / "model")
    back = load(folder)
    assert isinstance(back, Tagger)
    assert same_weights(back, fitted)
    sentences, tags = news(20, seed=3)
    assert back.predict(sentences).equals(fitted.predict(sentences))
    assert back.evaluate((sentences, tags)) == fitted.evaluate((sentences, tags))
    with pytest.raises(InputError, match="no test part"):
        back.evaluate()
    again = back.save(tmp_path / "again")
    for name in ("config.json", "vocabulary.json"):
        one, other = (json.loads((place / name).read_text()) for place in (folder, again))
        if name == "config.json":
            one.pop("mark"), other.pop("mark")
        assert one == other


def test_a_cell_of_ones_own_is_given_again(tmp_path: Path) -> None:
    folder = made(cell=CountingRNN, max_steps=2).fit(*news(40)).save(tmp_path / "model")
    with pytest.raises(ModelFileError, match="cell=YourCell"):
        load(folder)
    assert load(folder, cell=CountingRNN).tag("today Ann met a cat .")


def test_the_seed_tells_the_weights() -> None:
    one, same, other = (made(max_steps=3, seed=seed).fit(*news(40)) for seed in (1, 1, 2))
    assert same_weights(one, same)
    assert not same_weights(one, other)


@pytest.mark.parametrize("options", [{"select": "loss"}, {"crf": False}, {"characters": False}])
def test_other_choices_learn_too(options: dict[str, Any]) -> None:
    model = made(max_steps=40, **options).fit(*news(150))
    assert model.evaluate()["scores"]["model"]["span_f1"] > 0.8
    assert model.selected_by == ("" if "select" in options else "span_f1")
    assert all(record.score is not None for record in model.training.history)
