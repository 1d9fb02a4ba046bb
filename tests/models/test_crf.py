"""The conditional random field: equal to a sum over all taggings, written out."""

from __future__ import annotations

import gc
import itertools
import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from unrolled import Seq
from unrolled.errors import InputError, OptionError, ShapeError
from unrolled.models.chain import Scaled, in_logarithms
from unrolled.models.crf import Allowed, LinearChainCRF

LENGTHS = [4, 0, 1, 2, 4]


def drawn(tags: int, allowed: Allowed | None = None, seed: int = 0) -> LinearChainCRF:
    torch.manual_seed(seed)
    crf = LinearChainCRF(tags, allowed).double()
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


def scores_of(tags: int, lengths: list[int], seed: int = 1, scale: float = 1.0) -> Seq:
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths, default=0), tags)
    return Seq(scale * torch.randn(shape, generator=generator, dtype=torch.float64), lengths)


def bioes() -> Allowed:
    """O, B, I, E, S of one type, in this order."""
    follow = torch.zeros(5, 5, dtype=torch.bool)
    for before, after in [(0, 0), (0, 1), (0, 4), (1, 2), (1, 3), (2, 2), (2, 3), (3, 0), (3, 1),
                          (3, 4), (4, 0), (4, 1), (4, 4)]:  # fmt: skip
        follow[before, after] = True
    return Allowed(
        follow,
        first=torch.tensor([True, True, False, False, True]),
        last=torch.tensor([True, False, False, True, True]),
    )


MASKS = pytest.mark.parametrize("allowed", [None, bioes()], ids=["all", "bioes"])


def taggings(crf: LinearChainCRF, row: Tensor) -> dict[tuple[int, ...], Tensor]:
    """Return the score of every allowed tagging of a row (T, C), by the definition."""
    found = {}
    for tags in itertools.product(range(crf.tags), repeat=len(row)):
        if tags and crf.may_follow is not None:
            inside = all(crf.may_follow[a, b] for a, b in itertools.pairwise(tags))
            if not (inside and crf.may_begin[tags[0]] and crf.may_end[tags[-1]]):
                continue
        total = sum((row[t, tag] for t, tag in enumerate(tags)), row.new_zeros(()))
        for a, b in itertools.pairwise(tags):
            total = total + crf.transitions[a, b]
        if tags:
            total = total + crf.start[tags[0]] + crf.end[tags[-1]]
        found[tags] = total
    return found


def by_hand(crf: LinearChainCRF, row: Tensor) -> tuple[Tensor, Tensor]:
    """Return log Z and the marginals (T, C) of a row, summed over its taggings."""
    found = taggings(crf, row)
    log_z = torch.stack(list(found.values())).logsumexp(0)
    chances = torch.zeros_like(row)
    for tags, score in found.items():
        one_hot = F.one_hot(torch.tensor(tags, dtype=torch.int64), crf.tags).double()
        chances = chances + (score - log_z).exp() * one_hot.reshape(row.shape)
    return log_z, chances


@MASKS
@settings(max_examples=15)
@given(
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    scale=st.sampled_from([0.0, 1.0, 30.0]),
)
def test_everything_equals_the_sum_over_all_taggings(
    allowed: Allowed | None, lengths: list[int], seed: int, scale: float
) -> None:
    crf, xs = drawn(5, allowed, seed), scores_of(5, lengths, seed, scale)
    log_z, chances = crf.log_partition(xs), crf.marginals(xs)
    path, best = crf.viterbi(xs)
    for index, row in enumerate(xs.to_list()):
        expected, expected_chances = by_hand(crf, row)
        torch.testing.assert_close(log_z[index], expected, rtol=1e-12, atol=1e-10)
        found = chances.data[index, : len(row)]
        torch.testing.assert_close(found, expected_chances, rtol=0, atol=1e-10)
        scores = taggings(crf, row)
        tags = tuple(path.data[index, : len(row)].tolist())
        torch.testing.assert_close(best[index], max(scores.values()), rtol=1e-12, atol=1e-10)
        torch.testing.assert_close(scores[tags], best[index], rtol=1e-12, atol=1e-10)


@MASKS
def test_gradients(allowed: Allowed | None) -> None:
    crf, xs = drawn(5, allowed), scores_of(5, LENGTHS)
    right = Seq(
        torch.tensor([[1, 2, 2, 3], [0] * 4, [4, 0, 0, 0], [1, 3, 0, 0], [0, 4, 1, 3]]), LENGTHS
    )
    given = [xs.data.clone().requires_grad_(), *crf.parameters()]

    def with_these(run, data, *parameters):
        found = dict(zip(("start", "transitions", "end"), parameters, strict=True))
        return torch.func.functional_call(
            Calls(crf, run), {f"crf.{k}": v for k, v in found.items()}, (data,)
        )

    for run in (
        lambda crf, data: crf.nll(Seq(data, LENGTHS), right)[0],
        lambda crf, data: crf.log_partition(Seq(data, LENGTHS)),
        lambda crf, data: crf.marginals(Seq(data, LENGTHS)).data,
    ):
        assert torch.autograd.gradcheck(lambda *leaves, run=run: with_these(run, *leaves), given)


