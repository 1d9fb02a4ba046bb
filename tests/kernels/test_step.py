"""Steps from packed weights: equal to the plain step, never stale, and nobody's business but the process's own."""

from __future__ import annotations

import copy
import io
import os
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim
from torch.nn.utils import parametrize

from tests.kernels.compiled import (
    MAKERS,
    error,
    instruction_set,
    needs_extension,
    problem,
    shared_by,
)
from tests.laws.harness import assert_same, drawer, no_kernels
from tests.laws.user_cells import CoupledLSTM
from unrolled import GRU, LSTM, RNN, Stack, Stream, WeightDrop, repack, watch
from unrolled.core import packs
from unrolled.core.registry import packed_step

pytestmark = needs_extension

SETS = ("avx512", "avx2", "portable", "plain")
each_kind = pytest.mark.parametrize("kind", MAKERS)


def packed_steps(cell: Any, x: Tensor, state: Any) -> Any:
    """Return what the packed weights give, made anew where they have to be."""
    with torch.no_grad():
        for _ in range(2):
            result = packed_step(cell, x, state)
    assert result is not None, "it was not packed"
    return result


def plain(cell: Any, x: Tensor, state: Any) -> Any:
    with torch.no_grad(), no_kernels():
        return cell.step(x, state)


def uses_pack(cell: Any) -> bool:
    pack = packs._packs.get(id(cell))
    return pack is not None and pack.made is not None


@pytest.mark.parametrize("name", SETS)
@each_kind
def test_steps_are_exact(name: str, kind: str) -> None:
    with instruction_set(name):
        for seed in range(6):
            given = problem(seed, kind)
            batch = random.Random(seed).choice([1, 1, 2, 7, 33])
            x, cell = drawer(seed, torch.float32)(batch, given.cell.input_size), given.cell
            state = type(given.state)(
                *(0.5 * drawer(seed, torch.float32)(batch, cell.hidden_size) for _ in given.state)
            )
            y, after = packed_steps(cell, x, state)
            exact = copy.deepcopy(cell).double()
            right, right_after = plain(
                exact, x.double(), type(state)(*(leaf.double() for leaf in state))
            )
            assert error([y, *after], [right, *right_after]) <= 1e-5


@pytest.mark.parametrize("batch", [0, 64, 65, 10_000])
@each_kind
def test_many_rows_and_threads(kind: str, batch: int) -> None:
    cell = MAKERS[kind](5, 19, True)
    x, state = torch.randn(batch, 5), cell.initial_state(batch)
    state = type(state)(*(torch.randn_like(leaf) for leaf in state))
    expected = plain(cell, x, state)
    assert_same(packed_steps(cell, x, state), expected)
    with shared_by(2):
        assert_same(packed_steps(cell, x, state), expected)


def test_inputs_of_any_strides_are_left_as_they_are() -> None:
    cell = LSTM(4, 6)
    x, h = torch.randn(4, 3).t(), torch.randn(3, 7)[:, 1:]
    state = cell.state_type(h, torch.randn(6, 3).t())
    before = copy.deepcopy((x, state))
    assert_same(packed_steps(cell, x, state), plain(cell, x, state))
    assert_same((x, state), before, 0.0)


def test_weights_of_one_moment_are_not_packed() -> None:
    cell = GRU(3, 4)
    x, state = torch.randn(1, 3), cell.initial_state(1)
    with torch.no_grad():
        for _ in range(3):
            cell.step(x, state)
            assert not uses_pack(cell)
            cell.weight_hh.mul_(0.9)
        cell.step(x, state)
        cell.step(x, state)
    assert uses_pack(cell)


def set_by_copy(cell: Any) -> None:
    with torch.no_grad():
        cell.weight_ih.copy_(2 * cell.weight_ih)


def set_in_inference_mode(cell: Any) -> None:
    with torch.inference_mode():
        cell.weight_hh.mul_(2)


def set_by_loading(cell: Any) -> None:
    cell.load_state_dict({name: 2 * value for name, value in cell.state_dict().items()})


