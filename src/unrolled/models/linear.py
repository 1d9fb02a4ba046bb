"""Linear: torch's, with the compiled product where that is the faster one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unrolled.core.seq import traced
from unrolled.kernels.affine import FEW_PLACES, affine
from unrolled.kernels.cpu import unavailable
from unrolled.kernels.packed_affine import packed_affine
from unrolled.kernels.packing import LINEARS


class Linear(nn.Linear):
    """W x + b, in float32 on the CPU by ``unrolled::affine``, or of few places in inference with weights that stay packed.

    Everything else, and what torch traces, is left to torch. UNROLLED_KERNELS=off leaves it all.

    >>> Linear(3, 2)(torch.ones(4, 5, 3)).shape
    torch.Size([4, 5, 2])
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self._takes(x):
            return super().forward(x)
        if x.numel() < FEW_PLACES * self.in_features:
            return packed_affine(x, self.weight, self.bias)
        flat = affine(x.reshape(-1, self.in_features), self.weight, self.bias)
        return flat.view(*x.shape[:-1], self.out_features)

    def _takes(self, x: Tensor) -> bool:
        return (
            x.dtype is torch.float32
            and self.weight.dtype is torch.float32
            and x.is_cpu
            and x.shape[-1] == self.in_features
            and not traced()
            and not torch.is_autocast_enabled("cpu")
            and unavailable() is None
        )


LINEARS.add(Linear)


def begin_even(module: nn.Module) -> None:
    """Draw every matrix in ``module`` so that numbers keep their scale both ways through it; biases begin at 0.

    Glorot and Bengio 2010, AISTATS; what Transformers begin with.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
