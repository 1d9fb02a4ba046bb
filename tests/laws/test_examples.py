"""The list of examples is complete: every exported cell, every option, every kind of layer."""

from __future__ import annotations

import inspect

import pytest
import torch

import unrolled
from tests.laws.examples import CELL_OPTIONS, CELLS, EXAMPLES
from unrolled import Cell, Layer, LinearCell
from unrolled.core.unroll import plain_loop

SIZES = ("input_size", "hidden_size")


def test_every_exported_cell_is_an_example() -> None:
    assert sorted(CELL_OPTIONS) == sorted(unrolled.cells.__all__)


@pytest.mark.parametrize("name", CELL_OPTIONS)
def test_every_option_of_a_cell_is_an_example(name: str) -> None:
    assert set(inspect.signature(getattr(unrolled, name)).parameters) == {
        *SIZES,
        *CELL_OPTIONS[name],
    }


@pytest.mark.parametrize("name", CELL_OPTIONS)
def test_a_cell_begins_with_its_sizes(name: str) -> None:
    assert tuple(inspect.signature(getattr(unrolled, name)).parameters)[:2] == SIZES


def test_every_layer_is_in_an_example() -> None:
    exported = {getattr(unrolled, name) for name in unrolled.__all__}
    layers = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, Layer)}
    used = {type(part) for example in EXAMPLES for part in example.make(3, 4).modules()}
    assert layers - used == {Layer, Cell, LinearCell}


@pytest.mark.parametrize("example", CELLS, ids=str)
def test_every_option_counts(example) -> None:
    # An option that changes nothing would leave the laws blind to it.
    others = [other for other in CELLS if other.name.split("(")[0] == example.name.split("(")[0]]
    torch.manual_seed(0)
    xs, weights = torch.randn(2, 4, 3), torch.randn(2000)
    results = []
    for other in others:
        cell = other.make(3, 5)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.copy_(weights[: parameter.numel()].view_as(parameter))
            ys, _ = plain_loop(cell, unrolled.Seq(xs), cell.initial_state(2))
        results.append(ys.data)
    mine = results[others.index(example)]
    assert sum(torch.allclose(mine, result, atol=1e-4) for result in results) == 1
