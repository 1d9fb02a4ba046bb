"""The compiled scans as torch operators: unrolled::scan and unrolled::scan_backward.

    unrolled::scan(given, lengths, h, steps, form) -> (hs, h_n)
    unrolled::scan_backward(grad_hs, grad_h_n, given, lengths, h, steps, form, hs) -> gradients of given and of h

The first is differentiable. Both have fake kernels, so torch.compile and torch.export pass them through. The shapes stand
at `Given`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unrolled.errors import ShapeError, unknown_option
from unrolled.kernels.cpu_operators import Once, library, plainly_eager, record, wants_gradients
from unrolled.kernels.extension import extension, missing
from unrolled.kernels.memory import large_empty
from unrolled.kernels.plan import Plan, plan_for
from unrolled.kernels.threads import threads_for


class Form(NamedTuple):
    """A scan of csrc/scan_call.hpp: its number there, and how many parts one unit has."""

    code: int
    parts: int


FORMS = {
    "linear": Form(0, 2),
    "min_gru_positive": Form(2, 2),
    "min_gru_identity": Form(3, 2),
    "min_lstm_positive": Form(4, 3),
    "min_lstm_identity": Form(5, 3),
}
COMPLEX_LINEAR = 1

UNIT = 64
"""Multiplications of a product that take no longer than one unit of one step, for `threads_for`."""


class Given(NamedTuple):
    """What both operators are given, float32 (or complex64 with "linear") on the CPU; S units.

    Args:
        given: the parts of the form, S columns each, in one tensor or several (N, columns). N is B * T, the rows with
            their padding, or the sum of the lengths, the steps that exist row after row.
        lengths: (B,) int64, or None.
        h: the state before the first step, (B, S).
        steps: T.
        form: which of `FORMS`.
    """

    given: Sequence[Tensor]
    lengths: Tensor | None
    h: Tensor
    steps: int
    form: str

    def plan(self) -> Plan:
        """Return the order in which the rows are visited; raise where foreign memory would be read."""
        form = FORMS.get(self.form)
        if form is None:
            raise unknown_option("form", self.form, FORMS)
        h, dtype = self.h, self.h.dtype
        plan = plan_for(self.lengths, h.shape[0], self.steps)
        size, columns, places = h.shape[-1], 0, {plan.live, plan.batch * self.steps}
        right = h.dim() == 2 and dtype in (torch.float32, torch.complex64)
        right = right and (dtype is torch.float32 or self.form == "linear")
        right = right and len({part.shape[0] for part in self.given}) == 1
        for part in self.given:
            right = right and part.dim() == 2 and part.shape[0] in places
            right = right and (size == 0 or part.shape[1] % size == 0)
            columns += part.shape[-1]
        same = all(part.dtype is dtype and part.is_cpu for part in (*self.given, h))
        if not (right and same and columns == form.parts * size):
            raise ShapeError(
                f"{[(*part.shape, str(part.dtype), str(part.device)) for part in (*self.given, h)]}",
                expected=f"float32 on the CPU: {form.parts} parts (N, S), where N is one of {sorted(places)} and the same in all, "
                "and a state (B, S)",
            )
        return plan

    def starts(self, plan: Plan) -> Any:
        """Return at which of the N places each row begins."""
        if self.given[0].shape[0] == plan.live:
            return np.cumsum(plan.lengths) - plan.lengths
        return np.arange(plan.batch, dtype=np.int64) * self.steps


class Call(NamedTuple):
    """The arguments that both compiled functions begin with, and what their addresses point into."""

    arguments: tuple[Any, ...]
    held: tuple[Any, ...]
    size: int
    threads: int

    @staticmethod
    def of(given: Given, plan: Plan) -> Call:
        parts, h = [real(part) for part in given.given], real(given.h).contiguous()
        starts, size = given.starts(plan), h.shape[1]
        code = COMPLEX_LINEAR if given.h.is_complex() else FORMS[given.form].code
        lengths = np.ascontiguousarray(plan.lengths)
        arguments = (
            *(code, plan.batch, given.steps, size),
            *(lengths.ctypes.data, plan.order_address, starts.ctypes.data),
            *(addresses(parts, size), h.data_ptr()),
        )
        threads = threads_for(UNIT * plan.live * size)
        return Call(arguments, (parts, h, starts, lengths), size, threads)


def real(tensor: Tensor) -> Tensor:
    """Return the numbers of a row one beside the other, complex ones as pairs of real ones."""
    tensor = tensor.resolve_conj().resolve_neg()
    if tensor.stride(-1) != 1 and tensor.shape[-1] != 1:
        tensor = tensor.contiguous()
    return torch.view_as_real(tensor).flatten(-2) if tensor.is_complex() else tensor


def addresses(tensors: Sequence[Tensor], size: int) -> tuple[tuple[int, int], ...]:
    """Return address and stride of each part: of the columns, ``size`` at a time."""
    return tuple(
        (tensor.data_ptr() + 4 * column, tensor.stride(0))
        for tensor in tensors
        for column in range(0, tensor.shape[1], max(size, 1))
    )


def room(like: Tensor, *shape: int) -> Tensor:
    """Return a tensor of any content."""
    if like.is_complex():
        return like.new_empty(shape)
    return large_empty(math.prod(shape)).view(shape)


def forward(*arguments: Any) -> tuple[Tensor, Tensor]:
    """Return the states of all steps, 0 in the padding, and the final ones."""
    given = Given(*arguments)
    plan = given.plan()
    call = Call.of(given, plan)
    batch, size = given.h.shape
    hs, h_n = room(given.h, batch, given.steps, size), given.h.new_empty(batch, size)
    assert extension is not None, missing
    extension.scan_forward(*call.arguments, hs.data_ptr(), h_n.data_ptr(), call.threads)
    plan.zero_padding(hs)
    return hs, h_n


def backward(grad_hs: Tensor | None, grad_h_n: Tensor | None, *arguments: Any) -> list[Tensor]:
    """Return the gradients of what was given, 0 in the padding, and that of h."""
    *shared, hs = arguments
    given = Given(*shared)
    plan = given.plan()
    batch, size = given.h.shape
    for tensor, shape in (
        (grad_hs, (batch, given.steps, size)),
        (hs, (batch, given.steps, size)),
        (grad_h_n, (batch, size)),
    ):
        if tensor is not None and (tensor.shape != shape or tensor.dtype is not given.h.dtype):
            raise ShapeError(
                f"{tensor.dtype} {tuple(tensor.shape)}", expected=f"{given.h.dtype} {shape}"
            )
    call = Call.of(given, plan)
    grads = [
        room(part, *part.shape) if len(part) == plan.live else part.new_zeros(part.shape)
        for part in given.given
    ]
    grad_h = given.h.new_empty(batch, size)
    hs = real(hs).contiguous()
    from_hs = None if grad_hs is None else real(grad_hs)
    from_h_n = None if grad_h_n is None else real(grad_h_n).contiguous()
    assert extension is not None, missing
    extension.scan_backward(
        *call.arguments,
        hs.data_ptr(),
        *((0, 0, 0) if from_hs is None else (from_hs.data_ptr(), *from_hs.stride()[:2])),
        0 if from_h_n is None else from_h_n.data_ptr(),
        addresses([real(grad) for grad in grads], call.size),
        grad_h.data_ptr(),
        call.threads,
    )
    return [*grads, grad_h]


def scan(*arguments: Any) -> tuple[Tensor, Tensor]:
    """Run the differentiable operator, and in plain eager mode its kernels without torch's dispatcher."""
    tensors = (*arguments[0], arguments[2])
    if not all(plainly_eager(tensor) and not tensor.is_conj() for tensor in tensors):
        outputs: tuple[Tensor, Tensor] = operator(*arguments)
        return outputs
    return _recorded(*arguments) if wants_gradients(tensors) else forward(*arguments)


