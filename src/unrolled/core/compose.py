"""Layers made of layers: over each other, beside each other, both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from unrolled.core.layer import Layer, begin_inside
from unrolled.core.noise import Dropout
from unrolled.core.seq import Seq
from unrolled.core.tree import State, Tree
from unrolled.errors import NotCausalError, OptionError, ShapeError, unknown_option

Merge = Literal["concat", "sum", "mean", "none"]


class Stack(Layer):
    """Layers one over the other: the outputs of each are the inputs of the next.

    Any other `nn.Module` that works on each position by itself (Linear, LayerNorm, Embedding) is a layer without
    state. The state is a tuple with one entry a layer, () for those without.

    >>> from unrolled import GRU
    >>> layer = Stack(nn.Embedding(10, 4), GRU(4, 8), nn.Linear(8, 2))
    >>> ys, state = layer(torch.tensor([[1, 2, 3]]))
    >>> ys.shape
    torch.Size([1, 3, 2])
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self.layers)

    def __getitem__(self, index: int) -> nn.Module:
        return self.layers[index]

    @property
    def causal(self) -> bool:
        return all(layer.causal for layer in self.layers if isinstance(layer, Layer))

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        return tuple(
            begin_inside(self, layer, batch, device, dtype) if isinstance(layer, Layer) else ()
            for layer in self.layers
        )

    def unroll(self, xs: Seq, state: State) -> tuple[Seq, State]:
        self._check(state)
        after = []
        for layer, layer_state in zip(self.layers, state, strict=True):
            if isinstance(layer, Layer):
                xs, layer_state = layer(xs, layer_state)
            else:
                xs = xs.map(layer)
            after.append(layer_state)
        return xs, tuple(after)

    def step(self, x: Tree, state: State) -> tuple[Tree, State]:
        refuse_step_unless_causal(self)
        self._check(state)
        after = []
        for layer, layer_state in zip(self.layers, state, strict=True):
            if isinstance(layer, Layer):
                x, layer_state = layer.step(x, layer_state)
            else:
                x = layer(x)
            after.append(layer_state)
        return x, tuple(after)

    def _check(self, state: State) -> None:
        check_parts(
            f"a Stack of {len(self.layers)} layers",
            state,
            len(self.layers),
            "a tuple with one entry a layer",
        )


class Wrapper(Layer):
    """A layer around one other layer, whose state is its own."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer

    @property
    def causal(self) -> bool:
        return self.layer.causal

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        return self.layer.initial_state(batch, device=device, dtype=dtype)

    def join(self, x: Tree, y: Tree) -> Tree:
        """Return the output made of the input ``x`` and the inner layer's output ``y``."""
        raise NotImplementedError

    def unroll(self, xs: Seq, state: State) -> tuple[Seq, State]:
        ys, state = self.layer(xs, state)
        return Seq.padded(self.join(xs.data, ys.data), xs.lengths), state

    def step(self, x: Tree, state: State) -> tuple[Tree, State]:
        refuse_step_unless_causal(self)
        y, state = self.layer.step(x, state)
        return self.join(x, y), state


class Residual(Wrapper):
    """Add the input to the layer's output: y = x + layer(x), of equal size. He et al. 2016, arXiv:1512.03385."""

    def join(self, x: Tree, y: Tree) -> Tree:
        features = x[0] if isinstance(x, tuple) else x
        if not isinstance(y, Tensor):
            raise ShapeError(
                f"Residual was given {len(y)} outputs", expected="one tensor to add to"
            )
        if features.shape != y.shape:
            raise ShapeError(
                f"Residual adds an input of {features.shape[-1]} features to an output of {y.shape[-1]}",
                expected="as many features out as in",
                fix="put a Linear before it that changes the size",
            )
        return features + y


class Carry(Wrapper):
    """Hand on what an input tree holds beside the features: (x, dt) in, (layer((x, dt)), dt) out.

    In a `Stack` only the first layer receives the tree; with Carry around it the second receives one too.
    """

    def join(self, x: Tree, y: Tree) -> Tree:
        if not isinstance(x, tuple):
            raise ShapeError(
                "Carry was given one tensor",
                expected="a tuple (features, ...) whose other parts it hands on",
                fix="leave Carry out where the input is one tensor",
            )
        return (y, *x[1:])


