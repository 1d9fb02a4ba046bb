"""torch.nn's own recurrent path: oneDNN and ATen on a CPU, cuDNN on a GPU.

It takes full rows. A ragged batch is sorted by length and cut where a row ends, so that each piece is full: every live
step is computed once, and none besides (torch's own path for packed sequences runs step by step on a CPU).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import _VF, Tensor

from unrolled.cells.gated import GatedCell
from unrolled.cells.gru import GRU
from unrolled.cells.lstm import LSTM
from unrolled.cells.rnn import RNN
from unrolled.core.layer import Cell
from unrolled.core.registry import register_kernel
from unrolled.core.seq import Seq
from unrolled.core.tree import State, select_rows, tree_map
from unrolled.kernels.weights import torch_weights

Run = Callable[[Tensor, State], tuple[Tensor, State]]


class TorchKernel:
    """Hands a cell to one of torch's functional recurrent networks.

    Args:
        function: name in `torch._VF` for this cell.
        states: how many tensors torch's state has: 1 (h) or 2 (h, c).
    """

    name = "torch.nn"

    def __init__(self, function: Callable[[Any], str], states: int) -> None:
        self.function, self.states = function, states

    def refuses(self, cell: Cell, xs: Seq, state: State) -> str | None:
        if isinstance(cell, GRU) and cell.reset == "before":
            return "torch's GRU resets after the product"
        data = xs.sample
        if xs.is_tree:
            return "the input is a tuple"
        if not data.is_floating_point():
            return f"the input is {data.dtype}"
        if xs.longest == 0:
            return "there are no steps"
        if any(leaf.shape != (xs.batch, cell.hidden_size) for leaf in state):
            # torch's LSTM would read beyond their ends.
            return "the state has other sizes than the cell"
        if any(leaf.dtype != data.dtype for leaf in state):
            return "input and state differ in dtype"
        return None

    def unroll(self, cell: GatedCell, xs: Seq, state: State) -> tuple[Seq, State]:
        weights = torch_weights(cell)
        function = getattr(_VF, self.function(cell))

        def run(x: Tensor, state: State) -> tuple[Tensor, State]:
            begin = [leaf.unsqueeze(0) for leaf in state]
            hx = begin if self.states == 2 else begin[0]
            # weights, has biases, layers, dropout, training, bidirectional, batch first
            y, *after = function(x, hx, weights, cell.bias, 1, 0.0, cell.training, False, True)
            return y, type(state)(*(leaf.squeeze(0) for leaf in after))

        if xs.shortest == xs.steps:
            ys, state = run(xs.ahead, state)
            return Seq.padded(ys, xs.lengths), state
        return in_full_pieces(run, xs, state)


def in_full_pieces(run: Run, xs: Seq, state: State) -> tuple[Seq, State]:
    """Run a ragged batch as pieces of full rows: from each distinct length to the next, over the rows still alive."""
    lengths, order = xs.row_lengths.sort(descending=True, stable=True)
    back = order.argsort()
    device = xs.sample.device
    rows, state = select_rows(xs.ahead, order.to(device)), select_rows(state, order.to(device))
    pieces, ended, start = [], [], 0
    for end in lengths.unique().tolist():
        alive = int((lengths >= end).sum())
        if end > 0:
            y, state = run(rows[:alive, start:end], state)
            pieces.append(torch.nn.functional.pad(y, (0, 0, 0, 0, 0, xs.batch - alive)))
        over = int((lengths > end).sum())
        ended.append(tree_map(lambda leaf, over=over: leaf[over:], state))
        state = tree_map(lambda leaf, over=over: leaf[:over], state)
        start = end
    beyond = xs.steps - start
    pieces[-1] = torch.nn.functional.pad(pieces[-1], (0, 0, 0, beyond))
    ys = torch.cat(pieces, 1).index_select(0, back.to(device))
    final = tree_map(lambda *parts: torch.cat(parts), *reversed(ended))
    return Seq.padded(ys, xs.lengths), select_rows(final, back.to(device))


register_kernel(RNN, TorchKernel(lambda cell: f"rnn_{cell.nonlinearity}", states=1))
register_kernel(GRU, TorchKernel(lambda cell: "gru", states=1))
register_kernel(LSTM, TorchKernel(lambda cell: "lstm", states=2))
