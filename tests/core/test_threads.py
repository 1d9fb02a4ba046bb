"""Several Python threads may run one layer, and a small deep network with every kind of noise learns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from unrolled import (
    GRU,
    LSTM,
    Bidirectional,
    Dropout,
    Residual,
    Seq,
    Stack,
    Stream,
    WeightDrop,
    Zoneout,
    deep,
    explain,
)


def noisy(features: int, hidden: int) -> Stack:
    return Stack(
        nn.Linear(features, hidden),
        Bidirectional(Zoneout(LSTM(hidden, hidden), 0.1), Zoneout(GRU(hidden, hidden), 0.1)),
        Dropout(0.1, locked=True),
        WeightDrop(LSTM(2 * hidden, hidden), 0.2),
        Residual(WeightDrop(GRU(hidden, hidden), 0.2)),
    )


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_threads_running_one_layer_get_their_own_results(training: bool) -> None:
    torch.manual_seed(0)
    layer = Stack(noisy(3, 4), deep(GRU, 4, 4, layers=2, bidirectional=True)).train(training)
    jobs = []
    for number in range(4):
        xs = Seq(torch.randn(3, 6, 3), [6, number, 3])
        jobs.append((xs, layer.initial_state(3)))
    expected = [layer(*job)[0].data for job in jobs]
    before = [parameter.detach().clone() for parameter in layer.parameters()]

    def run(number: int) -> bool:
        for _ in range(10):
            ys, _ = layer(*jobs[number])
            if not torch.equal(ys.data, expected[number]):
                return False
            ys.data.sum().backward()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(4)))
    assert all(map(torch.equal, layer.parameters(), before))
    assert all(isinstance(parameter, nn.Parameter) for parameter in layer.parameters())


def test_threads_with_streams_of_one_layer() -> None:
    layer, xs = deep(LSTM, 3, 4, layers=2), torch.randn(4, 20, 3)
    expected = layer.eval()(xs)[0]

    def run(row: int) -> torch.Tensor:
        stream = Stream(layer)
        return torch.cat([stream.push(xs[row : row + 1, t : t + 1]) for t in range(20)], 1)

    with ThreadPoolExecutor(4) as pool:
        torch.testing.assert_close(torch.cat(list(pool.map(run, range(4)))), expected)


def test_explanations_of_other_threads_are_not_mixed_in() -> None:
    layer, xs = GRU(3, 4), torch.zeros(1, 2, 3)
    with ThreadPoolExecutor(4) as pool:
        assert all(len(rows) == 1 for rows in pool.map(lambda _: explain(layer, xs), range(50)))


def test_a_network_with_every_kind_of_noise_learns() -> None:
    # Whether the first number was above 0: something to remember, in rows of unequal length.
    torch.manual_seed(0)
    model, head = noisy(1, 8), nn.Linear(8, 2)
    data = torch.randn(48, 7, 1)
    xs = Seq(data, torch.randint(3, 8, (48,)))
    target = (data[:, 0, 0] > 0).long()

    def loss() -> torch.Tensor:
        return nn.functional.cross_entropy(head(model(xs)[0].last()), target)

    before = float(loss().detach())
    optimiser = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=0.03)
    for _ in range(30):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    model.eval()
    assert before > 0.6
    assert float(loss().detach()) < 0.5 * before
