"""Forms of poems: recognised in texts, and kept by whatever is drawn under their rules."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unrolled import InputError, OptionError
from unrolled.models.decoding import beam_search, sample
from unrolled.models.form_rules import FormRules
from unrolled.models.poem_form import PoemForm
from unrolled.models.sampling import Sampling
from unrolled.models.search import Rules
from unrolled.models.token_ids import END
from unrolled.models.verse import PLAIN, QUATRAINS, LineEnds, Verse, form_of

CLIMBING = "白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。"
LEAVING = "朝辞白帝彩云间，千里江陵一日还。\n两岸猿声啼不住，轻舟已过万重山！"
EAGLE = "He clasps the crag with crooked hands;\nClose to the sun in lonely lands,\nHe stands."
SPECIAL = [b""] * 4
BYTES = [bytes([byte]) for byte in (*range(0x80), *range(0x80, 0xC0), *range(0xC2, 0xF5))]
SIGNS = [sign.encode() for sign in "春夏秋冬天地人，。？\n ab'A7"]
PIECES = [
    text.encode() for text in ("春天", "天地人", "。\n", "，地", "。\n春", " the", "a b", "天，")
]
PARTS = [
    "春".encode()[:2],
    "天地".encode()[:4],
    "地".encode()[1:],
    "。\n".encode()[2:],
    b"\xe2\x82",
]
VOCABULARIES = {
    "characters": SPECIAL + SIGNS,
    "pieces": SPECIAL + SIGNS + PIECES,
    "characters and bytes": SPECIAL + SIGNS[:12] + BYTES,
    "bytes": SPECIAL + BYTES,
    "parts of characters": SPECIAL + BYTES + SIGNS[:3] + PIECES + PARTS,
}
ENDS = {
    "couplets": LineEnds(),
    "one line": LineEnds((("，",), ("。", "？")), ("。", "？")),
    "line ends alone": LineEnds((("\n",),), ("",)),
    "prefixes": LineEnds((("，", "，\n"), ("。", "。\n")), ("。", "")),
    "plain": PLAIN,
}


def written_by(vocabulary: list[bytes], form: PoemForm, seed: int, begun: str = "") -> list[str]:
    """Return what some rows draw from random scores under the rules of a form, each with its END."""
    generator = torch.Generator().manual_seed(seed)

    def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        return 4 * torch.randn(len(tokens), len(vocabulary), generator=generator), state

    rules = Rules(END, (0, 1, 2), FormRules(form, vocabulary, END, [begun] * 3))
    start: Any = (step, torch.full((3,), 2), (torch.zeros(3, 1),), form.longest, rules)
    drawn = sample(*start, sampling=Sampling(seed=seed))
    found = [*drawn, *(best for (best,) in beam_search(*start, beams=2))]
    assert all(hypothesis.finished for hypothesis in found)
    return [begun + b"".join(vocabulary[k] for k in each.tokens).decode() for each in found]


def lines_of(text: str) -> list[str]:
    """Return the lines of a poem, told by a plain split."""
    return [line for line in re.split("[，。？\n]", text) if line]


@settings(max_examples=20)
@given(
    st.sampled_from(sorted(VOCABULARIES)),
    st.sampled_from(sorted(ENDS)),
    st.integers(1, 4),
    st.integers(1, 3),
    st.text("春天A鬱", max_size=3),
    st.integers(0, 1000),
)
def test_whatever_is_drawn_has_exactly_the_form(
    tokens: str, ends: str, lines: int, characters: int, acrostic: str, seed: int
) -> None:
    missing = "" if "bytes" in tokens or "parts" in tokens else "鬱"
    acrostic = "".join(
        sign for sign in acrostic[:lines] if sign != missing and (sign != "A" or ends == "plain")
    )
    form = PoemForm(lines, characters, acrostic, ENDS[ends])
    for text in written_by(VOCABULARIES[tokens], form, seed):
        assert form.fits(text)
        if ends == "plain":
            kept = [[sign for sign in line if sign.isalnum()] for line in text.split("\n")]
            found = ["".join(line) for line in kept]
        else:
            found = lines_of(text)
            assert form_of(text) == Verse(lines, characters)
        assert len(found) == lines
        for line, first in zip(found, acrostic, strict=False):
            assert line[0].upper() == first


@settings(max_examples=5)
@given(st.sampled_from(["characters", "pieces"]), st.integers(0, 1000))
def test_lines_that_are_not_counted(tokens: str, seed: int) -> None:
    for form in (PoemForm(3, ends=PLAIN), PoemForm(2, acrostic="A", ends=PLAIN)):
        for text in written_by(VOCABULARIES[tokens], form, seed):
            assert form.fits(text)
            assert text.count("\n") + 1 == form.lines


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(VOCABULARIES)), st.sampled_from([CLIMBING, LEAVING]), st.integers(0, 99)
)
def test_the_mask_is_what_can_go_on(tokens: str, poem: str, seed: int) -> None:
    # Every token that is allowed keeps to the form, and every one that does is allowed: by the texts alone.
    vocabulary = VOCABULARIES[tokens]
    form = PoemForm(
        4, 5 if poem == CLIMBING else 7, ends=LineEnds(((",", "，"), ("。\n",)), ("。", "！"))
    )
    begun = poem[: seed % len(poem)]
    (mask,) = FormRules(form, vocabulary, END, [begun])(
        torch.zeros(1, 0, dtype=torch.int64), torch.tensor([0])
    )
    state = form.follow(form.start, begun)
    assert state is not None
    assert bool(mask[END]) == form.is_complete(state)
    for token, written in enumerate(vocabulary):
        if not written:
            assert token == END or not mask[token]
        elif (text := written.decode(errors="ignore")).encode() == written:
            assert bool(mask[token]) == (form.follow(state, text) is not None)


def test_a_character_of_bytes_is_ended_before_anything_else() -> None:
    vocabulary = VOCABULARIES["characters and bytes"]
    rules = FormRules(PoemForm(1, 1, "鬱"), vocabulary, END)
    tokens: list[int] = []
    for byte in "鬱".encode():
        (mask,) = rules(torch.tensor([tokens], dtype=torch.int64), torch.tensor([5]))
        assert [vocabulary[k] for k in mask.nonzero().flatten()] == [bytes([byte])]
        tokens.append(int(mask.nonzero()))
    # Without the bytes that continue a character none is begun.
    some = FormRules(PoemForm(1, 1), [*SPECIAL, *SIGNS, b"\xe6", b"\x98"], END)
    assert not some(torch.zeros(1, 0, dtype=torch.int64), torch.tensor([0]))[0, -2:].any()


@pytest.mark.parametrize(
    ("form", "text", "fits"),
    [
        (PoemForm(4, 5), CLIMBING, True),
        (PoemForm(4, 5), CLIMBING.replace("\n", ""), False),
        (PoemForm(4, 5), CLIMBING + "\n", False),
        (PoemForm(4), CLIMBING, True),
        (PoemForm(3, 5), CLIMBING, False),
        (PoemForm(4, 7), LEAVING, False),
        (PoemForm(4, 7, ends=LineEnds.of([LEAVING])), LEAVING, True),
        (PoemForm(4, 5, "白黃欲更"), CLIMBING, True),
        (PoemForm(4, 5, "白黄"), CLIMBING, False),
        (PoemForm(3, acrostic="hch", ends=PLAIN), EAGLE, True),
        (PoemForm(3, 29, ends=PLAIN), EAGLE, False),
        (PoemForm(1, 2, ends=PLAIN), '"A.. b?', True),
        (PoemForm(1, 2, ends=PLAIN), "a... b", False),
        (PoemForm(1, ends=PLAIN), "a" * 100, True),
        (PoemForm(1, ends=PLAIN), "a" * 101, False),
        (PoemForm(1, 2), "a天", False),
    ],
)
def test_a_text_has_a_form_or_not(form: PoemForm, text: str, fits: bool) -> None:
    assert form.fits(text) == fits


def test_a_form_is_recognised_in_either_script() -> None:
    assert form_of(CLIMBING) == QUATRAINS[0]
    assert form_of("白日依山尽，黄河入海流。欲穷千里目，更上一层楼。") == QUATRAINS[0]
    assert form_of(LEAVING) == QUATRAINS[1]
    assert form_of("「春眠不覺曉，\n處處聞啼鳥。」\n") == Verse(2, 5)
    assert form_of("白日依山盡\n黃河□海流\n\n欲窮千里目\n") == Verse(3, 5)
    assert form_of("白日依山盡,黃河入海流.") == Verse(2, 5)
    assert form_of(CLIMBING[:-3]) == Verse(4, None)
    assert form_of(EAGLE) == Verse(3, None)
    assert form_of("one\ntwo\n") == Verse(2, 3)
    assert form_of("……\n") is None


def test_ends_of_lines_are_learned() -> None:
    rare = CLIMBING.replace("流。", "流？")
    prose = "却说宝玉，因见林黛玉病了。"
    ends = LineEnds.of([CLIMBING] * 200 + [rare, prose])
    assert ends == LineEnds() == LineEnds.from_dict(ends.to_dict())
    assert LineEnds.of([CLIMBING] * 3 + [rare]).between == (("，",), ("。\n", "？\n"))
    assert LineEnds.of([LEAVING, CLIMBING.replace("\n", "")]).last == ("！", "。")
    assert LineEnds.of(["白日依山盡\n黃河入海流\n"]) == LineEnds((("\n",), ("\n",)), ("",))
    assert LineEnds.of(["白日依山盡，\n黃河入海流。\n"] * 2).between == (("，\n",), ("，\n",))
    assert LineEnds.of([EAGLE, EAGLE, CLIMBING]) == PLAIN
    assert LineEnds.of([prose]) == LineEnds()


def test_what_stands_before_counts() -> None:
    form = PoemForm(4, 5)
    begun = CLIMBING[:14]
    for text in written_by(VOCABULARIES["characters"], form, 0, begun):
        assert text.startswith(begun)
        assert form_of(text) == Verse(4, 5)
    with pytest.raises(
        InputError, match="prompt '白日依山盡。': character 6 of the beginning, '。', does not fit"
    ):
        written_by(VOCABULARIES["characters"], form, 0, "白日依山盡。")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lines": 0}, "lines=0; expected a whole number"),
        ({"characters": 2.5}, "characters=2.5; expected a whole number"),
        ({"lines": 10**9}, "lines=1000000000; expected a whole number from 1 to 1,000"),
        ({"characters": 1001}, "characters=1001; expected a whole number from 1 to 1,000"),
        ({"lines": 2, "acrostic": "春夏秋"}, "expected at most 2, one for each line; or lines=3"),
        ({"acrostic": "春，"}, "acrostic='春，' holds '，'; expected letters"),
        ({"acrostic": "A", "ends": LineEnds()}, "acrostic='A' holds 'A'; expected Han characters"),
        ({"ends": LineEnds(((),), ("。",))}, "expected something that parts the lines"),
    ],
)
def test_forms_that_no_poem_has(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        PoemForm(**wrong)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (PoemForm(1, 5, "鬱"), "the model cannot write '鬱' of the acrostic"),
        (
            PoemForm(2, 5, ends=LineEnds((("；",),), ("。",))),
            "the model cannot write what ends a line, as '；'",
        ),
    ],
)
def test_what_the_tokens_cannot_write_is_said(form: PoemForm, message: str) -> None:
    with pytest.raises(InputError, match=message):
        FormRules(form, VOCABULARIES["characters"], END)
    FormRules(form, VOCABULARIES["bytes"], END)
    with pytest.raises(InputError, match="write no single letter"):
        FormRules(PoemForm(1, 4, ends=PLAIN), [*SPECIAL, b" word", b"\n"], END)
    FormRules(PoemForm(1, ends=PLAIN), [*SPECIAL, b" word", b"\n"], END)
