"""The compiled kernels as torch operators: unrolled::rnn, unrolled::lstm, unrolled::gru.

    unrolled::gru(x, lengths, h, weight_ih, weight_hh, bias_ih, bias_hh, reset, reverse) -> (y, h_n)
    unrolled::gru_train(the same, room) -> (y, h_n, saved)
    unrolled::gru_backward(grad_y, grad_h_n, the same without room, y, saved, wanted) -> the gradients that are wanted

The first is differentiable: where a gradient is wanted, its Autograd kernel runs the second, whose ``saved`` has room for
that many pairs of a row and a step. All have fake kernels, so torch.compile and torch.export pass them through. A saved
program needs ``import unrolled.kernels`` before it is loaded. The shapes stand at `compiled.Given`: padded, or packed with
the batch sizes in place of the lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import profiler
from torch.autograd.function import FunctionCtx

from unrolled.errors import InputError, ShapeError, unknown_option
from unrolled.kernels import compiled, differentiable
from unrolled.kernels.compiled import Given
from unrolled.kernels.memory import large_empty
from unrolled.kernels.plan import plan_for

library = torch.library.Library("unrolled", "DEF")

WEIGHTS = "Tensor weight_ih, Tensor weight_hh, Tensor? bias_ih, Tensor? bias_hh"


class Recurrence:
    """The operators of one recurrence; called, it is the differentiable one.

    Args:
        name: of the forward operator.
        states: names of its states.
        gates: how many rows of weights one hidden unit has.
        forms: the compiled code of each form; the form's name is an argument of the operators.
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
        self.name, self.gates, self.forms, self.option = name, gates, forms, option
        self.states = len(states)
        self.tensors = 6 + self.states
        form = f", str {option}" if option else ""
        begin = "".join(f", Tensor {state}" for state in states)
        given = f"Tensor x, Tensor? lengths{begin}, {WEIGHTS}{form}, bool reverse"
        after = "".join(f", Tensor {state}_n" for state in states)
        gradients = "".join(f", Tensor? grad_{state}_n" for state in states)
        after_backward = f"(Tensor? grad_y{gradients}, {given}, Tensor y, Tensor saved"
        self.infer = self._define("infer", name, f"({given}) -> (Tensor y{after})")
        self.train = self._define(
            "train", f"{name}_train", f"({given}, SymInt room) -> (Tensor y{after}, Tensor saved)"
        )
        self.backward = self._define(
            "backward", f"{name}_backward", f"{after_backward}, bool[] wanted) -> Tensor[]"
        )

    def _define(self, kind: str, name: str, signature: str) -> Any:
        library.define(f"{name}{signature}", tags=(torch.Tag.pt2_compliant_tag,))
        library.impl(name, getattr(self, f"cpu_{kind}"), "CPU")
        library.impl(name, getattr(self, f"autograd_{kind}"), "Autograd")
        torch.library.register_fake(f"unrolled::{name}", getattr(self, f"fake_{kind}"), lib=library)
        return getattr(torch.ops.unrolled, name).default

    def __call__(self, *arguments: Any) -> tuple[Tensor, ...]:
        """Run the differentiable operator, and in plain eager mode its kernels without torch's dispatcher (10 us less)."""
        if not plainly_eager(arguments[0]):
            outputs: tuple[Tensor, ...] = self.infer(*arguments)
            return outputs
        if wants_gradients(arguments):
            return self._recorded(arguments)
        return self.cpu_infer(*arguments)

    def _recorded(self, arguments: Sequence[Any]) -> tuple[Tensor, ...]:
        return record(Unroll, self, *arguments, room_for(*arguments[:2]))[:-1]

    def read(self, arguments: Sequence[Any]) -> Given:
        """Name the arguments that all operators share."""
        end = 2 + self.states
        form = arguments[end + 4] if self.option else ""
        code = self.forms.get(form)
        if code is None:
            raise unknown_option(str(self.option), form, self.forms)
        x, lengths = arguments[:2]
        state, weights = arguments[2:end], arguments[end : end + 4]
        reverse = arguments[end + (5 if self.option else 4)]
        return Given(x, lengths, state, weights, code, self.gates, reverse)

    def read_backward(self, arguments: Sequence[Any]) -> tuple[Given, tuple[Any, ...]]:
        """Name the arguments of backward: what forward was given, and those of `compiled.backward` after it."""
        grad_y, *grad_after = arguments[: 1 + self.states]
        y, saved, wanted = arguments[-3:]
        given = self.read(arguments[1 + self.states : -3])
        return given, (y, saved, grad_y, grad_after, wanted)

    # The compiled code.

    def cpu_infer(self, *arguments: Any) -> tuple[Tensor, ...]:
        given = self.read(arguments)
        given.check()
        return compiled.forward(given, given.plan(), None)

    def cpu_train(self, *arguments: Any) -> tuple[Tensor, ...]:
        given, room = self.read(arguments), arguments[-1]
        given.check()
        plan = given.plan()
        if room < plan.live:
            raise ShapeError(f"there is room for {room} steps", expected=f"at least {plan.live}")
        saved = large_empty(compiled.saved_size(given, room))
        if room > plan.live:
            saved[compiled.saved_size(given, plan.live) :].zero_()
        return (*compiled.forward(given, plan, saved), saved)

    def cpu_backward(self, *arguments: Any) -> list[Tensor]:
        given, others = self.read_backward(arguments)
        given.check()
        return present(compiled.backward(given, *others))

    # What comes out, without computing it.

    def fake_infer(self, *arguments: Any) -> tuple[Tensor, ...]:
        return tuple(self.read(arguments).outputs())

    def fake_train(self, *arguments: Any) -> tuple[Tensor, ...]:
        given, room = self.read(arguments), arguments[-1]
        return (*given.outputs(), given.x.new_empty(compiled.saved_size(given, room)))

    def fake_backward(self, *arguments: Any) -> list[Tensor]:
        given, (*_, wanted) = self.read_backward(arguments)
        return present(given.gradients(wanted))

    # Gradients.

    def autograd_infer(self, *arguments: Any) -> Any:
        if wants_gradients(arguments):
            return self._recorded(arguments)
        with torch._C._AutoDispatchBelowAutograd():
            return self.infer(*arguments)

    def autograd_train(self, *arguments: Any) -> Any:
        if wants_gradients(arguments):
            return record(Unroll, self, *arguments)
        with torch._C._AutoDispatchBelowAutograd():
            return self.train(*arguments)

    def autograd_backward(self, *arguments: Any) -> Any:
        if wants_gradients(arguments):
            return list(record(Once, self, *arguments))
        with torch._C._AutoDispatchBelowAutograd():
            return self.backward(*arguments)


