"""Tagged sentences are the same from whatever they come, keep their place, and are refused with one clear line."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.data.labelled_of import write
from unrolled.data.tagged import TaggedForm, iter_tagged, read_in_pieces, read_tagged
from unrolled.data.tagged_columns import TagRequest
from unrolled.errors import InputError, OptionError

WORDS = [["EU", "rejects", '"'], ["#", "Peter", "a, b"]]
TAGS = [["B-ORG", "O", "O"], ["O", "B-PER", "I-PER"]]
TABS = 'EU\tB-ORG\nrejects\tO\n"\tO\n\n#\tO\nPeter\tB-PER\na, b\tI-PER\n'
RECORDS = [{"tokens": words, "tags": tags} for words, tags in zip(WORDS, TAGS, strict=True)]
JSONL = "".join(json.dumps(record) + "\n" for record in RECORDS)
LONG = {
    "sentence_id": [1, 1, 1, 2, 2, 2],
    "word": [word for words in WORDS for word in words],
    "tag": [tag for tags in TAGS for tag in tags],
}
CONLL_2003 = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

# NN O O
Peter NNP B-NP B-PER
B NNP I-NP I-PER
"""
CONLLU = """# newdoc id = 1
# text = He doesn't.
1\tHe\the\tPRON\tPRP\t_\t2\tnsubj\t_\t_
2-3\tdoesn't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdoes\tdo\tAUX\tVBZ\t_\t0\troot\t_\t_
3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_
3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_

# text = # 5
1\t#\t#\tSYM\tNN\t_\t0\troot\t_\t_
2\t5\t5\tNUM\tCD\t_\t1\tdep\t_\t_
"""


def parquet(frame: Any) -> bytes:
    packed = io.BytesIO()
    pl.DataFrame(frame).write_parquet(packed)
    return packed.getvalue()


