"""Law 12: a step after any optimiser (fused, foreach) equals an unpacked step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.utils._pytree as pytree
from torch import optim

from tests.laws.examples import EXAMPLES, Example
from tests.laws.harness import Setting, assert_same, no_kernels, prepare, typical
from unrolled.core.tree import State, Tree

OPTIMISERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda parameters: optim.SGD(parameters, 0.1, foreach=False),
    "fused SGD": lambda parameters: optim.SGD(parameters, 0.1, fused=True),
    "foreach Adam": lambda parameters: optim.Adam(parameters, 0.1, foreach=True),
    "fused Adam": lambda parameters: optim.Adam(parameters, 0.1, fused=True),
}
STEPPING = [e for e in EXAMPLES if e.make(3, 4).causal]


def one_step(setting: Setting) -> tuple[Tree, State]:
    x = pytree.tree_map(lambda leaf: leaf[:, 0], setting.data)
    with torch.no_grad():
        result: tuple[Tree, State] = setting.layer.step(x, setting.state)
        return result


@pytest.mark.parametrize("example", STEPPING, ids=str)
def test_12_a_step_after_any_optimiser_equals_an_unpacked_step(example: Example) -> None:
    setting = prepare(example, typical._replace(dtype=torch.float32), training=False)
    parameters = list(setting.layer.parameters())
    for _ in range(3):  # from the second on it may be packed
        before = one_step(setting)
    for make in OPTIMISERS.values() if parameters else ():
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        make(parameters).step()
        with no_kernels():
            plain = one_step(setting)
        for _ in range(3):
            assert_same(one_step(setting), plain)
    if parameters:
        assert not all(map(torch.equal, *map(pytree.tree_leaves, (before, plain))))
