"""Heads: distributions that are proper, and losses that are theirs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from unrolled.models.heads import HEADS, LEVELS, MEDIAN, Head, QuantileHead, StudentTHead, pinball


@pytest.fixture(params=HEADS)
def head(request: pytest.FixtureRequest) -> Head:
    return HEADS[request.param]()


def numbers(head: Head) -> torch.Tensor:
    return 3 * torch.randn(5, 4, head.width, generator=torch.Generator().manual_seed(0))


def test_quantiles_rise_and_their_middle_is_the_point(head: Head) -> None:
    parameters = head(numbers(head), torch.zeros(5, 4))
    quantiles = head.quantiles(parameters)
    assert quantiles.shape == (5, 4, len(LEVELS))
    assert (quantiles.diff(dim=-1) > 0).all()
    assert torch.allclose(quantiles[..., MEDIAN], head.point(parameters), atol=1e-5)


def test_the_centre_moves_the_whole_distribution(head: Head) -> None:
    raw = numbers(head)
    at_zero = head.quantiles(head(raw, torch.zeros(5, 4)))
    at_seven = head.quantiles(head(raw, torch.full((5, 4), 7.0)))
    assert torch.allclose(at_seven, at_zero + 7, atol=1e-4)


def test_training_begins_around_the_centre_with_a_spread_of_about_one(head: Head) -> None:
    quantiles = head.quantiles(head(head.begin().expand(1, 1, -1), torch.zeros(1, 1)))[0, 0]
    assert quantiles[MEDIAN].item() == pytest.approx(0, abs=1e-6)
    assert 0.2 < quantiles[-2].item() < 3


def test_the_loss_is_least_at_the_truth(head: Head) -> None:
    y = torch.from_numpy(np.random.default_rng(0).normal(2.0, 0.5, size=(2000, 1))).float()
    raw = torch.nn.Parameter(head.begin())
    optimizer = torch.optim.Adam([raw], lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        head.loss(head(raw.expand(2000, 1, -1), torch.zeros(2000, 1)), y).mean().backward()
        optimizer.step()
    found = head.quantiles(head(raw.detach().expand(1, 1, -1), torch.zeros(1, 1)))[0, 0]
    assert torch.allclose(found, y.quantile(torch.tensor(LEVELS)), atol=0.12)


def test_student_t_loss_is_the_negative_log_likelihood() -> None:
    parameters = torch.tensor([[[0.5, 2.0, 3.0], [-1.0, 0.3, 30.0]]])
    target = torch.tensor([[1.7, -0.2]])
    expected = -scipy.stats.t.logpdf([1.7, -0.2], df=[3, 30], loc=[0.5, -1], scale=[2, 0.3])
    assert StudentTHead().loss(parameters, target)[0].numpy() == pytest.approx(expected, rel=1e-5)


def test_pinball_of_the_same_forecast_at_all_levels_is_its_absolute_error() -> None:
    quantiles = torch.full((3, 2, len(LEVELS)), 1.0)
    target = torch.tensor([[0.0, 1.0], [2.0, 3.0], [1.5, -1.0]])
    assert torch.allclose(pinball(quantiles, target), (target - 1).abs())


def test_quantiles_of_the_quantile_head_keep_the_gradient() -> None:
    head = QuantileHead()
    raw = numbers(head).requires_grad_()
    head.quantiles(head(raw, torch.zeros(5, 4))).sum().backward()
    assert raw.grad is not None and (raw.grad != 0).all()
