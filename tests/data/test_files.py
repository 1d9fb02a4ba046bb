"""Every kind of file that can be read gives the same table; every kind that cannot says why."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sys
import zipfile
from collections.abc import Callable
from types import SimpleNamespace

import polars as pl
import pytest

from tests.data.tables_of import Folder
from unrolled.data.series import read_panel
from unrolled.data.tables import read_table
from unrolled.errors import InputError

CSV = "ds,y\n2024-01-01,1\n2024-01-02,2.5\n2024-01-03,4\n"
FRAME = pl.read_csv(CSV.encode(), try_parse_dates=True)


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return packed.getvalue()


def parquet() -> bytes:
    packed = io.BytesIO()
    FRAME.write_parquet(packed)
    return packed.getvalue()


def jsonl() -> str:
    rows = zip(["2024-01-01", "2024-01-02", "2024-01-03"], [1, 2.5, 4], strict=True)
    return "\n".join(json.dumps({"ds": ds, "y": y}) for ds, y in rows) + "\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.csv", CSV.replace("\n", "\r\n")),
        ("a.csv", CSV.replace("\n", "\r")),
        ("a.csv", CSV.rstrip("\n")),
        ("a.csv", "\n" + CSV.replace("\n", "\n\n")),
        ("a.csv", "\ufeff" + CSV),
        ("a.csv", CSV.replace(",", ", ")),
        ("a.csv", 'ds,"y"\n"2024-01-01","1"\n"2024-01-02","2.5"\n"2024-01-03","4"\n'),
        ("a.csv", CSV.encode("utf-16")),
        ("a.csv", CSV.replace(",", ";")),
        ("a.txt", CSV.replace(",", "|")),
        ("a.csv", CSV.replace(",", "\t")),
        ("a.tsv", CSV.replace(",", "\t")),
        ("a", CSV),
        ("a.jsonl", jsonl()),
        ("a.ndjson", "\ufeff\n" + jsonl().replace("\n", "\n\n")),
        ("a.txt", jsonl()),
        ("a.json", json.dumps([json.loads(line) for line in jsonl().splitlines()], indent=1)),
        ("a.parquet", parquet()),
        ("a.csv.gz", gzip.compress(CSV.encode())),
        ("a.csv.xz", lzma.compress(CSV.encode())),
        ("a.csv.zip", zipped(a__csv=CSV.encode())),
        ("a.zip", zipped(a__tsv=CSV.replace(",", "\t").encode(), **{"__MACOSX/x": b"1"})),
        ("wrong-name.csv", gzip.compress(CSV.encode())),
        ("a.jsonl.gz", gzip.compress(jsonl().encode())),
        ("a.parquet.xz", lzma.compress(parquet())),
    ],
)
def test_every_kind_of_file_holds_the_same_panel(
    folder: Folder, name: str, content: str | bytes
) -> None:
    panel = folder.read(content, name=name)
    assert panel.freq is not None
    assert panel.freq.name == "daily"
    assert panel.series[0].times.astype("datetime64[D]").astype(str).tolist() == [
        "2024-01-01", "2024-01-02", "2024-01-03",
    ]  # fmt: skip
    assert panel.series[0].target.tolist() == [1, 2.5, 4]
    assert panel.notes == ()


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(CSV.encode())))
    assert read_panel("-").series[0].target.tolist() == [1, 2.5, 4]
    bad = CSV.replace("2.5", "two")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(bad.encode())))
    with pytest.raises(InputError, match=r"^stdin, row 3, column y: 'two' is text"):
        read_panel("-")


def test_one_number_in_a_line(folder: Folder) -> None:
    panel = folder.read("1\n2.5\n-4e1\n", name="a.txt")
    assert panel.freq is None
    assert panel.series[0].times.tolist() == [0, 1, 2]
    assert panel.series[0].target.tolist() == [1, 2.5, -40]
    assert folder.notes(panel) == ["a.txt: no line names the columns; called value"]
    assert folder.refusal("1\n2\nx\n", name="a.txt").startswith(
        "a.txt, row 3, column value: 'x' is text"
    )


def test_an_empty_line_in_one_column_is_a_missing_value(folder: Folder) -> None:
    assert folder.refusal("y\n1\n\n3\n").startswith(
        "sales.csv, row 3, column y: the value is missing"
    )
    assert len(folder.read("y\n1\n2\n3\n\n\n").series[0]) == 3


def test_numbers_in_the_first_line_are_data_unless_they_can_be_names(folder: Folder) -> None:
    table = read_table(folder.file("1.5,2\n3,4\n"))
    assert table.columns == ["column_1", "column_2"]
    assert table.rows() == [("1.5", "2"), ("3", "4")]
    sensors = read_table(folder.file("773869,767541\n64.3,67.6\n"))
    assert sensors.columns == ["773869", "767541"]
    dated = folder.read("2024-01-01,5\n2024-01-02,6\n")
    assert dated.series[0].target.tolist() == [5, 6]


def test_text_stays_as_it_stands_in_the_file(folder: Folder) -> None:
    table = read_table(folder.file('id,note\n007,"a ""quoted"", one"\n008,\n'))
    assert table.rows() == [("007", 'a "quoted", one'), ("008", None)]


def test_a_column_without_a_name_is_given_one(folder: Folder) -> None:
    panel = folder.read(",ds,y\n0,2024-01-01,1\n1,2024-01-02,2\n")
    assert folder.notes(panel) == ["sales.csv: columns not used: unnamed_1"]
    # The row numbers that a dataframe writes are no second candidate for the target.
    panel = folder.read(",ds,sales\n0,2024-01-01,1\n1,2024-01-02,2\n")
    assert panel.targets == ("sales",)


def test_rows_are_named_by_the_line_of_the_file(folder: Folder) -> None:
    quoted = 'ds,y,note\n2024-01-01,1,"two\nlines"\n\n2024-01-02,x,\n'
    assert folder.refusal(quoted).startswith("sales.csv, row 5, column y: 'x'")
    below_blank_lines = "\n\nds,y\n2024-01-01,1\n\n\n2024-01-02,x\n"
    assert folder.refusal(below_blank_lines).startswith("sales.csv, row 7, column y: 'x'")
    # An object without a value is a row, a line without an object is none.
    lines = '{"ds": "2024-01-01", "y": 1}\n\n{"ds": "2024-01-02"}\n'
    assert folder.refusal(lines, name="a.jsonl").startswith(
        "a.jsonl, row 3, column y: the value is miss"
    )


@pytest.mark.parametrize("content", [b"", b"\n \n", gzip.compress(b"")])
def test_empty_file(folder: Folder, content: bytes) -> None:
    assert folder.refusal(content) == (
        "sales.csv: the table is empty; expected a table as CSV, TSV, JSONL or Parquet; give a file with rows"
    )


def test_file_with_nothing_but_a_header(folder: Folder) -> None:
    assert folder.refusal("ds,y\n") == (
        "sales.csv, row 1: there is no row below the names of the columns; give a file with rows"
    )
    empty = io.BytesIO()
    FRAME.clear().write_parquet(empty)
    assert (
        folder.refusal(empty.getvalue()) == "sales.csv: the table has no rows; give one with rows"
    )


def test_missing_file_names_its_neighbour(folder: Folder) -> None:
    folder.file(CSV, "sales.csv")
    with pytest.raises(InputError) as caught:
        read_panel(folder.path / "sale.csv")
    assert str(caught.value) == (
        f"{folder.path}/sale.csv: the table does not exist; expected a file; did you mean '{folder.path}/sales.csv'?"
    )
    with pytest.raises(InputError, match=r"there is no folder '.*nowhere' either"):
        read_panel(folder.path / "nowhere" / "sales.csv")


def test_folder_and_address_are_no_files(folder: Folder) -> None:
    with pytest.raises(InputError, match="this is a folder; expected a file"):
        read_panel(folder.path)
    with pytest.raises(InputError, match="is an address; expected a file; download it first"):
        read_panel("https://example.org/sales.csv")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7 ...", "a PDF file"),
        (b"SQLite format 3\x00....", "an SQLite file"),
        (bz2.compress(CSV.encode()), "a bzip2 file"),
        (b"\x28\xb5\x2f\xfd....", "a Zstandard file"),
        (b"\xd0\xcf\x11\xe0....", "an Excel file"),
        (zipped(**{"[Content_Types]__xml": b"<x/>", "xl/sheet__xml": b"<x/>"}), "a spreadsheet"),
    ],
)
def test_other_kinds_of_files_are_named(folder: Folder, content: bytes, kind: str) -> None:
    message = folder.refusal(content)
    assert message.startswith(f"sales.csv: this is {kind}; expected a table as CSV")
    assert message.count(";") == 2, "it says what to do"


def test_binary_file(folder: Folder) -> None:
    assert folder.refusal(b"ds,y\n2024-01-01\x00\x01\x02,3\n") == (
        "sales.csv, line 2, byte 11 of the line (16 of the file): this is a binary file, not text (byte 0x00); "
        "expected a table as CSV, TSV, JSONL or Parquet"
    )


def test_picture(folder: Folder) -> None:
    assert folder.refusal(b"\x89PNG\r\n\x1a\n....", name="a.png").startswith(
        "a.png, line 2, byte 1 of the line (7 of the file): this is a binary file, not text (byte 0x1A)"
    )


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_wrong_encoding_names_the_byte(folder: Folder, mark: bytes) -> None:
    data = mark + b"date,y\n2024-01-01,1\n" + "日期,销量\n".encode("gb18030")
    place = len(mark) + 20
    assert data[place] == 0xC8
    assert folder.refusal(data) == (
        f"sales.csv, line 3, byte 1 of the line ({place + 1} of the file): byte 0xC8 is not UTF-8; "
        "expected text in UTF-8; if it is GB18030, convert it: iconv -f GB18030 -t UTF-8 sales.csv > utf8.csv"
    )


def test_latin_text_is_not_taken_for_chinese(folder: Folder) -> None:
    message = folder.refusal("ds,y\nGenève é,1\nZürich,2\n".encode("latin1"))
    assert "line 2, byte 4 of the line (9 of the file): byte 0xE8 is not UTF-8" in message
    assert "iconv -f LATIN1" in message


def test_cut_off_utf16(folder: Folder) -> None:
    assert "is not UTF-16" in folder.refusal(CSV.encode("utf-16")[:-1])


@pytest.mark.parametrize(
    ("packed", "kind"),
    [
        (gzip.compress(CSV.encode() * 50)[:-20], "gzip"),
        (lzma.compress(CSV.encode() * 50)[:-20], "xz"),
        (zipped(a__csv=CSV.encode())[:-20], "zip"),
        (gzip.compress(CSV.encode() * 50)[:30] + b"\xff" * 30, "gzip"),
    ],
)
def test_damaged_packing(folder: Folder, packed: bytes, kind: str) -> None:
    message = folder.refusal(packed)
    assert message.startswith(f"sales.csv: this {kind} file is damaged or cut off (")
    assert message.endswith("; get it again, or unpack it first")


@pytest.mark.parametrize("suffix", ["zip", "xz"])
def test_text_that_is_named_as_packed(folder: Folder, suffix: str) -> None:
    assert folder.refusal(CSV.encode(), name=f"a.csv.{suffix}") == (
        f"a.csv.{suffix}: this is named .{suffix} but is no {suffix} file; "
        f"expected a file that {suffix} packed; call it by its right suffix"
    )
    assert len(folder.read(CSV.encode(), name="a.csv.gz").series) == 1


def test_zip_without_a_file(folder: Folder) -> None:
    for content in (zipped(), zipped(**{"folder/": b""})):
        assert folder.refusal(content, name="a.zip") == (
            "a.zip: the zip holds no file; expected one file in it"
        )


def test_zip_with_several_files(folder: Folder) -> None:
    message = folder.refusal(zipped(a__csv=b"1", b__csv=b"2"), name="a.zip")
    assert message == (
        "a.zip: this zip file holds 2 files: a.csv, b.csv; expected one file in it; unpack it and name the one you mean"
    )


def test_damaged_parquet(folder: Folder) -> None:
    message = folder.refusal(parquet()[:-30], name="a.parquet")
    assert message.startswith("a.parquet: this Parquet file is damaged or cut off (")
    message = folder.refusal(CSV, name="a.parquet")
    assert message == "a.parquet: this is no Parquet file; expected PAR1 at its start"


@pytest.mark.parametrize(
    ("row", "fields"), [("2024-01-02", "1 field"), ("2024-01-02,2,3", "3 fields")]
)
def test_ragged_row(folder: Folder, row: str, fields: str) -> None:
    message = folder.refusal(f"ds,y\n2024-01-01,1\n{row}\n2024-01-03,3\n")
    assert message == (
        f"sales.csv, row 3: this row has {fields}; expected 2, as in row 1; "
        "give every row all fields (an empty one for a missing value), and quote text that holds a separator"
    )


def test_quoted_separators_are_no_fields(folder: Folder) -> None:
    panel = folder.read('ds,y,note\n2024-01-01,1,"a, b"\n2024-01-02,2,"c\n, d"\n2024-01-03,3,\n')
    assert panel.series[0].target.tolist() == [1, 2, 3]


def test_quote_that_is_never_closed(folder: Folder) -> None:
    message = folder.refusal('ds,y\n2024-01-01,1\n2024-01-02,"2\n2024-01-03,3\n')
    assert message.startswith("sales.csv, line 3: a quote is opened and never closed; close it")
    assert folder.refusal('ds,"y\n2024-01-01,1\n').startswith(
        "sales.csv, line 1: a quote is opened"
    )


def test_a_name_that_two_columns_have(folder: Folder) -> None:
    assert folder.refusal("ds,y,y\n2024-01-01,1,2\n") == (
        "sales.csv, row 1: the column 'y' is there 2 times (fields 2, 3); expected different names; rename or remove one"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"ds": "2024-01-01", "y": 1}\n{"ds": \n', "a.jsonl, line 2: this is not JSON"),
        (
            '{"ds": "2024-01-01", "y": 1}\n[1, 2]\n',
            "a.jsonl, row 2: this row is [1, 2]; expected an obj",
        ),
        ("[1, 2", "a.jsonl, line 1: this is not JSON"),
        ('["a"]', "a.jsonl, row 1: this row is 'a'; expected an object"),
    ],
)
def test_bad_json_names_its_line(folder: Folder, text: str, message: str) -> None:
    assert folder.refusal(text, name="a.jsonl").startswith(message)


def test_json_that_polars_alone_would_refuse(folder: Folder) -> None:
    text = '{"ds": "2024-01-01", "y": 1}\n{"ds": "2024-01-02", "y": NaN}\n{"ds": "2024-01-03", "y": 2.5}\n'
    assert folder.refusal(text, name="a.jsonl").startswith(
        "a.jsonl, row 2, column y: the value is missing"
    )
    panel = folder.read(text, name="a.jsonl", missing="mask")
    assert panel.series[0].target.tolist()[::2] == [1, 2.5]


def test_chinese_names_and_values(folder: Folder) -> None:
    text = "日期,门店,销量\n2024年1月1日,北京,3\n2024年1月2日,北京,5\n2024年1月1日,上海,4\n2024年1月2日,上海,4.5\n"
    panel = folder.read(text, columns={"id": "门店"})
    assert [series.id for series in panel.series] == ["北京", "上海"]
    assert panel.targets == ("销量",)
    assert panel.freq is not None
    assert panel.freq.name == "daily"


@pytest.mark.parametrize("make", [str, lambda path: path])
def test_a_path_is_text_or_a_path(folder: Folder, make: Callable[..., object]) -> None:
    assert read_table(make(folder.file(CSV))).height == 3
