"""The raw compiled functions, called with tensors, and what they must give: the equations in float64."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unrolled.kernels.extension import extension

RNN_TANH, RNN_RELU, LSTM, GRU_AFTER, GRU_BEFORE = CELLS = range(5)
GATES = {RNN_TANH: 1, RNN_RELU: 1, LSTM: 4, GRU_AFTER: 3, GRU_BEFORE: 3}
GRADIENTS = ("gx", "gw_ih", "gw_hh", "gb_ih", "gb_hh", "gh0", "gc0")


@dataclass
class Case:
    """One call: sizes, rows and what is asked for."""

    cell: int
    input_size: int
    hidden_size: int
    lengths: list[int]
    biases: bool = True
    initial: bool = True
    packed: bool = False
    unaligned: bool = False
    time_first: bool = False
    threads: int = 1
    seed: int = 0
    scale: float = 1.0
    gradient_of_y: bool = True
    gradient_of_last: bool = True
    wanted: tuple[str, ...] = GRADIENTS
    extra_steps: int = 0
    values: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        rows, steps = len(self.lengths), max(self.lengths, default=0) + self.extra_steps
        gates, hidden = GATES[self.cell], self.hidden_size
        bound = self.scale * hidden**-0.5

        def uniform(*sizes: int) -> Tensor:
            return (torch.rand(*sizes) * 2 - 1) * bound

        self.values = {
            "x": torch.randn(rows, steps, self.input_size),
            "w_ih": uniform(gates * hidden, self.input_size),
            "w_hh": uniform(gates * hidden, hidden),
            "gy": torch.randn(rows, steps, hidden),
            "ghn": torch.randn(rows, hidden),
            "gcn": torch.randn(rows, hidden),
        }
        if self.biases:
            self.values |= {"b_ih": uniform(gates * hidden), "b_hh": uniform(gates * hidden)}
        if self.initial:
            self.values["h0"] = torch.randn(rows, hidden)
            if self.cell == LSTM:
                self.values["c0"] = torch.randn(rows, hidden)

    @property
    def states(self) -> int:
        return 2 if self.cell == LSTM else 1


def reference(case: Case) -> dict[str, Tensor]:
    """Outputs and gradients in float64, padding zero."""
    given = {name: value.double().requires_grad_() for name, value in case.values.items()}
    rows, steps, _ = given["x"].shape
    zeros = torch.zeros(rows, case.hidden_size, dtype=torch.float64)
    h, c = given.get("h0", zeros), given.get("c0", zeros)
    lengths = torch.tensor(case.lengths)
    ys, hs, cs = [], [], []
    w_ih, w_hh, b_ih, b_hh = (given.get(name) for name in ("w_ih", "w_hh", "b_ih", "b_hh"))
    linear = torch.nn.functional.linear
    for t in range(steps):
        alive = (lengths > t)[:, None]
        from_x = linear(given["x"][:, t], w_ih, b_ih)
        new_c = c
        if case.cell == GRU_BEFORE:
            x_gates = from_x.chunk(3, 1)
            weights, biases = w_hh.chunk(3), [None] * 3 if b_hh is None else b_hh.chunk(3)
            r, z = ((x_gates[k] + linear(h, weights[k], biases[k])).sigmoid() for k in (0, 1))
            n = (x_gates[2] + linear(r * h, weights[2], biases[2])).tanh()
            new_h = (1 - z) * n + z * h
        elif case.cell == GRU_AFTER:
            x_gates, h_gates = from_x.chunk(3, 1), linear(h, w_hh, b_hh).chunk(3, 1)
            r, z = ((x_gates[k] + h_gates[k]).sigmoid() for k in (0, 1))
            new_h = (1 - z) * (x_gates[2] + r * h_gates[2]).tanh() + z * h
        elif case.cell == LSTM:
            i, f, g, o = (from_x + linear(h, w_hh, b_hh)).chunk(4, 1)
            new_c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            new_h = o.sigmoid() * new_c.tanh()
        else:
            total = from_x + linear(h, w_hh, b_hh)
            new_h = total.tanh() if case.cell == RNN_TANH else total.relu()
        h, c = torch.where(alive, new_h, h), torch.where(alive, new_c, c)
        ys.append(torch.where(alive, new_h, torch.zeros_like(new_h)))
        hs.append(h)
        cs.append(c)
    y = torch.stack(ys, 1) if ys else torch.zeros(rows, 0, case.hidden_size, dtype=torch.float64)
    loss = (h * 0).sum() + (y * 0).sum() + sum((v * 0).sum() for v in given.values())
    if case.gradient_of_y:
        loss = loss + (y * given["gy"]).sum()
    if case.gradient_of_last:
        loss = loss + (h * given["ghn"]).sum()
        if case.cell == LSTM:
            loss = loss + (c * given["gcn"]).sum()
    loss.backward()
    out = {"y": y, "hn": h}
    if case.cell == LSTM:
        out["cn"] = c
    out |= {f"g{name}": given[name].grad for name in given if f"g{name}" in GRADIENTS}
    if hs:
        out["states"] = torch.stack([torch.stack(hs, 1), torch.stack(cs, 1)], 2)
    return {name: value.detach() for name, value in out.items()}


def placed(value: Tensor, case: Case) -> Tensor:
    """Copy a tensor to where the case wants it: at an odd address, or with the steps outermost."""
    if case.time_first and value.dim() == 3:
        return value.transpose(0, 1).contiguous().transpose(0, 1)
    if not case.unaligned:
        return value.clone()
    room = torch.empty(value.numel() + 1, dtype=value.dtype)[1:].view(value.shape)
    return room.copy_(value)


class Places:
    """Where each (row, step) of a sequence lies: padded with any strides, or packed step after step."""

    def __init__(self, padded: Tensor, case: Case, batch_sizes: Tensor, order: Tensor) -> None:
        rows, steps, size = padded.shape
        self.offsets = torch.cat((torch.zeros(1, dtype=torch.int64), batch_sizes.cumsum(0)))
        self.order, self.batch_sizes, self.packed = order, batch_sizes, case.packed
        if case.packed:
            self.data = torch.zeros(int(self.offsets[-1]) + 1, size)
            for t in range(steps):
                alive = int(batch_sizes[t])
                self.data[self.offsets[t] : self.offsets[t] + alive] = padded[order[:alive], t]
            self.row, self.time = torch.arange(rows) * size, self.offsets[:-1] * size
        else:
            self.data = placed(padded, case)
            self.row = order * self.data.stride(0)
            self.time = torch.arange(steps) * self.data.stride(1)

    def address(self) -> tuple[int, int, int]:
        return self.data.data_ptr(), self.row.data_ptr(), self.time.data_ptr()

    def padded(self, rows: int, steps: int) -> Tensor:
        if not self.packed:
            return self.data
        return unpacked(self.data, self.batch_sizes, self.order, rows, steps)


def unpacked(data: Tensor, batch_sizes: Tensor, order: Tensor, rows: int, steps: int) -> Tensor:
    out, start = torch.zeros(rows, steps, *data.shape[1:]), 0
    for t in range(steps):
        alive = int(batch_sizes[t])
        out[order[:alive], t] = data[start : start + alive]
        start += alive
    return out


def run(case: Case, inference: bool = False, states: bool = False) -> dict[str, Tensor]:
    """Call the compiled functions; everything comes back padded, in the caller's order."""
    kernels: Any = extension
    values = {name: placed(value, case) for name, value in case.values.items()}
    rows, steps, _ = values["x"].shape
    hidden = case.hidden_size
    lengths = torch.tensor(case.lengths, dtype=torch.int64)
    _, order = lengths.sort(descending=True, stable=True)
    batch_sizes = (lengths[None] > torch.arange(steps)[:, None]).sum(1)
    live = int(batch_sizes.sum())

    def address(name: str) -> int:
        return values[name].data_ptr() if name in values else 0

    def places(value: Tensor) -> Places:
        return Places(value, case, batch_sizes, order)

    nan = float("nan")
    x, y = places(values["x"]), places(torch.zeros(rows, steps, hidden))
    hn, cn = torch.full((rows, hidden), nan), torch.full((rows, hidden), nan)
    width = kernels.saved_width(case.cell)
    saved = torch.full((live * width * hidden + 16,), nan)
    all_states = torch.zeros(live, case.states, hidden) if states else torch.zeros(0)
    common = (
        *(case.cell, case.input_size, hidden, rows, steps),
        *(batch_sizes.data_ptr(), order.data_ptr(), *x.address()),
        *(address(name) for name in ("w_ih", "w_hh", "b_ih", "b_hh", "h0", "c0")),
        *y.address(),
    )
    is_lstm = case.cell == LSTM
    kernels.forward(
        *common,
        hn.data_ptr(),
        cn.data_ptr() if is_lstm else 0,
        0 if inference else saved.data_ptr(),
        all_states.data_ptr() if states else 0,
        case.threads,
    )
    assert saved[live * width * hidden :].isnan().all(), "wrote beyond the end of saved"
    out = {"y": y.padded(rows, steps), "hn": hn}
    if is_lstm:
        out["cn"] = cn
    if states:
        out["states"] = unpacked(all_states, batch_sizes, order, rows, steps)
    if inference:
        return out
    gy, gx = places(values["gy"]), places(torch.zeros(rows, steps, case.input_size))
    results = {
        name: placed(torch.full(values[name[1:]].shape, nan), case)
        for name in case.wanted
        if name[1:] in values
    }
    results["gx"] = gx.data
    if "gh0" in case.wanted:
        results["gh0"] = torch.full((rows, hidden), nan)
        if is_lstm:
            results["gc0"] = torch.full((rows, hidden), nan)

    def result(name: str) -> int:
        return results[name].data_ptr() if name in case.wanted and name in results else 0

    absent = (0, 0, 0)
    kernels.backward(
        *common,
        saved.data_ptr() if width else 0,
        *(gy.address() if case.gradient_of_y else absent),
        address("ghn") if case.gradient_of_last else 0,
        address("gcn") if case.gradient_of_last and is_lstm else 0,
        *(gx.address() if "gx" in case.wanted else absent),
        *(result(name) for name in GRADIENTS[1:]),
        case.threads,
    )
    results["gx"] = gx.padded(rows, steps)
    return out | {name: value for name, value in results.items() if name in case.wanted}


def check(case: Case, states: bool = False, inference: bool = False) -> None:
    expected, found = reference(case), run(case, inference, states)
    for name, value in found.items():
        exact = expected.get(name)
        if exact is None:
            continue  # the gradient of an initial state that was not given
        if name == "states":
            lengths = torch.tensor(case.lengths)
            alive = lengths[:, None] > torch.arange(exact.shape[1])
            exact = (exact * alive[:, :, None, None])[:, :, : case.states]
        bound = 1e-4 if name in GRADIENTS else 1e-5
        if exact.numel() == 0:
            continue
        error = (value.double() - exact).abs().max() / max(float(exact.abs().max()), 1e-6)
        assert error <= bound, f"{name} is off by {float(error):.2g} of its largest value: {case}"
