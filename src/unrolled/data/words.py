"""Text as words, for a tagger: white space parts them, and punctuation stands for itself."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from unrolled.data.script import UNSPACED

WORDS, MIXED, CHARACTERS = "words", "mixed", "characters"
"""What tags stand for: words, characters, or characters of scripts without spaces and words of all others."""

_PIECE = re.compile(r"\S+")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_MIXED = re.compile(f"[{UNSPACED}]|[^{UNSPACED}]+")
_APOSTROPHES = ("'", "’")
_MARKED = re.compile(r"['’][^\W\d_]{1,4}|[^\W\d_]{1,5}['’]|n['’]t|[^\W\d_]{2,5}\.")
_OFTEN = 3
_MOST_MARKED = 100
_LOOKED_AT = 2000
_FEW = 50

Place = tuple[int, int]


def split_words(text: str, units: str = WORDS, marked: Iterable[str] = ()) -> list[str]:
    """Part a text into words.

    White space parts words. From both ends of each, signs of punctuation and symbols are parted, a sign repeated being
    one word; within a word they stay ("3.5", "well-known"), and so does the point that ends an abbreviation with another
    in it ("U.S.") or a single letter, and the sign before a number ("-5", ".5").

    Args:
        text: to part.
        units: "words"; "characters" for each character a word; "mixed" for each of a script without spaces, and words
            of all others.
        marked: short words with a sign of their own, in small letters. One that begins or ends with an apostrophe is
            parted from the word that it stands at ("'s", "l'", and "n't"); one with a point keeps it ("mr.").

    >>> split_words('"Well-known," he said... (in the U.S.)')
    ['"', 'Well-known', ',', '"', 'he', 'said', '...', '(', 'in', 'the', 'U.S.', ')']
    >>> split_words("Don't see Mr. Jo's.", marked=["n't", "'s", "mr."]), split_words("去iPhone店。", MIXED)
    (['Do', "n't", 'see', 'Mr.', 'Jo', "'s", '.'], ['去', 'iPhone', '店', '。'])
    """
    return [text[start:stop] for start, stop in word_places(text, units, marked)]


def word_places(text: str, units: str = WORDS, marked: Iterable[str] = ()) -> Iterator[Place]:
    """Yield where the words of `split_words` begin and end in the text."""
    marked = tuple(marked)
    for piece in _PIECE.finditer(text):
        if units == CHARACTERS:
            yield from ((place, place + 1) for place in range(*piece.span()))
        elif units == MIXED:
            for part in _MIXED.finditer(text, *piece.span()):
                yield from _parted(text, *part.span(), marked)
        else:
            yield from _parted(text, *piece.span(), marked)


def units_of(sentences: Sequence[Sequence[str]]) -> str:
    """Tell what tags stand for, from at most 2000 sentences, evenly spread.

    >>> units_of([["他", "是", "J", "o"]]), units_of([["他", "叫", "Jo"]]), units_of([["他们", "来", "了"]])
    ('characters', 'mixed', 'words')
    """
    words = [word for sentence in _sample(sentences) for word in sentence]
    unspaced = [word for word in words if _UNSPACED.search(word)]
    single = sum(len(word) == 1 for word in unspaced)
    if len(unspaced) <= 0.1 * len(words) or single < 0.95 * len(unspaced):
        is_spelt = len(words) > _FEW and all(len(word) == 1 for word in words)
        return CHARACTERS if is_spelt else WORDS
    return CHARACTERS if all(len(word) == 1 for word in words) else MIXED


def marked_of(sentences: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the short words with an apostrophe or a point that come often, from at most 2000 sentences.

    >>> marked_of([["Mr.", "O'Hara", "do", "n't", "'s"]] * 3)
    ("'s", 'mr.', "n't")
    """
    counts = Counter(
        word.lower()
        for sentence in _sample(sentences)
        for word in sentence
        if not word.isalnum() and _MARKED.fullmatch(word.lower())
    )
    often = [word for word, count in counts.most_common(_MOST_MARKED) if count >= _OFTEN]
    return tuple(sorted(often))


def _sample(sentences: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    return sentences[:: max(1, -(-len(sentences) // _LOOKED_AT))]


def _parted(text: str, start: int, stop: int, marked: tuple[str, ...]) -> Iterator[Place]:
    """Yield the words of a piece without white space."""
    while start < stop and _is_sign(text[start]) and not _stays_before(text, start, stop, marked):
        after = stop - len(text[start:stop].lstrip(text[start]))
        yield start, after
        start = after
    behind: list[Place] = []
    while (
        start < stop and _is_sign(text[stop - 1]) and not _stays_behind(text, start, stop, marked)
    ):
        before = start + len(text[start:stop].rstrip(text[stop - 1]))
        behind.append((before, stop))
        stop = before
    if start < stop:
        yield from _without_clitics(text, start, stop, marked)
    yield from reversed(behind)


def _stays_before(text: str, start: int, stop: int, marked: tuple[str, ...]) -> bool:
    rest = text[start:stop]
    return (rest[0] in "+-−." and rest[1:2].isdecimal()) or rest.lower() in marked


def _stays_behind(text: str, start: int, stop: int, marked: tuple[str, ...]) -> bool:
    word = text[start:stop]
    if word[-1] != "." or word.lower() in marked:
        return word.lower() in marked
    stem = word[:-1]
    return (len(stem) == 1 and stem.isalpha()) or ("." in stem.strip(".") and stem[-1] != ".")


def _without_clitics(text: str, start: int, stop: int, marked: tuple[str, ...]) -> Iterator[Place]:
    """Yield a word, and the marked words that stand at it without a space."""
    word = text[start:stop].lower() if marked else ""
    for clitic in marked:
        if clitic[-1] in _APOSTROPHES and word.startswith(clitic) and word != clitic:
            yield start, start + len(clitic)
            start += len(clitic)
            break
    behind: list[Place] = []
    while marked and (before := _clitic_start(text, start, stop, marked)) > start:
        behind.append((before, stop))
        stop = before
    yield start, stop
    yield from reversed(behind)


def _clitic_start(text: str, start: int, stop: int, marked: tuple[str, ...]) -> int:
    """Return where the longest clitic begins with which a word ends; where the word begins if there is none."""
    word = text[start:stop].lower()
    ends = [c for c in marked if c[-1] not in (*_APOSTROPHES, ".") and word.endswith(c)]
    return stop - max(map(len, ends), default=stop - start)


@lru_cache(maxsize=4096)
def _is_sign(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"
