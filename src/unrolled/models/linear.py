"""Linear: torch's, with the compiled product where that is the faster one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unrolled.core.seq import traced
from unrolled.kernels.affine import FEW_PLACES, affine
from unrolled.kernels.cpu import unavailable


class Linear(nn.Linear):
    """W x + b, computed by ``unrolled::affine`` in float32 on the CPU, by torch otherwise and while it traces.

    The compiled product has no second gradients; UNROLLED_KERNELS=off does without it.

    >>> Linear(3, 2)(torch.ones(4, 5, 3)).shape
    torch.Size([4, 5, 2])
    """

    def forward(self, x: Tensor) -> Tensor:
        if self._takes(x):
            flat = affine(x.reshape(-1, self.in_features), self.weight, self.bias)
            return flat.view(*x.shape[:-1], self.out_features)
        return super().forward(x)

    def _takes(self, x: Tensor) -> bool:
        return (
            x.dtype is torch.float32
            and self.weight.dtype is torch.float32
            and x.is_cpu
            and x.numel() >= FEW_PLACES * self.in_features
            and x.shape[-1] == self.in_features
            and not traced()
            and not torch.is_autocast_enabled("cpu")
            and unavailable() is None
        )


def begin_even(module: nn.Module) -> None:
    """Draw every matrix in ``module`` so that numbers keep their scale both ways through it; biases begin at 0.

    Glorot and Bengio 2010, AISTATS; what Transformers begin with.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
