"""The compiled kernels through the cells: exact, for any sizes and strides, in threads, after a fork, and refused aloud."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from tests.kernels.compiled import (
    MAKERS,
    Problem,
    assert_exact,
    error,
    needs_extension,
    problem,
    shared_by,
)
from tests.laws.harness import no_kernels
from unrolled import GRU, LSTM, RNN, Seq, WeightDrop, explain
from unrolled.core.registry import find_kernel
from unrolled.kernels.threads import WORTH_SHARING, threads_for

pytestmark = needs_extension


def together(given: Problem) -> list[torch.Tensor]:
    """Return outputs, final state and gradients in one list."""
    outputs, gradients = given.results()
    return outputs + gradients


each_kind = pytest.mark.parametrize("kind", MAKERS)
XS = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))


@each_kind
@pytest.mark.parametrize("threads", [2, 3])
def test_several_threads(kind: str, threads: int) -> None:
    with shared_by(threads):
        assert_exact(problem(seed, kind) for seed in range(300, 304))


@each_kind
@pytest.mark.parametrize(
    ("batch", "steps", "lengths"),
    [(0, 4, None), (3, 0, None), (0, 0, None), (3, 4, [0, 0, 0]), (0, 4, []), (3, 1, [0, 1, 0])],
)
def test_where_there_is_nothing_or_little(kind: str, batch: int, steps: int, lengths) -> None:
    cell = MAKERS[kind](3, 5, True)
    given = Problem(
        cell,
        torch.randn(batch, steps, 3),
        None if lengths is None else torch.tensor(lengths, dtype=torch.int64),
        cell.state_type(*(torch.randn(batch, 5) for _ in cell.state_type._fields)),
        torch.randn(batch, steps, 5),
        [torch.randn(batch, 5) for _ in cell.state_type._fields],
    )
    assert explain(cell, Seq(given.data, given.lengths))[0].kernel == "compiled"
    outputs, gradients = given.results()
    with no_kernels():
        expected_outputs, expected_gradients = given.results()
    for a, b in zip(outputs + gradients, expected_outputs + expected_gradients, strict=True):
        torch.testing.assert_close(a, b)


def shifted(data: torch.Tensor) -> torch.Tensor:
    """Return the same numbers, one float behind an aligned address."""
    room = torch.zeros(data.numel() + 1)
    room[1:] = data.flatten()
    return room[1:].view(data.shape)


LAYOUTS = {
    "unaligned": shifted,
    "time first": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "features first": lambda x: x.permute(2, 0, 1).contiguous().permute(1, 2, 0),
    "a part of the features": lambda x: torch.cat((x, x + 1), 2)[..., : x.shape[2]],
    "a part of the steps": lambda x: torch.cat((x, x + 1), 1)[:, : x.shape[1]],
    "every other step": lambda x: x.repeat_interleave(2, 1)[:, ::2],
}


@each_kind
@pytest.mark.parametrize("layout", LAYOUTS)
def test_inputs_and_gradients_that_lie_anyhow(kind: str, layout: str) -> None:
    given = problem(17, kind)
    outputs, gradients = given.results()
    change = LAYOUTS[layout]
    moved = given._replace(
        data=change(given.data),
        grad_y=change(given.grad_y),
        state=type(given.state)(*(change(leaf[None])[0] for leaf in given.state)),
        grad_state=[change(leaf[None])[0] for leaf in given.grad_state],
    )
    assert torch.equal(moved.data, given.data)
    for a, b in zip(together(moved), outputs + gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


@each_kind
def test_expanded_inputs_and_gradients(kind: str) -> None:
    cell = MAKERS[kind](3, 5, True)
    x, h, g = torch.randn(1, 1, 3), torch.randn(1, 5), torch.randn(1, 1, 1)
    state = cell.state_type(*(h.expand(4, 5) for _ in cell.state_type._fields))
    given = Problem(cell, x.expand(4, 6, 3), None, state, g.expand(4, 6, 5), list(state))
    found = together(given)
    with no_kernels():
        expected = together(given)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


@each_kind
def test_weights_that_are_not_contiguous(kind: str) -> None:
    cell, xs = MAKERS[kind](3, 5, True), XS.clone().requires_grad_()
    weights = {
        name: parameter.detach()[..., None]
        .repeat(*[1] * parameter.dim(), 2)[..., 0]
        .requires_grad_()
        for name, parameter in cell.named_parameters()
    }

    def gradients():
        ys, _ = functional_call(cell, weights, (xs,))
        return torch.autograd.grad(ys.sin().sum(), [xs, *weights.values()])

    found = gradients()
    with no_kernels():
        expected = gradients()
    torch.testing.assert_close(found, expected)


@each_kind
def test_padding_is_zero_and_takes_no_gradient(kind: str) -> None:
    cell = MAKERS[kind](3, 5, True)
    data = torch.randn(4, 7, 3)
    data[0, 2:] = torch.nan
    xs = Seq(data.requires_grad_(), [2, 0, 7, 5])
    ys, _ = cell(xs)
    gradient = torch.full_like(ys.data, torch.nan)
    gradient[xs.mask()] = 1.0
    (found,) = torch.autograd.grad(ys.data, data, gradient)
    assert (ys.data[~xs.mask()] == 0).all()
    assert (found[~xs.mask()] == 0).all()
    assert found.isfinite().all()


class Seen(TorchDispatchMode):
    """Notes our operators as they are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.namespace == "unrolled":
            self.names.append(func._schema.name.removeprefix("unrolled::"))
        return func(*args, **(kwargs or {}))