class Calls(torch.nn.Module):
    """A method of a CRF as the forward of a module, so that its parameters can be replaced."""

    def __init__(self, crf: LinearChainCRF, run) -> None:
        super().__init__()
        self.crf, self.run = crf, run

    def forward(self, data: Tensor) -> Tensor:
        return self.run(self.crf, data)


def test_a_row_alone_in_any_order_and_whatever_its_padding_held() -> None:
    crf, xs = drawn(3), scores_of(3, LENGTHS)
    right = Seq(torch.randint(3, (5, 4)), LENGTHS)
    given = xs.data.clone()
    given[~xs.mask()] = float("nan")
    given.requires_grad_()
    total, rows = crf.nll(Seq(given, LENGTHS), right)
    total.backward()
    alone = [
        crf.nll(row[None], tags[None])[0]
        for row, tags in zip(xs.to_list(), right.to_list(), strict=True)
    ]
    torch.testing.assert_close(total, torch.stack(alone).sum())
    assert rows == 4
    assert alone[1] == 0
    assert given.grad is not None
    assert not given.grad[~xs.mask()].any()
    back = [4, 2, 0, 1, 3]
    turned = Seq(xs.data[back], [LENGTHS[row] for row in back])
    torch.testing.assert_close(crf.log_partition(turned), crf.log_partition(xs)[back])
    assert torch.equal(crf.viterbi(turned)[0].data, crf.viterbi(xs)[0].data[back])


def test_without_scores_of_its_own_it_is_a_softmax_at_every_step() -> None:
    crf, xs = LinearChainCRF(4), scores_of(4, [5, 3])
    right = Seq(torch.randint(4, (2, 5)), [5, 3])
    expected = F.cross_entropy(xs.valid(), right.valid(), reduction="sum")
    torch.testing.assert_close(crf.nll(xs, right)[0], expected)
    torch.testing.assert_close(crf.marginals(xs).valid(), xs.valid().softmax(-1))


def test_of_equal_taggings_viterbi_takes_the_one_that_ends_in_the_smallest_tag() -> None:
    crf, flat = LinearChainCRF(3), torch.zeros(1, 3, 3)
    assert crf.viterbi(flat)[0].data.tolist() == [[0, 0, 0]]
    with torch.no_grad():
        crf.transitions[0, 0] = -1.0  # so before the last 0 comes a 1, and before that any
    assert crf.viterbi(flat)[0].data.tolist() == [[0, 1, 0]]


def test_what_is_not_allowed_has_no_part_in_anything() -> None:
    allowed = bioes()
    crf = LinearChainCRF(5, allowed)
    scores = torch.zeros(1, 6, 5)
    scores[..., 2] = 50.0  # all for "inside", which may neither begin nor end
    scores.requires_grad_()
    tags, best = crf.viterbi(scores)
    assert tags.data.tolist() == [[1, 2, 2, 2, 2, 3]]
    assert best.item() == 200.0
    chances = crf.marginals(scores).data
    assert not chances[0, 0, [2, 3]].any()
    assert not chances[0, -1, [1, 2]].any()
    crf.nll(scores, tags)[0].backward()
    for leaf in (scores, *crf.parameters()):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()
    assert crf.transitions.grad is not None
    assert not crf.transitions.grad[~allowed.transitions].any()


def test_a_length_that_no_tagging_is_allowed_for() -> None:
    # B E B E ...: an odd number of steps cannot end.
    follow = torch.tensor([[False, True], [True, False]])
    crf = LinearChainCRF(
        2, Allowed(follow, torch.tensor([True, False]), torch.tensor([False, True]))
    )
    xs = scores_of(2, [4, 3, 0])
    assert crf.log_partition(xs).isneginf().tolist() == [False, True, False]
    assert crf.viterbi(xs)[1].isneginf().tolist() == [False, True, False]
    assert crf.marginals(xs).data.isfinite().all()


def test_where_the_exponent_domain_would_underflow_logarithms_are_taken() -> None:
    # The second tag falls 800 nats behind, and wins in the end: no other way leads to it.
    apart = Allowed(
        torch.eye(2, dtype=torch.bool), torch.tensor([True, True]), torch.tensor([True, True])
    )
    crf = LinearChainCRF(2, apart).double()
    rise = torch.cat((torch.full((8,), -100.0), torch.full((9,), 100.0))).double()
    scores = torch.stack((torch.zeros(17), rise), -1)[None].double().requires_grad_()
    assert Scaled(scores, crf.chain(), torch.tensor([17])).underflow
    expected = torch.stack((torch.zeros(()).double(), rise.sum())).logsumexp(0)
    torch.testing.assert_close(crf.log_partition(scores)[0], expected)
    crf.log_partition(scores).sum().backward()
    assert scores.grad is not None
    torch.testing.assert_close(scores.grad[0, :, 1], torch.ones(17).double())
    assert not crf.transitions.grad[~apart.transitions].any()  # type: ignore[index]
    torch.testing.assert_close(crf.marginals(scores).data, scores.grad)