def zipped(name: str, data: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


def refused(source: Any, kind: type[InputError] = InputError, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_tagged(source, **options)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert "\n" not in message
    return re.sub(r"/[\w/.-]*/test_\w+/", "", message)


def given(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize(
    ("name", "content", "second"),
    [
        ("a.conll", TABS, "line 5"),
        ("a", TABS, "line 5"),
        ("a.txt", TABS.replace("\n", "\r\n"), "line 5"),
        ("a.txt", TABS.replace("\n", "\r"), "line 5"),
        ("a.txt", TABS.replace("\n\n", "\n \t\n\n"), "line 6"),
        ("a.txt", "\ufeff" + TABS, "line 5"),
        ("a.txt", TABS.encode("utf-16"), "line 5"),
        ("a.tsv", "Token\tNER\n" + TABS, "line 6"),
        ("a.tsv", "# made by hand\n" + TABS, "line 6"),
        ("a.gz", gzip.compress(TABS.encode()), "line 5"),
        ("a.conll.xz", lzma.compress(TABS.encode()), "line 5"),
        ("a.zip", zipped("a.txt", TABS), "line 5"),
        ("a.csv", pl.DataFrame(LONG).write_csv(), "line 5"),
        ("a.csv", 'word,tag\nEU,B-ORG\nrejects,O\n",O\n\n#,O\nPeter,B-PER\n"a, b",I-PER\n', "line 6"),
        ("a.tsv", 'words\tlabels\n' + "EU rejects \"\tB-ORG O O\n# Peter a,_b\tO B-PER I-PER\n", "line 3"),
        ("a.jsonl", JSONL, "line 2"),
        ("a.jsonl", JSONL.replace("tokens", "words").replace("tags", "ner_tags"), "line 2"),
        ("a.json", json.dumps(RECORDS), "row 2"),
        ("a.parquet", parquet(RECORDS), "row 2"),
        ("a.parquet", parquet(LONG), "row 4"),
        ("a.parquet.xz", lzma.compress(parquet(LONG)), "row 4"),
    ],
)  # fmt: skip
def test_every_kind_of_file_holds_the_same(
    tmp_path: Path, name: str, content: str | bytes, second: str
) -> None:
    path = write(tmp_path, content, name)
    tagged = read_tagged(path)
    assert [[word.replace("a,_b", "a, b") for word in words] for words in tagged.sentences] == WORDS
    assert tagged.tags == TAGS
    assert tagged.where(1) == f"{path}, {second}"
    assert (tagged.form.scheme, tagged.form.units, len(tagged)) == ("iob2", "words", 2)
    assert tagged.notes == ()
    again = read_tagged(path, like=TaggedForm.from_dict(tagged.form.to_dict()))
    assert (again.sentences, again.tags, again.form) == (tagged.sentences, TAGS, tagged.form)


@pytest.mark.parametrize(
    "source",
    [
        (WORDS, TAGS),
        (np.array(WORDS), np.array(TAGS)),
        (pd.Series(WORDS), pd.Series(TAGS)),
        [list(zip(*both, strict=True)) for both in zip(WORDS, TAGS, strict=True)],
        RECORDS,
        {"tokens": WORDS, "tags": TAGS},
        pl.DataFrame(RECORDS),
        pd.DataFrame(RECORDS),
        pl.DataFrame(RECORDS).to_arrow(),
        LONG,
        pl.DataFrame(LONG),
        pd.DataFrame({**LONG, "sentence_id": [1, None, None, 2, None, None]}),
    ],
    ids=lambda source: type(source).__name__,
)
def test_every_kind_of_memory_holds_the_same(source: Any) -> None:
    tagged = read_tagged(source)
    assert (tagged.sentences, tagged.tags) == (WORDS, TAGS)
    assert tagged.where(1) == f"input, row {3 if 'word' in str(source) else 1}"


def test_text_with_tags_and_with_spans(tmp_path: Path) -> None:
    tags = [["B-PER", "I-PER", "O", "O"], ["O"]]
    assert read_tagged((["Bo Li ran .", "x"], ["B-PER I-PER O O", "O"])).tags == tags
    for spans in (
        '[[0, 5, "PER"]]',
        '[{"start": 0, "end": 5, "label": "PER"}]',
        '[{"start_offset": 0, "end_offset": 5, "labels": ["PER"], "id": 3}]',
    ):
        content = (
            f'{{"id": 7, "text": "Bo Li ran.", "spans": {spans}}}\n{{"text": "x", "spans": []}}\n'
        )
        tagged = read_tagged(write(tmp_path, content, "a.jsonl"))
        assert tagged.sentences == [["Bo", "Li", "ran", "."], ["x"]]
        assert tagged.tags == tags
    chinese = read_tagged([{"text": "王小明去NBA。", "entities": [[0, 3, "PER"], [4, 7, "ORG"]]}])
    assert chinese.sentences == [["王", "小", "明", "去", "NBA", "。"]]
    assert chinese.tags == [["B-PER", "I-PER", "I-PER", "O", "B-ORG", "O"]]
    assert chinese.form.units == "mixed"
    frame = pd.DataFrame({"text": ["Bo ran"], "spans": [[[0, 2, "PER"]]]})
    assert read_tagged(frame).tags == [["B-PER", "O"]]
    inside = read_tagged([{"text": "New York-based", "spans": [[0, 8, "LOC"]]}])
    assert inside.sentences == [["New", "York", "-based"]]


def test_conll_2003(tmp_path: Path) -> None:
    path = write(tmp_path, CONLL_2003, "a.txt")
    tagged = read_tagged(path)
    assert tagged.sentences == [["EU", "rejects"], ["#", "Peter", "B"]]
    assert tagged.tags == [["B-ORG", "O"], ["O", "B-PER", "I-PER"]]
    assert (tagged.form.text, tagged.form.tag) == ("1", "-1")
    assert tagged.notes == (
        f'{path}: of 4 columns, 1 holds the words and 4 the tags; name others: tag="NUMBER" (--tag NUMBER)',
    )
    for column in (3, "3", "-2"):
        chunks = read_tagged(path, tag_column=column)
        assert chunks.tags == [["B-NP", "B-VP"], ["O", "B-NP", "I-NP"]]
        assert chunks.notes == ()
    assert read_tagged(path, text_column=4, tag_column=1).sentences[0] == ["B-ORG", "O"]
    two = write(tmp_path, "Bo B-PER\n", "two.txt")
    assert read_tagged(two, like=tagged.form).tags == [["B-PER"]]


@pytest.mark.parametrize(
    ("column", "first"),
    [
        (None, ["PRON", "AUX", "PART"]),
        ("XPOS", ["PRP", "VBZ", "RB"]),
        ("deprel", ["nsubj", "root", "advmod"]),
        (4, ["PRON", "AUX", "PART"]),
        (-3, ["nsubj", "root", "advmod"]),
    ],
)
@pytest.mark.parametrize("name", ["a.conllu", "a.txt"])
def test_conllu(tmp_path: Path, column: Any, first: list[str], name: str) -> None:
    path = write(tmp_path, CONLLU, name)
    tagged = read_tagged(path, tag_column=column)
    assert tagged.sentences == [["He", "does", "n't"], ["#", "5"]]
    assert tagged.tags is not None
    assert tagged.tags[0] == first
    assert tagged.where(1) == f"{path}, line 10"
    again = read_tagged(path, like=tagged.form)
    assert (again.tags, again.notes) == (tagged.tags, ())


def test_columns_that_a_file_declares(tmp_path: Path) -> None:
    text = "# global.columns = ID FORM PARSEME:MWE UPOS\n# x = y\n1\tBo\t*\tPROPN\n1.1\ty\t_\t_\n"
    path = write(tmp_path, text, "a.conllup")
    assert read_tagged(path).tags == [["PROPN"]]
    assert read_tagged(path, tag_column="parseme:mwe").tags == [["*"]]


def test_words_that_are_numbered(tmp_path: Path) -> None:
    text = "#\tn-tv.de [2005]\n1\tBo\tB-PER\tO\n2\t#\tO\tO\n\n#\tx\n1\tSo\tO\tO\n"
    path = write(tmp_path, text, "a.tsv")
    assert read_tagged(path, tag_column=3).sentences == [["Bo", "#"], ["So"]]
    numbered = read_tagged(path, tag_column=3)
    assert read_tagged(path, like=TaggedForm("1", "-1")).sentences == [["Bo", "#"], ["So"]]
    two = write(tmp_path, "Bo O\n", "two.txt")
    assert read_tagged(two, like=TaggedForm("2", "-1")).sentences == [["Bo"]]
    assert read_tagged(path, like=numbered.form).tags == [["B-PER", "O"], ["O"]]
    path = write(tmp_path, "1 CD O\n\n2 CD O\n3 CD O\n", "b.conll")
    assert read_tagged(path).sentences == [["1"], ["2", "3"]]


def test_words_with_spaces(tmp_path: Path) -> None:
    path = write(tmp_path, "New York\tB-LOC\nis big\tO\n", "a.tsv")
    assert read_tagged(path).sentences == [["New York", "is big"]]


def test_the_user_names_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "w,x,y\nBo,1,PROPN\n\nran,2,VERB\n", "a.csv")
    tagged = read_tagged(path, text_column="w", tag_column="y")
    assert (tagged.sentences, tagged.tags) == ([["Bo"], ["ran"]], [["PROPN"], ["VERB"]])
    assert tagged.notes == (f"{path}: w holds the words and y the tags; columns not used: x",)
    rows = [{"a": ["Bo"], "b": ["X"], "tags": ["Y"]}]
    assert read_tagged(rows, text_column="a", tag_column="b").tags == [["X"]]
    other = read_tagged([{"words": ["Bo"], "tags": ["Y"]}], like=TaggedForm("a", "tags"))
    assert other.notes == (
        "input: there is no column 'a', which the model was trained on; 'words' is read",
    )


def test_broken_spans_are_mended_and_told(tmp_path: Path) -> None:
    text = "a\tB-X\nb\tI-X\n\nc\tO\nd\tI-X\n\ne\tB-X\nf\tI-Y\n"
    path = write(tmp_path, text, "a.conll")
    tagged = read_tagged(path)
    assert tagged.tags == [["B-X", "I-X"], ["O", "B-X"], ["B-X", "B-Y"]]
    first = f"{path}, line 4, word 2, 'I-X' behind 'O'"
    assert tagged.notes == (f"{path}: spans are broken at 2 places and mended, the first: {first}",)
    assert read_tagged(path, like=tagged.form, needs_tags=False).notes == ()
    (note,) = read_tagged(write(tmp_path, "a B-X\nb M-X\n", "b.bmes")).notes
    assert note.endswith("at 1 place and mended: " f"{tmp_path}/b.bmes, line 1, word 2, 'M-X' at the end")  # fmt: skip
    (note,) = read_tagged(([["a", "b"]], [["E-X", "S-X"]])).notes
    assert note.endswith("input, row 0, word 1, 'E-X' at the beginning")


def test_tags_are_written_in_the_scheme_of_the_model() -> None:
    bioes = [["a", "b", "c"]], [["B-X", "E-X", "S-Y"]]
    tagged = read_tagged(bioes, like=TaggedForm(scheme="iob2"))
    assert (tagged.tags, tagged.form.scheme) == ([["B-X", "I-X", "B-Y"]], "iob2")
    assert tagged.notes == ("input: tags are BIOES, and written in the model's IOB2",)
    assert read_tagged(bioes, like=TaggedForm(scheme="plain")).tags == bioes[1]
    assert read_tagged(([["a"]], [["O"]]), like=TaggedForm(scheme="bmes")).form.scheme == "bmes"
    assert read_tagged(([["a", "b"]], [["B_X", "I_X"]])).tags == [["B-X", "I-X"]]


def test_tags_that_are_no_spans_are_refused_where_the_model_has_spans(tmp_path: Path) -> None:
    like = TaggedForm(scheme="iob2")
    path = write(tmp_path, "a\tO\n\nb\tB-X\nc\tNOUN\n", "a.conll")
    with pytest.raises(InputError, match=r"a.conll, line 3, word 2: 'NOUN' marks no span.*IOB2"):
        read_tagged(path, like=like)
    assert len(read_tagged(path, like=like, needs_tags=False)) == 2
    alone = read_tagged(([["a", "b"]], [["S", "S"]]), like=TaggedForm(scheme="bmes"))
    assert (alone.tags, alone.form.scheme) == ([["S", "S"]], "bmes")


def test_a_mixture_of_encodings_is_told_where_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_bytes("今\tO\n天\tO\n\n".encode() + "明\tO\n".encode("gb18030"))
    with pytest.raises(InputError, match=r"line 4, byte 1 .*is not UTF-8.*encodings are mixed"):
        read_tagged(path)
    path.write_bytes("明\tO\n".encode("gb18030"))
    with pytest.raises(InputError, match=r"line 1.*convert it: iconv -f GB18030"):
        read_tagged(path)


def test_one_tag_that_marks_no_span_is_told_as_none_is_scored() -> None:
    (note,) = read_tagged(([["a", "b", "c"]], [["B-X", "I-X", "BX"]])).notes
    assert note == (
        "input, row 0, word 3: tags are taken as names, no spans are scored: 'BX' marks none"
    )
    (note,) = read_tagged(([["a", "b", "c"]], [["I-X", "M-X", "O"]])).notes
    assert note.endswith("their letters are of several schemes")
    assert read_tagged(([["a", "b"]], [["NOUN", "VERB"]])).notes == ()


def test_numbers_of_tags_are_names() -> None:
    tagged = read_tagged([{"tokens": ["a", "b"], "ner_tags": [3, 0], "pos_tags": [1, 1]}])
    assert (tagged.tags, tagged.form.scheme) == ([["3", "0"]], "plain")
    assert tagged.notes[0] == (
        "input: tokens holds the words and ner_tags the tags; columns not used: pos_tags"
    )
    assert "tags are numbers, taken as names" in tagged.notes[1]


def test_sentences_without_words(tmp_path: Path) -> None:
    source = [{"tokens": [], "tags": []}, *RECORDS]
    tagged = read_tagged(source)
    assert (tagged.sentences, tagged.where(0)) == (WORDS, "input, row 1")
    assert tagged.notes == ("input: 1 sentence without words is left out: input, row 0",)
    assert read_tagged(source, needs_tags=False).sentences == [[], *WORDS]
    lines = write(tmp_path, "Bo ran.\n\nSo what?\n", "a.txt")
    asked = read_tagged(lines, needs_tags=False)
    assert asked.sentences == [["Bo", "ran", "."], [], ["So", "what", "?"]]
    assert (asked.tags, asked.where(2)) == (None, f"{lines}, line 3")


CHARACTERS = TaggedForm("1", "-1", scheme="bmes", units="characters")


@pytest.mark.parametrize(
    ("text", "like", "sentences"),
    [
        ("Bo ran.\nShe did too.\n", None, [["Bo", "ran", "."], ["She", "did", "too", "."]]),
        ("BO RAN\nSHE DID\n", None, [["BO", "RAN"], ["SHE", "DID"]]),
        ("BO\nRAN\n", None, [["BO"], ["RAN"]]),
        ("World War I\n", None, [["World", "War", "I"]]),
        ("Bo B-PER\n", None, [["Bo"]]),
        ("Bo B-PER\nran O\n\nSo O\n", None, [["Bo", "ran"], ["So"]]),
        ("Bo NNP\nran VBD\n\n. .\n", TaggedForm("1", "-1"), [["Bo", "ran"], ["."]]),
        ("Bo\nran\n\nSo\n", None, [["Bo", "ran"], ["So"]]),
        ("Bo\tx\nran\ty\n", None, [["Bo", "ran"]]),
        ("王小明 去。\n你好\n\n好\n", CHARACTERS, [["王", "小", "明", "去", "。"], ["你", "好"], [], ["好"]]),
        ("王\n小\n\n去\n", CHARACTERS, [["王", "小"], ["去"]]),
        ('{"text": "Bo ran."}\n{"text": ""}\n', None, [["Bo", "ran", "."], []]),
        ('{"tokens": ["Bo", "ran."]}\n', None, [["Bo", "ran."]]),
        ('{"tokens": ["Bo"], "tags": ["O"]}\n{"tokens": ["ran"]}\n', None, [["Bo"], ["ran"]]),
        ('{ PUNCT\n} PUNCT\n\na NN\n', TaggedForm("1", "-1"), [["{", "}"], ["a"]]),
        ("", None, None),
    ],
)  # fmt: skip
def test_what_is_to_be_tagged(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    like: TaggedForm | None,
    sentences: list[list[str]] | None,
) -> None:
    path = write(tmp_path, text, "a.txt")
    if sentences is None:
        assert "the file is empty; expected sentences" in refused(path, needs_tags=False)
        return
    assert read_tagged(path, like=like, needs_tags=False).sentences == sentences
    given(monkeypatch, text.encode())
    is_bare = text in ("Bo\nran\n\nSo\n", "王\n小\n\n去\n")
    parts = list(iter_tagged("-", text_column=1 if is_bare else None, like=like, rows=1))
    assert [words for part in parts for words in part.sentences] == sentences


def test_tables_of_text_to_be_tagged(tmp_path: Path) -> None:
    for content in ("text\nBo ran.\nx\n", "id,text,label\n1,Bo ran.,pos\n2,x,neg\n"):
        path = write(tmp_path, content, "a.csv")
        assert read_tagged(path, needs_tags=False).sentences == [["Bo", "ran", "."], ["x"]]
    asked = read_tagged(pd.DataFrame({"text": ["Bo ran."]}), needs_tags=False)
    assert asked.sentences == [["Bo", "ran", "."]]
    for label in ('"pos"', "1", '["pos", "neg"]', "null"):
        path = write(tmp_path, f'{{"text": "Bo ran.", "label": {label}}}\n', "a.jsonl")
        sentence = ["Bo", "ran."] if "neg" in label else ["Bo", "ran", "."]
        assert read_tagged(path, needs_tags=False).sentences == [sentence]
    blank = write(tmp_path, "Bo\tB-PER\nran\t\n", "a.conll")
    assert read_tagged(blank, needs_tags=False).tags is None
    for column in (2, 7):
        assert read_tagged(blank, tag_column=column, needs_tags=False).sentences == [["Bo", "ran"]]
    rows = [{"tokens": ["Bo"], "x": ["A"], "tags": ["B"]}]
    for column, tags in (("x", [["A"]]), (2, [["A"]]), (7, None), ("y", None)):
        assert read_tagged(rows, tag_column=column, needs_tags=False).tags == tags
    bare = write(tmp_path, "word\nBo\nran\n", "bare.conll")
    assert read_tagged(bare, like=TaggedForm("word"), needs_tags=False).sentences == [["Bo", "ran"]]


def test_sentences_are_given_as_they_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.RawIOBase):
        def __init__(self, blocks: Iterator[bytes]) -> None:
            self.blocks = blocks

        def read1(self, size: int) -> bytes:
            return next(self.blocks, b"")

    came: list[str] = []

    def blocks() -> Iterator[bytes]:
        for line in ("# x = y", "1\tBo\tO", "2\tran\tO", "", "1\tSo\tO"):
            came.append(line)
            yield f"{line}\n".encode()

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Slow(blocks())))
    parts = iter_tagged("-")
    assert next(parts).sentences == [["Bo", "ran"]]
    assert came[-1] == ""
    assert [part.sentences for part in parts] == [[["So"]]]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (
        TABS.encode(),
        gzip.compress(JSONL.encode()),
        parquet(LONG),
        TABS.encode("utf-16"),
    ):
        given(monkeypatch, data)
        assert read_tagged("-").sentences == WORDS
        given(monkeypatch, data)
        parts = list(iter_tagged("-", needs_tags=True))
        assert [tags for part in parts for tags in part.tags or []] == TAGS
    given(monkeypatch, b" \n")
    with pytest.raises(InputError, match="stdin is empty"):
        list(iter_tagged("-"))


