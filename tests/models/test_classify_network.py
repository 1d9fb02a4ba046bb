"""The network that classifies: whole sequences are scored as one pass, in chunks too, and each row alone."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from unrolled import GRU, LSTM, Bidirectional, Layer, Seq
from unrolled.errors import OptionError
from unrolled.models.classifier import ClassifierSizes, ClassifyNetwork
from unrolled.models.pooling import POOLS, LastPool
from unrolled.models.word_dropout import WordDropout

TOKENS, CLASSES, UNKNOWN = 9, 3, 1
MIXES = [mix for n in (1, 2, 3, 4) for mix in itertools.combinations(POOLS, n)]


def ragged(seed: int = 0) -> Seq:
    ids = torch.randint(1, TOKENS, (5, 6), generator=torch.Generator().manual_seed(seed))
    return Seq(ids, [6, 3, 1, 0, 5])


def network(
    pooling: tuple[str, ...] = ("max", "mean"), layer: Layer | None = None, ngrams: int = 2
) -> ClassifyNetwork:
    torch.manual_seed(0)
    layer = layer or GRU(4, 6)
    sizes = ClassifierSizes(
        CLASSES, vocabulary=TOKENS, embedding=4, width=6, ngrams=ngrams, buckets=16
    )
    made = ClassifyNetwork(layer, sizes, pooling, dropout=0.4, word_dropout=0.4)
    for parameter in made.parameters():  # the linear part begins at 0
        torch.nn.init.normal_(parameter, std=0.5)
    if made.ngrams is not None:
        made.ngrams.weigh([ragged(1)])
    return made.eval()


def both_ways() -> Layer:
    return Bidirectional(GRU(4, 3), GRU(4, 3))


def last_steps(made: ClassifyNetwork, xs: Seq) -> Tensor:
    ys, _ = made(xs)
    return torch.stack([ys.data[row, n - 1] for row, n in enumerate(xs.row_lengths.tolist()) if n])


@pytest.mark.parametrize("mix", MIXES, ids="+".join)
def test_whole_sequences_are_scored_as_the_last_step_of_a_pass(mix: tuple[str, ...]) -> None:
    made, xs = network(mix), ragged()
    torch.testing.assert_close(made.classify(xs)[xs.row_lengths > 0], last_steps(made, xs))


@pytest.mark.parametrize("pool", POOLS)
def test_so_they_are_when_read_in_both_directions(pool: str) -> None:
    made, xs = network((pool,), both_ways()), ragged()
    torch.testing.assert_close(made.classify(xs)[xs.row_lengths > 0], last_steps(made, xs))


@pytest.mark.parametrize("mix", MIXES, ids="+".join)
def test_each_row_is_scored_as_it_is_alone(mix: tuple[str, ...]) -> None:
    xs = ragged()
    for made in (network(mix), network(mix, both_ways())):
        together = made.classify(xs)
        for row, length in enumerate(xs.row_lengths.tolist()):
            alone = made.classify(Seq(xs.first[row : row + 1, :length]))
            torch.testing.assert_close(together[row : row + 1], alone)


@pytest.mark.parametrize("pool", POOLS)
def test_a_row_of_no_length_pools_to_nothing(pool: str) -> None:
    made = network((pool,))
    nothing = made.answer.bias.expand(1, -1)
    torch.testing.assert_close(made.classify(ragged())[3:4], nothing)
    assert torch.equal(made.classify(Seq(torch.zeros(1, 0, dtype=torch.int64))), nothing)


def test_the_last_pool_of_both_directions_takes_both_ends() -> None:
    xs = Seq(torch.arange(24.0).reshape(2, 3, 4) + 1, [3, 2])
    pool = LastPool(4, both_ways=True)
    pooled = pool.value(pool.absorb(xs, pool.initial_state(2)))
    assert pooled.tolist() == [[9, 10, 3, 4], [17, 18, 15, 16]]
    # And the network makes it so by itself.
    first, last = torch.tensor([[2, 5, 5, 3]]), torch.tensor([[3, 5, 5, 2]])
    made = network(("last",), both_ways(), ngrams=0)
    hidden = made.body(first)[0]
    ends = torch.cat((hidden[:, -1, :3], hidden[:, 0, 3:]), -1)
    torch.testing.assert_close(made.classify(Seq(first)), made.answer(ends))
    assert not torch.allclose(made.classify(Seq(first)), made.classify(Seq(last)))


def test_pools_by_their_definition() -> None:
    made, xs = network(("last", "mean", "max", "attention"), ngrams=0), ragged()
    attention = made.pooled_by()[3]
    for row, length in enumerate(xs.row_lengths.tolist()):
        if length == 0:
            continue
        ids = xs.first[row : row + 1, :length]
        h = made.body(ids)[0][0]
        weights = attention.score(attention.project(h).tanh()).softmax(0)
        pooled = torch.cat((h[-1], h.mean(0), h.amax(0), (weights * h).sum(0)))
        torch.testing.assert_close(made.classify(Seq(ids))[0], made.answer(pooled))


@pytest.mark.parametrize("layer", [GRU(4, 6), LSTM(4, 6)], ids=["gru", "lstm"])
@pytest.mark.parametrize("cuts", [(1, 2, 3, 4, 5), (3,), (0, 0, 5)])
def test_chunks_give_what_one_pass_gives(layer: Layer, cuts: tuple[int, ...]) -> None:
    made = network(("last", "mean", "max", "attention"), layer, ngrams=3)
    ids = torch.randint(1, TOKENS, (2, 6), generator=torch.Generator().manual_seed(3))
    whole, end = made(ids)
    parts, state = [], None
    for chunk in torch.tensor_split(ids, cuts, dim=1):
        ys, state = made(chunk, state)
        parts.append(ys)
    torch.testing.assert_close(torch.cat(parts, 1), whole)
    assert torch.equal(state.ngrams.previous, end.ngrams.previous)


def test_numbers_are_read_in_units_of_the_training_part() -> None:
    sizes = ClassifierSizes(2, features=2, embedding=4, width=6)
    torch.manual_seed(0)
    made = ClassifyNetwork(GRU(4, 6), sizes).eval()
    xs = torch.randn(2, 5, 2)
    before = made.classify(Seq(xs))
    made.read.mean.copy_(torch.tensor([3.0, -100.0]))
    made.read.spread.copy_(torch.tensor([2.0, 50.0]))
    moved = xs * made.read.spread + made.read.mean
    torch.testing.assert_close(made.classify(Seq(moved)), before, atol=1e-5, rtol=1e-4)
    assert made.ngrams is None


def test_every_parameter_gets_a_gradient() -> None:
    made = network(("last", "mean", "max", "attention"), both_ways()).train()
    made.classify(ragged()).square().sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_a_pool_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'mean'"):
        network(("meen",))


def test_word_dropout_hides_as_many_tokens_as_it_says_and_none_when_answering() -> None:
    layer, ids = WordDropout(0.3, unknown=UNKNOWN), torch.full((50, 100), 7)
    hidden = layer(ids)[0]
    assert 0.27 < (hidden == UNKNOWN).float().mean() < 0.33
    assert set(hidden.unique().tolist()) == {UNKNOWN, 7}
    assert torch.equal(layer.eval()(ids)[0], ids)
