"""PackedSeq: the rows of torch's PackedSequence as a Seq, padded only where somebody asks for it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from unrolled.core.seq import Seq


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
        sizes = packed.batch_sizes
        # A row has as many steps as there are steps with more rows than its number.
        lengths = torch.searchsorted(-sizes, -torch.arange(int(sizes[0])))
        if packed.unsorted_indices is not None:
            lengths = lengths[packed.unsorted_indices.cpu()]
        self._lie(packed, lengths, is_reversed=False)

    def _lie(self, packed: PackedSequence, lengths: Tensor | None, *, is_reversed: bool) -> Seq:
        for name, value in (
            ("packed", packed),
            ("lengths", lengths),
            ("is_reversed", is_reversed),
            ("_padding_is_zero", True),
            ("_made", {}),
        ):
            object.__setattr__(self, name, value)
        return self

    @property
    def given(self) -> Tensor:
        """The rows padded, (B, T, F)."""
        padded = self._kept("given", lambda: pad_packed_sequence(self.packed, batch_first=True)[0])
        assert isinstance(padded, Tensor)
        return padded

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
        return PackedSeq.__new__(PackedSeq)._lie(
            self.packed, self.lengths, is_reversed=not self.is_reversed
        )

    def like_packed(self, data: Tensor) -> Seq:
        """Return other steps (N, ...) of the same rows, which lie as those of `packed` do."""
        packed = self.packed._replace(data=data)
        return PackedSeq.__new__(PackedSeq)._lie(packed, self.lengths, is_reversed=self.is_reversed)

    def to_packed(self, like: PackedSequence | None = None) -> PackedSequence:
        same_rows = like is not None and like.sorted_indices is self.packed.sorted_indices
        if same_rows and not self.is_reversed:
            return self.packed
        return super().to_packed(like)
