"""from_torch and to_torch: what they take, what they keep, and what they refuse. Their numbers: tests/laws/test_parity.py."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.laws.user_cells import CoupledLSTM
from unrolled import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dropout,
    InputError,
    Layer,
    LayerNormGRU,
    Residual,
    Seq,
    Stack,
    WeightDrop,
    explain,
    from_torch,
    to_torch,
)

NETWORKS = [nn.RNN, nn.LSTM, nn.GRU]
XS = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("bias", [True, False])
def test_torchs_cells_become_cells(kind, bias) -> None:
    module = kind(3, 4, bias=bias)
    cell = from_torch(module)
    state = cell.initial_state(2)._make(torch.randn(2, 4) for _ in cell.state_type._fields)
    expected = module(XS[:, 0], tuple(state) if len(state) == 2 else state[0])
    found, after = cell.step(XS[:, 0], state)
    for one, other in zip(after, expected if len(state) == 2 else (expected,), strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(found, after.h)


def test_a_relu_cell_stays_one() -> None:
    assert from_torch(nn.RNNCell(3, 4, nonlinearity="relu")).nonlinearity == "relu"


@pytest.mark.parametrize("kind", NETWORKS)
def test_mode_dtype_freezing_and_dropout_are_kept(kind) -> None:
    module = kind(3, 4, num_layers=2, dropout=0.3).double().eval()
    module.weight_hh_l1.requires_grad_(False)
    layer = from_torch(module)
    assert not layer.training
    assert {p.dtype for p in layer.parameters()} == {torch.float64}
    assert [name for name, p in layer.named_parameters() if not p.requires_grad] == [
        "layers.2.weight_hh"
    ]
    assert [part.p for part in layer if isinstance(part, Dropout)] == [0.3]
    back = to_torch(layer)
    assert (back.dropout, back.training, back.batch_first) == (0.3, False, True)
    assert {p.dtype for p in back.parameters()} == {torch.float64}
    assert from_torch(kind(3, 4)).training


@pytest.mark.parametrize("kind", NETWORKS)
def test_there_and_back_are_the_same_weights(kind) -> None:
    module = kind(3, 4, num_layers=3, bidirectional=True, bias=False)
    back = to_torch(from_torch(module))
    assert type(back) is kind
    for (name, theirs), ours in zip(
        module.state_dict().items(), back.state_dict().values(), strict=True
    ):
        assert torch.equal(theirs, ours), name


def test_batch_first_or_not_ours_is() -> None:
    for batch_first in (True, False):
        module = nn.LSTM(3, 4, batch_first=batch_first)
        expected = module(XS if batch_first else XS.transpose(0, 1))[0]
        expected = expected if batch_first else expected.transpose(0, 1)
        torch.testing.assert_close(from_torch(module)(XS)[0], expected)


def test_what_was_adopted_runs_on_a_kernel() -> None:
    layer = from_torch(nn.LSTM(3, 4, num_layers=2, bidirectional=True))
    assert "plain loop" not in {row.kernel for row in explain(layer, XS)}


def test_it_takes_rows_of_length_zero_which_torch_cannot() -> None:
    module = nn.GRU(3, 4, batch_first=True)
    ys, (state,) = from_torch(module)(Seq(XS, [5, 0]))
    torch.testing.assert_close(ys.data[0], module(XS[:1])[0][0])
    assert not ys.data[1].any()
    assert not state.h[1].any()


@pytest.mark.parametrize(
    "layer",
    [
        RNN(3, 4, "relu"),
        LSTM(3, 4, bias=False),
        GRU(3, 4, update="write"),
        Bidirectional(GRU(3, 4), GRU(3, 4, update="write")),
        Stack(LSTM(3, 4), LSTM(4, 4)),
        Stack(
            Bidirectional(LSTM(3, 4), LSTM(3, 4)),
            Dropout(0.2),
            Bidirectional(LSTM(8, 4), LSTM(8, 4)),
        ),
    ],
    ids=repr,
)
def test_to_torch_takes_layers_made_by_hand(layer: Layer) -> None:
    module = to_torch(layer.eval())
    torch.testing.assert_close(module(XS)[0], layer(XS)[0])


SAME = "RNN, LSTM or GRU cells of one kind and size"


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (lambda: GRU(3, 4, reset="before"), 'a GRU with reset="before"'),
        (lambda: LayerNormGRU(3, 4), "LayerNormGRU"),
        (lambda: CoupledLSTM(3, 4), "CoupledLSTM"),
        (lambda: Residual(GRU(3, 3)), "Residual"),
        (lambda: WeightDrop(GRU(3, 3), 0.1), "WeightDrop"),
        (Stack, "no layers"),
        (lambda: Stack(GRU(3, 4), nn.Linear(4, 4)), "Linear"),
        (lambda: Stack(GRU(3, 4), LSTM(4, 4)), r"LSTM\(4, 4\) beside GRU\(3, 4"),
        (lambda: Stack(GRU(3, 4), GRU(4, 5)), r"GRU\(4, 5"),
        (lambda: Stack(GRU(3, 4), GRU(4, 4, bias=False)), "bias=False"),
        (lambda: Stack(RNN(3, 4), RNN(4, 4, "relu")), "relu"),
        (lambda: Bidirectional(GRU(3, 4), GRU(3, 4), "sum"), "merge='sum'"),
        (lambda: Bidirectional(GRU(3, 4), LSTM(3, 4)), "LSTM"),
        (lambda: Stack(GRU(3, 4), Bidirectional(GRU(4, 4), GRU(4, 4))), "some are bidirectional"),
        (lambda: Bidirectional(Bidirectional(GRU(3, 4), GRU(3, 4)), GRU(3, 4)), "inside another"),
        (lambda: Stack(GRU(3, 4), Dropout(0.1, locked=True), GRU(4, 4)), "locked"),
        (lambda: Stack(Dropout(0.1), GRU(3, 4)), "dropout elsewhere"),
        (lambda: Stack(GRU(3, 4), GRU(4, 4), Dropout(0.1)), "dropout elsewhere"),
        (lambda: Stack(GRU(3, 4), Dropout(0.1), GRU(4, 4), Dropout(0.2), GRU(4, 4)), "unequal p"),
    ],
)
def test_what_torch_has_no_module_for_is_named(layer, named) -> None:
    with pytest.raises(InputError, match=f"{named}.*{SAME}"):
        to_torch(layer())


class OwnLSTM(nn.LSTM):
    pass


@pytest.mark.parametrize(
    ("module", "named"),
    [
        (nn.Linear(3, 4), "Linear"),
        (nn.LSTM(3, 4, proj_size=2), "LSTM with proj_size"),
        (OwnLSTM(3, 4), "OwnLSTM"),
        (GRU(3, 4), "GRU"),
    ],
)
def test_what_cannot_be_adopted_is_named(module, named) -> None:
    with pytest.raises(InputError, match=f"from_torch was given {named}; expected nn.RNN"):
        from_torch(module)


def test_copies_share_no_weights() -> None:
    module = nn.GRU(3, 4)
    layer = from_torch(module)
    back = to_torch(layer)
    pointers = [{p.data_ptr() for p in part.parameters()} for part in (module, layer, back)]
    assert len(set.union(*pointers)) == 12


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_scripted_or_parametrized_module_is_named() -> None:
    normed = nn.utils.parametrizations.weight_norm(nn.GRU(3, 4), "weight_hh_l0")
    with pytest.raises(InputError, match="from_torch was given ParametrizedGRU"):
        from_torch(normed)
