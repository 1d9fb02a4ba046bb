"""The scans as torch operators: torch's own checks, compile, export, transforms, and calls that would read foreign memory."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp, vmap
from torch.library import opcheck

from tests.kernels.compiled import needs_extension
from tests.laws.user_cells import StateSpace
from unrolled import MinGRU, MinLSTM, Seq, Stack
from unrolled.errors import InputError, OptionError, ShapeError
from unrolled.kernels import scan_operators
from unrolled.kernels.scan_operators import FORMS

pytestmark = [
    needs_extension,
    # From inside torch.compile and torch.export.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

ragged_or_full = pytest.mark.parametrize("lengths", [[4, 0, 2], None], ids=["ragged", "full"])


def arguments(form: str, lengths: Any, grad: bool = True, packed: bool = False) -> list[Any]:
    """Return arguments of the operator: B=3, T=4, S=5."""
    places = sum(lengths) if packed else 12
    width = 5 * FORMS[form].parts
    given = [torch.randn(places, width)] if form != "linear" else torch.randn(2, places, 5).unbind()
    given = [part.detach().requires_grad_(grad) for part in given]
    lengths = None if lengths is None else torch.tensor(lengths)
    return [given, lengths, torch.randn(3, 5).requires_grad_(grad), 4, form]


def backward_arguments(given: list[Any]) -> tuple[Any, ...]:
    hs, h_n = scan_operators.forward(*given)
    return (torch.randn_like(hs), torch.randn_like(h_n), *given, hs)


@pytest.mark.parametrize("form", FORMS)
@ragged_or_full
def test_torch_finds_no_fault(form: str, lengths) -> None:
    opcheck(scan_operators.operator, arguments(form, lengths))
    opcheck(
        scan_operators.backward_operator, backward_arguments(arguments(form, lengths, grad=False))
    )


@pytest.mark.parametrize("form", FORMS)
def test_rows_end_to_end_give_what_padded_rows_give(form: str) -> None:
    lengths = [4, 0, 2]
    given, *others = arguments(form, lengths, grad=False)
    live = [0, 1, 2, 3, 8, 9]
    hs, h_n = scan_operators.forward(given, *others)
    packed = [part[live] for part in given]
    found = scan_operators.forward(packed, *others)
    assert torch.equal(found[0], hs) and torch.equal(found[1], h_n)
    torch.manual_seed(1)
    padded = scan_operators.backward(*backward_arguments([given, *others]))
    torch.manual_seed(1)
    ends = scan_operators.backward(*backward_arguments([packed, *others]))
    for whole, part in zip(padded[:-1], ends[:-1], strict=True):
        assert torch.equal(whole[live], part)
        assert whole.count_nonzero() == part.count_nonzero()
    assert torch.equal(padded[-1], ends[-1])


@ragged_or_full
def test_backward_without_some_gradients_of_outputs(lengths) -> None:
    from_hs, from_h_n, *given = backward_arguments(arguments("linear", lengths, grad=False))
    full = scan_operators.backward(from_hs, from_h_n, *given)
    one = scan_operators.backward(from_hs, None, *given)
    other = scan_operators.backward(None, from_h_n, *given)
    torch.testing.assert_close([a + b for a, b in zip(one, other, strict=True)], full)


WRONG = {
    "places": lambda a: [[part[1:] for part in a[0]], *a[1:]],
    "places of one part": lambda a: [[a[0][0][:6], *a[0][1:]], *a[1:]],
    "columns": lambda a: [[part[:, 1:] for part in a[0]], *a[1:]],
    "parts": lambda a: [a[0][:1], *a[1:]],
    "rows of the state": lambda a: [*a[:2], a[2][1:], *a[3:]],
    "dtype": lambda a: [*a[:2], a[2].double(), *a[3:]],
    "steps": lambda a: [*a[:3], 5, *a[4:]],
    "form": lambda a: [*a[:4], "liner"],
    "lengths beyond the steps": lambda a: [a[0], a[1] + 1, *a[2:]],
    "number of lengths": lambda a: [a[0], a[1][1:], *a[2:]],
    "complex gates": lambda a: [[torch.complex(p, p) for p in a[0]], a[1], a[2] + 0j, 4, "min_gru_positive"],
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_nothing_is_read_beyond_what_was_given(what: str) -> None:
    given = WRONG[what](arguments("linear", [4, 0, 2], grad=False))
    for call in (scan_operators.operator, scan_operators.scan):
        with pytest.raises((ShapeError, OptionError)):
            call(*given)


def test_backward_refuses_what_forward_did_not_leave() -> None:
    given = backward_arguments(arguments("linear", None, grad=False))
    for place, wrong in ((0, given[0][1:]), (1, given[1][:, 1:]), (-1, given[-1].double())):
        spoiled = [*given]
        spoiled[place] = wrong
        with pytest.raises(ShapeError):
            scan_operators.backward(*spoiled)


def test_gradients_of_gradients_are_refused_compiled_and_right_in_torch(monkeypatch) -> None:
    cell, xs = MinGRU(2, 3), torch.randn(1, 40, 2, requires_grad=True)

    def second() -> Tensor:
        (first,) = torch.autograd.grad(cell(xs)[0].sin().sum(), xs, create_graph=True)
        return torch.autograd.grad(first.sin().sum(), xs)[0]

    with pytest.raises(InputError, match="no gradients of gradients; set UNROLLED_KERNELS=off"):
        second()
    monkeypatch.setenv("UNROLLED_KERNELS", "off")
    assert second().abs().sum() > 0


def test_transforms_go_to_torch() -> None:
    cell, xs = MinLSTM(2, 3).double(), torch.randn(4, 2, 6, 2, dtype=torch.float64)
    expected = torch.stack([cell(x)[0] for x in xs])
    torch.testing.assert_close(vmap(lambda x: cell(x)[0])(xs), expected)
    tangent = torch.randn_like(xs[0])
    _, along = jvp(lambda x: cell(x)[0], (xs[0],), (tangent,))
    near = (cell(xs[0] + 1e-6 * tangent)[0] - cell(xs[0] - 1e-6 * tangent)[0]) / 2e-6
    torch.testing.assert_close(along, near, rtol=1e-5, atol=1e-7)
    single = MinLSTM(2, 3)
    assert vmap(lambda x: single(x)[0])(xs.float()).shape == (4, 2, 6, 3)
    doubled = {name: 2 * p for name, p in cell.named_parameters()}
    assert not torch.allclose(functional_call(cell, doubled, xs[0])[0], cell(xs[0])[0])


def test_lazily_conjugated_and_negated_inputs() -> None:
    cell, xs = MinGRU(3, 4), torch.randn(2, 5, 3)
    torch.testing.assert_close(cell(torch._neg_view(xs))[0], cell(-xs)[0])
    given = torch.randn(2, 12, 5, dtype=torch.complex64)
    h = torch.randn(3, 5, dtype=torch.complex64)
    found = scan_operators.scan(list(given.conj()), None, h.conj(), 4, "linear")[0]
    torch.testing.assert_close(
        found, scan_operators.scan(list(given), None, h, 4, "linear")[0].conj()
    )


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = Stack(MinGRU(3, 4), StateSpace(4, 3), MinLSTM(3, 5, candidate="identity"))

    def forward(self, xs: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is None:
            return self.body(xs)[0]
        return self.body(Seq.padded(xs, lengths))[0].data


XS = torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(0))


def all_of(model, lengths) -> list[Tensor]:
    ys = model(XS, lengths)
    return [ys, *torch.autograd.grad(ys.sin().sum(), list(model.parameters()))]


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@ragged_or_full
def test_compiled_without_a_break(backend: str, lengths) -> None:
    torch._dynamo.reset()
    model = Network()
    lengths = None if lengths is None else torch.tensor(lengths)
    compiled = torch.compile(model, backend=backend, fullgraph=True)
    torch.testing.assert_close(all_of(compiled, lengths), all_of(model, lengths))


@ragged_or_full
def test_exported(lengths, tmp_path) -> None:
    model = Network()
    given = (XS,) if lengths is None else (XS, torch.tensor(lengths))
    program = torch.export.export(model, given)
    names = [str(node.target) for node in program.graph.nodes if "unrolled" in str(node.target)]
    assert names == [
        f"unrolled.{name}.default" for name in ("affine", *["scan"] * 2, "affine", "scan")
    ]
    torch.export.save(program, tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    torch.testing.assert_close(loaded(*given), model(*given))


def test_exported_for_any_batch_and_length() -> None:
    model, (batch, steps) = Network(), (torch.export.Dim(name) for name in ("batch", "steps"))
    shapes = ({0: batch, 1: steps}, {0: batch})
    program = torch.export.export(model, (XS, torch.tensor([4, 0, 2])), dynamic_shapes=shapes)
    lengths = torch.tensor([9, 1, 2, 0, 3, 4, 9])
    xs = Seq(torch.randn(7, 9, 3), lengths).data
    torch.testing.assert_close(program.module()(xs, lengths), model(xs, lengths))


AFTER_FORK = """
import os, torch
from unrolled.kernels.scan import scan
torch.set_num_threads(2)
def run():
    # Small enough for torch itself, which has no way out of its own threads, to stay on one.
    a, b = torch.full((64,), 0.5).expand(4, 512, 64), torch.ones(64)
    return scan(a, b, torch.zeros(4, 64))[0][0, -1]
expected = run()
child = os.fork()
if child == 0:
    os._exit(0 if torch.equal(run(), expected) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("done")
"""


def test_a_forked_child_after_a_parallel_region() -> None:
    command = [sys.executable, "-c", AFTER_FORK]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "done\n"
