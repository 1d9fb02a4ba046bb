"""Trees: walking over a state, its rows, its constants, and torch's pytree."""

from __future__ import annotations

import io
from typing import NamedTuple

import pytest
import torch
import torch.utils._pytree as pytree
from torch import Tensor

from tests.laws.user_cells import AttendingRNN
from unrolled import (
    GRU,
    LSTM,
    RNN,
    Constant,
    Dropout,
    Seq,
    ShapeError,
    Stack,
    WeightDrop,
    Zoneout,
    deep,
    detach,
    join_rows,
    register,
    renew,
    select_rows,
    tree_map,
)
from unrolled.core.noise import NoiseState, SharedSeed
from unrolled.core.tree import keep_rows, leaves, select_constants


class Pair(NamedTuple):
    h: Tensor
    rest: tuple


def example_tree():
    memory = Constant(torch.arange(6.0).view(3, 2))
    return Pair(torch.arange(3.0), (torch.arange(3), memory, ()))


def test_tree_map_keeps_structure_and_leaves_constants() -> None:
    tree = example_tree()
    mapped = tree_map(lambda leaf: leaf + 1, tree)
    assert isinstance(mapped, Pair)
    assert mapped.h.tolist() == [1, 2, 3]
    assert mapped.rest[0].tolist() == [1, 2, 3]
    assert mapped.rest[1] is tree.rest[1]
    assert mapped.rest[2] == ()
    with_constants = tree_map(lambda leaf: leaf + 1, tree, constants=True)
    assert isinstance(with_constants.rest[1], Constant)
    assert with_constants.rest[1].value[0].tolist() == [1, 2]


def test_tree_map_walks_several_trees_together() -> None:
    tree = example_tree()
    total = tree_map(torch.add, tree, tree_map(lambda leaf: 10 * leaf, tree))
    assert total.h.tolist() == [0, 11, 22]
    with pytest.raises(ValueError, match="zip"):
        tree_map(torch.add, tree, (torch.zeros(3),))


@pytest.mark.parametrize("strange", [[torch.zeros(1)], {"h": torch.zeros(1)}, None, 3.0])
def test_what_is_no_tree_is_refused(strange) -> None:
    with pytest.raises(ShapeError, match=f"{type(strange).__name__}.*batch as dim 0"):
        tree_map(torch.neg, (strange,))


def test_leaves_skip_constants_unless_asked() -> None:
    assert len(list(leaves(example_tree()))) == 2
    assert len(list(leaves(example_tree(), constants=True))) == 3


def test_select_rows() -> None:
    tree = example_tree()
    chosen = select_rows(tree, torch.tensor([2, 0, 0, 1]))
    assert chosen.h.tolist() == [2, 0, 0, 1]
    assert chosen.rest[1].value.tolist() == [[4, 5], [0, 1], [0, 1], [2, 3]]
    beams = select_rows(tree, torch.tensor([2, 0]), constants=False)
    assert beams.h.tolist() == [2, 0]
    assert beams.rest[1] is tree.rest[1]


def test_select_constants_selects_nothing_else() -> None:
    tree = example_tree()
    selected = select_constants(tree, torch.tensor([2, 0]))
    assert isinstance(selected, Pair)
    assert selected.h is tree.h and selected.rest[0] is tree.rest[0] and selected.rest[2] == ()
    assert isinstance(selected.rest[1], Constant)
    assert selected.rest[1].value.tolist() == [[4, 5], [0, 1]]


def test_reordered_beams_go_on_as_those_beams() -> None:
    torch.manual_seed(0)
    cell = AttendingRNN(2, 3)
    memory = torch.randn(1, 4, 3).expand(3, 4, 3)  # one source, three beams
    xs, order = torch.randn(3, 5, 2), torch.tensor([1, 1, 0])
    _, state = cell(xs[:, :2], cell.start(memory))
    found, _ = cell(xs[order, 2:], select_rows(state, order, constants=False))
    expected = cell(xs[order], cell.start(memory))[0][:, 2:]
    torch.testing.assert_close(found, expected)


def test_join_rows_is_the_inverse_of_selecting_them() -> None:
    tree = example_tree()
    parts = [select_rows(tree, torch.tensor([row])) for row in range(3)]
    joined = join_rows(parts)
    assert isinstance(joined, Pair)
    for found, expected in zip(pytree.tree_leaves(joined), pytree.tree_leaves(tree), strict=True):
        assert torch.equal(found, expected)


def test_sessions_joined_from_different_moments_go_on_as_alone() -> None:
    torch.manual_seed(0)
    layer = deep(LSTM, 2, 3, layers=2)
    young, old = torch.randn(1, 1, 2), torch.randn(1, 7, 2)
    states = [layer(xs)[1] for xs in (young, old)]
    xs = torch.randn(2, 3, 2)
    together = layer(xs, join_rows(states))[0]
    for row, state in enumerate(states):
        torch.testing.assert_close(together[row : row + 1], layer(xs[row : row + 1], state)[0])


