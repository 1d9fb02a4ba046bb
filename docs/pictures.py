"""The pictures of `look` in README and docs: trains four small models, opens its inside in Chromium, and takes them.

    UNROLLED_DATA=DIR python -m docs.pictures [NAME ...]

DIR holds classify/subj, translate/tatoeba_cmn_eng and generate/quantangshi, as benchmarks/ reads them; the forecaster reads the
series that the package holds. Trainings take about ten minutes in all; their models are kept in a folder outside the repository
(UNROLLED_SCRATCH), so that pictures can be taken again. Sentences that are shown were written for the pictures.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import unrolled
from benchmarks import generate_data, translate_data
from unrolled.demo.run import forecast_temperature

SCRATCH = Path(os.environ.get("UNROLLED_SCRATCH", tempfile.gettempdir())) / "unrolled_pictures"
HERE = Path(__file__).parent / "pictures"
ONLY = """parts => document.querySelectorAll("main section, header, footer, .choice").forEach(each => {
  each.hidden = !parts.some(part => each.querySelector(`[data-part=${part}]`));
})"""
"""Hides all but some parts of the page."""
COLOURS = 128
"""Of a picture in the repository, which keeps it small."""


@dataclass(frozen=True)
class Picture:
    """A part of a page.

    Attributes:
        train: trains the model, from the folder of the data.
        given: what it is shown.
        parts: of the page, one under the other.
        choose: the step, cell and unit.
        address: language and theme.
        width: of the window.
        options: of the trace.
    """

    train: Callable[[Path], Any]
    given: tuple[Any, ...]
    parts: Sequence[str]
    choose: dict[str, int] = field(default_factory=dict)
    address: str = "lang=en&theme=light"
    width: int = 1180
    options: dict[str, Any] = field(default_factory=dict)


def classifier(data: Path) -> Any:
    """Return a classifier of sentences: what someone thinks, or what is."""
    texts, labels = [], []
    for label in ("subjective", "objective"):
        lines = (data / "classify" / "subj" / f"subj.{label}").read_text("latin-1").splitlines()
        texts += lines[:2500]
        labels += [label] * 2500
    model = unrolled.Classifier("lstm", layers=2, max_minutes=1.5, test=0, seed=0)
    return model.fit(texts, labels)


def translator(data: Path) -> Any:
    """Return a translator from Chinese to English."""
    split = translate_data.RECIPES["tatoeba_zh_en"].read(data / "translate")
    pairs = list(zip(split.train.sources, split.train.targets, strict=True))[:12_000]
    return unrolled.Translator("gru", max_minutes=5, test=0, seed=0).fit(pairs)


def generator(data: Path) -> Any:
    """Return a writer of Tang poems."""
    files = generate_data.RECIPES["tang"].read(data / "generate")
    return unrolled.Generator("gru", hidden_size=256, layers=1, max_minutes=4, seed=0).fit(files)


def forecaster(data: Path) -> Any:
    """Return the demo's forecaster of temperatures."""
    del data
    with tempfile.TemporaryDirectory() as folder:
        return forecast_temperature(Path(folder))[0]


REVIEW = (
    "the film is a warm , funny and surprisingly moving story of a young man who returns to his village "
    "after ten years , and finds that nobody remembers him ."
)
PICTURES = {
    "timeline": Picture(classifier, (REVIEW,), ("timeline", "cell"), {"step": 12}),
    "attribution": Picture(classifier, (REVIEW,), ("outputs", "attribution"), {"step": 12}),
    "attention": Picture(
        translator,
        ("我想买一张去北京的火车票。",),
        ("timeline",),
        {"side": 1, "step": 3},
        "lang=zh&theme=light",
    ),
    "heat": Picture(
        generator,
        ("春山雨後看新綠，野水風前聽晚鐘。獨坐小樓人未寐，一燈如豆照秋蓬。",),
        ("heat", "unit"),
        {"unit": 3},
        "lang=zh&theme=dark",
    ),
    "forecast": Picture(forecaster, (), ("outputs", "reach")),
}


def trained(picture: Picture, data: Path) -> Any:
    """Return the model of a picture; it is trained once."""
    folder = SCRATCH / picture.train.__name__
    if not (folder / "config.json").exists():
        picture.train(data).save(folder)
    return unrolled.load(folder)


def take(page: Page, name: str, picture: Picture, data: Path) -> Path:
    """Take one picture."""
    model = trained(picture, data)
    with tempfile.TemporaryDirectory() as folder:
        shown = unrolled.look(
            model, *picture.given, title=picture.train.__name__, **picture.options
        )
        file = shown.save(Path(folder) / "look.html")
        page.set_viewport_size({"width": picture.width, "height": 1200})
        page.goto(f"{file.as_uri()}#{picture.address}")
        page.wait_for_selector("[data-part=timeline] .box[data-value]")
        page.evaluate("place => panes[0].choose(place)", picture.choose)
        page.evaluate(ONLY, list(picture.parts))
        page.wait_for_timeout(600)
        shot = Path(folder) / "shot.png"
        page.locator("main").screenshot(path=shot)
        target = HERE / f"{name}.png"
        Image.open(shot).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
            target, optimize=True
        )
    return target


def main() -> None:
    """Take the pictures that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []])
    parser.add_argument("--data", type=Path, default=os.environ.get("UNROLLED_DATA"))
    read = parser.parse_args()
    if read.data is None:
        parser.error("give the data folder: --data DIR, or UNROLLED_DATA=DIR")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name in read.names or PICTURES:
            page = chromium.new_page(device_scale_factor=1.5)
            target = take(page, name, PICTURES[name], Path(read.data))
            page.close()
            print(f"{target} {target.stat().st_size / 1000:.0f} kB", flush=True)
        chromium.close()


if __name__ == "__main__":
    main()
