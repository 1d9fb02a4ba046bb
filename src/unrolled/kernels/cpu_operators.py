"""The compiled kernels as torch operators: unrolled::rnn, unrolled::lstm, unrolled::gru.

    unrolled::gru(x, lengths, h, weight_ih, weight_hh, bias_ih, bias_hh, reset) -> (y, h_n)
    unrolled::gru_train(the same, room) -> (y, h_n, saved)
    unrolled::gru_backward(grad_y, grad_h_n, the same without room, y, saved, wanted) -> the gradients that are wanted

x is (B, T, I) float32 on the CPU, any strides; lengths (B,) int64 or None; h (and c) (B, H); the weights as torch.nn
lays them out. y is (B, T, H), its padding 0. The first is differentiable: where a gradient is wanted its Autograd kernel
runs the second, whose ``saved`` has room for that many (row, step) pairs. All have fake kernels, so torch.compile and
torch.export pass them through; a saved program needs `import unrolled.kernels` before it is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from unrolled.errors import InputError, ShapeError, unknown_option
from unrolled.kernels.extension import extension, missing
from unrolled.kernels.plan import Plan, plan_for
from unrolled.kernels.threads import threads_for

library = torch.library.Library("unrolled", "DEF")


class Given(NamedTuple):
    """What every operator of a recurrence is given."""

    x: Tensor
    lengths: Tensor | None
    state: tuple[Tensor, ...]
    weights: tuple[Tensor | None, ...]
    code: int

    @property
    def hidden(self) -> int:
        return self.state[0].shape[1]

    def outputs(self) -> list[Tensor]:
        """Return room for y and the final states."""
        x = self.x
        y = x.new_empty(x.shape[0], x.shape[1], self.hidden)
        return [y, *(torch.empty_like(leaf, memory_format=DENSE) for leaf in self.state)]


DENSE = torch.contiguous_format
WEIGHTS = "Tensor weight_ih, Tensor weight_hh, Tensor? bias_ih, Tensor? bias_hh"


class Recurrence:
    """The operators of one recurrence.

    Args:
        name: of the forward operator.
        states: names of its states.
        gates: how many rows of weights one hidden unit has.
        forms: the compiled code of each form; the form's name is the operators' last argument.
        option: what that argument is called, None where there is one form only.
    """

    def __init__(
        self,
        name: str,
        states: tuple[str, ...],
        gates: int,
        forms: dict[str, int],
        option: str | None,
    ) -> None:
        self.name, self.states, self.gates, self.forms, self.option = (
            name,
            states,
            gates,
            forms,
            option,
        )
        form = f", str {option}" if option else ""
        begin = "".join(f", Tensor {state}" for state in states)
        given = f"Tensor x, Tensor? lengths{begin}, {WEIGHTS}{form}"
        after = "".join(f", Tensor {state}_n" for state in states)
        gradients = "".join(f", Tensor? grad_{state}_n" for state in states)
        self._define(name, f"({given}) -> (Tensor y{after})")
        self._define(f"{name}_train", f"({given}, SymInt room) -> (Tensor y{after}, Tensor saved)")
        self._define(
            f"{name}_backward",
            f"(Tensor? grad_y{gradients}, {given}, Tensor y, Tensor saved, bool[] wanted) -> Tensor[]",
        )
        namespace = torch.ops.unrolled
        self.infer = getattr(namespace, name).default
        self.train = getattr(namespace, f"{name}_train").default
        self.backward = getattr(namespace, f"{name}_backward").default

    def _define(self, name: str, signature: str) -> None:
        library.define(f"{name}{signature}", tags=(torch.Tag.pt2_compliant_tag,))
        kind = name.removeprefix(self.name) or "_infer"
        library.impl(name, getattr(self, f"cpu{kind}"), "CPU")
        library.impl(name, getattr(self, f"autograd{kind}"), "Autograd")
        torch.library.register_fake(f"unrolled::{name}", getattr(self, f"fake{kind}"), lib=library)

    def read(self, arguments: Sequence[Any]) -> Given:
        """Name the arguments that all operators share."""
        x, lengths, *rest = arguments
        count = len(self.states)
        form = rest[count + 4] if self.option else ""
        code = self.forms.get(form)
        if code is None:
            raise unknown_option(str(self.option), form, self.forms)
        return Given(x, lengths, tuple(rest[:count]), tuple(rest[count : count + 4]), code)

    # The compiled code.

    def cpu_infer(self, *arguments: Any) -> tuple[Tensor, ...]:
        given = self.checked(arguments)
        return self._forward(given, plan_of(given), None)

    def cpu_train(self, *arguments: Any) -> tuple[Tensor, ...]:
        given, room = self.checked(arguments[:-1]), arguments[-1]
        plan = plan_of(given)
        if room < plan.live:
            raise ShapeError(f"there is room for {room} steps", expected=f"at least {plan.live}")
        width = saved_width(given.code) * given.hidden
        saved = given.x.new_empty(room * width)
        saved[plan.live * width :].zero_()
        return (*self._forward(given, plan, saved), saved)

    def _forward(self, given: Given, plan: Plan, saved: Tensor | None) -> tuple[Tensor, ...]:
        x = with_dense_features(given.x)
        begin = [leaf.contiguous() for leaf in given.state]
        weights = [None if weight is None else weight.contiguous() for weight in given.weights]
        y, *after = given.outputs()
        hidden, features = given.hidden, x.shape[2]
        x_place, y_place = plan.place(x), plan.place(y)
        compiled().forward(
            given.code,
            features,
            hidden,
            plan.batch,
            plan.steps,
            plan.batch_sizes_address,
            plan.order_address,
            *x_place[:3],
            *map(address, weights),
            *pair(begin),
            *y_place[:3],
            *pair(after),
            address(saved),
            0,
            threads_for(plan.live * self.gates * hidden * (features + hidden)),
        )
        plan.zero_padding(y)
        return (y, *after)

    def cpu_backward(self, *arguments: Any) -> list[Tensor]:
        count = len(self.states)
        grad_y, *grad_after = arguments[: 1 + count]
        given = self.checked(arguments[1 + count : -3])
        y, saved, wanted = arguments[-3:]
        plan = plan_of(given)
        x = with_dense_features(given.x)
        begin = [leaf.contiguous() for leaf in given.state]
        weights = [None if weight is None else weight.contiguous() for weight in given.weights]
        hidden, features = given.hidden, x.shape[2]
        width = saved_width(given.code)
        if y.shape != (*x.shape[:2], hidden) or saved.numel() < plan.live * width * hidden:
            raise ShapeError(
                f"y has shape {tuple(y.shape)} and saved {saved.numel()} numbers",
                expected="what the forward operator returned for this input",
            )
        if grad_y is not None:
            grad_y = with_dense_features(grad_y)
        grad_after = [None if leaf is None else leaf.contiguous() for leaf in grad_after]
        gradients = self._gradients(given, wanted)
        grad_x, *others = gradients
        grad_begin, grad_weights = others[:count], others[count:]
        x_place, y_place = plan.place(x), plan.place(y)
        grad_x_place, grad_y_place = plan.place(grad_x), plan.place(grad_y)
        compiled().backward(
            given.code,
            features,
            hidden,
            plan.batch,
            plan.steps,
            plan.batch_sizes_address,
            plan.order_address,
            *x_place[:3],
            *map(address, weights),
            *pair(begin),
            *y_place[:3],
            saved.data_ptr(),
            *grad_y_place[:3],
            *pair(grad_after),
            *grad_x_place[:3],
            *map(address, grad_weights),
            *pair(grad_begin),
            threads_for(2 * plan.live * self.gates * hidden * (features + hidden)),
        )
        if grad_x is not None:
            plan.zero_padding(grad_x)
        return [gradient for gradient in gradients if gradient is not None]

    def _gradients(self, given: Given, wanted: Sequence[bool]) -> list[Tensor | None]:
        """Return room for the gradient of each input that is wanted: x, the state, the weights."""
        inputs = (given.x, *given.state, *given.weights)
        return [
            torch.empty_like(leaf, memory_format=DENSE) if want and leaf is not None else None
            for leaf, want in zip(inputs, wanted, strict=True)
        ]

    def checked(self, arguments: Sequence[Any]) -> Given:
        """Name the arguments, after making sure that the compiled code reads no memory that is not theirs."""
        given = self.read(arguments)
        x, hidden = given.x, given.hidden
        rows = self.gates * hidden
        shapes: list[tuple[int, ...]] = [(rows, x.shape[-1]), (rows, hidden), (rows,), (rows,)]
        shapes += [(x.shape[0], hidden)] * len(given.state)
        tensors = (*given.weights, *given.state)
        for tensor, shape in zip(tensors, shapes, strict=True):
            if tensor is not None and (tensor.shape != shape or tensor.dtype is not torch.float32):
                raise ShapeError(
                    f"unrolled::{self.name} was given {tensor.dtype} {tuple(tensor.shape)}",
                    expected=f"torch.float32 {shape}",
                )
        if x.dim() != 3 or x.dtype is not torch.float32:
            raise ShapeError(
                f"unrolled::{self.name} was given an input of {x.dtype} {tuple(x.shape)}",
                expected="torch.float32 (batch, time, features)",
            )
        return given

    # What comes out, without computing it.

    def fake_infer(self, *arguments: Any) -> tuple[Tensor, ...]:
        return tuple(self.read(arguments).outputs())

    def fake_train(self, *arguments: Any) -> tuple[Tensor, ...]:
        given, room = self.read(arguments[:-1]), arguments[-1]
        saved = given.x.new_empty(room * saved_width(given.code) * given.hidden)
        return (*given.outputs(), saved)

    def fake_backward(self, *arguments: Any) -> list[Tensor]:
        given = self.read(arguments[1 + len(self.states) : -3])
        return [
            gradient
            for gradient in self._gradients(given, arguments[-1])
            if gradient is not None
        ]

    # Gradients.

    def autograd_infer(self, *arguments: Any) -> tuple[Tensor, ...]:
        if wants_gradients(arguments):
            outputs: tuple[Tensor, ...] = Unroll.apply(self, *arguments, room_for(*arguments[:2]))
            return outputs[:-1]
        with torch._C._AutoDispatchBelowAutograd():
            return self.infer(*arguments)

    def autograd_train(self, *arguments: Any) -> tuple[Tensor, ...]:
        if wants_gradients(arguments):
            outputs: tuple[Tensor, ...] = Unroll.apply(self, *arguments)
            return outputs
        with torch._C._AutoDispatchBelowAutograd():
            return self.train(*arguments)

    def autograd_backward(self, *arguments: Any) -> list[Tensor]:
        if wants_gradients(arguments):
            return list(Once.apply(self, *arguments))
        with torch._C._AutoDispatchBelowAutograd():
            return self.backward(*arguments)


class Unroll(torch.autograd.Function):
    """Forward for training, and its backward; both run as operators below autograd."""

    @staticmethod
    def forward(ctx: Any, recurrence: Recurrence, *arguments: Any) -> tuple[Tensor, ...]:
        with torch._C._AutoDispatchBelowAutograd():
            outputs = recurrence.train(*arguments)
        tensors = 6 + len(recurrence.states)
        ctx.recurrence, ctx.form = recurrence, arguments[tensors:-1]
        ctx.save_for_backward(*arguments[:tensors], outputs[0], outputs[-1])
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(outputs[-1])
        return outputs

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        *inputs, y, saved = ctx.saved_tensors
        needs = ctx.needs_input_grad[1:]
        # x, (lengths), the state and the weights
        wanted = [needs[0], *needs[2 : len(inputs)]]
        gradients = iter(
            ctx.recurrence.backward(*grad_outputs[:-1], *inputs, *ctx.form, y, saved, wanted)
        )
        grad_x, *others = [next(gradients) if want else None for want in wanted]
        return (None, grad_x, None, *others, *(None,) * (1 + len(ctx.form)))


class Once(torch.autograd.Function):
    """A backward that is itself recorded: it computes, and says what is missing when it is to be differentiated."""

    @staticmethod
    def forward(ctx: FunctionCtx, recurrence: Recurrence, *arguments: Any) -> tuple[Tensor, ...]:
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(recurrence.backward(*arguments))

    @staticmethod
    def backward(ctx: FunctionCtx, *_: Tensor | None) -> Any:
        raise InputError(
            "the compiled kernels have no gradients of gradients",
            fix="set UNROLLED_KERNELS=off, or compute in float64",
        )


def wants_gradients(arguments: Sequence[Any]) -> bool:
    """Return whether a call is to be recorded for a backward pass."""
    return torch.is_grad_enabled() and any(
        isinstance(argument, Tensor) and argument.requires_grad for argument in arguments
    )


def room_for(x: Tensor, lengths: Tensor | None) -> int:
    """Return how many pairs of a row and a step are to be saved: all of them while what lengths hold is not known."""
    if lengths is None or type(lengths) is not Tensor:
        return x.shape[0] * x.shape[1]
    return plan_for(lengths, x.shape[0], x.shape[1]).live


def plan_of(given: Given) -> Plan:
    return plan_for(given.lengths, given.x.shape[0], given.x.shape[1])


def compiled() -> Any:
    """Return the compiled extension, or raise why it is not there."""
    if extension is None:
        raise InputError(f"compiled kernels: {missing}", fix="install a C++ compiler and unrolled")
    return extension


def saved_width(code: int) -> int:
    """Return how many numbers of a hidden unit and a step are kept for the backward pass."""
    width: int = compiled().saved_width(code)
    return width


def with_dense_features(data: Tensor) -> Tensor:
    """Return (B, T, F) with its features one beside the other; rows and steps may lie anywhere."""
    return data if data.stride(2) == 1 or data.shape[2] == 1 else data.contiguous()


def address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def pair(state: Sequence[Tensor | None]) -> tuple[int, int]:
    """Return the addresses of h and c, 0 for what is not there."""
    return address(state[0]), address(state[1]) if len(state) > 1 else 0


RNN = Recurrence("rnn", ("h",), 1, {"tanh": 0, "relu": 1}, "nonlinearity")
LSTM = Recurrence("lstm", ("h", "c"), 4, {"": 2}, None)
GRU = Recurrence("gru", ("h",), 3, {"after": 3, "before": 4}, "reset")
