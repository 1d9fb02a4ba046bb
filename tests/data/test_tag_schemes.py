"""Tags are read as spans and written back, in every scheme, broken or not, as conlleval does."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.tag_schemes import (
    OUTSIDE,
    PLAIN,
    SCHEMES,
    Span,
    converted,
    may_follow,
    recognise_scheme,
    spans_of,
    tags_of,
)
from unrolled.errors import OptionError, ShapeError

MARKING = [name for name, letters in SCHEMES.items() if letters]
WRITTEN = {
    "iob2": ["B-A", "I-A", "B-A", "O", "B-B", "B-A", "I-A", "I-A"],
    "iob1": ["I-A", "I-A", "B-A", "O", "I-B", "I-A", "I-A", "I-A"],
    "bioes": ["B-A", "E-A", "S-A", "O", "S-B", "B-A", "I-A", "E-A"],
    "bmes": ["B-A", "E-A", "S-A", "O", "S-B", "B-A", "M-A", "E-A"],
    "bmewo": ["B-A", "E-A", "W-A", "O", "W-B", "B-A", "M-A", "E-A"],
    "bilou": ["B-A", "L-A", "U-A", "O", "U-B", "B-A", "I-A", "L-A"],
}
SPANS = [Span(0, 2, "A"), Span(2, 3, "A"), Span(4, 5, "B"), Span(5, 8, "A")]


@st.composite
def marked(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Draw spans that do not overlap, and the length of their sentence."""
    edges = draw(st.lists(st.integers(0, 12), max_size=8, unique=True).map(sorted))
    spans = []
    for start, stop in pairwise(edges):
        if draw(st.booleans()):
            spans.append(Span(start, stop, draw(st.sampled_from(["A", "B-1", "日"]))))
    return spans, draw(st.integers(edges[-1] if edges else 0, 14))


def conlleval(tags: list[str]) -> list[Span]:
    """Return the spans by the rules of conlleval.pl, its letters and S: where a chunk ends, and where one starts."""
    spans: list[Span] = []
    begin, before, kind_before = None, "O", ""
    for place, tag in enumerate([*tags, "O"]):
        letter, _, kind = tag.partition("-")
        ends = (
            before in ("E", "S")
            or (before in ("B", "I") and letter in ("B", "S", "O"))
            or (before != "O" and kind_before != kind)
        )
        starts = (
            letter in ("B", "S")
            or (before in ("E", "S", "O") and letter in ("E", "I"))
            or (letter != "O" and kind_before != kind)
        )
        if begin is not None and ends:
            spans.append(Span(begin, place, kind_before))
            begin = None
        if starts:
            begin = place
        before, kind_before = letter, kind
    return spans


@pytest.mark.parametrize("scheme", MARKING)
def test_each_scheme_by_hand(scheme: str) -> None:
    assert tags_of(reversed(SPANS), 8, scheme) == WRITTEN[scheme]
    assert spans_of(WRITTEN[scheme]) == SPANS
    assert recognise_scheme([WRITTEN[scheme], ["O"]]) == scheme
    for other in MARKING:
        assert converted(WRITTEN[scheme], other) == WRITTEN[other]


@given(marked(), st.sampled_from(MARKING))
def test_spans_come_back_from_tags(drawn: tuple[list[Span], int], scheme: str) -> None:
    spans, length = drawn
    tags = tags_of(spans, length, scheme)
    assert spans_of(tags) == spans
    assert all(map(may_follow, [None, *tags], [*tags, None], [scheme] * (length + 1)))


LETTERS = [*(f"{letter}-{kind}" for letter in "BIES" for kind in "XY"), "O"]


@given(st.lists(st.sampled_from(LETTERS), max_size=8))
def test_any_sequence_is_read_as_conlleval_does(tags: list[str]) -> None:
    assert spans_of(tags) == conlleval(tags)


@pytest.mark.parametrize("scheme", MARKING)
def test_what_may_follow_is_what_mending_leaves_alone(scheme: str) -> None:
    letters = SCHEMES[scheme]
    assert letters is not None
    tags = [f"{letter}-{kind}" for letter in sorted({*letters, "B"}) for kind in "XY"] + [OUTSIDE]
    for length in (1, 2, 3):
        for sequence in product(tags, repeat=length):
            pairs = zip([None, *sequence], [*sequence, None], strict=True)
            is_whole = all(may_follow(before, tag, scheme) for before, tag in pairs)
            assert is_whole == (converted(sequence, scheme) == list(sequence)), sequence


def test_broken_sequences_are_of_the_scheme_that_they_break_least() -> None:
    whole = [["B-X", "I-X", "O"]] * 5
    assert recognise_scheme([*whole, ["O", "I-X"]]) == "iob2"
    assert recognise_scheme([["I-X", "O"]] * 5 + [["O", "B-X"]]) == "iob1"
    assert recognise_scheme([["B-X", "E-X"], ["I-X", "O"]]) == "bioes"


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ([], PLAIN),
        (["O", "O"], PLAIN),
        (["NOUN", "B-X"], PLAIN),
        (["S", "S"], PLAIN),  # as likely the tag of a part of speech
        (["B", "I", "NN"], PLAIN),
        (["B", "I-X"], PLAIN),
        (["I-X", "M-X"], PLAIN),
        (["SG-NOM", "PL-NOM"], PLAIN),
        (["B", "M", "E", "S"], "bmes"),
        (["B", "I", "O"], "iob2"),
        (["B_X", "I_X"], "iob2"),
        (["B-X-Y", "I-X-Y"], "iob2"),
    ],
)
def test_plain_tags_and_others(tags: list[str], scheme: str) -> None:
    assert recognise_scheme([tags]) == scheme


def test_of_schemes_that_fit_equally_one_is_preferred() -> None:
    assert recognise_scheme([["B-X", "O"]], prefer="bioes") == "iob2"  # broken there
    assert recognise_scheme([["B-X", "E-X"]], prefer="bmes") == "bmes"
    assert recognise_scheme([["O"]], prefer="bmes") == "bmes"
    assert recognise_scheme([["NN"]], prefer="bmes") == PLAIN


def test_tags_without_kinds_and_with_underscores() -> None:
    assert converted(["B", "M", "E", "S"], "iob2") == ["B", "I", "I", "B"]
    assert converted(["B_X", "I_X"], "bioes") == ["B-X", "E-X"]
    assert converted(["NN", "B-X"], PLAIN) == ["NN", "B-X"]
    assert spans_of(["NN", "VB"]) == []
    assert may_follow("NN", "VB", PLAIN)


@pytest.mark.parametrize("spans", [[(0, 0)], [(2, 1)], [(1, 4)], [(0, 2), (1, 3)], [(-1, 1)]])
def test_spans_that_cannot_be_written_are_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(ShapeError, match="a span from word"):
        tags_of([Span(*span, "X") for span in spans], 3, "iob2")


def test_a_scheme_that_does_not_exist_is_refused() -> None:
    with pytest.raises(OptionError, match="scheme='bios' does not exist"):
        converted(["O"], "bios")
    with pytest.raises(OptionError, match="expected one of iob2"):
        tags_of([], 1, PLAIN)
    with pytest.raises(OptionError):
        recognise_scheme([], prefer="bios")
