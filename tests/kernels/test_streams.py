"""Streams of packed layers: the layer's own numbers, whatever is stacked, however it is fed."""

from __future__ import annotations

import copy
import gc
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
import torch
import torch.utils._pytree as pytree
from torch import Tensor, nn
from torch.nn.utils import parametrize

from tests.kernels.compiled import MAKERS, error, instruction_set, needs_extension, shared_by
from tests.laws.harness import assert_same, no_kernels
from unrolled import (
    GRU,
    LSTM,
    RNN,
    Dropout,
    Layer,
    LayerNormGRU,
    Residual,
    Seq,
    ShapeError,
    Stack,
    Stream,
    WeightDrop,
    Zoneout,
    watch,
)

pytestmark = needs_extension

SETS = ("avx512", "avx2", "portable", "plain")
SIZES = (1, 2, 3, 7, 16, 17, 31, 33, 48, 70)
TOKENS = 11


def is_packed(stream: Stream) -> bool:
    return stream.refused == ""


def drawn_stack(seed: int) -> Stack:
    """Draw a stack of everything that is packed."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    size = draw.choice(SIZES)
    parts: list[nn.Module] = []
    if draw.random() < 0.4:
        parts.append(nn.Embedding(TOKENS, size, padding_idx=draw.choice([None, 0])))
    features = size
    cells = draw.randint(1, 2)
    while cells:
        kind = draw.choice(["cell", "cell", "linear", "norm", "each", "drop", "stack"])
        wide = draw.choice(SIZES)
        bias = draw.random() < 0.7
        make = MAKERS[draw.choice(list(MAKERS))]
        if kind == "cell":
            cell = make(size, wide, bias)
            parts.append(WeightDrop(cell, 0.5) if draw.random() < 0.2 else cell)
            size, cells = wide, cells - 1
        elif kind == "stack":
            parts.append(Stack(Dropout(0.2), make(size, wide, bias), nn.Sigmoid()))
            size, cells = wide, cells - 1
        elif kind == "linear":
            parts.append(nn.Linear(size, wide, bias=bias))
            size = wide
        elif kind == "norm":
            affine = draw.random() < 0.7
            parts.append(nn.LayerNorm(size, eps=0.01, elementwise_affine=affine))
        elif kind == "drop":
            parts.append(draw.choice([nn.Dropout(0.5), Dropout(0.5), Dropout(0.3, locked=True)]))
        elif any(isinstance(part, nn.Linear | nn.Embedding) for part in parts):
            parts.append(draw.choice([nn.Tanh(), nn.ReLU(), nn.Identity()]))
    if not isinstance(parts[0], nn.Embedding):
        parts.append(nn.Linear(size, 3))
    stack = Stack(*parts)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.copy_(torch.randn_like(parameter) / (1 + parameter.shape[-1] ** 0.5))
    stack.input_features = features  # type: ignore[assignment]
    return stack


def drawn_input(layer: Any, batch: int, steps: int) -> Tensor:
    if isinstance(layer[0], nn.Embedding):
        return torch.randint(0, TOKENS, (batch, steps))
    return torch.randn(batch, steps, layer.input_features)


def all_leaves(*trees: Any) -> list[Tensor]:
    return [leaf.double() for leaf in pytree.tree_leaves(trees)]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("block", range(4))
def test_random_stacks_are_exact(name: str, block: int) -> None:
    with instruction_set(name):
        for seed in range(10 * block, 10 * block + 10):
            check_stack(seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("block", range(20))
def test_many_random_stacks(name: str, block: int) -> None:
    with instruction_set(name):
        for seed in range(1000 + 20 * block, 1020 + 20 * block):
            check_stack(seed)


def check_stack(seed: int) -> None:
    draw = random.Random(seed)
    layer = drawn_stack(seed)
    batch, cuts = draw.choice([1, 1, 2, 5, 33]), [draw.choice([1, 1, 1, 0, 2, 5]) for _ in range(4)]
    xs = drawn_input(layer, batch, sum(cuts))
    stream = Stream(layer)
    assert is_packed(stream)
    with mock.patch.object(stream, "_push_plain", side_effect=AssertionError("not packed")):
        ys = torch.cat([stream.push(chunk) for chunk in xs.split(cuts, 1)], 1)
    exact = copy.deepcopy(layer).eval().double()
    with torch.no_grad(), no_kernels():
        right, after = exact(xs if xs.dtype is torch.int64 else xs.double())
    found = stream.state
    assert pytree.tree_structure(found) == pytree.tree_structure(after)
    assert error(all_leaves(ys), all_leaves(right)) <= 2e-5, f"stack of seed {seed}"
    real = [leaf for leaf in pytree.tree_leaves(found) if leaf.is_floating_point()]
    exact_real = [leaf for leaf in pytree.tree_leaves(after) if leaf.is_floating_point()]
    assert error(real, exact_real) <= 2e-5, f"stack of seed {seed}"
    positions = [leaf for leaf in pytree.tree_leaves(found) if leaf.dtype is torch.int64]
    assert len(positions) == len(pytree.tree_leaves(found)) - len(real)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", MAKERS)
def test_a_cell_over_tokens_is_exact(name: str, kind: str) -> None:
    """The input's product of every token stands in a table: of more tokens than are made together, and of any rows."""
    with instruction_set(name):
        for hidden, bias in ((1, True), (17, False), (33, True)):
            layer = Stack(nn.Embedding(70, 5), Dropout(0.5), MAKERS[kind](5, hidden, bias))
            for parameter in layer.parameters():
                nn.init.normal_(parameter, std=0.4)
            exact = copy.deepcopy(layer).eval().double()
            for batch, cuts in ((1, [1, 1, 7]), (3, [1, 2, 1]), (70, [5, 1])):
                tokens = torch.randint(70, (batch, sum(cuts)))
                tokens[0, 0] = 69
                stream = Stream(layer)
                assert is_packed(stream)
                ys = torch.cat([stream.push(chunk) for chunk in tokens.split(cuts, 1)], 1)
                with torch.no_grad(), no_kernels():
                    right, _ = exact(tokens)
                torch.testing.assert_close(ys.double(), right, atol=1e-5, rtol=1e-5)


