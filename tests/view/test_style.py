"""The look: text can be read on its background, lines told apart by everyone, and both themes are complete."""

from __future__ import annotations

import itertools
import re
from importlib import resources

import numpy as np
import pytest

STYLE = resources.files("unrolled.view").joinpath("page.css").read_text(encoding="utf-8")

# How people without one kind of cone see: Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
SIGHT = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def test_a_fact_is_not_broken_to_spare_its_name_a_line() -> None:
    # What may break anywhere shrinks to one sign, unless it is told not to.
    rule = re.search(r"\.facts dd \{(.*?)\}", STYLE)
    assert rule is not None
    assert "flex: none" in rule[1]


def themes() -> dict[str, dict[str, str]]:
    """Return the colours of the light and the dark theme and of print."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,6});", block)) for block in blocks]
    return dict(zip(("light", "dark", "print"), found, strict=True))


def linear(colour: str) -> np.ndarray:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = np.array([int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2, from 1 to 21."""
    light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


def lab(colour: np.ndarray) -> np.ndarray:
    """Return linear RGB in CIELAB, where distances are about as large as they look."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = np.cbrt(np.clip(to_xyz @ colour / [0.9505, 1.0, 1.089], 0.008856, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_text_can_be_read(theme: str) -> None:
    colours = themes()[theme]
    for background in ("paper", "card"):
        for text in ("ink", "soft", "c1", "c2", "c3", "c4"):
            assert contrast(colours[text], colours[background]) >= 4.5, (text, background)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_the_first_lines_can_be_told_apart(theme: str, sight: str) -> None:
    colours = themes()[theme]
    seen = {
        name: lab(np.clip(SIGHT[sight] @ linear(colours[name]), 0, 1))
        for name in ("c1", "c2", "c3", "c4")
    }
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 12, (one, other)


def test_every_colour_is_a_variable_of_both_themes() -> None:
    light, dark, paper = themes().values()
    assert light.keys() == dark.keys() == paper.keys()
    used = set(re.findall(r"var\(--([\w-]+)\)", STYLE))
    pixels = {"left", "right", "top", "bottom", "height"}  # set by every plot
    assert used <= light.keys() | pixels | {"c", "shadow"}
    outside = re.sub(r":root \{.*?\}", "", STYLE, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", outside) == []


def test_braces_are_balanced() -> None:
    assert STYLE.count("{") == STYLE.count("}")
