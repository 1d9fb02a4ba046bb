"""A browser for the tests of the page; where there is none they are skipped and say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inside.maker import Document
from unrolled.inside.page import page

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser, whose processor time is counted when it ends: within its own room."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="the tests of the page need Playwright for Python"
    )
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("the tests of the page need Chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open documents, or an address, at a width; whatever the console complains of fails the test.

    ``leave`` closes what is open: a page whose server is gone would complain.
    """
    complaints: list[str] = []
    context = browser.new_context(locale="en-US")
    context.set_default_timeout(8000)

    def listen(message: Any) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def open_(*documents: Document, address: str = "", width: int = 1440) -> Any:
        shown = context.new_page()
        shown.set_viewport_size({"width": width, "height": 900})
        shown.on("console", listen)
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        if not address:
            file = tmp_path / f"page{len(context.pages)}.html"
            file.write_text(page(documents, title="samples"), encoding="utf-8")
            address = file.as_uri()
        shown.goto(address)
        shown.wait_for_selector("[data-part=timeline] .box[data-value]")
        return shown

    def leave() -> None:
        for shown in context.pages:
            shown.close()

    open_.complaints, open_.leave = complaints, leave  # type: ignore[attr-defined]
    yield open_
    context.close()
    assert complaints == []