def test_what_is_kept_for_backward_is_made_only_where_it_is_needed() -> None:
    cell = GRU(3, 4)
    with Seen() as seen:
        cell(XS)[0].sum().backward()
        with torch.no_grad():
            cell(XS)
        with torch.inference_mode():
            cell(XS)
        cell.requires_grad_(False)
        cell(XS)
    assert seen.names == ["gru_train", "gru_backward", "gru", "gru", "gru"]


def test_outputs_changed_in_place_are_noticed() -> None:
    ys, _ = GRU(3, 4)(XS)
    ys.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        ys.sum().backward()


def test_lengths_are_read_anew_at_each_call() -> None:
    lengths = torch.tensor([4, 1])
    cell, xs = LSTM(3, 4), Seq.padded(XS, lengths)
    assert (cell(xs)[0].data[1, 1:] == 0).all()
    lengths[1] = 3
    with no_kernels():
        expected = cell(xs)[0].data
    torch.testing.assert_close(cell(xs)[0].data, expected)


@each_kind
def test_four_python_threads_at_once(kind: str) -> None:
    problems = [problem(seed, kind) for seed in range(40, 44)]
    with shared_by(2):
        expected = [together(given) for given in problems]

        def run(number: int) -> bool:
            for _ in range(10):
                pairs = zip(together(problems[number]), expected[number], strict=True)
                if not all(torch.allclose(a, b, atol=1e-6) for a, b in pairs):
                    return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(run, range(4)))


def run_alone(code: str) -> str:
    """Run code in a process of its own, with two threads, and return what it printed; a process that hangs fails."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={"OMP_NUM_THREADS": "2", "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


AFTER_FORK = """
import os, torch
from torch.utils.data import DataLoader
from unrolled import GRU

torch.set_num_threads(2)
# Much for the kernel, and little enough for torch's own code to use one thread.
cell, xs = GRU(64, 64), torch.randn(4, 50, 64)

def run(_=None):
    cell.zero_grad()
    ys, _ = cell(xs)
    ys.sum().backward()
    return torch.stack([ys.detach().sum(), cell.weight_hh.grad.sum()])

