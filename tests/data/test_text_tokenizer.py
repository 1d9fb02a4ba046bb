"""Texts as token ids for models that write: what comes back, what is learned, and how merges are left out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import unicodedata
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.bpe_dropout import VARIANTS, BpeDropout
from unrolled.data.text_pieces import text_pieces
from unrolled.data.text_tokenizer import TextTokenizer, fit_text_tokenizer
from unrolled.errors import InputError, OptionError

ENGLISH = [
    "The low house, isn't it?",
    "a lower house",
    "the lowest of houses ...",
    "low , lower .",
] * 3
CHINESE = ["我喜欢学习。", "我们喜欢学习，你们呢？", "他说：“我喜欢！”", "学习喜欢 ABC 12"] * 3
BOTH = ENGLISH + CHINESE
UNITS = ("bpe", "unigram", "characters", "words")
FITTED = {units: fit_text_tokenizer(BOTH, units) for units in UNITS}
WHITE = re.compile(r"[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


def ids_of(tokenizer: TextTokenizer, text: str) -> list[int]:
    return next(tokenizer.encode([text])).tolist()


def plain(text: str) -> str:
    """Return what a text is to come back as: NFC, one space between words."""
    return WHITE.sub(" ", unicodedata.normalize("NFC", text)).strip(" ")


SIGNS = st.one_of(
    st.characters(exclude_categories=("Cs", "Cn")),
    st.sampled_from("low er,.'’-&;我喜，。“”！：\u3000\n\t▁<0xE4>[PAD]e\u0301ก็々〇"),
)


@given(st.text(SIGNS, max_size=30))
def test_any_text_comes_back(text: str) -> None:
    for units in ("bpe", "unigram", "characters"):
        tokenizer = FITTED[units]
        ids = ids_of(tokenizer, text)
        assert tokenizer.decode(ids) == plain(text)
        assert all(number > 3 for number in ids)
    assert FITTED["bpe"].decode(next(FITTED["bpe"].encode([text], dropout=0.5))) == plain(text)


@given(st.lists(st.integers(0, len(FITTED["bpe"]) - 1), max_size=20))
def test_token_by_token_gives_the_same_text(ids: list[int]) -> None:
    decoder = FITTED["bpe"].decoder()
    parts = [decoder.push(number) for number in ids]
    assert "".join(parts) + decoder.finish() == FITTED["bpe"].decode(ids)


def test_a_character_of_several_tokens_comes_when_it_is_complete() -> None:
    tokenizer = FITTED["bpe"]
    ids = ids_of(tokenizer, "low 山")
    decoder = tokenizer.decoder()
    assert [decoder.push(number) for number in ids] == ["low", " ", "", "", "山"]
    assert decoder.finish() == ""
    cut = tokenizer.decoder()
    assert [cut.push(number) for number in ids[:4]][-1] == ""
    assert cut.finish() == "\ufffd"
    assert tokenizer.decode([0, 2, *ids, 3, 0]) == "low 山"


@pytest.mark.parametrize("units", UNITS)
def test_training_texts_come_back_with_their_punctuation(units: str) -> None:
    tokenizer = FITTED[units]
    for text, ids in zip(BOTH, tokenizer.encode(BOTH), strict=True):
        assert ids.dtype == np.int32
        assert tokenizer.decode(ids) == text


def test_words_stand_with_the_space_before_them() -> None:
    tokenizer = fit_text_tokenizer(
        ["a b , c", 'l&apos; an t-shirt isn\'t "here" (it)', "我们"] * 2, "words"
    )
    assert tokenizer.tokens("a b , c") == [" a", " b", " ,", " c"]
    assert tokenizer.tokens('l&apos; t-shirt isn\'t "here"') == [
        " l&apos;",
        " t-shirt",
        " isn't",
        ' "',
        "here",
        '"',
    ]
    assert tokenizer.tokens("我们 new a") == ["我", "们", "[UNK]", " a"]
    assert tokenizer.decode(ids_of(tokenizer, "a new (it)")) == "a (it)"
    assert "[UNK]" in fit_text_tokenizer(["often often once"], "words").tokens("once")


@pytest.mark.parametrize("units", ["bpe", "unigram"])
def test_pieces_run_over_signs_without_spaces_but_not_over_punctuation(units: str) -> None:
    tokenizer = fit_text_tokenizer(["我喜欢学习。我们喜欢，学习！", "low, lower, low."] * 20, units)
    learned = tokenizer.vocabulary()[4:-243]
    assert any("喜欢" in token for token in learned)
    for token in learned:
        assert not (re.search(r"\w", token) and re.search(r"[。！,.]", token)), token


@pytest.mark.parametrize("units", UNITS)
def test_the_same_texts_give_the_same_ids(units: str) -> None:
    # Of these many pieces are as good as one another.
    texts = ["low lower lowest newer wider"] * 5 + ["山水火木土日月"] * 4
    first, *again = (fit_text_tokenizer(texts, units, size=300).to_text() for _ in range(5))
    assert again == [first] * 4


def test_rare_merges_and_characters_are_not_made() -> None:
    vocabulary = fit_text_tokenizer(["ab ab xyxyz"]).vocabulary()
    assert {"a", "b", " ", "x", "y", " ab"} <= set(vocabulary)
    assert "z" not in vocabulary
    # The pair xy stands twice in it, xyxy once.
    assert "xyxy" not in vocabulary
    assert len(FITTED["bpe"]) < 600


def test_size_bounds_the_vocabulary_and_its_least_is_the_bytes() -> None:
    for units in UNITS:
        assert len(fit_text_tokenizer(BOTH, units, size=270)) <= 270
    assert len(fit_text_tokenizer(BOTH, "characters", size=250)) == 250
    assert len(fit_text_tokenizer(BOTH, size=260)) == 260
    smallest = fit_text_tokenizer(BOTH, size=248)
    assert smallest.decode(ids_of(smallest, "low 我")) == "low 我"
    with pytest.raises(OptionError, match=r"size=247; expected at least 248 with units=\"bpe\""):
        fit_text_tokenizer(BOTH, size=247)
    with pytest.raises(OptionError, match="at least 5"):
        fit_text_tokenizer(BOTH, "words", size=4)


@pytest.mark.parametrize("units", UNITS)
def test_what_is_written_is_read_back(units: str) -> None:
    again = TextTokenizer.from_text(FITTED[units].to_text(), units, "tokenizer.json")
    unseen = [*BOTH, "", "Something NEW 山水"]
    for one, other in zip(FITTED[units].encode(unseen), again.encode(unseen), strict=True):
        np.testing.assert_array_equal(one, other)
        assert again.decode(one) == FITTED[units].decode(one)


def test_one_vocabulary_for_two_languages_from_an_iterator() -> None:
    shared = fit_text_tokenizer(chain(ENGLISH, CHINESE))
    assert shared.to_text() == FITTED["bpe"].to_text()
    assert {" low", "喜欢"} <= set(shared.vocabulary())


def test_dropout_cuts_otherwise_by_seed_and_epoch_alone() -> None:
    tokenizer = FITTED["bpe"]

    def cut(**options: int) -> list[list[int]]:
        return [ids.tolist() for ids in tokenizer.encode(BOTH, 0.3, **options)]

    whole = [ids.tolist() for ids in tokenizer.encode(BOTH)]
    assert cut(seed=1) == cut(seed=1)
    assert cut(seed=1) != cut(seed=2)
    assert cut(seed=1, epoch=1) != cut(seed=1)
    assert sum(map(len, whole)) < sum(map(len, cut())) < sum(map(len, tokenizer.encode(BOTH, 1.0)))
    assert [tokenizer.decode(ids) for ids in cut()] == BOTH


def test_without_dropout_merges_are_those_of_the_library() -> None:
    tokenizer = fit_text_tokenizer(["ababab abcabc cabbage aabb", "ab abc bca cab"] * 5)
    texts = ["abababc", "aabbcabcab bcabbage", "cababcabca"]
    nearly = 1e-12  # too seldom to happen, and not 0, which the library does
    for one, other in zip(tokenizer.encode(texts), tokenizer.encode(texts, nearly), strict=True):
        assert one.tolist() == other.tolist()


def test_dropout_leaves_out_as_many_merges_as_it_says() -> None:
    pieces = [len(BpeDropout([("a", "b")], 0.3, seed).cut("ab")) for seed in range(600)]
    assert np.mean(np.array(pieces) == 2) == pytest.approx(0.3, abs=0.06)
    bpe = BpeDropout([("a", "b"), ("ab", "a"), ("aba", "b")], 0.5)
    assert len({id(bpe.cut("abab")) for _ in range(500)}) == VARIANTS


def test_dropout_is_for_bpe_and_a_probability() -> None:
    with pytest.raises(
        OptionError, match=r"dropout=0\.1 with units='unigram'; expected units=\"bpe\""
    ):
        FITTED["unigram"].encode(["a"], dropout=0.1)
    with pytest.raises(OptionError, match=r"dropout=1\.5; expected a number from 0 to 1"):
        FITTED["bpe"].encode(["a"], dropout=1.5)


def test_a_line_of_100_000_characters_is_quick() -> None:
    for text in ("喜欢学习" * 25_000, "low lower " * 10_000, "x" * 100_000):
        began = time.process_time()
        for options in ({}, {"dropout": 0.1}):
            ids = next(FITTED["bpe"].encode([text], **options))
            assert FITTED["bpe"].decode(ids) == text.strip()
        assert time.process_time() - began < 2


@pytest.mark.parametrize("units", UNITS)
def test_empty_texts_are_refused_and_an_empty_text_has_no_token(units: str) -> None:
    with pytest.raises(InputError, match="the training texts"):
        fit_text_tokenizer(["", " \n"], units)
    assert ids_of(FITTED[units], " \n") == []
    assert FITTED[units].decode([]) == ""


def test_units_that_do_not_exist_are_refused() -> None:
    with pytest.raises(OptionError, match="did you mean 'words'"):
        fit_text_tokenizer(BOTH, "word")


LEARN = """
import hashlib
from unrolled.data.text_tokenizer import fit_text_tokenizer
texts = [" ".join(f"w{row * k % 37}x{row % k}" for k in range(1, 9)) for row in range(300)]
for units in ("words", "characters", "bpe"):
    print(hashlib.sha256(fit_text_tokenizer(texts, units, size=300).to_text().encode()).hexdigest())