def test_a_table_of_too_many_tokens_is_not_made() -> None:
    layer = Stack(nn.Embedding(70_000, 3), GRU(3, 80))
    stream, tokens = Stream(layer), torch.randint(70_000, (2, 3))
    assert is_packed(stream)
    with torch.no_grad():
        torch.testing.assert_close(stream.push(tokens), layer(tokens)[0], atol=1e-5, rtol=1e-5)


def full_stack() -> Stack:
    return Stack(
        nn.Linear(4, 6),
        Dropout(0.5),
        LSTM(6, 9),
        nn.LayerNorm(9),
        WeightDrop(GRU(9, 9), 0.3),
        RNN(9, 5, "relu"),
        nn.Linear(5, 3),
    )


@pytest.mark.parametrize("batch", [64, 65, 10_000])
def test_many_rows_and_threads(batch: int) -> None:
    layer = full_stack().eval()
    xs = torch.randn(batch, 2, 4)
    with torch.no_grad(), no_kernels():
        expected, _ = layer(xs)
    for threads in (1, 2):
        stream = Stream(layer)
        with shared_by(threads):
            ys = torch.cat([stream.push(xs[:, :1]), stream.push(xs[:, 1:])], 1)
        torch.testing.assert_close(ys, expected, atol=1e-5, rtol=1e-5)


def test_state_is_that_of_the_layer_at_every_moment() -> None:
    layer, xs = full_stack().eval(), torch.randn(3, 6, 4)
    stream = Stream(layer)
    torch.manual_seed(7)  # what the noise begins with is part of the state
    for end in range(1, 7):
        stream.push(xs[:, end - 1 : end])
        torch.manual_seed(7)
        with torch.no_grad(), no_kernels():
            _, expected = layer(xs[:, :end])
        assert_same(stream.state, expected)


