"""Seq2Seq.loss: each row's own cross-entropy, with no part of the padding in it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled import GRU, DotAttention, Seq
from unrolled.models.attending_stack import AttendingStack
from unrolled.models.seq2seq import Seq2Seq, Seq2SeqSizes
from unrolled.models.token_ids import BEGIN, END

SOURCES = [[4, 5, 6, 7, 8], [9], [5, 4, 5]]
TARGETS = [[BEGIN, 7, END], [BEGIN, 4, 5, 6, END], [BEGIN]]


@pytest.fixture(params=[torch.float32, torch.float64])
def model(request) -> Seq2Seq:
    torch.manual_seed(0)
    sizes = Seq2SeqSizes(source_vocabulary=10, target_vocabulary=8, embedding=6, memory=4)
    decoder = AttendingStack(GRU, 6, 6, DotAttention(6, 4, "general"))
    return Seq2Seq(GRU(6, 4), decoder, sizes).to(request.param)


def batch(rows: list[list[int]], filled_with: int = 0) -> Seq:
    ids = torch.full((len(rows), 5), filled_with)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
    return Seq(ids, [len(tokens) for tokens in rows])


def row_by_row(model: Seq2Seq, smoothing: float) -> Tensor:
    total = torch.zeros((), dtype=model.bias.dtype)
    for source, target in zip(SOURCES, TARGETS, strict=True):
        ids = torch.tensor([target])
        scores, _ = model(ids[:, :-1], model.start(Seq(torch.tensor([source]))))
        right = ids[0, 1:]
        total = total + F.cross_entropy(scores[0], right, label_smoothing=smoothing, reduction="sum")  # fmt: skip
    return total


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_is_the_sum_of_every_rows(model: Seq2Seq, smoothing: float) -> None:
    weights = list(model.parameters())
    expected = row_by_row(model, smoothing)
    for padding in (0, 7):
        total, items = model.loss(batch(SOURCES, padding), batch(TARGETS, padding), smoothing)
        assert items == 6
        torch.testing.assert_close(total, expected)
        found, wanted = (torch.autograd.grad(y, weights, retain_graph=True) for y in (total, expected))  # fmt: skip
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_rows_without_a_token_to_score(model: Seq2Seq) -> None:
    total, items = model.loss(batch([[4], [5, 6]]), batch([[BEGIN], []]))
    assert (total.item(), items) == (0.0, 0)


def test_scores_of_steps_stay_those_of_the_weights(model: Seq2Seq) -> None:
    source, tokens = batch(SOURCES), torch.tensor([BEGIN, 4, 5])
    with torch.no_grad():
        for _ in range(2):
            state = model.start(source)
            for _ in range(3):
                scores, state = model.step(tokens, state)
            expected, _ = model(tokens[:, None].expand(3, 3), model.start(source))
            torch.testing.assert_close(scores, expected[:, -1])
            model.target.weight.mul_(1.5)


def test_tensors_do_as_well_as_sequences(model: Seq2Seq) -> None:
    model.eval()
    source, target = torch.tensor([[4, 5], [6, 7]]), torch.tensor([[BEGIN, 7, END]] * 2)
    plain, items = model.loss(source, target)
    as_rows, _ = model.loss(Seq(source), Seq(target))
    assert items == 4
    torch.testing.assert_close(plain, as_rows)
