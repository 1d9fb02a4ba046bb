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
    assert [without_folder(note, tmp_path.parent).partition(": ")[2] for note in rows.notes] == [
        "2 classes: neg (2), pos (2)",
        "1 row has an empty text",
    ]
    assert rows.form == LabelledForm("text")


def test_a_file_for_each_class(tmp_path: Path) -> None:
    write(tmp_path, "Khoury\n\n Nahas \r\nDaher", "Arabic.txt")
    write(tmp_path, gzip.compress(b"Abe\n"), "Japanese.txt.gz")
    write(tmp_path, "x\n", "Czech.text")
    write(tmp_path, "hidden\n", ".DS_Store")
    rows = read_labelled(tmp_path)
    assert list(rows.inputs) == ["Khoury", " Nahas ", "Daher", "x", "Abe"]
    assert list(rows.labels or ()) == ["Arabic"] * 3 + ["Czech", "Japanese"]
    assert without_folder(rows.where(2), tmp_path) == "Arabic.txt, line 4"


def notes_of(folder: Path) -> list[str]:
    return [note.removeprefix(f"{folder}: ") for note in read_labelled(folder).notes]


def test_classes_are_counted_and_what_is_left_out_is_named(tmp_path: Path) -> None:
    for name in "abcdefghij":
        write(tmp_path, "x\n" * 3, f"{name}.txt")
    for name in ("README", "readme.txt", "LICENSE-MIT", "SOURCE.txt", "x.md", "x.csv", "x.py"):
        write(tmp_path, "no row\n", name)
    write(tmp_path, "", "k.txt")
    write(tmp_path, "\n\n", "l.txt")
    assert set(read_labelled(tmp_path).labels or ()) == set("abcdefghij")
    assert notes_of(tmp_path) == [
        "10 classes: a (3), b (3), c (3), d (3), e (3), f (3), g (3), h (3) and 2 more",
        "left out, as no text of a class: LICENSE-MIT, README, SOURCE.txt, readme.txt, x.csv, x.md, x.py",
        "left out, as empty: k.txt, l.txt",
    ]


def test_files_of_which_no_suffix_is_the_most_are_classes(tmp_path: Path) -> None:
    for name in ("subj.objective", "subj.subjective", "about.md"):
        write(tmp_path, "x\n", name)
    assert notes_of(tmp_path) == [
        "2 classes: subj.objective (1), subj.subjective (1)",
        "left out, as no text of a class: about.md",
    ]
    write(tmp_path, "x\n", "y/pos.txt")
    write(tmp_path, "a,b\n", "y/train.csv")
    assert "this folder holds tables: train.csv" in refused(tmp_path / "y")
    write(tmp_path, "x\n", "z/README")
    assert "this folder holds no file of a class: README" in refused(tmp_path / "z")


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
