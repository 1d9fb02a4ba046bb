"""Law 7: Bidirectional on reversed input swaps its halves, and it never streams."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
import torch.utils._pytree as pytree
from hypothesis import example as explicit
from hypothesis import given

from tests.laws.examples import AROUND_CELLS, EXAMPLES, Example
from tests.laws.harness import Case, Setting, cases, few, prepare, same, typical
from unrolled import GRU, LSTM, Bidirectional, NotCausalError, Seq, Stream
from unrolled.core.compose import Merge

MERGES = get_args(Merge)


def both_ways(example: Example, merge: str) -> Example:
    """Two layers of an example, the second with other weights, in both directions."""

    def begin(layer, draw, batch):
        return tuple(
            example.begin(part, draw, batch) for part in (layer.forward_layer, layer.backward_layer)
        )

    def make(f, h):
        return Bidirectional(example.make(f, h), example.make(f, h), merge)

    return Example(
        f"{example} both ways, {merge}", make, example.inputs, begin, any_state=example.any_state
    )


def turned(layer: Bidirectional) -> Bidirectional:
    return Bidirectional(layer.backward_layer, layer.forward_layer, layer.merge).train(
        layer.training
    )


def halves_swap(setting: Setting, swap) -> None:
    def forward(layer, data, state):
        ys, final = layer(setting.seq(data), state)
        return ys.data, final

    def backward(layer, data, state):
        ys, final = turned(layer)(setting.seq(data).reversed(), (state[1], state[0]))
        return swap(ys.reversed().data), (final[1], final[0])

    same(forward, backward, setting)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
@few
@given(case=cases())
@explicit(case=typical)
def test_7_reversed_input_swaps_the_pair(example: Example, case: Case) -> None:
    setting = prepare(both_ways(example, "none"), case, training=True)
    halves_swap(setting, lambda ys: (ys[1], ys[0]))


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("cell", [GRU, LSTM], ids=lambda cell: cell.__name__)
@few
@given(case=cases())
@explicit(case=typical)
def test_7_reversed_input_swaps_the_merged_halves(cell, merge: str, case: Case) -> None:
    swaps = {
        "concat": lambda ys: torch.cat(ys.chunk(2, -1)[::-1], -1),
        "none": lambda ys: (ys[1], ys[0]),
    }
    setting = prepare(both_ways(Example("cell", cell), merge), case, training=True)
    halves_swap(setting, swaps.get(merge, lambda ys: ys))


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
@few
@given(case=cases())
@explicit(case=typical)
def test_7_each_half_is_its_layer_read_that_way(example: Example, case: Case) -> None:
    setting = prepare(both_ways(example, "none"), case, training=True)

    def together(layer, data, state):
        ys, final = layer(setting.seq(data), state)
        return ys.data, final

    def apart(layer, data, state):
        xs = setting.seq(data)
        ahead, ahead_state = layer.forward_layer(xs, state[0])
        back, back_state = layer.backward_layer(xs.reversed(), state[1])
        return (ahead.data, back.reversed().data), (ahead_state, back_state)

    same(together, apart, setting)


@pytest.mark.parametrize("merge", MERGES)
def test_merges(merge: str) -> None:
    layer = Bidirectional(GRU(3, 4), GRU(3, 4), merge)
    xs = Seq(torch.randn(3, 5, 3), [5, 0, 2])
    ahead = layer.forward_layer(xs)[0].data
    back = layer.backward_layer(xs.reversed())[0].reversed().data
    expected = {
        "concat": torch.cat((ahead, back), -1),
        "sum": ahead + back,
        "mean": 0.5 * ahead + 0.5 * back,
        "none": (ahead, back),
    }
    found = layer(xs)[0].data
    for ours, wanted in zip(
        pytree.tree_leaves(found), pytree.tree_leaves(expected[merge]), strict=True
    ):
        torch.testing.assert_close(ours, wanted)


def not_causal() -> list[Example]:
    return [example for example in EXAMPLES if not example.make(3, 4).causal]


@pytest.mark.parametrize("example", not_causal(), ids=str)
def test_7_what_is_not_causal_refuses_to_stream(example: Example) -> None:
    layer = example.make(3, 4)
    x = example.inputs(lambda *shape: torch.zeros(shape), 2, 1, 3)
    with pytest.raises(NotCausalError, match=r"needs the whole sequence"):
        Stream(layer)
    with pytest.raises(NotCausalError, match=r"one step at a time"):
        layer.step(pytree.tree_map(lambda leaf: leaf[:, 0], x), layer.initial_state(2))


def test_what_waits_is_what_has_a_direction() -> None:
    named = {example.name for example in not_causal()}
    assert named >= {example.name for example in AROUND_CELLS if "bidirectional" in example.name}
    assert len(named) < len(EXAMPLES) / 2
