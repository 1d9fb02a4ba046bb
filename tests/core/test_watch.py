"""watch: the gates and states that were computed, in the order of the input, and nothing changed by looking."""

from __future__ import annotations

import contextlib
import copy
import pickle

import pytest
import torch
import torch.utils._pytree as pytree
from torch import nn

from tests.laws.examples import EXAMPLES, Example
from tests.laws.harness import Case, prepare
from tests.laws.user_cells import AttendingRNN, DecayingRNN, FastWeights
from unrolled import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Cell,
    Constant,
    Seq,
    Seq2Seq,
    Stack,
    WeightDrop,
    Zoneout,
    deep,
    explain,
    watch,
)
from unrolled.models.spelling import Spelling

LENGTHS = [4, 0, 2]


def states_by_hand(cell: Cell, seq: Seq):
    """Step through each row alone; return h (B, T, H) and the gates (B, T, H) of the cell, 0 where a row had ended."""
    h = torch.zeros(seq.batch, seq.steps, cell.hidden_size)
    gates: dict[str, torch.Tensor] = {}
    for row, length in enumerate(seq.row_lengths.tolist()):
        state = cell.initial_state(1)
        for t in range(length):
            x = seq.data[row : row + 1, t]
            for name, value in (cell.gates(x, state) or h[:0])._asdict().items():
                gates.setdefault(name, torch.zeros_like(h))[row, t] = value[0].detach()
            state = cell.step(x, state)[1]
            h[row, t] = state.h[0].detach()
    return h, gates


@pytest.fixture
def xs() -> Seq:
    torch.manual_seed(0)
    return Seq(torch.randn(3, 4, 2), LENGTHS)


@pytest.mark.parametrize("kind", [LSTM, GRU], ids=lambda kind: kind.__name__)
def test_gates_and_states_are_those_computed_by_hand(kind, xs) -> None:
    cell = kind(2, 5)
    with watch(cell) as seen:
        ys, _ = cell(xs)
    h, gates = states_by_hand(cell, xs)
    record = seen[""]
    torch.testing.assert_close(record.states.h, h)
    assert set(record.gates._fields) == set(gates)
    for name, expected in gates.items():
        torch.testing.assert_close(getattr(record.gates, name), expected)
        torch.testing.assert_close(record.gate(name), expected)
    assert record.gate("none") is None
    assert torch.equal(record.outputs, ys.data)
    assert type(record.states) is cell.state_type


def test_the_state_before_the_first_step_is_kept_and_none_before_any_step(xs) -> None:
    cell = LSTM(2, 5)
    begin = cell.initial_state(3)._replace(c=torch.randn(3, 5))
    with watch(cell) as seen:
        assert not seen
        _, ended = cell(xs, begin)
        cell(xs, ended)
    first, second = seen.runs[""]
    assert torch.equal(first.initial.c, begin.c)
    assert torch.equal(second.initial.h, ended.h)
    assert not second.initial.h.requires_grad


def test_a_cell_inside_another_has_its_own_state_before_the_first_step(xs) -> None:
    cell = Zoneout(LSTM(2, 5), 0.1)
    begin = cell.initial_state(3)
    with watch(cell) as seen:
        cell(xs, begin)
    assert type(seen["cell"].initial) is LSTM.state_type
    assert type(seen[""].initial) is type(begin)


def test_a_backward_layer_is_recorded_in_the_order_of_the_input(xs) -> None:
    layer = Bidirectional(GRU(2, 5), GRU(2, 5))
    with watch(layer) as seen:
        ys, _ = layer(xs)
    h, gates = states_by_hand(layer.backward_layer, xs.reversed())
    expected = Seq(h, xs.lengths).reversed().data
    torch.testing.assert_close(seen["backward_layer"].states.h, expected)
    torch.testing.assert_close(seen["backward_layer"].outputs, ys.data[..., 5:])
    torch.testing.assert_close(
        seen["backward_layer"].gates.update, Seq(gates["update"], xs.lengths).reversed().data
    )
    torch.testing.assert_close(seen["forward_layer"].outputs, ys.data[..., :5])


