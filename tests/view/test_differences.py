"""Differences of two texts: words of Latin scripts, characters of Chinese, and nothing lost or doubled."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.view.differences import differences, pieces

TEXTS = st.text(st.sampled_from("ab é\u0301猫。 👩\u200d👧ด้ -"), max_size=24)


def marked(reference: str, hypothesis: str) -> tuple[list[str], list[str]]:
    missing, extra = differences(reference, hypothesis)
    return [reference[a:b] for a, b in missing], [hypothesis[a:b] for a, b in extra]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "missing", "extra"),
    [
        ("the old boat", "the old boat", [], []),
        ("the old red boat", "the boat", ["old red"], []),
        ("the boat sinks", "the boats sink", ["boat sinks"], ["boats sink"]),
        ("The boat.", "the boat", ["The", "."], ["the"]),
        ("the boat", "", ["the boat"], []),
        ("", "the boat", [], ["the boat"]),
        ("他在河边找到一块石头。", "他在河边看见石头。", ["找到一块"], ["看见"]),
        ("他买了 USB 线", "他买了 USB", ["线"], []),
        ("cafe\u0301 noir", "cafe noir", ["cafe\u0301"], ["cafe"]),
        ("👩\u200d👧 ok", "👩 ok", ["👩\u200d👧"], ["👩"]),
    ],
)
def test_what_is_missing_and_what_is_wrong(
    reference: str, hypothesis: str, missing: list[str], extra: list[str]
) -> None:
    assert marked(reference, hypothesis) == (missing, extra)


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    assert marked("แมวดำ", "แมวขาว") == (["ดำ"], ["ขาว"])
    assert len(pieces("ကြောင်")) < len("ကြောင်")


@settings(max_examples=40)
@given(TEXTS, TEXTS)
def test_what_is_not_marked_is_the_same_in_both(reference: str, hypothesis: str) -> None:
    def kept(text: str, spans: list[tuple[int, int]]) -> list[str]:
        places = pieces(text)
        assert all(a < b for a, b in spans)
        return [text[a:b] for a, b in places if not any(s <= a and b <= e for s, e in spans)]

    missing, extra = differences(reference, hypothesis)
    assert kept(reference, missing) == kept(hypothesis, extra)


@settings(max_examples=40)
@given(TEXTS)
def test_pieces_hold_all_but_spaces(text: str) -> None:
    places = pieces(text)
    assert "".join(text[a:b] for a, b in places) == "".join(text.split())
    assert all(b <= c for (_, b), (c, _) in pairwise(places))
