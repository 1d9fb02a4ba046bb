"""The operators: torch's own checks of them, torch.compile, torch.export, and calls that would read foreign memory."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.library import opcheck

from tests.kernels.compiled import needs_extension
from unrolled import GRU, LSTM, RNN, Bidirectional, Seq, Stack, deep
from unrolled.errors import InputError, OptionError, ShapeError
from unrolled.kernels import cpu_operators

pytestmark = [
    needs_extension,
    # From inside torch.compile and torch.export.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

FORMS = [
    (cpu_operators.RNN, ("tanh", False)),
    (cpu_operators.RNN, ("relu", True)),
    (cpu_operators.LSTM, (False,)),
    (cpu_operators.LSTM, (True,)),
    (cpu_operators.GRU, ("after", False)),
    (cpu_operators.GRU, ("after", True)),
    (cpu_operators.GRU, ("before", False)),
]
each_form = pytest.mark.parametrize(
    ("recurrence", "form"), FORMS, ids=[" ".join(map(str, (r.name, *form))) for r, form in FORMS]
)
ragged_or_full = pytest.mark.parametrize("lengths", [[4, 0, 2], None], ids=["ragged", "full"])


def arguments(recurrence, form, lengths, grad: bool = True, bias: bool = True) -> list[Any]:
    """Return arguments of the forward operator: B=3, T=4, I=2, H=5."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape).requires_grad_(grad)

    rows = 5 * recurrence.gates
    begin = [draw(3, 5) for _ in range(recurrence.states)]
    biases = [draw(rows), draw(rows)] if bias else [None, None]
    lengths = None if lengths is None else torch.tensor(lengths)
    return [draw(3, 4, 2), lengths, *begin, draw(rows, 2), draw(rows, 5), *biases, *form]


def backward_arguments(recurrence, given: list[Any]) -> list[Any]:
    with torch.no_grad():
        y, *after, saved = recurrence.train(*given, cpu_operators.room_for(*given[:2]))
    wanted = [isinstance(leaf, Tensor) for leaf in (given[0], *given[2 : recurrence.tensors])]
    gradients = [torch.randn_like(leaf) for leaf in (y, *after)]
    return [*gradients, *given, y, saved, wanted]


@each_form
@ragged_or_full
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_torch_finds_no_fault(recurrence, form, lengths, bias: bool) -> None:
    given = arguments(recurrence, form, lengths, bias=bias)
    opcheck(recurrence.infer, given)
    opcheck(recurrence.train, (*given, 12))
    opcheck(
        recurrence.backward,
        backward_arguments(recurrence, arguments(recurrence, form, lengths, False, bias)),
    )


@each_form
@ragged_or_full
def test_backward_without_some_gradients_of_outputs(recurrence, form, lengths) -> None:
    given = backward_arguments(recurrence, arguments(recurrence, form, lengths, False))
    outputs = 1 + recurrence.states
    full = recurrence.backward(*given)
    summed: list[Any] = [0.0] * len(full)
    for only in range(outputs):
        gradients = [leaf if place == only else None for place, leaf in enumerate(given[:outputs])]
        found = recurrence.backward(*gradients, *given[outputs:])
        summed = [a + b for a, b in zip(summed, found, strict=True)]
    torch.testing.assert_close(summed, full, rtol=1e-4, atol=1e-5)


@each_form
def test_gradients_of_gradients_of_the_operator_are_refused(recurrence, form) -> None:
    given = backward_arguments(recurrence, arguments(recurrence, form, [4, 0, 2]))
    first = recurrence.backward(*given)[0]
    assert first.requires_grad
    with pytest.raises(InputError, match=r"no gradients of gradients; set UNROLLED_KERNELS=off"):
        first.sin().sum().backward()


WRONG = {
    "features": (0, lambda x: x[..., :1]),
    "rows of the state": (2, lambda h: h[:2]),
    "units of the state": (2, lambda h: h[:, :4]),
    "rows of weight_ih": (-6, lambda w: w[1:]),
    "columns of weight_hh": (-5, lambda w: w[:, 1:]),
    "bias": (-4, lambda b: b[1:]),
    "dtype": (-5, lambda w: w.double()),
    "dims": (0, lambda x: x[0]),
    "number of lengths": (1, lambda lengths: lengths[1:]),
    "dtype of lengths": (1, lambda lengths: lengths.int()),
    "lengths beyond the steps": (1, lambda lengths: lengths + 1),
    "lengths below zero": (1, lambda lengths: lengths - 1),
}


