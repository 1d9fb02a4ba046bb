"""Calls of the compiled functions: tensors are checked, made dense where they must be, and handed over as addresses.

What the functions expect stands in csrc/engine.hpp. Nothing here records gradients; `cpu_operators` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.errors import InputError, ShapeError
from unrolled.kernels.extension import extension, missing
from unrolled.kernels.plan import PackedPlan, Plan, packed_plan_for, plan_for
from unrolled.kernels.threads import threads_for

DENSE = torch.contiguous_format


class Given(NamedTuple):
    """What forward and backward of every recurrence are given; G gates, H hidden units, float32 on the CPU.

    Shapes: x (B, T, I) with any strides; lengths (B,) int64 or None; the state's tensors (B, H); the weights
    (G * H, I), (G * H, H), and (G * H,) or None for the biases. With ``reverse`` every row is read from its last step to
    its first; its outputs stand where the inputs stood.

    Rows may be packed instead, as in torch's PackedSequence: x (N, I), and in place of the lengths the batch sizes (T,)
    int64; the outputs are then (N, H), and the state has the rows in packed order.
    """

    x: Tensor
    lengths: Tensor | None
    state: Sequence[Tensor]
    weights: Sequence[Tensor | None]
    code: int
    gates: int
    reverse: bool

    @property
    def hidden(self) -> int:
        """Return H."""
        return self.state[0].shape[1]

    def outputs(self) -> list[Tensor]:
        """Return room for y (B, T, H), or (N, H), and the final state."""
        x, hidden = self.x, self.hidden
        rows = self.state[0].shape[0] if x.dim() == 2 else x.shape[0]
        return [
            x.new_empty(*x.shape[:-1], hidden),
            *(x.new_empty(rows, hidden) for _ in self.state),
        ]

    def gradients(self, wanted: Sequence[bool]) -> list[Tensor | None]:
        """Return room for the gradient of each input that is wanted, in the order x, state, weights."""
        inputs = (self.x, *self.state, *self.weights)
        return [
            torch.empty_like(leaf, memory_format=DENSE) if want and leaf is not None else None
            for leaf, want in zip(inputs, wanted, strict=True)
        ]

    def check(self) -> None:
        """Raise a ShapeError where the compiled code would read memory that is not theirs."""
        x, state, hidden = self.x, self.state, self.hidden
        weight_ih, weight_hh, *biases = self.weights
        given = [tensor for tensor in (x, *state, *self.weights) if tensor is not None]
        rows = self.gates * hidden
        right = (
            x.dim() in (2, 3)
            and weight_ih is not None
            and weight_ih.shape == (rows, x.shape[-1])
            and weight_hh is not None
            and weight_hh.shape == (rows, hidden)
        )
        for bias in biases:
            right = right and (bias is None or bias.shape == (rows,))
        for leaf in state:
            batch = len(state[0]) if x.dim() == 2 else len(x)
            right = right and leaf.shape == (batch, hidden)
        for tensor in given:
            right = right and tensor.dtype is torch.float32 and tensor.is_cpu
        if not right:
            raise ShapeError(
                f"{[(*tensor.shape, str(tensor.dtype), str(tensor.device)) for tensor in given]}",
                expected="float32 on the CPU: x (B, T, I) or packed (N, I), each state (B, H), "
                f"weights ({self.gates} * H, I) and ({self.gates} * H, H), biases ({self.gates} * H)",
            )

    def plan(self) -> Plan:
        """Return the order in which the rows are visited."""
        if self.x.dim() == 2:
            return packed_plan_for(self.lengths, len(self.state[0]), len(self.x))
        batch, steps, _ = self.x.shape
        return plan_for(self.lengths, batch, steps)

    def layout(self, plan: Plan) -> tuple[int, ...]:
        """Return the first arguments of the compiled functions."""
        return (
            self.code,
            self.x.shape[-1],
            self.hidden,
            plan.batch,
            plan.steps,
            plan.batch_sizes_address,
            plan.order_address,
        )

    def dense(self) -> Given:
        """Return the same with features one beside the other, and states and weights contiguous."""
        return Given(
            with_dense_features(self.x),
            self.lengths,
            [leaf.contiguous() for leaf in self.state],
            [weight if weight is None else weight.contiguous() for weight in self.weights],
            self.code,
            self.gates,
            self.reverse,
        )

    def multiplications(self, plan: Plan) -> int:
        """Return the multiplications of the products in forward."""
        hidden = self.hidden
        return plan.live * self.gates * hidden * (self.x.shape[-1] + hidden)


def forward(
    given: Given, plan: Plan, saved: Tensor | None, states: Tensor | None = None
) -> tuple[Tensor, ...]:
    """Return y and the final state.

    Args:
        given: the inputs.
        plan: of their lengths.
        saved: is filled with what backward needs, unless it is None.
        states: (N, states, H) is filled with the state after each of the N live steps, in the order of
            `Plan.live_places`, unless it is None.
    """
    if given.reverse and isinstance(plan, PackedPlan) and not plan.full:
        turned = given._replace(x=given.x.index_select(0, plan.turn), reverse=False)
        y, *after = forward(turned, plan, saved, states)
        return (y.index_select(0, plan.turn), *after)
    given = given.dense()
    y, *after = given.outputs()
    x_place, y_place = (plan.place(data, given.reverse) for data in (given.x, y))
    compiled().forward(
        *given.layout(plan),
        *x_place[:3],
        *map(address, given.weights),
        *pair(given.state),
        *y_place[:3],
        *pair(after),
        address(saved),
        address(states),
        threads_for(given.multiplications(plan)),
    )
    plan.zero_padding(y)
    return (y, *after)


def backward(
    given: Given,
    y: Tensor,
    saved: Tensor,
    grad_y: Tensor | None,
    grad_after: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Return the gradients of x, the state and the weights, None for those that are not wanted.

    Args:
        given: what forward was given.
        y: the outputs.
        saved: what forward left.
        grad_y: gradient of the outputs; None is zeros.
        grad_after: gradients of the final state.
        wanted: for x, each state and each weight.
    """
    plan = given.plan()
    right = y.shape == (*given.x.shape[:-1], given.hidden) and (
        saved.numel() >= saved_size(given, plan.live)
    )
    for output, gradient in zip((y, *given.state), (grad_y, *grad_after), strict=True):
        right = right and (gradient is None or gradient.shape == output.shape)
    if not right:
        raise ShapeError(
            f"y has shape {tuple(y.shape)}, saved {saved.numel()} numbers, the gradients of the outputs "
            f"{[leaf if leaf is None else tuple(leaf.shape) for leaf in (grad_y, *grad_after)]}",
            expected="what forward returned for this input, and gradients of those shapes",
        )
    if given.reverse and isinstance(plan, PackedPlan) and not plan.full:
        turned = given._replace(x=given.x.index_select(0, plan.turn), reverse=False)
        y = y.index_select(0, plan.turn)
        grad_y = grad_y if grad_y is None else grad_y.index_select(0, plan.turn)
        grad_x, *others = backward(turned, y, saved, grad_y, grad_after, wanted)
        return [grad_x if grad_x is None else grad_x.index_select(0, plan.turn), *others]
    given = given.dense()
    if grad_y is not None:
        grad_y = with_dense_features(grad_y)
    grad_after = [leaf if leaf is None else leaf.contiguous() for leaf in grad_after]
    gradients = given.gradients(wanted)
    grad_x, states = gradients[0], 1 + len(given.state)
    x_place, y_place = (plan.place(data, given.reverse) for data in (given.x, y))
    grad_x_place, grad_y_place = (plan.place(data, given.reverse) for data in (grad_x, grad_y))
    compiled().backward(
        *given.layout(plan),
        *x_place[:3],
        *map(address, given.weights),
        *pair(given.state),
        *y_place[:3],
        saved.data_ptr(),
        *grad_y_place[:3],
        *pair(grad_after),
        *grad_x_place[:3],
        *map(address, gradients[states:]),
        *pair(gradients[1:states]),
        threads_for(2 * given.multiplications(plan)),
    )
    if grad_x is not None:
        plan.zero_padding(grad_x)
    return gradients


