"""The bytes of a file, unpacked, and the text in them, or a clear word about why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from unrolled.data.unpacking import STDIN, TABLE_FILES, File, open_file
from unrolled.errors import InputError

__all__ = [
    "STDIN",
    "TABLE_FILES",
    "Source",
    "decode",
    "place_of",
    "read_source",
    "require_readable",
]

_FOREIGN = {
    b"BZh": ("a bzip2 file", "unpack it first: bunzip2"),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", "unpack it first: zstd -d"),
    b"7z\xbc\xaf": ("a 7-Zip file", "unpack it first"),
    b"%PDF": ("a PDF file", "export the table as CSV"),
    b"\xd0\xcf\x11\xe0": ("an Excel file", "save the sheet as CSV"),
    b"\x89HDF": ("a HDF5 file", "save the table as Parquet or CSV"),
    b"SQLite format": ("an SQLite file", "export the table as CSV"),
}
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_ZERO = re.compile(rb"\x00")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # never in text, whatever its encoding
_ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_FOREIGN_LETTER = re.compile(r"[^\x00-\x7f]")
_OF_ONE = "what stands before it is, so encodings are mixed: convert this part alone (iconv), or take it out"


@dataclass(frozen=True)
class Source:
    """The unpacked bytes of a file, or of some of its rows.

    Attributes:
        name: for messages.
        suffix: without that of the packing (".csv").
        data: the bytes.
        line: of the file in which the first byte stands, counted from 1.
        offset: of the first byte in the file.
    """

    name: str
    suffix: str
    data: bytes
    line: int = 1
    offset: int = 0


def read_source(path: str | Path, what: str = "table") -> Source:
    """Read a file, or standard input for "-", and unpack gzip, xz and zip, which are told by their first bytes.

    Raises:
        InputError: there is no such file, it is empty, it cannot be unpacked, or it is none of what can be read.
    """
    return read_whole(open_file(path, what), what)


def read_whole(file: File, what: str = "table") -> Source:
    """Read all of a file that was found."""
    with file.open() as reader:
        source = Source(file.name, file.suffix, reader.read())
    require_readable(source, what)
    return source


def require_readable(source: Source, what: str = "table") -> None:
    """Refuse what is empty, and the kinds of files that are known and not read.

    Raises:
        InputError: it is one of them.
    """
    for magic, (kind, fix) in _FOREIGN.items():
        if source.data.startswith(magic):
            raise InputError(f"this is {kind}", where=source.name, expected=TABLE_FILES, fix=fix)
    if not source.data.strip():
        is_stdin = source.name == "stdin"
        raise InputError(
            "stdin is empty" if is_stdin else f"the {what} is empty",
            where=None if is_stdin else source.name,
            expected=TABLE_FILES,
            fix="pipe rows into it" if is_stdin else "give a file with rows",
        )


def decode(source: Source) -> str:
    """Return the text of a source in UTF-8, or in UTF-16 with its mark.

    Raises:
        InputError: it is binary, or in another encoding; the first such byte is named.
    """
    data = source.data
    if source.offset == 0 and data.startswith(UTF16_MARKS):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise _not_text(source, error.start, "UTF-16", "save it again as UTF-8") from error
    try:
        # Within the file the mark is a sign like any other.
        text = data.decode("utf-8" if source.offset else "utf-8-sig")
    except UnicodeDecodeError as error:
        _require_no_control_byte(source, _CONTROL)
        # The mark at the start is not counted by the decoder.
        start = error.start + (3 if source.offset == 0 and data.startswith(UTF8_MARK) else 0)
        # Converting the whole of a mixture would spoil what is right in it.
        fix = _OF_ONE if _is_utf8(data[:start].removeprefix(UTF8_MARK)) else _convert(source)
        raise _not_text(source, start, "UTF-8", fix) from error
    _require_no_control_byte(source, _ZERO)
    return text


def _is_utf8(data: bytes) -> bool:
    """Tell whether there are signs beyond ASCII that are hardly in another encoding by chance: one of three bytes, or a few."""
    foreign = [sign for sign in data.decode("utf-8", "ignore") if sign > "\x7f"]
    return len(foreign) > 2 or any(sign > "\u07ff" for sign in foreign)


def _require_no_control_byte(source: Source, control: re.Pattern[bytes]) -> None:
    found = control.search(source.data)
    if found:
        raise InputError(
            f"this is a binary file, not text (byte 0x{found[0][0]:02X})",
            where=place_of(source, found.start()),
            expected=TABLE_FILES,
        )


def place_of(source: Source, position: int) -> str:
    """Say where a byte of a source stands: file, line, byte of the line and of the file, all counted from 1."""
    line = source.line + source.data.count(b"\n", 0, position)
    in_line = position - source.data.rfind(b"\n", 0, position)
    return f"{source.name}, line {line}, byte {in_line} of the line ({source.offset + position + 1} of the file)"


def _not_text(source: Source, start: int, encoding: str, fix: str) -> InputError:
    return InputError(
        f"byte 0x{source.data[start]:02X} is not {encoding}",
        where=place_of(source, start),
        expected="text in UTF-8",
        fix=fix,
    )


def _convert(source: Source) -> str:
    """Say how to turn the file into UTF-8, from the encoding that it is likely in."""
    likely = "GB18030" if _is_gb18030(source.data) else "LATIN1"
    return f"if it is {likely}, convert it: iconv -f {likely} -t UTF-8 {source.name} > utf8{source.suffix}"


def _is_gb18030(data: bytes) -> bool:
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    foreign = _FOREIGN_LETTER.findall(text)
    chinese = sum("\u4e00" <= sign <= "\u9fff" or "\u3000" <= sign <= "\u303f" for sign in foreign)
    # A sign of two bytes seldom has one below 0x80; an accented letter of LATIN1 stands alone among such.
    return 2 * chinese > len(foreign) and 2 * len(_ALONE.findall(data)) <= chinese