def test_a_layer_that_stands_in_two_places_has_two_states() -> None:
    cell, linear = LSTM(3, 3), nn.Linear(3, 3)
    layer, xs = Stack(cell, linear, cell, linear), torch.randn(2, 3, 3)
    stream = Stream(layer)
    assert is_packed(stream)
    with torch.no_grad():
        expected = layer(xs)
    assert_same((stream.push(xs), stream.state), expected)


def test_a_state_in_hand_does_not_change() -> None:
    layer, xs = Stack(LSTM(2, 3)), torch.randn(1, 4, 2)
    stream = Stream(layer)
    first = stream.push(xs[:, :1])
    kept = stream.state
    before = copy.deepcopy((first, kept))
    stream.push(xs[:, 1:2])
    assert_same((first, kept), before, 0.0)


def test_a_state_can_be_set_and_written_to() -> None:
    layer, xs = GRU(2, 3), torch.randn(2, 1, 2)
    given = GRU.state_type(torch.randn(2, 3))
    before = given.h.clone()
    stream = Stream(layer)
    stream.state = given
    ys = stream.push(xs)
    assert torch.equal(given.h, before)
    with torch.no_grad():
        torch.testing.assert_close(ys, layer(xs, given)[0])
        stream.state.h.zero_()
        torch.testing.assert_close(stream.push(xs), layer(xs)[0])


def ragged(xs: Tensor) -> Any:
    return Seq(xs, torch.tensor([1, 0, 1]))


def as_list(xs: Tensor) -> Any:
    return list(xs)


def as_is(xs: Tensor) -> Any:
    return xs


def strided(xs: Tensor) -> Any:
    return xs.repeat_interleave(2, -1)[..., ::2]


def asking_for_gradients(xs: Tensor) -> Any:
    return xs.clone().requires_grad_()


FEEDS = (as_is, ragged, as_list, strided, asking_for_gradients)


@pytest.mark.parametrize("seed", range(6))
def test_chunks_of_every_kind_in_any_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, layer = random.Random(seed), full_stack().eval()
    torch.manual_seed(seed)
    stream, state = Stream(layer), None
    for _ in range(12):
        chunk = draw.choice(FEEDS)(torch.randn(3, 1, 4))
        with monkeypatch.context() as patch:
            if draw.random() < 0.2:
                patch.setenv("UNROLLED_KERNELS", "off")
            torch.manual_seed(3)
            found = stream.push(chunk)
        torch.manual_seed(3)
        with torch.no_grad(), no_kernels():
            expected, state = layer(chunk, state)
        assert type(found) is type(expected)
        assert_same(pytree.tree_leaves(found), pytree.tree_leaves(expected))
        assert not any(leaf.requires_grad for leaf in pytree.tree_leaves(found))
        if draw.random() < 0.5:
            assert_same(stream.state, state)


def test_long_chunks_go_to_the_kernels_for_sequences() -> None:
    layer, xs = GRU(2, 3), torch.randn(2, 1200, 2)
    stream = Stream(layer)
    ys = [stream.push(xs[:, :1]), stream.push(xs[:, 1:700]), stream.push(xs[:, 700:])]
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(ys, 1), layer(xs)[0], atol=1e-5, rtol=1e-5)
    assert not stream._kernel.takes(xs)  # type: ignore[union-attr]


def hooked() -> Layer:
    layer = Stack(GRU(2, 3), nn.Linear(3, 3))
    layer[1].register_forward_hook(lambda module, given, y: 2 * y)
    return layer


def with_own_forward() -> Layer:
    layer = Stack(GRU(2, 3), nn.Linear(3, 3))
    layer[1].forward = torch.neg
    return layer


