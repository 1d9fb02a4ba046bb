"""Linear recurrences: both scans against the loop in float64, at any size, length and extreme, and who is given them."""

from __future__ import annotations

import copy
import random
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor

from tests.kernels.compiled import error, instruction_set, needs_extension, shared_by
from tests.laws.harness import drawer, no_kernels
from tests.laws.user_cells import RectifiedAverage, StateSpace
from unrolled import (
    GRU,
    LinearCell,
    LinearState,
    MinGRU,
    MinLSTM,
    Seq,
    ShapeError,
    Stream,
    Zoneout,
    explain,
    register_kernel,
)
from unrolled.core import registry
from unrolled.core.unroll import plain_loop
from unrolled.kernels.scan import scan, scan_log
from unrolled.kernels.torch_scan import torch_scan

SETS = ("avx512", "avx2", "portable")
CELLS = {
    f"{kind.__name__} {candidate}": lambda i, h, kind=kind, candidate=candidate: kind(
        i, h, candidate=candidate
    )
    for kind in (MinGRU, MinLSTM)
    for candidate in ("positive", "identity")
}
REAL_AND_COMPLEX = pytest.mark.parametrize("dtype", [torch.float32, torch.complex64], ids=str)
DOUBLE = {torch.float32: torch.float64, torch.complex64: torch.complex128}


def loop(a: Tensor, b: Tensor, h: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return what `scan` is to return, step by step."""
    rows, finals = [], []
    for row in range(len(h)):
        state, hs = h[row], []
        for t in range(a.shape[1] if lengths is None else int(lengths[row])):
            state = a[row, t] * state + b[row, t]
            hs.append(state)
        missing = [torch.zeros_like(state)] * (a.shape[1] - len(hs))
        rows.append(torch.stack([*hs, *missing]))
        finals.append(state)
    return torch.stack(rows), torch.stack(finals)


def with_gradients(run: Any, given: list[Tensor], lengths: Tensor | None) -> list[Tensor]:
    """Return outputs and the gradients of one number that depends on all of them."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in given]
    hs, final = run(*leaves, lengths)
    draw = drawer(0, torch.float64)
    loss = sum((out * draw(*out.shape).to(out.dtype)).sum() for out in (hs, final.sin()))
    loss = loss.real + 2 * loss.imag if loss.is_complex() else loss
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    results = [hs.detach(), final.detach(), *gradients]
    return [torch.view_as_real(r.resolve_conj()) if r.is_complex() else r for r in results]


def problem(seed: int, dtype: torch.dtype) -> tuple[list[Tensor], Tensor | None]:
    choose = random.Random(seed)
    batch, steps = choose.randint(1, 5), choose.randint(1, 40)
    units = (choose.randint(1, 70),) if choose.random() < 0.7 else (choose.randint(1, 9), 3)
    draw = drawer(seed, torch.float64)

    def numbers(*shape: int) -> Tensor:
        if dtype.is_complex:
            return torch.complex(draw(*shape), draw(*shape)).to(dtype)
        return draw(*shape).to(dtype)

    given = [0.6 * numbers(batch, steps, *units), numbers(batch, steps, *units)]
    lengths = None
    if choose.random() < 0.6:
        lengths = torch.tensor([choose.randint(0, steps) for _ in range(batch)])
    return [*given, numbers(batch, *units)], lengths


@needs_extension
@pytest.mark.parametrize("name", SETS)
@REAL_AND_COMPLEX
@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_scan_equals_the_loop_in_double(name: str, dtype, threads: int) -> None:
    with instruction_set(name), shared_by(threads):
        for seed in range(25):
            given, lengths = problem(seed, dtype)
            exact = with_gradients(loop, [part.to(DOUBLE[dtype]) for part in given], lengths)
            assert error(with_gradients(scan, given, lengths), exact) <= 3e-6


@REAL_AND_COMPLEX
def test_scan_in_torch_equals_the_loop(dtype) -> None:
    for seed in range(25):
        given, lengths = problem(seed, dtype)
        double = [part.to(DOUBLE[dtype]) for part in given]
        exact = with_gradients(loop, double, lengths)
        assert error(with_gradients(scan, double, lengths), exact) <= 1e-13


def error_of_cell(cell: Any, xs: Tensor, h: Tensor, lengths: Tensor | None) -> float:
    """Return the error of outputs, final state and all gradients against the plain loop in float64."""

    def run(cell: Any, dtype: torch.dtype) -> list[Tensor]:
        data = xs.to(dtype).requires_grad_()
        begin = h.to(dtype).requires_grad_()
        ys, final = cell(Seq(data, lengths), LinearState(begin))
        draw = drawer(0, torch.float64)
        loss = sum((out * draw(*out.shape).to(dtype)).sum() for out in (ys.data, final.h))
        gradients = torch.autograd.grad(loss, [data, begin, *cell.parameters()])
        return [ys.data.detach(), final.h.detach(), *gradients]

    found = run(cell, torch.float32)
    with no_kernels():
        return error(found, run(copy.deepcopy(cell).double(), torch.float64))


@needs_extension
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_compiled_gates_equal_the_cell_in_double(name: str, make) -> None:
    with instruction_set(name):
        for seed, (features, hidden) in enumerate([(3, 1), (2, 16), (5, 37), (1, 64)]):
            draw = drawer(seed, torch.float32)
            cell = make(features, hidden)
            with torch.no_grad():
                for parameter in cell.parameters():
                    parameter.copy_(draw(*parameter.shape))
            for lengths in (None, torch.tensor([9, 0, 4])):
                xs, h = draw(3, 9, features), draw(3, hidden)
                assert explain(cell, Seq(xs, lengths))[0].kernel == "scan"
                assert error_of_cell(cell, xs, h, lengths) <= 3e-6


@needs_extension
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_gates_may_be_saturated(name: str, make) -> None:
    cell = make(3, 8)
    cell.bias = False
    places = torch.tensor([-1e4, -200.0, -90.0, -20.0, 0.0, 20.0, 90.0, 200.0, 1e4])
    # Each part of the first unit takes each of these values.
    grid = torch.cartesian_prod(*[places] * 3)
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.bias_ih.zero_()
        for part in range(cell.gate_count):
            cell.weight_ih[8 * part, part] = 1
    if "identity" in repr(cell):
        grid[:, cell.gate_count - 1].clamp_(-2, 2)
    with instruction_set(name):
        h = torch.linspace(-1, 1, 8).expand(len(grid), 8)
        assert error_of_cell(cell, grid.unsqueeze(1), h, None) <= 3e-6


@needs_extension
@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_a_nan_is_not_hidden(make) -> None:
    cell = make(2, 5)
    xs = torch.randn(1, 6, 2)
    xs[0, 3] = float("nan")
    ys = cell(xs)[0]
    assert torch.equal(ys.isnan().any(-1), torch.tensor([[False] * 3 + [True] * 3]))


LONG = 16384


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    ("smallest", "largest"), [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.9999, 1.0)]
)
def test_decays_near_0_and_1_over_a_long_time(dtype, smallest: float, largest: float) -> None:
    draw = torch.Generator().manual_seed(0)
    a = (smallest + (largest - smallest) * torch.rand(1, LONG, 4, generator=draw)).to(dtype)
    b = torch.randn(1, LONG, 4, generator=draw, dtype=torch.float64).to(dtype)
    h = torch.full((1, 4), 0.5, dtype=dtype)
    exact = loop(a.double(), b.double(), h.double(), None)
    found = scan(a, b, h)
    assert error(list(found), list(exact)) <= (1e-5 if dtype is torch.float32 else 1e-12)