def test_two_turns_are_none(xs) -> None:
    inner = Bidirectional(GRU(2, 3), GRU(2, 3))
    layer = Bidirectional(GRU(2, 3), inner)
    with watch(layer) as seen:
        layer(xs)
    h, _ = states_by_hand(inner.backward_layer, xs)  # reversed twice
    torch.testing.assert_close(seen["backward_layer.backward_layer"].states.h, h)


def test_a_cell_inside_a_cell_has_the_runs_of_that_cell(xs) -> None:
    layer = Bidirectional(GRU(2, 3), Zoneout(LSTM(2, 3), 0.5)).eval()
    with watch(layer) as seen:
        layer(xs)
        layer(xs)
    outer, inner = seen["backward_layer"], seen["backward_layer.cell"]
    assert len(seen.runs["backward_layer.cell"]) == 2
    assert inner.gates.forget.shape == (3, 4, 3)
    assert not inner.gates.forget[1].any(), "a row of length zero"
    assert not inner.gates.forget[2, 2:].any()
    # Zoneout in evaluation: half of the cell's new state, half of the one before (which stands to its right).
    before = torch.cat((outer.states.cell.h[:, 1:], torch.zeros(3, 1, 3)), 1)
    alive = xs.mask()[..., None]
    torch.testing.assert_close(outer.states.cell.h, alive * 0.5 * (inner.states.h + before))


def test_nested_networks_are_recorded_by_path(xs) -> None:
    layer = Stack(
        nn.Linear(2, 3), deep(LSTM, 3, 4, layers=2, bidirectional=True), WeightDrop(GRU(8, 3), 0.1)
    )
    with watch(layer) as seen:
        layer(xs)
    assert list(seen) == [
        "layers.1.layers.0.forward_layer",
        "layers.1.layers.0.backward_layer",
        "layers.1.layers.1.forward_layer",
        "layers.1.layers.1.backward_layer",
        "layers.2.cell",
    ]
    assert len(seen) == 5
    assert all(record.states.h.shape[:2] == (3, 4) for record in seen.values())


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_looking_changes_nothing(example: Example) -> None:
    setting = prepare(example, Case(3, 4, LENGTHS, 3, 4, 5, torch.float64), training=True)
    before = setting.layer(setting.seq(setting.data), setting.state)
    with watch(setting.layer) as seen:
        during = setting.layer(setting.seq(setting.data), setting.state)
    after = setting.layer(setting.seq(setting.data), setting.state)
    for one, other, third in zip(*map(pytree.tree_leaves, (before, during, after)), strict=True):
        torch.testing.assert_close(other, one, atol=1e-12, rtol=0)
        assert torch.equal(third, one)
    modules = dict(setting.layer.named_modules())
    # They go over the letters of each word, not over the steps.
    spellings = [name for name, part in modules.items() if isinstance(part, Spelling)]
    for path, cell in modules.items():
        # A source was read before anything was watched.
        was_read = isinstance(setting.layer, Seq2Seq) and path.startswith("encoder")
        by_letter = any(path.startswith(f"{name}.") for name in spellings)
        if isinstance(cell, Cell) and not (was_read or by_letter):
            assert path in seen
            assert not {"step", "gates", "unroll"} & set(cell.__dict__)
            states = pytree.tree_leaves(
                seen[path].states, is_leaf=lambda t: isinstance(t, Constant)
            )
            for leaf in states:
                assert isinstance(leaf, Constant) or leaf.shape[:2] == (3, 4)


def test_everything_is_put_back_after_an_error(xs) -> None:
    cell = GRU(2, 3)
    cell.step = step = lambda x, state: (_ for _ in ()).throw(RuntimeError("in the step"))
    with pytest.raises(RuntimeError, match="in the step"), watch(cell):
        cell(xs)
    assert cell.__dict__["step"] is step
    assert "gates" not in cell.__dict__
    del cell.step
    with contextlib.suppress(KeyError), watch(cell) as seen:
        cell(xs)
        raise KeyError("in the block")
    assert seen[""].states.h.shape == (3, 4, 3), "what was recorded before the error is there"
    assert explain(cell, xs)[0].kernel != "plain loop"
    pickle.dumps(cell)
    copy.deepcopy(cell)


