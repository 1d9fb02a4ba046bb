"""Plain text in UTF-8, UTF-16 or an older Chinese encoding that can be told without doubt."""

from __future__ import annotations

import re

from unrolled.data.sources import UTF16_MARKS, Source, decode, place_of
from unrolled.errors import InputError

UTF8, CHINESE = "UTF-8", ("GB18030", "Big5-HKSCS")
_COMMON = frozenset(
    "的一是不了人我在有他这這中大来來上国國个個到说說们們为為子和你地出道也时時年得就那要下以生会會自着著去之过過家学學对對可她里裡"
    "後后小么麼心多天而能好都然没沒日于於起还還发發成事只作当當想看文无無开開手十用主行方又如前所本见見经經头頭面公同三已老从從动動"
    "两兩长長知月明花春风風水山云雲酒书書诗詩夜何相此君"
)
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_OF_UTF8 = re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){4}")
"""Four Han characters in UTF-8: of other encodings these bytes are hardly ever text."""
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_TOLD_BY = 1 << 16


class Decoding:
    """Decodes a text file that comes in pieces, all of them in one encoding.

    UTF-8, UTF-16 with its mark, and GB18030 or Big5 where the text can be nothing else: it is a text of Han characters
    in one of them, with the usual share of frequent ones, and not in the other.

    Attributes:
        encoding: what it was found to be; None while there are signs of ASCII only.

    >>> decoding = Decoding()
    >>> novel = "话说天下大势，分久必合，合久必分。" * 2
    >>> decoding(Source("novel.txt", ".txt", novel.encode("gb18030"))) == novel, decoding.encoding
    (True, 'GB18030')
    """

    def __init__(self) -> None:
        self.encoding: str | None = None

    def __call__(self, source: Source) -> str:
        r"""Return the text of a piece, every line of it ended by "\n" alone.

        Raises:
            InputError: it is binary, in an encoding that cannot be told, or in another one than before; the first byte
                is named that is not as those before it.
        """
        text = self._decoded(source)
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    @property
    def notes(self) -> tuple[str, ...]:
        """A word on an encoding other than UTF-8 and UTF-16."""
        return (f"read as {self.encoding}",) if self.encoding in CHINESE else ()

    def _decoded(self, source: Source) -> str:
        if self.encoding in CHINESE:
            return self._as_before(source, self.encoding or "")
        try:
            text = decode(source)
        except InputError:
            if source.data.startswith(UTF16_MARKS) or _CONTROL.search(source.data):
                raise
            self._require_no_utf8(source)
            told = {name: _told(source.data, name) for name in CHINESE}
            found = [name for name, as_read in told.items() if as_read]
            if len(found) != 1:
                raise
            self.encoding = found[0]
            return told[found[0]] or ""
        if not text.isascii():
            self.encoding = UTF8
        return text

    def _require_no_utf8(self, source: Source) -> None:
        """Raise where some of a text that is not UTF-8 is."""
        wrong, found = _first_wrong(source.data), _OF_UTF8.search(source.data)
        if self.encoding == UTF8 or (found and found.start() < wrong):
            raise _mixture(source, wrong, f"is not {UTF8}, in which the text before it is")
        if found:
            raise _mixture(source, found.start(), f"begins {UTF8}, and the text before it is not")

    def _as_before(self, source: Source, encoding: str) -> str:
        if found := _OF_UTF8.search(source.data):
            raise _mixture(
                source, found.start(), f"begins {UTF8}, and the text before it is {encoding}"
            )
        try:
            return source.data.decode(encoding)
        except UnicodeDecodeError as error:
            problem = f"is not {encoding}, in which the text before it is"
            raise _mixture(source, error.start, problem) from error


def _first_wrong(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(data)


def _told(data: bytes, encoding: str) -> str | None:
    """Return the text in an encoding, where it is a likely one: Han characters, enough of them frequent ones."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    han = _HAN.findall(text[:_TOLD_BY])
    foreign = len(_FOREIGN.findall(text[:_TOLD_BY]))
    frequent = sum(sign in _COMMON for sign in han)
    is_likely = len(han) >= 10 and 10 * len(han) >= 7 * foreign and 10 * frequent >= len(han)
    return text if is_likely else None


def _mixture(source: Source, position: int, problem: str) -> InputError:
    return InputError(
        f"a mixture of encodings: byte 0x{source.data[position]:02X} {problem}",
        where=place_of(source, position),
        expected="one encoding, best UTF-8",
        fix="convert the part that is written otherwise (iconv), or take it out",
    )
