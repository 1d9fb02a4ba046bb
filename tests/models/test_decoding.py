"""Greedy decoding and sampling: the batch does not matter, rules, draws, what comes on the way, and blocks of sources."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.models.small_decoders import (
    END,
    FORBIDDEN,
    VOCABULARY,
    Table,
    begun,
    network,
    sources,
)
from unrolled import InputError, OptionError, ShapeError
from unrolled.models.beam import BeamSearch
from unrolled.models.decoding import beam_search, greedy, sample
from unrolled.models.rollout import Rollout
from unrolled.models.sampling import Sampling
from unrolled.models.search import Hypothesis, Rules, most_likely

ROWS = sources([4, 0, 1, 6, 3, 2, 5, 1])
LONGEST = [7, 3, 5, 1, 8, 0, 6, 9]
WAYS = ("greedy", "sample", "beams")


def search(way: str, numbers: list[int]) -> list[list[Hypothesis]]:
    arguments: Any = (*begun(decoder(), [ROWS[n] for n in numbers]), [LONGEST[n] for n in numbers])
    if way == "beams":
        return beam_search(*arguments, beams=3, n_best=3)
    if way == "greedy":
        return [[one] for one in greedy(*arguments)]
    sampling = Sampling(top_k=6, top_p=0.9, penalty=1.2, seed=3)
    return [[one] for one in sample(*arguments, numbers=torch.tensor(numbers), sampling=sampling)]


@cache
def decoder() -> Any:
    return network("stack of LSTMs", seed=3)


@cache
def alone(way: str) -> list[list[Hypothesis]]:
    return [search(way, [number])[0] for number in range(len(ROWS))]


@settings(max_examples=15)
@given(st.sampled_from(WAYS), st.lists(st.integers(0, len(ROWS) - 1), min_size=1, max_size=8))
def test_a_source_does_not_know_of_its_batch(way: str, numbers: list[int]) -> None:
    for number, found in zip(numbers, search(way, numbers), strict=True):
        for one, other in zip(found, alone(way)[number], strict=True):
            assert (one.tokens, one.finished) == (other.tokens, other.finished)
            assert one.score == pytest.approx(other.score, abs=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_forbidden_is_never_written(way: str) -> None:
    written = {token for hypotheses in alone(way) for one in hypotheses for token in one.tokens}
    assert len(written) > 3
    assert written.isdisjoint({*FORBIDDEN, END})


def test_log_probabilities_are_the_decoders_own() -> None:
    step, first, state = begun(decoder(), ROWS[:1])
    [one] = sample(step, first, state, 5, sampling=Sampling(temperature=3.0, top_k=4))
    last, expected = first, []
    with torch.no_grad():
        for token in (*one.tokens, END)[: len(one.log_probabilities)]:
            scores, state = step(last, state)
            expected.append(float(scores[0].log_softmax(-1)[token]))
            last = torch.tensor([token])
    assert one.log_probabilities == pytest.approx(expected)
    assert one.score == pytest.approx(sum(expected))


def test_rows_that_are_done_are_left_out() -> None:
    table = Table(torch.zeros(9, 9))
    found = greedy(*table.begun(16), [2] * 15 + [20], Rules(end=None))
    assert table.rows == 2 * 16 + 18
    assert [len(one.tokens) for one in found] == [2] * 15 + [20]


class Spelling:
    """Allows nothing but one word for each source, and then the end, or anything where there is no word for it."""

    def __init__(self, words: dict[int, list[int]]) -> None:
        self.words, self.asked = words, 0

    def __call__(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        allowed = torch.ones(len(tokens), VOCABULARY, dtype=torch.bool)
        rows = zip(allowed, tokens.tolist(), numbers.tolist(), strict=True)
        for mask, written, number in rows:
            self.asked += 1
            if number in self.words:
                word = [*self.words[number], END]
                assert written == word[: len(written)]
                mask[:] = False
                mask[word[len(written)]] = True
        return allowed


@pytest.mark.parametrize("way", [Rollout, BeamSearch])
def test_only_what_is_allowed_is_written(way: Any) -> None:
    words = {number: [4, 5, 6, 7] for number in range(10, 20)} | {20: [9], 21: []}
    given, numbers = begun(decoder(), sources([3] * 12)), torch.arange(10, 22)
    allow = Spelling(words)
    results = way(*given, 6, Rules(allow=allow), numbers).run()
    best = [result[0] if way is BeamSearch else result for result in results]
    assert [list(one.tokens) for one in best] == list(words.values())
    assert all(one.finished for one in best)
    assert allow.asked == sum(len(word) + 1 for word in words.values())


def test_a_beam_that_is_not_there_has_no_tokens_of_its_own() -> None:
    """One source has five beams under way, the other only one: nothing else may be asked for."""
    words = {1: [4, 5, 6, 7]}
    given = begun(decoder(), ROWS[3:5])
    found = beam_search(*given, 6, Rules(allow=Spelling(words), end=END))
    assert [list(best.tokens) for [best] in found][1] == words[1]
    assert found[0] == beam_search(*given, 6)[0]


def test_beams_that_cannot_go_on_leave_what_is_finished() -> None:
    def allow(tokens: Tensor, numbers: Tensor) -> Tensor:
        mask = torch.zeros(len(tokens), 9).bool()
        mask[:, [END, 4]] = tokens.shape[1] == 0
        return mask

    [best] = beam_search(*Table(torch.zeros(9, 9)).begun(1), 6, Rules(allow=allow), n_best=5)
    assert [one.tokens for one in best] == [()]


@pytest.mark.parametrize("way", [Rollout, BeamSearch])
def test_rules_that_leave_nothing_are_named(way: Any) -> None:
    def allow(tokens: Tensor, numbers: Tensor) -> Tensor | None:
        return torch.zeros(len(tokens), VOCABULARY).bool() if tokens.shape[1] == 2 else None

    rules = Rules(end=None, allow=allow)
    with pytest.raises(InputError, match="source 1, token 2: the rules leave no token"):
        way(*begun(decoder(), ROWS[:1]), 6, rules, torch.tensor([1])).run()
    with pytest.raises(ShapeError, match="allow returned"):
        way(
            *begun(decoder(), ROWS[:1]), 6, Rules(allow=lambda tokens, numbers: torch.zeros(1, 1))
        ).run()


@pytest.mark.parametrize("way", [greedy, sample, beam_search])
def test_scores_that_are_not_finite_are_named(way: Any) -> None:
    scores = torch.zeros(6, 6)
    scores[4] = torch.nan
    with pytest.raises(InputError, match="source 0, token 1: the decoder's scores are not finite"):
        way(*Table(scores).begun(1), 5, Rules(forbidden=(0, 1, 2, 3, 5), end=None))


def test_bad_input_is_named() -> None:
    step, first, state = Table(torch.zeros(6, 6)).begun(2)
    with pytest.raises(OptionError, match="forbidden"):
        Rules(forbidden=(END,))
    with pytest.raises(OptionError, match="token 6"):
        greedy(step, first, state, 3, Rules(end=6))
    with pytest.raises(ShapeError, match="3 greatest lengths"):
        greedy(step, first, state, [3, 3, 3])
    with pytest.raises(OptionError, match="longest=-1"):
        greedy(step, first, state, -1)
    with pytest.raises(ShapeError, match="first tokens"):
        greedy(step, first.int(), state, 3)
    with pytest.raises(ShapeError, match="numbers"):
        sample(step, first, state, 3, numbers=torch.arange(3))
    with pytest.raises(ShapeError, match="the step returned scores"):
        greedy(lambda tokens, state: (torch.zeros(6), state), first, state, 3)


def test_no_source_and_no_token() -> None:
    table = Table(torch.zeros(6, 6))
    assert greedy(*table.begun(0), 4) == []
    assert beam_search(*table.begun(0), []) == []
    nothing = Hypothesis((), 0.0, False, ())
    assert greedy(*table.begun(2), 0) == [nothing, nothing]
    assert [tuple(piece) for piece in Rollout(*table.begun(1), 0)] == [(0, (), nothing)]
    assert table.steps == 0


def test_tokens_come_one_by_one() -> None:
    arguments = (*begun(decoder(), ROWS), LONGEST)
    rollout = Rollout(*arguments)
    written: list[tuple[int, ...]] = [()] * len(ROWS)
    for source, tokens, result in rollout:
        assert not torch.is_inference_mode_enabled()
        assert len(tokens) == 1 or result is not None
        written[source] += tokens
        if result is None:
            assert len(written[source]) == rollout.position
        else:
            assert written[source] == result.tokens
    assert rollout.results == greedy(*arguments)


def drawn(scores: list[float], count: int = 2000, **options: Any) -> Tensor:
    """Return how often each token is drawn of one step's scores, after the four that are special."""
    size = 4 + len(scores)
    table = torch.full((size, size), -20.0)
    table[:, 4:] = torch.tensor(scores)
    found = sample(*Table(table).begun(count), 1, Rules(end=None), sampling=Sampling(**options))
    ids = torch.tensor([one.tokens[0] for one in found])
    return torch.bincount(ids, minlength=size)[4:] / count


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    p = torch.tensor([0.5, 0.3, 0.15, 0.05])
    scores = p.log().tolist()
    torch.testing.assert_close(drawn(scores), p, atol=0.03, rtol=0)
    cold = (p**2) / (p**2).sum()
    torch.testing.assert_close(drawn(scores, temperature=0.5), cold, atol=0.03, rtol=0)
    two = torch.tensor([5 / 8, 3 / 8, 0, 0])
    torch.testing.assert_close(drawn(scores, top_k=2), two, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn(scores, top_p=0.7), two, atol=0.03, rtol=0)
    assert drawn(scores, top_p=0.5)[0] == 1
    assert drawn(scores, top_k=2, top_p=0.6)[0] == 1  # 0.6 of the 0.8 that two have