class Unroll(torch.autograd.Function):
    """Forward for training and its backward, each an operator below autograd."""

    @staticmethod
    def forward(ctx: Any, recurrence: Recurrence, *arguments: Any) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...]
        if plainly_eager(arguments[0]):
            outputs = recurrence.cpu_train(*arguments)
        else:
            with torch._C._AutoDispatchBelowAutograd():
                outputs = recurrence.train(*arguments)
        end = recurrence.tensors
        ctx.recurrence, ctx.options = recurrence, arguments[end:-1]
        ctx.save_for_backward(*arguments[:end], outputs[0], outputs[-1])
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(outputs[-1])
        return outputs

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        recurrence, saved = ctx.recurrence, ctx.saved_tensors
        needs = ctx.needs_input_grad
        # of x, the state and the weights; not of the lengths
        wanted = (needs[1], *needs[3 : 1 + recurrence.tensors])
        arguments = (*grad_outputs[:-1], *saved[:-2], *ctx.options, *saved[-2:], wanted)
        gradients: Sequence[Tensor | None]
        if plainly_eager(saved[0]):
            given, others = recurrence.read_backward(arguments)
            if wants_gradients(arguments):
                gradients = differentiable.gradients(given, grad_outputs[:-1], wanted)
            else:
                gradients = compiled.backward(given, *others)
        else:
            found = iter(recurrence.backward(*arguments))
            gradients = [next(found) if want else None for want in wanted]
        return (None, gradients[0], None, *gradients[1:], *(None,) * (1 + len(ctx.options)))


class Once(torch.autograd.Function):
    """The operator backward, recorded: it computes, and says what is missing when it is to be differentiated.

    For a recurrence in plain eager mode `differentiable` is recorded in its place.
    """

    where = "under torch.compile, profilers and dispatch modes"

    @staticmethod
    def forward(ctx: FunctionCtx, recurrence: Recurrence, *arguments: Any) -> tuple[Tensor, ...]:
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(recurrence.backward(*arguments))

    @classmethod
    def backward(cls, ctx: FunctionCtx, *_: Tensor | None) -> Any:
        raise InputError(
            f"{cls.where} the compiled kernels have no gradients of gradients",
            fix="set UNROLLED_KERNELS=off, or compute in float64",
        )


def record(function: type[torch.autograd.Function], *arguments: Any) -> tuple[Tensor, ...]:
    """Run an autograd Function, so that its backward will be called."""
    outputs: tuple[Tensor, ...] = function.apply(*arguments)
    return outputs


def plainly_eager(x: Tensor) -> bool:
    """Return whether nothing looks on between Python and the kernels: no tracing, no mode, no subclass, no profiler."""
    return (
        not torch.compiler.is_compiling()
        and type(x) is Tensor
        and torch._C._len_torch_dispatch_stack() == 0
        and not profiler._is_profiler_enabled
        and not x.is_neg()
    )


def wants_gradients(arguments: Sequence[Any]) -> bool:
    """Return whether a call is to be recorded for a backward pass."""
    if torch.is_grad_enabled():
        for argument in arguments:
            if isinstance(argument, Tensor) and argument.requires_grad:
                return True
    return False


def room_for(x: Tensor, lengths: Tensor | None) -> int:
    """Return how many pairs of a row and a step are to be saved: all of them while what lengths hold is not known."""
    if x.dim() == 2:
        return x.shape[0]
    if lengths is None or type(lengths) is not Tensor:
        return x.shape[0] * x.shape[1]
    return plan_for(lengths, x.shape[0], x.shape[1]).live


def present(gradients: Sequence[Tensor | None]) -> list[Tensor]:
    """Return those that were wanted."""
    return [gradient for gradient in gradients if gradient is not None]


RNN = Recurrence("rnn", ("h",), 1, {"tanh": 0, "relu": 1}, "nonlinearity")
LSTM = Recurrence("lstm", ("h", "c"), 4, {"": 2}, None)
GRU = Recurrence("gru", ("h",), 3, {"after": 3, "before": 4}, "reset")