def set_by_assigning(cell: Any) -> None:
    doubled = {name: 2 * value for name, value in cell.state_dict().items()}
    cell.load_state_dict(doubled, assign=True)


def replaced(cell: Any) -> None:
    cell.weight_hh = nn.Parameter(2 * cell.weight_hh.detach())


def through_half(cell: Any) -> None:
    with torch.no_grad():
        cell.weight_hh.add_(0.001)
    packed_steps(cell, torch.ones(1, cell.input_size), cell.initial_state(1))
    cell.half().float()


def by_data_and_repack(cell: Any) -> None:
    cell.weight_hh.data.mul_(2)
    repack()


def by_numpy_and_repack(cell: Any) -> None:
    cell.weight_hh.detach().numpy()[:] *= 2
    repack()


def new_data(cell: Any) -> None:
    cell.weight_hh.data = 2 * cell.weight_hh.data


def stepped(optimiser: Any, **options: Any) -> Any:
    def change(cell: Any) -> None:
        for parameter in cell.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimiser(cell.parameters(), lr=0.1, **options).step()

    change.__name__ = f"{optimiser.__name__}{options or ''}"
    return change


CHANGES = [
    set_by_copy,
    set_in_inference_mode,
    set_by_loading,
    set_by_assigning,
    replaced,
    through_half,
    by_data_and_repack,
    by_numpy_and_repack,
    new_data,
    stepped(optim.SGD),
    stepped(optim.SGD, fused=True),
    stepped(optim.Adam, foreach=True),
    stepped(optim.Adam, fused=True),
    stepped(optim.AdamW, fused=True),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@each_kind
def test_a_pack_is_never_stale(kind: str, change: Any) -> None:
    cell = MAKERS[kind](3, 5, True)
    x, state = torch.randn(2, 3), cell.initial_state(2)
    state = type(state)(*(torch.randn_like(leaf) for leaf in state))
    before = packed_steps(cell, x, state)
    change(cell)
    with torch.no_grad():
        for _ in range(3):
            assert_same(cell.step(x, state), plain(cell, x, state))
    assert not torch.equal(packed_steps(cell, x, state)[0], before[0])


def test_a_weight_that_lies_otherwise_is_noticed() -> None:
    cell = RNN(2, 3)
    x, state = torch.randn(1, 2), RNN.state_type(torch.randn(1, 3))
    packed_steps(cell, x, state)
    # At the same address, and torch counts the changes of both together.
    cell.weight_hh = nn.Parameter(cell.weight_hh.detach().t())
    assert_same(packed_steps(cell, x, state), plain(cell, x, state))


def test_weights_of_other_sizes_are_never_read() -> None:
    cell = RNN(2, 3)
    x, state = torch.randn(1, 2), cell.initial_state(1)
    packed_steps(cell, x, state)
    cell.weight_hh = nn.Parameter(torch.zeros(1, 1))
    with torch.no_grad():
        for _ in range(3):
            assert packed_step(cell, x, state) is None


def test_a_write_that_torch_does_not_count_needs_repack() -> None:
    cell = RNN(2, 3)
    x, state = torch.randn(1, 2), cell.initial_state(1)
    before = packed_steps(cell, x, state)[0]
    cell.weight_ih.data.mul_(2)
    assert torch.equal(packed_steps(cell, x, state)[0], before), "the documentation is out of date"
    repack()
    assert_same(packed_steps(cell, x, state), plain(cell, x, state))


@pytest.mark.parametrize("option", ["reset", "update"])
def test_a_changed_option_is_noticed(option: str) -> None:
    cell = GRU(2, 3)
    x, state = torch.randn(2, 2), GRU.state_type(torch.randn(2, 3))
    packed_steps(cell, x, state)
    setattr(cell, option, {"reset": "before", "update": "write"}[option])
    assert_same(packed_steps(cell, x, state), plain(cell, x, state))


def test_packs_are_dropped_with_mode_dtype_and_the_cell() -> None:
    for drop in (nn.Module.eval, nn.Module.train, nn.Module.double):
        cell = GRU(2, 3)
        packed_steps(cell, torch.randn(1, 2), cell.initial_state(1))
        assert uses_pack(cell)
        drop(Stack(cell))
        assert not uses_pack(cell)
    cell = GRU(2, 3)
    packed_steps(cell, torch.randn(1, 2), cell.initial_state(1))
    number = id(cell)
    del cell
    assert number not in packs._packs


def test_copies_carry_no_pack() -> None:
    cell = GRU(2, 3)
    x, state = torch.randn(1, 2), cell.initial_state(1)
    before = packed_steps(cell, x, state)
    attributes = dict(cell.__dict__)
    file = io.BytesIO()
    torch.save(cell, file)
    file.seek(0)
    for twin in (
        copy.deepcopy(cell),
        pickle.loads(pickle.dumps(cell)),
        torch.load(file, weights_only=False),
    ):
        assert not uses_pack(twin)
        assert_same(packed_steps(twin, x, state), before, 0.0)
    assert cell.__dict__ == attributes


def test_whoever_may_ask_for_gradients_gets_them() -> None:
    cell = GRU(2, 3)
    x, state = torch.randn(1, 2), cell.initial_state(1)
    packed_steps(cell, x, state)
    assert cell.step(x, state)[0].requires_grad
    cell.requires_grad_(False)
    assert packed_step(cell, x, state) is not None
    assert packed_step(cell, x.clone().requires_grad_(), state) is None
    h = state.h.clone().requires_grad_()
    assert cell.step(x, GRU.state_type(h))[0].requires_grad


def refuse_subclass() -> Any:
    return CoupledLSTM(2, 3), torch.randn(1, 2)


def refuse_parametrized() -> Any:
    cell = GRU(2, 3)
    parametrize.register_parametrization(cell, "weight_hh", nn.Tanh())
    return cell, torch.randn(1, 2)


def refuse_double() -> Any:
    return GRU(2, 3).double(), torch.randn(1, 2).double()


def refuse_replaced_gates() -> Any:
    cell = GRU(2, 3)
    cell.gates = lambda x, state: type(cell).gates(cell, 2 * x, state)  # type: ignore[method-assign]
    return cell, torch.randn(1, 2)


def refuse_made_in_inference_mode() -> Any:
    with torch.inference_mode():
        return GRU(2, 3), torch.randn(1, 2)


def refuse_shared_memory() -> Any:
    return GRU(2, 3).share_memory(), torch.randn(1, 2)


def refuse_negative_view() -> Any:
    x = torch.randn(1, 2, dtype=torch.complex64).conj().imag[:, :1]
    assert x.is_neg()
    return GRU(1, 3), x


@pytest.mark.parametrize(
    "make",
    [
        refuse_shared_memory,
        refuse_negative_view,
        refuse_subclass,
        refuse_parametrized,
        refuse_double,
        refuse_replaced_gates,
        refuse_made_in_inference_mode,
    ],
)
def test_what_is_not_the_cell_as_its_type_defines_it_steps_itself(make: Any) -> None:
    cell, x = make()
    state = cell.initial_state(1)
    with torch.no_grad():
        for _ in range(3):
            assert packed_step(cell, x, state) is None
            assert_same(cell.step(x, state), plain(cell, x, state), 0.0)


def test_the_switch_is_read_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = GRU(2, 3)
    x, state = torch.randn(1, 2), cell.initial_state(1)
    packed_steps(cell, x, state)
    monkeypatch.setenv("UNROLLED_KERNELS", "off")
    with torch.no_grad():
        assert packed_step(cell, x, state) is None
        assert_same(cell.step(x, state), plain(cell, x, state), 0.0)


def test_functional_calls_see_their_own_weights() -> None:
    cell = GRU(2, 3)
    x, state = torch.randn(4, 2), cell.initial_state(4)
    packed_steps(cell, x, state)
    weights = {name: torch.randn_like(value) for name, value in cell.named_parameters()}

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, x: Tensor) -> Tensor:
            return self.cell.step(x, cell.initial_state(4))[0]

    module, other = Step(), copy.deepcopy(cell)
    other.load_state_dict(weights)
    given = {f"cell.{name}": value for name, value in weights.items()}
    with torch.no_grad():
        for _ in range(3):
            found = torch.func.functional_call(module, given, (x,))
            torch.testing.assert_close(found, plain(other, x, state)[0])


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_transforms_tracing_autocast_and_watching_take_the_plain_step() -> None:
    cell = GRU(2, 3).requires_grad_(False)
    x, state = torch.randn(4, 2), cell.initial_state(4)
    expected = packed_steps(cell, x, state)[0]

    def run(x: Tensor) -> Tensor:
        y: Tensor = cell.step(x, state)[0]
        return y

    over_rows = torch.func.vmap(lambda row: cell.step(row[None], cell.initial_state(1))[0][0])
    torch.testing.assert_close(over_rows(x), expected)
    _, tangent = torch.func.jvp(run, (x,), (torch.ones_like(x),))
    assert tangent.abs().sum() > 0
    traced = torch.jit.trace(run, (x,), check_trace=False)
    torch.testing.assert_close(traced(2 * x), plain(cell, 2 * x, state)[0])
    lstm = LSTM(2, 3).requires_grad_(False)
    packed_steps(lstm, x, lstm.initial_state(4))
    with torch.autocast("cpu", torch.bfloat16):
        assert packed_step(lstm, x, lstm.initial_state(4)) is None
    with watch(cell) as seen:
        cell.step(x, state)
    assert seen[""].gates is not None


