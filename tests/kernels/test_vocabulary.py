"""The vocabulary's loss and scores, compiled: as exact as torch's, whatever the sizes, and nothing hidden."""

from __future__ import annotations

import itertools
import os
import signal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.kernels.compiled import error, instruction_set, needs_extension, shared_by
from tests.laws.harness import drawer
from unrolled import repack
from unrolled.core import packs
from unrolled.kernels.extension import extension
from unrolled.kernels.packed_affine import packed_affine
from unrolled.kernels.vocabulary import loss_and_gradients

pytestmark = needs_extension

SIZES = [(1, 1, 1), (5, 3, 7), (16, 16, 64), (70, 33, 129), (300, 17, 450), (270, 300, 210)]
"""Rows, features, tokens: within and beyond a block of 256 rows and a chunk of 192 tokens, in and out of whole vectors."""

ALL = (True, True, True)


def problem(rows: int, features: int, tokens: int, bias: bool = True) -> list[Tensor | None]:
    draw = drawer(rows, torch.float32)
    # Scores of a trained head's size.
    weight = draw(tokens, features) * 3 * features**-0.5
    targets = torch.randint(0, tokens, (rows,), generator=torch.Generator().manual_seed(rows))
    return [draw(rows, features), weight, draw(tokens) if bias else None, targets]


def torchs(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    smoothing: float,
    dtype: torch.dtype = torch.float64,
) -> list[Tensor]:
    leaves = [
        t.detach().to(dtype).requires_grad_() for t in (hidden, weight, bias) if t is not None
    ]
    scores = F.linear(leaves[0], leaves[1], leaves[2] if bias is not None else None)
    loss = F.cross_entropy(scores, targets, label_smoothing=smoothing, reduction="sum")
    return [loss.detach(), *torch.autograd.grad(loss, leaves)]


def ours(*given, smoothing: float) -> list[Tensor]:
    loss, gradients = loss_and_gradients(*given, smoothing, [t is not None for t in given[:3]])
    return [loss, *(gradient for gradient in gradients if gradient is not None)]


