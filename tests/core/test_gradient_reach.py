"""gradient_reach against gradients taken by hand, one perturbed hidden state at a time."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from tests.laws.user_cells import FastWeights, LeakySum
from unrolled import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    InputError,
    Seq,
    Stack,
    Zoneout,
    deep,
    gradient_reach,
)


def by_hand(cell, xs: torch.Tensor, loss) -> torch.Tensor:
    """|dL/dh_t| of one row of full length: add a zero to h after every step and take its gradient."""
    nudges = [torch.zeros(1, cell.hidden_size, requires_grad=True) for _ in range(xs.shape[1])]
    state, ys = cell.initial_state(1), []
    for t, nudge in enumerate(nudges):
        _, state = cell.step(xs[:, t], state)
        state = state._replace(h=state.h + nudge)
        ys.append(state.h)
    gradients = torch.autograd.grad(loss(torch.stack(ys, 1)), nudges)
    return torch.stack([gradient.norm() for gradient in gradients])


def last_sum(ys: torch.Tensor) -> torch.Tensor:
    return ys[:, -1].sum()


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("loss", [last_sum, lambda ys: (ys**2).sum()], ids=["last", "all"])
def test_it_is_the_gradient_by_hand(kind, loss) -> None:
    torch.manual_seed(0)
    cell, lengths = kind(2, 4), [6, 3, 5]
    xs = Seq(torch.randn(3, 6, 2), lengths)

    def of_rows(model, batch):
        ys, _ = model(batch)
        return sum(loss(row[None]) for row in ys.to_list())

    found = gradient_reach(cell, xs, of_rows)[""]
    total, count = torch.zeros(6), torch.zeros(6)
    for row, length in zip(xs.data, lengths, strict=True):
        total[:length] += by_hand(cell, row[None, :length], loss).flip(0)
        count[:length] += 1
    torch.testing.assert_close(found, total / count)


def test_the_default_loss_is_a_projection_of_the_last_outputs() -> None:
    torch.manual_seed(0)
    cell, xs = GRU(2, 4), torch.randn(1, 5, 2)
    direction = torch.randn(4, generator=torch.Generator().manual_seed(0))
    expected = by_hand(cell, xs, lambda ys: ys[0, -1] @ direction / direction.norm())
    torch.testing.assert_close(gradient_reach(cell, xs)[""], expected.flip(0))
    assert float(gradient_reach(cell, xs)[""][0]) == pytest.approx(1.0)


def test_gradients_vanish_and_explode_as_the_weights_say() -> None:
    cell = RNN(1, 4, nonlinearity="relu")
    for factor in (0.5, 2.0):
        with torch.no_grad():
            cell.weight_hh.copy_(factor * torch.eye(4))
            cell.weight_ih.fill_(1.0)
        reach = gradient_reach(cell, torch.ones(2, 8, 1))[""]
        torch.testing.assert_close(reach, reach[0] * factor ** torch.arange(8.0))


def test_every_layer_and_direction_has_its_curve() -> None:
    layer = deep(LSTM, 2, 3, layers=2, bidirectional=True)
    reach = gradient_reach(layer, torch.randn(2, 5, 2))
    assert len(reach) == 4
    assert all(curve.shape == (5,) for curve in reach.values())
    # The last output of the backward direction is the first that it read: the farthest from its last.
    backward = reach["layers.1.backward_layer"]
    assert not backward[:-1].any()
    assert backward[-1] > 0


def test_distances_that_no_row_has_are_nan() -> None:
    reach = gradient_reach(GRU(2, 3), Seq(torch.randn(2, 5, 2), [3, 2]))[""]
    assert reach.isnan().tolist() == [False] * 3 + [True] * 2


def test_a_cell_inside_a_cell() -> None:
    torch.manual_seed(0)
    layer = Zoneout(GRU(2, 3), 0.25).eval()
    reach = gradient_reach(layer, torch.randn(2, 5, 2))
    assert set(reach) == {"", "cell"}
    torch.testing.assert_close(reach["cell"], 0.75 * reach[""])


@pytest.mark.parametrize(
    "make", [list, lambda xs: pack_padded_sequence(xs, torch.tensor([5, 5]), True)]
)
def test_any_kind_of_input(make) -> None:
    cell, xs = GRU(2, 3), torch.randn(2, 5, 2)
    torch.testing.assert_close(gradient_reach(cell, make(xs))[""], gradient_reach(cell, xs)[""])


def test_outputs_that_are_a_pair() -> None:
    reach = gradient_reach(Bidirectional(GRU(2, 3), GRU(2, 3), "none"), torch.randn(2, 5, 2))
    assert all(curve.sum() > 0 for curve in reach.values())


def test_a_state_without_named_output() -> None:
    assert gradient_reach(FastWeights(2, 3), torch.randn(2, 5, 2))[""].shape == (5,)


def test_the_model_is_left_as_it_was() -> None:
    layer = Stack(GRU(2, 3), nn.Linear(3, 1))
    layer[0].requires_grad_(False)
    layer(torch.randn(2, 4, 2))[0].sum().backward()
    before = layer[1].weight.grad.clone()
    with torch.no_grad():  # also where gradients are off
        reach = gradient_reach(layer, torch.randn(2, 4, 2))
    assert reach["layers.0"].sum() > 0, "frozen layers are part of the path"
    assert torch.equal(layer[1].weight.grad, before)
    assert [p.requires_grad for p in layer.parameters()] == [False] * 4 + [True] * 2
    assert not reach["layers.0"].requires_grad


@pytest.mark.parametrize(
    ("layer", "xs"), [(LeakySum(2), torch.ones(1, 3, 2)), (GRU(2, 3), torch.ones(1, 0, 2))]
)
def test_a_loss_without_gradient_is_refused(layer, xs) -> None:
    with pytest.raises(InputError, match="does not depend on any parameter"):
        gradient_reach(layer, xs)
