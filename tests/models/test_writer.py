"""Writer: the tokens of a Rollout of one row, and what it refuses."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unrolled import GRU, InputError, Layer, OptionError, Sampling, ShapeError, Stack, Stream
from unrolled.models.language import LanguageModel, LanguageSizes
from unrolled.models.recurrent_stack import recurrent_stack
from unrolled.models.rollout import Rollout, most_likely_token
from unrolled.models.search import Rules
from unrolled.models.writer import Writer

TOKENS, SIZE, END = 23, 8, 3


@cache
def network(cell: str) -> LanguageModel:
    torch.manual_seed(1)
    layer = recurrent_stack(cell, SIZE, SIZE, 2)
    model = LanguageModel(layer, LanguageSizes(TOKENS, SIZE, SIZE)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)
    return model


def odd_then_even(tokens: Tensor, numbers: Tensor) -> Tensor | None:
    """Allow every other token; after four, any."""
    if tokens.shape[1] >= 4:
        return None
    odd = torch.arange(TOKENS) % 2 == (tokens.shape[1] + numbers[:, None]) % 2
    odd[:, END] = tokens.sum(1) > 30
    return odd


def written_or_refused(writer: Any) -> tuple[list[Any], str]:
    """Return what is written, and the error that ended it."""
    written: list[Any] = []
    try:
        written.extend(writer)
    except InputError as refused:
        return written, str(refused)
    return written, ""


SAMPLINGS = st.none() | st.builds(
    Sampling,
    temperature=st.sampled_from([1.0, 0.3, 2.5]),
    top_k=st.sampled_from([None, 1, 4, 50]),
    top_p=st.sampled_from([1.0, 0.6]),
    penalty=st.sampled_from([1.0, 1.7]),
    seed=st.integers(0, 2**62),
)
RULES = st.builds(
    Rules,
    end=st.sampled_from([None, END]),
    forbidden=st.sampled_from([(), (0, 1, 2), tuple(range(5, TOKENS - 1))]),
    allow=st.sampled_from([None, None, odd_then_even]),
)


@settings(max_examples=25)
@given(SAMPLINGS, RULES, st.integers(0, 30), st.integers(0, 9), st.sampled_from(["gru", "transformer"]))  # fmt: skip
def test_it_writes_what_a_rollout_of_one_row_writes(
    sampling: Sampling | None, rules: Rules, longest: int, number: int, cell: str
) -> None:
    model, prompt = network(cell), torch.tensor([[5, 9, 4]])
    state = model(prompt[:, :-1])[1]
    choose: Any = sampling or most_likely_token
    numbers = torch.tensor([number])
    stream = Stream(model)
    stream.push(prompt[:, :-1])
    rollout = Rollout(model.step, prompt[0, -1:], state, longest, rules, numbers, choose)
    writer = Writer(stream, 4, longest, rules, number, sampling)
    expected, refused = written_or_refused(rollout)
    written, why = written_or_refused(writer)
    assert why == refused
    assert [(w.source, w.tokens) for w in written] == [(w.source, w.tokens) for w in expected]
    if refused:
        return
    result, right = written[-1].result, expected[-1].result
    assert result is not None
    assert right is not None
    assert writer.result is result
    assert (result.tokens, result.finished) == (right.tokens, right.finished)
    assert result.log_probabilities == pytest.approx(right.log_probabilities, abs=1e-4)
    assert result.score == pytest.approx(right.score, abs=1e-3)


def test_tokens_come_one_by_one_and_run_takes_what_is_left() -> None:
    whole = Writer(Stream(network("gru")), 4, 9, Rules(end=None)).run()
    writer = Writer(Stream(network("gru")), 4, 9, Rules(end=None))
    first = next(iter(writer))
    assert (first.tokens, first.result) == (whole.tokens[:1], None)
    assert writer.run() == whole
    assert writer.run() is writer.result


def test_a_forbidden_token_may_have_all_the_probability() -> None:
    model = network("gru")
    with torch.no_grad():
        model.bias[7] = 5e3
        try:
            written = Writer(Stream(model), 4, 20, Rules(None, (7,)), sampling=Sampling()).run()
        finally:
            model.bias[7] = 0
    assert 7 not in written.tokens
    assert len(set(written.tokens)) > 1


def test_what_is_refused() -> None:
    stream = Stream(network("gru"))
    with pytest.raises(OptionError, match="longest=-1"):
        Writer(stream, 4, -1)
    with pytest.raises(OptionError, match="token 23"):
        Writer(stream, 4, 5, Rules(forbidden=(TOKENS,))).run()
    other: Layer = Stack(torch.nn.Embedding(TOKENS, SIZE), GRU(SIZE, 1), torch.nn.Flatten(1))
    with pytest.raises(ShapeError, match="the stream returned"):
        Writer(Stream(other), 4, 5).run()
    model = LanguageModel(GRU(SIZE, SIZE), LanguageSizes(TOKENS, SIZE, SIZE))
    with torch.no_grad():
        model.bias[9] = torch.nan
    with pytest.raises(InputError, match=r"source 2, token 0: .* not finite"):
        Writer(Stream(model), 4, 5, number=2).run()
