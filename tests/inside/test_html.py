"""The page holds what it shows, and never reads a text as markup."""

from __future__ import annotations

import json
import re

import pytest
import torch

import unrolled as ur
from unrolled.errors import InputError
from unrolled.inside.arrays import unpacked
from unrolled.inside.document import note_json
from unrolled.inside.layers import trace_layer
from unrolled.inside.page import data_block, page
from unrolled.inside.page_words import DICTIONARY
from unrolled.tasks.trace import Note


def test_a_text_full_of_markup_stays_data() -> None:
    text = "</script><script>alert(1)</script><!-- @@script@@ @@data@@"
    made = page([{"input": {"text": text}}], title=f"{text}", language="zh")
    assert made.count("<script>") == 1 and "alert(1)</script>" not in made
    assert "<!--" not in made.replace("<!doctype", "")
    block = re.search(r'id="pane0">(.*?)</script>', made)
    assert block is not None and json.loads(block[1])["input"]["text"] == text
    assert '<html lang="zh-CN">' in made


def test_half_a_surrogate_pair_can_be_written() -> None:
    assert data_block("x", "\ud800").encode("utf-8")


def test_numbers_of_the_file_are_those_of_watch() -> None:
    torch.manual_seed(0)
    layer = ur.deep(ur.LSTM, 3, 4, layers=2, bidirectional=True)
    xs = torch.randn(1, 6, 3)
    whole = ur.look(layer, xs).panes[0].whole()
    with torch.no_grad(), ur.watch(layer) as seen:
        layer(xs)
    cells = {cell["path"]: cell for cell in whole["sides"][0]["cells"]}
    assert list(cells) == list(seen)
    for path, run in seen.items():
        for kind, tree in (("states", run.states), ("gates", run.gates)):
            for field in cells[path][kind]:
                found = torch.from_numpy(unpacked(whole["arrays"][field["array"]]))
                torch.testing.assert_close(
                    found, getattr(tree, field["field"])[0].double(), rtol=0, atol=1e-6
                )
    assert [cell["name"] for cell in cells.values()] == ["h1 →", "h1 ←", "h2 →", "h2 ←"]


def test_a_saved_page_is_whole_or_not_there(tmp_path: object) -> None:
    seen = ur.look(ur.GRU(2, 3), torch.randn(1, 4, 2))
    target = seen.save(f"{tmp_path}/page.html")
    assert target.read_text("utf-8") == seen.html()
    with pytest.raises(InputError, match="cannot be written"):
        seen.save(f"{tmp_path}/nowhere/page.html")


def test_very_many_numbers_are_kept_in_a_byte_each_and_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("unrolled.inside.pane.MANY", 10)
    whole = ur.look(ur.GRU(2, 3), torch.randn(1, 4, 2)).panes[0].whole()
    assert {array["bytes"] for array in whole["arrays"]} == {1}
    assert any("254th" in note["text"] for note in whole["notes"])


@pytest.mark.parametrize(
    ("given", "says"),
    [(torch.zeros(2, 4, 2), "2 rows"), (torch.zeros(1, 0, 2), "0 steps")],
)
def test_a_layer_is_looked_into_on_one_row(given: torch.Tensor, says: str) -> None:
    with pytest.raises(InputError, match=says):
        ur.look(ur.GRU(2, 3), given)


def test_what_has_no_cells_is_refused() -> None:
    with pytest.raises(InputError, match="from_torch"):
        ur.look(torch.nn.LSTM(2, 3), torch.zeros(1, 4, 2))


def test_features_alone_are_one_row() -> None:
    assert len(trace_layer(ur.GRU(2, 3), torch.zeros(4, 2)).sides[0].steps[0]) == 4


def test_more_than_two_panes_are_refused() -> None:
    cell, xs = ur.GRU(2, 3), torch.zeros(1, 4, 2)
    assert (
        len(ur.look(cell, xs, xs).panes) == len(ur.look(cell, xs, beside=ur.RNN(2, 3)).panes) == 2
    )
    with pytest.raises(InputError, match="2 inputs and a second model"):
        ur.look(cell, xs, xs, beside=cell)


def test_numbers_that_are_none_are_left_out_of_the_page() -> None:
    xs = torch.randn(1, 4, 2)
    xs[0, 2, 1] = float("nan")
    shown = ur.look(ur.GRU(2, 3), xs).panes[0]
    assert json.loads(json.dumps(shown.whole(), allow_nan=False))["input"]["values"][2][1] is None
    assert shown.edited(shown.trace.input).trace.sides[0].steps == shown.trace.sides[0].steps


@pytest.mark.parametrize(
    ("given", "options", "why"),
    [
        ((ur.GRU(2, 3),), {}, "missing a required argument"),
        ((ur.GRU(2, 3), torch.randn(1, 4, 2)), {"series": "a"}, "unexpected keyword argument"),
        (("folder", "a text"), {}, "a str is no model"),
    ],
)
def test_what_cannot_be_shown_is_told(given: tuple, options: dict, why: str) -> None:
    with pytest.raises(InputError, match=why):
        ur.look(*given, **options)


def test_figures_of_one_step_start_at_the_initial_state_and_know_their_units() -> None:
    layer = ur.LSTM(2, 3)
    seen = ur.look(layer, torch.randn(1, 4, 2))
    content, arrays = seen.panes[0].document
    [image] = seen.figures.timeline().axes[0].images
    change = arrays[content["sides"][0]["cells"][0]["change"]]
    assert image.get_array()[0].tolist() == pytest.approx(change.tolist())
    for unit in (-1, 3):
        with pytest.raises(InputError, match=f"unit {unit}"):
            seen.figures.cell(0, unit=unit)


def test_notes_are_said_in_both_languages() -> None:
    note = Note("3 of 9 tokens are not known from training", "unknown", count="3", all="9")
    for words in DICTIONARY.values():
        assert "3" in words[f"note.{note.key}"].format(**note.gaps)
    assert note_json(note) == {
        "text": str(note),
        "key": "unknown",
        "gaps": {"count": "3", "all": "9"},
    }
    assert note_json("as it stands") == {"text": "as it stands", "key": None}
