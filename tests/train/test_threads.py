"""How many threads a training gets, and that it gives them back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.train.problems import line, line_loss, settings
from unrolled.cells.gru import GRU
from unrolled.cells.peephole_lstm import PeepholeLSTM
from unrolled.core.compose import Stack, deep
from unrolled.core.seq import Seq
from unrolled.kernels.extension import extension
from unrolled.train.loop import Loss, fit
from unrolled.train.threads import shared_by_rows, threads_by_shape, threads_for


def test_small_networks_get_one_thread_and_large_ones_all() -> None:
    assert threads_for(32, 64, available=8) == 1
    assert threads_for(128, 128, available=8) == 1
    assert threads_for(512, 512, available=8) == 8
    assert threads_for(512, 512, available=1) == 1


@pytest.mark.skipif(extension is None, reason="no compiler on this machine")
def test_kernels_that_share_rows_get_more_threads_earlier() -> None:
    assert shared_by_rows(deep(GRU, 3, 4, layers=2))
    assert not shared_by_rows(Stack(GRU(3, 4), PeepholeLSTM(4, 4)))
    assert not shared_by_rows(nn.Linear(3, 4))
    assert threads_for(32, 128, available=8, by_rows=True) == 8
    assert threads_for(32, 128, available=8) == 1


def test_more_work_never_means_fewer_threads() -> None:
    sizes = [2**k for k in range(14)]
    for fixed in (16, 256):
        by_batch = [threads_for(size, fixed, available=4) for size in sizes]
        by_hidden = [threads_for(fixed, size, available=4) for size in sizes]
        assert by_batch == sorted(by_batch)
        assert by_hidden == sorted(by_hidden)
        assert {1, 4} == set(by_hidden)


@pytest.fixture
def two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def seen_threads(threads: int | None, **options: object) -> list[int]:
    seen: list[int] = []

    def loss(model: nn.Module, x: Tensor) -> Loss:
        seen.append(torch.get_num_threads())
        return line_loss(model, x)

    model, batches = line()
    fit(model, loss, batches, settings(epochs=1, threads=threads), **options)  # type: ignore[arg-type]
    return seen


@pytest.mark.usefixtures("two_threads")
def test_chosen_by_shape_and_put_back() -> None:
    assert seen_threads(None) == [1] * 4
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_explicit_number_wins() -> None:
    assert seen_threads(2) == [2] * 4
    assert seen_threads(3) == [3] * 4
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_put_back_after_an_error() -> None:
    model, batches = line()
    with pytest.raises(ZeroDivisionError):
        fit(model, lambda m, x: 1 / 0, batches, settings(threads=1))
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_resumed_run_keeps_the_number_it_began_with(tmp_path: Path) -> None:
    # Sums over threads depend on how many there are.
    seen_threads(None, folder=tmp_path)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    content["numbers"] |= {"threads": 2, "epoch": 0, "batch": 3}
    torch.save(content, tmp_path / "checkpoint.pt")
    assert seen_threads(None, folder=tmp_path, resume=True) == [2]


@pytest.mark.usefixtures("two_threads")
def test_shape_is_found_in_any_batch() -> None:
    cell = GRU(4, 256)
    for wide in (
        torch.zeros(512, 3, 4),
        (torch.zeros(512, 3, 4), torch.zeros(512)),
        {"x": [torch.zeros(512, 3, 4)]},
        Seq(torch.zeros(512, 3, 4), torch.full((512,), 3)),
    ):
        assert threads_by_shape(cell, [wide]) == 2
    assert threads_by_shape(cell, [torch.zeros(1, 3, 4)]) == 1
    assert threads_by_shape(cell, []) == 1
    assert threads_by_shape(nn.Linear(4, 4), [torch.zeros(512, 3, 4)]) == 1
