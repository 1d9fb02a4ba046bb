"""Stream: a layer that is fed as the events come."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from unrolled.core.compose import refuse_step_unless_causal
from unrolled.core.layer import Layer
from unrolled.core.tree import State, tree_map


class Stream:
    """Push chunks through a causal layer and get the numbers of one pass over all of them.

    A Stream is frozen at the weights it was made with until `refresh`, and runs in evaluation mode without touching
    the layer's own mode.

    Args:
        layer: any causal layer.

    Raises:
        NotCausalError: when it is made, naming the part that needs the whole sequence.

    >>> from unrolled import GRU
    >>> layer, xs = GRU(2, 3), torch.randn(1, 5, 2)
    >>> stream = Stream(layer)
    >>> pieces = torch.cat([stream.push(xs[:, :2]), stream.push(xs[:, 2:])], 1)
    >>> torch.allclose(pieces, layer(xs)[0], atol=1e-6)
    True
    """

    def __init__(self, layer: Layer) -> None:
        refuse_step_unless_causal(layer)
        self.layer = layer
        self.state: State | None = None
        self.refresh()

    def refresh(self) -> None:
        """Take over the layer's weights as they are now; the state stays."""
        self._frozen = copy.deepcopy(self.layer).eval().requires_grad_(False)

    @torch.no_grad()
    def push(self, chunk: Any) -> Any:
        """Run a chunk (B, T, *F), of the kinds a layer takes, and return its outputs; B is that of the first push."""
        ys, self.state = self._frozen(chunk, self.state)
        return ys

    def snapshot(self) -> State | None:
        """Return a copy of the state, which `restore` takes; None before the first push."""
        return None if self.state is None else tree_map(Tensor.clone, self.state)

    def restore(self, snapshot: State | None) -> None:
        """Go back to a snapshot; None goes back to the beginning."""
        self.state = None if snapshot is None else tree_map(Tensor.clone, snapshot)

    def fork(self) -> Stream:
        """Return a second stream that goes on from here on its own."""
        twin = copy.copy(self)
        twin.state = self.snapshot()
        return twin