def test_top_p_of_many_tokens() -> None:
    """So flat that the few most likely ones are not enough: 300 of 600 reach a half."""
    often = drawn([1e-4 * n for n in range(600)], top_p=0.5, count=4000)
    assert often[:290].sum() == 0
    assert (often[310:] > 0).float().mean() > 0.99


def test_draws_are_repeatable_and_differ() -> None:
    given = begun(decoder(), ROWS)
    one, again = (sample(*given, 8, sampling=Sampling(seed=1)) for _ in range(2))
    assert one == again
    assert one != sample(*given, 8, sampling=Sampling(seed=2))
    equal = sample(*begun(decoder(), [ROWS[0]] * 6), 8)
    assert len({hypothesis.tokens for hypothesis in equal}) > 3
    flat = sample(*Table(torch.zeros(50, 50)).begun(1), 40, Rules(end=None))
    assert len(set(flat[0].tokens)) > 15


def test_a_penalty_keeps_from_repeating() -> None:
    scores = torch.zeros(9, 9)
    scores[:, 4:] = torch.tensor([4.0, 3.9, 3.8, -1.0, -1.0])
    for tokens, penalty in (((4, 4, 4, 4), 1.0), ((4, 5, 6, 4), 1.2)):
        sampling = Sampling(top_k=1, penalty=penalty)
        [one] = sample(*Table(scores).begun(1), 4, Rules(end=None), sampling=sampling)
        assert one.tokens == tokens
    table = torch.full((6, 6), -9.0)
    table[:, 4:] = torch.tensor([-1.0, -1.1])
    found = sample(
        *Table(table).begun(1), 2, Rules(end=None), sampling=Sampling(top_k=1, penalty=2.0)
    )
    assert found[0].tokens == (4, 5)  # what is negative becomes no more likely


def test_sampling_options_out_of_range_are_named() -> None:
    for option in (
        {"temperature": 0.0},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"penalty": 0.9},
        {"seed": 2**63},
    ):
        with pytest.raises(OptionError, match=next(iter(option))):
            Sampling(**option)


def test_most_likely_is_a_stable_sort() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(6, (40, 12), generator=generator).double()
    scores[scores == 0] = -torch.inf
    values, order = scores.sort(dim=1, descending=True, stable=True)
    for count in (1, 4, 12, 20):
        found, ids = most_likely(scores, count)
        assert torch.equal(found, values[:, :count])
        there = found > -torch.inf
        assert torch.equal(ids[there], order[:, :count][there])
