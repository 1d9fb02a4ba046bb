"""Attributions of a question whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from unrolled.inside.attribution import attribution
from unrolled.inside.wanted import Superseded, Wanted
from unrolled.tasks.trace import Question


def question(score: object, steps: int = 4) -> Question:
    torch.manual_seed(0)
    inputs = torch.randn(1, steps, 3)

    def without(place: int) -> tuple[Tensor]:
        blanked = inputs.clone()
        blanked[:, place] = 0
        return (blanked,)

    return Question(
        "yes",
        "log-odds",
        0,
        tuple(map(str, range(steps))),
        (inputs,),
        (torch.zeros_like(inputs),),
        score,  # type: ignore[arg-type]
        lambda given: given[0].sum(-1)[0],
        without,
    )


def test_of_a_linear_score_both_methods_give_each_steps_own_part() -> None:
    asked = question(lambda x: x.sum((1, 2)))
    found = attribution(asked)
    own = asked.inputs[0].sum(-1)[0].numpy()
    np.testing.assert_allclose(found.gradients, own, atol=1e-5)
    np.testing.assert_allclose(found.occlusion, own, atol=1e-5)
    assert found.error < 1e-4 and found.points == 16


def test_more_points_are_taken_until_the_attributions_are_complete() -> None:
    whole = question(lambda x: x.sum((1, 2))).inputs[0].sum()
    found = attribution(question(lambda x: torch.tanh(40 * x.sum((1, 2)) / whole - 20)))
    assert found.points > 16
    assert abs(found.gradients.sum() - (found.score - found.blank)) <= 0.01 * abs(
        found.score - found.blank
    )


def test_a_long_input_is_read_in_parts() -> None:
    rows: list[int] = []

    def score(x: Tensor) -> Tensor:
        rows.append(len(x))
        return x.sum((1, 2))

    found = attribution(question(score, steps=1500))
    assert len(found.occlusion) == 1500 and max(rows) < 20


def test_an_answer_that_is_not_wanted_any_more_is_not_worked_out() -> None:
    wanted, asked = Wanted(), []

    def score(x: Tensor) -> Tensor:
        asked.append(len(x))
        if len(asked) == 3:
            wanted.drop()
        return x.sum((1, 2))

    with pytest.raises(Superseded):
        attribution(question(score), wanted)
    assert len(asked) == 3
