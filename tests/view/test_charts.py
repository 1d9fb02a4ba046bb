"""Charts: whatever is given is drawn inside the plot or said to be left out, and never read as markup."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.view.markup import areas, check_drawing, classed, lines, outlines, read, words
from unrolled.errors import OptionError, ShapeError
from unrolled.view import (
    Axis,
    Band,
    Bar,
    BarTable,
    HeatTable,
    Histogram,
    Line,
    LineChart,
    Rule,
    Spot,
    bar_table,
    histogram,
    line_chart,
)
from unrolled.view.frame import text_width
from unrolled.view.heat import levels
from unrolled.view.marks import spread
from unrolled.view.runs import COLOURS
from unrolled.view.thin import LIMIT, kept_points

NAN, INF = math.nan, math.inf
EVIL = "<script>alert('x')</script> & \"quoted\" \x00\x1b"


def one_line(values: list[float], **options: object) -> LineChart:
    return LineChart("title", [Line("line", np.arange(len(values)), values)], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("size", ["small", "normal", "wide"])
@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [NAN],
        [NAN, NAN, 3.0],
        [2.0, 2.0, 2.0],
        [0.0, 0.0],
        [-5.0, -5.0],
        [1e-300, 1e300],
        [-1e300, 1e300],
        [1.7e308, -1.7e308, 1.0],
        [5e-324, 1.0],
        [INF, -INF],
        [1e15, 1e15 + 1],
    ],
    ids=str,
)
def test_hard_series_are_drawn(values: list[float], size: str, log: bool) -> None:
    for language in ("en", "zh"):
        check_drawing(one_line(values, size=size, y=Axis("y", log=log)).html(language))


def test_a_gap_breaks_the_line() -> None:
    root = check_drawing(one_line([1.0, 2.0, NAN, 4.0, 5.0, NAN, 7.0]).html())
    (path,) = lines(root)
    stretches = outlines(path)
    assert [len(points) for points in stretches] == [2, 2, 1]
    assert path.get("d", "").endswith("h0")  # the lonely point is a dot
    assert stretches[1][0] == pytest.approx((0.5, 4 / 8), abs=1e-3)


def test_a_gap_breaks_a_band() -> None:
    low, high = [0.0, NAN, 0.0, 0.0], [1.0, 1.0, 1.0, 2.0]
    root = check_drawing(LineChart("t", [Band("band", [0, 1, 2, 3], low, high)]).html())
    assert [len(points) for points in outlines(areas(root)[0])] == [2, 4]


def test_what_cannot_be_drawn_is_said() -> None:
    infinite = words(check_drawing(one_line([1.0, INF, 1e301, NAN, 3.0]).html()))
    assert "not finite: 2 values" in infinite
    below = words(check_drawing(one_line([1.0, 0.0, -2.0, 3.0], y=Axis(log=True)).html()))
    assert "zero and below: 2 values" in below
    assert "Not drawn" not in words(check_drawing(one_line([1.0, NAN, 3.0]).html()))


def test_points_are_drawn_in_the_order_of_x() -> None:
    root = check_drawing(LineChart("t", [Line("line", [3, 1, 2], [30.0, 10.0, 20.0])]).html())
    ((first, *_, last),) = outlines(lines(root)[0])
    assert first[0] == 0
    assert last[0] == 1
    assert first[1] < last[1]


def test_points_stand_where_the_labels_say() -> None:
    root = check_drawing(one_line([0.0, 5.0, 10.0]).html())
    ((_, middle, top),) = outlines(lines(root)[0])
    assert middle == pytest.approx((0.5, 0.5), abs=1e-3)
    assert top == pytest.approx((1.0, 1.0), abs=1e-3)
    ten = next(t for t in root.iter("text") if t.text == "10" and t.get("x") == "-8")
    assert ten.get("y") == "0%"


@pytest.mark.parametrize("drawn", ["line", "band", "title", "label", "mark"])
def test_given_text_is_never_markup(drawn: str) -> None:
    chart = LineChart(
        EVIL if drawn == "title" else "title",
        [
            Line(EVIL if drawn == "line" else "line", [0, 1], [1.0, 2.0]),
            Line("other", [0, 1], [3.0, 4.0]),
            Band(EVIL if drawn == "band" else "band", [0, 1], [0.0, 0.0], [1.0, 1.0]),
        ],
        marks=[Rule(1.5, EVIL if drawn == "mark" else "rule"), Spot(0, 1.0, "spot")],
        x=Axis(EVIL if drawn == "label" else "x", EVIL if drawn == "label" else "s"),
    )
    markup = chart.html()
    check_drawing(markup)
    parsed = read(markup)
    assert "script" not in parsed.names
    assert "\x00" not in markup
    assert any("<script>alert" in text for text in parsed.texts)


def test_other_charts_escape_too() -> None:
    charts = [
        BarTable(EVIL, [Bar(EVIL, 1.0)], unit=EVIL, note=EVIL),
        Histogram(EVIL, [1.0, 2.0], Axis(EVIL, EVIL), note=EVIL),
        HeatTable(EVIL, [[1.0]], [EVIL], [EVIL], EVIL, EVIL),
    ]
    for chart in charts:
        markup = chart.html()
        check_drawing(markup)
        assert "script" not in read(markup).names


def test_a_chart_tells_readers_who_do_not_see_it() -> None:
    root = check_drawing(one_line([4.0, 1.0, 9.0]).html())
    svg = classed(root, "plot")[0].find("svg")
    assert svg is not None
    assert svg.get("role") == "img"
    assert svg.get("tabindex") == "0"
    assert svg.findtext("title") == "title"
    assert svg.findtext("desc") == "line: from 4 to 9, between 1 and 9."
    assert svg.get("aria-label") == "title. line: from 4 to 9, between 1 and 9."
    cells = [cell.text for cell in root.iter("td")]
    assert cells == ["4", "1", "9"]
    assert root.find("details/summary") is not None


def test_the_table_behind_a_long_line_is_short_and_holds_the_extremes() -> None:
    y = np.sin(np.arange(5000) / 700)
    y[1234], y[4321] = 7.5, -7.5
    root = check_drawing(one_line(y.tolist()).html())
    cells = [cell.text for cell in root.iter("td")]
    assert len(cells) <= 45
    assert {"7.5", "−7.5"} <= set(cells)
    assert "of 5,000 rows" in words(root)


def test_lines_are_named_in_the_legend_and_at_their_ends() -> None:
    chart = LineChart(
        "t", [Line("a", [0, 1], [1.0, 2.0]), Line("b", [0, 1], [1.0, 2.1]), Line("c", [0], [1.0])]
    )
    root = check_drawing(chart.html())
    ends = classed(root, "end")
    assert [end.text for end in ends] == ["a", "b"]
    heights = [float(end.get("y", "nan")) for end in ends]
    assert abs(heights[0] - heights[1]) >= 15
    named = {words(item): item.get("class") for item in root.iter("li")}
    assert named == {"a": "named", "b": "named", "c": None}


def test_colours_begin_again_dashed() -> None:
    many = [Line(f"line {n}", [0, 1], [n, n + 1.0]) for n in range(COLOURS + 1)]
    roles = [path.get("class") for path in lines(check_drawing(LineChart("t", many).html()))]
    assert len(set(roles)) == COLOURS + 1
    assert roles[-1] == "line c1 dashed"


def test_reference_lines_widen_the_axis() -> None:
    root = check_drawing(one_line([1.0, 2.0], marks=[Rule(50.0, "limit")]).html())
    assert "50" in [text.text for text in root.iter("text")]
    assert len(classed(root, "rule")) == 1
    nowhere = one_line([1.0], marks=[Rule(-1.0, "none"), Spot(0, NAN, "s")], y=Axis(log=True))
    assert not classed(check_drawing(nowhere.html()), "rule")


def test_dates_and_numbers_do_not_share_an_axis() -> None:
    days = np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]")
    assert "Jan 2024" in words(check_drawing(LineChart("t", [Line("a", days, [1, 2])]).html()))
    with pytest.raises(ShapeError, match="dates and numbers on one axis"):
        LineChart("t", [Line("a", days, [1, 2]), Line("b", [1, 2], [1, 2])]).html()


def test_missing_dates_are_left_out() -> None:
    days = np.array(["2024-01-01", "NaT", "2024-01-03"], dtype="datetime64[D]")
    root = check_drawing(LineChart("t", [Line("a", days, [1.0, 2.0, 3.0])]).html())
    assert [len(points) for points in outlines(lines(root)[0])] == [2]


def test_wrong_shapes_and_names_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"line 'a': x \(2,\), y \(3,\)"):
        LineChart("t", [Line("a", [1, 2], [1, 2, 3])]).html()
    with pytest.raises(ShapeError, match="heat table"):
        HeatTable("t", [[1.0, 2.0]], ["a"], ["b"]).html()
    with pytest.raises(OptionError, match="size='tiny'"):
        LineChart("t", [], size="tiny")
    with pytest.raises(OptionError, match=r"language='de'.*en, zh"):
        line_chart(LineChart("t", []), "de")


def test_thinning_keeps_spikes_ends_and_gaps() -> None:
    y = np.zeros(100_000)
    y[777], y[54_321], y[60_000] = 9.0, -9.0, NAN
    kept = kept_points(y)
    assert len(kept) <= LIMIT + 2
    assert {0, 777, 54_321, 60_000, 99_999} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()
    assert kept_points(y[:LIMIT]).tolist() == list(range(LIMIT))


def test_thinning_a_band_keeps_both_edges() -> None:
    low, high = np.zeros(10_000), np.ones(10_000)
    low[4000], high[7000] = -5.0, 5.0
    assert {4000, 7000} <= set(kept_points(low, high).tolist())


def test_thinning_a_line_of_gaps() -> None:
    assert len(kept_points(np.full(50_000, NAN))) <= LIMIT


def test_names_are_moved_apart_within_the_plot() -> None:
    placed = spread([5.0, 5.0, 5.0, 98.0, 99.0], 15.0, 0.0, 100.0)
    assert all(b - a >= 15 - 1e-9 for a, b in zip(sorted(placed), sorted(placed)[1:], strict=False))
    assert min(placed) >= 0
    assert max(placed) <= 100


def test_wide_characters_take_more_room() -> None:
    assert text_width("误差") == 24.0
    assert text_width("ab") < text_width("误差")


def test_bars_begin_at_zero() -> None:
    root = check_drawing(BarTable("t", [Bar("a", 2.0), Bar("b", -2.0), Bar("c", NAN)]).html())
    boxes = [(r.get("x"), r.get("width")) for r in root.iter("rect")]
    assert boxes == [("50%", "50%"), ("0%", "50%")]
    assert [cell.text for cell in root.iter("td") if cell.get("class") != "bar"] == [
        "2.000",
        "−2.000",
        "–",
    ]


@pytest.mark.parametrize("values", [[], [NAN], [0.0], [1e-300, 1e300], [-1e300, 1e300], [5.0] * 9])
def test_hard_values_have_bars_and_bins(values: list[float]) -> None:
    for log in (False, True):
        check_drawing(bar_table(BarTable("t", [Bar("x", value) for value in values], log=log)))
    root = check_drawing(histogram(Histogram("t", values)))
    counts = [int((cell.text or "").replace(",", "")) for cell in root.iter("td")]
    assert sum(counts) == np.isfinite(values).sum()


def test_a_histogram_counts_every_value_once() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    root = check_drawing(Histogram("t", np.append(values, [NAN, INF]), bins=10).html())
    counts = [int(cell.text or "") for cell in root.iter("td")]
    assert len(counts) == 10
    assert counts == np.histogram(values, bins=10)[0].tolist()
    assert "not finite: 2 values" in words(root)


def test_heat_tables_colour_by_size_and_sign() -> None:
    assert levels(np.array([[0.0, 1.0, NAN]])).tolist() == [[1, 8, 0]]
    assert levels(np.array([[-2.0, 0.0, 1.0]])).tolist() == [[-8, 0, 4]]
    assert levels(np.array([[3.0, 3.0]])).tolist() == [[1, 1]]
    root = check_drawing(HeatTable("t", [[-1.0, 2.0]], ["row"], ["a", "b"]).html())
    assert [text.text for text in classed(root, "in")] == ["−1", "2"]


def test_large_heat_tables_are_small_files() -> None:
    values = np.tanh(np.random.default_rng(0).normal(size=(64, 200)).cumsum(axis=1) / 5)
    rows, columns = [f"unit {n}" for n in range(64)], [str(n) for n in range(200)]
    markup = HeatTable("hidden state", values, rows, columns).html()
    check_drawing(markup)
    assert len(markup) < 120_000
    check_drawing(HeatTable("nothing", np.zeros((0, 0)), [], []).html())
