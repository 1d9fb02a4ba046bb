"""How a generator writes: prompts of every kind, draws that repeat, forms that are kept, pieces that are the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.written_texts import made, novel, poems
from unrolled import Generator, PoemForm, Sampling
from unrolled.errors import InputError, OptionError
from unrolled.models.verse import Verse, form_of
from unrolled.tasks.generate import writing

HOT = Sampling(temperature=3.0, seed=4)


@pytest.fixture(scope="module")
def novelist() -> Generator:
    return made(max_steps=40).fit([novel(100)])


@pytest.fixture(scope="module")
def poet() -> Generator:
    return made(max_steps=10).fit(poems(100))


@pytest.fixture(scope="module")
def poet_of_pieces() -> Generator:
    return made(max_steps=4, units="bpe", vocabulary=300).fit(poems(100))


def test_the_kind_of_what_is_returned(novelist: Generator) -> None:
    one = novelist.generate("the ")
    assert isinstance(one, str)
    assert novelist.generate(["the "]) == [one]
    several = novelist.generate("the ", n=3)
    assert len(several) == len(set(several)) == 3
    both = novelist.generate(["the ", "moon"], n=3)
    assert both[0] == several
    assert novelist.generate([]) == []
    assert novelist.generate() == novelist.generate("")


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=1.0, seed=1),
        Sampling(temperature=0.7, top_k=3, seed=2),
        Sampling(temperature=2.0, top_p=0.6, penalty=1.3, seed=3),
    ],
    ids=str,
)
def test_pieces_are_the_whole(novelist: Generator, sampling: Sampling) -> None:
    for prompt in ("", "the moon"):
        whole = novelist.generate(prompt, sampling=sampling)
        pieces = list(novelist.stream(prompt, sampling=sampling))
        assert "".join(pieces) == whole
        assert len(pieces) > 5
    assert whole == novelist.generate([prompt, "x"], sampling=sampling)[0]


def test_a_draw_depends_on_its_number_and_seed_alone(novelist: Generator) -> None:
    prompts = ["the", "", "moon and river", "the", "old"] * 3
    table = novelist.predict(prompts, sampling=HOT)
    for rows in (1, 4):
        parts = novelist.predict_chunks(prompts, rows, sampling=HOT)
        texts = [text for part in parts for text in part["text"]]
        assert texts == table["text"].to_list()
    assert table["text"][0] != table["text"][3]
    other = novelist.predict(prompts, sampling=Sampling(temperature=3.0, seed=5))
    assert other["text"].to_list() != table["text"].to_list()


def test_many_texts_of_one_prompt_are_written_some_at_a_time(
    poet: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: list[dict[str, Any]] = [{}, {"form": PoemForm(characters=5)}]
    prompts = ["山", "山水"]
    whole = [poet.generate(prompts, n=7, **more) for more in options]
    most = []
    rollout = writing.Rollout

    def watched(step: Any, last: Any, *others: Any) -> Any:
        most.append(len(last))
        return rollout(step, last, *others)

    monkeypatch.setattr(writing, "MOST_ROWS", 3)
    monkeypatch.setattr(writing, "Rollout", watched)
    assert [poet.generate(prompts, n=7, **more) for more in options] == whole
    assert max(most) == 3


def test_what_is_long_ends_at_the_greatest_length(novelist: Generator, poet: Generator) -> None:
    for length in (1, 7):
        assert len(novelist.generate(max_length=length)) == length
    completion = novelist.completions(max_length=7)[0][0]
    assert not completion.finished
    # Poems end by themselves; a long text never does.
    assert any(each.finished for each in poet.completions(max_length=60, n=20)[0])
    with pytest.raises(OptionError, match="longest"):
        novelist.generate(max_length=0)


def test_a_prompt_longer_than_anything_is_read_whole(novelist: Generator) -> None:
    filler = novel(100) * 2
    sure = Sampling(top_k=1)
    ends = [novelist.generate(filler[:size] + "river", sampling=sure) for size in (0, len(filler))]
    assert all(len(end) == 24 for end in ends)
    transformer = made("transformer", heads=2, steps=8, max_steps=2).fit([novel()])
    assert len(transformer.generate(filler, max_length=3)) == 3


@pytest.mark.parametrize(
    "prompt", ["🙂", "漢字", "X", "\x00", "e\u0301", "a\r\n\tb", "[EOS]", "<0x41>"]
)
def test_what_was_never_seen_can_be_gone_on_from(novelist: Generator, prompt: str) -> None:
    novelist.notes = ()
    assert len(novelist.generate(prompt)) == 24
    is_new = not set(prompt) <= set(novel(100))
    assert bool(novelist.notes) == is_new
    if is_new:
        assert "new to the model: '" in novelist.notes[0]


def test_new_characters_are_named_with_their_place(novelist: Generator, tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("the moon\n🙂 the ø\n\nø\n", encoding="utf-8")
    table = novelist.predict(file)
    assert table["prompt"].to_list() == ["the moon", "🙂 the ø", "", "ø"]
    assert novelist.notes == (f"{file}, line 2: new to the model: '🙂ø' (and 1 more prompt)",)
    words = made(units="words", max_steps=1).fit([novel()])
    words.generate("the stranger")
    assert words.notes[-1] == "the prompt: new to the model: 1 of its words, which are left out"


@pytest.mark.parametrize("units", ["characters", "bpe", "unigram"])
def test_no_half_characters_are_written(units: str) -> None:
    # Half of the characters are rare ones, which are read byte by byte.
    rare = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    model = made(units=units, vocabulary=300, max_steps=3).fit([rare + novel(5)])
    for text in model.generate(n=30, sampling=HOT):
        assert "\ufffd" not in text


def test_no_prompt_is_refused(novelist: Generator) -> None:
    for wrong in (3, None, [None], {"text": "a"}, b"bytes"):
        with pytest.raises(InputError):
            novelist.generate(wrong)  # type: ignore[arg-type]
    for wrong in ({"sampling": 0.5}, {"form": "sonnet"}, {"n": 0}, {"n": 1.5}):
        with pytest.raises(OptionError):
            novelist.generate("a", **wrong)


FORMS: list[tuple[dict[str, Any], str]] = [
    ({"characters": 5}, ""),
    ({"characters": 7, "lines": 2}, ""),
    ({"characters": 5, "acrostic": "山水火木"}, ""),
    ({"characters": 5, "acrostic": "春夏秋冬"}, ""),
    ({"characters": 5}, "山水"),
]


@pytest.mark.parametrize(("options", "prompt"), FORMS, ids=str)
@pytest.mark.parametrize("which", ["poet", "poet_of_pieces"])
def test_a_form_is_kept(
    which: str, options: dict[str, Any], prompt: str, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(which)
    form = PoemForm(**options)
    for each in model.completions(prompt, form=form, n=5, sampling=HOT)[0]:
        text = prompt + each.text
        assert each.finished
        assert form_of(text) == Verse(form.lines or 4, form.characters)
        lines = text.replace("，", "。").replace("\n", "").split("。")
        for line, first in zip(lines, form.acrostic, strict=False):
            assert line.startswith(first)
    assert "".join(model.stream(prompt, form=form)) == model.generate(prompt, form=form)


def test_a_form_knows_how_the_training_texts_part_lines() -> None:
    texts = [text.replace("，", "\n").replace("。\n", "\n").replace("。", "") for text in poems(60)]
    model = made(max_steps=4).fit(texts)
    text = model.generate(form=PoemForm(characters=5))
    assert [len(line) for line in text.split("\n")] == [5, 5, 5, 5]


def test_an_acrostic_is_of_the_letters_that_the_training_texts_have(
    novelist: Generator, poet: Generator
) -> None:
    form = PoemForm(lines=4, acrostic="MOON")
    lines = novelist.generate(form=form, sampling=HOT).split("\n")
    letters = [[sign for sign in line if sign.isalnum()] for line in lines]
    assert [some[0].upper() for some in letters] == list("MOON")
    with pytest.raises(OptionError, match="holds 'M'; expected Han characters"):
        poet.generate(form=form)


def test_a_beginning_that_does_not_fit_is_said(poet: Generator) -> None:
    with pytest.raises(InputError, match="does not fit the form"):
        poet.generate("山水火木土日", form=PoemForm(characters=5))
    with pytest.raises(InputError, match="does not fit the form"):
        poet.stream("山水火木土日", form=PoemForm(characters=5))


def test_a_long_text_can_keep_a_form_too() -> None:
    model = made(max_steps=2).fit(["\n\n".join(poems(60))])
    assert model.fitted.settings.kind == "text"
    text = model.generate(form=PoemForm(characters=5), sampling=HOT)
    assert form_of(text) == Verse(4, 5)
    # What it writes by itself are no single poems, whose form could be told.
    assert "form_kept" not in model.evaluate()["samples"]


def test_copies_are_counted_in_characters_whatever_the_units(poet_of_pieces: Generator) -> None:
    train = list(poet_of_pieces._parts.train.texts)
    found = poet_of_pieces.copied(f"x{train[3][2:9]}x")
    assert found.characters >= 7
    assert found.text in train[3]
    assert found.as_dict()["share"] == round(found.characters / 9, 4)


def test_no_prompts_are_an_error(novelist: Generator) -> None:
    with pytest.raises(InputError, match="no rows"):
        novelist.predict([])
    assert np.isfinite(novelist.predict(["a"])["score"][0])
