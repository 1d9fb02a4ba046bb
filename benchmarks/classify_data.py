"""The public data sets of the classification benchmarks, read from the folder of the data and split as the literature does.

Where no split is given, it is `unrolled.data.partition.stratified_parts` with a fifth for the test and seed 0.
"""

from __future__ import annotations

import csv
import io
import lzma
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled.data.partition import repeated_rows, stratified_parts


class Rows(NamedTuple):
    """Texts (N) or sequences of numbers (T, F) each, and the label of each."""

    inputs: Sequence[Any]
    labels: Sequence[str]

    def take(self, numbers: Sequence[int] | np.ndarray) -> Rows:
        """Return the rows with these numbers, in this order."""
        return Rows([self.inputs[int(i)] for i in numbers], [self.labels[int(i)] for i in numbers])


class Split(NamedTuple):
    """What is trained on and what is scored; ``key`` names it where there are several."""

    train: Rows
    test: Rows
    key: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it


def stratified(rows: Rows) -> list[Split]:
    """Return the one split of a fifth for the test, seed 0."""
    parts = stratified_parts(rows.labels, validation=0, test=0.2, seed=0)
    return [Split(rows.take(parts.train), rows.take(parts.test))]


def read_imdb(folder: Path) -> list[Split]:
    """25,000 film reviews to train on and 25,000 to test, two classes (Maas et al. 2011)."""
    return [Split(imdb_part(folder, "train"), imdb_part(folder, "test"))]


def imdb_part(folder: Path, name: str) -> Rows:
    """Return the reviews of one part, "train" or "test"."""
    text = lzma.decompress((folder / "imdb" / f"{name}.tsv.xz").read_bytes()).decode()
    # Not splitlines: some reviews hold U+0085.
    rows = [line.split("\t", 2) for line in text.rstrip("\n").split("\n")[1:]]
    return Rows([row[2] for row in rows], [row[0] for row in rows])


def read_trec6(folder: Path) -> list[Split]:
    """5,452 questions to train on and 500 to test, six coarse classes (Li & Roth 2002)."""

    def part(name: str) -> Rows:
        text = (folder / "trec6" / f"TREC.{name}").read_text(encoding="latin-1")
        rows = [line.split(" ", 1) for line in text.rstrip("\n").split("\n")]
        return Rows([row[1] for row in rows], [row[0].partition(":")[0] for row in rows])

    return [Split(part("train"), part("test"))]


def read_subj(folder: Path) -> list[Split]:
    """Ten folds of 5,000 subjective and 5,000 objective sentences (Pang & Lee 2004), stratified and shuffled with seed 0."""
    from sklearn.model_selection import StratifiedKFold

    inputs: list[str] = []
    labels: list[str] = []
    for label in ("objective", "subjective"):
        text = (folder / "subj" / f"subj.{label}").read_text(encoding="latin-1")
        lines = text.rstrip("\n").split("\n")
        inputs += lines
        labels += [label] * len(lines)
    rows = Rows(inputs, labels)
    folds = StratifiedKFold(10, shuffle=True, random_state=0).split(inputs, labels)
    return [
        Split(rows.take(train), rows.take(test), {"fold": number})
        for number, (train, test) in enumerate(folds)
    ]


def read_hotel(folder: Path) -> list[Split]:
    """7,766 Chinese reviews of hotels, two classes (ChnSentiCorp)."""
    return stratified(_hotel(folder))


def _hotel(folder: Path) -> Rows:
    path = folder / "chnsenticorp_hotel" / "ChnSentiCorp_htl_all.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return Rows([row["review"] for row in rows], [row["label"] for row in rows])


def read_online_shopping(folder: Path) -> list[Split]:
    """Chinese reviews of ten kinds of goods, two classes; rows that stand in the hotel reviews, too, are left out."""
    with zipfile.ZipFile(folder / "online_shopping_zh" / "online_shopping_10_cats.zip") as pack:
        text = pack.read("online_shopping_10_cats.csv").decode("utf-8-sig")
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    rows = Rows([row["review"] for row in read], [row["label"] for row in read])
    repeated = repeated_rows(_hotel(folder).inputs, rows.inputs)
    return stratified(rows.take(np.flatnonzero(~repeated)))


def read_mnist1d(folder: Path, order: Sequence[int] | np.ndarray = range(40)) -> list[Split]:
    """Digits as sequences of 40 numbers, 4,000 to train on and 1,000 to test (Greydanus 2020)."""
    with np.load(folder / "mnist1d" / "mnist1d.npz") as arrays:
        parts = [
            Rows(
                list(arrays[x][:, order, None].astype(np.float32)),
                [str(label) for label in arrays[y]],
            )
            for x, y in (("x", "y"), ("x_test", "y_test"))
        ]
    return [Split(parts[0], parts[1])]


def read_mnist1d_shuffled(folder: Path) -> list[Split]:
    """The same with its steps in one fixed random order."""
    return read_mnist1d(folder, np.random.default_rng(0).permutation(40))


def read_names(folder: Path) -> list[Split]:
    """20,000 surnames of 18 languages, a file each."""
    inputs: list[str] = []
    labels: list[str] = []
    for path in sorted((folder / "names_18lang").glob("*.txt")):
        if path.name != "SOURCE.txt":
            names = path.read_text(encoding="utf-8").split("\n")
            names = [name.strip() for name in names if name.strip()]
            inputs += names
            labels += [path.stem] * len(names)
    return stratified(Rows(inputs, labels))
