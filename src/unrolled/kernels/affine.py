"""W x + b of many places, compiled: unrolled::affine(x, weight, bias) -> y and its backward, as torch operators.

The tiles are those of the recurrent kernels, which leave torch's product behind where its library keeps to AVX2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unrolled.errors import ShapeError
from unrolled.kernels.cpu_operators import Once, library, plainly_eager, record, wants_gradients
from unrolled.kernels.extension import extension, missing
from unrolled.kernels.memory import large_empty
from unrolled.kernels.threads import threads_for

FEW_PLACES = 64
"""Below, laying out the weights costs more than it saves, and torch's product is used."""


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return W x + b of x (N, I), the weight (O, I) and the bias (O,) or None, float32 on the CPU: (N, O)."""
    tensors = (x, weight, bias)
    if not plainly_eager(x):
        y: Tensor = operator(*tensors)
        return y
    if x.shape[0] < FEW_PLACES:
        return torch.nn.functional.linear(x, weight, bias)
    return record(Affine, *tensors)[0] if wants_gradients(tensors) else forward(*tensors)


def sizes(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[int, int, int]:
    """Return N, I and O; raise where foreign memory would be read."""
    given = [tensor for tensor in (x, weight, bias) if tensor is not None]
    right = x.dim() == 2 and weight.dim() == 2 and x.shape[1] == weight.shape[1]
    right = right and (bias is None or bias.shape == weight.shape[:1])
    right = right and all(tensor.dtype is torch.float32 and tensor.is_cpu for tensor in given)
    if not right or weight.numel() == 0:
        raise ShapeError(
            f"{[(*tensor.shape, str(tensor.dtype), str(tensor.device)) for tensor in given]}",
            expected="float32 on the CPU: x (N, I), weight (O, I), bias (O,), I and O at least 1",
        )
    return x.shape[0], weight.shape[1], weight.shape[0]


def rows_of(tensor: Tensor) -> tuple[Tensor, int]:
    """Return (N, F) with features one beside the other, and the numbers from one row to the next."""
    if tensor.stride(1) != 1 and tensor.shape[1] != 1:
        tensor = tensor.contiguous()
    return tensor, tensor.stride(0)


def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Compute it."""
    places, inputs, outputs = sizes(x, weight, bias)
    (x, stride), weight = rows_of(x), weight.contiguous()
    y = large_empty(places * outputs).view(places, outputs)
    bias = None if bias is None else bias.contiguous()
    assert extension is not None, missing
    extension.affine_forward(
        *(places, inputs, outputs, x.data_ptr(), stride, weight.data_ptr()),
        *(0 if bias is None else bias.data_ptr(), y.data_ptr()),
        threads_for(places * inputs * outputs),
    )
    return y


def backward(grad_y: Tensor, x: Tensor, weight: Tensor, wanted: Sequence[bool]) -> list[Tensor]:
    """Return those gradients of x, weight and bias that are wanted."""
    places, inputs, outputs = sizes(x, weight, None)
    if grad_y.shape != (places, outputs) or grad_y.dtype is not torch.float32:
        raise ShapeError(
            f"a gradient of {grad_y.dtype} {tuple(grad_y.shape)}",
            expected=f"torch.float32 {(places, outputs)}",
        )
    (x, stride), (grad_y, grad_stride) = rows_of(x), rows_of(grad_y.resolve_neg())
    weight = weight.contiguous()
    grads = [
        tensor if want else None
        for tensor, want in zip(
            (
                large_empty(places * inputs if wanted[0] else 0).view(-1, inputs),
                weight.new_empty(outputs, inputs),
                weight.new_empty(outputs),
            ),
            wanted,
            strict=True,
        )
    ]
    assert extension is not None, missing
    extension.affine_backward(
        *(places, inputs, outputs, x.data_ptr(), stride, weight.data_ptr()),
        *(grad_y.data_ptr(), grad_stride),
        *(0 if grad is None else grad.data_ptr() for grad in grads),
        threads_for(2 * places * inputs * outputs),
    )
    return [grad for grad in grads if grad is not None]


class Affine(torch.autograd.Function):
    """Forward and its backward, each an operator below autograd."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor]:
        ctx.save_for_backward(x, weight)
        if plainly_eager(x):
            return (forward(x, weight, bias),)
        with torch._C._AutoDispatchBelowAutograd():
            return (operator(x, weight, bias),)

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wanted = list(ctx.needs_input_grad)
        if wants_gradients((grad_y, x, weight)):
            # Gradients of gradients: torch records what it does itself.
            return (
                grad_y @ weight if wanted[0] else None,
                grad_y.mT @ x if wanted[1] else None,
                grad_y.sum(0) if wanted[2] else None,
            )
        compute = backward if plainly_eager(x) else backward_operator
        found = iter(compute(grad_y, x, weight, wanted))
        return tuple(next(found) if want else None for want in wanted)


class AffineOnce(Once):
    """A backward that is itself recorded, so that it can say that it has no gradients."""

    where = "of a scan's products"

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, ...]:
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(backward_operator(*arguments))


def _autograd(*arguments: Any) -> Any:
    if wants_gradients(arguments):
        return record(Affine, *arguments)[0]
    with torch._C._AutoDispatchBelowAutograd():
        return operator(*arguments)


def _autograd_backward(*arguments: Any) -> Any:
    if wants_gradients(arguments):
        return list(record(AffineOnce, *arguments))
    with torch._C._AutoDispatchBelowAutograd():
        return backward_operator(*arguments)


def _fake(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return x.new_empty(x.shape[0], weight.shape[0])


def _fake_backward(
    grad_y: Tensor, x: Tensor, weight: Tensor, wanted: Sequence[bool]
) -> list[Tensor]:
    made = (x.new_empty(x.shape), weight.new_empty(weight.shape), weight.new_empty(len(weight)))
    return [tensor for tensor, want in zip(made, wanted, strict=True) if want]


library.define(
    "affine(Tensor x, Tensor weight, Tensor? bias) -> Tensor", tags=(torch.Tag.pt2_compliant_tag,)
)
library.define(
    "affine_backward(Tensor grad_y, Tensor x, Tensor weight, bool[] wanted) -> Tensor[]",
    tags=(torch.Tag.pt2_compliant_tag,),
)
for _name, _cpu, _recorded, _without in (
    ("affine", forward, _autograd, _fake),
    ("affine_backward", backward, _autograd_backward, _fake_backward),
):
    library.impl(_name, _cpu, "CPU")
    library.impl(_name, _recorded, "Autograd")
    torch.library.register_fake(f"unrolled::{_name}", _without, lib=library)
operator = torch.ops.unrolled.affine.default
backward_operator = torch.ops.unrolled.affine_backward.default