@pytest.mark.parametrize("kind", ["columns", "rows", "words"])
def test_pieces_give_the_same_as_the_whole(tmp_path: Path, kind: str) -> None:
    rows = [([f"word{n}"] * (n % 5 + 1), ["O"] * (n % 5) + ["B-X"]) for n in range(4000)]
    if kind == "columns":
        pairs = ["".join(map("{}\t{}\n".format, words, tags)) for words, tags in rows]
        path = write(tmp_path, "\n".join(pairs), "a.conll")
    elif kind == "rows":
        lines = (json.dumps({"tokens": words, "tags": tags}) for words, tags in rows)
        path = write(tmp_path, "\n".join(lines), "a.jsonl")
    else:
        lines = (
            json.dumps({"sent_id": n, "word": word, "tag": tag})
            for n, (words, tags) in enumerate(rows)
            for word, tag in zip(words, tags, strict=True)
        )
        path = write(tmp_path, "\n".join(lines), "a.jsonl")
    tagged = read_in_pieces(path, TagRequest(), size=1000)
    assert list(zip(tagged.sentences, tagged.tags or [], strict=True)) == rows
    before = sum(len(words) for words, _ in rows[:-1])
    last = {"columns": before + 4000, "rows": 4000, "words": before + 1}[kind]
    assert tagged.where(3999) == f"{path}, line {last}"
    # A word that comes again is the same object.
    assert tagged.sentences[4][0] is tagged.sentences[4][4]
    parts = list(iter_tagged(path, needs_tags=True, rows=300))
    assert [words for part in parts for words in part.sentences] == [words for words, _ in rows]
    assert max(map(len, parts)) <= 300
    assert parts[-1].where(len(parts[-1]) - 1) == tagged.where(3999)


