"""What a tagger is made of: codes, vocabularies, pieces of sentences, parts, intervals."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from tests.tasks.tagged_rows import made, news, parts_of_speech
from unrolled.data.tagged import read_tagged
from unrolled.errors import InputError, ModelFileError, ShapeError
from unrolled.tasks.span_scores import span_scores
from unrolled.tasks.tag.codes import TagCodes
from unrolled.tasks.tag.measures import ratio_interval, right_share, span_f1
from unrolled.tasks.tag.outcome import text_of
from unrolled.tasks.tag.parts import part_sentences, sentence_hashes
from unrolled.tasks.tag.reading import MOST_LETTERS, TagReader
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.tag.vocabulary import (
    Vocabulary,
    vocabularies_from_text,
    vocabularies_to_text,
)


def reader(settings: TagSettings, *sentences: list[str]) -> TagReader:
    return TagReader.fitted(sentences, settings)


@pytest.mark.parametrize("scheme", ["iob1", "iob2", "bioes", "bmes", "bmewo", "bilou"])
def test_codes_give_back_what_was_encoded(scheme: str) -> None:
    _, tags = news(40, scheme)
    codes = TagCodes.of(tags, scheme)
    assert [codes.decode(codes.encode(row)) for row in tags] == tags
    assert codes.kinds == {"PER", "LOC"}
    assert codes.unknown(tags[0]) == set()
    assert codes.unknown(["B-ORG"]) == {"ORG"}


def test_a_type_that_occurs_may_take_every_form() -> None:
    codes = TagCodes.of([["B-PER", "O"]], "iob2")
    assert codes.names == ("B-PER", "E-PER", "I-PER", "O", "S-PER")
    may = codes.allowed()
    number = {name: place for place, name in enumerate(codes.names)}
    assert may[number["B-PER"], number["E-PER"]]
    assert not may[number["B-PER"], number["O"]]
    assert not may[-1, number["I-PER"]]
    assert not may[number["I-PER"], -1]
    assert TagCodes.of([["NOUN"]], "plain").allowed().all()


def test_a_vocabulary_keeps_the_frequent_and_survives_a_file() -> None:
    some = Vocabulary.of(["b", "a", "b", "c", "É"], lowercase=True, size=2)
    assert some.terms == ("b", "a")
    assert some.encode(["B", "c", "a"]).tolist() == [2, 1, 3]
    text = vocabularies_to_text([some, None])
    assert vocabularies_from_text(text, "file") == [some, None]
    for damaged in ("[", "[3]", '[{"terms": [3], "lowercase": true}]', '[{"terms": []}]'):
        with pytest.raises(ModelFileError, match="file: cannot be read"):
            vocabularies_from_text(damaged, "file")


def test_letters_of_words_stand_beside_their_ids() -> None:
    found = reader(TagSettings(characters=True, lowercase=True), ["Ab", "ab", "c"])
    encoded = found.encode([["c", "Ab", "Ab"], ["xyz"], []])
    batch = encoded.sequences(np.arange(3))
    ids, letters = batch.data
    assert ids.shape == (3, 3)
    assert letters.shape[:2] == (3, 3)
    assert ids[0, 1] == found.words.encode(["ab"])[0]
    assert found.letters is not None
    assert letters[0, 1].tolist()[:2] == found.letters.encode("Ab").tolist()
    assert letters[0, 0].tolist()[1:] == [0] * (letters.shape[2] - 1)
    assert ids[1, 0] == 1
    assert not letters[2].any()


def test_of_a_long_word_both_ends_are_read() -> None:
    found = reader(TagSettings(characters=True), [*"abc"])
    encoded = found.encode([["a" * 100 + "b" * 100]])
    _, letters = encoded.sequences(np.array([0])).data
    assert found.letters is not None
    expected = found.letters.encode("a" * (MOST_LETTERS // 2) + "b" * (MOST_LETTERS // 2))
    assert letters[0, 0].tolist() == expected.tolist()


def test_a_long_sentence_is_read_in_pieces_and_put_together_again() -> None:
    model = made(max_steps=2, max_length=4).fit(*news(60))
    assert "read in pieces (--max-length)" in " ".join(model.notes)
    sentences = news(6, seed=3)[0]
    pieces = [row[start : start + 4] for row in sentences for start in range(0, len(row), 4)]
    assert [*chain(*model.tag(sentences))] == [*chain(*model.tag(pieces))]
    codes = TagCodes.of([["B-PER", "I-PER", "I-PER"]], "iob2")
    cut = reader(TagSettings(max_length=2), ["a"]).encode(
        [["a", "b", "c"]], [["B-PER", "I-PER", "I-PER"]], codes
    )
    assert cut.tags is not None
    assert [codes.names[k] for k in cut.tags[1]] == ["S-PER"]
    assert cut.sentence.tolist() == [0, 0]


def test_parts_keep_equal_sentences_together_and_are_told_by_the_seed() -> None:
    sentences, tags = news(100)
    data = read_tagged((sentences * 2, tags * 2))
    settings = TagSettings(validation=0.1, test=0.2)
    parts = part_sentences(data, settings, seed=1)
    # All equal sentences in one part: the baseline could not have seen those of the test.
    train, held, scored = (
        set(sentence_hashes(part.sentences).tolist())
        for part in (parts.train, parts.validation, parts.test)
    )
    assert not train & scored
    assert not train & held
    assert not held & scored
    assert 20 <= len(parts.test) <= 40
    again = part_sentences(data, settings, seed=1)
    assert list(again.test.sentences) == list(parts.test.sentences)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (([["a", "b"]], [["X", "Y"]]), "one sentence only"),
        (([["a"], ["b"]], [["X"], ["X"]]), "all tokens have the tag 'X'"),
    ],
)
def test_what_cannot_be_learned_is_refused(
    data: tuple[list[list[str]], list[list[str]]], expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        made(test=0, validation=0).fit(*data)


def test_new_tags_count_as_wrong_and_are_said() -> None:
    model = made(max_steps=20).fit(*news(100))
    result = model.evaluate(([["today", "Ann", "met", "Acme"]], [["O", "B-PER", "O", "B-ORG"]]))
    assert result["unseen"] == ["ORG"]
    assert "not trained on (ORG), counted as wrong" in " ".join(model.notes)
    assert result["by_type"]["model"]["ORG"]["recall"] == 0.0
    # Without them the rest is right.
    assert result["scores"]["model"]["accuracy"] <= 0.75


def test_validation_sentences_of_new_tags_are_left_out() -> None:
    held = [["today", "Ann"], ["Acme"]], [["O", "B-PER"], ["B-ORG"]]
    model = made(max_steps=2).fit(*news(60), validation=held)
    assert "1 validation sentence is left out" in " ".join(model.notes)


def test_without_a_span_to_find_weights_are_chosen_by_the_loss() -> None:
    sentences, tags = news(40)
    held = [["rain", "."]], [["O", "O"]]
    model = made(max_steps=4, evaluate_every=2).fit(sentences, tags, validation=held)
    assert model.notes[-1] == (
        "input, row 0: no validation sentence has a span; weights are chosen by the loss"
    )
    assert model.selected_by == ""
    assert model.training is not None
    assert (model.training.best_score or 0) > 0.1
    assert list(model.evaluate(held)["intervals"]) == ["accuracy"]


def test_sentences_that_stand_in_training_too_are_counted() -> None:
    sentences, tags = news(100)
    model = made(max_steps=2, test=0, validation=0).fit(sentences, tags)
    other = [["a", "new", "one"], ["today", "a", "new", "one"]], [["O"] * 3, ["O"] * 4]
    both = [*sentences[:3], *other[0]], [*tags[:3], *other[1]]
    assert model.evaluate(both)["duplicates"] == 3
    assert model.training.stopped == "max_steps"


def test_f1_is_that_of_the_scores() -> None:
    _, tags = news(50)
    random = np.random.default_rng(0)
    found = [[str(random.choice([tag, "O", "B-PER"])) for tag in row] for row in tags]
    scores = span_scores(tags, found, "iob2")
    assert span_f1(tags, found) == pytest.approx(scores["span_f1"])
    assert right_share(tags, found) == pytest.approx(scores["accuracy"])
    assert span_f1([["O"]], [["O"]]) == 1.0
    assert right_share([], []) == 1.0


def test_an_interval_narrows_with_more_sentences() -> None:
    few, many = (ratio_interval([9, 5] * count, [10, 10] * count) for count in (10, 1000))
    assert few[0] < many[0] < 0.7 < many[1] < few[1]
    with pytest.raises(ShapeError):
        ratio_interval([], [])


def test_text_is_written_as_its_script_is() -> None:
    assert text_of(["New", "York"], joined=False) == "New York"
    assert text_of(["去", "New", "York", "玩"], joined=True) == "去New York玩"


def test_facts_and_reach_tell_what_was_trained() -> None:
    model = made(max_steps=5, layers=2).fit(*parts_of_speech(60))
    facts = model.facts()
    assert facts["crf"] is False
    assert facts["tags"] == 7
    assert facts["train_rows"] == 48
    reach = model.reach()
    assert list(reach) == ["h1 →", "h1 ←", "h2 →", "h2 ←"]
    # The last token's loss reaches what read forward, the first one's what read backward.
    assert all(norms[0] > 0 for norms in reach.values())
    forward = made(max_steps=2, bidirectional=False).fit(*parts_of_speech(60))
    assert list(forward.reach()) == ["h1"]