def test_logarithms_may_be_extreme() -> None:
    log_a = torch.tensor([0.0, -1e4, -1e-4, -1e-30, float("-inf"), -80.0]).view(1, 6, 1)
    log_b = torch.tensor([-1e4, 0.0, -3.0, float("-inf"), -1.0, 2.0]).view(1, 6, 1)
    h = torch.full((1, 1), 3.0)
    exact = loop(log_a.double().exp(), log_b.double().exp(), h.double(), None)
    assert error(list(scan_log(log_a, log_b, h)), list(exact)) <= 1e-6


def test_stride_and_shape_of_the_coefficients_do_not_matter() -> None:
    draw = drawer(0, torch.float32)
    b, h = draw(5, 3, 7).transpose(0, 1), draw(7, 3).T
    for a in (draw(3, 5, 14)[..., ::2], draw(7), draw(5, 1), draw(3, 1, 7), draw(1, 5, 7)):
        full = a.expand(3, 5, 7).clone()
        expected = with_gradients(loop, [full, b, h], None)
        hs, final = scan(a, b, h)
        assert error([hs, final], expected[:2]) <= 1e-6
    a = draw(7).requires_grad_()
    weights = draw(3, 7, 5).transpose(1, 2)  # the gradient of hs is not contiguous either
    (found,) = torch.autograd.grad((scan(a, b, h)[0] * weights).sum(), a)
    (exact,) = torch.autograd.grad((loop(a.expand(3, 5, 7), b, h, None)[0] * weights).sum(), a)
    torch.testing.assert_close(found, exact)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 4, 3), (0, 0, 3)])
def test_nothing_to_scan_leaves_the_state(dtype, shape) -> None:
    h = torch.randn(shape[0], 3, dtype=dtype, requires_grad=True)
    a = torch.ones(shape, dtype=dtype)
    hs, final = scan(a, a, h)
    assert hs.shape == shape
    assert torch.equal(final, h)
    (gradient,) = torch.autograd.grad(final.sum(), h)
    assert torch.equal(gradient, torch.ones_like(h))


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        ({"a": torch.ones(2, 4, 5)}, r"shapes \(2, 4, 5\) and \(2, 4, 3\); expected .*\(2, 4, 3\)"),
        ({"b": torch.ones(2, 5, 3)}, "expected such as broadcast to"),
        (
            {"a": torch.ones(3).double()},
            "a state of torch.float32; expected a state of torch.float64",
        ),
        ({"b": torch.ones(2, 4, 3) * 1j}, "expected a state of torch.complex64"),
        ({"lengths": torch.tensor([5, 1])}, "row 0 has length 5"),
    ],
)
def test_what_does_not_fit_is_refused(spoiled: dict[str, Tensor], message: str) -> None:
    given = {"a": torch.ones(2, 4, 3), "b": torch.ones(2, 4, 3), "h": torch.ones(2, 3)}
    with pytest.raises(ShapeError, match=message):
        scan(**{**given, **spoiled})


