"""How a translator writes: all verbs agree, streams are the same text, draws repeat, and any text can be read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.tasks.text_pairs import chinese, made, sides, swapped, turned
from unrolled.errors import InputError, OptionError
from unrolled.models.sampling import Sampling
from unrolled.tasks.translate import Translator

DRAWS = Sampling(temperature=1.5, seed=3)


@pytest.fixture(scope="module")
def model() -> Translator:
    return made(max_steps=60, hidden_size=16, embedding=16).fit(turned(100))


@pytest.fixture(scope="module")
def by_pieces() -> Translator:
    """Written in parts of Chinese signs: bytes that make no character alone."""
    options: dict[str, Any] = {"units": "bpe", "vocabulary": 300, "hidden_size": 16}
    return made(**options, max_steps=30).fit(swapped(chinese(100)))


def test_predict_is_translate_with_scores(model: Translator) -> None:
    sources = sides(turned(20, seed=1))[0]
    found = model.predict(sources)
    assert found.schema == {"row": pl.Int64, "target": pl.String, "score": pl.Float64}
    assert found["row"].to_list() == list(range(1, 21))
    assert found["target"].to_list() == model.translate(sources)
    best = [several[0].score for several in model.hypotheses(sources)]
    assert found["score"].to_list() == pytest.approx(best, abs=1e-5)
    assert all(score < 0 and math.isfinite(score) for score in best)
    assert model.translate(sources[0]) == model.translate([sources[0]])[0]
    assert model.translate(iter(sources)) == model.translate(sources)
    assert model.predict(sources, beam=1)["target"].to_list() == model.translate(sources, beam=1)
    assert model.translate([]) == []


def test_a_source_is_written_the_same_alone_and_among_others(model: Translator) -> None:
    sources = [*sides(turned(12, seed=2))[0], "da " * 90, "mu"]
    for options in ({"beam": 1}, {"beam": 3}):
        alone = [model.translate(source, **options) for source in sources]
        assert model.translate(sources, **options) == alone
        assert model.translate(sources[::-1], **options) == alone[::-1]


@pytest.mark.parametrize("beam", [1, 4])
def test_a_stream_is_the_same_text_in_pieces(
    model: Translator, by_pieces: Translator, beam: int
) -> None:
    for each, pairs in ((model, turned(6, seed=1)), (by_pieces, swapped(chinese(6, seed=1)))):
        for source in sides(pairs)[0]:
            pieces = list(each.stream(source, beam=beam))
            assert "".join(pieces) == each.translate(source, beam=beam)
            assert all(pieces)
        assert list(each.stream("", beam=beam)) == []
    long = list(model.stream("da mu ba lo ku", beam=1))
    assert len(long) > 1  # as it comes, not at the end


def test_a_stream_of_draws_is_the_same_text(model: Translator) -> None:
    for source in sides(turned(5, seed=1))[0]:
        pieces = model.stream(source, sampling=DRAWS)
        assert "".join(pieces) == model.translate(source, sampling=DRAWS)


def test_the_n_best_come_best_first(model: Translator) -> None:
    sources = sides(turned(7, seed=1))[0]
    found = model.predict(sources, n_best=3)
    assert found["row"].to_list() == [row for row in range(1, 8) for _ in range(3)]
    for several, alone in zip(
        model.hypotheses(sources, n_best=3), model.hypotheses(sources), strict=True
    ):
        scores = [each.score for each in several]
        assert scores == sorted(scores, reverse=True)
        assert len({each.tokens for each in several}) == 3
        first = several[0]
        assert [first.tokens] == [each.tokens for each in alone]
        assert first.score == pytest.approx(
            sum(first.log_probabilities) / len(first.log_probabilities)
        )
    # More than there are beams widens the search.
    assert len(model.hypotheses(["da mu"], beam=2, n_best=6)[0]) == 6


def test_the_length_penalty_is_that_of_the_settings() -> None:
    found = made(length_penalty=0, max_steps=6).fit(turned()).hypotheses(["da mu"])[0][0]
    assert found.score == pytest.approx(sum(found.log_probabilities))


def test_draws_are_those_of_the_seed(model: Translator) -> None:
    sources = sides(turned(20, seed=1))[0]
    one, again, other = (
        model.translate(sources, sampling=Sampling(temperature=1.5, seed=seed))
        for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other
    assert model.translate(sources, sampling=Sampling(top_k=1)) == model.translate(sources, beam=1)


@pytest.mark.parametrize("options", [{}, {"beam": 1}, {"sampling": DRAWS}, {"n_best": 2}], ids=str)
def test_portions_are_written_as_the_whole(
    model: Translator, tmp_path: Path, options: dict[str, Any]
) -> None:
    sources = [*sides(turned(17, seed=1))[0], "", "da"]
    whole = model.predict(sources, **options)
    (tmp_path / "sources.txt").write_text("".join(f"{source}\n" for source in sources))
    for data in (sources, tmp_path / "sources.txt"):
        parts = list(model.predict_chunks(data, rows=5, **options))
        assert [part["row"].n_unique() for part in parts] == [5, 5, 5, 4]
        joined = pl.concat(parts)
        assert joined.drop("score").equals(whole.drop("score"))
        assert joined["score"].to_list() == pytest.approx(whole["score"].to_list(), abs=1e-5)


def test_empty_sources_keep_their_place_and_stay_empty(model: Translator) -> None:
    sources = ["", "da mu", " \t", "ba", ""]
    for options in ({}, {"beam": 1}, {"sampling": DRAWS}):
        found = model.predict(sources, **options)
        assert found["row"].to_list() == [1, 2, 3, 4, 5]
        assert [bool(target) for target in found["target"]] == [False, True, False, True, False]
    assert model.translate(["", ""]) == ["", ""]
    assert model.translate("") == ""


def test_any_text_can_be_read(model: Translator, by_pieces: Translator) -> None:
    odd = [
        "日本語",
        "🙂🙂",
        "\x00\x07",
        "\u202eda",
        "é",
        "[PAD] [UNK] [BOS] [EOS]",
        "DA MU",
        "da" * 500,
    ]
    for each in (model, by_pieces):
        found = each.translate(odd)
        assert len(found) == len(odd)
        assert found == [each.translate(text) for text in odd]


@pytest.mark.parametrize("units", ["bpe", "unigram", "characters", "words"])
def test_what_is_unknown_is_never_written(units: str) -> None:
    # Three words of the targets are rare: unknown to a vocabulary of words.
    rare = [(f"da {word}", f"re {word}") for word in ("hapax", "ほげ", "🙂")]
    model = made(units=units, max_steps=3, validation=0, test=0).fit([*turned(), *rare])
    draws = Sampling(temperature=5.0, seed=1)
    for text in model.translate([*sides(rare)[0], "da"] * 3, sampling=draws):
        for special in ("[UNK]", "[PAD]", "[BOS]", "[EOS]", "<unk>"):
            assert special not in text


def test_long_sources_are_read_up_to_where_the_model_reads(model: Translator) -> None:
    short = made(max_length=6, max_steps=4).fit(turned())
    beginning = "da mu ba lo ku no"
    long = beginning + " gu" * 400
    assert short.translate(long) == short.translate(beginning)
    ids, lengths = short.fitted.reader.sources([beginning, long])
    assert lengths.tolist() == [6, 406]
    assert ids[0].tolist() == ids[1].tolist()
    assert ids.lengths.tolist() == [7, 7]  # with the end
    found = short.predict(["da", long, long, "mu"])
    assert found["target"][1] == short.translate(beginning)
    assert short.notes == ("input, row 1: 2 sources of more than 6 tokens, read up to there",)
    list(short.predict_chunks(["da", "mu", long], rows=2))
    assert short.notes == ("input, row 2: 1 source of more than 6 tokens, read up to there",)
    list(short.predict_chunks(["da", *[long] * 5], rows=1))
    assert short.notes == ("input, row 1: 5 sources of more than 6 tokens, read up to there",)
    short.evaluate([("da", "re"), (long, "re")], baselines=())
    assert short.notes[0] == "input, row 1: 1 source of more than 6 tokens, read up to there"
    assert short.predict(["da"]).height == 1
    assert short.notes == ()
    # Longer than any seen, but not longer than what is read.
    assert model.predict(["da mu " * 60])["target"][0] != model.translate("da mu")
    assert model.notes == ()


def test_a_transformer_writes_as_much_as_it_may_and_no_more() -> None:
    pairs = [(" ".join(["da"] * 6), " ".join(["re"] * 6))] * 20 + turned(40)
    short = made("transformer", heads=2, max_length=6, max_steps=30).fit(pairs)
    for beam in (1, 4):
        for several in short.hypotheses(sides(pairs)[0], beam=beam, n_best=beam):
            assert all(len(each.tokens) <= 6 for each in several)
    assert len(short.hypotheses(pairs[0][0], beam=1)[0][0].log_probabilities) <= 6


def test_targets_end_in_time(model: Translator) -> None:
    short = made(max_length=5, max_steps=3).fit(turned())
    for sampling in (None, Sampling(temperature=50.0)):
        for several in short.hypotheses(sides(turned(9))[0], sampling=sampling):
            assert len(several[0].tokens) <= 5
    assert all(len(target.split()) <= 256 for target in model.translate(["da " * 300] * 2))


@pytest.mark.parametrize("given", [3, None, b"da", ["da", None], [["da"]], [3.5], ["\ud800"]])
def test_what_is_no_text_is_refused(model: Translator, given: Any) -> None:
    for call in (model.translate, model.hypotheses):
        with pytest.raises(InputError, match=r"no text|half a character"):
            call(given)
    if not isinstance(given, list):
        with pytest.raises(InputError, match="no text"):
            next(model.stream(given))


@pytest.mark.parametrize("rows", [0, -1])
def test_portions_of_nothing_are_refused(model: Translator, rows: int) -> None:
    with pytest.raises(OptionError, match=f"rows={rows}"):
        list(model.predict_chunks(["da"], rows=rows))


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": "hot"},
        {"temperature": True},
        {"top_k": 1.5},
        {"top_p": None},
        {"penalty": "1"},
        {"seed": "x"},
        {"seed": 0.5},
        {"seed": 2**63},
        {"seed": -1},
    ],
    ids=str,
)
def test_draws_of_another_kind_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=f"{next(iter(options))}="):
        Sampling(**options)
    assert Sampling(temperature=2, seed=1, top_k=3)


def test_one_text_is_one_source_for_every_verb(model: Translator) -> None:
    assert model.hypotheses("da mu") == model.hypotheses(["da mu"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam=0; expected a whole number of at least 1"),
        ({"beam": -2}, "beam=-2"),
        ({"beam": 1.5}, r"beam=1\.5"),
        ({"beam": "3"}, "beam='3'"),
        ({"beam": True}, "beam=True"),
        ({"n_best": 0}, "n_best=0"),
        ({"n_best": 2, "sampling": DRAWS}, "n_best=2 with sampling"),
        ({"beam": 2, "sampling": DRAWS}, "beam=2 with sampling"),
        ({"sampling": 0.8}, r"sampling=0\.8; expected Sampling"),
        ({"beam": 3, "sampling": DRAWS}, "beam=3 with sampling; expected one of them"),
    ],
)
def test_a_wrong_manner_is_refused_before_anything_is_read(
    model: Translator, options: dict[str, Any], message: str
) -> None:
    for call in (model.hypotheses, model.predict, model.predict_chunks):
        with pytest.raises(OptionError, match=message):
            call("no such file.tsv", **options)


def test_a_table_is_no_list_of_texts(model: Translator) -> None:
    table = {"source": ["da", "mu"]}
    for given in (table, pl.DataFrame(table)):
        with pytest.raises(InputError, match=r"is no text; .* predict\(\)"):
            model.translate(given)
