"""The page: complete in itself, safe whatever it is given, small, and written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest

from tests.view.markup import read, tree, words
from unrolled.errors import InputError, OptionError
from unrolled.view import (
    Axis,
    Gallery,
    Headline,
    Headlines,
    Line,
    LineChart,
    Report,
    Section,
    key_facts,
    render,
    score_table,
    write_report,
)
from unrolled.view import report as report_module
from unrolled.view.facts import fact_text
from unrolled.view.words import DICTIONARY, Phrase, listed, phrase, say

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def full_report(language: str = "en", title: str = "Title") -> Report:
    chart = LineChart(title, [Line(title, [1, 2, 3], [1.0, 3.0, 2.0])], x=Axis(title, title))
    blocks = [
        chart,
        Gallery(title, [chart, chart], title),
        score_table({"model": {"mae": 1.0}, title: {"mae": 2.0}}, title=title),
        key_facts({"cell": title, title: title, "seed": 7}, title=title),
        Headlines([Headline(title, title, title)]),
    ]
    sections = [Section(f"{title} {n}", f"{title}\n\nsecond", blocks) for n in range(3)]
    return Report(title, language, [title, "More."], sections)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_complete_in_itself(language: str) -> None:
    page = render(full_report(language))
    parsed = read(page)
    addresses = set(re.findall(r"https?://[^\s\"'<>]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    links = {(name, value) for name, value in parsed.attributes if name in ("src", "href")}
    assert all(name == "href" and value.startswith("#section-") for name, value in links)
    assert not {"link", "img", "iframe", "object"} & set(parsed.names)
    assert "@import" not in page
    assert "url(" not in page
    assert ("lang", {"en": "en", "zh": "zh-CN"}[language]) in parsed.attributes


def test_the_policy_allows_the_pages_own_script_and_nothing_else() -> None:
    page = render(full_report())
    script = page.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"


def test_nothing_given_becomes_markup() -> None:
    page = render(full_report(title=EVIL))
    parsed = read(page)
    assert parsed.names.count("script") == 1
    assert "img" not in parsed.names
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert EVIL in parsed.texts


def test_the_page_is_well_formed() -> None:
    root = tree(render(full_report()))
    assert [heading.text for heading in root.iter("h2")] == ["Title 0", "Title 1", "Title 2"]
    assert [link.get("href") for link in root.iter("a")] == [f"#section-{n}" for n in (1, 2, 3)]
    identities = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(identities)) == len(identities)


def test_paragraphs_are_parted_by_empty_lines() -> None:
    report = Report("t", sections=[Section("s", "one\nline\n\ntwo\n \nthree")])
    texts = [words(paragraph) for paragraph in tree(render(report)).iter("p")]
    assert texts[1:4] == ["one\nline", "two", "three"]


def test_an_empty_report_is_a_page() -> None:
    for language in ("en", "zh"):
        read(render(Report("", language)))


def test_twenty_long_charts_are_less_than_a_megabyte() -> None:
    rng = np.random.default_rng(0)
    x = np.arange(100_000)
    lines = [Line(name, x, rng.normal(size=100_000)) for name in ("training", "validation")]
    charts = [LineChart(f"chart {n}", lines) for n in range(20)]
    page = render(Report("many", sections=[Section("all", "", charts)]))
    assert len(page.encode()) < 1_000_000


def test_the_report_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "报告.html"
    assert write_report(target, full_report("zh")) == target
    assert target.read_text(encoding="utf-8") == render(full_report("zh"))
    assert [path.name for path in target.parent.iterdir()] == ["报告.html"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask


def test_a_write_that_fails_leaves_the_old_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_module.os, "fsync", full_disk)
    with pytest.raises(InputError, match=r"report.html: .*No space left on device"):
        write_report(target, full_report())
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/report.html: the report cannot be written"):
        write_report(tmp_path / "file" / "report.html", full_report())
    with pytest.raises(InputError, match="cannot be written"):
        write_report(tmp_path, full_report())


def test_an_unknown_language_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="language='english'"):
        write_report(tmp_path / "report.html", full_report("english"))
    assert list(tmp_path.iterdir()) == []


def test_both_languages_say_the_same() -> None:
    english, chinese = DICTIONARY["en"], DICTIONARY["zh"]
    assert english.keys() == chinese.keys()
    for key in english:
        gaps = [set(re.findall(r"{(\w+)}", words[key])) for words in (english, chinese)]
        if not key.startswith("date."):
            assert gaps[0] == gaps[1], key


def test_no_phrase_is_missing_and_none_is_idle() -> None:
    folder = Path(report_module.__file__).parent
    paths = [path for path in folder.glob("*.py") if path.stem not in ("english", "chinese")]
    sources = "".join(path.read_text(encoding="utf-8") for path in paths)
    sources = re.sub(r"^ *(>>>|\().*", "", sources, flags=re.MULTILINE)  # examples in docstrings
    keys = DICTIONARY["en"].keys()
    for key in re.findall(r'phrase\(\s*"([^"]+)"', sources):
        assert key in keys
    mentioned = set(re.findall(r'f?"([a-z]+\.[^" ]+|[a-z_]+)"', sources))
    patterns = [re.compile(re.sub(r"\\{.*?\\}", ".+", re.escape(name))) for name in mentioned]
    assert [key for key in keys if not any(p.fullmatch(key) for p in patterns)] == []


def test_gaps_are_filled_with_text_and_phrases() -> None:
    assert say(phrase("steps_back", count="{0.__class__}")) == "{0.__class__} steps back"
    assert say(listed(["a", Phrase("method.naive"), "c"]), "zh") == "a、朴素法、c"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("parameters", 41217, "41,217"),
        ("seed", 20240101, "20240101"),
        ("learning_rate", 0.0003, "0.0003"),
        ("seconds", 0.25, "250 ms"),
        ("seconds", 59.96, "60.0 s"),
        ("train_seconds", 3725, "1 h 2 min"),
        ("layers", None, "–"),
        ("lags", [1, 7, 365], "1, 7, 365"),
        ("lags", [], "–"),
        ("clipped", True, "yes"),
        ("cell", "lstm", "lstm"),
    ],
)
def test_facts_are_written_for_readers(name: str, value: object, expected: str) -> None:
    assert say(fact_text(name, value)) == expected
