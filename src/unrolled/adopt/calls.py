"""What torch's forward hands to its compiled functions, and whether our kernels can take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.adopt.rules import Sizes
from unrolled.errors import ShapeError
from unrolled.kernels.cpu import unavailable
from unrolled.kernels.plan import packed_plan_for


class NetworkCall(NamedTuple):
    """The arguments of torch's rnn_tanh, rnn_relu, lstm and gru; D directions, L layers.

    Shapes: x (T, B, I), (B, T, I) with ``batch_first``, or packed (N, I) with batch_sizes (T,); each state (L * D, B, H).
    """

    x: Tensor
    batch_sizes: Tensor | None
    state: Sequence[Tensor]
    weights: Sequence[Tensor]
    bias: bool
    layers: int
    dropout: float
    training: bool
    bidirectional: bool
    batch_first: bool

    @classmethod
    def of(cls, arguments: Sequence[Any]) -> NetworkCall:
        """Name the arguments of a padded or a packed call."""
        padded = isinstance(arguments[3], bool)
        x, *others = arguments
        batch_sizes = None if padded else others.pop(0)
        hx, *others = others
        state = [hx] if isinstance(hx, Tensor) else hx
        return cls(x, batch_sizes, state, *others, *([] if padded else [False]))

    @property
    def directions(self) -> int:
        """Return D."""
        return 2 if self.bidirectional else 1

    @property
    def weights_each(self) -> int:
        """Return how many weights a layer has in one direction."""
        return 4 if self.bias else 2

    def sizes(self) -> Sizes:
        """Return the sizes on which it depends who is faster."""
        batch, hidden = self.state[0].shape[-2:]
        if self.batch_sizes is not None:
            steps = len(self.batch_sizes)
            # The last step has as many rows as the first where all are full.
            shortest = steps if self.batch_sizes[-1] == batch else 0
            return Sizes(hidden, batch, steps, shortest, packed=True)
        steps = self.x.shape[1 if self.batch_first else 0]
        return Sizes(hidden, batch, steps, steps, packed=False)

    def fits(self, gates: int) -> bool:
        """Return whether all shapes are right; where they are not, torch says what is wrong."""
        x, packed = self.x, self.batch_sizes is not None
        cells = self.layers * self.directions
        right = (
            x.dim() == (2 if packed else 3)
            and x.numel() > 0
            and len(self.weights) == cells * self.weights_each
            and self.weights[1].dim() == 2
        )
        if not right:
            return False
        hidden = self.weights[1].shape[1]
        batch = self.state[0].shape[1] if packed else x.shape[0 if self.batch_first else 1]
        if any(leaf.shape != (cells, batch, hidden) for leaf in self.state):
            return False
        for place in range(cells):
            features = x.shape[-1] if place < self.directions else self.directions * hidden
            if not weights_fit(self.cell_weights(place), gates, features, hidden):
                return False
        return not packed or self._batch_sizes_are_right()

    def cell_weights(self, place: int) -> list[Tensor | None]:
        """Return the weights of a layer in one direction: W_ih, W_hh and two biases, None without them."""
        weights = self.weights[place * self.weights_each : (place + 1) * self.weights_each]
        return [*weights, *[None] * (4 - len(weights))]

    def _batch_sizes_are_right(self) -> bool:
        try:
            packed_plan_for(self.batch_sizes, self.state[0].shape[1], len(self.x))
        except ShapeError:
            return False
        return True


class StepCall(NamedTuple):
    """The arguments of torch's functions for one step: x (B, I), each state (B, H), the weights as `cell_weights`."""

    x: Tensor
    state: Sequence[Tensor]
    weights: Sequence[Tensor | None]

    def fits(self, gates: int) -> bool:
        """Return whether all shapes are right; where they are not, torch says what is wrong."""
        batch, features = self.x.shape
        weight_hh = self.weights[1]
        assert weight_hh is not None
        hidden = weight_hh.shape[1]
        states_fit = all(leaf.shape == (batch, hidden) for leaf in self.state)
        return features > 0 and states_fit and weights_fit(self.weights, gates, features, hidden)


def weights_fit(weights: Sequence[Tensor | None], gates: int, features: int, hidden: int) -> bool:
    """Return whether the weights of a cell have the shapes that go with its sizes."""
    rows = gates * hidden
    shapes = ((rows, features), (rows, hidden), (rows,), (rows,))
    given = zip(weights, shapes, strict=True)
    return all(weight is None or weight.shape == shape for weight, shape in given)


def can_be_taken(tensors: Sequence[Tensor | None]) -> bool:
    """Return whether the compiled kernels compute on such tensors, and nothing looks on that wants torch's own steps."""
    return (
        all(tensor is None or is_plain(tensor) for tensor in tensors)
        and unavailable() is None
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and torch._C._len_torch_dispatch_stack() == 0
    )


def is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor is float32, strided, on the CPU, and of no class that overrides what torch does."""
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.dtype is torch.float32
        and tensor.is_cpu
        and tensor.layout is torch.strided
        and not tensor.is_neg()
    )
