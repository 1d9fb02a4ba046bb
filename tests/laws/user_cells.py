"""Cells and layers as a user would write them, to hold the laws against more than our own cells.

They use what ours do not: an input that is a tree, a state that is a matrix, a counter or a `Constant`, a state type
that nobody registered, outputs that are a tree, a layer that is no cell, and one that is not causal.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled import LSTM, Cell, Constant, Layer, LinearCell, LinearState, Seq


class Hidden(NamedTuple):
    h: Tensor


class LeakySum(Cell):
    """h' = h / 2 + x: no parameters at all."""

    state_type, output_field = Hidden, "h"

    def __init__(self, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size

    def step(self, x, state):
        h = 0.5 * state.h + x
        return h, Hidden(h)


class Counted(NamedTuple):
    h: Tensor
    steps: Tensor


class CountingRNN(Cell):
    """An RNN whose memory fades with the number of steps so far: a state with whole numbers in it."""

    output_field = "h"
    recurrent_weights = ("recur.weight",)

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.read = nn.Linear(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size, bias=False)

    def initial_state(self, batch, *, device=None, dtype=None):
        h = self.read.weight.new_zeros(batch, self.hidden_size, dtype=dtype)
        return Counted(h, torch.zeros(batch, dtype=torch.int64, device=h.device))

    def step(self, x, state):
        fading = 1 / (1 + state.steps.to(state.h.dtype))
        h = torch.tanh(self.read(x) + self.recur(state.h) * fading[:, None])
        return h, Counted(h, state.steps + 1)


class FastWeights(Cell):
    """A matrix of associations (B, H, H) is written with k v' and read with q; its state is a plain tuple."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.project = nn.Linear(input_size, 3 * hidden_size)

    def initial_state(self, batch, *, device=None, dtype=None):
        size = self.hidden_size
        return (self.project.weight.new_zeros(batch, size, size, dtype=dtype),)

    def step(self, x, state):
        k, v, q = self.project(x).tanh().chunk(3, -1)
        memory = 0.8 * state[0] + k.unsqueeze(2) * v.unsqueeze(1)
        return torch.einsum("bkv,bk->bv", memory, q), (memory,)


class Attended(NamedTuple):
    h: Tensor
    memory: Constant


class AttendingRNN(Cell):
    """An RNN that looks at a memory (B, S, hidden_size), which its state only reads."""

    output_field = "h"

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.read = nn.Linear(input_size, hidden_size)
        self.recur = nn.Linear(2 * hidden_size, hidden_size)

    def start(self, memory):
        return Attended(memory.new_zeros(len(memory), self.hidden_size), Constant(memory))

    def step(self, x, state):
        memory = state.memory.value
        weights = torch.softmax(torch.einsum("bsh,bh->bs", memory, state.h), -1)
        seen = torch.einsum("bsh,bs->bh", memory, weights)
        h = torch.tanh(self.read(x) + self.recur(torch.cat((state.h, seen), -1)))
        return h, Attended(h, state.memory)


class DecayGates(NamedTuple):
    decay: Tensor


class DecayingRNN(Cell):
    """x = (features, dt): the memory decays with the time since the row's previous step."""

    state_type, output_field = Hidden, "h"

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.read = nn.Linear(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)
        self.rate = nn.Parameter(torch.zeros(hidden_size))

    def gates(self, x, state):
        return DecayGates(torch.exp(-F.softplus(self.rate) * x[-1].unsqueeze(-1)))

    def step(self, x, state):
        h = torch.tanh(self.read(x[0]) + self.recur(state.h * self.gates(x, state).decay))
        return h, Hidden(h)


class ImputingRNN(DecayingRNN):
    """x = (features, mask, dt): what was not seen (mask 0) counts as 0."""

    def step(self, x, state):
        features, mask, dt = x
        return super().step((features * mask, dt), state)


class TwoOutputs(Cell):
    """y = (h, z): the outputs of a step may be a tree."""

    state_type = Hidden

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.mix = nn.Linear(input_size + hidden_size, 2 * hidden_size)

    def step(self, x, state):
        z, n = self.mix(torch.cat((x, state.h), -1)).chunk(2, -1)
        z = z.sigmoid()
        h = torch.lerp(state.h, n.tanh(), z)
        return (h, z[:, :1]), Hidden(h)


class CoupledLSTM(LSTM):
    """Overrides the step of a cell that has kernels: it must not be given its parent's."""

    def step(self, x, state):
        gates = self.gates(x, state)
        c = gates.forget * state.c + (1 - gates.forget) * gates.candidate
        h = gates.output * c.tanh()
        return h, type(state)(h, c)


class DecayingAverage(LinearCell):
    """x = (features, dt): linear in its state, with a decay that the time decides and no gates."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.read = nn.Linear(input_size, hidden_size)
        self.rate = nn.Parameter(torch.zeros(hidden_size))

    def coefficients(self, x):
        features, dt = x
        a = torch.exp(-F.softplus(self.rate) * dt.unsqueeze(-1))
        return a, (1 - a) * self.read(features)


class StateSpace(LinearCell):
    """S4D: each of the hidden units has three complex modes, whose decays are the same at every step."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.read = nn.Linear(input_size, hidden_size)
        self.decay, self.angle = (nn.Parameter(torch.zeros(hidden_size, 3)) for _ in range(2))
        self.mix = nn.Parameter(torch.ones(hidden_size, 3, 2))

    def initial_state(self, batch, *, device=None, dtype=None):
        weight = self.read.weight
        modes = weight.new_zeros(batch, *self.decay.shape, dtype=dtype or weight.dtype)
        return LinearState(torch.complex(modes, modes))

    def coefficients(self, x):
        a = torch.polar(self.decay.sigmoid(), self.angle)
        return a, self.read(x).unsqueeze(-1)

    def output(self, h, x):
        return (h * torch.view_as_complex(self.mix)).sum(-1).real + self.read(x)


class RectifiedAverage(DecayingAverage):
    """Overrides the step of a linear cell: it must not be scanned."""

    def step(self, x, state):
        _, after = super().step(x, state)
        h = after.h.relu()
        return h, LinearState(h)


class Summed(NamedTuple):
    total: Tensor
    count: Tensor


class RunningMean(Layer):
    """A layer that is no cell: the mean of the steps so far, all steps at once."""

    def __init__(self, size):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size))

    def initial_state(self, batch, *, device=None, dtype=None):
        total = self.gain.new_zeros(batch, len(self.gain), dtype=dtype)
        return Summed(total, torch.zeros(batch, dtype=torch.int64, device=total.device))

    def unroll(self, xs, state):
        totals = state.total[:, None] + xs.data.cumsum(1)
        counts = state.count[:, None] + 1 + torch.arange(xs.steps)
        final = state.total + xs.data.sum(1)  # padding is 0
        ys = self.gain * totals / counts[..., None]
        return xs.with_data(ys), Summed(final, state.count + xs.row_lengths)

    def step(self, x, state):
        state = Summed(state.total + x, state.count + 1)
        return self.gain * state.total / state.count[:, None], state


class Centred(Layer):
    """Subtracts each row's mean over all its steps: not causal, and without state."""

    @property
    def causal(self):
        return False

    def initial_state(self, batch, *, device=None, dtype=None):
        return ()

    def unroll(self, xs, state):
        mean = xs.data.sum(1, keepdim=True) / xs.row_lengths.clamp(min=1)[:, None, None]
        return xs.with_data(xs.data - mean), state


class Doubled(nn.Module):
    """A parametrization, as torch.nn.utils.parametrize takes it."""

    def forward(self, weight):
        return 2 * weight.tanh()


def reads_backward(layer, xs, state):
    """Run ``layer`` from every row's last step to its first, without Bidirectional."""
    seq = xs if isinstance(xs, Seq) else Seq(xs)
    ys, state = layer(seq.reversed(), state)
    return ys.reversed(), state
