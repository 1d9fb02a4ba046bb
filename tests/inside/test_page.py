"""The page in a real browser, on made-up documents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.inside import samples
from tests.inside.maker import Maker
from tests.inside.served import served

PARTS = (
    "tryit", "timeline", "cell", "heat", "unit", "outputs", "attribution", "reach", "nearest",
)  # fmt: skip


def overflow(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def values(page: Any, selector: str) -> list[float]:
    found = page.locator(selector).evaluate_all("all => all.map(each => each.dataset.value)")
    return [float(each) for each in found]


def value(page: Any, selector: str) -> float:
    return float(page.locator(selector).first.get_attribute("data-value"))


def part(name: str) -> str:
    return f"article[data-part={name}]"


def settle(page: Any) -> None:
    """Wait for two frames: what was changed has then been drawn."""
    page.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")


@pytest.mark.parametrize(
    "document", [samples.classifier, samples.translator, samples.tagger, samples.forecaster]
)
def test_every_part_is_drawn_in_both_languages_light_and_dark(
    open_page: Any, document: Any
) -> None:
    page = open_page(document())
    for name in PARTS:
        assert page.locator(part(name)).inner_text().strip(), name
    assert overflow(page) <= 0
    page.set_viewport_size({"width": 390, "height": 800})
    settle(page)
    assert overflow(page) <= 0
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="中文").click()
    page.get_by_role("button", name="深色").click()
    assert page.locator("h2").first.inner_text() == "动手试试"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    settle(page)
    assert overflow(page) <= 0
    page.reload()
    page.locator("h2").first.wait_for()
    assert page.locator("h2").first.inner_text() == "动手试试", "the language is remembered"


@pytest.mark.parametrize("cell", [0, 1], ids=["forward", "backward"])
def test_numbers_are_those_of_the_document(open_page: Any, cell: int) -> None:
    made = samples.classifier_maker()
    page = open_page(made.made)
    shown = made.made["sides"][0]["cells"][cell]
    page.evaluate("""([cell]) => { panes[0].choose({ cell, step: 4, unit: 7 }); }""", [cell])
    page.wait_for_selector(f"{part('cell')}[data-cell='{shown['path']}'][data-unit='7']")
    page.wait_for_selector(f"{part('cell')} .elementwise .of-gate [data-value]")
    arrays = {
        each["field"]: made.values[each["array"]] for each in shown["states"] + shown["gates"]
    }
    for field, values_ in arrays.items():
        kind = "after" if field in ("h", "c") else "gate"
        selector = f"{part('cell')} [data-field={field}][data-kind={kind}] [data-value]"
        assert value(page, selector) == pytest.approx(values_[4, 7], abs=1e-6)
    before = 5 if shown["backward"] else 3
    selector = f"{part('cell')} .elementwise [data-field=c][data-kind=before] [data-value]"
    assert value(page, selector) == pytest.approx(arrays["c"][before, 7], abs=1e-6)
    line = values(page, f"{part('cell')} .elementwise:has([data-kind=before]) [data-value]")
    after, forget, earlier, input_, candidate = line
    assert after == pytest.approx(forget * earlier + input_ * candidate, abs=1e-6)


def test_tables_hold_the_numbers_page_by_page(open_page: Any) -> None:
    made = samples.classifier_maker(units=60)
    page = open_page(made.made)
    table = page.locator(f"{part('cell')} details.numbers")
    assert table.locator("td").count() == 0, "built only when it is opened"
    table.locator("summary").click()
    table.locator("td").first.wait_for()
    assert table.locator("tbody tr").count() == 50
    table.get_by_role("button", name="later").first.click()
    assert table.locator("tbody tr").count() == 10
    step = int(page.locator(part("cell")).get_attribute("data-step"))
    forget = made.values[made.made["sides"][0]["cells"][0]["gates"][1]["array"]]
    shown = values(page, f"{part('cell')} td[data-field=forget]")
    np.testing.assert_allclose(shown, forget[step, 50:], atol=1e-6)


def test_keys_walk_through_steps_and_cells(open_page: Any) -> None:
    page = open_page(samples.classifier())
    timeline = page.get_by_role("slider", name="The unrolled timeline")
    timeline.focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    settle(page)
    card = page.locator(part("cell"))
    assert card.get_attribute("data-step") == "3"
    assert card.get_attribute("data-cell") == "body.1"
    assert timeline.get_attribute("aria-valuetext") == "step 4 of 31: slowly"
    page.keyboard.press("End")
    settle(page)
    box = page.locator(f"{part('timeline')} .column.here").bounding_box()
    scroller = page.locator(f"{part('timeline')} .scroller").bounding_box()
    assert scroller["x"] <= box["x"] <= scroller["x"] + scroller["width"] - box["width"]
    assert page.locator(f"{part('unit')} .token.here").inner_text() == "."


def test_a_click_chooses_and_a_tip_reads(open_page: Any) -> None:
    made = samples.classifier_maker()
    page = open_page(made.made)
    page.locator(f"{part('timeline')} [data-step='12'] .box[data-cell='2']").click()
    settle(page)
    card = page.locator(part("cell"))
    assert (card.get_attribute("data-step"), card.get_attribute("data-cell")) == ("12", "body.2")
    raster = page.locator(f"{part('heat')} .raster canvas")
    size = raster.bounding_box()
    at = {"x": size["width"] * 20.5 / 31, "y": size["height"] * 2.5 / 32}
    raster.hover(position=at)
    cell = made.made["sides"][0]["cells"][2]
    unit = cell["orders"]["activity"][2]
    value_ = made.values[cell["states"][0]["array"]][20, unit]
    tip = page.locator(".tip").inner_text().replace("−", "-")
    assert f"unit {unit}" in tip
    assert f"{value_:.4f}" in tip
    raster.click(position=at)
    settle(page)
    assert (card.get_attribute("data-step"), card.get_attribute("data-unit")) == ("20", str(unit))


def test_attention_goes_from_the_decoder_to_the_encoder(open_page: Any) -> None:
    page = open_page(samples.translator())
    page.evaluate("panes[0].choose({ side: 1, step: 5 })")
    settle(page)
    lines = page.locator(f"{part('timeline')} .attends path")
    shown = {
        int(each.get_attribute("data-step")): float(each.get_attribute("data-value"))
        for each in lines.all()
    }
    assert sum(shown.values()) == pytest.approx(1, abs=0.05)
    widths = [float(each.get_attribute("stroke-width")) for each in lines.all()]
    assert widths == sorted(widths, reverse=True)


def test_a_cell_may_have_less_than_others(open_page: Any) -> None:
    page = open_page(samples.bare())
    card = page.locator(part("cell"))
    assert "This cell has no gates." in card.inner_text()
    assert card.locator(".state").count() == 2
    page.evaluate("panes[0].choose({ cell: 1 })")
    page.wait_for_selector(f"{part('cell')} .gate[data-field=mixture]")
    assert values(page, f"{part('cell')} .gate[data-field=mixture] [data-value]")[0] == 2.5
    page.locator(f"{part('heat')} button[data-field=mixture]").click()
    settle(page)
    page.evaluate("panes[0].choose({ cell: 2 })")
    settle(page)
    assert card.locator(".state").count() == 0
    assert page.locator(f"{part('reach')} [data-verdict=unknown]").count() == 1


def test_two_panes_walk_together_until_they_are_unlinked(open_page: Any) -> None:
    page = open_page(samples.classifier(), samples.classifier("A dull film . I slept well .", 9))
    steps = f"{part('cell')}[data-pane='%d']"
    page.evaluate("panes[0].choose({ step: 2 })")
    settle(page)
    assert page.locator(steps % 1).get_attribute("data-step") == "2"
    page.get_by_label("Steps move together").uncheck()
    page.evaluate("panes[0].choose({ step: 5 })")
    settle(page)
    assert page.locator(steps % 0).get_attribute("data-step") == "5"
    assert page.locator(steps % 1).get_attribute("data-step") == "2"


def test_a_long_input_draws_what_is_in_sight(open_page: Any) -> None:
    page = open_page(samples.huge())
    scroller = page.locator(f"{part('timeline')} .scroller")
    took = page.evaluate(
        """async () => {
          const frame = () => new Promise(requestAnimationFrame);
          const took = [];
          for (const [card, name] of [["timeline", "scroll timeline"], ["heat", "scroll raster"]]) {
            const scroller = document.querySelector(`[data-part=${card}] .scroller`);
            for (let at = 1; at <= 12; at += 1) {
              scroller.scrollLeft = at * 1777;
              await frame();
              await frame();
              took.push(performance.getEntriesByName(name)[0].duration);
            }
          }
          return took.sort((a, b) => a - b);
        }"""
    )
    assert page.locator(f"{part('timeline')} .column").count() < 60
    assert took[len(took) // 2] < 16, took
    scroller.focus()
    page.keyboard.press("End")
    settle(page)
    assert page.locator(f"{part('timeline')} [data-step='4999']").count() == 1
    page.wait_for_selector(f"{part('unit')} .token[data-step='4999'].here")


EVIL = "<script>window.broken=1</script> <img src=x onerror=window.broken=1> </script>"


def test_text_is_never_markup(open_page: Any) -> None:
    document = samples.classifier(EVIL)
    document["notes"] = [{"text": EVIL, "key": None}]
    document["title"] = EVIL
    page = open_page(document)
    assert page.evaluate("window.broken") is None
    assert page.locator("img").count() == 0
    assert EVIL.split()[0] in page.locator(f"{part('unit')} .tokens").inner_text()
    assert page.locator("h1").inner_text() == EVIL


def test_an_edit_is_followed_by_everything_and_an_error_stands_beside_it(open_page: Any) -> None:
    def make(given: dict[str, Any]) -> Maker:
        return samples.classifier_maker(given["text"])

    with served(make) as address:
        page = open_page(address=address)
        box = page.locator(f"{part('tryit')} textarea")
        box.fill("a quite different sentence")
        page.wait_for_selector(f"{part('timeline')} [data-step='3'] text:text('sentence')")
        assert page.locator(f"{part('timeline')} .column").count() == 4
        assert page.locator(f"{part('unit')} .token").all_inner_texts() == [
            "a",
            "quite",
            "different",
            "sentence",
        ]
        page.wait_for_selector(f"{part('attribution')}:not(.stale) .token:text('sentence')")
        page.wait_for_selector(f"{part('nearest')} li")
        assert box.input_value() == "a quite different sentence"
        box.fill(" ")
        alert = page.locator(f"{part('tryit')} [role=alert]:not(:empty)")
        assert alert.inner_text() == "the text is empty: expected at least one word"
        assert page.locator(f"{part('timeline')} .column").count() == 4, "what was there stays"
        page.close()
    # The browser itself reports the status of the answer.
    assert [each for each in open_page.complaints if "400" not in each] == []
    open_page.complaints.clear()


def test_a_point_is_moved_with_the_keys(open_page: Any) -> None:
    given_: list[Any] = []

    def make(given: dict[str, Any]) -> Maker:
        given_.append(given)
        made = samples.classifier_maker("1 2 3 4")
        made.made["input"] = {"values": [[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0]]}
        return made

    with served(make) as address:
        page = open_page(address=address)
        points = page.locator(f"{part('tryit')} [role=slider]")
        points.focus()
        page.keyboard.press("ArrowLeft")
        with page.expect_response("**/trace"):
            page.keyboard.press("ArrowUp")
        assert points.get_attribute("aria-valuetext").startswith("point 3")
        page.close()
    sent = np.array(given_[-1]["values"])
    assert sent[2, 0] > 3
    sent[2, 0] = 3
    np.testing.assert_array_equal(sent, [[1, 5], [2, 5], [3, 5], [4, 5]])
