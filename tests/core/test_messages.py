"""What does not fit is refused: one line that names what was given, what was expected and the fix."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.laws.user_cells import AttendingRNN, DecayingRNN, LeakySum, TwoOutputs
from unrolled import (
    GRU,
    LSTM,
    Bidirectional,
    Carry,
    Dropout,
    NotCausalError,
    OptionError,
    Residual,
    ShapeError,
    Stack,
    Stream,
    WeightDrop,
    Zoneout,
    deep,
)

XS = torch.zeros(2, 4, 3)
TWO = 2  # rows of XS


def bare(cell=GRU):
    """Return the state of a cell that nothing is around."""
    return cell(3, 5).initial_state(TWO)


def both(merge="concat", forward=GRU, backward=GRU, size=5, back_size=5):
    return Bidirectional(forward(3, size), backward(3, back_size), merge)


SHAPES = [
    (lambda: GRU(3, 5)({}), r"the input is dict; expected a Tensor"),
    (
        lambda: GRU(3, 5)(torch.zeros(2, 4, 2)),
        r"GRU\(input_size=3\) was given \(2, 4, 2\).*\(batch, time, 3\)",
    ),
    (lambda: Stack(GRU(3, 5), LSTM(4, 2))(XS), r"LSTM\(input_size=4\) was given \(2, 4, 5\)"),
    (lambda: GRU(3, 5)(XS[0]), r"GRU\(input_size=3\) was given \(4, 3\)"),
    (lambda: GRU(3, 5)(XS[..., None]), r"was given \(2, 4, 3, 1\)"),
    (
        lambda: DecayingRNN(3, 5)((XS[..., :2], XS[..., 0])),
        r"DecayingRNN\(input_size=3\) was given \(2, 4, 2\)",
    ),
    (
        lambda: GRU(3, 5)(XS, bare(LSTM)),
        r"GRU was given a state of type LSTMState; expected GRUState",
    ),
    (lambda: GRU(3, 5)(XS, XS[:, 0]), r"state of type Tensor; expected GRUState"),
    (
        lambda: Zoneout(GRU(3, 5), 0.1)(XS, bare()),
        r"Zoneout was given a state of type GRUState; expected ZoneoutState",
    ),
    (lambda: WeightDrop(GRU(3, 5), 0.1)(XS, bare()), r"expected WeightDropState"),
    (
        lambda: Dropout(0.1)(XS, ()),
        r"Dropout was given a state of type tuple; expected NoiseState",
    ),
    (
        lambda: GRU(3, 5)(XS, GRU(3, 5).initial_state(3)),
        r"the state of GRU has \[3\] rows, the input 2",
    ),
    (
        lambda: LSTM(3, 5)(XS, LSTM(3, 4).initial_state(2)),
        r"the state of LSTM has shapes \[\(2, 4\)\]; expected \(2, 5\) of every tensor",
    ),
    (
        lambda: Dropout(0.1)(XS, Dropout(0.1).initial_state(1)),
        r"state of Dropout has \[1\] rows, the input 2",
    ),
    (
        lambda: Stack(GRU(3, 5), nn.Tanh())(XS, (bare(),)),
        r"a Stack of 2 layers was given a state of 1; expected a tuple with one entry a layer",
    ),
    (lambda: both()(XS, (bare(),)), r"Bidirectional was given a state of 1; expected a pair"),
    (
        lambda: Residual(GRU(3, 5))(XS),
        r"Residual adds an input of 3 features to an output of 5.*put a Linear",
    ),
    (lambda: Residual(both("none", size=3, back_size=3))(XS), r"Residual was given 2 outputs"),
    (lambda: Carry(GRU(3, 5))(XS), r"Carry was given one tensor; expected a tuple"),
    (
        lambda: both("sum", back_size=4)(XS),
        r"5 features forward and 4 backward.*use merge=\"concat\"",
    ),
    (
        lambda: both(forward=TwoOutputs)(XS),
        r"several outputs of one direction.*use merge=\"none\"",
    ),
]
OPTIONS = [
    (lambda: both("concta"), r"merge='concta' .*did you mean 'concat'"),
    (lambda: deep(GRU, 3, 5, bidirectional=True, merge="mena"), r"did you mean 'mean'"),
    (lambda: deep(GRU, 3, 5, layers=0), r"layers=0; expected at least one"),
    (
        lambda: deep(GRU, 3, 5, layers=2, bidirectional=True, merge="none"),
        r"merge='none' in a deep network",
    ),
    (lambda: deep(GRU, 3, 5, layers=2, dropout=1.5), r"p=1.5; expected a probability"),
    (lambda: Dropout(1.0), r"p=1.0; expected a probability"),
    (lambda: Zoneout(GRU(3, 5), -0.1), r"p=-0.1"),
    (lambda: WeightDrop(GRU(3, 5), 2), r"p=2;"),
    (lambda: Zoneout(TwoOutputs(3, 5), 0.1), r"Zoneout cannot wrap TwoOutputs.*output_field"),
    (lambda: Zoneout(Stack(GRU(3, 5)), 0.1), r"Zoneout cannot wrap Stack"),
    (lambda: Zoneout(WeightDrop(GRU(3, 5), 0.1), 0.1), r"Zoneout cannot wrap WeightDrop"),
    (
        lambda: WeightDrop(LeakySum(3), 0.1),
        r"WeightDrop cannot wrap LeakySum.*recurrent_weights",
    ),
    (lambda: WeightDrop(deep(GRU, 3, 5), 0.1), r"WeightDrop cannot wrap Stack"),
]
WAITING = [
    (
        lambda: Stream(Stack(GRU(3, 3), Residual(both("sum", size=3, back_size=3)))),
        r"Stack cannot run one step at a time: layers\.1\.layer is a Bidirectional",
    ),
    (lambda: both().step(XS[:, 0], None), r"Bidirectional cannot run one step at a time"),
]
WRONG = [
    pytest.param(attempt, error, message, id=message[:40])
    for error, cases in ((ShapeError, SHAPES), (OptionError, OPTIONS), (NotCausalError, WAITING))
    for attempt, message in cases
]


@pytest.mark.parametrize(("attempt", "error", "message"), WRONG)
def test_what_does_not_fit_is_refused(attempt, error, message) -> None:
    with pytest.raises(error, match=message) as caught:
        attempt()
    assert "\n" not in str(caught.value)


def test_a_cell_that_must_be_started_says_so() -> None:
    with pytest.raises(NotImplementedError, match="AttendingRNN defines no initial_state"):
        AttendingRNN(3, 5)(XS)


def test_weight_drop_needs_one_draw_for_a_batch() -> None:
    layer = WeightDrop(GRU(3, 5), 0.5)
    state = layer.initial_state(2)
    mixed = state._replace(noise=state.noise._replace(seed=torch.tensor([1, 2])))
    with pytest.raises(ShapeError, match=r"different seeds.*renew\(state\)"):
        layer(XS, mixed)
    layer.eval()(XS, mixed)  # nothing is dropped in evaluation
