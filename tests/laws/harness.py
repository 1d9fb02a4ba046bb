"""How a law is put to a test: two ways to run the same layer on the same data must give the same.

The same means outputs, final state and the gradients of one scalar that depends on all of them, with respect to the
input, the initial state and the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import pytest
import torch
import torch.utils._pytree as pytree
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from tests.laws.examples import EXAMPLES, Example, drawer
from unrolled import Layer, Seq, join_rows, select_rows
from unrolled.core import registry
from unrolled.core.noise import NoiseState
from unrolled.core.tree import Constant, State, Tree, rebuild

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}

few = settings(max_examples=max(4, settings.default.max_examples // 25))
"""Shapes to draw for one law and one example, besides `typical`: there are hundreds of such pairs."""

Way = Callable[[Any, Tree, State], tuple[Tree, State]]


class Case(NamedTuple):
    """What hypothesis draws for a law."""

    batch: int
    steps: int
    lengths: list[int] | None
    features: int
    hidden: int
    seed: int
    dtype: torch.dtype


@st.composite
def cases(draw: st.DrawFn, *, ragged: bool = True, batch: int = 0, steps: int = 0) -> Case:
    """Draw a batch of at least ``batch`` rows and ``steps`` steps; ragged lengths go down to zero."""
    batch, steps = draw(st.integers(batch, 4)), draw(st.integers(steps, 6))
    rows = st.lists(st.integers(0, steps), min_size=batch, max_size=batch)
    return Case(
        batch,
        steps,
        draw(st.none() | rows if ragged else st.none()),
        draw(st.integers(1, 4)),
        draw(st.integers(2, 4)),
        draw(st.integers(0, 2**31)),
        draw(st.sampled_from([torch.float64, torch.float32])),
    )


typical = Case(4, 5, [3, 0, 5, 3], 3, 4, 7, torch.float64)
"""Tried for every law and example before anything is drawn: lengths that are unequal, equal, full and zero."""


class Setting(NamedTuple):
    """An example made ready to run: random parameters, data and state."""

    layer: Any
    data: Tree
    state: State
    lengths: Tensor | None

    @property
    def row_lengths(self) -> list[int]:
        return Seq(self.data, self.lengths).row_lengths.tolist()

    def seq(self, data: Tree) -> Seq:
        return Seq(data, self.lengths)


def prepare(example: Example, case: Case, training: bool) -> Setting:
    draw = drawer(case.seed, case.dtype)
    torch.default_generator.manual_seed(case.seed)  # torch.manual_seed formats three stack traces
    layer = example.make(case.features, case.hidden).to(case.dtype).train(training)
    with torch.no_grad():
        for parameter in layer.parameters():  # also those that begin at 0 or 1
            parameter.copy_(0.5 * draw(*parameter.shape))
    data = example.inputs(draw, case.batch, case.steps, case.features)
    state = begin(example, layer, draw, case)
    lengths = None if case.lengths is None else torch.tensor(case.lengths, dtype=torch.int64)
    return Setting(layer, data, state, lengths)


def begin(example: Example, layer: Layer, draw: Callable[..., Tensor], case: Case) -> State:
    """Return a state in the middle of something: no zeros in it, and the noise at any position."""

    def fill(part: Tree) -> Tree:
        if isinstance(part, NoiseState):
            positions = torch.arange(len(part.position)) * 7 % 5
            return part._replace(position=part.position + positions)
        if isinstance(part, tuple) and not isinstance(part, Constant):
            return rebuild(part, [fill(inner) for inner in part])
        if isinstance(part, Tensor) and part.is_floating_point():
            return 0.7 * draw(*part.shape)
        return part

    state = example.begin(layer, draw, case.batch)
    if not example.any_state:
        with torch.no_grad():
            return layer(example.inputs(draw, case.batch, 2, case.features), state)[1]
    return fill(state)


def same(one: Way, other: Way, setting: Setting, tolerance: float | None = None) -> None:
    """Assert that two ways to run a layer give the same outputs, final state and gradients."""
    expected = everything(one, setting)
    found = everything(other, setting)
    assert_same(found, expected, tolerance)


def assert_same(found: Any, expected: Any, tolerance: float | None = None) -> None:
    """Assert that two trees of tensors are equal in structure, shapes, dtypes and, within the tolerance, values."""
    found_leaves, found_structure = pytree.tree_flatten(found)
    expected_leaves, expected_structure = pytree.tree_flatten(expected)
    assert found_structure == expected_structure
    for place, (a, b) in enumerate(zip(found_leaves, expected_leaves, strict=True)):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        dtype = b.real.dtype if b.is_complex() else b.dtype
        near = TOLERANCE.get(dtype, 0.0) if tolerance is None else tolerance
        torch.testing.assert_close(
            a, b, rtol=near, atol=near, msg=lambda text, place=place: f"leaf {place}: {text}"
        )


def everything(way: Way, setting: Setting) -> dict[str, Any]:
    """Run ``way`` and return outputs, final state and all gradients."""
    (data, state), inputs = with_gradients((setting.data, setting.state))
    ys, final = way(setting.layer, data, state)
    parameters = list(setting.layer.parameters())
    loss = scalar((ys, final))
    gradients: Any = [torch.zeros_like(leaf) for leaf in (*inputs, *parameters)]
    if loss.requires_grad:
        gradients = torch.autograd.grad(
            loss, [*inputs, *parameters], allow_unused=True, materialize_grads=True
        )
    return {"outputs": ys, "state": final, "gradients": list(gradients)}


def with_gradients(tree: Tree) -> tuple[Any, list[Tensor]]:
    """Return a copy of the tree whose real tensors require gradients, and those tensors."""
    leaves, structure = pytree.tree_flatten(tree)
    leaves = [
        leaf.detach().clone().requires_grad_() if leaf.is_floating_point() else leaf.clone()
        for leaf in leaves
    ]
    return pytree.tree_unflatten(leaves, structure), [leaf for leaf in leaves if leaf.requires_grad]


def scalar(tree: Tree) -> Tensor:
    """Return one number that depends on every real number of the tree, on each with another weight."""
    draw = drawer(0, torch.float64)
    real = [leaf for leaf in pytree.tree_leaves(tree) if leaf.is_floating_point()]
    terms = [(leaf * draw(*leaf.shape).to(leaf.dtype)).sum() for leaf in real]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def whole(setting: Setting) -> Way:
    """Return the way that is the reference: one pass over a Seq."""

    def run(layer: Any, data: Tree, state: State) -> tuple[Tree, State]:
        ys, final = layer(setting.seq(data), state)
        return ys.data, final

    return run


def join_time(parts: list[Tree]) -> Tree:
    """Join trees (B, T_i, ...) along time."""
    return pytree.tree_map(lambda *leaves: torch.cat(leaves, 1), *parts)


def cut_time(data: Tree, start: int, end: int) -> Tree:
    return pytree.tree_map(lambda leaf: leaf[:, start:end], data)


def pad_time(data: Tree, steps: int) -> Tree:
    """Lengthen a tree (B, T, ...) to ``steps`` steps with zeros."""

    def pad(leaf: Tensor) -> Tensor:
        missing = leaf.new_zeros(leaf.shape[0], steps - leaf.shape[1], *leaf.shape[2:])
        return torch.cat((leaf, missing), 1)

    return pytree.tree_map(pad, data)


def row(tree: Tree, index: int) -> Tree:
    return select_rows(tree, torch.tensor([index]))


@contextmanager
def no_kernels() -> Iterator[None]:
    """Let every cell take the plain loop, and its own steps in it."""
    registry._load_kernels()
    with (
        mock.patch("unrolled.core.unroll.find_kernel", return_value=None),
        mock.patch.dict(registry._step_kernels, clear=True),
    ):
        yield


each_example = pytest.mark.parametrize("example", EXAMPLES, ids=str)
both_modes = pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])

__all__ = [
    "Case", "Setting", "Way", "assert_same", "both_modes", "cases", "cut_time", "each_example", "everything", "few",
    "join_rows", "join_time", "no_kernels", "pad_time", "prepare", "row", "same", "scalar", "typical", "whole", "with_gradients",
]  # fmt: skip
