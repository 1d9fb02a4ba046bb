"""What units have to say about themselves."""

from __future__ import annotations

import numpy as np

from unrolled.inside import units


def test_activity_and_dead_units() -> None:
    steps = np.linspace(0, 1, 50)
    values = np.stack([0.1 * steps, np.zeros(50), steps, 0.001 * steps, 0.5 * steps], 1)
    assert units.by_activity(values).tolist() == [2, 4, 0, 3, 1]
    assert units.dead_units(values) == [1]
    assert units.dead_units(np.zeros((5, 3))) == [], "where nothing moves, no unit stands out"


def test_alike_units_stand_together() -> None:
    random = np.random.default_rng(0)
    a, b, c = random.normal(size=(3, 80))
    values = np.stack([a, b, c, a + 0.1 * c, b - 0.1 * a, np.zeros(80)], 1)
    order = units.by_likeness(values).tolist()
    assert sorted(order) == list(range(6))
    assert abs(order.index(0) - order.index(3)) == 1 and abs(order.index(1) - order.index(4)) == 1


def test_correlation_with_the_output_leaves_out_what_is_not_known() -> None:
    output = np.array([np.nan, 1.0, 2.0, 3.0])
    values = np.array([[9.0, 0, 5], [1, 3, 5], [2, 2, 5], [3, 1, 5]])
    np.testing.assert_allclose(units.with_output(values, output), [1, -1, 0], atol=1e-12)
    assert units.with_output(values, np.full(4, np.nan)).tolist() == [0, 0, 0]


def test_saturation() -> None:
    assert units.saturation(np.array([[0.05, 0.5], [0.95, 0.99]])) == (0.25, 0.5)
    assert units.saturation(np.array([[-0.95, 0.0]])) == (0.5, 0.0)
    assert units.saturation(np.array([[4.0]])) is None


def test_change_begins_with_the_first_state() -> None:
    values = np.array([[1.0, 1.0], [1.0, 3.0]])
    np.testing.assert_allclose(units.change(np.zeros(2), values), [1.0, np.sqrt(2.0)])