@pytest.mark.parametrize("name", ["avx512", "avx2", "portable"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_as_exact_as_torchs(name: str, smoothing: float) -> None:
    with instruction_set(name):
        for sizes, bias in itertools.product(SIZES, (True, False)):
            given = problem(*sizes, bias)
            exact = torchs(*given, smoothing)
            allowed = 2 * error(torchs(*given, smoothing, torch.float32), exact)
            assert error(ours(*given, smoothing=smoothing), exact) <= max(allowed, 3e-7), sizes


@pytest.mark.parametrize("threads", [2, 5])
def test_shared_by_threads(threads: int) -> None:
    for sizes in ((1, 1, 1), (70, 33, 129), (270, 30, 450)):
        given = problem(*sizes)
        alone = ours(*given, smoothing=0.1)
        with shared_by(threads):
            found = ours(*given, smoothing=0.1)
        assert error(found, [tensor.double() for tensor in alone]) <= 1e-6


def test_a_large_vocabulary_has_smaller_blocks() -> None:
    given = problem(100, 2, 40_000)
    assert error(ours(*given, smoothing=0.1), torchs(*given, 0.1)) <= 2e-6


def test_memory_is_that_of_one_block() -> None:
    assert extension is not None
    used = []
    for rows, tokens in ((512, 8000), (1024, 8000), (512, 64_000)):
        extension.free_workspaces()
        loss_and_gradients(*problem(rows, 8, tokens), 0.1, ALL)
        used.append(extension.workspace_bytes())
    assert used[0] == used[1] < used[2] < 2**25, used


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_extreme_scores(smoothing: float) -> None:
    draw = drawer(0, torch.float32)
    hidden, weight = draw(40, 8).sign() * 35, draw(300, 8).sign() * 35
    targets = torch.arange(40)
    exact = torchs(hidden, weight, None, targets, smoothing)
    assert exact[0] > 1e4
    assert error(ours(hidden, weight, None, targets, smoothing=smoothing), exact) <= 1e-6


def test_a_token_that_is_ruled_out() -> None:
    hidden, weight, bias, targets = problem(20, 8, 300)
    bias[:200] = -torch.inf
    targets = targets % 100 + 200
    assert error(ours(hidden, weight, bias, targets, smoothing=0.0), torchs(hidden, weight, bias, targets, 0.0)) <= 1e-6  # fmt: skip


@pytest.mark.parametrize("where", range(3))
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_no_number_shows(where: int, bad: float) -> None:
    for name in ("avx512", "avx2", "portable"):
        with instruction_set(name):
            given = problem(20, 8, 300)
            given[where].view(-1)[7] = bad
            loss, of_hidden, of_weight, of_bias = ours(*given, smoothing=0.1)
            assert loss.isnan()
            assert of_hidden.isnan().any()
            assert of_weight.isnan().any()
            assert of_bias.isnan().any()


def test_only_the_gradients_that_are_wanted() -> None:
    given = problem(70, 5, 90)
    loss, every = loss_and_gradients(*given, 0.1, ALL)
    for wanted in itertools.product([True, False], repeat=3):
        found, gradients = loss_and_gradients(*given, 0.1, wanted)
        assert torch.equal(found, loss)
        for gradient, expected, want in zip(gradients, every, wanted, strict=True):
            assert torch.equal(gradient, expected) if want else gradient is None


def test_no_rows() -> None:
    loss, of_hidden, of_weight, of_bias = ours(*problem(0, 3, 5), smoothing=0.1)
    assert loss == 0
    assert of_hidden.shape == (0, 3)
    assert not of_weight.any()
    assert not of_bias.any()


def test_strides_do_not_matter() -> None:
    hidden, weight, bias, targets = problem(40, 16, 90)
    expected = ours(hidden, weight, bias, targets, smoothing=0.1)
    spread = hidden.T.contiguous().T, weight.repeat(1, 2)[:, ::2].copy_(weight), bias.repeat_interleave(3)[::3]  # fmt: skip
    found = ours(*spread, targets.repeat_interleave(2)[::2], smoothing=0.1)
    assert all(map(torch.equal, found, expected))


def test_a_forked_child_after_a_parallel_region() -> None:
    given = problem(70, 33, 300)
    with shared_by(2):
        expected = ours(*given, smoothing=0.1)
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            found = ours(*given, smoothing=0.1)
            os._exit(0 if all(map(torch.allclose, found, expected)) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# Scores from packed weights.


def packs_of(weight: Tensor) -> bool:
    pack = packs._packs.get(id(weight))
    return pack is not None and pack.made is not None


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("shape", [(9,), (1, 9), (33, 9), (2, 3, 9), (0, 9)])
def test_packed_scores(shape: tuple[int, ...], bias: bool) -> None:
    draw = drawer(0, torch.float32)
    weight, offset = nn.Parameter(draw(70, 9)), nn.Parameter(draw(70)) if bias else None
    with torch.no_grad():
        for _ in range(3):
            x = draw(*shape)
            torch.testing.assert_close(packed_affine(x, weight, offset), F.linear(x, weight, offset))  # fmt: skip
    assert packs_of(weight)


def test_weights_that_change_are_packed_anew() -> None:
    draw = drawer(0, torch.float32)
    layer, x = nn.Linear(9, 70), draw(4, 9)
    optimiser = torch.optim.Adam(layer.parameters(), fused=True)

    def scores_are_the_layers() -> None:
        with torch.no_grad():
            for _ in range(3):
                torch.testing.assert_close(packed_affine(x, layer.weight, layer.bias), layer(x))
        assert packs_of(layer.weight)

    scores_are_the_layers()
    with torch.no_grad():
        layer.weight.mul_(2)
    scores_are_the_layers()
    layer(x).sum().backward()
    optimiser.step()
    scores_are_the_layers()
    layer.bias.data.add_(1)
    repack()
    scores_are_the_layers()


def test_scores_with_gradients_are_torchs() -> None:
    draw = drawer(0, torch.float32)
    weight, x = draw(70, 9), draw(4, 9).requires_grad_()
    for _ in range(3):
        packed_affine(x.detach(), weight, None)
    assert packs_of(weight)
    (found,) = torch.autograd.grad(packed_affine(x, weight, None).sum(), x)
    torch.testing.assert_close(found, weight.sum(0).expand(4, 9))


def test_scores_of_other_numbers_are_torchs(monkeypatch) -> None:
    draw = drawer(0, torch.float64)
    weight, x = draw(70, 9), draw(4, 9)
    for _ in range(3):
        assert torch.equal(packed_affine(x, weight, None), F.linear(x, weight))
    weight, x = weight.float(), x.float()
    with pytest.raises(RuntimeError, match="shapes"):
        packed_affine(x[:, 1:], weight, None)
    monkeypatch.setenv("UNROLLED_KERNELS", "off")
    for _ in range(3):
        assert torch.equal(packed_affine(x, weight, None), F.linear(x, weight))
