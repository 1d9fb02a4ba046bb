"""The torch.nn kernel: what it takes and refuses, and how it cuts a ragged batch into full pieces."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.laws.user_cells import DecayingRNN
from unrolled import GRU, LSTM, RNN, Seq, explain
from unrolled.core.unroll import plain_loop
from unrolled.kernels.device import TorchKernel, in_full_pieces
from unrolled.kernels.weights import torch_weights

TORCH_LSTM = TorchKernel(lambda cell: "lstm", states=2)
CELLS = {
    "tanh": lambda: RNN(3, 4),
    "relu": lambda: RNN(3, 4, "relu"),
    "LSTM": lambda: LSTM(3, 4),
    "LSTM without bias": lambda: LSTM(3, 4, bias=False),
    "GRU": lambda: GRU(3, 4),
    "GRU, write": lambda: GRU(3, 4, update="write"),
}


@pytest.fixture(autouse=True)
def no_compiled_kernels(monkeypatch):
    monkeypatch.setenv("UNROLLED_KERNELS", "off")


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("lengths", [None, [5, 0, 2, 5, 3]])
def test_it_takes_the_cells_that_torch_has(name: str, lengths) -> None:
    cell = CELLS[name]().double()
    xs = Seq(torch.randn(5, 5, 3, dtype=torch.float64), lengths)
    assert explain(cell, xs)[0].kernel == "torch.nn"
    begin = cell.state_type(
        *(torch.randn(5, 4, dtype=torch.float64) for _ in cell.state_type._fields)
    )
    ys, state = cell(xs, begin)
    expected_ys, expected_state = plain_loop(cell, xs, begin)
    torch.testing.assert_close(ys.data, expected_ys.data, atol=1e-12, rtol=0)
    for found, expected in zip(state, expected_state, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("cell", "xs", "why"),
    [
        (
            lambda: GRU(3, 4, reset="before"),
            torch.zeros(2, 3, 3),
            "torch's GRU resets after the product",
        ),
        (lambda: GRU(3, 4), torch.zeros(2, 0, 3), "there are no steps"),
        (lambda: GRU(3, 4), Seq(torch.zeros(2, 3, 3), [0, 0]), "there are no steps"),
    ],
)
def test_it_says_why_it_refuses(cell, xs, why) -> None:
    (choice,) = explain(cell(), xs)
    assert choice.kernel == "plain loop"
    assert dict(choice.refusals)["torch.nn"] == why


@pytest.mark.parametrize(
    ("shape", "dtype", "why"),
    [
        ((2, 9), torch.float32, "the state has other sizes than the cell"),
        ((1, 4), torch.float32, "the state has other sizes than the cell"),
        ((2, 4, 1), torch.float32, "the state has other sizes than the cell"),
        ((2, 4), torch.float64, "input and state differ in dtype"),
    ],
)
def test_it_refuses_states_that_torch_would_not_check(shape, dtype, why) -> None:
    # Given as they are, torch's LSTM reads memory that is not theirs.
    cell, right = LSTM(3, 4), torch.zeros(2, 4)
    wrong = torch.zeros(shape, dtype=dtype)
    for state in (cell.state_type(wrong, right), cell.state_type(right, wrong)):
        assert TORCH_LSTM.refuses(cell, Seq(torch.zeros(2, 3, 3)), state) == why


def test_it_is_not_asked_for_cells_of_others() -> None:
    (choice,) = explain(DecayingRNN(3, 4), (torch.zeros(2, 3, 3), torch.zeros(2, 3)))
    assert choice.refusals == ()


@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=6), beyond=st.integers(0, 2))
def test_pieces_are_full_and_every_live_step_is_computed_once(lengths, beyond) -> None:
    if not any(lengths):
        lengths[0] = 1
    steps = max(lengths) + beyond
    data = torch.arange(1.0, len(lengths) * steps + 1).view(len(lengths), steps, 1)
    xs, computed = Seq(data, lengths), []

    def running_sum(x, state):
        assert (x != 0).all(), "padding was computed"
        computed.append(x.numel())
        ys = state[0][:, None] + x.cumsum(1)
        return ys, (ys[:, -1],)

    begin = (torch.arange(float(len(lengths)))[:, None],)
    ys, (final,) = in_full_pieces(running_sum, xs, begin)
    expected = (begin[0][:, None] + xs.data.cumsum(1)) * xs.mask()[..., None]
    assert torch.equal(ys.data, expected)
    assert torch.equal(final, begin[0] + xs.data.sum(1))
    assert sum(computed) == sum(lengths)
    assert len(computed) == len(set(lengths) - {0})


def test_an_update_gate_that_writes_is_turned_for_torch() -> None:
    cell, module = GRU(3, 4, update="write"), nn.GRUCell(3, 4)
    with torch.no_grad():
        for theirs, ours in zip(module.parameters(), torch_weights(cell), strict=True):
            theirs.copy_(ours)
    x, h = torch.randn(2, 3), torch.randn(2, 4)
    torch.testing.assert_close(module(x, h), cell.step(x, cell.state_type(h))[0])


@pytest.mark.parametrize("lengths", [None, [4, 2]])
def test_gradients_can_be_differentiated_again(lengths) -> None:
    cell = GRU(2, 3).double()
    xs = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)

    def run(xs):
        return cell(Seq(xs, lengths))[0].data

    assert torch.autograd.gradgradcheck(run, (xs,), fast_mode=True)


def test_inputs_and_states_that_are_not_contiguous() -> None:
    cell = LSTM(3, 4)
    xs = torch.randn(3, 5, 2).transpose(0, 2)
    begin = cell.state_type(*(torch.randn(4, 2).T for _ in range(2)))
    expected, _ = plain_loop(cell, Seq(xs), begin)
    torch.testing.assert_close(cell(xs, begin)[0], expected.data)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype) -> None:
    cell = GRU(3, 4).to(dtype)
    xs = Seq(torch.randn(2, 4, 3).to(dtype), [4, 2])
    ys, state = cell(xs)
    expected, _ = plain_loop(cell, xs, cell.initial_state(2))
    assert ys.data.dtype == state.h.dtype == dtype
    torch.testing.assert_close(ys.data, expected.data, atol=0.05, rtol=0.05)