def test_a_tag_that_cannot_be_reached_may_score_anything() -> None:
    apart = Allowed(
        torch.eye(2, dtype=torch.bool), torch.tensor([True, False]), torch.tensor([True, True])
    )
    crf, scores = LinearChainCRF(2, apart), torch.zeros(1, 20, 2)
    scores[..., 1] = 100.0
    scores.requires_grad_()
    assert not Scaled(scores, crf.chain(), torch.tensor([20])).underflow
    assert crf.log_partition(scores).item() == 0
    crf.log_partition(scores).sum().backward()
    assert scores.grad is not None
    assert scores.grad[0].tolist() == [[1.0, 0.0]] * 20


def test_scores_of_minus_infinity_exclude_a_tag_at_a_step() -> None:
    crf, scores = drawn(3), scores_of(3, [4]).data.clone()
    kept = scores.detach().clone()
    scores[0, 1, 0] = -torch.inf
    scores.requires_grad_()
    crf.log_partition(scores).sum().backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert scores.grad[0, 1, 0] == 0
    kept[0, 1, 0] = -1e4
    torch.testing.assert_close(crf.log_partition(scores), crf.log_partition(kept))


@MASKS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_exponent_domain_equals_logarithms(allowed: Allowed | None, dtype: torch.dtype) -> None:
    crf = drawn(5, allowed).float()
    lengths = torch.tensor([60, 1, 37, 0])
    xs = Seq(
        20 * torch.randn(4, 60, 5, generator=torch.Generator().manual_seed(0)).to(dtype), lengths
    )
    sums = Scaled(xs.data, crf.chain(), lengths)
    assert not sums.underflow
    total, chances = in_logarithms(xs.data.float(), crf.chain(), lengths)
    torch.testing.assert_close(crf.log_partition(xs), total)
    found = crf.marginals(xs)
    assert found.data.dtype is torch.float32
    torch.testing.assert_close(found.data, xs.with_data(chances).data, rtol=1e-4, atol=1e-6)


def test_what_was_computed_is_freed_with_the_loss() -> None:
    crf, kept = LinearChainCRF(3), []
    gc.collect()
    gc.disable()
    try:
        loss = crf.log_partition(torch.randn(2, 4, 3)).sum()
        kept = [weakref.ref(part) for part in gc.get_objects() if type(part) is Scaled]
        del loss
        assert len(kept) == 1
        assert kept[0]() is None
    finally:
        gc.enable()


ONE, TWO = torch.zeros(1, 3, 5), torch.zeros(2, 3, 5)


@pytest.mark.parametrize(
    ("scores", "tags", "error", "message"),
    [
        (torch.zeros(1, 3, 4), [[0, 0, 0]], ShapeError, r"5 tags was given scores \(1, 3, 4\)"),
        (torch.zeros(3, 5), [[0, 0, 0]], ShapeError, r"expected \(batch, time, 5\)"),
        (ONE, [[0, 0]], ShapeError, r"tags \(1, 2\).*\(1, 3\)"),
        (ONE, [[0.0, 0.0, 0.0]], ShapeError, r"torch.int64"),
        (Seq(TWO, [3, 1]), [[0, 0, 0], [0, 0, 0]], ShapeError, "row 1 has 3 tags; expected 1"),
        (TWO, [[0, 0, 0], [0, 9, 0]], InputError, "row 1, step 1 is 9; expected one from 0 to 4"),
        (TWO, [[0, 0, 0], [0, -1, 0]], InputError, "row 1, step 1 is -1"),
        (TWO, [[0, 1, 3], [0, 0, 2]], InputError, "row 1 has tag 2 after 0 at step 2"),
        (TWO, [[0, 1, 3], [3, 0, 0]], InputError, "row 1 begins with tag 3"),
        (ONE, [[0, 0, 1]], InputError, "row 0 ends with tag 1"),
    ],
)
def test_what_does_not_fit_is_refused(scores, tags, error, message: str) -> None:
    with pytest.raises(error, match=message):
        LinearChainCRF(5, bioes()).nll(scores, torch.tensor(tags))


def test_the_score_of_what_is_not_allowed_is_minus_infinity() -> None:
    crf = LinearChainCRF(5, bioes())
    assert crf.score(TWO, torch.tensor([[0, 1, 3], [0, 1, 0]])).tolist() == [0.0, -torch.inf]


@pytest.mark.parametrize(
    ("tags", "allowed", "message"),
    [(0, None, "tags=0"), (4, bioes(), r"expected those of 4 tags")],
)
def test_options_that_do_not_fit(tags: int, allowed: Allowed | None, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        LinearChainCRF(tags, allowed)
