"""Beam search against a plain one for one source; ties; the exits; what it yields on the way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from tests.models.small_decoders import (
    DECODERS,
    END,
    Table,
    begun,
    network,
    plain_beam_search,
    sources,
)
from unrolled import OptionError
from unrolled.models.beam import BeamSearch
from unrolled.models.decoding import beam_search, greedy
from unrolled.models.search import Hypothesis, Rules

LENGTHS, LONGEST = [5, 1, 0, 3, 5], [9, 7, 6, 1, 3]


def assert_same(found: Sequence[Hypothesis], expected: Sequence[Hypothesis]) -> None:
    assert [one.tokens for one in found] == [one.tokens for one in expected]
    assert [one.finished for one in found] == [one.finished for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-12)
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("name", DECODERS)
def test_it_is_the_plain_search(name: str, alpha: float) -> None:
    finished, cut = 0, 0
    for seed in range(5):
        model, rows, n_best = network(name, seed), sources(LENGTHS, seed), 1 + seed
        options = {"beams": 5, "n_best": n_best, "alpha": alpha}
        found = beam_search(*begun(model, rows), LONGEST, **options)
        for hypotheses, row, longest in zip(found, rows, LONGEST, strict=True):
            step, _, state = begun(model, [row])
            with torch.no_grad():
                assert_same(hypotheses, plain_beam_search(step, state, longest, **options))
            finished += sum(one.finished for one in hypotheses)
            cut += sum(not one.finished for one in hypotheses)
    assert finished and cut


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("beams", [1, 2, 5, 40])
def test_ties_go_to_the_better_beam_then_to_the_lower_token(beams: int, alpha: float) -> None:
    for seed in range(10):
        generator = torch.Generator().manual_seed(seed)
        scores = torch.randint(3, (9, 9), generator=generator).double()
        table = Table(scores)
        options = {"beams": beams, "n_best": min(beams, 4), "alpha": alpha}
        found = beam_search(*table.begun(3), [6, 0, 4], **options)
        for hypotheses, longest in zip(found, [6, 0, 4], strict=True):
            state = table.begun(1)[2]
            expected = plain_beam_search(table, state, longest, **options)
            assert_same(hypotheses, expected)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
def test_one_beam_is_greedy(alpha: float) -> None:
    for seed in range(4):
        given = begun(network("stack of GRUs", seed), sources(LENGTHS, seed))
        found = beam_search(*given, LONGEST, beams=1, alpha=alpha)
        for [one], other in zip(found, greedy(*given, LONGEST), strict=True):
            assert one.tokens == other.tokens and one.finished == other.finished
            penalty = len(one.log_probabilities) ** alpha
            assert one.score * penalty == pytest.approx(other.score, abs=1e-12)


def test_it_ends_as_soon_as_nothing_better_can_come() -> None:
    scores = torch.zeros(6, 6).double()
    scores[:, END] = 8.0  # an end that is all but certain
    table = Table(scores)
    found = beam_search(*table.begun(1), 50, beams=5, alpha=0.0)
    assert table.steps == 1
    assert found[0][0].tokens == ()
    # With a mean over 50 tokens another one could still do better, until it has lost enough.
    table.scores[:, END] = 3.0
    beam_search(*table.begun(1), 50, beams=40, alpha=1.0)
    assert table.steps == 1 + 4


def test_what_is_done_is_not_stepped_on() -> None:
    table = Table(torch.zeros(9, 9).double())
    rules = Rules(end=None)
    beam_search(*table.begun(16), [2] * 15 + [20], rules, beams=3)
    assert table.rows == 16 + 16 * 3 + 18 * 3


def test_beams_that_are_finished_are_not_stepped_on() -> None:
    table = Table(torch.zeros(9, 9).double())
    table.scores[:, END] = 0.1  # at first one beam of four ends, then the other three
    beam_search(*table.begun(1), 20, beams=4, n_best=4)
    assert table.rows == 1 + 3


def test_hypotheses_that_did_not_finish_come_last_and_say_so() -> None:
    scores = torch.zeros(8, 8).double()
    scores[:, END] = -1.0
    [best] = beam_search(*Table(scores).begun(1), 2, beams=5, n_best=5)
    assert [one.finished for one in best] == sorted((one.finished for one in best), reverse=True)
    assert {len(one.tokens) for one in best if not one.finished} == {2}
    assert all(len(one.log_probabilities) == len(one.tokens) + one.finished for one in best)


def test_fewer_tokens_than_beams() -> None:
    """Only one token may be written, and the end: there are fewer hypotheses than are asked for."""
    [best] = beam_search(*Table(torch.zeros(5, 5).double()).begun(1), 2, beams=4, n_best=4)
    assert [(one.tokens, one.finished) for one in best] == [
        ((), True),
        ((4,), True),
        ((4, 4), False),
    ]


def test_what_it_yields_is_the_best_hypothesis_as_soon_as_it_is_certain() -> None:
    early = 0
    for seed in range(4):
        given = begun(network("stack of LSTMs", seed), sources(LENGTHS, seed))
        search = BeamSearch(*given, [9, 7, 0, 9, 9])
        written: list[tuple[int, ...]] = [()] * 5
        for source, tokens, result in search:
            assert not torch.is_inference_mode_enabled()
            written[source] += tokens
            early += result is None
            assert (result is None) == (search.results[source] is None)
        results = beam_search(*given, [9, 7, 0, 9, 9])
        assert written == [best.tokens for [best] in results]
        assert search.results == results
    assert early > 4


def test_options_out_of_range_are_named() -> None:
    given = Table(torch.zeros(5, 5)).begun(1)
    for options in ({"beams": 0}, {"beams": 2, "n_best": 3}, {"n_best": 0}, {"alpha": -0.1}):
        with pytest.raises(OptionError, match=next(reversed(options))):
            beam_search(*given, 3, **options)
