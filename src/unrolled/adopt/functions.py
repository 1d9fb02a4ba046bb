"""torch's compiled recurrent functions, and in front of each our kernel, which takes the calls that it can."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import _VF, Tensor

from unrolled.adopt import rules
from unrolled.adopt.calls import NetworkCall, StepCall, can_be_taken
from unrolled.adopt.rules import Sizes
from unrolled.kernels import cpu_operators as operators


class Functions:
    """What torch's modules find under the name ``_VF``: our functions, and torch's where we have none."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_VF, name)


def beside_the_compiler(ours: Callable[..., Any]) -> Callable[..., Any]:
    """Let torch.compile run a function as it stands, between its graphs."""
    aside = torch._disable_dynamo(ours)

    def either(*arguments: Any) -> Any:
        return (aside if torch.compiler.is_compiling() else ours)(*arguments)

    return either


def network(
    name: str,
    recurrence: operators.Recurrence,
    form: tuple[str, ...],
    torch_is_faster: Callable[[Sizes], bool],
) -> Callable[..., Any]:
    """Return what stands in front of torch's function ``name`` for whole networks."""
    theirs = getattr(_VF, name)

    @beside_the_compiler
    def ours(*arguments: Any) -> Any:
        call = NetworkCall.of(arguments)
        # First what costs least: it is for the shortest calls that torch is faster.
        if (
            torch_is_faster(call.sizes())
            or not can_be_taken((call.x, *call.state, *call.weights))
            or not call.fits(recurrence.gates)
        ):
            return theirs(*arguments)
        return run(recurrence, form, call)

    return ours


def run(
    recurrence: operators.Recurrence, form: tuple[str, ...], call: NetworkCall
) -> tuple[Tensor, ...]:
    """Return outputs and final states of all layers and directions, laid out in memory as torch lays them out."""
    data, sizes, shape = call.x, call.batch_sizes, [len(call.x)]
    if sizes is None:
        # Full rows with the steps outermost are packed rows. torch's outputs lie so, too, also with batch_first.
        time_first = data.transpose(0, 1) if call.batch_first else data
        steps, batch, _ = time_first.shape
        data, sizes, shape = time_first.flatten(0, 1), full_sizes(batch, steps), [steps, batch]
    begins = list(zip(*(leaf.unbind(0) for leaf in call.state), strict=True))
    ends: list[list[Tensor]] = []
    outputs: list[Tensor] = []
    for layer in range(call.layers):
        if layer > 0:
            data = torch.cat(outputs, 1) if call.bidirectional else outputs[0]
            if call.training and call.dropout:
                data = torch.dropout(data, call.dropout, True)
        outputs = []
        for reverse in (False, True)[: call.directions]:
            place = len(ends)
            weights = call.cell_weights(place)
            y, *end = recurrence(data, sizes, *begins[place], *weights, *form, reverse)
            outputs.append(y)
            ends.append(end)
    states = (torch.stack(leaves) for leaves in zip(*ends, strict=True))
    y = own(outputs, [*shape, outputs[0].shape[1]])
    return (y.transpose_(0, 1) if call.batch_first else y, *states)


def own(outputs: list[Tensor], shape: list[int]) -> Tensor:
    """Return the outputs of all directions in a tensor that is the caller's to change, as torch's is.

    Backward reads the outputs themselves; and a view would not do for `Tensor.detach_`.
    """
    if len(outputs) > 1:
        return torch.cat([y.view(shape) for y in outputs], -1)
    (y,) = outputs
    return y.view(shape).clone() if y.requires_grad else y.resize_(shape)


@lru_cache(maxsize=64)
def full_sizes(batch: int, steps: int) -> Tensor:
    """Return the batch sizes of full rows: (T,) int64."""
    return torch.full((steps,), batch)


def one_step(
    name: str,
    recurrence: operators.Recurrence,
    form: tuple[str, ...],
    pays: Callable[[int, int], bool],
) -> Callable[..., Any]:
    """Return what stands in front of torch's function ``name`` for one step of a cell.

    ``pays`` tells of B and H whether laying out the weights for a single step costs less than it saves.
    """
    theirs = getattr(_VF, name)

    @beside_the_compiler
    def ours(x: Tensor, hx: Any, weight_ih: Tensor, weight_hh: Tensor, *biases: Any) -> Any:
        if x.dim() != 2 or weight_hh.dim() != 2 or not pays(len(x), weight_hh.shape[1]):
            return theirs(x, hx, weight_ih, weight_hh, *biases)
        call = StepCall(x, hx if isinstance(hx, tuple) else (hx,), (weight_ih, weight_hh, *biases))
        if not can_be_taken((x, *call.state, *call.weights)) or not call.fits(recurrence.gates):
            return theirs(x, hx, weight_ih, weight_hh, *biases)
        _, *after = recurrence(x, full_sizes(len(x), 1), *call.state, *call.weights, *form, False)
        return tuple(after) if isinstance(hx, tuple) else after[0]

    return ours


def stand_in() -> Functions:
    """Return torch's functions with ours in front."""
    rnn, lstm, gru = operators.RNN, operators.LSTM, operators.GRU
    functions = Functions()
    functions.__dict__ |= {
        "rnn_tanh": network("rnn_tanh", rnn, ("tanh",), rules.torch_rnn_is_faster),
        "rnn_relu": network("rnn_relu", rnn, ("relu",), rules.torch_rnn_is_faster),
        "lstm": network("lstm", lstm, (), rules.torch_lstm_is_faster),
        "gru": network("gru", gru, ("after",), rules.torch_gru_is_faster),
        "rnn_tanh_cell": one_step("rnn_tanh_cell", rnn, ("tanh",), rules.plain_step_pays),
        "rnn_relu_cell": one_step("rnn_relu_cell", rnn, ("relu",), rules.plain_step_pays),
        "lstm_cell": one_step("lstm_cell", lstm, (), rules.gated_step_pays),
        "gru_cell": one_step("gru_cell", gru, ("after",), rules.gated_step_pays),
    }
    return functions