@pytest.mark.parametrize("steps", [31, 32, 33, 600])
def test_the_blocks_of_the_scan_in_torch_leave_no_seam(steps: int) -> None:
    draw = drawer(steps, torch.float64)
    a, b, h = draw(2, steps, 3).sigmoid(), draw(2, steps, 3), draw(2, 3)
    torch.testing.assert_close(torch_scan(a, b, h), loop(a, b, h, None)[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_one_pass_is_many_chunks(make) -> None:
    cell, xs = make(3, 20), torch.randn(2, 300, 3)
    ys, _ = cell(xs)
    stream = Stream(cell)
    chunks = [stream.push(chunk) for chunk in xs.split([1, 99, 0, 1, 199], 1)]
    torch.testing.assert_close(torch.cat(chunks, 1), ys, rtol=1e-5, atol=1e-5)


# Who is given the scan.


def kernel_of(cell: Any, xs: Any) -> tuple[str, dict[str, str]]:
    (choice,) = explain(cell, xs)
    return choice.kernel, dict(choice.refusals)


@needs_extension
def test_every_linear_cell_is_given_the_scan() -> None:
    xs = torch.randn(2, 3, 4)
    for cell in (MinGRU(4, 5), MinLSTM(4, 5), StateSpace(4, 5)):
        assert kernel_of(cell, xs) == ("scan", {})


def test_other_dtypes_and_the_switch_go_to_torch(monkeypatch) -> None:
    cell, xs = MinGRU(4, 5), torch.randn(2, 3, 4)
    kernel, refusals = kernel_of(copy.deepcopy(cell).double(), xs.double())
    assert kernel == "scan in torch"
    assert "float64" in refusals["scan"]
    monkeypatch.setenv("UNROLLED_KERNELS", "off")
    assert kernel_of(cell, xs) == ("scan in torch", {"scan": "UNROLLED_KERNELS=off"})


def test_a_subclass_with_its_own_step_is_not_scanned() -> None:
    cell = RectifiedAverage(4, 5)
    xs = (torch.randn(2, 3, 4), torch.rand(2, 3))
    reason = "RectifiedAverage has a step of its own"
    assert kernel_of(cell, xs) == ("plain loop", {"scan": reason, "scan in torch": reason})
    assert (cell(xs)[0] >= 0).all()


class Halved(MinGRU):
    """Overrides what the compiled gates stand for, but not the step."""

    def coefficients(self, x):
        a, b = super().coefficients(x)
        return a / 2, b


@pytest.mark.parametrize("on_instance", [False, True], ids=["subclass", "instance"])
def test_changed_coefficients_are_respected(on_instance: bool) -> None:
    cell: Any = MinGRU(4, 5) if on_instance else Halved(4, 5)
    if on_instance:
        cell.coefficients = lambda x: (torch.zeros(5), torch.ones(5))
    xs = torch.randn(2, 6, 4)
    assert kernel_of(cell, xs)[0].startswith("scan")
    expected, _ = plain_loop(cell, Seq(xs), cell.initial_state(2))
    torch.testing.assert_close(cell(xs)[0], expected.data)


def test_a_changed_product_is_respected() -> None:
    cell: Any = MinGRU(4, 5)
    cell.from_input = lambda x: type(cell).from_input(cell, 2 * x)
    xs = torch.randn(2, 6, 4)
    expected, _ = plain_loop(cell, Seq(xs), cell.initial_state(2))
    torch.testing.assert_close(cell(xs)[0], expected.data)


def test_a_cell_without_coefficients_says_so() -> None:
    class Empty(LinearCell):
        hidden_size = 3

    with pytest.raises(NotImplementedError, match="Empty defines no coefficients"):
        Empty()(torch.ones(1, 2, 3))


def test_a_kernel_of_a_family_is_asked_after_those_of_the_type(monkeypatch) -> None:
    for name in ("_kernels", "_families"):
        kept = {kind: [*offered] for kind, offered in getattr(registry, name).items()}
        monkeypatch.setattr(registry, name, kept)
    own, family = mock.Mock(), mock.Mock()
    register_kernel(GRU, family, subclasses=True)
    register_kernel(GRU, own)

    class Renamed(GRU):
        pass

    assert registry.kernels_for(GRU)[-2:] == [own, family]
    assert registry.kernels_for(Renamed) == [family]


def test_zoneout_takes_a_linear_cells_steps() -> None:
    layer, xs = Zoneout(MinGRU(4, 5), 0.5), torch.randn(2, 6, 4)
    zoned = layer.eval()(xs)[0]
    assert not torch.allclose(zoned, layer.cell(xs)[0])
