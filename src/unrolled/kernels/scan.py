"""Recurrences that are linear in the state, h_t = a_t * h_{t-1} + b_t of each unit, over whole sequences.

A cell takes part by being a `LinearCell`. On a CPU in float32 and complex64 the scan is compiled: one pass over memory,
rows and units shared out between threads. Elsewhere it is blocked over time in torch (`torch_scan`).

It equals the loop over steps within 1e-5 in float32 and 1e-10 in float64, outputs, final state and gradients (tests/laws).

Nothing is computed in logarithms, as nothing is divided: a decay of exp(-1e4) is 0 and does no harm. So decays that are
given by their logarithms are exponentiated (`scan_log`), and states may have any sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.parametrize import type_before_parametrizations

from unrolled.cells.min_gru import MinGRU
from unrolled.cells.min_lstm import MinLSTM
from unrolled.core.linear import LinearCell
from unrolled.core.registry import register_kernel
from unrolled.core.seq import Seq
from unrolled.core.tree import Tree, align, leaves, tree_map
from unrolled.errors import ShapeError
from unrolled.kernels.affine import affine
from unrolled.kernels.cpu import unavailable
from unrolled.kernels.cpu_operators import plainly_eager
from unrolled.kernels.extension import extension
from unrolled.kernels.scan_operators import scan as compiled_scan
from unrolled.kernels.torch_scan import torch_scan

COMPILED = (torch.float32, torch.complex64)

FUSED: dict[type, str] = {MinGRU: "min_gru", MinLSTM: "min_lstm"}
"""Cells whose gates the compiled scan computes too, from the products alone."""

OWN_GATES = {"coefficients", "from_input", "candidate_of", "gates"}
"""What of such a cell, replaced on the instance, is not computed by it."""


def scan(a: Tensor, b: Tensor, h: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return h_t = a_t * h_{t-1} + b_t after every step, 0 in the padding, and after each row's last.

    Args:
        a: of a shape that broadcasts to (B, T, *S), real or complex.
        b: of a shape that broadcasts to (B, T, *S), real or complex.
        h: the state before the first step, (B, *S), of the dtype that the result is to have.
        lengths: (B,) int64, None = every row has T steps.

    Raises:
        ShapeError: the shapes or dtypes do not fit.

    >>> a, b = torch.full((1, 3, 1), 0.5), torch.ones(1, 3, 1)
    >>> scan(a, b, torch.zeros(1, 1))[0].flatten().tolist()
    [1.0, 1.5, 1.75]
    """
    steps = max((part.shape[1] for part in (a, b) if part.dim() == h.dim() + 1), default=1)
    a, b = fitted(a, b, h, (h.shape[0], steps), "scan")
    xs = Seq.padded(a, None if lengths is None else Seq(a.real, lengths).lengths)
    if not_compiled(a, b, h) is None:
        return run_compiled((a.flatten(0, 1), b.flatten(0, 1)), "linear", xs, h)
    return run_in_torch(a, b, xs, h)