def test_a_run_that_an_error_cut_short_can_be_read(xs) -> None:
    cell, calls = GRU(2, 3), []
    step = cell.step

    def failing(x, state):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("third step")
        return step(x, state)

    cell.step = failing
    with watch(cell) as seen:
        with pytest.raises(RuntimeError, match="third"):
            cell(xs)
        assert seen[""].states.h.shape == (3, 2, 3)
        calls.extend([1] * 10)
        cell(xs)
    assert [len(run.step_states) for run in seen.runs[""]] == [2, 4]


def test_watches_can_be_nested(xs) -> None:
    layer = Stack(GRU(2, 3), Zoneout(RNN(3, 3), 0.1)).eval()
    state = layer.initial_state(3)
    with watch(layer) as outer:
        layer(xs, state)
        with watch(layer) as inner:
            layer(xs, state)
        layer(xs, state)
    assert {path: len(runs) for path, runs in outer.runs.items()} == dict.fromkeys(outer.runs, 3)
    assert {path: len(runs) for path, runs in inner.runs.items()} == dict.fromkeys(inner.runs, 1)
    for path in inner:
        for run in outer.runs[path]:
            for one, other in zip(
                pytree.tree_leaves(run.states), pytree.tree_leaves(inner[path].states), strict=True
            ):
                assert torch.equal(one, other)


def test_single_steps_are_one_run_that_a_sequence_ends() -> None:
    cell = GRU(2, 3)
    with watch(cell) as seen:
        state = cell.initial_state(2)
        for _ in range(3):
            _, state = cell.step(torch.randn(2, 2), state)
        assert seen[""].gates.reset.shape == (2, 3, 3)
        assert torch.equal(seen[""].states.h[:, -1], state.h)
        cell(torch.randn(2, 5, 2), state)
        cell.step(torch.randn(2, 2), state)
    assert [run.states.h.shape[1] for run in seen.runs[""]] == [3, 5, 1]


def test_nothing_ran() -> None:
    with watch(GRU(2, 3)) as seen:
        pass
    assert len(seen) == 0
    assert "" not in seen
    with pytest.raises(KeyError):
        seen[""]


def test_no_steps_have_shapes() -> None:
    cell = LSTM(2, 3)
    with watch(cell) as seen:
        cell(torch.zeros(2, 0, 2))
    assert seen[""].gates.forget.shape == seen[""].states.c.shape == (2, 0, 3)


def test_a_cell_without_gates_has_none_and_any_state_is_recorded(xs) -> None:
    layer = FastWeights(2, 3)
    with watch(layer) as seen:
        layer(xs)
    assert seen[""].gates is None
    assert seen[""].states[0].shape == (3, 4, 3, 3)
    attending = AttendingRNN(2, 3)
    memory = torch.randn(3, 5, 3)
    with watch(attending) as seen:
        attending(xs, attending.start(memory))
    assert seen[""].states.h.shape == (3, 4, 3)
    assert torch.equal(seen[""].states.memory.value, memory)


def test_gates_of_a_cell_that_reads_a_tree(xs) -> None:
    cell, dt = DecayingRNN(2, 3), torch.rand(3, 4)
    with watch(cell) as seen:
        cell(Seq((xs.data, dt), LENGTHS))
    expected = torch.exp(-torch.nn.functional.softplus(cell.rate) * dt[..., None])
    torch.testing.assert_close(seen[""].gates.decay, (expected * xs.mask()[..., None]).detach())


def test_records_are_cut_from_the_graph_unless_asked(xs) -> None:
    cell = GRU(2, 3)
    with watch(cell) as seen:
        cell(xs)
    assert not seen[""].states.h.requires_grad
    with watch(cell, graph=True) as seen:
        ys, _ = cell(xs)
    (gradient,) = torch.autograd.grad(ys.data.sum(), seen[""].step_states[0].h)
    assert gradient.abs().sum() > 0
