"""The bytes of a file, unpacked, and the text in them, or a clear word about why there is none."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from unrolled.errors import InputError

STDIN = "-"
TABLE_FILES = "a table as CSV, TSV, JSONL or Parquet"

_MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}
_FOREIGN = {
    b"BZh": ("a bzip2 file", "unpack it first: bunzip2"),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", "unpack it first: zstd -d"),
    b"7z\xbc\xaf": ("a 7-Zip file", "unpack it first"),
    b"%PDF": ("a PDF file", "export the table as CSV"),
    b"\xd0\xcf\x11\xe0": ("an Excel file", "save the sheet as CSV"),
    b"\x89HDF": ("a HDF5 file", "save the table as Parquet or CSV"),
    b"SQLite format": ("an SQLite file", "export the table as CSV"),
}
_SPREADSHEET = ("[Content_Types].xml", "mimetype")
_ZERO = re.compile(rb"\x00")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # never in text, whatever its encoding
_FOREIGN_LETTER = re.compile(r"[^\x00-\x7f]")
_PACKING_SUFFIXES = (".gz", ".xz", ".zip")


@dataclass(frozen=True)
class Source:
    """The unpacked bytes of a file: ``name`` for messages, ``suffix`` without that of the packing (".csv")."""

    name: str
    suffix: str
    data: bytes


def read_source(path: str | Path, what: str = "table") -> Source:
    """Read a file, or standard input for "-", and unpack gzip, xz and zip, which are told by their first bytes.

    Raises:
        InputError: there is no such file, it is empty, it cannot be unpacked, or it is none of what can be read.
    """
    name, data = _read(str(path), what)
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    for magic, packing in _MAGIC.items():
        if data.startswith(magic):
            data, member = _unpack(name, data, packing)
            if member:
                suffixes = [suffix.lower() for suffix in Path(member).suffixes]
    for magic, (kind, fix) in _FOREIGN.items():
        if data.startswith(magic):
            raise InputError(f"this is {kind}", where=name, expected=TABLE_FILES, fix=fix)
    if not data.strip():
        raise InputError(
            f"the {what} is empty", where=name, expected=TABLE_FILES, fix="give a file with rows"
        )
    suffixes = [suffix for suffix in suffixes if suffix not in _PACKING_SUFFIXES]
    return Source(name, suffixes[-1] if suffixes else "", data)


def decode(source: Source) -> str:
    """Return the text of a source in UTF-8, or in UTF-16 with its mark.

    Raises:
        InputError: it is binary, or in another encoding; the first such byte is named.
    """
    data = source.data
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise _not_text(source, error.start, "UTF-16", "save it again as UTF-8") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _require_no_control_byte(source, _CONTROL)
        # The mark at the start is not counted by the decoder.
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise _not_text(source, start, "UTF-8", _convert(source)) from error
    _require_no_control_byte(source, _ZERO)
    return text


def _require_no_control_byte(source: Source, control: re.Pattern[bytes]) -> None:
    found = control.search(source.data)
    if found:
        raise InputError(
            f"this is a binary file, not text (byte 0x{found[0][0]:02X})",
            where=_place(source, found.start()),
            expected=TABLE_FILES,
        )


def _read(path: str, what: str) -> tuple[str, bytes]:
    if path == STDIN:
        return "stdin", sys.stdin.buffer.read()
    if path.startswith(("http://", "https://")):
        raise InputError(f"{path!r} is an address", expected="a file", fix="download it first")
    try:
        return path, Path(path).expanduser().read_bytes()
    except FileNotFoundError:
        near = _files_beside(Path(path))
        raise InputError(
            f"the {what} does not exist", where=path, expected="a file", fix=near
        ) from None
    except IsADirectoryError:
        raise InputError(
            "this is a folder", where=path, expected="a file", fix="name a file in it"
        ) from None
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror})", where=path) from error


def _files_beside(path: Path) -> str:
    import difflib

    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return f"there is no folder {str(path.parent)!r} either"
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {str(path.with_name(near[0]))!r}?" if near else "check its name"


def _unpack(name: str, data: bytes, packing: str) -> tuple[bytes, str]:
    """Return the unpacked bytes, and the name of the file inside where the packing keeps one."""
    try:
        if packing == "gzip":
            return gzip.decompress(data), ""
        if packing == "xz":
            return lzma.decompress(data), ""
        return _only_member(name, data)
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
    ) as error:
        raise InputError(
            f"this {packing} file is damaged or cut off ({error})",
            where=name,
            fix="get it again, or unpack it first",
        ) from error


def _only_member(name: str, data: bytes) -> tuple[bytes, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [member for member in archive.namelist() if not member.endswith("/")]
        if any(member in _SPREADSHEET for member in names):
            raise InputError(
                "this is a spreadsheet",
                where=name,
                expected=TABLE_FILES,
                fix="save the sheet as CSV",
            )
        visible = [member for member in names if not member.startswith(("__MACOSX/", "."))]
        if len(visible) != 1:
            listed = ", ".join(visible[:5]) + (", ..." if len(visible) > 5 else "")
            raise InputError(
                f"this zip file holds {len(visible)} files{': ' if visible else ''}{listed}",
                where=name,
                expected="one file in it",
                fix="unpack it and name the one you mean",
            )
        return archive.read(visible[0]), visible[0]


def _place(source: Source, position: int) -> str:
    """Say where a byte stands: file, line, byte of the line and of the file, all counted from 1."""
    line = source.data.count(b"\n", 0, position) + 1
    in_line = position - source.data.rfind(b"\n", 0, position)
    return f"{source.name}, line {line}, byte {in_line} of the line ({position + 1} of the file)"


def _not_text(source: Source, start: int, encoding: str, fix: str) -> InputError:
    return InputError(
        f"byte 0x{source.data[start]:02X} is not {encoding}",
        where=_place(source, start),
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
    return 2 * chinese > len(foreign)
