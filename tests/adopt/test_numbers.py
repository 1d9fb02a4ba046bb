"""An accelerated module computes what torch's own computes: any arguments, any layout, the same errors."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

from tests.adopt.modules import assert_same, beside, counted, results
from tests.kernels.compiled import needs_extension
from unrolled.adopt import functions
from unrolled.adopt.calls import NetworkCall

pytestmark = needs_extension

NETWORKS = [nn.RNN, nn.LSTM, nn.GRU]
CELLS = [nn.RNNCell, nn.LSTMCell, nn.GRUCell]


def state_of(kind: Any, *shape: int) -> Any:
    h = 0.5 * torch.randn(shape)
    return (h, torch.randn(shape)) if kind in (nn.LSTM, nn.LSTMCell) else h


@st.composite
def networks(draw: Any) -> tuple[nn.RNNBase, tuple[Any, ...]]:
    """Draw a module and what it is called with."""
    kind = draw(st.sampled_from(NETWORKS))
    options = {
        "num_layers": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
        "dropout": draw(st.sampled_from([0.0, 0.4, 1.0])),
    }
    if kind is nn.RNN:
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    torch.manual_seed(draw(st.integers(0, 2**20)))
    size, hidden = draw(st.integers(1, 5)), draw(st.sampled_from([1, 3, 16, 17]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dropout with one layer
        module = kind(size, hidden, **options)
    module.train(draw(st.booleans()))
    batch, steps = draw(st.integers(1, 5)), draw(st.integers(4, 9))
    cells = options["num_layers"] * (1 + options["bidirectional"])
    layout = draw(st.sampled_from(["padded", "unbatched", "sorted", "unsorted"]))
    xs: Any
    if layout == "padded":
        xs = torch.randn((batch, steps, size) if module.batch_first else (steps, batch, size))
    elif layout == "unbatched":
        xs = torch.randn(steps, size)
    else:
        lengths = torch.tensor(
            draw(st.lists(st.integers(1, steps), min_size=batch, max_size=batch))
        )
        lengths[draw(st.integers(0, batch - 1))] = steps
        ordered = layout == "sorted"
        lengths = lengths.sort(descending=True).values if ordered else lengths
        xs = pack_padded_sequence(
            torch.randn(batch, steps, size), lengths, batch_first=True, enforce_sorted=ordered
        )
    if draw(st.booleans()):
        return module, (xs,)
    shape = (cells, hidden) if layout == "unbatched" else (cells, batch, hidden)
    return module, (xs, state_of(kind, *shape))


@given(networks())
@settings(max_examples=150)
def test_any_network(drawn) -> None:
    theirs, ours = beside(drawn[0])
    with counted() as calls:
        found = results(ours, *drawn[1])
    assert calls
    assert_same(found, results(theirs, *drawn[1]))


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given_state", [True, False])
def test_cells(kind, bias: bool, given_state: bool) -> None:
    theirs, ours = beside(kind(3, 128, bias=bias))
    inputs = (torch.randn(64, 3), *([state_of(kind, 64, 128)] if given_state else []))
    with counted() as calls:
        found = results(ours, *inputs)
    assert len(calls) == 1
    assert_same(found, results(theirs, *inputs))


@pytest.mark.parametrize("kind", CELLS)
def test_a_few_rows_of_a_cell_and_one_row_are_torchs(kind) -> None:
    theirs, ours = beside(kind(3, 128))
    with counted() as calls:
        for x in (torch.randn(2, 3), torch.randn(3)):
            assert_same(results(ours, x), results(theirs, x))
    assert not calls


@pytest.mark.parametrize("kind", NETWORKS)
def test_without_gradients(kind) -> None:
    theirs, ours = beside(kind(3, 4, num_layers=2, bidirectional=True, batch_first=True))
    xs = torch.randn(2, 5, 3)
    packed = pack_padded_sequence(xs, torch.tensor([5, 2]), batch_first=True)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            for inputs in (xs, xs[0], packed):
                torch.testing.assert_close(ours(inputs), theirs(inputs))


def test_full_rows_of_an_lstm_without_gradients_are_torchs() -> None:
    ours = beside(nn.LSTM(3, 4))[1]
    with torch.no_grad(), counted() as calls:
        ours(torch.randn(5, 2, 3))
        assert calls == []
        ours(pack_sequence([torch.randn(5, 3)] * 2))
        assert calls == []
        ours(pack_sequence([torch.randn(5, 3), torch.randn(4, 3)]))
        assert calls == ["lstm"]


def test_short_calls_are_torchs() -> None:
    with counted() as calls:
        for kind in NETWORKS:
            beside(kind(3, 64))[1](torch.randn(1, 2, 3))
            beside(kind(3, 256))[1](pack_sequence([torch.randn(2, 3), torch.randn(1, 3)]))
    assert calls == ["lstm"]  # of padded rows, with gradients
    with torch.no_grad(), counted() as calls:
        for steps in (10, 20):
            beside(nn.RNN(3, 16))[1](torch.randn(steps, 2, 3))
    assert calls == ["rnn"]


def test_the_rule_of_the_long_row_holds_here() -> None:
    with counted() as calls:
        beside(nn.LSTM(3, 256))[1](torch.randn(40, 1, 3))
        beside(nn.GRU(3, 256))[1](torch.randn(40, 1, 3))
    assert calls == ["gru"]


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_outputs_may_be_changed(kind, batch_first: bool, mode) -> None:
    theirs, ours = beside(kind(3, 4, batch_first=batch_first))
    xs = torch.randn(2, 5, 3)
    with mode():
        for module in (theirs, ours):
            y, h = module(xs)
            y.relu_()
            h.add_(1)
            y.detach_()
        torch.testing.assert_close(y, theirs(xs)[0].relu())


@pytest.mark.parametrize("kind", NETWORKS)
def test_outputs_may_be_changed_before_backward(kind) -> None:
    theirs, ours = beside(kind(3, 4))
    xs = pack_sequence([torch.randn(5, 3), torch.randn(2, 3)])
    for module in (theirs, ours):
        y, _ = module(xs)
        y.data.relu_().sum().backward()
    torch.testing.assert_close(ours.weight_ih_l0.grad, theirs.weight_ih_l0.grad)


@pytest.mark.parametrize("kind", NETWORKS)
def test_gradients_of_gradients(kind) -> None:
    def penalty(module: nn.Module) -> list[torch.Tensor]:
        xs = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
        (first,) = torch.autograd.grad(module(xs)[0].sum(), xs, create_graph=True)
        loss = ((first.norm(dim=2) - 1) ** 2).sum()
        return list(torch.autograd.grad(loss, module.parameters()))

    theirs, ours = beside(kind(3, 4, bidirectional=True, num_layers=2))
    assert_same(penalty(ours), penalty(theirs))


WRONG: dict[str, Any] = {
    "features": lambda: (torch.randn(5, 2, 4),),
    "dims": lambda: (torch.randn(5),),
    "no steps": lambda: (torch.randn(0, 2, 3),),
    "state's rows": lambda: (torch.randn(5, 2, 3), torch.randn(1, 3, 4)),
    "state's dims": lambda: (torch.randn(5, 2, 3), torch.randn(2, 4)),
    "dtype": lambda: (torch.randn(5, 2, 3).double(),),
    "whole numbers": lambda: (torch.ones(5, 2, 3, dtype=torch.int64),),
    "a list": lambda: ([1.0],),
    "no input": lambda: (),
    "packed features": lambda: (pack_sequence([torch.randn(5, 4)]),),
    "packed state": lambda: (pack_sequence([torch.randn(5, 3)]), torch.randn(1, 2, 4)),
    "batch sizes": lambda: (PackedSequence(torch.randn(5, 3), torch.tensor([2, 2])),),
}


@pytest.mark.parametrize("what", WRONG)
def test_errors_are_torchs(what: str) -> None:
    theirs, ours = beside(nn.GRU(3, 4))
    inputs = WRONG[what]()
    try:
        expected = theirs(*inputs)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        with pytest.raises(type(error)) as caught:
            ours(*inputs)
        assert str(caught.value) == str(error)  # noqa: PT017
    else:
        torch.testing.assert_close(ours(*inputs), expected)


def test_weights_of_a_wrong_shape_are_torchs_error() -> None:
    _, ours = beside(nn.GRU(3, 4))
    ours.bias_hh_l0 = nn.Parameter(torch.zeros(5))
    with pytest.raises(RuntimeError):
        ours(torch.randn(5, 2, 3))


def test_a_packed_call_with_a_state_of_other_rows_is_not_taken() -> None:
    # torch's LSTM does not check this, and ends the process.
    lstm, xs = nn.LSTM(3, 4), pack_sequence([torch.randn(5, 3)] * 3)
    for rows, fits in ((3, True), (2, False), (4, False)):
        hx = (torch.zeros(1, rows, 4), torch.zeros(1, rows, 4))
        call = NetworkCall.of((*xs[:2], hx, lstm._flat_weights, True, 1, 0.0, True, False))
        assert call.fits(gates=4) == fits


def test_no_rows() -> None:
    theirs, ours = beside(nn.GRU(3, 4))
    assert ours(torch.randn(5, 0, 3))[0].shape == theirs(torch.randn(5, 0, 3))[0].shape


@pytest.mark.parametrize(
    "look_on",
    [
        lambda module, x: torch.func.grad(lambda x: module(x)[0].sum())(x),
        lambda module, x: torch.func.jvp(lambda row: module(row)[0], (x,), (x,)),
        lambda module, x: torch.jit.trace(module, x, check_trace=False)(x),
        lambda module, x: module.double()(x.double())[0],
        lambda module, x: torch.autocast("cpu", torch.bfloat16)(module)(x)[0],
    ],
    ids=["torch.func", "jvp", "trace", "float64", "autocast"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_what_is_not_for_the_kernels_is_torchs(look_on) -> None:
    theirs, ours = beside(nn.GRU(3, 4))
    x = torch.randn(5, 2, 3)
    with counted() as calls:
        found = look_on(ours, x)
    assert calls == []
    torch.testing.assert_close(found, look_on(theirs, x))


def test_the_switch_holds(monkeypatch) -> None:
    monkeypatch.setenv("UNROLLED_KERNELS", "off")
    with counted() as calls:
        beside(nn.GRU(3, 4))[1](torch.randn(5, 2, 3))
    assert calls == []


def test_torchs_other_functions_are_found() -> None:
    assert functions.stand_in().tanh is torch._VF.tanh
