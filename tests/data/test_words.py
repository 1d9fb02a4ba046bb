"""Text is parted into words by its rule, and nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.words import (
    CHARACTERS,
    MIXED,
    WORDS,
    marked_of,
    split_words,
    units_of,
    word_places,
)

ENGLISH = ("'s", "mr.", "n't")
FRENCH = ("d'", "l'")


@pytest.mark.parametrize(
    ("text", "marked", "words"),
    [
        ("It cost $5.50 (3%)!", (), "It cost $ 5.50 ( 3 % ) !"),
        ("at -5 or .5, +1... e.g. this--", (), "at -5 or .5 , +1 ... e.g. this --"),
        ("J. Smith of the U.S., Ltd. etc.", (), "J. Smith of the U.S. , Ltd . etc ."),
        ("well-known don't www.x.org/a #tag", (), "well-known don't www.x.org/a # tag"),
        ("Mr. Li doesn't like Jo's.", ENGLISH, "Mr. Li does n't like Jo 's ."),
        ("'s n't mr. S'S", ENGLISH, "'s n't mr. S 'S"),
        ("L'homme d'état, d'", FRENCH, "L' homme d' état , d'"),
        ("«Où?» “Ja!”", (), "« Où ? » “ Ja ! ”"),
        ("नमस्ते दुनिया।", (), "नमस्ते दुनिया ।"),
        ("他去NBA了，好。", (), "他去NBA了，好 。"),
        (" \n\t\u3000", (), ""),
    ],
)
def test_by_hand(text: str, marked: tuple[str, ...], words: str) -> None:
    assert split_words(text, WORDS, marked) == words.split()


def test_characters_and_scripts_without_spaces() -> None:
    assert split_words("他去 NBA了。", MIXED) == ["他", "去", "NBA", "了", "。"]
    assert split_words("他去 NBA", CHARACTERS) == ["他", "去", "N", "B", "A"]


SIGNS = st.text(st.sampled_from("aB'’.,-5$ 去。\u0301İ\n"), max_size=15)


@given(
    SIGNS, st.sampled_from([WORDS, MIXED, CHARACTERS]), st.sets(st.sampled_from(ENGLISH + FRENCH))
)
def test_nothing_is_lost(text: str, units: str, marked: set[str]) -> None:
    places = list(word_places(text, units, sorted(marked)))
    edges = [edge for place in places for edge in place]
    assert edges == sorted(edges)
    assert all(start < stop for start, stop in places)
    assert "".join(text[start:stop] for start, stop in places) == "".join(text.split())
    if units == WORDS:
        words = split_words(text, units, sorted(marked))
        assert split_words(" ".join(words), units, sorted(marked)) == words


@pytest.mark.parametrize(
    ("sentences", "units"),
    [
        ([["他", "是", "1", "9", "J"]], CHARACTERS),
        ([["他", "是", "19", "Jo"]], MIXED),
        ([["他们", "是", "19"]], WORDS),
        ([["a", "b"]], WORDS),
        ([["a", "b"]] * 30, CHARACTERS),
        ([["a", "bc"]] * 30, WORDS),
        ([["the"] * 20 + ["他"]], WORDS),
        ([[]], WORDS),
    ],
)
def test_units(sentences: list[list[str]], units: str) -> None:
    assert units_of(sentences) == units


def test_marked_words_are_those_that_come_often() -> None:
    often = [["Do", "n't", "n’t", "L'", "Mr.", "'S", "O'Hara", "U.S.", "a.", ".", "..."]] * 3
    assert marked_of([*often, ["'ll"], ["'ll"]]) == ("'s", "l'", "mr.", "n't", "n’t")