def scan_log(
    log_a: Tensor, log_b: Tensor, h: Tensor, lengths: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return `scan` of positive coefficients that are given by their logarithms; h is the state itself.

    >>> log_a, log_b = torch.full((1, 2, 1), -1e4), torch.zeros(1, 2, 1)
    >>> scan_log(log_a, log_b, torch.ones(1, 1))[0].flatten().tolist()
    [1.0, 1.0]
    """
    return scan(log_a.exp(), log_b.exp(), h, lengths)


def fitted(
    a: Tensor, b: Tensor, h: Tensor, places: tuple[int, ...], giver: str
) -> tuple[Tensor, Tensor]:
    """Return the coefficients in the shape (*places, *S) and the dtype of the state (B, *S)."""
    shape = (*places, *h.shape[1:])
    dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), h.dtype)
    try:
        a, b = a.expand(shape), b.expand(shape)
    except RuntimeError as error:
        raise ShapeError(
            f"{giver} was given coefficients of shapes {tuple(a.shape)} and {tuple(b.shape)}",
            expected=f"such as broadcast to {shape}",
        ) from error
    if dtype is not h.dtype:
        raise ShapeError(
            f"{giver} was given coefficients of {a.dtype} and {b.dtype} and a state of {h.dtype}",
            expected=f"a state of {dtype}",
            fix="begin with a state of that dtype: write initial_state",
        )
    return a.to(dtype), b.to(dtype)


def not_compiled(*tensors: Tensor) -> str | None:
    """Return why the compiled scan cannot take these (the state last), or None when it can."""
    if tensors[-1].dtype not in COMPILED:
        return f"it computes torch.float32 and torch.complex64, not {tensors[-1].dtype}"
    for tensor in tensors:
        if not tensor.is_cpu or tensor.layout is not torch.strided:
            return f"it computes on the CPU, not on {tensor.device}"
    return unavailable()


def run_compiled(parts: Sequence[Tensor], form: str, xs: Seq, h: Tensor) -> tuple[Tensor, Tensor]:
    """Scan parts (N, *S) of the sequence ``xs``."""
    units = h.shape[1:]
    flat = [part.flatten(1) for part in parts]
    hs, h_n = compiled_scan(flat, xs.lengths, h.flatten(1), xs.steps, form)
    return (hs, h_n) if len(units) == 1 else (hs.unflatten(2, units), h_n.unflatten(1, units))


def run_in_torch(a: Tensor, b: Tensor, xs: Seq, h: Tensor) -> tuple[Tensor, Tensor]:
    """Scan a and b (B, T, *S); where a row has ended its state is kept."""
    if xs.steps == 0:
        return a * b, h
    if xs.lengths is None:
        hs = torch_scan(a, b, h)
        return hs, hs[:, -1]
    mask = align(xs.mask(), a)
    hs = torch_scan(torch.where(mask, a, 1), torch.where(mask, b, 0), h)
    return hs.masked_fill(~mask, 0), hs[:, -1]


class Scan:
    """What both scans share: which cells they take, and what a cell gives out of its states."""

    name = "scan"
    shares_rows = extension is not None

    def refuses(self, cell: LinearCell, xs: Seq, state: Any) -> str | None:
        if type(cell).step is not LinearCell.step:
            return f"{type(cell).__name__} has a step of its own"
        return self.cannot(*leaves(xs.data), state.h)

    def cannot(self, *tensors: Tensor) -> str | None:
        """Return why these tensors are not for it (the state last), or None."""
        return not_compiled(*tensors)

    def unroll(self, cell: LinearCell, xs: Seq, state: Any) -> tuple[Seq, Any]:
        hs, h = self.run(cell, xs, state.h)
        state = type(state)(h)
        if type(cell).output is LinearCell.output and "output" not in cell.__dict__:
            return Seq.padded(hs, xs.lengths), state
        y = cell.output(hs.flatten(0, 1), places(xs))
        return xs.with_data(tree_map(lambda leaf: leaf.unflatten(0, hs.shape[:2]), y)), state

    def run(self, cell: LinearCell, xs: Seq, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states of all steps, 0 in the padding, and the final ones: compiled, of the live steps alone."""
        ragged = xs.lengths is not None and plainly_eager(xs.first) and xs.shortest < xs.steps
        x = xs.valid() if ragged else places(xs)
        fused = FUSED.get(type_before_parametrizations(cell))
        single = isinstance(x, Tensor) and x.dtype is torch.float32
        if fused and single and not OWN_GATES & cell.__dict__.keys():
            minimal: Any = cell
            product = affine(x, minimal.weight_ih, minimal.bias_ih)
            return run_compiled([product], f"{fused}_{minimal.candidate}", xs, h)
        count = next(leaves(x)).shape[0]
        a, b = fitted(*cell.coefficients(x), h, (count,), type(cell).__name__)
        return run_compiled((a, b), "linear", xs, h)


class TorchScan(Scan):
    """The same in torch, blocked over time; see `torch_scan`."""

    name = "scan in torch"

    def cannot(self, *tensors: Tensor) -> str | None:
        return None

    def run(self, cell: LinearCell, xs: Seq, h: Tensor) -> tuple[Tensor, Tensor]:
        room = (xs.batch, xs.steps)
        coefficients = cell.coefficients(places(xs))
        a, b = fitted(*coefficients, h, (xs.batch * xs.steps,), type(cell).__name__)
        return run_in_torch(a.unflatten(0, room), b.unflatten(0, room), xs, h)


def places(xs: Seq) -> Tree:
    """Return every row's every step, padding too: (B * T, *F)."""
    return tree_map(lambda leaf: leaf.flatten(0, 1), xs.data)


register_kernel(LinearCell, Scan(), subclasses=True)
register_kernel(LinearCell, TorchScan(), subclasses=True)