expected = run()  # parallel regions in the parent
child = os.fork()
if child == 0:
    os._exit(0 if torch.allclose(run(), expected, rtol=1e-3) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

for found in DataLoader([0] * 4, 2, num_workers=2, collate_fn=run, multiprocessing_context="fork"):
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
torch.testing.assert_close(run(), expected, rtol=1e-3, atol=1e-3)
print("done")
"""


def test_a_forked_child_after_a_parallel_region() -> None:
    assert run_alone(AFTER_FORK) == "done\n"


@pytest.mark.parametrize("imports", ["import torch, unrolled", "import unrolled, torch"])
def test_imports_in_any_order(imports: str) -> None:
    code = f"{imports}\nprint(*unrolled.explain(unrolled.GRU(2, 3), torch.zeros(1, 4, 2)))"
    assert run_alone(code) == "(itself) GRU: compiled\n"


@each_kind
@pytest.mark.parametrize("lengths", [None, [5, 0, 2, 5], [1, 3, 0, 3], [0, 0, 0, 0]])
def test_states_of_all_steps(kind: str, lengths) -> None:
    cell, xs = MAKERS[kind](3, 5, True), Seq(torch.randn(4, 5, 3), lengths)
    begin = cell.state_type(*(torch.randn(4, 5) for _ in cell.state_type._fields))
    kernel = find_kernel(cell, xs, begin)
    ys, final, states = kernel.unroll_with_states(cell, xs, begin)
    expected_ys, expected_final = kernel.unroll(cell, xs, begin)
    assert torch.equal(ys.data, expected_ys.data)
    assert all(map(torch.equal, final, expected_final))
    assert type(states) is cell.state_type
    state = begin
    for t in range(5):
        _, state = cell.step(xs.data[:, t], state)
        for found, expected in zip(states, state, strict=True):
            live = (xs.row_lengths > t)[:, None]
            torch.testing.assert_close(found[:, t], torch.where(live, expected, 0.0))


def test_copies_and_pickles_compute_the_same() -> None:
    cell = LSTM(3, 4)
    expected = cell(XS)[0]
    for twin in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        assert torch.equal(twin(XS)[0], expected)


def test_weights_that_are_no_parameters() -> None:
    cell, scale = GRU(3, 4), torch.tensor(0.5, requires_grad=True)

    def gradient():
        weights = {name: scale * p.detach() for name, p in cell.named_parameters()}
        ys, _ = functional_call(cell, weights, (XS,))
        return torch.autograd.grad(ys.sin().sum(), scale)[0]

    found = gradient()
    with no_kernels():
        torch.testing.assert_close(found, gradient())


def test_weight_drop_goes_through_the_kernel() -> None:
    layer = WeightDrop(LSTM(3, 4), 0.4)
    state = layer.initial_state(2)
    assert explain(layer, XS)[0].kernel == "compiled"

    def gradients():
        return torch.autograd.grad(layer(XS, state)[0].sin().sum(), list(layer.parameters()))

    found = gradients()
    with no_kernels():
        torch.testing.assert_close(found, gradients())


def test_a_step_of_an_optimiser_counts_at_once() -> None:
    cell = nn.Sequential(GRU(3, 4))
    optimiser = torch.optim.Adam(cell.parameters(), lr=0.1, foreach=True)
    for _ in range(3):
        cell(XS)[0].sum().backward()
        optimiser.step()
        found = cell(XS)[0]
        with no_kernels():
            torch.testing.assert_close(found, cell(XS)[0])


@pytest.mark.parametrize(
    ("cell", "xs", "why"),
    [
        (GRU(3, 4).double(), XS.double(), "it computes torch.float32, not torch.float64"),
        (LSTM(3, 4).bfloat16(), XS.bfloat16(), "it computes torch.float32, not torch.bfloat16"),
        (RNN(3, 4).to("meta"), XS.to("meta"), "it computes on the CPU, not on meta"),
    ],
)
def test_it_says_why_it_refuses(cell, xs, why: str) -> None:
    assert dict(explain(cell, xs)[0].refusals)["compiled"] == why


@pytest.mark.parametrize(
    ("cell", "shape", "lengths", "torch_is_faster"),
    [
        (RNN(3, 128), (1, 2), None, True),
        (RNN(3, 128), (1, 3), None, False),
        (GRU(3, 64), (1, 1), [1], True),
        (GRU(3, 63), (1, 1), None, False),
        (GRU(3, 64, reset="before"), (1, 1), None, False),
        (LSTM(3, 192), (1, 9), None, True),
        (LSTM(3, 192), (1, 9), [7], True),
        (LSTM(3, 191), (1, 9), None, False),
        (LSTM(3, 192), (2, 9), None, False),
        (LSTM(3, 384), (31, 70), None, True),
        (LSTM(3, 384), (2, 9), [9, 9], True),
        (LSTM(3, 384), (2, 9), [9, 8], False),
        (LSTM(3, 384), (32, 63), None, True),
        (LSTM(3, 384), (32, 64), None, False),
    ],
    ids=str,
)
def test_torch_gets_what_it_computes_faster(cell, shape, lengths, torch_is_faster: bool) -> None:
    (choice,) = explain(cell, Seq(torch.zeros(*shape, 3), lengths))
    assert choice.kernel == ("torch.nn" if torch_is_faster else "compiled")
    refusals = {"compiled": f"torch's {type(cell).__name__} is faster here"}
    assert dict(choice.refusals) == (refusals if torch_is_faster else {})


def test_without_gradients_torch_gets_more_of_the_short_calls() -> None:
    cell, xs = GRU(3, 96), torch.zeros(2, 2, 3)
    assert explain(cell, xs)[0].kernel == "compiled"
    with torch.no_grad():
        assert explain(cell, xs)[0].kernel == "torch.nn"
        assert explain(cell, torch.zeros(1, 5, 3))[0].kernel == "compiled"


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_the_environment_turns_it_off_and_on(kind, monkeypatch) -> None:
    cell = kind(3, 4)
    assert explain(cell, XS)[0].kernel == "compiled"
    monkeypatch.setenv("UNROLLED_KERNELS", "off")
    (choice,) = explain(cell, XS)
    assert (choice.kernel, choice.refusals[0]) == ("torch.nn", ("compiled", "UNROLLED_KERNELS=off"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside torch.func
def test_transforms_of_torch_func_take_another_path() -> None:
    cell = GRU(3, 4).requires_grad_(False)

    def loss(xs):
        return cell(xs)[0].sin().sum()

    found = torch.func.grad(loss)(XS)
    xs = XS.clone().requires_grad_()
    torch.testing.assert_close(found, torch.autograd.grad(loss(xs), xs)[0])
    torch.func.jvp(loss, (XS,), (XS,))


def test_one_thread_where_a_second_would_not_pay() -> None:
    torch.set_num_threads(3)
    assert threads_for(WORTH_SHARING - 1) == 1
    assert threads_for(WORTH_SHARING) == 3


def test_errors_are_found() -> None:
    assert error([torch.tensor([1.0, 2.2])], [torch.tensor([1.0, 2.0]).double()]) > 0.09
    assert error([torch.tensor([1.0, torch.nan])], [torch.tensor([1.0, 2.0]).double()]) == torch.inf
