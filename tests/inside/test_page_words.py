"""The words of the page: both languages say the same things, and the page says nothing else."""

from __future__ import annotations

import re
import string
from importlib import resources

from unrolled.inside.page_words import CHINESE, ENGLISH


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def scripts() -> str:
    place = resources.files("unrolled.inside") / "page"
    return "\n".join(
        file.read_text("utf-8") for file in place.iterdir() if file.name.endswith((".js", ".html"))
    )


def test_languages_have_the_same_words_and_gaps() -> None:
    # An English gate's name stands in the docstring already; only other languages need a word for it.
    only_chinese = {key for key in CHINESE if key not in ENGLISH}
    assert all(key.startswith("gate.") for key in only_chinese)
    assert set(ENGLISH) <= set(CHINESE)
    assert {key for key in ENGLISH if gaps(ENGLISH[key]) != gaps(CHINESE[key])} == set()


def test_every_word_the_page_says_is_there_and_every_word_is_said() -> None:
    source = scripts()
    literal = set(re.findall(r"\"([a-z_]+(?:\.[a-z_]+)?)\"", source)) & set(ENGLISH)
    said = set(re.findall(r"say\(\"([^\"]+)\"", source))
    assert said - set(ENGLISH) == set()
    families = set(re.findall(r"say(?:Or)?\(`(\w+)\.\$\{", source))
    titles = {key for key in ENGLISH if key.endswith((".title", ".lead"))}
    unused = {
        key
        for key in ENGLISH
        if key not in literal and key.partition(".")[0] not in families and key not in titles
    }
    assert unused == set()


def test_scripts_are_plain() -> None:
    for line in scripts().splitlines():
        assert len(line) < 120, line
        assert "innerHTML" not in line
        assert "insertAdjacentHTML" not in line
        assert "eval(" not in line
