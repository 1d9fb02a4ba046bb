"""Law 6: every kernel gives what repeating the cell's step gives, whichever gradients are asked for."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import example as explicit
from hypothesis import given

from tests.laws.examples import CELLS, Example
from tests.laws.harness import (
    Case,
    Setting,
    assert_same,
    both_modes,
    cases,
    each_example,
    few,
    no_kernels,
    prepare,
    same,
    scalar,
    typical,
    whole,
)
from unrolled import explain
from unrolled.core import registry
from unrolled.core.unroll import plain_loop

SHAPES = {
    "full": typical._replace(lengths=None),
    "ragged": typical,
    "one row": typical._replace(batch=1, lengths=[2]),
    "one step": typical._replace(steps=1, lengths=[1, 0, 1, 1]),
    "all rows short": typical._replace(lengths=[2, 1, 2, 0]),
    "all rows of one length": typical._replace(lengths=[5, 5, 5, 5]),
}

each_dtype = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)


@each_example
@both_modes
@few
@given(case=cases())
@explicit(case=typical)
def test_6_kernels_equal_the_plain_loop(example: Example, training: bool, case: Case) -> None:
    setting = prepare(example, case, training)
    run = whole(setting)

    def plain(layer, data, state):
        with no_kernels():
            return run(layer, data, state)

    same(plain, run, setting)


def pairs() -> list[Any]:
    """Every cell that a kernel is registered for, with that kernel."""
    explain(CELLS[0].make(1, 1), torch.zeros(1, 1, 1))  # registers our own
    return [
        pytest.param(example, kernel, id=f"{kernel.name}-{example}")
        for example in CELLS
        for kernel in registry.kernels_for(type(example.make(1, 1)))
    ]


def run_with(kernel: Any, setting: Setting, wanted: tuple[bool, ...]) -> dict[str, Any]:
    """Run one kernel (None: the plain loop) with gradients for those inputs that are wanted."""
    layer = setting.layer
    data = setting.data.detach().clone()
    state = type(setting.state)(*(leaf.detach().clone() for leaf in setting.state))
    inputs = [data, *state, *layer.parameters()]
    for leaf, want in zip(inputs, wanted, strict=True):
        leaf.requires_grad_(want)
    xs = setting.seq(data)
    ys, final = (kernel.unroll if kernel else plain_loop)(layer, xs, state)
    gradients = []
    if any(wanted):
        asked = [leaf for leaf, want in zip(inputs, wanted, strict=True) if want]
        gradients = list(torch.autograd.grad(scalar((ys.data, final)), asked))
    return {"outputs": ys.data, "state": final, "gradients": gradients}


@pytest.mark.parametrize(("example", "kernel"), pairs())
@pytest.mark.parametrize("shape", SHAPES)
@each_dtype
def test_6_a_kernel_alone_equals_the_plain_loop(
    example: Example, kernel: Any, shape: str, dtype: torch.dtype
) -> None:
    setting = prepare(example, SHAPES[shape]._replace(dtype=dtype), training=True)
    if kernel.refuses(setting.layer, setting.seq(setting.data), setting.state) is not None:
        return
    count = 1 + len(setting.state) + len(list(setting.layer.parameters()))
    everything_wanted = (True,) * count
    assert_same(
        run_with(kernel, setting, everything_wanted), run_with(None, setting, everything_wanted)
    )


@pytest.mark.parametrize(("example", "kernel"), pairs())
@each_dtype
def test_6_every_subset_of_gradients(example: Example, kernel: Any, dtype: torch.dtype) -> None:
    setting = prepare(example, typical._replace(dtype=dtype), training=True)
    if kernel.refuses(setting.layer, setting.seq(setting.data), setting.state) is not None:
        return
    count = 1 + len(setting.state) + len(list(setting.layer.parameters()))
    expected = run_with(None, setting, (True,) * count)
    for wanted in itertools.product((True, False), repeat=count):
        found = run_with(kernel, setting, wanted)
        asked = [g for g, want in zip(expected["gradients"], wanted, strict=True) if want]
        assert_same(found, {**expected, "gradients": asked})


@pytest.mark.parametrize(("example", "kernel"), pairs())
@each_dtype
def test_a_registered_kernel_is_used(example: Example, kernel: Any, dtype: torch.dtype) -> None:
    setting = prepare(example, typical._replace(dtype=dtype), training=False)
    xs = setting.seq(setting.data)
    (choice,) = explain(setting.layer, xs)
    if kernel.refuses(setting.layer, xs, setting.state) is None:
        assert choice.kernel != registry.PLAIN
    else:
        # It was asked, unless one before it took the call.
        assert kernel.name in dict(choice.refusals) or choice.kernel != registry.PLAIN


def test_there_are_kernels() -> None:
    assert {type(param.values[0].make(1, 1)).__name__ for param in pairs()} >= {
        "RNN",
        "LSTM",
        "GRU",
    }
