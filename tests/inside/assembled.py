"""The page put together from its files, as the package does it."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from typing import Any

from tests.inside.maker import Document
from unrolled.inside.page_words import DICTIONARY


def page_of(documents: list[Document], live: bool = False) -> str:
    """Return the page that shows ``documents``, of which a live one asks its server for the numbers."""
    place = resources.files("unrolled.inside") / "page"
    files = sorted(place.iterdir(), key=lambda file: file.name)
    script = "\n".join(file.read_text("utf-8") for file in files if file.name.endswith(".js"))
    style = "\n".join(
        [
            (resources.files("unrolled.view") / "page.css").read_text("utf-8"),
            *(file.read_text("utf-8") for file in files if file.name.endswith(".css")),
        ]
    )
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        f"connect-src {chr(39) + 'self' + chr(39) if live else chr(39) + 'none' + chr(39)}; "
        "base-uri 'none'; form-action 'none'"
    )
    data = "".join(
        f'<script type="application/json" id="{name}">{_json(value)}</script>\n'
        for name, value in [
            ("words", DICTIONARY),
            *((f"pane{at}", each) for at, each in enumerate([] if live else documents)),
        ]
    )
    skeleton = (place / "index.html").read_text("utf-8")
    parts = {"policy": policy, "live": "1" if live else "0", "panes": str(len(documents))}
    for name, text in {**parts, "style": style, "data": data, "script": script}.items():
        skeleton = skeleton.replace(f"@@{name}@@", text)
    return skeleton


def _digest(text: str) -> str:
    code = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{code}'"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
