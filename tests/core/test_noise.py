"""Noise: a function of (seed, position, unit) whose statistics are those of independent coins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from tests.laws.user_cells import CountingRNN, LeakySum
from unrolled import GRU, LSTM, RNN, Dropout, Seq, WeightDrop, Zoneout, explain, renew
from unrolled.core.noise import draw_seeds, keep_mask, uniform

ROWS, STEPS, UNITS = 40, 60, 64
UNLIKELY = 1e-5  # the seeds are fixed: a failure is no bad luck but a change of the numbers


@pytest.fixture(params=["random seeds", "counted seeds"])
def seeds(request) -> torch.Tensor:
    torch.manual_seed(0)
    return draw_seeds(ROWS) if request.param == "random seeds" else torch.arange(ROWS)


def masks(seeds: torch.Tensor, p: float) -> np.ndarray:
    steps = torch.arange(STEPS).expand(len(seeds), -1)
    return keep_mask(seeds, steps, UNITS, p).numpy()


@pytest.mark.parametrize("p", [0.001, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_units_are_dropped_with_probability_p(seeds, p) -> None:
    keep = masks(seeds, p)
    dropped = int((~keep).sum())
    assert stats.binomtest(dropped, keep.size, p).pvalue > UNLIKELY


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["rows", "steps", "units"])
def test_no_row_step_or_unit_is_favoured(seeds, axis) -> None:
    keep = masks(seeds, 0.3)
    kept = np.moveaxis(keep, axis, 0).reshape(keep.shape[axis], -1).sum(1)
    trials = keep.size // keep.shape[axis]
    counts = np.stack([kept, trials - kept])
    assert stats.chi2_contingency(counts).pvalue > UNLIKELY


@pytest.mark.parametrize("distance", [1, 2, 7])
@pytest.mark.parametrize("axis", [0, 1, 2], ids=["rows", "steps", "units"])
def test_neighbours_are_independent(seeds, axis, distance) -> None:
    keep = np.moveaxis(masks(seeds, 0.4), axis, 0)
    one, other = keep[:-distance].ravel(), keep[distance:].ravel()
    table = [[np.sum((one == a) & (other == b)) for b in (0, 1)] for a in (0, 1)]
    assert stats.chi2_contingency(table).pvalue > UNLIKELY


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["rows", "steps", "units"])
def test_patterns_of_eight_are_equally_frequent(seeds, axis) -> None:
    coins = np.moveaxis(masks(seeds, 0.5), axis, 2)
    groups = coins[..., : coins.shape[2] // 8 * 8].reshape(-1, 8)
    codes = groups @ (1 << np.arange(8))
    assert stats.chisquare(np.bincount(codes, minlength=256)).pvalue > UNLIKELY


def test_rows_and_steps_do_not_repeat_each_other() -> None:
    keep = masks(torch.arange(ROWS), 0.5).reshape(-1, UNITS)
    assert len({row.tobytes() for row in keep}) == len(keep)


def test_a_mask_depends_on_seed_position_and_unit_alone() -> None:
    seeds = torch.tensor([5, 2**40 + 5, 7])
    positions = torch.tensor([[0, 1, 2], [9, 8, 7], [3, 3, 2**33]])
    whole = keep_mask(seeds, positions, 16, 0.5)
    for row in range(3):
        for step in range(3):
            alone = keep_mask(seeds[row : row + 1], positions[row : row + 1, step], 16, 0.5)
            assert torch.equal(alone[0], whole[row, step])
    assert torch.equal(keep_mask(seeds, positions, 9, 0.5), whole[..., :9])
    assert torch.equal(whole[2, 0], whole[2, 1])
    assert not torch.equal(whole[0, 0], keep_mask(seeds[1:2], positions[:1, 0], 16, 0.5)[0])


def test_uniform_numbers_are_independent_along_seeds_and_places() -> None:
    seeds, rows, steps = torch.meshgrid(*map(torch.arange, (4, 30, 50)), indexing="ij")
    numbers = uniform(seeds.flatten(), rows.flatten(), steps.flatten()).view(4, 30, 50).numpy()
    assert numbers.min() > 0 and numbers.max() < 1
    assert len(np.unique(numbers)) == numbers.size
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > UNLIKELY
    for axis in range(3):
        along = np.moveaxis(numbers, axis, 0)
        assert stats.pearsonr(along[:-1].ravel(), along[1:].ravel()).pvalue > UNLIKELY
    one = uniform(torch.tensor([3]), torch.tensor([29]), torch.tensor([49]))
    assert float(one) == numbers[3, 29, 49]


def test_more_is_dropped_as_p_grows_and_never_less() -> None:
    levels = [keep_mask(torch.arange(50), torch.zeros(50).long(), 64, p) for p in (0, 0.2, 0.6)]
    assert levels[0].all()
    assert (levels[1] >= levels[2]).all()


def test_probabilities_at_the_ends() -> None:
    seeds = torch.arange(200)
    assert keep_mask(seeds, seeds, 100, 0.0).all()
    assert keep_mask(seeds, seeds, 100, 1e-12).all()
    for almost_one in (1 - 1e-12, 1 - 2**-53):
        assert not keep_mask(seeds, seeds, 100, almost_one).any()


def test_drawn_seeds_follow_torchs_generator() -> None:
    torch.manual_seed(3)
    one = Dropout(0.5).initial_state(4)
    torch.manual_seed(3)
    assert torch.equal(one.seed, Dropout(0.5).initial_state(4).seed)
    assert len(draw_seeds(1000).unique()) == 1000


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_keeps_the_mean_and_scales_what_stays(locked) -> None:
    torch.manual_seed(0)
    layer, x = Dropout(0.3, locked=locked), torch.full((2000, 3, 20), 2.0)
    ys, _ = layer(x)
    assert set(ys.unique().tolist()) == {0.0, float(torch.tensor(2.0) * (1 / torch.tensor(0.7)))}
    # With `locked` the three steps are one draw.
    spread = 2.0 * (0.3 / 0.7 / (ys.numel() / (3 if locked else 1))) ** 0.5
    assert abs(float(ys.mean()) - 2.0) < 4 * spread


def test_dropout_differs_where_it_should() -> None:
    torch.manual_seed(0)
    x = torch.ones(2, 3, 64)
    layer = Dropout(0.5)
    ys, state = layer(x)
    planes = [ys[row, step] for row in range(2) for step in range(3)]
    assert len({plane.numpy().tobytes() for plane in planes}) == 6
    assert not torch.equal(layer(x)[0], ys), "another pass, other seeds"
    assert not torch.equal(layer(x, state)[0], ys), "the position goes on"
    begin = state._replace(position=torch.zeros_like(state.position))
    assert torch.equal(layer(x, begin)[0], ys)
    assert not torch.equal(layer(x, renew(begin))[0], ys)
    # Two layers of one network do not drop the same units.
    assert not torch.equal(Dropout(0.5)(x)[0], Dropout(0.5)(x)[0])


def test_locked_dropout_is_one_mask_for_all_steps_of_a_row() -> None:
    torch.manual_seed(0)
    layer, x = Dropout(0.5, locked=True), torch.ones(2, 5, 64)
    ys, state = layer(x)
    assert (ys == ys[:, :1]).all()
    assert not torch.equal(ys[0], ys[1])
    assert torch.equal(layer(x, state)[0], ys), "chunks share the mask"
    assert not torch.equal(layer(x, renew(state))[0], ys)


def test_dropout_of_features_of_any_shape() -> None:
    torch.manual_seed(0)
    ys, _ = Dropout(0.5)(torch.ones(2, 3, 4, 5))
    assert ys.shape == (2, 3, 4, 5)
    assert 0 < (ys == 0).float().mean() < 1


@pytest.mark.parametrize("layer", [Dropout(0.5), Dropout(0.5, locked=True), Dropout(0.0)])
def test_evaluation_drops_nothing(layer) -> None:
    x = torch.randn(2, 3, 4)
    assert layer.eval()(x)[0] is x


def test_positions_count_the_steps_of_every_row() -> None:
    layer = Dropout(0.5)
    _, state = layer(Seq(torch.ones(3, 4, 2), [4, 0, 2]))
    assert state.position.tolist() == [4, 0, 2]
    _, state = layer.step(torch.ones(3, 2), state)
    assert state.position.tolist() == [5, 1, 3]


def one_step(layer, rows: int):
    """Take a step with many equal rows from one state; return the state before and after."""
    draw = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    begun = layer.initial_state(rows)
    fields = (torch.randn(1, 4, generator=draw).expand(rows, 4) for _ in begun.cell)
    begun = begun._replace(cell=type(begun.cell)(*fields))
    _, after = layer.step(torch.randn(1, 3, generator=draw).expand(rows, 3), begun)
    return begun.cell, after.cell


def test_zoneout_keeps_units_with_probability_p() -> None:
    before, after = one_step(Zoneout(LSTM(3, 4), 0.3), rows=5000)
    kept = [(new == old) for new, old in zip(after, before, strict=True)]
    for field in kept:
        assert stats.binomtest(int(field.sum()), field.numel(), 0.3).pvalue > UNLIKELY
    one, other = (field.flatten().numpy() for field in kept)
    table = [[np.sum((one == a) & (other == b)) for b in (0, 1)] for a in (0, 1)]
    assert stats.chi2_contingency(table).pvalue > UNLIKELY, "h and c have masks of their own"


def test_zoneouts_evaluation_is_the_mean_of_its_training() -> None:
    layer = Zoneout(LSTM(3, 4), 0.3)
    _, noisy = one_step(layer, rows=5000)
    _, mean = one_step(layer.eval(), rows=1)
    for sample, expected in zip(noisy, mean, strict=True):
        spread = sample.std(0) / 5000**0.5
        assert ((sample.mean(0) - expected[0]).abs() < 5 * spread + 1e-6).all()


def test_zoneout_draws_anew_at_every_step_and_row() -> None:
    torch.manual_seed(0)
    layer = Zoneout(LeakySum(40), 0.5)
    xs = torch.ones(2, 4, 40)
    ys, state = layer(xs)
    # h grows at every step, so where it stays it was kept.
    kept = torch.diff(ys, dim=1, prepend=torch.zeros(2, 1, 40)) == 0
    planes = [kept[row, step] for row in range(2) for step in range(4)]
    assert len({plane.numpy().tobytes() for plane in planes}) == 8
    assert state.noise.position.tolist() == [4, 4]
    assert not torch.equal(layer(xs)[0], ys), "another pass, other seeds"
    again = layer.initial_state(2)._replace(
        noise=state.noise._replace(position=torch.zeros_like(state.noise.position))
    )
    assert torch.equal(layer(xs, again)[0], ys)


def test_zoneout_of_nothing_is_the_cell() -> None:
    cell, xs = GRU(3, 4), torch.randn(2, 5, 3)
    for training in (False, True):
        ys, state = Zoneout(cell, 0.0).train(training)(xs)
        torch.testing.assert_close(ys, cell(xs)[0])
        torch.testing.assert_close(ys[:, -1], state.cell.h)


def test_zoneout_leaves_whole_numbers_alone() -> None:
    layer = Zoneout(CountingRNN(3, 4), 0.9)
    for training in (False, True):
        _, state = layer.train(training)(torch.randn(5, 6, 3))
        assert state.cell.steps.tolist() == [6] * 5


def dropped_weights(layer: WeightDrop, state) -> torch.Tensor:
    """Read the recurrent weights of a linear RNN off its outputs: h = W h0 for unit vectors h0."""
    size = layer.cell.hidden_size
    inner = layer.cell.state_type(torch.eye(size))
    return layer.step(torch.zeros(size, 3), state._replace(cell=inner))[0].T.detach()


@pytest.fixture
def linear() -> WeightDrop:
    cell = RNN(3, 30, "relu", bias=False)
    with torch.no_grad():
        cell.weight_hh.abs_()  # positive, so that relu is the identity
    return WeightDrop(cell, 0.4)


def test_weight_drop_zeroes_entries_with_probability_p_and_keeps_their_mean(linear) -> None:
    torch.manual_seed(0)
    weight = linear.cell.weight_hh.detach()
    draws = torch.stack([dropped_weights(linear, linear.initial_state(30)) for _ in range(40)])
    kept = draws != 0
    assert stats.binomtest(int((~kept).sum()), kept.numel(), 0.4).pvalue > UNLIKELY
    torch.testing.assert_close(draws[kept], (weight / 0.6).expand_as(draws)[kept])
    assert not torch.equal(kept[0], kept[1])


def test_weight_drop_is_one_draw_for_all_steps_rows_and_chunks(linear) -> None:
    state = linear.initial_state(30)
    assert len(state.noise.seed.unique()) == 1
    first = dropped_weights(linear, state)
    _, later = linear(torch.randn(30, 5, 3), state)
    assert torch.equal(dropped_weights(linear, later), first)
    assert not torch.equal(dropped_weights(linear, renew(later)), first)


def test_weight_drop_leaves_the_weights_and_evaluation_alone(linear) -> None:
    before = linear.cell.weight_hh.detach().clone()
    parameter = linear.cell.weight_hh
    xs = torch.randn(2, 4, 3)
    linear(xs)[0].sum().backward()
    assert linear.cell.weight_hh is parameter
    assert torch.equal(parameter, before)
    assert (parameter.grad == 0).any(), "an entry that was dropped has no gradient"
    linear.eval()
    assert torch.equal(linear(xs)[0], linear.cell(xs)[0])


def test_weight_drop_leaves_the_weights_alone_after_an_error(linear) -> None:
    parameter = linear.cell.weight_hh
    with pytest.raises(ValueError, match="was given"):
        linear(torch.randn(2, 4, 7))
    assert linear.cell.weight_hh is parameter


def test_kernels_still_run_under_weight_drop() -> None:
    assert explain(WeightDrop(LSTM(3, 4), 0.4), torch.zeros(1, 2, 3))[0].kernel != "plain loop"


def test_weight_drop_reaches_the_cell_inside_zoneout() -> None:
    layer = WeightDrop(Zoneout(LSTM(3, 4), 0.0), 0.5)
    xs, state = torch.randn(2, 5, 3), layer.initial_state(2)
    bare = WeightDrop(layer.cell.cell, 0.5)
    expected = bare(xs, bare.initial_state(2)._replace(noise=state.noise))[0]
    torch.testing.assert_close(layer(xs, state)[0], expected)


def test_numbers_are_the_same_for_few_rows_and_many() -> None:
    seeds, places, others = torch.randint(2**62, (3, 100))
    many = uniform(seeds, places, others)
    few = [uniform(*rows) for rows in zip(seeds.split(7), places.split(7), others.split(7), strict=True)]  # fmt: skip
    assert torch.equal(torch.cat(few), many)
    assert len(set(many.tolist())) == 100


@pytest.mark.parametrize("training", [True, False])
def test_noise_that_is_drawn_once_counts_no_steps(training: bool) -> None:
    layer = Dropout(0.5, locked=True).train(training)
    before = layer.initial_state(3)
    _, state = layer(Seq(torch.ones(3, 4, 2), [4, 0, 2]), before)
    _, state = layer.step(torch.ones(3, 2), state)
    assert torch.equal(state.position, before.position)


def test_a_step_of_dropped_weights_is_the_cells_own_in_evaluation() -> None:
    cell = GRU(3, 4)
    layer, x = WeightDrop(cell, 0.5).eval(), torch.randn(2, 3)
    state = layer.initial_state(2)
    y, after = layer.step(x, state)
    right, inner = cell.step(x, state.cell)
    assert torch.equal(y, right)
    assert torch.equal(after.cell.h, inner.h)
    assert not torch.equal(layer.train().step(x, state)[0], y)
