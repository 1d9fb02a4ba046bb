"""Folders whose sub-folders or files are classes."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.data.labelled_of import refused, without_folder, write
from unrolled.data.labelled import LabelledForm, read_labelled


def test_a_sub_folder_for_each_class(tmp_path: Path) -> None:
    write(tmp_path, "good\nfilm\n", "pos/2.txt")
    write(tmp_path, "fine", "pos/1.txt")
    write(tmp_path, gzip.compress("坏".encode()), "neg/a.txt.gz")
    write(tmp_path, "", "neg/b.txt")
    write(tmp_path, b"\xff", "neg/.hidden")
    rows = read_labelled(tmp_path)
    assert list(rows.inputs) == ["坏", "", "fine", "good\nfilm"]
    assert list(rows.labels or ()) == ["neg", "neg", "pos", "pos"]
    assert without_folder(rows.where(3), tmp_path) == "pos/2.txt"
    assert "1 row has an empty text" in rows.notes[0]
    assert rows.form == LabelledForm("text")


def test_a_file_for_each_class(tmp_path: Path) -> None:
    write(tmp_path, "Khoury\n\n Nahas \r\nDaher", "Arabic.txt")
    write(tmp_path, gzip.compress(b"Abe\n"), "Japanese.txt.gz")
    write(tmp_path, "x\n", "subj.objective")
    write(tmp_path, "hidden\n", ".DS_Store")
    rows = read_labelled(tmp_path)
    assert list(rows.inputs) == ["Khoury", " Nahas ", "Daher", "Abe", "x"]
    assert list(rows.labels or ()) == ["Arabic"] * 3 + ["Japanese", "subj.objective"]
    assert without_folder(rows.where(2), tmp_path) == "Arabic.txt, line 4"


def test_folders_that_are_neither(tmp_path: Path) -> None:
    assert refused(tmp_path, needs_labels=False).endswith(
        "one text file for each class with a text a line"
    )
    assert "this folder is empty" in refused(tmp_path)
    write(tmp_path, "a", "pos/1.txt")
    write(tmp_path, "a", "README")
    assert "this folder holds folders (pos) and files (README)" in refused(tmp_path)
    write(tmp_path, "a", "x/train/pos/1.txt")
    assert "the folder of this class holds folders (pos)" in refused(tmp_path / "x")
    (tmp_path / "y" / "pos").mkdir(parents=True)
    assert "the folder of this class is empty" in refused(tmp_path / "y")
    write(tmp_path, "a,b\n", "z/train.csv")
    assert "this folder holds tables: train.csv" in refused(tmp_path / "z")
    write(tmp_path, b"\x89PNG\x00", "p/cat/1.png")
    assert "p/cat/1.png" in str(refused(tmp_path / "p"))
    numbers = LabelledForm("numbers")
    assert "the model reads numbers, and this holds text" in refused(tmp_path / "p", like=numbers)
