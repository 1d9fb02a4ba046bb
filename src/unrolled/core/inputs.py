"""What a layer may be given, as a Seq, and the way back to the same kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unrolled.core.packed import PackedSeq
from unrolled.core.seq import Seq, traced
from unrolled.errors import ShapeError


def unwrap(xs: Any) -> tuple[Seq, Callable[[Seq], Any]]:
    """Return any accepted input as a Seq, and the function that turns a Seq back into the same kind.

    Accepted: a tensor (B, T, ...), a tuple of tensors, a Seq, a PackedSequence, a list of tensors (T_i, ...).
    """
    if isinstance(xs, Seq):
        return xs, lambda ys: ys
    if isinstance(xs, PackedSequence):
        seq = Seq.from_packed(xs) if traced() else PackedSeq(xs)
        return seq, lambda ys: ys.to_packed(like=xs)
    if isinstance(xs, list):
        return Seq.from_list(xs), Seq.to_list
    if isinstance(xs, Tensor | tuple):
        return Seq(xs), lambda ys: ys.data
    raise ShapeError(
        f"the input is {type(xs).__name__}",
        expected="a Tensor, a tuple of Tensors, a Seq, a PackedSequence or a list of Tensors",
    )
