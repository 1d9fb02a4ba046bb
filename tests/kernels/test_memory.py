"""Kept memory: lent to one tensor at a time, bounded, and freed when asked."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from unrolled.kernels import memory
from unrolled.kernels.memory import free_memory, large_empty


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch):
    free_memory()
    monkeypatch.setattr(memory, "LARGE", 100)
    monkeypatch.setattr(memory, "MOST_KEPT", 1000)
    yield
    free_memory()


def kept() -> int:
    return sum(map(len, memory._kept))


def test_what_a_tensor_leaves_is_lent_again() -> None:
    first = large_empty(300)
    place = first.data_ptr()
    assert large_empty(300).data_ptr() != place, "it is still in use"
    del first
    assert kept() == 600
    again = large_empty(200)
    assert kept() == 300
    assert again.shape == (200,)
    assert large_empty(100).data_ptr() not in (again.data_ptr(), place + 1)


def test_a_view_keeps_the_memory_in_use() -> None:
    tensor = large_empty(300).fill_(1.0)
    view = tensor.view(3, 100)[1]
    del tensor
    gc.collect()
    large_empty(300).fill_(2.0)
    assert (view == 1).all()
    assert kept() == 300


def test_much_larger_memory_is_not_taken_for_little() -> None:
    large_empty(900)
    large_empty(400)
    assert sorted(map(len, memory._kept)) == [400]  # together they would be above the bound


def test_small_tensors_are_none_of_its_business() -> None:
    large_empty(99)
    assert kept() == 0


def test_it_can_be_freed() -> None:
    large_empty(300)
    free_memory()
    assert kept() == 0


def test_threads_never_share_a_block() -> None:
    def run(number: int) -> bool:
        for _ in range(200):
            tensor = large_empty(100 + number).fill_(number)
            if not (tensor == number).all():
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(4)))
    assert kept() <= 1000


def test_gradients_are_the_same_in_kept_memory() -> None:
    from unrolled import LSTM

    cell, xs = LSTM(3, 16), torch.randn(2, 9, 3)

    def gradients() -> list[torch.Tensor]:
        return list(torch.autograd.grad(cell(xs)[0].sin().sum(), list(cell.parameters())))

    first, second = gradients(), gradients()
    assert all(map(torch.equal, first, second))
    one, other = cell(xs)[0].sin().sum(), cell(2 * xs)[0].sum()
    other.backward()
    assert all(map(torch.equal, torch.autograd.grad(one, list(cell.parameters())), first))
