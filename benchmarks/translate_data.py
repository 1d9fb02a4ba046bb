"""The data sets of the translation benchmarks: how each is read and split, and the options that differ from the defaults.

What is trained is in two tables: `RECIPES` by data set, and `CELLS` by cell. Everything else is the job's default.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.variants import Recipe


class Texts(NamedTuple):
    """N sources and their targets."""

    sources: list[str]
    targets: list[str]

    def take(self, rows: Any) -> Texts:
        """Return these rows, in this order."""
        return Texts([self.sources[int(i)] for i in rows], [self.targets[int(i)] for i in rows])


class Split(NamedTuple):
    """What is trained on and what is scored; without ``validation`` the job holds it out of ``train``."""

    train: Texts
    test: Texts
    validation: Texts | None = None

    def first(self, pairs: int | None) -> Split:
        """Return at most so many pairs of each part, for a trial."""
        if pairs is None:
            return self
        return Split(*(part and part.take(range(len(part.sources))[:pairs]) for part in self))


CELLS: Mapping[str, Mapping[str, Any]] = {
    # Within 1 % of the parameters of the recurrent one: 3 blocks write what 4 have read.
    "transformer": {
        "hidden_size": 256,
        "layers": 3,
        "encoder_layers": 4,
        "heads": 4,
        "learning_rate": 1e-3,
        "warmup_steps": 1000,
    },
}
"""Options that a cell needs beside the recipe of the data."""


def options_of(name: str, **variant: Any) -> dict[str, Any]:
    """Return the options of a data set and a variant of the network: those of the variant count most."""
    return {**RECIPES[name].options, **CELLS.get(variant.get("cell", ""), {}), **variant}


def multi30k(source: str, target: str) -> Callable[[Path], Split]:
    """Return what reads 29,000 captions of pictures, 1,014 to choose by and the 1,000 of test2016 (Elliott et al. 2016)."""

    def read(folder: Path) -> Split:
        def part(name: str) -> Texts:
            files = (
                folder / "multi30k" / "tok" / f"{name}.lc.norm.tok.{language}"
                for language in (source, target)
            )
            return Texts(*(lines(file.read_bytes()) for file in files))

        return Split(part("train"), part("test_2016_flickr"), part("val"))

    return read


def multi30k_first(pairs: int) -> Callable[[Path], Split]:
    """Return what reads the first pairs of Multi30k de-en and its test part; the job holds its validation out of them."""

    def read(folder: Path) -> Split:
        whole = multi30k("de", "en")(folder)
        return Split(whole.train.take(range(pairs)), whole.test)

    return read


def tatoeba(source: int, target: int) -> Callable[[Path], Split]:
    """Return what reads Chinese and English sentences, one of each source, 5 % of them drawn for the test (seed 0)."""

    def read(folder: Path) -> Split:
        first: dict[str, str] = {}
        for row in table((folder / "tatoeba_cmn_eng" / "cmn.txt").read_bytes()):
            first.setdefault(row[source], row[target])
        texts = Texts(list(first), list(first.values()))
        order = np.random.default_rng(0).permutation(len(first))
        held = round(0.05 * len(first))
        return Split(texts.take(np.sort(order[held:])), texts.take(np.sort(order[:held])))

    return read


BOOKS = ("史记", "战国策", "世说新语", "孟子")
BLOCK, HELD = 500, 4
"""Lines of a block, and which of every ten blocks is held out, from 0."""


def classical_modern(folder: Path) -> Split:
    """Read four books line by line; the files do not show where a chapter begins, so blocks of lines are held out."""
    train, test = Texts([], []), Texts([], [])
    for book in BOOKS:
        packed = folder / "classical_modern_zh" / f"{book}.tsv.xz"
        for number, row in enumerate(table(lzma.decompress(packed.read_bytes()))):
            part = test if number // BLOCK % 10 == HELD else train
            part.sources.append(row[0])
            part.targets.append(row[1])
    return Split(train, test)


def reuters(folder: Path) -> Split:
    """Read 7,769 news to train on and 3,019 to test, as Reuters-21578 gives them (ModApte): the text, and its headline."""

    def part(name: str) -> Texts:
        packed = folder / "reuters_headlines" / f"{name}.tsv.xz"
        rows = table(lzma.decompress(packed.read_bytes()))[1:]
        return Texts([row[1] for row in rows], [row[0] for row in rows])

    return Split(part("training"), part("test"))


def lines(content: bytes) -> list[str]:
    """Return the lines of a file; not splitlines, which cuts at other signs too."""
    return content.decode("utf-8-sig").rstrip("\n").split("\n")


def table(content: bytes) -> list[list[str]]:
    """Return the columns of every line."""
    return [line.split("\t") for line in lines(content)]


_MULTI30K = "29,000 captions to train on, 1,014 to choose the weights by, test2016, tokenised files"
_TATOEBA = "one pair of each source, 95/5 drawn with seed 0"
RECIPES: Mapping[str, Recipe] = {
    "multi30k_de_en": Recipe(
        multi30k("de", "en"),
        _MULTI30K,
        "LSTM 13.8, GRU 20.6, GRU with attention 28.3, small Transformer 36.5",
        options={"tokenize": "none"},
        seeds=3,
    ),
    "multi30k_en_de": Recipe(multi30k("en", "de"), _MULTI30K, options={"tokenize": "none"}),
    "multi30k_en_fr": Recipe(multi30k("en", "fr"), _MULTI30K, options={"tokenize": "none"}),
    "tatoeba_zh_en": Recipe(tatoeba(1, 0), _TATOEBA, examples=10),
    "tatoeba_en_zh": Recipe(tatoeba(0, 1), _TATOEBA, examples=10),
    "classical_modern": Recipe(
        classical_modern,
        "four books, the fifth of every ten blocks of 500 lines in each held out",
        metric="chrf",
        examples=10,
    ),
    "multi30k_6000": Recipe(
        multi30k_first(6000),
        "the first 6,000 pairs of de-en, the defaults and 8 minutes, test2016",
        options={"tokenize": "none", "max_minutes": 8},
    ),
    "reuters": Recipe(
        reuters,
        "7,769 news to train on and 3,019 to test, as given; a headline for a text",
        metric="rouge_l",
        examples=10,
    ),
}
"""By data set."""
