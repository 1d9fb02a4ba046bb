"""Laws 1 to 5: what a layer computes does not depend on how its rows are cut, padded or ordered."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
import torch.utils._pytree as pytree
from hypothesis import example as explicit
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.examples import Example
from tests.laws.harness import (
    Case,
    both_modes,
    cases,
    cut_time,
    each_example,
    few,
    join_rows,
    join_time,
    pad_time,
    prepare,
    row,
    same,
    typical,
    whole,
)
from unrolled import NotCausalError, Seq, select_rows
from unrolled.core.unroll import stack_steps, steps_of


@each_example
@both_modes
@few
@given(case=cases(ragged=False, steps=1))
@explicit(case=typical._replace(lengths=None))
def test_1_forward_is_repeated_step(example: Example, training: bool, case: Case) -> None:
    setting = prepare(example, case, training)

    def stepwise(layer, data, state):
        ys = []
        for x in steps_of(data):
            y, state = layer.step(x, state)
            ys.append(y)
        return stack_steps(ys), state

    if setting.layer.causal:
        same(whole(setting), stepwise, setting)
    else:
        with pytest.raises(NotCausalError):
            stepwise(setting.layer, setting.data, setting.state)


@each_example
@both_modes
@few
@given(case=cases(), cuts=st.lists(st.integers(0, 6), max_size=3))
@explicit(case=typical, cuts=[1, 1, 3])
def test_2_one_pass_is_any_split(
    example: Example, training: bool, case: Case, cuts: list[int]
) -> None:
    setting = prepare(example, case, training)
    if not setting.layer.causal:
        return
    places = [0, *sorted(min(cut, case.steps) for cut in cuts), case.steps]

    def in_chunks(layer, data, state):
        parts = []
        for start, end in itertools.pairwise(places):
            lengths = None
            if setting.lengths is not None:
                lengths = (setting.lengths - start).clamp(0, end - start)
            ys, state = layer(Seq(cut_time(data, start, end), lengths), state)
            parts.append(ys.data)
        return join_time(parts), state

    same(whole(setting), in_chunks, setting)


@each_example
@both_modes
@few
@given(case=cases(batch=1))
@explicit(case=typical)
def test_3_a_ragged_batch_is_each_row_alone(example: Example, training: bool, case: Case) -> None:
    setting = prepare(example, case, training)

    def row_by_row(layer, data, state):
        ys, states = [], []
        for index, length in enumerate(setting.row_lengths):
            y, final = layer(cut_time(row(data, index), 0, length), row(state, index))
            ys.append(pad_time(y, case.steps))
            states.append(final)
        return join_rows(ys), join_rows(states)

    same(whole(setting), row_by_row, setting)


@each_example
@both_modes
@few
@given(case=cases(batch=1, steps=1).filter(lambda case: case.lengths is not None))
@explicit(case=typical)
def test_4_what_padding_held_never_matters(example: Example, training: bool, case: Case) -> None:
    setting = prepare(example, case, training)
    padding = ~setting.seq(setting.data).mask()

    def spoiled(layer, data, state):
        # Added to the data, so that its gradient flows back through the spoiled padding too.
        def spoil(leaf):
            junk = torch.zeros_like(leaf)
            junk[padding] = float("nan") if leaf.is_floating_point() else 1_000_000
            return leaf + junk

        ys, final = layer(Seq(pytree.tree_map(spoil, data), setting.lengths), state)
        for leaf in pytree.tree_leaves(ys.data):
            assert not leaf[padding].any(), "the padding of the outputs is not 0"
        return ys.data, final

    same(whole(setting), spoiled, setting)


@each_example
@both_modes
@few
@given(case=cases(batch=2), order=st.randoms(use_true_random=False))
@explicit(case=typical, order=random.Random(0))
def test_5_permuted_rows_give_permuted_results(
    example: Example, training: bool, case: Case, order
) -> None:
    setting = prepare(example, case, training)
    there = list(range(case.batch))
    order.shuffle(there)
    index = torch.tensor(there)
    back = index.argsort()

    def permuted(layer, data, state):
        lengths = None if setting.lengths is None else setting.lengths[index]
        ys, final = layer(Seq(select_rows(data, index), lengths), select_rows(state, index))
        return select_rows(ys.data, back), select_rows(final, back)

    same(whole(setting), permuted, setting)


@each_example
@pytest.mark.parametrize(("batch", "steps"), [(2, 0), (0, 3), (0, 0)])
def test_nothing_to_read_leaves_the_state(example: Example, batch: int, steps: int) -> None:
    setting = prepare(example, Case(batch, steps, None, 3, 4, 0, torch.float64), training=True)
    full = prepare(example, Case(1, 1, None, 3, 4, 0, torch.float64), training=True)
    of_one_step = full.layer(full.data, full.state)[0]
    ys, final = setting.layer(setting.data, setting.state)
    for leaf, one in zip(pytree.tree_leaves(ys), pytree.tree_leaves(of_one_step), strict=True):
        assert leaf.shape == (batch, steps, *one.shape[2:])
        assert leaf.dtype == one.dtype
    for after, before in zip(
        pytree.tree_leaves(final), pytree.tree_leaves(setting.state), strict=True
    ):
        assert torch.equal(after, before)


@each_example
def test_rows_of_length_zero_keep_their_state(example: Example) -> None:
    case = Case(3, 4, [0, 4, 0], 3, 4, 0, torch.float64)
    setting = prepare(example, case, training=True)
    _, final = setting.layer(setting.seq(setting.data), setting.state)
    idle = torch.tensor([0, 2])
    kept, begun = select_rows(final, idle), select_rows(setting.state, idle)
    for after, before in zip(pytree.tree_leaves(kept), pytree.tree_leaves(begun), strict=True):
        assert torch.equal(after, before)
