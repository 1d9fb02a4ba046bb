"""Layer and Cell: the two contracts that everything else is built on."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from unrolled.core.inputs import unwrap
from unrolled.core.seq import Seq
from unrolled.core.tree import State, Tree, leaves
from unrolled.core.unroll import unroll
from unrolled.errors import NotCausalError, ShapeError


class Layer(nn.Module):
    """Remembers across a sequence: ``layer(xs, state) -> (ys, state)``.

    A layer writes `initial_state`, `unroll` (a Seq in, a Seq out) and, where it is causal, `step`. It gets `forward`,
    which takes a tensor (B, T, *F), a tuple of tensors, a Seq, a PackedSequence or a list of rows and returns the same
    kind. The laws it obeys: one pass equals repeated steps and equals any split into chunks; a ragged batch equals
    each row alone; what padding held never matters; rows do not know of each other; a state keeps its structure,
    shapes and dtypes.
    """

    state_type: ClassVar[type[tuple[Any, ...]] | None] = None
    """The NamedTuple of this layer's state, where it has one of its own; `forward` refuses any other."""

    @property
    def causal(self) -> bool:
        """Whether the output at a step depends on this and earlier steps only."""
        return True

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        """Return the state (B rows) before the first step."""
        raise NotImplementedError(f"{type(self).__name__} defines no initial_state")

    def forward(self, xs: Any, state: State | None = None) -> tuple[Any, State]:
        """Run over whole sequences; ``state=None`` begins with `initial_state`."""
        seq, rewrap = unwrap(xs)
        if state is None:
            bare = first_weight(self) is None and seq.sample.is_floating_point()
            dtype = seq.sample.dtype if bare else None
            state = self.initial_state(seq.batch, device=seq.sample.device, dtype=dtype)
        else:
            self.check_state(state, seq.batch)
        ys, state = self.unroll(seq, state)
        return rewrap(ys), state

    def check_state(self, state: State, batch: int) -> None:
        """Raise a ShapeError when a state does not belong to this layer and batch."""
        name = type(self).__name__
        if self.state_type is not None and not isinstance(state, self.state_type):
            raise ShapeError(
                f"{name} was given a state of type {type(state).__name__}",
                expected=self.state_type.__name__,
                fix="use initial_state(batch) or the state that an earlier call returned",
            )
        # No sets of sizes before there is an error: under torch.export they may be symbols.
        if any(leaf.shape[0] != batch for leaf in leaves(state)):
            rows = sorted({leaf.shape[0] for leaf in leaves(state)})
            raise ShapeError(
                f"the state of {name} has {rows} rows, the input {batch}",
                expected="as many rows in the state as in the input",
                fix="use initial_state(batch), or select_rows(state, index)",
            )

    def unroll(self, xs: Seq, state: State) -> tuple[Seq, State]:
        """Run over a Seq from ``state``; the rows' final states come back."""
        raise NotImplementedError(f"{type(self).__name__} defines no unroll")

    def step(self, x: Tree, state: State) -> tuple[Tree, State]:
        """Run one step: x (B, *F) and a state in, y (B, ...) and the next state out; neither input is modified."""
        raise NotCausalError(
            f"{type(self).__name__} cannot run one step at a time: it needs the whole sequence"
        )


def first_weight(layer: nn.Module) -> Tensor | None:
    """Return the first real parameter: it tells where a state is to be, and in which dtype."""
    # A cell's own come first, and looking no further saves 5 us a call.
    for parameters in (layer._parameters.values(), layer.parameters()):
        for weight in parameters:
            if weight is not None and weight.is_floating_point():
                return weight
    return None


def begin_inside(
    around: Layer, layer: Layer, batch: int, device: Any, dtype: torch.dtype | None
) -> State:
    """Return the initial state of ``layer`` inside ``around``, whose parameters speak for one that has none."""
    weight = None if first_weight(layer) is not None else first_weight(around)
    if weight is not None:
        device, dtype = device or weight.device, dtype or weight.dtype
    return layer.initial_state(batch, device=device, dtype=dtype)


class Cell(Layer):
    """A leaf that writes one step and gets everything else.

    A cell sets `state_type` and ``self.hidden_size``, and then begins with zeros (B, hidden_size) in every field, or it
    writes its own `initial_state`; it writes `step`, and `gates` where it has any, which `step` calls and `watch` records.

    >>> from typing import NamedTuple
    >>> class Decayed(NamedTuple):
    ...     h: Tensor
    >>> class LeakySum(Cell):
    ...     state_type, output_field = Decayed, "h"
    ...     def __init__(self, hidden_size):
    ...         super().__init__()
    ...         self.hidden_size = hidden_size
    ...     def step(self, x, state):
    ...         h = 0.5 * state.h + x
    ...         return h, Decayed(h)
    >>> ys, state = LeakySum(1)(torch.ones(1, 3, 1))
    >>> ys.flatten().tolist()
    [1.0, 1.5, 1.75]
    """

    input_size: int | None = None
    hidden_size: int

    output_field: ClassVar[str | None] = None
    """The field of the state that is the output; `Zoneout` needs it."""

    recurrent_weights: tuple[str, ...] = ()
    """The parameters that multiply the previous state; `WeightDrop` drops their entries."""

    def initial_state(
        self, batch: int, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> State:
        if self.state_type is None:
            return super().initial_state(batch)
        weight = first_weight(self)
        if weight is not None:
            device, dtype = weight.device, dtype or weight.dtype
        fields = len(self.state_type._fields)  # type: ignore[attr-defined]
        zeros = [
            torch.zeros(batch, self.hidden_size, device=device, dtype=dtype) for _ in range(fields)
        ]
        return self.state_type(*zeros)

    def check_state(self, state: State, batch: int) -> None:
        plain = type(self).initial_state is Cell.initial_state
        shape = (batch, self.hidden_size) if plain else None
        if type(state) is self.state_type and all(leaf.shape == shape for leaf in leaves(state)):
            return
        super().check_state(state, batch)
        if plain and any(leaf.shape != shape for leaf in leaves(state)):
            shapes = sorted({tuple(leaf.shape) for leaf in leaves(state)})
            raise ShapeError(
                f"the state of {type(self).__name__} has shapes {shapes}",
                expected=f"{(batch, self.hidden_size)} of every tensor",
                fix="use initial_state(batch) or the state that an earlier call returned",
            )

    def gates(self, x: Tree, state: State) -> tuple[Tensor, ...] | None:
        """Return this step's gates (a NamedTuple), or None for a cell without."""
        return None

    def step(self, x: Tree, state: State) -> tuple[Tree, State]:
        raise NotImplementedError(f"{type(self).__name__} defines no step")

    def unroll(self, xs: Seq, state: State) -> tuple[Seq, State]:
        return unroll(self, xs, state)
