"""Which kernel runs: by exact type, never where the instance was changed, and with the reason where it does not."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from tests.laws.user_cells import CoupledLSTM, Doubled
from unrolled import GRU, LSTM, Cell, Seq, Stack, WeightDrop, deep, explain, register_kernel
from unrolled.core import registry
from unrolled.core.unroll import plain_loop

XS = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))


def runs_plain(cell: Cell) -> str:
    """Assert that ``cell`` takes the plain loop and gives its numbers; return the reason."""
    (choice,) = explain(cell, XS)
    assert choice.kernel == "plain loop"
    expected, _ = plain_loop(cell, Seq(XS), cell.initial_state(2))
    assert torch.equal(cell(XS)[0], expected.data)
    return dict(choice.refusals).get("torch.nn", "")


def test_a_subclass_that_overrides_step_gets_the_plain_loop() -> None:
    torch.manual_seed(0)
    own, parent = CoupledLSTM(3, 5), LSTM(3, 5)
    parent.load_state_dict(own.state_dict())
    assert runs_plain(own) == ""  # nobody was asked
    assert not torch.allclose(own(XS)[0], parent(XS)[0])


def test_a_bare_subclass_gets_the_plain_loop_too() -> None:
    class Renamed(LSTM):
        pass

    runs_plain(Renamed(3, 5))


def test_a_step_replaced_on_the_instance_is_respected() -> None:
    cell = GRU(3, 5)
    before = cell(XS)[0]
    step = cell.step

    def doubled(x, state):
        y, after = step(x, state)
        return 2 * y, after

    cell.step = doubled
    assert runs_plain(cell) == "step is replaced on this instance"
    torch.testing.assert_close(cell(XS)[0], 2 * before)
    del cell.step
    assert torch.equal(cell(XS)[0], before)


def test_gates_replaced_on_the_instance_are_respected() -> None:
    cell = GRU(3, 5)
    gates = cell.gates
    cell.gates = lambda x, state: gates(x, state)._replace(update=torch.ones(2, 5))
    assert runs_plain(cell) == "gates is replaced on this instance"
    assert not cell(XS)[0].any(), "an update gate of 1 keeps the state, which is 0"


class Projected(NamedTuple):
    h: Tensor


class WithChild(Cell):
    """A cell with a child module, as a kernel could be registered for it."""

    state_type, output_field = Projected, "h"

    def __init__(self) -> None:
        super().__init__()
        self.input_size = self.hidden_size = 3
        self.child = nn.Linear(3, 3)

    def step(self, x, state):
        h = torch.tanh(x + self.child(state.h))
        return h, Projected(h)


class WrongKernel:
    name = "wrong on purpose"

    def refuses(self, cell, xs, state):
        return None

    def unroll(self, cell, xs, state):
        return xs.with_data(xs.data + 100), state


@pytest.fixture
def with_wrong_kernel(monkeypatch):
    monkeypatch.setattr(registry, "_kernels", dict(registry._kernels))
    register_kernel(WithChild, WrongKernel())
    return WithChild()


def test_a_registered_kernel_takes_the_call(with_wrong_kernel) -> None:
    assert explain(with_wrong_kernel, XS)[0].kernel == "wrong on purpose"
    assert (with_wrong_kernel(XS)[0] > 50).all()


@pytest.mark.parametrize(
    "hook",
    [
        lambda child: child.register_forward_hook(lambda module, args, out: 0 * out),
        lambda child: child.register_forward_pre_hook(lambda module, args: (0 * args[0],)),
        lambda child: child.register_full_backward_hook(lambda module, gi, go: None),
        lambda child: child.register_full_backward_pre_hook(lambda module, go: None),
    ],
    ids=["forward", "before", "backward", "before backward"],
)
def test_hooks_on_a_child_are_respected(with_wrong_kernel, hook) -> None:
    handle = hook(with_wrong_kernel.child)
    (choice,) = explain(with_wrong_kernel, XS)
    assert choice.kernel == "plain loop"
    assert choice.refusals == (("wrong on purpose", "its child child has hooks"),)
    handle.remove()
    assert explain(with_wrong_kernel, XS)[0].kernel == "wrong on purpose"


def test_hooks_on_a_grandchild_are_respected(with_wrong_kernel) -> None:
    with_wrong_kernel.child = nn.Sequential(with_wrong_kernel.child)
    with_wrong_kernel.child[0].register_forward_hook(lambda module, args, out: 0 * out)
    assert explain(with_wrong_kernel, XS)[0].refusals[0][1] == "its child child.0 has hooks"


def test_hooks_on_the_cell_itself_run_with_the_kernel() -> None:
    cell, seen = GRU(3, 5), []
    cell.register_forward_hook(lambda module, args, out: seen.append(out))
    assert explain(cell, XS)[0].kernel != "plain loop"
    assert len(seen) == 1


def test_kernels_are_asked_in_their_order(with_wrong_kernel) -> None:
    class Second(WrongKernel):
        name = "second"

    class Refusing(WrongKernel):
        name = "refusing"

        def refuses(self, cell, xs, state):
            return "it is full" if xs.lengths is None else None

    registry._kernels[WithChild] = [Refusing(), Second()]
    (choice,) = explain(with_wrong_kernel, XS)
    assert (choice.kernel, choice.refusals) == ("second", (("refusing", "it is full"),))
    assert str(choice) == "(itself) WithChild: second; refusing refused: it is full"
    assert explain(with_wrong_kernel, Seq(XS, [1, 2]))[0].kernel == "refusing"


@pytest.mark.parametrize("kind", [LSTM, GRU], ids=lambda kind: kind.__name__)
def test_a_parametrized_cell_is_right_with_its_kernel(kind) -> None:
    cell = kind(3, 5)
    parametrize.register_parametrization(cell, "weight_hh", Doubled())
    (choice,) = explain(cell, XS)
    assert choice.kernel != "plain loop"
    expected, _ = plain_loop(cell, Seq(XS), cell.initial_state(2))
    torch.testing.assert_close(cell(XS)[0], expected.data)
    cell(XS)[0].sum().backward()
    assert cell.parametrizations.weight_hh.original.grad.abs().sum() > 0


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weight_norm_of_torch_is_right() -> None:
    cell = parametrizations.weight_norm(LSTM(3, 5), "weight_hh")
    expected, _ = plain_loop(cell, Seq(XS), cell.initial_state(2))
    torch.testing.assert_close(cell(XS)[0], expected.data)


def test_explain_names_every_cell_once(monkeypatch) -> None:
    monkeypatch.setenv("UNROLLED_KERNELS", "off")
    layer = Stack(
        deep(LSTM, 3, 5, layers=2, bidirectional=True),
        nn.Linear(10, 3),
        WeightDrop(GRU(3, 4, reset="before"), 0.1),
    )
    rows = explain(layer, XS)
    assert [row.path for row in rows] == [
        "layers.0.layers.0.forward_layer",
        "layers.0.layers.0.backward_layer",
        "layers.0.layers.1.forward_layer",
        "layers.0.layers.1.backward_layer",
        "layers.2.cell",
    ]
    assert [row.kernel for row in rows] == ["torch.nn"] * 4 + ["plain loop"]
    assert [row.cell for row in rows] == ["LSTM"] * 4 + ["GRU"]
    assert rows[-1].refusals == (
        ("compiled", "UNROLLED_KERNELS=off"),
        ("torch.nn", "torch's GRU resets after the product"),
    )


def test_explain_leaves_gradients_and_noise_alone() -> None:
    layer = deep(GRU, 3, 5, layers=2, dropout=0.5)
    before = torch.get_rng_state()
    explain(layer, XS)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in layer.parameters())


@pytest.mark.parametrize(
    ("xs", "why"),
    [
        (torch.zeros(2, 0, 3), "there are no steps"),
        (torch.zeros(0, 4, 3), "there are no steps"),
        (Seq(torch.zeros(2, 4, 3), [0, 0]), "there are no steps"),
    ],
)
def test_torchs_kernel_says_why_not(monkeypatch, xs, why) -> None:
    monkeypatch.setenv("UNROLLED_KERNELS", "off")
    (choice,) = explain(LSTM(3, 5), xs)
    assert dict(choice.refusals)["torch.nn"] == why
