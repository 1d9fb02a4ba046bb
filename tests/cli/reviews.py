"""Small made-up reviews whose class stands in one word."""

from __future__ import annotations

from pathlib import Path

import numpy as np

ENGLISH = {
    "pos": ["fine", "lovely", "superb", "warm", "clever"],
    "neg": ["dull", "awful", "weak", "tired", "poor"],
    "": ["the", "film", "story", "plot", "acting", "of", "a", "in", "with", "and"],
}
CHINESE = {
    "好评": ["满意", "舒适", "干净", "热情"],
    "差评": ["失望", "吵闹", "肮脏", "冷淡"],
    "": ["酒店", "房间", "服务", "早餐", "位置", "前台", "的", "很"],
}


def reviews(words: dict[str, list[str]], rows: int = 200, seed: int = 0) -> list[tuple[str, str]]:
    """Return texts and labels, every class as often as the others."""
    random = np.random.default_rng(seed)
    labels = [label for label in words if label]
    between = " " if words is ENGLISH else ""
    made = []
    for row in range(rows):
        label = labels[row % len(labels)]
        text = list(random.choice(words[""], size=random.integers(2, 9)))
        text.insert(random.integers(len(text) + 1), random.choice(words[label]))
        made.append((between.join(text), label))
    return made


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    lines = ["text,label", *(f"{text},{label}" for text, label in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
