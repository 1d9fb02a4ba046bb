"""Trees of tensors: what a state is, and what one step's input may be.

A tree is a tensor, a tuple or NamedTuple of trees, or a `Constant`. Dim 0 of every tensor is the batch, so
freezing finished rows, reordering beams and batching sessions are each one walk over the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import torch
import torch.utils._pytree as pytree
from torch import Tensor

from unrolled.errors import ShapeError

Tree: TypeAlias = Any
"""A tensor, a tuple or NamedTuple of trees, or a `Constant`. Users define their own NamedTuples, so it stays open."""

State: TypeAlias = Tree
"""What a layer remembers of every row between two steps."""


class Constant(NamedTuple):
    """A part of a state that is only read: an encoder's memory, for instance.

    It is never masked, zoned out or detached, and `select_rows(..., constants=False)` leaves it where it is.

    >>> memory = Constant(torch.zeros(2, 7, 16))
    >>> memory.value.shape
    torch.Size([2, 7, 16])
    """

    value: Tree


def tree_map(
    function: Callable[..., Any], tree: Tree, *others: Tree, constants: bool = False
) -> Tree:
    """Apply ``function`` to each tensor of ``tree`` (with those of ``others`` in the same place).

    A `Constant` comes back as the same object, unless ``constants=True``.

    >>> tree_map(torch.neg, (torch.ones(1), torch.zeros(1)))
    (tensor([-1.]), tensor([-0.]))
    """
    if isinstance(tree, Tensor):
        return function(tree, *others)
    if isinstance(tree, Constant) and not constants:
        return tree
    if isinstance(tree, tuple):
        parts = [
            tree_map(function, *branch, constants=constants)
            for branch in zip(tree, *others, strict=True)
        ]
        return rebuild(tree, parts)
    raise ShapeError(
        f"a tree holds {type(tree).__name__}",
        expected="tensors, tuples and NamedTuples",
        fix="make it a tensor with the batch as dim 0",
    )


def rebuild(like: tuple[Any, ...], parts: Sequence[Any]) -> tuple[Any, ...]:
    """Return ``parts`` in the tuple type of ``like``."""
    make: Callable[..., tuple[Any, ...]] = getattr(like, "_make", tuple)
    return make(parts)


def leaves(tree: Tree, *, constants: bool = False) -> Iterator[Tensor]:
    """Yield the tensors of ``tree`` from left to right, those of a `Constant` only if asked."""
    if isinstance(tree, Tensor):
        yield tree
    elif constants or not isinstance(tree, Constant):
        for branch in tree:
            yield from leaves(branch, constants=constants)


def select_rows(tree: Tree, index: Tensor, *, constants: bool = True) -> Tree:
    """Return the rows ``index`` (N,) int64 of every tensor: a permutation, a subset, or with repeats.

    With ``constants=False`` memory stays as it is, for reordering the beams of one source.

    >>> select_rows((torch.tensor([10, 20]),), torch.tensor([1, 1, 0]))
    (tensor([20, 20, 10]),)
    """
    return tree_map(lambda leaf: leaf.index_select(0, index), tree, constants=constants)


def select_constants(tree: Tree, index: Tensor) -> Tree:
    """Return the tree with the rows ``index`` (N,) int64 of every `Constant`, and with all else as it is.

    With ``select_rows(..., constants=False)`` for the beams it leaves whole sources out of a search, whose memory has one
    row for each source and not one for each beam.

    >>> select_constants((torch.tensor([1, 2, 3, 4]), Constant(torch.tensor([10, 20]))), torch.tensor([1]))
    (tensor([1, 2, 3, 4]), Constant(value=tensor([20])))
    """
    if isinstance(tree, Constant):
        return Constant(select_rows(tree.value, index))
    if isinstance(tree, Tensor):
        return tree
    return rebuild(tree, [select_constants(branch, index) for branch in tree])


def join_rows(trees: Sequence[Tree]) -> Tree:
    """Return one tree whose rows are those of ``trees`` one after the other.

    >>> join_rows([(torch.tensor([1]),), (torch.tensor([2, 3]),)])
    (tensor([1, 2, 3]),)
    """
    first, *others = trees
    return tree_map(lambda *rows: torch.cat(rows), first, *others, constants=True)


def keep_rows(alive: Tensor, new: Tree, old: Tree) -> Tree:
    """Return ``new`` where ``alive`` (B,) bool is true and ``old`` elsewhere; a leaf that did not change is not copied."""

    def choose(new_leaf: Tensor, old_leaf: Tensor) -> Tensor:
        if new_leaf is old_leaf:
            return new_leaf
        return torch.where(align(alive, new_leaf), new_leaf, old_leaf)

    return tree_map(choose, new, old)


def align(rows: Tensor, leaf: Tensor) -> Tensor:
    """View ``rows`` (B,) or (B, T) so that it broadcasts over the trailing dims of ``leaf``."""
    return rows.reshape(rows.shape + (1,) * (leaf.dim() - rows.dim()))


def detach(state: State) -> State:
    """Return the state cut from the graph that made it, as truncated backpropagation through time needs it."""
    return tree_map(Tensor.detach, state)


T = TypeVar("T", bound=type)


def register(state_type: T) -> T:
    """Register a NamedTuple with torch's pytree under a stable name, so that torch.export can save it.

    It may then also stand in a file that `torch.load` reads with ``weights_only=True``. Our own states are registered.
    A user's cell works without; use it as a decorator when you export or save states.

    >>> @register
    ... class PairState(NamedTuple):
    ...     h: Tensor
    ...     c: Tensor
    """
    name = f"{state_type.__module__}.{state_type.__qualname__}"
    pytree._register_namedtuple(state_type, serialized_type_name=name)
    torch.serialization.add_safe_globals([state_type])
    return state_type


register(Constant)
