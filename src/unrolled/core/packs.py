"""What kernels have made of the weights of a cell, or of one matrix, to step it quickly, kept beside it.

Never on it: a copy, a pickle or another dtype carries nothing. What was made holds while torch says that the weights
are the same, and is dropped with the cell's mode, its dtype or device, and every step of any optimiser.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

Owner = nn.Module | Tensor
"""Whose weights they are: a cell, or the matrix itself."""


class Pack(NamedTuple):
    """What was made of one cell's weights, and which weights they were."""

    cell: weakref.ref[Owner]
    form: Any
    key: tuple[Any, ...]
    storages: tuple[Tensor, ...]
    """Keeps the memory of the weights, so that no others can come to lie at the same addresses."""
    made: Any
    """None as long as these weights were seen only once."""


_packs: dict[int, Pack] = {}
_version = attrgetter("_version")


def packed(
    cell: Owner, form: Any, weights: Sequence[Tensor], make: Callable[[], Any]
) -> Any | None:
    """Return what ``make`` gives for these weights, made once; None when they are seen for the first time.

    Weights that change with every step are so never packed in vain. ``form`` is what ``make`` reads of the cell besides.
    """
    try:
        key = (
            *map(Tensor.data_ptr, weights),
            *map(_version, weights),
            *map(Tensor.stride, weights),
        )
    except RuntimeError:
        return None  # what was made in inference mode counts no changes, and what is sparse lies nowhere
    pack = _packs.get(id(cell))
    if pack is None or pack.key != key or pack.form != form or pack.cell() is not cell:
        _packs[id(cell)] = Pack(_watched(cell), form, key, tuple(w.detach() for w in weights), None)
        return None
    if pack.made is not None:
        return pack.made
    if any(map(Tensor.is_shared, weights)):
        return None  # another process may write to them, which is not counted in this one
    made = make()
    if _packs.get(id(cell)) is pack:  # not where another thread trained meanwhile
        _packs[id(cell)] = pack._replace(made=made)
    return made


def _watched(cell: Owner) -> weakref.ref[Owner]:
    number = id(cell)
    return weakref.ref(cell, lambda _: _packs.pop(number, None))


def drop_pack(cell: Owner) -> None:
    """Forget what was made of the weights of ``cell``."""
    _packs.pop(id(cell), None)


def repack() -> None:
    """Let every cell pack its weights anew at its next steps.

    `Cell.step` packs a cell's weights in inference, and notices by itself when they change: in place, by
    `load_state_dict`, by any optimiser, by another parameter in their place. It cannot notice what torch does not count:
    a write through ``.data`` or through a NumPy view. Call this after one. A `Stream` has `refresh` instead.

    >>> from unrolled import GRU
    >>> cell = GRU(2, 3)
    >>> cell.weight_hh.data.zero_()  # doctest: +ELLIPSIS
    tensor(...)
    >>> repack()
    """
    _packs.clear()


def _after_optimiser(*_: Any) -> None:
    # Fused optimisers write without counting it.
    repack()


register_optimizer_step_post_hook(_after_optimiser)
