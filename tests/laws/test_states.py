"""Laws 10 and 11: a state keeps its form from step to step, and a step leaves its inputs alone."""

from __future__ import annotations

import contextlib

import pytest
import torch
import torch.utils._pytree as pytree
from hypothesis import example as explicit
from hypothesis import given

from tests.laws.examples import Example, begin_empty
from tests.laws.harness import (
    Case,
    assert_same,
    both_modes,
    cases,
    each_example,
    few,
    prepare,
    typical,
)
from unrolled import Layer
from unrolled.core.tree import leaves
from unrolled.core.unroll import steps_of


def form(state):
    """Return structure, and shape, dtype and device of every tensor."""
    tensors, structure = pytree.tree_flatten(state)
    return structure, [(t.shape, t.dtype, t.device) for t in tensors]


@each_example
@both_modes
@few
@given(case=cases(steps=1))
@explicit(case=typical)
def test_10_a_state_keeps_its_form(example: Example, training: bool, case: Case) -> None:
    setting = prepare(example, case, training)
    begun = form(setting.state)
    assert (
        form(example.begin(setting.layer, lambda *s: torch.zeros(s, dtype=case.dtype), case.batch))
        == begun
    )
    assert form(setting.layer(setting.seq(setting.data), setting.state)[1]) == begun
    assert form(setting.layer(setting.data, setting.state)[1]) == begun
    if not setting.layer.causal:
        return
    state = setting.state
    for x in steps_of(setting.data):
        state = setting.layer.step(x, state)[1]
        assert form(state) == begun
    for leaf in leaves(state, constants=True):
        assert leaf.shape[0] == case.batch


@each_example
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_10_without_a_state_the_run_begins_with_the_right_one(
    example: Example, dtype: torch.dtype
) -> None:
    if example.begin is not begin_empty:
        pytest.skip("it must be begun with what it reads")
    setting = prepare(example, Case(3, 4, [4, 0, 2], 3, 4, 0, dtype), training=False)
    begun = form(setting.state)
    assert form(setting.layer(setting.seq(setting.data))[1]) == begun
    assert form(setting.layer(setting.data)[1]) == begun


@each_example
def test_10_a_state_is_where_the_layer_is(example: Example) -> None:
    # "meta" stands for any device that is not the one where tensors are made by default.
    if example.begin is not begin_empty or not list(example.make(3, 4).parameters()):
        pytest.skip("nothing in it has a place")
    layer = example.make(3, 4).to("meta")
    places = {leaf.device.type for leaf in leaves(layer.initial_state(2))}
    assert places <= {"meta"}  # or none: a random field keeps no state


@each_example
@both_modes
@pytest.mark.parametrize("gradients", [False, True], ids=["no_grad", "grad"])
def test_11_a_step_leaves_its_inputs_alone(
    example: Example, training: bool, gradients: bool
) -> None:
    setting = prepare(example, Case(3, 4, None, 3, 4, 0, torch.float64), training)
    layer: Layer = setting.layer
    given_in = [setting.data, setting.state, list(layer.parameters())]
    before = pytree.tree_map(lambda leaf: leaf.detach().clone(), given_in)
    versions = [leaf._version for leaf in pytree.tree_leaves(given_in)]
    with contextlib.nullcontext() if gradients else torch.no_grad():
        layer(setting.data, setting.state)
        if layer.causal:
            layer.step(steps_of(setting.data)[0], setting.state)
    assert_same(pytree.tree_map(torch.Tensor.detach, given_in), before, tolerance=0.0)
    assert [leaf._version for leaf in pytree.tree_leaves(given_in)] == versions
