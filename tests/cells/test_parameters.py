"""Parameters: torch's names and layout, how they begin, and what a constructor refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import unrolled
from unrolled import (
    GRU,
    LSTM,
    RNN,
    LayerNormGRU,
    LayerNormLSTM,
    MinGRU,
    MinLSTM,
    OptionError,
    PeepholeLSTM,
)
from unrolled.cells.gated import GatedCell

PAIRS = [(RNN, nn.RNNCell), (LSTM, nn.LSTMCell), (GRU, nn.GRUCell)]
GATED = [getattr(unrolled, name) for name in unrolled.cells.__all__]
GATED = [cell for cell in GATED if issubclass(cell, GatedCell)]
MINIMAL = [MinGRU, MinLSTM]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("bias", [True, False])
def test_weights_pass_both_ways(ours, theirs, bias) -> None:
    cell, module = ours(3, 5, bias=bias), theirs(3, 5, bias=bias)
    cell.load_state_dict(module.state_dict())
    x, state = torch.randn(2, 3), [torch.randn(2, 5) for _ in cell.state_type._fields]
    expected = module(x, tuple(state) if len(state) == 2 else state[0])
    expected = expected[0] if isinstance(expected, tuple) else expected
    torch.testing.assert_close(cell.step(x, cell.state_type(*state))[0], expected)
    fresh = ours(3, 5, bias=bias)
    module.load_state_dict(fresh.state_dict())
    assert all(map(torch.equal, module.parameters(), fresh.parameters()))


@pytest.mark.parametrize("kind", GATED)
@pytest.mark.parametrize("hidden", [1, 6])
def test_recurrent_weights_begin_orthogonal_gate_by_gate(kind, hidden) -> None:
    for gate in kind(3, hidden).weight_hh.detach().chunk(kind.gate_count):
        torch.testing.assert_close(gate @ gate.T, torch.eye(hidden), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [*GATED, *MINIMAL])
def test_input_weights_begin_xavier_gate_by_gate(kind) -> None:
    torch.manual_seed(0)
    features, hidden = 30, 40
    bound = (6 / (features + hidden)) ** 0.5
    for gate in kind(features, hidden).weight_ih.detach().chunk(kind.gate_count):
        assert 0.95 * bound < gate.abs().max() <= bound
        assert abs(float(gate.std()) - bound / 3**0.5) < 0.05 * bound


@pytest.mark.parametrize("kind", GATED)
def test_biases_begin_at_zero_but_the_forget_gates_at_one(kind) -> None:
    cell = kind(3, 5)
    total = (cell.bias_ih + cell.bias_hh).detach()
    expected = torch.zeros_like(total)
    if issubclass(kind, LSTM):
        expected[5:10] = 1
    assert torch.equal(total, expected)


def test_biases_of_minimal_cells_begin_at_zero_but_the_forget_gates_at_one() -> None:
    assert not MinGRU(3, 2).bias_ih.detach().any()
    assert MinLSTM(3, 2).bias_ih.tolist() == [0, 0, 1, 1, 0, 0]


def test_a_peephole_lstm_begins_as_an_lstm() -> None:
    plain, seeing = LSTM(3, 5), PeepholeLSTM(3, 5)
    seeing.load_state_dict(plain.state_dict(), strict=False)
    xs = torch.randn(2, 4, 3)
    torch.testing.assert_close(seeing(xs)[0], plain(xs)[0])


def test_reset_parameters_draws_anew() -> None:
    cell = GRU(3, 5)
    before = cell.weight_hh.detach().clone()
    cell.reset_parameters()
    assert not torch.equal(before, cell.weight_hh)


@pytest.mark.parametrize("kind", [*GATED, *MINIMAL])
def test_without_bias_there_is_none(kind) -> None:
    assert not [name for name, _ in kind(3, 5, bias=False).named_parameters() if "bias" in name]


@pytest.mark.parametrize("kind", [*GATED, *MINIMAL])
@pytest.mark.parametrize(
    ("features", "hidden", "named"), [(0, 4, "input_size"), (4, -1, "hidden_size")]
)
def test_sizes_below_one_are_refused(kind, features, hidden, named) -> None:
    with pytest.raises(OptionError, match=f"{named}=.*at least 1"):
        kind(features, hidden)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RNN(3, 5, nonlinearity="tahn"), r"nonlinearity='tahn' .*did you mean 'tanh'"),
        (lambda: GRU(3, 5, reset="befor"), r"reset='befor' .*did you mean 'before'"),
        (lambda: GRU(3, 5, update="keeep"), r"update='keeep' .*did you mean 'keep'"),
        (lambda: LayerNormGRU(3, 5, update="x"), r"update='x' .*one of keep, write"),
        (lambda: MinGRU(3, 5, candidate="possitive"), r"candidate='possitive' .*mean 'positive'"),
        (lambda: GRU(3, 5).with_update("rite"), r"update='rite' .*did you mean 'write'"),
    ],
)
def test_misspelt_options_are_refused(make, message) -> None:
    with pytest.raises(OptionError, match=message):
        make()


def test_a_cell_prints_what_it_is() -> None:
    assert repr(LSTM(3, 5, bias=False)) == "LSTM(3, 5, bias=False)"
    assert "update='write'" in repr(GRU(3, 5, update="write"))
    assert repr(MinLSTM(3, 5)) == "MinLSTM(3, 5, candidate='positive')"
    assert "nonlinearity='relu'" in repr(RNN(3, 5, nonlinearity="relu"))
    assert "3, 5" in repr(LayerNormLSTM(3, 5))