class Scan(torch.autograd.Function):
    """Forward and its backward, each an operator below autograd."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, ...]:
        """Take lengths, h, steps, form and then what is given, as autograd looks into no list."""
        lengths, h, steps, form, *given = arguments
        all_given = (given, lengths, h, steps, form)
        if all(map(plainly_eager, (*given, h))):
            hs, h_n = forward(*all_given)
        else:
            with torch._C._AutoDispatchBelowAutograd():
                hs, h_n = operator(*all_given)
        ctx.form = (steps, form)
        ctx.save_for_backward(lengths, h, hs, *given)
        ctx.set_materialize_grads(False)
        return hs, h_n

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, h, hs, *given = ctx.saved_tensors
        arguments = (*grad_outputs, given, lengths, h, *ctx.form, hs)
        eager = all(map(plainly_eager, (*given, h)))
        tensors = (*grad_outputs, *given, h, hs)
        run = backward if eager and not wants_gradients(tensors) else backward_operator
        *gradients, of_h = run(*arguments)
        return (None, of_h, None, None, *gradients)


class OnceBack(Once):
    """A backward that is itself recorded, so that it can say that it has no gradients."""

    where = "of a scan"

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, ...]:
        grad_hs, grad_h_n, lengths, h, steps, form, hs, *given = arguments
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(backward_operator(grad_hs, grad_h_n, given, lengths, h, steps, form, hs))


def _recorded(
    given: Sequence[Tensor], lengths: Tensor | None, h: Tensor, steps: int, form: str
) -> tuple[Tensor, Tensor]:
    hs, h_n = record(Scan, lengths, h, steps, form, *given)
    return hs, h_n


def _autograd(*arguments: Any) -> Any:
    if wants_gradients((*arguments[0], arguments[2])):
        return _recorded(*arguments)
    with torch._C._AutoDispatchBelowAutograd():
        return operator(*arguments)


def _autograd_backward(*arguments: Any) -> Any:
    grad_hs, grad_h_n, given, *others = arguments
    if wants_gradients((grad_hs, grad_h_n, *given, *others)):
        return list(record(OnceBack, grad_hs, grad_h_n, *others, *given))
    with torch._C._AutoDispatchBelowAutograd():
        return backward_operator(*arguments)


def _fake(*arguments: Any) -> tuple[Tensor, Tensor]:
    _, _, h, steps, _ = arguments
    return h.new_empty(h.shape[0], steps, h.shape[1]), h.new_empty(h.shape)


def _fake_backward(*arguments: Any) -> list[Tensor]:
    _, _, given, _, h, *_ = arguments
    return [tensor.new_empty(tensor.shape) for tensor in (*given, h)]


_GIVEN = "Tensor[] given, Tensor? lengths, Tensor h, SymInt steps, str form"


def _define(name: str, signature: str, cpu: Any, autograd: Any, fake: Any) -> Any:
    library.define(f"{name}{signature}", tags=(torch.Tag.pt2_compliant_tag,))
    library.impl(name, cpu, "CPU")
    library.impl(name, autograd, "Autograd")
    torch.library.register_fake(f"unrolled::{name}", fake, lib=library)
    return getattr(torch.ops.unrolled, name).default


operator = _define("scan", f"({_GIVEN}) -> (Tensor hs, Tensor h_n)", forward, _autograd, _fake)
backward_operator = _define(
    "scan_backward",
    f"(Tensor? grad_hs, Tensor? grad_h_n, {_GIVEN}, Tensor hs) -> Tensor[]",
    backward,
    _autograd_backward,
    _fake_backward,
)
