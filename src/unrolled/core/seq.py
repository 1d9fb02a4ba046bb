"""Seq: sequences of unequal length in one right-padded batch, and the ways in and out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.utils._pytree as pytree
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from unrolled.core.tree import Tree, align, leaves, select_rows, tree_map
from unrolled.errors import ShapeError


class Lying(NamedTuple):
    """How the rows of a Seq lie in memory."""

    given: Tree
    is_reversed: bool = False
    padding_is_zero: bool = True


@dataclass(frozen=True, eq=False, init=False)
class Seq:
    """Rows of unequal length, right-padded, batch first; the padding of its data is 0, whatever was given there.

    What was given is copied only when `data` is asked for and there is padding to set to 0, or rows to turn round: leave
    it alone as long as the Seq is used.

    Args:
        data: a tensor (B, T, *features), or a tuple of such tensors: ``(features, dt)``.
        lengths: (B,) whole numbers from 0 to T, or None when every row is full. Kept as int64 on the CPU.

    Raises:
        ShapeError: lengths that are negative, longer than T, of the wrong count or not whole numbers.

    >>> rows = Seq(torch.ones(2, 3, 1), [3, 1])
    >>> rows.mask().tolist()
    [[True, True, True], [True, False, False]]
    >>> rows.data[1, :, 0].tolist()
    [1.0, 0.0, 0.0]
    """

    lengths: Tensor | None
    _lying: Lying

    def __init__(self, data: Tree, lengths: Any = None) -> None:
        shapes = [tuple(leaf.shape) for leaf in leaves(data)]
        if any(len(shape) < 2 for shape in shapes) or len({shape[:2] for shape in shapes}) != 1:
            raise ShapeError(
                f"sequence data has shapes {shapes}",
                expected="(batch, time, ...), the same batch and time in every tensor",
                fix="add the missing dimension; for one sequence (T, F) use data[None]",
            )
        if lengths is not None:
            batch, steps = shapes[0][:2]
            lengths = _checked_lengths(lengths, batch, steps)
        self._lie(Lying(data, padding_is_zero=lengths is None), lengths)

    def _lie(self, lying: Lying, lengths: Tensor | None) -> Seq:
        object.__setattr__(self, "lengths", lengths)
        object.__setattr__(self, "_lying", lying)
        return self

    @staticmethod
    def padded(data: Tree, lengths: Tensor | None) -> Seq:
        """Make a Seq of data whose padding is known to be 0 and whose lengths were checked before."""
        return Seq.__new__(Seq)._lie(Lying(data), lengths)

    @property
    def lying(self) -> Lying:
        """How the rows lie now, to be read once: another thread may ask for `data`, and they lie otherwise."""
        return self._lying

    @property
    def given(self) -> Tree:
        """The data as it lies, its padding never looked at: for what reads the rows' own steps only, as kernels do."""
        return self._lying.given

    @property
    def is_reversed(self) -> bool:
        """Whether the rows of `given` lie back to front, each row's last step first. Those of `data` never do."""
        return self._lying.is_reversed

    @property
    def data(self) -> Tree:
        """The tensor (B, T, *features), or the tree of them, with 0 where a row has no step."""
        lying = self._lying
        if lying.padding_is_zero and not lying.is_reversed:
            return lying.given
        data = self._mirrored(lying.given) if lying.is_reversed else lying.given
        if not lying.padding_is_zero and self.lengths is not None:
            # masked_fill, never a product: 0 x NaN is NaN.
            padding = ~self.mask()
            data = tree_map(lambda leaf: leaf.masked_fill(align(padding, leaf), 0), data)
        if _may_be_kept(lying.given):
            object.__setattr__(self, "_lying", Lying(data))
        return data

    def _mirrored(self, given: Tree) -> Tree:
        """Return every row back to front, its padding where it was."""
        if self.lengths is None:
            return tree_map(lambda leaf: leaf.flip(1), given)
        places = torch.arange(self.steps).expand(self.batch, -1)
        mirrored = self.lengths[:, None] - 1 - places
        index = torch.where(mirrored >= 0, mirrored, places)
        flat = (index + torch.arange(self.batch)[:, None] * self.steps).flatten()
        flat = flat.to(self.sample.device)
        return tree_map(
            lambda leaf: leaf.flatten(0, 1).index_select(0, flat).view(leaf.shape), given
        )

    @property
    def ahead(self) -> Tree:
        """The rows front to back, their padding never looked at."""
        lying = self.lying
        return self.data if lying.is_reversed else lying.given

    @classmethod
    def from_list(cls, rows: Iterable[Tensor]) -> Seq:
        """Pad rows (T_i, *features) to one batch.

        >>> Seq.from_list([torch.tensor([1, 2, 3]), torch.tensor([4])]).data.tolist()
        [[1, 2, 3], [4, 0, 0]]
        """
        rows = list(rows)
        others = {type(row).__name__ for row in rows if not isinstance(row, Tensor)}
        if others:
            raise ShapeError(f"a list of {', '.join(others)}", expected="a list of Tensors")
        if not rows or any(row.dim() == 0 or row.shape[1:] != rows[0].shape[1:] for row in rows):
            raise ShapeError(
                f"a list of rows with shapes {[tuple(row.shape) for row in rows]}",
                expected="at least one row, each (time, ...) with the same features",
            )
        data = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return cls.padded(data, torch.tensor([len(row) for row in rows]))

    @classmethod
    def from_packed(cls, packed: PackedSequence) -> Seq:
        """Unpack torch's PackedSequence; rows come back in their original order."""
        data, lengths = pad_packed_sequence(packed, batch_first=True)
        return cls.padded(data, lengths)

    @property
    def first(self) -> Tensor:
        """The features: the data itself, or the first tensor of a tree."""
        return self.data if isinstance(self.data, Tensor) else next(leaves(self.data))

    @property
    def is_tree(self) -> bool:
        """Whether the data is a tuple of tensors."""
        return not isinstance(self.given, Tensor)

    @property
    def sample(self) -> Tensor:
        """The features as they were given, for their shape, dtype and device."""
        return self.given if isinstance(self.given, Tensor) else next(leaves(self.given))

    @property
    def batch(self) -> int:
        """Number of rows B."""
        return self.sample.shape[0]

    @property
    def steps(self) -> int:
        """Number of steps T of the longest row there is room for."""
        return self.sample.shape[1]

    @property
    def row_lengths(self) -> Tensor:
        """(B,) int64 lengths, also where every row is full."""
        return torch.full((self.batch,), self.steps) if self.lengths is None else self.lengths

    @property
    def shortest(self) -> int:
        """Number of steps of the shortest row; 0 without rows. Full rows are not looked at: torch.export cannot."""
        if self.lengths is None or self.batch == 0:
            return self.steps if self.batch else 0
        return int(self.lengths.min())

    @property
    def longest(self) -> int:
        """Number of steps of the longest row; 0 without rows."""
        if self.lengths is None or self.batch == 0:
            return self.steps if self.batch else 0
        return int(self.lengths.max())

    def mask(self) -> Tensor:
        """(B, T) bool: true where a row has a step."""
        places = torch.arange(self.steps)
        return (places < self.row_lengths[:, None]).to(self.sample.device)

    def with_data(self, data: Tree) -> Seq:
        """Return other data (B, T, ...) with the same lengths, its padding set to 0."""
        lying = Lying(data, padding_is_zero=self.lengths is None)
        return Seq.__new__(Seq)._lie(lying, self.lengths)

    def map(self, function: Callable[[Tensor], Tensor]) -> Seq:
        """Apply a function that works on each position by itself to the whole (B, T, ...) tensor."""
        return self.with_data(tree_map(function, self.data))

    def reversed(self) -> Seq:
        """Return every row back to front, its padding still on the right. Nothing is moved until `data` is asked for.

        >>> Seq(torch.tensor([[1, 2, 3], [4, 5, 0]]), [3, 2]).reversed().data.tolist()
        [[3, 2, 1], [5, 4, 0]]
        """
        lying = self._lying
        turned = lying._replace(is_reversed=not lying.is_reversed)
        return Seq.__new__(Seq)._lie(turned, self.lengths)

    def laid(self, lying: Lying) -> Seq:
        """Return other data of the same rows, which lie so."""
        return Seq.__new__(Seq)._lie(lying, self.lengths)

    def valid(self) -> Tree:
        """Return the steps that exist, row after row: (sum of lengths, *features)."""
        if self.lengths is None:
            return tree_map(lambda leaf: leaf.flatten(0, 1), self.ahead)
        index = self.mask().flatten().nonzero().squeeze(1)
        return tree_map(lambda leaf: leaf.flatten(0, 1).index_select(0, index), self.ahead)

    def last(self) -> Tree:
        """Return every row's last step (B, *features); 0 for a row of length zero."""
        if self.steps == 0:
            return tree_map(lambda leaf: leaf.new_zeros(self.batch, *leaf.shape[2:]), self.data)
        rows = torch.arange(self.batch, device=self.sample.device)
        place = (self.row_lengths - 1).clamp(min=0).to(self.sample.device)
        # A row of length zero has only padding, which is 0 in data.
        steps = self.ahead if self.shortest > 0 else self.data
        return tree_map(lambda leaf: leaf[rows, place], steps)

    def to_list(self) -> list[Tree]:
        """Return the rows without their padding: tensors (T_i, *features), or trees of them."""
        lengths = self.row_lengths.tolist()
        return [
            tree_map(lambda leaf, row=row, end=end: leaf[row, :end], self.ahead)
            for row, end in enumerate(lengths)
        ]

    def to_packed(self, like: PackedSequence | None = None) -> PackedSequence:
        """Return torch's PackedSequence (in the row order of ``like``): of one tensor, without rows of length zero."""
        if not isinstance(self.given, Tensor):
            raise ShapeError(
                f"the data is a {type(self.given).__name__}",
                expected="one tensor, as PackedSequence demands",
                fix="keep the Seq",
            )
        if (self.row_lengths == 0).any():
            raise ShapeError(
                f"rows {(self.row_lengths == 0).nonzero().flatten().tolist()} have length zero",
                expected="at least one step a row, as PackedSequence demands",
                fix="keep the Seq",
            )
        if like is None or like.sorted_indices is None:
            ordered = like is not None
            return pack_padded_sequence(self.ahead, self.row_lengths, True, enforce_sorted=ordered)
        rows = select_rows(self.ahead, like.sorted_indices)
        lengths = self.row_lengths[like.sorted_indices.cpu()]
        packed = pack_padded_sequence(rows, lengths, batch_first=True)
        return PackedSequence(
            packed.data, packed.batch_sizes, like.sorted_indices, like.unsorted_indices
        )

    def to(self, *args: Any, **kwargs: Any) -> Seq:
        """Move or convert the data as `torch.Tensor.to` does; whole-number data keeps its dtype."""

        def move(leaf: Tensor) -> Tensor:
            return leaf.to(*args, **kwargs) if leaf.is_floating_point() else leaf.to(device=place)

        place = torch.empty(0, device=self.sample.device).to(*args, **kwargs).device
        return self.with_data(tree_map(move, self.ahead))


