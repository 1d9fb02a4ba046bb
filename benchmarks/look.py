"""How quick `look` is: the first picture, an edit, and the size of the file, for 200 words on a 2-layer bidirectional LSTM.

    python -m benchmarks look

The classifier is one of the job's defaults (64 units a direction) with two layers of LSTM, after a few steps of training on made-up texts:
neither times nor sizes depend on what it learned. Times are taken in headless Chromium by the page's own clock, from the key that is
pressed to the frame that is drawn. They are written with the machine to benchmarks/results/look.json.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

import unrolled
from benchmarks.runs import RESULTS, surroundings
from unrolled.data.files import write_atomically
from unrolled.tasks.classify import Classifier

WORDS, VOCABULARY, TEXTS = 200, 4_000, 400
EDITS = 20
PAUSE = 1_000
"""Milliseconds after an edit in which the attribution follows; typed at once, an edit stops that of the one before."""
UNITS = (64, 128)
"""Of a layer and direction: the job's default, and twice as many."""
DRAWN = "[data-part=timeline] .box[data-value]"
EDIT = """async word => {
  const box = document.querySelector("article[data-part=tryit] textarea");
  const before = panes[0].document.trace;
  const began = performance.now();
  box.value = box.value.replace(/\\S+$/, word);
  box.dispatchEvent(new Event("input", { bubbles: true }));
  while (panes[0].document.trace === before) await new Promise(requestAnimationFrame);
  await new Promise(go => requestAnimationFrame(() => setTimeout(go)));
  return performance.now() - began;
}"""
"""Types a last word, and returns the milliseconds until it is drawn."""


def classifier(units: int) -> tuple[Classifier, str]:
    """Return a classifier, and a text of 200 words that it knows."""
    random = np.random.default_rng(0)
    words = [f"word{number}" for number in range(VOCABULARY)]
    texts = [" ".join(random.choice(words, WORDS)) for _ in range(TEXTS)]
    labels = ["yes", "no"] * (TEXTS // 2)
    model = Classifier("lstm", layers=2, hidden_size=units, max_steps=20, test=0, seed=0)
    return model.fit(texts, labels), texts[0]


def measure(
    page: Page, model: Classifier, text: str, folder: Path, count: int = EDITS
) -> dict[str, Any]:
    """Return times in milliseconds and the size of the file in megabytes."""
    began = time.perf_counter()
    server = unrolled.look(model, text).serve()
    page.goto(server.url)
    page.wait_for_selector(DRAWN)
    first = time.perf_counter() - began
    page.wait_for_timeout(2000)
    edits = []
    for number in range(count):
        edits.append(page.evaluate(EDIT, f"word{number}"))
        page.wait_for_timeout(PAUSE)
    server.close()
    file = unrolled.look(model, text).save(folder / "look.html")
    began = time.perf_counter()
    page.goto(file.as_uri())
    page.wait_for_selector(DRAWN)
    opened = time.perf_counter() - began
    return {
        "first_picture_ms": round(1000 * first),
        "edit_ms": {
            "median": round(statistics.median(edits)),
            "most": round(max(edits)),
            "all": [round(each) for each in edits],
        },
        "file_mb": round(file.stat().st_size / 1e6, 3),
        "file_first_picture_ms": round(1000 * opened),
    }


def main() -> None:
    result: dict[str, Any] = {
        "benchmark": "look",
        "note": f"{WORDS} words, 2-layer bidirectional LSTM, {EDITS} edits of the last word, the second opening of two",
        "units": {},
    }
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        for units in UNITS:
            model, text = classifier(units)
            measure(page, model, text, Path(folder), 2)  # what is imported at first is not timed
            result["units"][str(units)] = found = measure(page, model, text, Path(folder))
            print(
                f"{units} units: first picture {found['first_picture_ms']} ms, an edit {found['edit_ms']['median']} ms "
                f"(at most {found['edit_ms']['most']}), a file of {found['file_mb']} MB, which opens in "
                f"{found['file_first_picture_ms']} ms",
                flush=True,
            )
        chromium.close()
    path = RESULTS / "look.json"
    write_atomically(path, (json.dumps({**result, **surroundings()}, indent=2) + "\n").encode())
    print(f"  written to {path}")


if __name__ == "__main__":
    main()