def parametrized() -> Layer:
    layer = Stack(GRU(2, 3), nn.Linear(3, 3))
    parametrize.register_parametrization(layer[1], "weight", nn.Tanh())
    return layer


class TwiceLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def with_a_small_weight() -> Layer:
    layer = Stack(GRU(2, 3))
    layer[0].weight_hh = nn.Parameter(torch.zeros(9, 2))
    return layer


NOT_PACKED = {
    "hooks": hooked,
    "a forward of its own": with_own_forward,
    "parametrized": parametrized,
    "a subclass": lambda: Stack(GRU(2, 3), TwiceLinear(3, 3)),
    "another cell": lambda: Stack(GRU(2, 3), LayerNormGRU(3, 3)),
    "zoneout": lambda: Zoneout(GRU(2, 3), 0.3),
    "residual": lambda: Residual(GRU(2, 2)),
    "double": lambda: Stack(GRU(2, 3), nn.Linear(3, 3)).double(),
    "another module": lambda: Stack(GRU(2, 3), nn.GELU()),
    "half a layer norm": lambda: Stack(GRU(2, 4), nn.Unflatten(-1, (2, 2)), nn.LayerNorm((2, 2))),
    "sizes that do not fit": lambda: Stack(GRU(2, 3), nn.Linear(4, 3)),
    "a weight of another size": with_a_small_weight,
    "no cell": lambda: Stack(nn.Linear(2, 3)),
}


REASONS = {
    "hooks": "layers.1 (Linear) has hooks",
    "a forward of its own": "layers.1 (Linear) has hooks, or methods that are replaced",
    "parametrized": "layers.1 (ParametrizedLinear)",
    "a subclass": "layers.1 (TwiceLinear)",
    "another cell": "layers.1 (LayerNormGRU)",
    "zoneout": "it (Zoneout)",
    "residual": "it (Residual)",
    "double": "layers.0 (GRU)",
    "another module": "layers.1 (GELU) is not packed",
    "half a layer norm": "layers.1 (Unflatten)",
    "sizes that do not fit": "layers.1 (Linear)",
    "a weight of another size": "layers.0 (GRU)",
    "no cell": "no RNN, LSTM or GRU",
}


@pytest.mark.parametrize("name", NOT_PACKED)
def test_what_cannot_be_packed_runs_as_it_is(name: str) -> None:
    layer: Layer = NOT_PACKED[name]().eval()
    stream = Stream(layer)
    assert not is_packed(stream)
    assert REASONS[name] in stream.refused
    xs = torch.randn(1, 3, 2, dtype=torch.float64 if name == "double" else torch.float32)
    if name in ("sizes that do not fit", "a weight of another size"):
        with pytest.raises((RuntimeError, ShapeError)):
            stream.push(xs)
        return
    with torch.no_grad():
        assert_same(stream.push(xs), layer(xs)[0])


def test_a_word_that_does_not_exist_is_refused_and_changes_nothing() -> None:
    stream = Stream(Stack(nn.Embedding(5, 3), GRU(3, 4)))
    with pytest.raises(IndexError):
        stream.push(torch.tensor([[5]]))
    assert stream.state is None, "the batch is that of a push that failed"
    first = stream.push(torch.tensor([[1], [2]]))
    moment = stream.snapshot()
    for wrong in (5, -1):
        with pytest.raises(IndexError):
            stream.push(torch.tensor([[1], [wrong]]))
        assert_same(stream.state, moment, 0.0)
    stream.restore(None)
    assert torch.equal(stream.push(torch.tensor([[1], [2]])), first)


@pytest.mark.parametrize("wrong", [(3, 1, 2), (2, 1, 3), (2, 2), (2,)])
def test_wrong_chunks_are_refused_and_change_nothing(wrong: tuple[int, ...]) -> None:
    stream = Stream(GRU(2, 3))
    stream.push(torch.randn(2, 1, 2))
    moment = stream.snapshot()
    with pytest.raises(ShapeError):
        stream.push(torch.randn(wrong))
    assert_same(stream.state, moment, 0.0)


