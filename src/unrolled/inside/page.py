"""The page that draws documents: one file that holds everything it shows, or the same page fed by a server."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from unrolled.inside.page_words import DICTIONARY
from unrolled.view.svg import escape


def page(
    documents: Sequence[dict[str, Any]],
    *,
    panes: int | None = None,
    title: str,
    language: str = "en",
) -> str:
    """Return the page.

    Args:
        documents: of its panes; none of a page that fetches them.
        panes: how many a page has that fetches them from its server; None = it holds them.
        title: of the window.
        language: "en" or "zh", until a reader chooses.
    """
    live = panes is not None
    blocks = [data_block("words", DICTIONARY)]
    blocks += [data_block(f"pane{at}", document) for at, document in enumerate(documents)]
    parts = {
        "language": {"zh": "zh-CN"}.get(language, language),
        "policy": policy(live=live),
        "live": "1" if live else "0",
        "panes": str(len(documents) if panes is None else panes),
        "title": escape(title),
        "style": styles(),
        "data": "\n".join(blocks),
        "script": scripts(),
    }
    # What is filled in is never looked at again: a text may hold anything.
    return re.sub(r"@@(\w+)@@", lambda found: parts[found[1]], _asset("index.html"))


def data_block(name: str, content: Any) -> str:
    r"""Return JSON in an element that is never read as markup: no "<" stands in it.

    >>> data_block("x", {"text": "</script>"})
    '<script type="application/json" id="x">{"text":"\\u003c/script>"}</script>'
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Half a surrogate pair is no text that a file can hold.
    text = text.encode("utf-8", "replace").decode("utf-8").replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def policy(*, live: bool) -> str:
    """Return the rules that forbid the page every script and style but its own, and every request but to its own server."""
    connect = "'self'" if live else "'none'"
    return (
        f"default-src 'none'; style-src {_digest(styles())}; script-src {_digest(scripts())}; connect-src {connect}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    code = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{code}'"


def scripts() -> str:
    """Return the page's scripts as one: each only names things, and the page begins when all are read."""
    folder = resources.files("unrolled.inside").joinpath("page")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".js"))
    return "\n".join(_asset(name) for name in names)


def styles() -> str:
    """Return the page's styles: those of the reports first."""
    reports = resources.files("unrolled.view").joinpath("page.css").read_text(encoding="utf-8")
    return f"{reports}\n{_asset('page.css')}"


def _asset(name: str) -> str:
    return resources.files("unrolled.inside").joinpath("page", name).read_text(encoding="utf-8")
