"""What the tests of accelerate share: a module beside an accelerated copy of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
import torch.utils._pytree as pytree
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unrolled import accelerate
from unrolled.kernels import cpu_operators as operators


def beside(module: nn.Module) -> tuple[Any, Any]:
    """Return a module and an accelerated copy with the same weights."""
    copied = copy.deepcopy(module)
    accelerate(copied)
    return module, copied


@contextmanager
def counted() -> Iterator[list[str]]:
    """List the calls that our kernels take."""
    calls: list[str] = []
    called = operators.Recurrence.__call__

    def call(self: operators.Recurrence, *arguments: Any) -> Any:
        calls.append(self.name)
        return called(self, *arguments)

    with mock.patch.object(operators.Recurrence, "__call__", call):
        yield calls


def tensors(outputs: Any) -> list[Tensor]:
    """Return all tensors in what a module returned, those of a PackedSequence too."""
    parts: list[Any] = []
    for leaf in pytree.tree_leaves(outputs, is_leaf=lambda leaf: isinstance(leaf, PackedSequence)):
        parts += leaf if isinstance(leaf, PackedSequence) else [leaf]
    return [part for part in parts if isinstance(part, Tensor)]


def results(module: nn.Module, *inputs: Any) -> list[Tensor]:
    """Return outputs, and the gradients of every input and parameter, with a seed for what is drawn."""
    torch.manual_seed(5)
    given = pytree.tree_map(_leaf, inputs, is_leaf=_is_packed)
    outputs = tensors(module(*given))
    real = [leaf for leaf in outputs if leaf.requires_grad]
    generator = torch.Generator().manual_seed(6)
    loss = sum((leaf * torch.randn(leaf.shape, generator=generator)).sum() for leaf in real)
    assert isinstance(loss, Tensor)
    wanted = [leaf for leaf in tensors(given) if leaf.requires_grad] + list(module.parameters())
    return [*outputs, *torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)]


def _is_packed(leaf: Any) -> bool:
    return isinstance(leaf, PackedSequence)


def _leaf(leaf: Any) -> Any:
    if _is_packed(leaf):
        return leaf._replace(data=leaf.data.detach().clone().requires_grad_())
    return leaf.detach().clone().requires_grad_() if isinstance(leaf, Tensor) else leaf


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    """Assert that two lists of tensors are equal but for rounding, and lie in memory alike."""
    assert [leaf.stride() for leaf in found] == [leaf.stride() for leaf in expected]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
