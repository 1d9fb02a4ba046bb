"""What a translator is fitted on, stopped on and scored on: no part knows of what another holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tasks.text_pairs import (
    LEARNING,
    SMALL,
    Pairs,
    chinese,
    made,
    reports,
    same_weights,
    scored,
    sides,
    swapped,
    turned,
    weights,
)
from unrolled.data.pairs import read_pairs
from unrolled.errors import InputError, OptionError
from unrolled.models.token_ids import BEGIN, END
from unrolled.tasks.translate.fitting import FittingTask, prepare
from unrolled.tasks.translate.parts import part_pairs
from unrolled.tasks.translate.settings import TranslateSettings, read_options
from unrolled.tasks.translate.training import MOST_VALIDATION_PAIRS, thinned, training_batches


def test_pairs_of_one_source_are_never_parted() -> None:
    random = np.random.default_rng(0)
    sources = [f"source {number}" for number in random.integers(0, 40, size=200)]
    # Capitals and spaces do not make another source.
    sources[::7] = [source.upper() for source in sources[::7]]
    sources[::5] = [f" {source}  " for source in sources[::5]]
    targets = [f"target {row}" for row in range(200)]
    settings = TranslateSettings(validation=0.2, test=0.2)
    parts = part_pairs(read_pairs((sources, targets)), settings, seed=0)
    found = [
        {" ".join(source.lower().split()) for source in part.sources}
        for part in (parts.train, parts.validation, parts.test)
    ]
    assert all(found)
    assert not (found[0] & found[1] or found[0] & found[2] or found[1] & found[2])
    rows = [len(part) for part in (parts.train, parts.validation, parts.test)]
    assert sum(rows) == 200
    assert 30 < rows[1] <= 40
    assert 30 < rows[2] <= 40
    for part in (parts.train, parts.validation, parts.test):
        for row in (0, len(part) - 1):
            place = int(part.targets[row].split()[1])
            assert part.where(row) == f"input, row {place}"
            assert part.sources[row] == sources[place]


def test_another_seed_holds_out_other_pairs() -> None:
    pairs = read_pairs(turned())
    held = [
        list(part_pairs(pairs, TranslateSettings(test=9), seed=seed).test.sources)
        for seed in (0, 0, 1)
    ]
    assert held[0] == held[1] != held[2]


def with_word(word: str, pairs: Pairs, marked: set[str]) -> Pairs:
    return [(s, f"{word} {t}" if s in marked else t) for s, t in pairs]


def test_the_test_part_is_not_looked_at() -> None:
    pairs = turned(100)
    one = made(test=0.2).fit(pairs)
    held = set(part_pairs(read_pairs(pairs), TranslateSettings(test=0.2), seed=0).test.sources)
    other = made(test=0.2).fit(with_word("zebra", pairs, held))
    assert same_weights(one, other)
    assert one.evaluate()["rows"] == other.evaluate()["rows"] == 20
    assert other.outcome is not None
    assert all(reference.startswith("zebra") for reference in other.outcome.references)


def test_the_vocabulary_is_that_of_the_training_part() -> None:
    pairs = turned(100)
    settings = TranslateSettings(validation=0.2, test=0.2)
    parts = part_pairs(read_pairs(pairs), settings, seed=0)
    share = {"validation": 0.2, "test": 0.2, "max_steps": 1}
    held = {*parts.validation.sources, *parts.test.sources}
    other = made(**share).fit(with_word("zebra", pairs, held))
    assert not [t for t in other.fitted.reader.target.vocabulary() if "zebra" in t]
    third = made(**share).fit(with_word("zebra", pairs, set(parts.train.sources)))
    assert [t for t in third.fitted.reader.target.vocabulary() if "zebra" in t]


def test_parts_of_ones_own_are_taken_in_place_of_held_out_pairs(tmp_path: Path) -> None:
    pairs = turned()
    one = made().fit(pairs, validation=turned(20, seed=1), test=turned(30, seed=2))
    assert one.fitted.train_hashes.shape == (60,)
    assert one.evaluate()["rows"] == 30
    other = made().fit(pairs, validation=turned(20, seed=1), test=[("da", "never seen")])
    assert same_weights(one, other)
    assert other.evaluate()["rows"] == 1
    files = tmp_path / "test.xx", tmp_path / "test.yy"
    for file, texts in zip(files, sides(turned(7, seed=3)), strict=True):
        file.write_text("\n".join(texts) + "\n")
    assert made(max_steps=1).fit(pairs, test=files).evaluate()["rows"] == 7
    with pytest.raises(InputError, match="there are no targets"):
        made(max_steps=1).fit(pairs, test=["da mu"])


def test_validation_pairs_that_are_trained_on_are_said() -> None:
    pairs = turned()
    own = [*turned(2, seed=9), (pairs[3][0].upper(), "other"), pairs[7]]
    assert made(max_steps=1).fit(pairs, validation=own, test=[("da", "re")]).notes == (
        "input, row 2: 2 of 4 validation sources stand in the training part, too",
    )
    assert made(max_steps=1).fit(pairs).notes == ()


def test_no_part_has_to_be_held_out() -> None:
    model = made(validation=0, test=0).fit(turned())
    assert model.fitted.train_hashes.shape == (60,)
    assert model.training is not None
    assert (model.training.best_score, model.training.best_step) == (None, 12)
    with pytest.raises(InputError, match=r"no test part.*evaluate\(data\)"):
        model.evaluate()


def test_sources_that_come_again_are_counted() -> None:
    pairs = turned()
    again = [(f"  {pairs[0][0].upper()} ", "re"), pairs[1], ("never seen", "re")]
    model = made(validation=0).fit(pairs, test=again)
    result = model.evaluate()
    assert (result["rows"], result["duplicates"]) == (3, 2)
    assert model.evaluate([("never seen", "re")])["duplicates"] == 0


def test_weights_are_chosen_by_bleu_where_asked() -> None:
    pairs = turned(300)
    options = {**LEARNING, "evaluate_every": 40, "max_steps": 160, "validation": 0.2}
    model = made(**{**options, "test": 0}, select="bleu").fit(pairs)
    training = model.training
    assert training is not None
    assert training.best_score is not None
    found = [record.score for record in training.history]
    assert training.best_score == min(found)
    assert -100 <= training.best_score < -1
    # What was measured is the greedy BLEU of the validation part.
    settings = TranslateSettings(validation=0.2, test=0)
    held = part_pairs(read_pairs(pairs), settings, seed=0).validation
    again = scored(model, list(zip(held.sources, held.targets, strict=True)), beam=1)
    assert -again["scores"]["model"]["bleu"] == pytest.approx(training.best_score)


def test_an_epoch_has_its_own_order_and_its_own_cuts() -> None:
    def prepared(seed: int, dropout: float) -> FittingTask:
        bpe = {"units": "bpe", "vocabulary": 400, "bpe_dropout": dropout}
        own, training = read_options({**SMALL, **bpe, "seed": seed})
        pairs = read_pairs(turned())
        parts = part_pairs(pairs, own, seed=0)
        return prepare("gru", own, training, pairs, parts)

    def cut(task: FittingTask, epoch: int) -> list[list[int]]:
        sources = task.encoded(epoch).sources
        return [sources[row].tolist() for row in range(len(sources))]

    def order(task: FittingTask, epoch: int) -> list[list[int]]:
        batches = training_batches(task.encoded, 100, task.settings.seed)(epoch)
        return [rows.tolist() for rows in batches.rows]

    whole, dropped, other = prepared(0, 0.0), prepared(0, 0.5), prepared(1, 0.5)
    assert cut(whole, 0) == cut(whole, 1)
    assert cut(dropped, 0) != cut(dropped, 1)
    assert cut(dropped, 1) == cut(prepared(0, 0.5), 1) != cut(other, 1)
    assert order(whole, 0) == order(prepared(0, 0.0), 0)
    assert order(whole, 0) != order(whole, 1)
    assert order(whole, 0) != order(prepared(1, 0.0), 0)
    assert sorted(row for rows in order(whole, 1) for row in rows) == list(range(54))


def test_a_target_that_is_cut_does_not_teach_to_end_there() -> None:
    own, training = read_options({**SMALL, "units": "bpe", "vocabulary": 400, "bpe_dropout": 0.9})
    pairs = read_pairs([(source * 3, target * 6) for source, target in turned()])
    task = prepare("gru", own, training, pairs, part_pairs(pairs, own, seed=0))
    targets, longest = task.encoded(0).targets, task.reader.longest
    rows = [targets[row].tolist() for row in range(len(targets))]
    cut = [ids for ids in rows if len(ids) == 1 + longest]
    assert cut
    assert all(ids[0] == BEGIN for ids in rows)
    assert all(ids[-1] != END for ids in cut)
    assert all(ids[-1] == END for ids in rows if len(ids) < longest)


def test_weights_are_averaged_where_asked() -> None:
    averaged, last = (made(average=average, validation=0).fit(turned()) for average in (0.9, 0.0))
    name = "bridge.fields.0.weight"
    assert not weights(averaged)[name].equal(weights(last)[name])


def test_many_validation_pairs_are_thinned_out_evenly() -> None:
    assert thinned(5).tolist() == [0, 1, 2, 3, 4]
    rows = thinned(100_000)
    assert len(rows) == MOST_VALIDATION_PAIRS
    assert (rows[0], rows[-1]) == (0, 99_999)
    assert set(np.diff(rows).tolist()) == {25, 26}


def test_long_sources_are_cut_and_long_targets_left_out() -> None:
    pairs = turned()
    long = " ".join(["da"] * 40)
    model = made(max_length=10, validation=0, test=0).fit([*pairs, (long, "re"), ("mu", long)])
    assert model.notes == (
        "input, row 61: 1 target of more than 10 tokens, left out of the training (--max-length)",
        "input, row 60: 1 source of more than 10 tokens, read up to there (--max-length)",
    )
    assert model.fitted.train_hashes.shape == (61,)
    several = [*pairs, *[("mu", long), (long, "re")] * 3]
    many = made(max_length=10, max_steps=1, validation=0, test=0).fit(several)
    assert [note.split(": ")[1][:9] for note in many.notes] == ["3 targets", "3 sources"]
    with pytest.raises(
        InputError, match=r"row 0: all 60 targets of more than 1 tokens.*max_length"
    ):
        made(max_length=1, validation=0, test=0).fit(pairs)


def test_pairs_with_an_empty_side_are_left_out_and_said() -> None:
    pairs = turned()
    model = made(validation=0, test=0).fit([*pairs, ("", "re"), ("da", " "), *pairs[:2]])
    assert model.notes == (
        "input: 2 pairs with an empty side are left out, the first: input, row 60",
    )
    assert same_weights(model, made(validation=0, test=0).fit([*pairs, *pairs[:2]]))


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(InputError, match=r"there is one pair only.*hundreds"):
        made().fit([("da", "re")])
    with pytest.raises(InputError, match="every pair"):
        made().fit([("da", ""), ("", "re")])
    with pytest.raises(OptionError, match="hold out 60 of 60 rows"):
        made(validation=0.5, test=0.5).fit(turned())
    with pytest.raises(InputError, match="60 sources and 59 targets"):
        made().fit(sides(turned())[0], sides(turned())[1][1:])
    with pytest.raises(InputError, match=r"fit\('a\.xx', 'a\.yy'\).*two files together"):
        made().fit("a.xx", "a.yy")
    with pytest.raises(InputError, match="no pair"):
        made().fit([("da", "re", "mi")] * 9)
    with pytest.raises(InputError, match=r"row 0, target.*half a character"):
        made().fit([("da", "\udcff")] * 9)


def test_long_sources_of_short_targets_are_summaries() -> None:
    model = made().fit(reports())
    result = model.evaluate()
    assert result["kind"] == "summarise"
    assert list(result["scores"]) == ["model", "nearest_pair", "lead"]
    for scores in result["scores"].values():
        assert {"rouge_1", "rouge_2", "rouge_l"} <= set(scores)
    assert set(result["signatures"]) == {"bleu", "chrf", "rouge"}
    # The lead is the first sentence of each source.
    found = model.evaluate([(source, source.partition(". ")[0] + ".") for source, _ in reports(9)])
    assert found["scores"]["lead"]["rouge_l"] == pytest.approx(100)
    # Short for its script alone: a translation.
    assert made(max_steps=1).fit(swapped(chinese())).fitted.kind == "translate"


def test_notes_of_the_scores_are_said_once() -> None:
    model = made(max_steps=1).fit(turned(), test=[("da mu", "re zy"), ("ba", "pi")])
    for _ in range(2):
        model.evaluate()
        assert model.notes == ("no reference has 4 tokens: BLEU counts the shorter n-grams alone",)
