"""The loss of a vocabulary's scores, a block of rows after the other: the scores of all rows are never in memory at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.errors import InputError, OptionError, ShapeError
from unrolled.kernels import vocabulary
from unrolled.kernels.packing import torch_must_see

BLOCK = 2**21
"""Scores of a block in torch's operations."""


def vocabulary_loss(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    *,
    smoothing: float = 0.0,
) -> Tensor:
    """Return the label-smoothed cross-entropy of the next token, summed over all rows.

        log p_n = log_softmax(W h_n + b)
        L = sum over n of  -(1 - s) log p_n[target_n] - s / V * sum over v of log p_n[v]

    It equals ``F.cross_entropy(F.linear(hidden, weight, bias), targets, label_smoothing=s, reduction="sum")``. Where a
    gradient is wanted it is computed in the same pass, since it is the same for any loss made of L but for one factor;
    so no score is kept or computed twice, and memory is that of one block of rows. In float32 on the CPU the work is
    compiled. Leave padding out: give the rows that exist (``Seq.valid()``).

    Args:
        hidden: (N, E).
        weight: (V, E); an embedding's own for tied weights.
        bias: (V,) or None.
        targets: (N,) int64, tokens from 0 to V - 1.
        smoothing: s, the part of the target that is spread over the whole vocabulary, from 0 to 1.

    Returns:
        L, a tensor ().

    Raises:
        ShapeError: tensors that do not fit together.
        InputError: a target that is no token.
        OptionError: smoothing out of range.

    Label smoothing: Szegedy et al. 2016, arXiv:1512.00567. The sums of exponentials in one pass: Milakov and Gimelshein
    2018, arXiv:1805.02867. Gradients in the pass forward, in blocks: Hsu et al. 2024, Liger Kernel, arXiv:2410.10989;
    without the scores of all tokens: Wijmans et al. 2024, Cut your losses, arXiv:2411.09009.

    >>> hidden, weight = torch.randn(5, 8, requires_grad=True), torch.randn(100, 8)
    >>> targets = torch.tensor([4, 8, 15, 16, 23])
    >>> loss = vocabulary_loss(hidden, weight, None, targets, smoothing=0.1)
    >>> loss.backward()
    >>> same = F.cross_entropy(hidden @ weight.T, targets, label_smoothing=0.1, reduction="sum")
    >>> torch.allclose(loss, same), hidden.grad.shape
    (True, torch.Size([5, 8]))
    """
    _check(hidden, weight, bias, targets, smoothing)
    if not _in_blocks(hidden, weight, bias):
        return _whole(hidden, weight, bias, targets, smoothing)
    _check_targets(targets, len(weight))
    leaves = (hidden, weight, bias)
    if torch.is_grad_enabled() and any(leaf is not None and leaf.requires_grad for leaf in leaves):
        loss: Tensor = VocabularyLoss.apply(*leaves, targets, smoothing)
        return loss
    return _loss_and_gradients(*leaves, targets, smoothing, (False, False, False))[0]


