"""Gradients against finite differences, in float64, for every example: cells, options and layers around cells."""

from __future__ import annotations

import pytest
import torch
import torch.utils._pytree as pytree
from torch.func import functional_call

from tests.laws.examples import AROUND_CELLS, CELLS, OF_USERS, Example
from tests.laws.harness import Case, no_kernels, prepare, with_gradients

SMALL = Case(2, 3, [3, 2], 2, 2, 3, torch.float64)


def gradients_are_right(example: Example, training: bool, thorough: bool) -> None:
    setting = prepare(example, SMALL, training)
    (data, state), inputs = with_gradients((setting.data, setting.state))
    weights = {k: p.detach().clone().requires_grad_() for k, p in setting.layer.named_parameters()}
    leaves, structure = pytree.tree_flatten((data, state))
    real = [place for place, leaf in enumerate(leaves) if leaf.is_floating_point()]

    def run(*given):
        filled = list(leaves)
        for place, leaf in zip(real, given, strict=False):
            filled[place] = leaf
        data, state = pytree.tree_unflatten(filled, structure)
        parameters = dict(zip(weights, given[len(real) :], strict=True))
        ys, final = functional_call(setting.layer, parameters, (setting.seq(data), state))
        return tuple(leaf for leaf in pytree.tree_leaves((ys.data, final)) if leaf.requires_grad)

    assert torch.autograd.gradcheck(run, (*inputs, *weights.values()), fast_mode=not thorough)


@pytest.mark.parametrize("example", CELLS, ids=str)
@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "plain loop"])
def test_gradients_of_every_cell(example: Example, kernels: bool) -> None:
    if kernels:
        gradients_are_right(example, training=True, thorough=False)
    else:
        with no_kernels():
            gradients_are_right(example, training=True, thorough=True)


@pytest.mark.parametrize("example", [*AROUND_CELLS, *OF_USERS], ids=str)
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_gradients_of_every_layer(example: Example, training: bool) -> None:
    gradients_are_right(example, training, thorough=False)