@pytest.mark.parametrize(
    "state",
    [
        GRU.state_type(torch.zeros(3, 4)),
        GRU.state_type(torch.zeros(1, 5)),
        LSTM.state_type(torch.zeros(3, 5), torch.zeros(3, 5)),
        torch.zeros(3, 5),
    ],
)
def test_a_state_of_another_layer_is_refused(state: Any) -> None:
    stream = Stream(GRU(2, 5))
    stream.state = state
    with pytest.raises(ShapeError):
        stream.push(torch.randn(3, 1, 2))


def test_numbers_do_not_depend_on_defaults_and_modes() -> None:
    layer, xs = full_stack().eval(), torch.randn(2, 3, 4)
    expected = Stream(layer).push(xs)
    torch.set_default_dtype(torch.float64)
    try:
        assert_same(Stream(layer).push(xs), expected, 0.0)
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        stream = Stream(layer)
        stream.state = pytree.tree_map(
            lambda leaf: torch.zeros_like(leaf, device="cpu"), layer.initial_state(2)
        )
        assert_same(stream.push(xs), expected, 0.0)
    stream = Stream(layer)
    with torch.inference_mode():
        first = stream.push(xs[:, :1])
    second = stream.push(xs[:, 1:])
    torch.testing.assert_close(torch.cat([first, second], 1), expected)


def test_watching_the_layer_while_a_stream_is_made_records_nothing_of_it() -> None:
    layer, xs = GRU(2, 3), torch.randn(1, 2, 2)
    with watch(layer):
        stream = Stream(layer)
        assert not is_packed(stream)
        watched = stream.push(xs)
    stream.refresh()
    assert is_packed(stream)
    stream.restore(None)
    torch.testing.assert_close(stream.push(xs), watched)


def test_copies_and_pickles_go_on_by_themselves() -> None:
    stream, xs = Stream(full_stack()), torch.randn(2, 6, 4)
    stream.push(xs[:, :2])
    twins = [
        copy.deepcopy(stream),
        pickle.loads(pickle.dumps(stream)),
        stream.fork(),
        copy.copy(stream),
    ]
    expected = stream.push(xs[:, 2:])
    for twin in twins:
        assert is_packed(twin)
        assert torch.equal(twin.push(xs[:, 2:]), expected)


def test_each_thread_steps_its_own_stream() -> None:
    stream, xs = Stream(full_stack()), torch.randn(4, 70, 60, 4)
    twins = [stream.fork() for _ in range(4)]
    expected = [Stream(stream.layer).push(x[:, :14]) for x in xs]

    def run(number: int) -> Tensor:
        chunks = xs[number, :, :14].split(1, 1)
        return torch.cat([twins[number].push(chunk) for chunk in chunks], 1)

    with ThreadPoolExecutor(4) as pool:
        for found, right in zip(pool.map(run, range(4)), expected, strict=True):
            torch.testing.assert_close(found, right, atol=1e-5, rtol=1e-5)


def test_one_stream_in_two_threads_may_mix_steps_but_not_memory() -> None:
    stream = Stream(LSTM(64, 64))
    x = torch.randn(64, 1, 64)
    stream.push(x)
    moment = stream.snapshot()

    def run(number: int) -> None:
        for _ in range(50):
            stream.push(x)
            stream.restore(moment)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert stream.push(x).isfinite().all()


def test_streams_leave_no_memory_behind() -> None:
    layer, x = GRU(64, 64), torch.randn(1, 1, 64)

    def resident() -> int:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1])

    def use(times: int) -> None:
        for _ in range(times):
            stream = Stream(layer)
            stream.push(x)
            stream.fork().push(x)
        gc.collect()

    use(20)
    before = resident()
    use(100)
    assert resident() - before < 100 * 98_304 // 4096 // 4, (
        "weights of streams that are gone are kept"
    )
