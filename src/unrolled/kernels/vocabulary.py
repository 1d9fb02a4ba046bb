"""The compiled loss of a vocabulary's scores, which computes its gradients in the same pass; see csrc/vocabulary.hpp."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unrolled.kernels.cpu import unavailable
from unrolled.kernels.extension import extension, missing
from unrolled.kernels.threads import threads_for


def takes(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Tell whether the compiled loss computes these: float32 on the CPU."""
    given = [tensor for tensor in (hidden, weight, bias) if tensor is not None]
    return unavailable() is None and all(
        tensor.dtype is torch.float32
        and tensor.is_cpu
        and tensor.layout is torch.strided
        and not tensor.is_neg()
        for tensor in given
    )


def loss_and_gradients(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    smoothing: float,
    wanted: Sequence[bool],
) -> tuple[Tensor, list[Tensor | None]]:
    """Return the loss () and those gradients of hidden, weight and bias that are wanted.

    Shapes: hidden (N, E), weight (V, E), bias (V,) or None, targets (N,) int64, each from 0 to V - 1: whoever calls has
    checked them.
    """
    rows, features = hidden.shape
    tokens = weight.shape[0]
    dense = [None if t is None else t.detach().contiguous() for t in (hidden, weight, bias)]
    targets = targets.contiguous()
    gradients = [
        torch.empty_like(tensor) if want and tensor is not None else None
        for tensor, want in zip(dense, wanted, strict=True)
    ]
    products = 3 if any(wanted) else 1
    assert extension is not None, missing
    loss = extension.vocabulary_loss(
        *(rows, features, tokens),
        *(0 if tensor is None else tensor.data_ptr() for tensor in dense),
        *(targets.data_ptr(), smoothing),
        *(0 if gradient is None else gradient.data_ptr() for gradient in gradients),
        threads_for(products * rows * features * tokens),
    )
    return hidden.new_tensor(loss), gradients