def forward_with_states(given: Given) -> tuple[list[Tensor], list[Tensor]]:
    """Return y and the final state, and the states after every step, each (B, T, H) with zeros for padding."""
    plan = given.plan()
    batch, steps, _ = given.x.shape
    packed = given.x.new_empty(plan.live, len(given.state), given.hidden)
    outputs = forward(given, plan, None, packed)
    states = given.x.new_zeros(len(given.state), batch * steps, given.hidden)
    states[:, torch.from_numpy(plan.live_places(steps))] = packed.transpose(0, 1)
    return list(outputs), list(states.view(-1, batch, steps, given.hidden))


def saved_size(given: Given, room: int) -> int:
    """Return how many numbers backward needs of ``room`` pairs of a row and a step."""
    width: int = compiled().saved_width(given.code)
    return room * width * given.hidden


def compiled() -> Any:
    """Return the compiled extension, or raise why it is not there."""
    if extension is None:
        raise InputError(f"compiled kernels: {missing}", fix="install a C++ compiler and unrolled")
    return extension


def with_dense_features(data: Tensor) -> Tensor:
    """Return the same with its features one beside the other; rows and steps may lie anywhere."""
    return data if data.stride(-1) == 1 or data.shape[-1] == 1 else data.contiguous()


def address(tensor: Tensor | None) -> int:
    """Return where a tensor begins, 0 for none."""
    return 0 if tensor is None else tensor.data_ptr()


def pair(state: Sequence[Tensor | None]) -> tuple[int, int]:
    """Return the addresses of h and c, 0 for what is not there."""
    return address(state[0]), address(state[1]) if len(state) > 1 else 0
