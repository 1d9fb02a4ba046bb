"""Reading back what was drawn: elements, text and coordinates of markup, and faults in it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from xml.etree import ElementTree

from unrolled.view.svg import GRID

_EMPTY = {"meta", "br", "line", "path", "rect", "circle", "col"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
_PLACES = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "dx", "dy"}


class Balanced(HTMLParser):
    """Checks that every element is closed where it was opened, as a browser reads the page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(markup: str) -> Balanced:
    """Return ``markup`` as a browser reads it; fails where elements are not closed in order."""
    parser = Balanced()
    parser.feed(markup)
    parser.close()
    assert parser.open == []
    return parser


def tree(markup: str) -> ElementTree.Element:
    """Return ``markup`` as XML without namespaces; scripts and styles are left out."""
    bare = re.sub(r"<(script|style)>.*?</\1>", "", markup, flags=re.DOTALL)
    bare = bare.replace("<!doctype html>", "").replace(' xmlns="http://www.w3.org/2000/svg"', "")
    return ElementTree.fromstring(bare.strip())


def words(element: ElementTree.Element) -> str:
    """Return all text inside ``element``."""
    return " ".join(text.strip() for text in element.itertext() if text.strip())


def classed(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """Return the elements that have ``name`` among their classes."""
    return [e for e in root.iter() if name in e.get("class", "").split()]


def outlines(path: ElementTree.Element) -> list[list[tuple[float, float]]]:
    """Return the points of every unbroken stretch of a path, as fractions, y upward."""
    found = []
    for stretch in path.get("d", "").split("M")[1:]:
        numbers = [int(text) for text in re.findall(r"[+-]?\d+", stretch.split("h")[0])]
        x = y = 0
        points = []
        for across, down in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + across, y + down
            points.append((x / GRID, 1 - y / GRID))
        found.append(points)
    return found


def lines(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the paths of lines."""
    return [path for path in root.iter("path") if "line" in path.get("class", "").split()]


def areas(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the paths of bands."""
    return [path for path in root.iter("path") if "area" in path.get("class", "").split()]


def check_drawing(markup: str) -> ElementTree.Element:
    """Fail where a coordinate is not a finite number, or a path leaves its plot; return the tree."""
    read(markup)
    root = tree(markup)
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in _PLACES:
                number = float(value.removesuffix("%").removesuffix("em"))
                assert math.isfinite(number), (element.tag, name, value)
        if element.tag == "path":
            check_path(element.get("d", ""))
    for path in [*lines(root), *areas(root)]:
        check_inside(point for outline in outlines(path) for point in outline)
    return root


def check_path(path: str) -> None:
    """Fail where a path holds anything but commands and finite numbers."""
    assert path.startswith("M")
    assert re.fullmatch(r"[MlhvzHV\d\s+.e-]*", path), path[:80]
    assert all(math.isfinite(float(number)) for number in _NUMBER.findall(path))


def check_inside(points: Iterable[tuple[float, float]]) -> None:
    """Fail where a point lies outside the plot."""
    for x, y in points:
        assert -1e-9 <= x <= 1 + 1e-9
        assert -1e-9 <= y <= 1 + 1e-9
