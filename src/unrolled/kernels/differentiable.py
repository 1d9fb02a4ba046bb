"""The recurrences in torch's operations, step by step: what gradients of gradients are computed with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from unrolled.kernels.compiled import Given

RNN_TANH, RNN_RELU, LSTM, GRU_AFTER = range(4)


def gradients(
    given: Given, grad_outputs: Sequence[Tensor | None], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """Return the gradients of x, the state and the weights that are wanted, and record how they came about.

    The forward is computed a second time, and so that it can be differentiated twice.
    """
    # Of views: one input may have been made of another, and that path is not this function's.
    x, *others = (
        leaf if leaf is None else leaf.view_as(leaf)
        for leaf in (given.x, *given.state, *given.weights)
    )
    assert x is not None
    states = len(given.state)
    state = [leaf for leaf in others[:states] if leaf is not None]
    outputs = unroll(given._replace(x=x, state=state, weights=others[states:]))
    pairs = [pair for pair in zip(outputs, grad_outputs, strict=True) if pair[1] is not None]
    inputs = [leaf for leaf, want in zip((x, *others), wanted, strict=True) if want]
    found = iter(
        torch.autograd.grad(
            [output for output, _ in pairs],
            [leaf for leaf in inputs if leaf is not None],
            [gradient for _, gradient in pairs],
            create_graph=True,
            materialize_grads=True,
        )
    )
    return [next(found) if want else None for want in wanted]


def unroll(given: Given) -> list[Tensor]:
    """Return y and the final state, as `compiled.forward` does."""
    plan, (weight_ih, weight_hh, bias_ih, bias_hh) = given.plan(), given.weights
    assert weight_ih is not None
    assert weight_hh is not None
    places = torch.from_numpy(plan.live_places(given.x.shape[-2], given.reverse))
    order = torch.from_numpy(plan.order)
    rows = given.x.reshape(-1, given.x.shape[-1])
    live = linear(rows.index_select(0, places), weight_ih, bias_ih)
    state = [leaf.index_select(0, order) for leaf in given.state]
    ys = [live.new_empty(0, given.hidden)]
    for from_x in live.split(plan.batch_sizes.tolist()):
        alive = len(from_x)
        after = step(given.code, from_x, [leaf[:alive] for leaf in state], weight_hh, bias_hh)
        state = [torch.cat((new, old[alive:])) for new, old in zip(after, state, strict=True)]
        ys.append(after[0])
    y = rows.new_zeros(len(rows), given.hidden).index_copy(0, places, torch.cat(ys))
    back = order.argsort()
    return [y.view(*given.x.shape[:-1], -1), *(leaf.index_select(0, back) for leaf in state)]


def step(
    code: int, from_x: Tensor, state: Sequence[Tensor], weight_hh: Tensor, bias_hh: Tensor | None
) -> list[Tensor]:
    """Return the state after one step; from_x (B, G * H) is the input's product with its weights."""
    h = state[0]
    if code in (RNN_TANH, RNN_RELU):
        total = from_x + linear(h, weight_hh, bias_hh)
        return [total.tanh() if code == RNN_TANH else total.relu()]
    if code == LSTM:
        i, f, g, o = (from_x + linear(h, weight_hh, bias_hh)).chunk(4, 1)
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return [o.sigmoid() * c.tanh(), c]
    x_r, x_z, x_n = from_x.chunk(3, 1)
    if code == GRU_AFTER:
        h_r, h_z, h_n = linear(h, weight_hh, bias_hh).chunk(3, 1)
        n = (x_n + (x_r + h_r).sigmoid() * h_n).tanh()
    else:
        units = 2 * h.shape[1]
        gates = linear(h, weight_hh[:units], None if bias_hh is None else bias_hh[:units])
        h_r, h_z = gates.chunk(2, 1)
        reset = (x_r + h_r).sigmoid() * h
        n = (
            x_n + linear(reset, weight_hh[units:], None if bias_hh is None else bias_hh[units:])
        ).tanh()
    z = (x_z + h_z).sigmoid()
    return [n + z * (h - n)]
