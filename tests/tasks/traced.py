"""What holds for the traces of every task."""

from __future__ import annotations

import json
from typing import Any

import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from unrolled.tasks.trace import Question, Side, Trace


def check_side(side: Side) -> None:
    """Its cells took its steps, one row for each of its rows, and there is one name for each."""
    assert side.runs
    assert side.names.keys() == side.runs.keys()
    assert len(set(side.names.values())) == len(side.names)
    longest = max(map(len, side.steps))
    for run in side.runs.values():
        for state in run.step_states:
            assert len(run.step_states) == longest
            assert run.initial is not None
            assert all(len(leaf) == len(side.steps) for leaf in state if isinstance(leaf, Tensor))


def check_question(question: Question, points: int = 60) -> float:
    """Attributions by captum add up to what the input adds to the score, copies score alike; return the score."""
    whole, blank = (float(question.score(*read)) for read in (question.inputs, question.blanks))
    copies = tuple(torch.cat((read, none, read)) for read, none in zip(question.inputs, question.blanks, strict=True))  # fmt: skip
    torch.testing.assert_close(question.score(*copies), torch.tensor([whole, blank, whole]), rtol=1e-4, atol=1e-4)  # fmt: skip
    found = IntegratedGradients(question.score).attribute(
        question.inputs, question.blanks, n_steps=points
    )
    places = question.by_place(found)
    assert places.shape == (len(question.labels),)
    total = float(sum(each.sum() for each in found))
    assert abs(float(places.sum()) - total) < 1e-4 * max(1, abs(total))
    assert abs(total - (whole - blank)) <= 0.01 * max(abs(whole - blank), 0.1)
    return whole


def check_occlusion(question: Question) -> None:
    """Without one place that alone is blank; without all of them nothing is left."""
    inputs = question.inputs
    for place in range(len(question.labels)):
        blanked = question.without(place)
        assert any(not torch.equal(one, other) for one, other in zip(blanked, inputs, strict=True))
        changed = question.by_place(
            tuple((one != other).float() for one, other in zip(blanked, inputs, strict=True))
        )
        assert changed[place] > 0
    assert all(map(torch.equal, inputs, question.inputs))  # they were copied


def check_trace(model: Any, trace: Trace, *, reaches: bool = True) -> None:
    """It can be made again from its input, which is JSON, and leaves nothing on the network."""
    again = model.trace(**json.loads(json.dumps(dict(trace.input))))
    assert again.input == trace.input
    assert [side.steps for side in again.sides] == [side.steps for side in trace.sides]
    for side in trace.sides:
        assert len(side.steps) == 1
    reach = trace.reach()
    assert reach.keys() <= {path for side in trace.sides for path in side.runs}
    assert reach
    for found in reach.values():
        assert found[0] > 0 or not reaches


def check_untouched(network: nn.Module) -> None:
    assert not any(part._forward_hooks for part in network.modules())
    assert not any("step" in part.__dict__ for part in network.modules())
    assert not network.training