def traced() -> bool:
    """Tell whether tensors may be those of a trace or a transform, which must not be kept for later."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
    )


def _may_be_kept(given: Tree) -> bool:
    """Tell whether what is made of these tensors now may serve every later reader: one who wants gradients, too."""
    if traced():
        return False
    if torch.is_grad_enabled():
        return True
    inference = torch.is_inference_mode_enabled()
    return not any(
        leaf.requires_grad or (inference and not leaf.is_inference()) for leaf in leaves(given)
    )


def _checked_lengths(given: Any, batch: int, steps: int) -> Tensor:
    """Return lengths as int64 on the CPU, or say what is wrong with them."""
    lengths = torch.as_tensor(given)
    if lengths.numel() == 0 and batch == 0:
        return torch.zeros(0, dtype=torch.int64)
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise ShapeError(
            f"lengths are {lengths.dtype}", expected="whole numbers", fix="use .long()"
        )
    if lengths.shape != (batch,):
        raise ShapeError(
            f"lengths have shape {tuple(lengths.shape)}", expected=f"one for each of {batch} rows"
        )
    lengths = lengths.detach().to("cpu", torch.int64, copy=True)  # nobody changes it from outside
    wrong = ((lengths < 0) | (lengths > steps)).nonzero().flatten()
    if len(wrong):
        row = int(wrong[0])
        raise ShapeError(
            f"row {row} has length {int(lengths[row])}", expected=f"a length from 0 to {steps}"
        )
    return lengths


pytree.register_pytree_node(
    Seq,
    lambda seq: ([seq.data, seq.lengths], None),
    lambda parts, _: Seq.padded(*parts),
    serialized_type_name="unrolled.Seq",
    flatten_with_keys_fn=lambda seq: (
        [(pytree.GetAttrKey(name), getattr(seq, name)) for name in ("data", "lengths")],
        None,
    ),
)