"""


def test_the_same_texts_give_the_same_ids_in_every_process() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", LEARN],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(set(said[0].split())) == 3


KEPT = {units: fit_text_tokenizer(BOTH, units, keep_space=True) for units in UNITS}


@given(st.text(SIGNS, max_size=30))
def test_white_space_is_kept_where_it_is_asked_for(text: str) -> None:
    for units in ("bpe", "unigram", "characters"):
        tokenizer = KEPT[units]
        assert tokenizer.keeps_space
        assert tokenizer.decode(ids_of(tokenizer, text)) == unicodedata.normalize("NFC", text)
        again = TextTokenizer.from_text(tokenizer.to_text(), units, "tokenizer.json")
        assert again.decode(ids_of(again, text)) == unicodedata.normalize("NFC", text)
        assert not FITTED[units].keeps_space


def test_each_line_end_is_a_token_and_a_line_begins_anew() -> None:
    texts = ["low house\nlow lower.\n\nlowest house,\nlow\n"] * 3
    for units in UNITS:
        tokenizer = fit_text_tokenizer(texts, units, keep_space=True)
        assert tokenizer.tokens(texts[0]).count("\n") == 5
        written = [text for text in tokenizer.written if b"\n" in text]
        assert written == [b"\n"] if units == "words" else set(written) == {b"\n"}
    words = fit_text_tokenizer(texts, "words", keep_space=True)
    assert words.tokens("low lower\nlow") == ["low", " lower", "\n", "low"]


@given(st.text(st.sampled_from("ab \n人。"), max_size=200), st.integers(1, 20))
def test_pieces_of_a_text_are_the_text_and_part_no_token(text: str, size: int) -> None:
    pieces = list(text_pieces(text, size))
    assert "".join(pieces) == text
    assert len(pieces) == 1 or all(pieces)
    assert max(map(len, pieces)) <= 2 * size + 1
    if all(one.endswith("\n") or two.startswith(" ") for one, two in pairwise(pieces)):
        parts = [number for piece in pieces for number in ids_of(KEPT["bpe"], piece)]
        assert parts == ids_of(KEPT["bpe"], text)