def test_keep_rows_does_not_copy_what_did_not_change() -> None:
    h, memory = torch.zeros(2, 3), Constant(torch.zeros(2, 3))
    alive = torch.tensor([True, False])
    kept = keep_rows(alive, (h, h + 1, memory), (h, h, memory))
    assert kept[0] is h
    assert kept[1].tolist() == [[1] * 3, [0] * 3]
    assert kept[2] is memory


def test_detach_cuts_the_graph_but_not_the_memory() -> None:
    cell = AttendingRNN(2, 3)
    memory = torch.randn(2, 4, 3, requires_grad=True)
    _, state = cell(torch.randn(2, 3, 2), cell.start(memory))
    assert state.h.requires_grad
    cut = detach(state)
    assert not cut.h.requires_grad
    assert cut.memory is state.memory
    assert torch.equal(cut.h, state.h)


def test_truncated_backpropagation_ends_at_the_cut() -> None:
    cell = GRU(2, 3)
    first, second = (torch.randn(1, 4, 2, requires_grad=True) for _ in range(2))
    _, state = cell(first)
    cell(second, detach(state))[0].sum().backward()
    assert first.grad is None
    assert second.grad.abs().sum() > 0


def test_renew_draws_new_seeds_and_nothing_else() -> None:
    layer = Stack(
        Dropout(0.5), Zoneout(LSTM(2, 3), 0.1), WeightDrop(GRU(3, 4), 0.1), torch.nn.Tanh()
    )
    _, state = layer(torch.randn(3, 2, 2))
    fresh = renew(state)
    assert pytree.tree_structure(fresh) == pytree.tree_structure(state)
    is_noise = lambda part: isinstance(part, NoiseState | SharedSeed)  # noqa: E731
    pairs = zip(
        pytree.tree_leaves(state, is_leaf=is_noise),
        pytree.tree_leaves(fresh, is_leaf=is_noise),
        strict=True,
    )
    renewed = 0
    for before, after in pairs:
        if is_noise(before):
            renewed += 1
            assert (before.seed != after.seed).any()
            assert torch.equal(before[1:][0], after[1:][0]) if len(before) > 1 else True
            if isinstance(after, SharedSeed):
                assert len(after.seed.unique()) == 1
        else:
            assert after is before
    assert renewed == 3


STATES = {
    "RNN": RNN(2, 3),
    "LSTM": LSTM(2, 3),
    "GRU": GRU(2, 3),
    "dropout": Dropout(0.1),
    "zoneout": Zoneout(LSTM(2, 3), 0.1),
    "weight drop": WeightDrop(LSTM(2, 3), 0.1),
    "deep": deep(LSTM, 2, 3, layers=2, bidirectional=True, dropout=0.1),
}


@pytest.mark.parametrize("name", STATES)
def test_states_go_through_torchs_pytree(name: str) -> None:
    state = STATES[name].initial_state(4)
    flat, structure = pytree.tree_flatten(state)
    assert all(isinstance(leaf, Tensor) and leaf.shape[0] == 4 for leaf in flat)
    back = pytree.tree_unflatten(flat, structure)
    assert type(back) is type(state)
    # torch.export writes the structure as text: every type in it needs a stable name.
    restored = pytree.treespec_loads(pytree.treespec_dumps(structure))
    assert restored == structure


@pytest.mark.parametrize("name", STATES)
def test_states_are_read_without_pickles_dangers(name: str) -> None:
    state = STATES[name].initial_state(4)
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    assert pytree.tree_structure(loaded) == pytree.tree_structure(state)


def test_constant_and_seq_go_through_torchs_pytree() -> None:
    tree = (Constant(torch.ones(2, 3)), Seq(torch.ones(2, 3, 1), [3, 1]))
    flat, structure = pytree.tree_flatten(tree)
    assert len(flat) == 3
    constant, seq = pytree.tree_unflatten(flat, structure)
    assert isinstance(constant, Constant)
    assert seq.lengths.tolist() == [3, 1]
    assert torch.equal(seq.data, tree[1].data)
    assert pytree.treespec_loads(pytree.treespec_dumps(structure)) == structure


def test_a_registered_state_of_the_users_own() -> None:
    def define():
        @register
        class OwnState(NamedTuple):
            h: Tensor

        return OwnState

    for kind in (define(), define()):  # a notebook cell is run more than once
        flat, structure = pytree.tree_flatten(kind(torch.zeros(2)))
        assert isinstance(pytree.tree_unflatten(flat, structure), kind)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_layer_can_be_exported_and_saved_with_its_state() -> None:
    torch.manual_seed(0)
    layer = Stack(LSTM(2, 3), GRU(3, 3, reset="before")).eval()
    xs, state = torch.randn(2, 4, 2), layer.initial_state(2)
    program = torch.export.export(layer, (xs, state))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for found, expected in zip(
        pytree.tree_leaves(loaded(xs, state)), pytree.tree_leaves(layer(xs, state)), strict=True
    ):
        torch.testing.assert_close(found, expected)
