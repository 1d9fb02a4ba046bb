"""A report: one page of HTML that holds everything it shows and loads nothing.

>>> report = Report("Sales", summary="The model errs 8 % less than last year's figure.", sections=[])
>>> "<h1>Sales</h1>" in render(report)
True
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from unrolled import __version__
from unrolled.data.files import write_atomically
from unrolled.errors import InputError
from unrolled.view.figure import sentences
from unrolled.view.gallery import Block
from unrolled.view.svg import escape, tag
from unrolled.view.words import Say, Text, phrase, speaker


@dataclass(frozen=True)
class Section:
    """A part of a report: a title, paragraphs (parted by empty lines), and charts, tables or facts."""

    title: Text
    text: Text | Sequence[Text] = ()
    blocks: Sequence[Block] = ()


@dataclass(frozen=True)
class Report:
    """A whole page. ``summary`` is what a reader in a hurry should know; ``language`` is "en" or "zh"."""

    title: Text
    language: str = "en"
    summary: Text | Sequence[Text] = ()
    sections: Sequence[Section] = ()


def write_report(path: str | os.PathLike[str], report: Report) -> Path:
    """Write ``report`` to ``path`` and return the path; its folder is made where it does not exist.

    The page appears whole or not at all: it is written beside its place and moved there.

    Raises:
        InputError: the page cannot be written there.
        OptionError: there is no such language.
        ShapeError: a chart's arrays do not fit together.
    """
    target = Path(path)
    page = render(report).encode("utf-8")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, page)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"the report cannot be written: {reason}",
            where=str(target),
            expected="a file in a folder that can be written to",
        ) from error
    return target


def render(report: Report) -> str:
    """Return ``report`` as a page of HTML.

    Raises:
        OptionError: there is no such language.
        ShapeError: a chart's arrays do not fit together.
    """
    speak = speaker(report.language)
    style, script = _asset("page.css"), _asset("page.js")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        _policy(script),
        tag("title", escape(speak(report.title))),
        f"<style>{style}</style>",
    )
    top = tag(
        "header",
        tag("p", "unrolled", class_="brand"),
        tag("h1", escape(speak(report.title))),
        tag("div", *_paragraphs(report.summary, speak), class_="summary") if report.summary else "",
        _contents(report.sections, speak),
    )
    sections = [
        _section(number, section, report.language, speak)
        for number, section in enumerate(report.sections, start=1)
    ]
    made = phrase("page.made", version=__version__)
    body = tag(
        "body",
        top,
        tag("main", *sections),
        tag("footer", tag("p", escape(speak(made)))),
        f"<script>{script}</script>",
    )
    language = {"zh": "zh-CN"}.get(report.language, report.language)
    return f"<!doctype html>\n{tag('html', head, body, lang=language)}\n"


def _section(number: int, section: Section, language: str, speak: Say) -> str:
    blocks = tag("div", *(block.html(language) for block in section.blocks), class_="blocks")
    title = tag("h2", escape(speak(section.title)))
    text = _paragraphs(section.text, speak)
    return tag("section", title, *text, blocks if section.blocks else "", id=f"section-{number}")


def _contents(sections: Sequence[Section], speak: Say) -> str:
    if len(sections) < 3:
        return ""
    links = [
        tag("li", tag("a", escape(speak(section.title)), href=f"#section-{number}"))
        for number, section in enumerate(sections, start=1)
    ]
    return tag("nav", tag("ol", *links), aria_label=speak(phrase("page.contents")))


def _paragraphs(text: Text | Sequence[Text], speak: Say) -> list[str]:
    parts = [part for said in sentences(text) for part in re.split(r"\n\s*\n", speak(said))]
    return [tag("p", escape(part.strip())) for part in parts if part.strip()]


def _policy(script: str) -> str:
    """Forbid the page every request, and every script but its own, should any text ever pass for markup."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    rules = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    # Written by hand: the quotes of the policy must stay what they are.
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}"/>'


def _asset(name: str) -> str:
    return resources.files("unrolled.view").joinpath(name).read_text(encoding="utf-8")
