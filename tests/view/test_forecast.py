"""Pictures of forecasts: everything stands at its time, and the worst come first."""

from __future__ import annotations

import numpy as np
import pytest

from tests.view.markup import areas, check_drawing, classed, lines, outlines, words
from unrolled.errors import ShapeError
from unrolled.view import ForecastWindow, forecast_picture, worst_windows

DAYS = np.arange("2024-01-01", "2024-02-01", dtype="datetime64[D]")


def window(horizon: int = 5, **changes: object) -> ForecastWindow:
    past = len(DAYS) - horizon
    point = np.linspace(10, 12, horizon)
    given: dict[str, object] = {
        "times": DAYS,
        "past": np.linspace(0, 10, past),
        "point": point,
        "actual": point + 0.5,
        "bands": {0.8: (point - 1, point + 1), 0.95: (point - 2, point + 2)},
        "baselines": {"seasonal_naive": np.full(horizon, 10.0)},
    }
    return ForecastWindow(**(given | changes))  # type: ignore[arg-type]


def test_a_forecast_has_its_lines_and_bands() -> None:
    root = check_drawing(forecast_picture(window(), title="sales", unit="€").html())
    assert [p.get("data-name") for p in lines(root)] == ["actual", "seasonal naive", "forecast"]
    names = [p.get("data-name") for p in areas(root)]
    assert names == ["95\u00a0% interval", "80\u00a0% interval"]  # the wider one below
    assert [p.get("class") for p in areas(root)] == ["area outer", "area inner"]
    assert "forecast begins" in words(root)


def test_the_forecast_begins_where_the_history_ends() -> None:
    root = check_drawing(forecast_picture(window(), history=26).html())
    actual, _, point = (outlines(path)[0] for path in lines(root))
    assert actual[-1][0] == 1
    assert len(actual) == 31
    assert point[0][0] == pytest.approx(26 / 30, abs=1e-3)
    (rule,) = classed(root, "rule")
    assert float(rule.get("x1", "").removesuffix("%")) == pytest.approx(100 * 26 / 30, abs=0.1)


def test_bands_hold_the_forecast() -> None:
    root = check_drawing(forecast_picture(window()).html())
    outer, inner = (outlines(path)[0] for path in areas(root))
    point = outlines(lines(root)[2])[0]
    assert len(outer) == len(inner) == 10  # five points along the upper edge, five back
    for at, (x, height) in enumerate(point):
        edges = [outer[at], inner[at], inner[-1 - at], outer[-1 - at]]
        assert {x} == {place for place, _ in edges}
        assert outer[at][1] > inner[at][1] > height > inner[-1 - at][1] > outer[-1 - at][1]


def test_history_is_shortened() -> None:
    many = window(times=np.arange(505), past=np.arange(500.0))
    (stretch,) = outlines(lines(check_drawing(forecast_picture(many).html()))[0])
    assert len(stretch) == 30 + 5
    (whole,) = outlines(lines(check_drawing(forecast_picture(many, history=500).html()))[0])
    assert len(whole) == 505


def test_what_is_not_known_is_not_drawn() -> None:
    past = np.linspace(0, 10, 26)
    past[10:12] = np.nan
    root = check_drawing(forecast_picture(window(actual=None, past=past)).html())
    assert [len(stretch) for stretch in outlines(lines(root)[0])] == [10, 14]


def test_one_step_without_history_is_a_dot() -> None:
    one = ForecastWindow(times=[7], past=[], point=[1.0], actual=[2.0])
    for size in ("wide", "small"):
        root = check_drawing(forecast_picture(one, size=size).html())
        assert all((path.get("d") or "").endswith("h0") for path in lines(root))


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(
        ShapeError, match=r"times of a forecast has shape \(31,\); expected \(30,\)"
    ):
        window(past=np.zeros(25))
    with pytest.raises(ShapeError, match=r"low end of the 0.8 band.*\(2,\); expected \(5,\)"):
        window(bands={0.8: (np.zeros(2), np.zeros(5))})
    with pytest.raises(ShapeError, match=r"ridge of a forecast has shape \(1,\)"):
        window(baselines={"ridge": [1.0]})


def test_the_worst_windows_come_first() -> None:
    windows = [window(name=f"series {n}", error=float(n)) for n in range(10)]
    root = check_drawing(worst_windows([*windows, window(name="unjudged")], count=3).html())
    titles = [title.text for title in root.iter("h3")]
    assert titles == ["Worst windows", "series 9", "series 8", "series 7"]
    assert "The 3 of 10 forecasts" in words(root)
    assert "from 2024-01-27 · MAE 9.000" in words(root)
    assert len(classed(root, "legend")) == 1


def test_no_windows_are_no_error() -> None:
    root = check_drawing(worst_windows([]).html("zh"))
    assert "误差最大的窗口" in words(root)


def test_windows_of_hours_and_of_steps_say_when_they_begin() -> None:
    hours = np.arange("2024-01-01T05:00", "2024-01-01T12:00", dtype="datetime64[h]")
    texts = [
        words(check_drawing(worst_windows([ForecastWindow(t, [1.0] * 6, [1.0], error=1.0)]).html()))
        for t in (hours, np.arange(1000, 1007))
    ]
    assert "from 2024-01-01 11:00" in texts[0]
    assert "from 1,006" in texts[1]