def test_export_and_compile_take_the_plain_step() -> None:
    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = GRU(2, 3).requires_grad_(False)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return self.cell.step(x, GRU.state_type(h))[0]

    module, x, h = Step(), torch.randn(2, 2), torch.randn(2, 3)
    expected = packed_steps(module.cell, x, GRU.state_type(h))[0]
    exported = torch.export.export(module, (x, h)).module()
    torch.testing.assert_close(exported(x, h), expected)
    assert_same(torch.compile(module, backend="eager", fullgraph=True)(x, h), expected)


def test_weight_drop_in_training_is_not_packed_away() -> None:
    layer = WeightDrop(GRU(2, 3), 0.5)
    x = torch.randn(1, 2)
    torch.manual_seed(0)
    state = layer.initial_state(1)._replace(cell=GRU.state_type(torch.ones(1, 3)))
    with torch.no_grad():
        packed_steps(layer.cell, x, state.cell)
        dropped = [layer.step(x, state)[0] for _ in range(3)]
        with no_kernels():
            expected = layer.step(x, state)[0]
    for y in dropped:
        torch.testing.assert_close(y, expected)


def test_threads_share_a_packed_cell() -> None:
    cell = LSTM(8, 40)
    inputs = [torch.randn(3, 8) for _ in range(4)]
    expected = [plain(cell, x, cell.initial_state(3)) for x in inputs]

    def run(number: int) -> bool:
        with torch.no_grad():
            for _ in range(300):
                assert_same(cell.step(inputs[number], cell.initial_state(3)), expected[number])
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(4)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_steps_too() -> None:
    cell = GRU(4, 64)
    stream, x = Stream(cell), torch.randn(256, 1, 4)
    with shared_by(2):
        stream.push(x)
        moment = stream.snapshot()
        expected = stream.push(x)
        child = os.fork()
        if child == 0:  # pragma: no cover
            stream.restore(moment)
            right = torch.allclose(stream.push(x), expected, atol=1e-6)
            packed_steps(cell, x[:, 0], cell.initial_state(256))
            os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_steps_keep_no_more_memory_from_call_to_call() -> None:
    from unrolled.kernels.extension import extension

    assert extension is not None
    layer = Stack(GRU(8, 20), nn.Linear(20, 4))
    stream, x = Stream(layer), torch.randn(3, 1, 8)
    stream.push(x)
    kept = extension.workspace_bytes()
    for _ in range(50):
        stream.push(x)
    assert extension.workspace_bytes() == kept
