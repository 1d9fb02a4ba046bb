"""Texts as token ids: the units that the texts call for, and the same ids wherever and whenever they are learned."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from unrolled.data.subset import Subset
from unrolled.data.tokenizer import PADDING, UNKNOWN, Tokenizer, fit_tokenizer
from unrolled.errors import InputError, ModelFileError, OptionError

FILMS = ["a fine film", "A dull film!", "fine acting, dull story"]
HOTELS = ["房间很大", "服务很好", "位置不错，早餐很好"]
NAMES = ["Rossi", "Russo", "Kim", "MacRae"]


@pytest.mark.parametrize(
    ("texts", "units", "text", "tokens"),
    [
        (FILMS, "words", "A FILM, don't!", ["a", "film", ",", "[UNK]", "[UNK]", "[UNK]", "!"]),
        (HOTELS, "characters", "很 大\n吗", ["很", "大", "[UNK]"]),
        (NAMES, "characters", "Kims", ["K", "i", "m", "s", " "]),
        ([*HOTELS, "a film"], "characters", "很A film", ["很", "a", "f", "i", "l", "m"]),
        ([*FILMS, "房间很大"], "words", "fine 房间很大", ["fine", "房间很大"]),
    ],
    ids=["words", "chinese", "names", "mostly chinese", "mostly words"],
)
def test_the_texts_tell_the_units(
    texts: list[str], units: str, text: str, tokens: list[str]
) -> None:
    tokenizer = fit_tokenizer(texts, minimum=1)
    assert tokenizer.units == units
    assert tokenizer.tokens(text) == tokens


def test_units_that_are_given_are_taken() -> None:
    assert fit_tokenizer(HOTELS, "words", minimum=1).tokens("房间很大") == ["房间很大"]
    letters = fit_tokenizer(FILMS, "characters")
    assert letters.tokens("A film") == ["a", "f", "i", "l", "m"]
    assert fit_tokenizer(NAMES, "words", minimum=1).tokens("KIM Rossi") == ["kim", "rossi"]


def test_names_keep_capitals_and_their_inner_spaces_and_end_in_one_space() -> None:
    tokenizer = fit_tokenizer([*NAMES, "De Rossi"] + NAMES * 3, minimum=1)
    assert tokenizer.tokens("De Ma") == ["D", "e", " ", "M", "a", " "]
    assert tokenizer.tokens("Kim \t ") == tokenizer.tokens("Kim") == ["K", "i", "m", " "]
    assert tokenizer.tokens("kim")[0] == "[UNK]"


def test_one_form_of_each_sign() -> None:
    words = fit_tokenizer(["the café is fine", "the file is 12 and ABC"], minimum=1)
    assert words.tokens("cafe\u0301 ﬁle \uff11\uff12 ＡＢＣ") == ["café", "file", "12", "abc"]
    names = fit_tokenizer(["José", "José"], minimum=1)
    assert names.tokens("Jose\u0301") == ["J", "o", "s", "é", " "]


def test_bpe_merges_what_often_meets() -> None:
    tokenizer = fit_tokenizer(["low lower lowest"] * 5 + ["new newer"] * 5, "bpe")
    assert tokenizer.units == "bpe"
    assert tokenizer.tokens("Low") == ["low"]
    assert "".join(tokenizer.tokens("lonew")) == "lonew"  # a new word, in known pieces
    assert len(tokenizer.tokens("lonew")) < 5
    assert tokenizer.tokens("q") == ["[UNK]"]
    assert len(fit_tokenizer(["low lower lowest"] * 5, "bpe", size=10)) == 10


def test_the_most_frequent_words_are_kept_and_rare_ones_are_unknown() -> None:
    texts = ["often often often twice", "twice once"]
    assert fit_tokenizer(texts).vocabulary() == ["[PAD]", "[UNK]", "often", "twice"]
    assert "once" in fit_tokenizer(texts, minimum=1).vocabulary()
    assert fit_tokenizer(texts, size=3).vocabulary() == ["[PAD]", "[UNK]", "often"]
    ids = next(fit_tokenizer(texts).encode(["once twice"]))
    assert ids.tolist() == [UNKNOWN, 3]


def test_no_text_becomes_padding() -> None:
    tokenizer = fit_tokenizer(FILMS, minimum=1)
    for ids in tokenizer.encode(["[PAD]", "[UNK] film", "\x00", "a [PAD] b", "\u2003"]):
        assert PADDING not in ids


def test_an_empty_text_has_no_token() -> None:
    for texts in (FILMS, HOTELS, NAMES):
        tokenizer = fit_tokenizer(texts, minimum=1)
        assert [len(ids) for ids in tokenizer.encode([""])] == [0]
    assert fit_tokenizer(FILMS, minimum=1).tokens(" \n") == []


def test_many_texts_come_back_in_their_order() -> None:
    words = [f"w{number}" for number in range(100)]
    tokenizer = fit_tokenizer([" ".join(words)] * 2)
    texts = (" ".join(words[row % 100 : row % 100 + 2]) for row in range(9001))
    found = list(tokenizer.encode(texts))
    assert len(found) == 9001
    assert all(ids.dtype == np.int32 for ids in found[:3])
    for row in (0, 4095, 4096, 4097, 8192, 9000):
        assert tokenizer.named(found[row]) == words[row % 100 : row % 100 + 2]


def test_texts_are_encoded_as_they_come() -> None:
    tokenizer, taken = fit_tokenizer(FILMS, minimum=1), []

    def source():
        for row in range(20_000):
            taken.append(row)
            yield "film"

    next(tokenizer.encode(source()))
    assert len(taken) < 10_000


def test_a_part_of_the_rows_is_learned_as_a_list_of_them() -> None:
    part = Subset(FILMS, [2, 0])
    assert fit_tokenizer(part, minimum=1).to_text() == (
        fit_tokenizer([FILMS[2], FILMS[0]], minimum=1).to_text()
    )
    assert list(part[-1:]) == [FILMS[0]]
    assert list(Subset(part, [1])) == [FILMS[0]]


@pytest.mark.parametrize(
    ("texts", "units"), [(FILMS, "words"), (FILMS, "bpe"), (HOTELS, None), (NAMES, None)]
)
def test_what_is_written_is_read_back(texts: list[str], units: str | None) -> None:
    tokenizer = fit_tokenizer(texts, units, minimum=1)
    again = Tokenizer.from_text(tokenizer.to_text(), tokenizer.units, "tokenizer.json")
    assert again.vocabulary() == tokenizer.vocabulary()
    assert again.units == tokenizer.units
    unseen = [*texts, "", "Something NEW 新", "Kim "]
    for one, other in zip(tokenizer.encode(unseen), again.encode(unseen), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("damage", [lambda t: t[:-20], lambda t: "", lambda t: "{}", lambda t: "7"])
def test_a_damaged_tokenizer_is_refused(damage) -> None:
    text = damage(fit_tokenizer(FILMS, minimum=1).to_text())
    with pytest.raises(ModelFileError, match=r"folder/tokenizer\.json: cannot be read"):
        Tokenizer.from_text(text, "words", "folder/tokenizer.json")


@pytest.mark.parametrize("units", [None, "words", "characters", "bpe"])
@pytest.mark.parametrize("texts", [[], ["", " \n"]])
def test_empty_texts_are_refused(texts: list[str], units: str | None) -> None:
    with pytest.raises(InputError, match="the training texts are empty"):
        fit_tokenizer(texts, units, minimum=1)


def test_texts_without_a_word_that_occurs_twice_are_refused() -> None:
    with pytest.raises(InputError, match="no token that occurs twice"):
        fit_tokenizer(["a fine", "dull film"])


def test_units_that_do_not_exist_are_refused_with_the_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'words'"):
        fit_tokenizer(FILMS, "word")


LEARN = """
import hashlib
from unrolled.data.tokenizer import fit_tokenizer
texts = [" ".join(f"w{row * k % 37}x{row % k}" for k in range(1, 9)) for row in range(300)]
for units in ("words", "characters", "bpe"):
    print(hashlib.sha256(fit_tokenizer(texts, units, size=200).to_text().encode()).hexdigest())
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
    here: list[str] = []
    # And here, a second time in one process.
    texts = [" ".join(f"w{row * k % 37}x{row % k}" for k in range(1, 9)) for row in range(300)]
    for units in ("words", "characters", "bpe"):
        text = fit_tokenizer(texts, units, size=200).to_text()
        here.append(hashlib.sha256(text.encode()).hexdigest())
    assert len(set(here)) == 3
    assert said[0] == said[1] == "".join(f"{digest}\n" for digest in here)