class Bidirectional(Layer):
    """One layer reads forward, another backward; their outputs are merged at every step.

    Args:
        forward: reads from the first step to the last.
        backward: reads from each row's own last step to its first.
        merge: "concat" (B, T, F1 + F2), "sum", "mean", or "none" for the pair (forward, backward).

    The state is the pair of their states. It needs the whole sequence, so it has no `step`. Schuster and Paliwal 1997.

    >>> from unrolled import LSTM
    >>> ys, _ = Bidirectional(LSTM(3, 5), LSTM(3, 5))(torch.zeros(2, 4, 3))
    >>> ys.shape
    torch.Size([2, 4, 10])
    """

    def __init__(self, forward: Layer, backward: Layer, merge: Merge = "concat") -> None:
        super().__init__()
        if merge not in get_args(Merge):
            raise unknown_option("merge", merge, get_args(Merge))
        self.forward_layer, self.backward_layer, self.merge = forward, backward, merge

    def extra_repr(self) -> str:
        return f"merge={self.merge!r}"

    @property
    def causal(self) -> bool:
        return False

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        return tuple(
            begin_inside(self, layer, batch, device, dtype)
            for layer in (self.forward_layer, self.backward_layer)
        )

    def unroll(self, xs: Seq, state: State) -> tuple[Seq, State]:
        check_parts("Bidirectional", state, 2, "a pair: the states of both directions")
        ahead, ahead_state = self.forward_layer(xs, state[0])
        back, back_state = self.backward_layer(xs.reversed(), state[1])
        merged = self._merged(ahead.data, back.reversed().data)
        return Seq.padded(merged, xs.lengths), (ahead_state, back_state)

    def _merged(self, ahead: Tree, back: Tree) -> Tree:
        if self.merge == "none":
            return (ahead, back)
        if isinstance(ahead, tuple) or isinstance(back, tuple):
            raise ShapeError(
                "Bidirectional was given several outputs of one direction",
                expected=f"one tensor from each for merge={self.merge!r}",
                fix='use merge="none"',
            )
        if self.merge == "concat":
            return torch.cat((ahead, back), -1)
        if ahead.shape != back.shape:
            raise ShapeError(
                f"Bidirectional has {ahead.shape[-1]} features forward and {back.shape[-1]} backward",
                expected=f"equally many for merge={self.merge!r}",
                fix='use merge="concat"',
            )
        return ahead + back if self.merge == "sum" else (ahead + back) / 2


def check_parts(name: str, state: State, parts: int, expected: str) -> None:
    """Raise a ShapeError when a state is no tuple of so many parts."""
    if not isinstance(state, tuple) or len(state) != parts:
        given = len(state) if isinstance(state, tuple) else f"type {type(state).__name__}"
        raise ShapeError(
            f"{name} was given a state of {given}",
            expected=expected,
            fix="use initial_state(batch) or the state that an earlier call returned",
        )


def refuse_step_unless_causal(layer: Layer) -> None:
    """Raise a NotCausalError that names the part which needs the whole sequence."""
    if not layer.causal:
        name, culprit = not_causal_part(layer)
        raise NotCausalError(
            f"{type(layer).__name__} cannot run one step at a time: "
            f"{name} is a {type(culprit).__name__} and needs the whole sequence"
        )


def not_causal_part(layer: Layer) -> tuple[str, Layer]:
    """Return path and module of the innermost part of ``layer`` that is not causal."""
    for name, part in layer.named_modules():
        waits = isinstance(part, Layer) and not part.causal
        if waits and all(child.causal for child in part.modules() if _is_inner(child, part)):
            return name or "it", cast(Layer, part)
    return "it", layer


def _is_inner(child: nn.Module, part: nn.Module) -> bool:
    return isinstance(child, Layer) and child is not part


def deep(
    cell: Callable[..., Layer],
    input_size: int,
    hidden_size: int,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
    merge: Merge = "concat",
    **options: Any,
) -> Stack:
    """Return ``layers`` cells over each other, with dropout between them: the textbook's deep recurrent network.

    Args:
        cell: a cell's class, or any function ``(input_size, hidden_size, **options) -> Layer``.
        input_size: features of the input.
        hidden_size: units of every layer (of each direction).
        layers: depth, at least 1.
        bidirectional: two cells a layer, one in each direction.
        dropout: probability of dropping a feature between two layers.
        merge: how the directions are joined, see `Bidirectional`; "none" only for a depth of 1.
        options: handed to every cell.

    >>> from unrolled import LSTM
    >>> deep(LSTM, 100, 64, layers=4, bidirectional=True, dropout=0.2)(torch.zeros(1, 2, 100))[0].shape
    torch.Size([1, 2, 128])
    """
    if layers < 1:
        raise OptionError(f"layers={layers!r}", expected="at least one layer")
    if bidirectional and merge == "none" and layers > 1:
        raise OptionError(
            "merge='none' in a deep network", expected="one tensor between two layers"
        )
    parts: list[nn.Module] = []
    size = input_size
    for depth in range(layers):
        if depth and dropout:
            parts.append(Dropout(dropout))
        if bidirectional:
            pair = [cell(size, hidden_size, **options) for _ in range(2)]
            parts.append(Bidirectional(pair[0], pair[1], merge))
            size = 2 * hidden_size if merge == "concat" else hidden_size
        else:
            parts.append(cell(size, hidden_size, **options))
            size = hidden_size
    return Stack(*parts)
