"""Every picture as a figure, whose numbers are those that were watched."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch

import unrolled as ur
from tests.inside.models import shown
from unrolled.errors import InputError, OptionError
from unrolled.inside.figures import Figures


def drawn(figure: Any) -> Any:
    """Draw a figure, as a notebook does."""
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return figure


@pytest.fixture(scope="module")
def figures() -> Figures:
    torch.manual_seed(0)
    layer = ur.deep(ur.LSTM, 3, 6, layers=2, bidirectional=True)
    return ur.look(layer, torch.randn(1, 9, 3)).figures


def test_heat_map_in_the_order_that_was_asked(figures: Figures) -> None:
    run = figures._trace.sides[0].runs["layers.1.forward_layer"]
    for order in ("number", "activity", "similarity", "output"):
        shown_ = (
            drawn(figures.heat_map("h2 →", "forget", order=order)).axes[0].images[0].get_array()
        )
        forget = run.gates.forget[0].numpy().T
        assert sorted(map(tuple, np.asarray(shown_).tolist())) == sorted(
            map(tuple, forget.astype(float).tolist())
        )
        if order == "number":
            np.testing.assert_array_equal(shown_, forget.astype(float))


def test_timeline_cell_unit_and_reach(figures: Figures) -> None:
    assert [each.get_text() for each in drawn(figures.timeline()).axes[0].get_yticklabels()] == [
        "h2 ←",
        "h2 →",
        "h1 ←",
        "h1 →",
    ]
    labels = drawn(figures.cell(3, "h1 ←", unit=2)).axes[0].get_yticklabels()
    assert [each.get_text() for each in labels] == [
        "input",
        "forget",
        "candidate",
        "output",
        "h",
        "c",
    ]
    line = drawn(figures.unit(4, "h1 →")).axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(
        line, figures._trace.sides[0].runs["layers.0.forward_layer"].states.h[0, :, 4].numpy()
    )
    assert len(drawn(figures.reach()).axes[0].lines) == 7


@pytest.mark.parametrize("name", ["classify", "tag", "forecast", "translate", "generate"])
def test_outputs_and_attributions_of_every_task(name: str) -> None:
    figures = shown(name).look().figures
    assert drawn(figures.output()).axes
    for method in ("gradients", "occlusion"):
        bars = drawn(figures.attribution(method=method)).axes[0].patches
        assert len(bars) == len(next(iter(figures._trace.questions.values()))().labels)
    if name == "translate":
        assert drawn(figures.attention()).axes[0].get_title()
    else:
        with pytest.raises(InputError, match="no cell of this model attends"):
            figures.attention()


def test_what_is_not_there_is_named(figures: Figures) -> None:
    with pytest.raises(OptionError, match="h1 →"):
        figures.heat_map("h9")
    with pytest.raises(OptionError, match="forget"):
        figures.heat_map(field="forgot")
    with pytest.raises(OptionError, match="order"):
        figures.heat_map(order="size")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="step 9"):
        figures.cell(9)
    with pytest.raises(InputError, match="unit 6"):
        figures.unit(6)
    with pytest.raises(InputError, match="no output"):
        figures.output()
    with pytest.raises(InputError, match="nothing is known"):
        figures.attribution("yes")
    with pytest.raises(InputError, match="side 1"):
        figures.heat_map(side=1)


def test_labels_are_no_mathematics() -> None:
    model = shown("classify").model
    drawn(ur.look(model, "a $film$ of $5").figures.attribution())


def test_a_notebook_shows_the_page_in_a_frame(figures: Figures) -> None:
    made = ur.look(ur.GRU(2, 3), torch.randn(1, 4, 2))._repr_html_()
    assert made.startswith("<iframe srcdoc=") and "<script" not in made