@pytest.mark.parametrize("what", WRONG)
def test_nothing_is_read_beyond_what_was_given(what: str) -> None:
    place, spoil = WRONG[what]
    given = arguments(cpu_operators.GRU, ("after", False), [4, 0, 2], grad=False)
    given[place] = spoil(given[place])
    for call in (
        lambda: cpu_operators.GRU.infer(*given),
        lambda: cpu_operators.GRU.train(*given, 12),
        lambda: cpu_operators.GRU(*given),
    ):
        with pytest.raises((ShapeError, IndexError, ValueError)):
            call()


def test_backward_refuses_what_forward_did_not_leave() -> None:
    recurrence = cpu_operators.GRU
    given = backward_arguments(
        recurrence, arguments(recurrence, ("after", False), None, grad=False)
    )
    for place, wrong in (
        (-2, given[-2][1:]),
        (-3, given[-3][:, 1:]),
        (0, given[0][:, :, 1:]),
        (1, given[1][1:]),
    ):
        spoiled = [*given]
        spoiled[place] = wrong
        with pytest.raises(ShapeError):
            recurrence.backward(*spoiled)


def test_there_must_be_room_for_what_is_saved() -> None:
    given = arguments(cpu_operators.LSTM, (False,), [4, 0, 2], grad=False)
    with pytest.raises(ShapeError, match="room for 5 steps; expected at least 6"):
        cpu_operators.LSTM.train(*given, 5)


def test_an_unknown_form_is_named() -> None:
    given = arguments(cpu_operators.GRU, ("befor", False), None, grad=False)
    with pytest.raises(OptionError, match="did you mean 'before'"):
        cpu_operators.GRU(*given)


def test_the_profiler_sees_them() -> None:
    cell, xs = GRU(2, 3), torch.randn(1, 4, 2)
    with torch.profiler.profile() as profile:
        cell(xs)[0].sum().backward()
    names = {event.name for event in profile.events()}
    assert {"unrolled::gru", "unrolled::gru_train", "unrolled::gru_backward"} <= names


class Network(nn.Module):
    """Every cell, both directions, between other modules."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Stack(
            nn.Linear(3, 4),
            LSTM(4, 5),
            Bidirectional(GRU(5, 6, update="write"), RNN(5, 6)),
            deep(GRU, 12, 4, layers=2, reset="before"),
        )

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
    with torch.no_grad():
        torch.testing.assert_close(compiled(XS, lengths), model(XS, lengths))


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
@ragged_or_full
def test_exported(strict: bool, lengths, tmp_path) -> None:
    model = Network()
    given = (XS,) if lengths is None else (XS, torch.tensor(lengths))
    program = torch.export.export(model, given, strict=strict)
    names = [str(node.target) for node in program.graph.nodes if "unrolled" in str(node.target)]
    assert names == [f"unrolled.{name}.default" for name in ("lstm", "gru", "rnn", "gru", "gru")]
    torch.export.save(program, tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    torch.testing.assert_close(loaded(*given), model(*given))


def test_exported_for_any_batch_and_length() -> None:
    model, (batch, steps) = Network(), (torch.export.Dim(name) for name in ("batch", "steps"))
    shapes = ({0: batch, 1: steps}, {0: batch})
    program = torch.export.export(model, (XS, torch.tensor([4, 0, 2])), dynamic_shapes=shapes)
    xs, lengths = torch.randn(7, 9, 3), torch.tensor([9, 1, 2, 0, 3, 4, 9])
    xs = Seq(xs, lengths).data
    torch.testing.assert_close(program.module()(xs, lengths), model(xs, lengths))


def test_compiled_before_anything_ran() -> None:
    # The kernels register themselves at the first look-up, which is then inside torch.compile's tracing.
    code = (
        "import torch; from unrolled import GRU; cell, xs = GRU(2, 3), torch.zeros(1, 4, 2)\n"
        "torch.compile(cell, backend='eager', fullgraph=True)(xs)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