def test_a_file_without_empty_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a O\n" * 1001, "a.txt")
    assert refused(path) == (
        "a.txt, line 1 and on: no empty line ends a sentence in 1,001 lines of words; expected an empty line "
        "after each sentence; put one there, or after each paragraph"
    )
    assert len(read_tagged(path, needs_tags=False)) == 1
    tagged = read_tagged(write(tmp_path, "a O\n\n" + "a O\n" * 1001, "a.txt"))
    assert tagged.notes == (
        f"{path}, line 3: this sentence has 1,001 words; an empty line may be missing in it",
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "a b O\n\nc O\n", "a.txt, line 3: this line has 2 columns; expected 3, as in line 1; give each"),
        ("a.txt", "a O\n O\n", "a.txt, line 2: this line has 1 column; expected 2"),
        ("a.txt", "a\tO\n\tO\n", "a.txt, line 2, column 1: the word is missing; expected a word and its tag"),
        ("a.txt", "w\ttag\nword\ttag\na\t \n", "a.txt, line 3, column 2: the tag is missing"),
        ("a.txt", "word\ttag\na\t\n", "a.txt, line 2, column tag: the tag is missing"),
        ("a.txt", "a\nb\n", "a.txt: there is one column and no tags; expected a word and its tag in each line"),
        ("a.txt", "", "a.txt: the file is empty; expected sentences; give a file with some"),
        ("a.txt", "\n \n", "a.txt: the file is empty"),
        ("a.txt", "# a b\n\n-DOCSTART- -X- O\n", "a.txt: there are no sentences"),
        ("a.conllu", "1\tBo\tPROPN\n", "a.conllu, line 1: this line has 3 columns; expected 10, as ID, FORM, LEMMA"),
        ("a.conllu", CONLLU.replace("\n2\t", "\nx\t"), "line 5, column ID: 'x' is no number of a word"),
        ("a.conllu", "1\ta" + "\t_" * 8 + "\n", "a.conllu: every tag is '_'; expected tags; name another column"),
        ("a.csv", "foo,bar\na,O\n", "line 1: this line may be a word with its tag, or the names of the columns: 'foo,bar'"),
        ("a.tsv", "a b\tO O\nc d\tO\n", "a.tsv, line 2: there are 2 words and 1 tags"),
        ("a.jsonl", JSONL.replace('"O", "O"', '"O"'), "a.jsonl, line 1: there are 3 words and 2 tags; expected a tag for each word"),
        ("a.jsonl", JSONL + "{\n", "a.jsonl, line 3: this is not JSON"),
        ("a.jsonl", JSONL + "[1]\n", "a.jsonl, line 3: this row is [1]; expected an object"),
        ("a.jsonl", JSONL + '{"tokens": ["a"]}\n', "a.jsonl, line 3: there is no 'tags'; expected words and tags"),
        ("a.jsonl", JSONL.replace('"rejects"', "null"), "a.jsonl, line 1, word 2: None is no text"),
        ("a.jsonl", JSONL.replace('"rejects"', '""'), "a.jsonl, line 1, word 2: there is nothing here"),
        ("a.jsonl", '{"tokens": ["a"], "tags": {"b": 1}}\n', "a.jsonl, line 1: {'b': 1} is no list of tags"),
        ("a.jsonl", '{"text": "a b"}\n', "which column holds the tags cannot be told: text; expected one called tags"),
        ("a.jsonl", '{"x": "a b"}\n', 'which column holds the words cannot be told: x; expected one called tokens; name it: text="NAME"'),
        ("a.jsonl", '{"word": "a", "tag": "O"}\n' * 2, "line 1 and on: each row holds one word, and no column tells the sentences apart"),
        ("a.jsonl", '{"sent_id": 1, "word": "a", "tag": "O"}\n{"sent_id": 1, "word": null, "tag": "O"}\n', "a.jsonl, line 2: None is no text"),
        ("a.jsonl", '{"text": "Bo Li", "spans": [[0, 4, "X"], [3, 5, "Y"]]}\n', "a.jsonl, line 1: the spans 'Bo L' and 'Li' overlap"),
        ("a.jsonl", '{"text": "Bo", "spans": [[0, 3, "X"]]}\n', "a span from 0 to 3; expected [start, end, \"LABEL\"] or an object with these"),
        ("a.jsonl", '{"text": "Bo", "spans": [[0, "X"]]}\n', "[0, 'X'] is no span"),
        ("a.jsonl", '{"text": "B  o", "spans": [[1, 3, "X"]]}\n', "the span from 1 to 3 holds no word"),
        ("a.jsonl", '{"tokens": ["Bo"], "spans": [[0, 2, "X"]]}\n', "spans stand beside a list of words"),
        ("a.txt", "他 O\n".encode() + "王 O\n".encode("gb18030"), "a.txt, line 2, byte 1 of the line (7 of the file): byte 0xCD is not UTF-8"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    assert message in refused(write(tmp_path, content, name))


def test_columns_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, CONLLU, "a.conllu")
    assert refused(path, OptionError, tag_column="UPOSS") == (
        "a.conllu: there is no column 'UPOSS' (tag); expected one of ID, FORM, LEMMA, UPOS, XPOS, FEATS, HEAD, "
        "DEPREL, DEPS, MISC; did you mean 'UPOS'?"
    )
    path = write(tmp_path, CONLL_2003, "a.txt")
    for column in ("POS", 5, 0, "-5"):
        assert "there is no column" in refused(path, OptionError, tag_column=column)
    assert "the words are the last column" in refused(path, text_column=4)
    assert "there is no column 'x' (text)" in refused(RECORDS, OptionError, text_column="x")
    with pytest.raises(OptionError, match="rows=0"):
        list(iter_tagged(RECORDS, rows=0))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (5, "sentences cannot be read from an object of type int"),
        ([], "input: there are no sentences"),
        ([["a"]], "input, row 0: there are no tags; expected a tag for each word; give (sentences, tags)"),
        ((WORDS, TAGS[:1]), "there are 2 sentences and tags for 1"),
        ((WORDS, [["O"], ["O"]]), "input, row 0: there are 3 words and 1 tags"),
        ([[("a", "O", "x")]], "('a', 'O', 'x') is no word with its tag"),
        (([[None]], [["O"]]), "input, row 0, word 1: None is no text"),
        (([[True]], [["O"]]), "input, row 0, word 1: True is no text"),
        (([["\ud800"]], [["O"]]), "holds half a character"),
        ({"tokens": WORDS, "tags": TAGS[:1]}, "the columns have 2 (tokens), 1 (tags) rows"),
        ("no.conll", "no.conll: the file does not exist"),
    ],
)  # fmt: skip
def test_what_memory_cannot_hold_is_refused(source: Any, message: str) -> None:
    assert message in refused(source)
