"""Real models in a real browser: the numbers on the page are those of `watch`, and edits are followed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.inside.models import Shown, shown
from tests.inside.test_page import PARTS, part, values
from unrolled.inside.recorded import gates_of, states_of

TASKS = (
    "classify",
    "numbers",
    "tag",
    "forecast",
    "translate",
    "transformer",
    "generate",
    "own cell",
)


@contextmanager
def served(case: Shown, open_page: Any) -> Iterator[Any]:
    server = case.look().serve()
    try:
        yield server
    finally:
        open_page.leave()
        server.close()


def choose(page: Any, **place: int) -> None:
    page.evaluate("place => panes[0].choose(place)", place)
    page.wait_for_function(
        """place => {
          const card = document.querySelector("article[data-part=cell]");
          return Object.entries(place).every(([key, value]) => key === "cell" || +card.dataset[key] === value);
        }""",
        arg=place,
    )
    page.wait_for_timeout(150)


@pytest.mark.parametrize("name", TASKS)
def test_every_part_shows_what_happened(open_page: Any, name: str) -> None:
    case = shown(name)
    with served(case, open_page) as server:
        page = open_page(address=server.url)
        for each in PARTS:
            page.wait_for_function(
                "part => document.querySelector(part).innerText.trim()", arg=part(each)
            )
        page.wait_for_selector(f"{part('reach')} svg")
        page.wait_for_selector(f"{part('attribution')} .completeness")
        error = float(
            page.locator(f"{part('attribution')} .completeness").get_attribute("data-value")
        )
        assert error <= 0.01
        page.wait_for_selector(f"{part('nearest')} li[data-row]")
        trace = server._rooms[0].pane("1").trace
        for at, side in enumerate(trace.sides):
            cells = [run for run in side.runs.values() if states_of(run)]
            if not cells:
                continue  # the blocks of a Transformer's encoder
            step = len(side.steps[0]) // 2
            choose(page, side=at, cell=0, step=step, unit=3)
            fields = {
                **{(name, "after"): leaf for name, leaf in states_of(cells[0]).items()},
                **{(name, "gate"): leaf for name, leaf in gates_of(cells[0]).items()},
            }
            for (field, kind), leaf in fields.items():
                found = values(
                    page, f"{part('cell')} [data-field='{field}'][data-kind={kind}] [data-value]"
                )
                if found:
                    assert found[0] == pytest.approx(float(leaf[0, step, 3]), abs=1e-6)
            details = page.locator(f"{part('cell')} details.numbers")
            details.evaluate("each => { each.open = true; }")
            row = details.locator("tr[data-unit='3'] td[data-value]")
            row.first.wait_for()
            numbers = [
                float(each)
                for each in row.evaluate_all("all => all.map(each => each.dataset.value)")
            ]
            for leaf in fields.values():
                assert any(abs(each - float(leaf[0, step, 3])) < 1e-6 for each in numbers)


@pytest.mark.parametrize("name", ["classify", "tag", "translate", "generate"])
def test_an_edited_text_is_read_anew(open_page: Any, name: str) -> None:
    case = shown(name)
    assert case.edited is not None
    wanted = list(case.model.trace(case.edited).sides[0].steps[0])
    with served(case, open_page) as server:
        page = open_page(address=server.url)
        page.locator(f"{part('tryit')} [data-field]").first.fill(case.edited)
        page.wait_for_function(
            "steps => panes[0].sides[0].steps.join('|') === steps.join('|')", arg=wanted
        )
        page.locator(f"{part('tryit')} [data-field]").first.fill("")
        page.wait_for_selector(f"{part('tryit')} [role=alert]:not(:empty)")
        assert open_page.complaints.pop().endswith("(Bad Request)"), "the browser's own word on it"


def test_of_one_word_no_reach_is_shown(open_page: Any) -> None:
    with served(shown("classify"), open_page) as server:
        page = open_page(address=server.url)
        page.wait_for_selector(f"{part('reach')} [data-verdict]")
        page.locator(f"{part('tryit')} textarea").fill("plot")
        page.wait_for_function(
            "where => document.querySelector(where).innerText.includes('Not measured')",
            arg=part("reach"),
        )
        assert not page.locator(f"{part('reach')} [data-verdict]").first.is_visible()


def test_the_attribution_is_that_of_the_chosen_step(open_page: Any) -> None:
    case = shown("tag")
    with served(case, open_page) as server:
        page = open_page(address=server.url)
        page.wait_for_selector(f"{part('attribution')} .completeness")
        trace = server._rooms[0].last.trace
        for step in (2, 4):
            choose(page, step=step)
            of = trace.outputs[0].tags[step]
            page.wait_for_function(
                "([part, of]) => document.querySelector(part).innerText.includes(of)",
                arg=[f"{part('attribution')} h3", f"{step + 1}: {of}"],
            )


def test_a_dragged_point_moves_the_forecast(open_page: Any) -> None:
    with served(shown("forecast"), open_page) as server:
        page = open_page(address=server.url)
        before = page.evaluate(
            "panes[0].document.outputs.find(each => each.kind === 'forecast').median"
        )
        page.locator(f"{part('tryit')} [role=slider]").first.focus()
        for _ in range(5):
            page.keyboard.press("ArrowUp")
        page.wait_for_function(
            "before => panes[0].document.outputs.find(each => each.kind === 'forecast').median[0] !== before[0]",
            arg=before,
        )


def test_probabilities_are_those_of_predict(open_page: Any) -> None:
    case = shown("classify")
    table = case.model.predict([case.given[0]])
    with served(case, open_page) as server:
        page = open_page(address=server.url)
        last = len(case.given[0].split()) - 1
        choose(page, step=last)
        found = values(page, f"{part('outputs')} span.number[data-value]")
        expected = [table[f"p_{name}"][0] for name in case.model.fitted.classes]
        assert sorted(found[: len(expected)]) == pytest.approx(sorted(expected), abs=1e-6)
        assert table["label"][0] in page.locator(f"{part('tryit')} .answer").inner_text()
        assert values(page, f"{part('tryit')} .answer [data-value]") == pytest.approx(
            [max(expected)], abs=1e-6
        )


def test_markup_in_a_text_is_shown_and_not_run(open_page: Any) -> None:
    case = shown("classify")
    text = "<script>document.title='gone'</script> <img src=x onerror=alert(1)> film"
    with served(Shown(case.model, (text,), None, [text]), open_page) as server:
        page = open_page(address=server.url)
        assert page.title() == "small · unrolled"
        assert text in page.locator(f"{part('tryit')} textarea").input_value()
        assert page.locator("main script, main img").count() == 0


def test_two_models_side_by_side(open_page: Any) -> None:
    one, other = shown("classify"), shown("own cell")
    from unrolled.inside.look import look

    server = look(one.model, one.given[0], beside=other.model).serve()
    try:
        page = open_page(address=server.url)
        assert page.locator("article[data-part=cell]").count() == 2
        cells = page.locator("article[data-part=cell]").all_inner_texts()
        assert "LSTM" in cells[0] and "Leaky" in cells[1]
    finally:
        open_page.leave()
        server.close()


def test_a_users_own_cell_shows_its_gates_and_equation(open_page: Any) -> None:
    with served(shown("own cell"), open_page) as server:
        page = open_page(address=server.url)
        choose(page, step=2, unit=1)
        card = page.locator(part("cell"))
        text = card.inner_text()
        assert "how much stays" in text and "keep" in text
        line = values(page, f"{part('cell')} .elementwise:has([data-kind=before]) [data-value]")
        after, keep, before, again, new = line
        assert keep == again
        assert after == pytest.approx(keep * before + (1 - keep) * new, abs=1e-5)
