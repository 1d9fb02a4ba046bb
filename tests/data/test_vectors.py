"""Word vectors: every usual format gives the same, and what is none is refused with its line."""

from __future__ import annotations

import gzip
import lzma
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from unrolled.data import vectors as vectors_module
from unrolled.data.vectors import read_vectors
from unrolled.errors import InputError

GLOVE = "the 0.5 -1 2e-1\nfilm 1 2 3\n, 4 5 6\n房间 7 8 9\nThe 0 0 1\nfilm 9 9 9\n"


def written(folder: Path, content: str | bytes, name: str = "vectors.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(folder: Path, content: str | bytes, *wanted: str, name: str = "vectors.txt") -> str:
    path = written(folder, content, name)
    with pytest.raises(InputError) as caught:
        read_vectors(path, wanted or ("the",))
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(path), name)


@pytest.mark.parametrize("header", ["", "6 3\n"])
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
@pytest.mark.parametrize("separator", [" ", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_text_format(
    tmp_path: Path, header: str, end: str, separator: str, mark: str
) -> None:
    text = mark + header + GLOVE.replace(" ", separator).replace("\n", end)
    found = read_vectors(written(tmp_path, text), ["film", "房间", "missing", ",", "the"])
    assert found.words == ("film", "房间", ",", "the")
    assert found.rows.dtype == np.float32
    expected = np.array([[1, 2, 3], [7, 8, 9], [4, 5, 6], [0.5, -1, 0.2]], dtype=np.float32)
    np.testing.assert_array_equal(found.rows, expected)  # the second "film" does not count
    assert (found.dimension, found.read) == (3, 6)


def test_packed_files(tmp_path: Path) -> None:
    packed = {
        "v.txt.gz": gzip.compress(GLOVE.encode()),
        "v.txt.xz": lzma.compress(GLOVE.encode()),
    }
    paths = [written(tmp_path, data, name) for name, data in packed.items()]
    paths.append(tmp_path / "v.zip")
    with zipfile.ZipFile(paths[-1], "w") as archive:
        archive.writestr("v.txt", GLOVE)
    for path in paths:
        assert read_vectors(path, ["film"]).rows.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("block", [1, 3, 10, 1000])
def test_blocks_may_end_anywhere(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors_module, "_BLOCK", block)
    for text in (GLOVE, GLOVE.rstrip("\n"), "6 3\n" + GLOVE):
        found = read_vectors(written(tmp_path, text), ["房间", "the"])
        assert found.rows.round(3).tolist() == pytest.approx(np.array([[7, 8, 9], [0.5, -1, 0.2]]))
        assert found.read == 6


def test_small_letters_stand_in_where_the_word_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, GLOVE)
    found = read_vectors(path, ["FILM", "The", "film", "The"])
    assert found.words == ("FILM", "The", "film")
    assert found.rows.tolist() == [[1, 2, 3], [0, 0, 1], [1, 2, 3]]


def test_words_with_spaces(tmp_path: Path) -> None:
    """As in GloVe 840B: the last numbers are the vector, whatever stands before them."""
    text = "the 1 2\n. . . 3 4\n. 5 6\nat name@domain.com 7 8\nat 9 10\n"
    found = read_vectors(written(tmp_path, text), [".", "at", "the", ". . ."])
    assert found.words == (".", "at", "the", ". . .")
    assert found.rows.tolist() == [[5, 6], [9, 10], [1, 2], [3, 4]]


def test_a_number_may_be_the_first_word_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    found = read_vectors(written(tmp_path, "10 1 2\n\n7 3 4\n\n"), ["7", "10"])
    assert found.rows.tolist() == [[3, 4], [1, 2]]
    assert found.read == 2


def test_nothing_wanted(tmp_path: Path) -> None:
    found = read_vectors(written(tmp_path, GLOVE), [])
    assert (found.words, found.rows.shape, found.read) == ((), (0, 3), 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 2\nthe 1 x\n", "vectors.txt, line 2, number 2: 'x' is not a finite number"),
        ("2 2\na 1 2\nthe nan 2\n", "vectors.txt, line 3, number 1: 'nan' is not a finite number"),
        ("a 1 2\nthe 1\n", "vectors.txt, line 2: this line has 1 number after 'the'; expected 2, as line 1 has"),
        ("a 1 2\nthe 1 2 3\n", "vectors.txt, line 2: this line has 3 numbers after 'the'; expected 2, as line 1 has"),
        ("1 3\nthe 1 2\n", "vectors.txt, line 2: this line has 2 numbers after 'the'; expected 3, as the first line says"),
        ("5 300\n", "vectors.txt: it holds a header and no vector"),
        ("text,label\nfine,1\n", "vectors.txt, line 1: 'text,label' is no word and its vector"),
        ("", "vectors.txt: it is empty"),
        ("a 1 2\n", "vectors.txt: none of the 1 words is among its 1 vectors; expected vectors of the language"),
    ],
)  # fmt: skip
def test_what_is_no_vector_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text).startswith(message)


def test_lines_that_nobody_wants_are_not_looked_into(tmp_path: Path) -> None:
    found = read_vectors(written(tmp_path, "a 1 2\nb x\nthe 3 4\n"), ["the"])
    assert found.rows.tolist() == [[3, 4]]


def test_binary_files_say_what_to_do(tmp_path: Path) -> None:
    binary = b"2 3\nthe " + struct.pack("<3f", 0.5, 1, 2) + b"film " + struct.pack("<3f", 1, 2, 3)
    message = refusal(tmp_path, binary, name="news.bin")
    assert message.startswith(
        "news.bin: this is a binary word2vec file, not text; expected word vectors"
    )
    assert "save_word2vec_format('vectors.txt')" in message
    model = refusal(tmp_path, b"\xba\x16\x4f\x2f\x0c\0\0\0", name="cc.en.300.bin")
    assert model.startswith("cc.en.300.bin: this is a fastText model, not text")
    assert model.endswith("give the .vec file that belongs to it")
    other = refusal(tmp_path, b"\x93NUMPY\x01\x00v\x00", name="v.npy")
    assert other.startswith("v.npy: this is a binary file, not text")


def test_no_file_and_a_cut_off_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the file of word vectors does not exist"):
        read_vectors(tmp_path / "none.txt", ["the"])
    random = np.random.default_rng(0).normal(size=(200, 20))
    text = "".join(f"w{i} {' '.join(map(str, row))}\n" for i, row in enumerate(random))
    cut = gzip.compress(text.encode())[:-500]
    assert "this gzip file is damaged or cut off" in refusal(tmp_path, cut, name="v.gz")


def test_memory_is_that_of_the_wanted_words(tmp_path: Path) -> None:
    line = " ".join(["0.12345"] * 100)
    path = written(tmp_path, "".join(f"w{i} {line}\n" for i in range(30_000)))
    assert path.stat().st_size > 24e6
    tracemalloc.start()
    try:
        found = read_vectors(path, ["w0", "w29999"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.read == 30_000 and len(found.words) == 2
    assert peak < 20e6
