"""PackedSeq: the rows of torch's PackedSequence as a Seq, padded only where somebody asks for it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from unrolled.core.seq import Lying, Seq
from unrolled.core.tree import Tree


class PackedSeq(Seq):
    """A Seq of one tensor that lies packed; what can read it so, as kernels do, takes `packed`.

    Args:
        packed: the steps of all rows (N, F), those of a step after those of the step before, longest rows first.

    >>> rows = [torch.ones(1, 2), torch.ones(3, 2)]
    >>> xs = PackedSeq(torch.nn.utils.rnn.pack_sequence(rows, enforce_sorted=False))
    >>> xs.row_lengths.tolist(), xs.data.shape
    ([1, 3], torch.Size([2, 3, 2]))
    """

    packed: PackedSequence

    def __init__(self, packed: PackedSequence) -> None:
        lengths = lengths_of(packed.batch_sizes)
        if packed.unsorted_indices is not None:
            lengths = lengths[packed.unsorted_indices.cpu()]
        self._hold(packed, lengths, is_reversed=False)

    def _hold(self, packed: PackedSequence, lengths: Tensor | None, *, is_reversed: bool) -> Seq:
        object.__setattr__(self, "packed", packed)
        return self._lie(Lying((), is_reversed), lengths)

    @property
    def lying(self) -> Lying:
        return self._lying._replace(given=self.given)

    @property
    def given(self) -> Tensor:
        """The rows padded, (B, T, F), as they lie."""
        padded: Tensor = pad_packed_sequence(self.packed, batch_first=True)[0]
        return padded

    @property
    def data(self) -> Tree:
        """The rows padded and front to back, made anew each time."""
        return self._mirrored(self.given) if self.is_reversed else self.given

    @property
    def is_tree(self) -> bool:
        return False

    @property
    def sample(self) -> Tensor:
        return self.packed.data.unsqueeze(0)

    @property
    def batch(self) -> int:
        return int(self.packed.batch_sizes[0])

    @property
    def steps(self) -> int:
        return len(self.packed.batch_sizes)

    def reversed(self) -> Seq:
        return PackedSeq.__new__(PackedSeq)._hold(
            self.packed, self.lengths, is_reversed=not self.is_reversed
        )

    def like_packed(self, data: Tensor) -> Seq:
        """Return other steps (N, ...) of the same rows, which lie as those of `packed` do."""
        packed = self.packed._replace(data=data)
        return PackedSeq.__new__(PackedSeq)._hold(
            packed, self.lengths, is_reversed=self.is_reversed
        )

    def to_packed(self, like: PackedSequence | None = None) -> PackedSequence:
        same_rows = like is not None and like.sorted_indices is self.packed.sorted_indices
        if same_rows and not self.is_reversed:
            return self.packed
        return super().to_packed(like)


def lengths_of(batch_sizes: Tensor) -> Tensor:
    """Return the lengths (B,) of packed rows, not rising, from the number of rows at each step (T,).

    >>> lengths_of(torch.tensor([3, 2, 2])).tolist()
    [3, 3, 1]
    """
    # A row has as many steps as there are steps with more rows than its number.
    return torch.searchsorted(-batch_sizes, -torch.arange(int(batch_sizes[0])))
