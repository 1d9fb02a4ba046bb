"""W x + b with weights that stay packed, in inference: the scores of a vocabulary for the few rows of a decoding step."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.core.packs import packed
from unrolled.kernels.extension import extension
from unrolled.kernels.packing import LINEAR, Packer, torch_must_see
from unrolled.kernels.threads import threads_for


def packed_affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return W x + b of x (..., I), the weight (O, I) and the bias (O,) or None: (..., O), as F.linear does.

    Where no gradient can be asked for, in float32 on the CPU, weights that come a second time are packed, and stay so
    until they change or an optimiser steps. A write that torch does not count needs `repack`, as for `Cell.step`.

    >>> x, weight = torch.randn(2, 3), torch.randn(4, 3)
    >>> for _ in range(3):
    ...     y = packed_affine(x, weight, None)
    >>> torch.allclose(y, x @ weight.T, atol=1e-6)
    True
    """
    program = _program(x, weight, bias)
    if program is not None and x.numel() > 0:
        x = x.contiguous()
        rows = x.numel() // x.shape[-1]
        y = x.new_empty(*x.shape[:-1], len(weight))
        threads = threads_for(rows * program.multiplications)
        if program.step(x.data_ptr(), rows, 0, 0, y.data_ptr(), 0, threads):
            return y
    return F.linear(x, weight, bias)


def _program(x: Tensor, weight: Tensor, bias: Tensor | None) -> Any | None:
    if extension is None or torch.compiler.is_compiling() or torch_must_see():
        return None
    given = [tensor for tensor in (x, weight, bias) if tensor is not None]
    for tensor in given:
        if torch.is_grad_enabled() and tensor.requires_grad:
            return None
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.is_neg():
            return None
    if x.dtype is not torch.float32 or not x.is_cpu or x.layout is not torch.strided:
        return None
    if x.dim() == 0 or weight.dim() != 2 or x.shape[-1] != weight.shape[1]:
        return None

    def make() -> Any:
        packer = Packer()
        return packer.program if packer.add_linear(weight, bias) else None

    return packed(weight, LINEAR, given[1:], make)
