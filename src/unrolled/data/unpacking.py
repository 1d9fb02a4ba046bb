"""Files that may be packed, as streams of unpacked bytes that can be read from the start again and again."""

from __future__ import annotations

import difflib
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from unrolled.data.scratch import Scratch
from unrolled.errors import InputError

STDIN = "-"
TABLE_FILES = "a table as CSV, TSV, JSONL or Parquet"

PACKING_SUFFIXES = (".gz", ".xz", ".zip")
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # without a file
}
_LONGEST_MAGIC = max(map(len, _MAGIC))
_SPREADSHEET = ("[Content_Types].xml", "mimetype")
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)
_BLOCK = 1 << 20


class Reader(AbstractContextManager["Reader"]):
    """Unpacked bytes from the start; what is damaged is an InputError wherever it shows."""

    def __init__(self, name: str, packing: str, stream: IO[bytes]) -> None:
        self._name, self._packing, self._stream = name, packing, stream

    def read(self, size: int = -1) -> bytes:
        return self._guarded(self._stream.read, size)

    def read_arrived(self, size: int) -> bytes:
        """Return what has arrived, at most ``size`` bytes, and wait only when nothing has; b"" at the end."""
        return self._guarded(getattr(self._stream, "read1", self._stream.read), size)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stream.close()

    def _guarded(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except _DAMAGED as error:
            raise _unreadable(self._name, self._packing, error) from error


@dataclass(frozen=True)
class File:
    """A file, or what came from standard input.

    Attributes:
        name: for messages.
        suffix: without that of the packing (".csv"), in small letters.
        open: gives a `Reader` of the unpacked bytes, at their start.
        path: of the file where its bytes are not packed.
    """

    name: str
    suffix: str
    open: Callable[[], Reader]
    path: Path | None = None


def open_file(path: str | Path, what: str = "table") -> File:
    """Find a file, or take in standard input for "-" (what is large to disk); gzip, xz and zip are told by their first bytes.

    Raises:
        InputError: there is no such file, or it cannot be read or unpacked.
    """
    name = str(path)
    if name == STDIN:
        return taken_in(iter(lambda: sys.stdin.buffer.read(_BLOCK), b""))
    place = Path(name).expanduser()
    head = first_bytes(name, what)
    packing = packing_of(head)
    suffix = place.suffix.lower()
    if head and not packing and suffix in (".zip", ".xz"):
        raise InputError(
            f"this is named {suffix} but is no {suffix[1:]} file",
            where=name,
            expected=f"a file that {suffix[1:]} packed",
            fix="call it by its right suffix",
        )
    member = _only_member(name, place) if packing == "zip" else ""
    return File(
        name,
        suffix_of(member or name),
        lambda: Reader(name, packing, _unpacked(name, packing, place, member)),
        None if packing else place,
    )


def first_bytes(path: str, what: str = "table") -> bytes:
    """Return the bytes that tell how a file is packed.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    if path.startswith(("http://", "https://")):
        raise InputError(f"{path!r} is an address", expected="a file", fix="download it first")
    try:
        with Path(path).expanduser().open("rb") as stream:
            return stream.read(_LONGEST_MAGIC)
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
        raise _unreadable(path, "", error) from error


def standard_input() -> File:
    """Return standard input as a file that can be opened once, and read as its bytes arrive."""
    stream = sys.stdin.buffer
    head = b""
    while any(len(head) < len(magic) and magic.startswith(head) for magic in _MAGIC):
        more = stream.read1(_LONGEST_MAGIC) if hasattr(stream, "read1") else stream.read(1)
        if not more:
            break
        head += more
    packing = packing_of(head)
    raw = io.BufferedReader(_Joined(head, stream))
    if packing == "zip":
        return taken_in(iter(lambda: raw.read(_BLOCK), b""))
    return File("stdin", "", lambda: Reader("stdin", packing, _unpacked("stdin", packing, raw, "")))


def packing_of(head: bytes) -> str:
    """Return "gzip", "xz", "zip", or "" for the first bytes of a file."""
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")


def suffix_of(name: str) -> str:
    """Return the last suffix of a name that is none of a packing.

    >>> suffix_of("reviews.CSV.gz"), suffix_of("reviews")
    ('.csv', '')
    """
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    suffixes = [suffix for suffix in suffixes if suffix not in PACKING_SUFFIXES]
    return suffixes[-1] if suffixes else ""


class _Joined(io.RawIOBase):
    """Bytes that were read already, and the stream they came from."""

    def __init__(self, head: bytes, stream: Any) -> None:
        self._head, self._stream = head, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._head:
            data, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        else:
            data = getattr(self._stream, "read1", self._stream.read)(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Kept(io.RawIOBase):
    """A view of bytes on disk that begins at their start."""

    def __init__(self, kept: Scratch) -> None:
        self._kept, self._position = kept, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._kept)}
        self._position = starts[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._kept.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def taken_in(blocks: Iterable[bytes]) -> File:
    """Return what came from standard input as a file, which lies on disk."""
    kept = Scratch()
    for block in blocks:
        kept.append(block)
    packing = packing_of(kept.read(0, _LONGEST_MAGIC))

    def opened() -> io.BufferedReader:
        return io.BufferedReader(_Kept(kept), _BLOCK)

    member = _only_member("stdin", opened()) if packing == "zip" else ""
    return File(
        "stdin",
        suffix_of(member),
        lambda: Reader("stdin", packing, _unpacked("stdin", packing, opened(), member)),
    )


def _unpacked(name: str, packing: str, raw: Any, member: str) -> IO[bytes]:
    try:
        if packing == "gzip":
            return gzip.open(raw, "rb")
        if packing == "xz":
            return lzma.open(raw, "rb")
        if packing == "zip":
            return zipfile.ZipFile(raw).open(member)
        return raw.open("rb") if isinstance(raw, Path) else raw
    except _DAMAGED as error:
        raise _unreadable(name, packing, error) from error


def _unreadable(name: str, packing: str, error: Exception) -> InputError:
    if not packing:
        reason = getattr(error, "strerror", None) or error
        return InputError(f"it cannot be read ({reason})", where=name)
    return InputError(
        f"this {packing} file is damaged or cut off ({error})",
        where=name,
        fix="get it again, or unpack it first",
    )


def _only_member(name: str, raw: Any) -> str:
    try:
        with zipfile.ZipFile(raw) as archive:
            names = [member for member in archive.namelist() if not member.endswith("/")]
    except _DAMAGED as error:
        raise _unreadable(name, "zip", error) from error
    if any(member in _SPREADSHEET for member in names):
        raise InputError(
            "this is a spreadsheet",
            where=name,
            expected=TABLE_FILES,
            fix="save the sheet as CSV",
        )
    visible = [member for member in names if not member.startswith(("__MACOSX/", "."))]
    if not visible:
        raise InputError("the zip holds no file", where=name, expected="one file in it")
    if len(visible) != 1:
        listed = ", ".join(visible[:5]) + (", ..." if len(visible) > 5 else "")
        raise InputError(
            f"this zip file holds {len(visible)} files: {listed}",
            where=name,
            expected="one file in it",
            fix="unpack it and name the one you mean",
        )
    return visible[0]


def _files_beside(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"there is no folder {str(path.parent)!r} either"
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {str(path.with_name(near[0]))!r}?" if near else "check its name"
