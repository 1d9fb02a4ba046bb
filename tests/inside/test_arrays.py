"""What is packed is read back to half a millionth."""

from __future__ import annotations

import json

import numpy as np
import pytest

from unrolled.inside.arrays import packed, unpacked


@pytest.mark.parametrize("shape", [(200, 64), (1, 1), (0, 5), (7,)])
def test_read_back(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    made = json.loads(json.dumps(packed(values)))
    found = unpacked(made)
    assert found.shape == shape
    assert np.abs(found - values).max(initial=0) <= 0.5e-6 + 1e-12


def test_what_is_not_finite_is_missing() -> None:
    found = unpacked(packed([1.0, np.nan, np.inf, -2.0]))
    assert np.isnan(found[1:3]).all() and found[[0, 3]].tolist() == [1.0, -2.0]
    assert np.isnan(unpacked(packed([np.nan]))).all()


def test_far_apart_values_have_a_wider_step() -> None:
    values = np.array([-1e6, 0.1, 1e6])
    made = packed(values)
    assert np.abs(unpacked(made) - values).max() <= made["step"] / 2 * 1.001 < 0.1


def test_one_byte_keeps_a_254th_of_the_range() -> None:
    values = np.linspace(-1, 1, 1000)
    made = packed(values, 1)
    assert np.abs(unpacked(made) - values).max() <= 1 / 254 * 1.001
    assert len(made["data"]) < len(packed(values)["data"])


def test_numbers_of_gates_need_little_room() -> None:
    gates = 1 / (1 + np.exp(-np.random.default_rng(0).normal(size=(200, 128))))
    assert len(packed(gates)["data"]) < 3.6 * gates.size
