"""The Zoneout kernel: it runs in training, says why not in evaluation, and equals the step (laws: tests/laws)."""

from __future__ import annotations

import pytest
import torch

from tests.laws.user_cells import CountingRNN, DecayingRNN
from unrolled import GRU, LSTM, Seq, Zoneout, explain
from unrolled.core.unroll import plain_loop

XS = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("inner", [LSTM, GRU, CountingRNN], ids=lambda cell: cell.__name__)
@pytest.mark.parametrize("lengths", [None, [5, 0, 3]])
def test_it_draws_the_masks_of_the_step(inner, lengths) -> None:
    layer, xs = Zoneout(inner(2, 4), 0.4), Seq(XS, lengths)
    state = layer.initial_state(3)
    state = state._replace(noise=state.noise._replace(position=torch.tensor([0, 3, 70])))
    assert explain(layer, xs)[0].kernel == "masks drawn at once"
    ys, final = layer(xs, state)
    expected_ys, expected = plain_loop(layer, xs, state)
    assert torch.equal(ys.data, expected_ys.data)
    for found, wanted in zip(
        (*final.cell, *final.noise), (*expected.cell, *expected.noise), strict=True
    ):
        assert torch.equal(found, wanted)


def test_it_takes_cells_that_read_a_tree() -> None:
    layer, data = Zoneout(DecayingRNN(2, 4), 0.4), (XS, torch.rand(3, 5))
    state = layer.initial_state(3)
    assert explain(layer, data)[0].kernel == "masks drawn at once"
    assert torch.equal(layer(data, state)[0], plain_loop(layer, Seq(data), state)[0].data)


@pytest.mark.parametrize(
    ("training", "xs", "why"),
    [(False, XS, "nothing is drawn in evaluation"), (True, XS[:, :0], "there are no steps")],
)
def test_it_says_why_it_refuses(training, xs, why) -> None:
    (choice,) = explain(Zoneout(GRU(2, 4), 0.4).train(training), xs)
    assert choice.kernel == "plain loop"
    assert choice.refusals == (("masks drawn at once", why),)