class VocabularyLoss(torch.autograd.Function):
    """The loss; its gradients are there before they are asked for."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        smoothing: float,
    ) -> Tensor:
        ctx.save_for_backward(hidden, weight, bias, targets)
        ctx.smoothing = smoothing
        loss, ctx.gradients = _loss_and_gradients(
            hidden, weight, bias, targets, smoothing, ctx.needs_input_grad[:3]
        )
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, targets = ctx.saved_tensors
        given = hidden, weight, bias, targets, ctx.smoothing
        wanted = ctx.needs_input_grad[:3]
        # They are handed over, and the next pass over a retained graph computes its own.
        gradients, ctx.gradients = ctx.gradients, None
        if torch.is_grad_enabled():
            return (*_differentiable_gradients(*given, grad, wanted), None, None)
        if gradients is None:
            _, gradients = _loss_and_gradients(*given, wanted)
        if not (grad.is_cpu and grad.item() == 1.0):
            gradients = [None if leaf is None else leaf.mul_(grad) for leaf in gradients]
        return (*gradients, None, None)


def _loss_and_gradients(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    smoothing: float,
    wanted: Sequence[bool],
) -> tuple[Tensor, list[Tensor | None]]:
    compiled = vocabulary.takes(hidden, weight, bias)
    compute = vocabulary.loss_and_gradients if compiled else _loss_and_gradients_in_torch
    return compute(hidden, weight, bias, targets, smoothing, wanted)


@torch.no_grad()
def _loss_and_gradients_in_torch(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    smoothing: float,
    wanted: Sequence[bool],
) -> tuple[Tensor, list[Tensor | None]]:
    """Do what `vocabulary.loss_and_gradients` does, for any device."""
    leaves, tokens = (hidden, weight, bias), len(weight)
    gradients = [
        torch.zeros_like(leaf, memory_format=torch.contiguous_format)
        if want and leaf is not None
        else None
        for leaf, want in zip(leaves, wanted, strict=True)
    ]
    of_hidden, of_weight, of_bias = gradients
    loss = hidden.new_zeros(())
    rows = max(1, BLOCK // tokens)
    for start in range(0, len(hidden), rows):
        part = slice(start, start + rows)
        some, right = hidden[part], targets[part]
        scores = F.linear(some, weight, bias)
        loss += F.cross_entropy(scores, right, label_smoothing=smoothing, reduction="sum")
        if not any(wanted):
            continue
        of_scores = scores.softmax(1).sub_(smoothing / tokens)
        of_scores[torch.arange(len(right), device=right.device), right] -= 1 - smoothing
        if of_hidden is not None:
            torch.mm(of_scores, weight, out=of_hidden[part])
        if of_weight is not None:
            of_weight.addmm_(of_scores.T, some)
        if of_bias is not None:
            of_bias += of_scores.sum(0)
    return loss, gradients


def _differentiable_gradients(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    smoothing: float,
    grad: Tensor,
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Return the gradients, and record how they came about: for gradients of gradients."""
    # Of views: one input may have been made of another, and that path is not this function's.
    hidden, weight = hidden.view_as(hidden), weight.view_as(weight)
    bias = None if bias is None else bias.view_as(bias)
    loss = _whole(hidden, weight, bias, targets, smoothing)
    leaves = zip((hidden, weight, bias), wanted, strict=True)
    inputs = [leaf for leaf, want in leaves if want and leaf is not None]
    found = iter(torch.autograd.grad(loss, inputs, grad, create_graph=True))
    return [next(found) if want else None for want in wanted]


def _whole(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, smoothing: float
) -> Tensor:
    scores = F.linear(hidden, weight, bias)
    return F.cross_entropy(scores, targets, label_smoothing=smoothing, reduction="sum")


def _in_blocks(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Tell whether these are numbers, float32 or float64, and torch need not see each operation: no compiler, no transform."""
    if torch.compiler.is_compiling() or torch_must_see():
        return False
    return all(
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.dtype in (torch.float32, torch.float64)
        and not tensor.is_meta
        for tensor in (hidden, weight, bias)
        if tensor is not None
    )


def _check(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, smoothing: float
) -> None:
    given = [tensor for tensor in (hidden, weight, bias) if tensor is not None]
    right = hidden.dim() == 2 and weight.dim() == 2 and hidden.shape[1] == weight.shape[1]
    right = right and (bias is None or bias.shape == weight.shape[:1])
    right = right and targets.shape == hidden.shape[:1] and targets.dtype is torch.int64
    right = right and all(tensor.dtype is hidden.dtype for tensor in given)
    right = right and all(tensor.device == hidden.device for tensor in (*given, targets))
    if not right or weight.shape[0] == 0 or weight.shape[1] == 0:
        shapes = [(*t.shape, str(t.dtype), str(t.device)) for t in (*given, targets)]
        raise ShapeError(
            ", ".join(map(str, shapes)),
            where="vocabulary_loss",
            expected="hidden (N, E), weight (V, E), bias (V,) or None of one dtype, targets (N,) int64, on one "
            "device, E and V at least 1",
        )
    if not 0.0 <= smoothing <= 1.0:
        raise OptionError(f"smoothing={smoothing}", expected="a number from 0 to 1")


def _check_targets(targets: Tensor, tokens: int) -> None:
    wrong = (targets < 0) | (targets >= tokens)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise InputError(
            f"the target of row {row} is {int(targets[row])}",
            where="vocabulary_loss",
            expected=f"a token from 0 to {tokens - 1}",
            fix="leave padding out (Seq.valid())",
        )
