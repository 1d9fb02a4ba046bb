"""How far a model remembers, beside new cells of its size."""

from __future__ import annotations

import numpy as np
import torch

import unrolled as ur
from unrolled.inside.layers import trace_layer
from unrolled.inside.parts import reach_json
from unrolled.inside.remembering import relative, remembering


def test_a_small_recurrent_weight_vanishes_and_says_what_to_try() -> None:
    torch.manual_seed(0)
    cell = ur.RNN(2, 8)
    with torch.no_grad():
        cell.weight_hh.mul_(0.1)
    found = remembering(trace_layer(cell, torch.randn(1, 40, 2)))
    ((norms, judged),) = found.cells.values()
    assert judged.verdict == "vanishing" and norms[0] == 1
    assert list(found.beside) == ["RNN", "LSTM", "GRU"]
    assert all(len(each) == 40 and each[0] == 1 for each in found.beside.values())
    made = reach_json(found)
    assert "LSTM" in made["advice"]["en"][0] and "LSTM" in made["advice"]["zh"][0]
    assert made["cells"][0]["say"]["zh"].startswith("h1：梯度消失")


def test_backward_cells_are_measured_from_the_first_step() -> None:
    torch.manual_seed(0)
    layer = ur.Bidirectional(ur.GRU(2, 4), ur.GRU(2, 4))
    found = remembering(trace_layer(layer, torch.randn(1, 30, 2)))
    assert {judged.verdict for _, judged in found.cells.values()} <= {"healthy", "vanishing"}
    assert all(norms[0] == 1 for norms, _ in found.cells.values())


def test_new_cells_have_the_layers_and_units_of_the_model() -> None:
    """The new RNN's curve is that of a network built by hand."""
    layer = ur.deep(ur.GRU, 3, 5, layers=2)
    found = remembering(trace_layer(layer, torch.randn(1, 12, 3)))
    xs = torch.randn(4, 12, 3, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        own = ur.deep(ur.RNN, 3, 5, layers=2)
    norms = list(ur.gradient_reach(own, xs).values())[-1].double().numpy()
    np.testing.assert_allclose(found.beside["RNN"], norms / norms[0])


def test_relative_begins_where_something_is_known() -> None:
    assert relative(np.array([np.nan, 0.0, 2.0, 1.0])).tolist()[2:] == [1.0, 0.5]
    assert np.isnan(relative(np.zeros(3))).all()


def test_a_few_steps_have_no_verdict() -> None:
    torch.manual_seed(0)
    cell = ur.RNN(2, 8)
    with torch.no_grad():
        cell.weight_hh.mul_(0.01)
    found = remembering(trace_layer(cell, torch.randn(1, 6, 2)))
    assert [judged.verdict for _, judged in found.cells.values()] == ["unknown"]
    assert found.advice == ()
