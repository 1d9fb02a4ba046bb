"""Stream: a layer that is fed as the events come."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from unrolled.core.compose import refuse_step_unless_causal
from unrolled.core.layer import Layer
from unrolled.core.registry import StreamKernel, find_stream_kernel
from unrolled.core.state_bytes import state_from_bytes, state_to_bytes
from unrolled.core.tree import State, tree_map
from unrolled.errors import InputError


class Stream:
    """Push chunks through a causal layer and get the numbers of one pass over all of them.

    A Stream is frozen at the weights it was made with until `refresh`, and runs in evaluation mode without touching
    the layer's own mode. Any number of rows can be stepped together; one stream belongs to one thread at a time.

    Args:
        layer: any causal layer. RNN, LSTM and GRU, and a `Stack` of them with Linear, LayerNorm, Dropout, Tanh, Sigmoid,
            ReLU and an Embedding below, run in one compiled call, in float32 on a CPU; so does a `LanguageModel` of them.

    Attributes:
        layer: what it was made of.
        refused: why the layer's own code runs instead of that call; "" where the call does.

    Raises:
        InputError: it is no layer.
        NotCausalError: when it is made, naming the part that needs the whole sequence.

    >>> from unrolled import GRU
    >>> layer, xs = GRU(2, 3), torch.randn(1, 5, 2)
    >>> stream = Stream(layer)
    >>> pieces = torch.cat([stream.push(xs[:, :2]), stream.push(xs[:, 2:])], 1)
    >>> torch.allclose(pieces, layer(xs)[0], atol=1e-6)
    True
    """

    def __init__(self, layer: Layer) -> None:
        if not isinstance(layer, Layer):
            raise InputError(
                f"Stream was given {type(layer).__name__}",
                expected="a Layer of unrolled",
                fix="use from_torch(module) for an nn.RNN, nn.LSTM or nn.GRU",
            )
        refuse_step_unless_causal(layer)
        self.layer = layer
        self._tree: State | None = None
        self._inside = False  # whether the state is the kernel's, and not _tree
        self._kernel: StreamKernel | None = None
        self.refresh()

    @property
    def state(self) -> State | None:
        """The layer's state after the last push; None before the first. It may be set."""
        if self._inside and self._kernel is not None:
            self._tree, self._inside = self._kernel.state(), False
        return self._tree

    @state.setter
    def state(self, state: State | None) -> None:
        self._tree, self._inside = state, False

    def refresh(self) -> None:
        """Take over the layer's weights as they are now; the state stays."""
        frozen = copy.deepcopy(self.layer).eval().requires_grad_(False)
        self._freeze(frozen)

    def _freeze(self, frozen: Layer) -> None:
        self.state = self.state
        self._frozen = frozen
        self._kernel, self.refused = find_stream_kernel(frozen)

    def push(self, chunk: Any) -> Any:
        """Run a chunk (B, T, *F), of the kinds a layer takes, and return its outputs; B is that of the first push."""
        kernel = self._kernel
        if kernel is None:
            return self._push_plain(chunk, self._tree)
        if self._inside:
            ys = kernel.push(chunk)
            return self._push_plain(chunk, self.state) if ys is None else ys
        state = self._tree
        if kernel.takes(chunk):
            if state is None:
                state = self._frozen.initial_state(len(chunk), device=chunk.device)
            ys = kernel.push(chunk) if kernel.begin(state, len(chunk)) else None
            if ys is not None:
                self._inside = True
                return ys
        return self._push_plain(chunk, state)

    @torch.no_grad()
    def _push_plain(self, chunk: Any, state: State | None) -> Any:
        ys, self.state = self._frozen(chunk, state)
        return ys

    def snapshot(self) -> State | None:
        """Return a copy of the state, which `restore` takes; None before the first push."""
        return None if self.state is None else tree_map(Tensor.clone, self.state)

    def restore(self, snapshot: State | None) -> None:
        """Go back to a snapshot; None goes back to the beginning."""
        self.state = None if snapshot is None else tree_map(Tensor.clone, snapshot)

    def to_bytes(self) -> bytes:
        """Return the state as bytes (safetensors), which `restore_bytes` takes; the weights are not in them."""
        return state_to_bytes(self.state)

    def restore_bytes(self, data: bytes) -> None:
        """Go back to the state that `to_bytes` saved, of this or of any other stream of such a layer.

        Raises:
            InputError: the bytes are no saved state.
            ShapeError: they are the state of another layer.

        >>> from unrolled import LSTM
        >>> layer = LSTM(2, 3)
        >>> first, second = Stream(layer), Stream(layer)
        >>> ys = first.push(torch.randn(4, 1, 2))
        >>> second.restore_bytes(first.to_bytes())
        >>> torch.equal(second.state.c, first.state.c)
        True
        """
        self.state = state_from_bytes(data, self._frozen, self.state)

    def fork(self) -> Stream:
        """Return a second stream that goes on from here on its own."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.state = self.snapshot()
        twin._kernel = None if self._kernel is None else self._kernel.fork()
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_tree": self.state, "_inside": False, "_kernel": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._freeze(self._frozen)
