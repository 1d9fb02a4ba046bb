"""Verse: the lines of a poem, how many characters each has, and what stands between them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, NamedTuple

_MARKS = "，。！？；：、．｡､,.!?;:"
_CLOSING = "」』”’》）)】\"'"
_END = re.compile(rf"\s*(?:[{_MARKS}][{_MARKS}{re.escape(_CLOSING)}\s]*|\n\s*)")
"""What ends a line of verse in Han characters: a mark, with the quotes that close there and the line end, or that alone."""
_HAN = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LEAST_SHARE = 0.01


class Verse(NamedTuple):
    """The form of a poem.

    Attributes:
        lines: how many lines it has.
        characters: how many characters each line has, without punctuation and spaces; None where lines differ.
    """

    lines: int
    characters: int | None


QUATRAINS = (Verse(4, 5), Verse(4, 7))
"""The forms of 绝句."""


def form_of(text: str) -> Verse | None:
    r"""Return the form of a text; None for one without a character.

    In Chinese and Japanese a line ends with a mark (，。！？；：、) or where the text's line does, elsewhere with the
    latter alone. Lines without a character do not count, nor do punctuation and spaces; letters, signs such as □ and
    everything else do.

    >>> form_of("白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。") in QUATRAINS
    True
    >>> form_of("He clasps the crag\nwith crooked hands;"), form_of("春眠不觉晓，处处闻啼")
    (Verse(lines=2, characters=None), Verse(lines=2, characters=None))
    """
    sizes = [size for size in map(_counted, _lines(text)) if size]
    if not sizes:
        return None
    return Verse(len(sizes), sizes[0] if len(set(sizes)) == 1 else None)


@dataclass(frozen=True)
class LineEnds:
    r"""What stands after the lines of a poem, each time one of several.

    Attributes:
        between: after each line but the last; those of one line after the other, and from the first again.
        last: after the last line.
        loose: lines are of any letters, with punctuation and spaces among them; otherwise of Han characters and kana alone.

    >>> LineEnds.of(["白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。"])
    LineEnds(between=(('，',), ('。\n',)), last=('。',), loose=False)
    """

    between: tuple[tuple[str, ...], ...] = (("，",), ("。\n",))
    last: tuple[str, ...] = ("。",)
    loose: bool = False

    @classmethod
    def of(cls, texts: Iterable[str]) -> LineEnds:
        """Return what training texts write there: those of equal lines in Han characters tell, if there are some.

        An end that less than one line in a hundred has at its place is left out.
        """
        counts: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
        han = other = 0
        for text in texts:
            if not _is_han(text):
                other += 1
                continue
            han += 1
            verse = form_of(text)
            if verse is None or verse.characters is None or verse.lines < 2:
                continue
            ends = _ends(text)
            for number, end in enumerate(ends[:-1]):
                counts[number % 2][end] += 1
            counts[2][ends[-1].rstrip()] += 1
        if other > han:
            return PLAIN
        if not counts[0]:
            return cls()
        odd, even, last = (_usual(count) for count in counts)
        return cls((odd, even or odd), last)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> LineEnds:
        """Return what `to_dict` wrote.

        >>> LineEnds.from_dict(PLAIN.to_dict()) == PLAIN
        True
        """
        return cls(tuple(map(tuple, saved["between"])), tuple(saved["last"]), saved["loose"])


PLAIN = LineEnds((("\n",),), ("",), loose=True)
"""Lines that only the text's own line ends part, with whatever punctuation."""


@lru_cache(maxsize=1 << 16)
def is_counted(sign: str) -> bool:
    """Tell whether a sign is a character of a line, rather than punctuation, a space or a control."""
    kind = unicodedata.category(sign)
    return kind[0] not in "PZ" and kind not in ("Cc", "Cf")


@lru_cache(maxsize=1 << 16)
def is_han(sign: str) -> bool:
    """Tell whether a sign is a Han character or kana."""
    return bool(_HAN.match(sign)) and unicodedata.category(sign)[0] in "LN"


def _counted(line: str) -> int:
    return sum(map(is_counted, line))


def _lines(text: str) -> list[str]:
    return _END.split(text) if _is_han(text) else text.split("\n")


def _ends(text: str) -> list[str]:
    """Return what stands after each line of Han characters, "" after one that nothing ends."""
    parts = [*re.split(f"({_END.pattern})", text), ""]
    return [end for line, end in zip(parts[::2], parts[1::2], strict=True) if _counted(line)]


def _usual(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(end for end, n in counts.most_common() if n >= _LEAST_SHARE * counts.total())


def _is_han(text: str) -> bool:
    """Tell whether most characters are Han or kana."""
    counted = _counted(text)
    return 2 * sum(map(is_han, text)) > counted
