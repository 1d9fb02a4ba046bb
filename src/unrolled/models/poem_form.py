"""PoemForm: the form that a poem is to have, followed sign by sign."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeGuard

from unrolled.errors import InputError, OptionError
from unrolled.models.verse import LineEnds, is_han

LONGEST_LINE = 100
"""Characters of a line where a form does not say how many there are."""
MOST = 1_000
"""Lines of a poem, and characters of a line that a form says."""
MOST_LOOSE = 3
"""Punctuation and spaces that may follow each other within a line."""
LETTER, LOOSE = "letter", "loose"


class FormState(NamedTuple):
    """How far a text is: in which line, after how many of its letters, loose signs, and signs of its end."""

    line: int = 0
    letters: int = 0
    loose: int = 0
    end: str = ""


@dataclass(frozen=True)
class PoemForm:
    r"""The form that a poem is to have.

    Attributes:
        lines: how many.
        characters: letters and digits of each line; None = any number of them from 1 to 100.
        acrostic: the first characters of the lines, from the first line on, in either case.
        ends: what stands after the lines; `LineEnds.of` learns it from texts. None = as a model's training texts have it,
            and where there is no model as in `LineEnds()`.

    >>> form = PoemForm(characters=5, acrostic="白黃")
    >>> form.fits("白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。"), form.fits("白日依山盡，")
    (True, False)

    Raises:
        OptionError: less than one line or character or more than a thousand, an acrostic longer than the poem or of
            other signs than letters, or lines that nothing parts.
    """

    lines: int = 4
    characters: int | None = None
    acrostic: str = ""
    ends: LineEnds | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "acrostic", unicodedata.normalize("NFC", self.acrostic))
        for name, value in (("lines", self.lines), ("characters", self.characters)):
            is_left_out = name == "characters" and value is None
            if not is_left_out and (not _is_whole(value) or not 1 <= value <= MOST):
                raise OptionError(
                    f"{name}={value!r}", expected=f"a whole number from 1 to {MOST:,}"
                )
        if len(self.acrostic) > self.lines:
            raise OptionError(
                f"acrostic={self.acrostic!r} has {len(self.acrostic)} characters",
                expected=f"at most {self.lines}, one for each line",
                fix=f"or lines={len(self.acrostic)} (--lines {len(self.acrostic)})",
            )
        # Of what letters the lines are is not known without their ends.
        any_letter = self.ends is None or self.ends.loose
        can_begin = is_letter if any_letter else is_han
        if wrong := [sign for sign in self.acrostic if not can_begin(sign)]:
            raise OptionError(
                f"acrostic={self.acrostic!r} holds {wrong[0]!r}",
                expected=f"{'letters' if any_letter else 'Han characters'}, which lines begin with",
            )
        parted = all(ends and all(ends) for ends in self.line_ends.between)
        if not (self.line_ends.between and parted and self.line_ends.last):
            raise OptionError(f"{self.ends}", expected="something that parts the lines")

    start = FormState()

    @property
    def line_ends(self) -> LineEnds:
        """What stands after the lines, also where nothing was said."""
        return LineEnds() if self.ends is None else self.ends

    @property
    def longest(self) -> int:
        """The most tokens that a poem of this form can have, its END counted: one for each byte."""
        characters = self.characters or LONGEST_LINE
        loose = MOST_LOOSE * (characters + 1) if self.line_ends.loose else 0
        ends = max(len(end.encode()) for end in (*self._all_ends, ""))
        return self.lines * (4 * (characters + loose) + ends) + 1

    @cached_property
    def signs(self) -> frozenset[str]:
        """The signs that matter by themselves: of the ends and of the acrostic."""
        first = (sign for number in range(len(self.acrostic)) for sign in self.first_of(number))
        return frozenset("".join(self._all_ends)).union(first)

    def kind(self, sign: str) -> str | None:
        """Return the same for signs that this form does not tell apart; None for one that it never has."""
        if sign in self.signs:
            return sign
        if self._is_letter(sign):
            return LETTER
        return LOOSE if self.line_ends.loose and is_loose(sign) else None

    def step(self, state: FormState, kind: str) -> FormState | None:
        """Return the state after one more sign of this `kind`; None where such a sign cannot follow."""
        line, letters, loose, end = state
        ends = self.ends_of(line)
        if letters == self.characters or (self.characters is None and letters):
            longer = end + kind
            if any(whole.startswith(longer) for whole in ends):
                return FormState(line, letters, 0, longer)
        if end:
            if end not in ends or line + 1 == self.lines:
                return None
            line, letters, loose = line + 1, 0, 0
        if kind == LETTER or is_letter(kind):
            begins = letters == 0 and line < len(self.acrostic)
            if letters == (self.characters or LONGEST_LINE) or (
                begins and kind not in self.first_of(line)
            ):
                return None
            return FormState(line, letters + 1)
        if loose < MOST_LOOSE and self.line_ends.loose and (kind == LOOSE or is_loose(kind)):
            return FormState(line, letters, loose + 1)
        return None

    def follow(self, state: FormState, text: Iterable[str]) -> FormState | None:
        """Return the state after all signs of a text; None where one of them cannot follow."""
        for sign in text:
            kind = self.kind(sign)
            following = None if kind is None else self.step(state, kind)
            if following is None:
                return None
            state = following
        return state

    def is_complete(self, state: FormState) -> bool:
        """Tell whether the poem may end here."""
        enough = state.letters == self.characters or (self.characters is None and state.letters > 0)
        return enough and state.line + 1 == self.lines and state.end in self.line_ends.last

    def fits(self, text: str) -> bool:
        """Tell whether a text has exactly this form."""
        state = self.follow(self.start, text)
        return state is not None and self.is_complete(state)

    def begun(self, text: str, where: str | None = None) -> FormState:
        """Return the state after the beginning of a poem.

        Raises:
            InputError: no poem of this form begins so; the first sign that does not fit is named.
        """
        state = self.start
        for number, sign in enumerate(text, 1):
            following = self.follow(state, sign)
            if following is None:
                raise InputError(
                    f"character {number} of the beginning, {sign!r}, does not fit the form",
                    where=where,
                    expected=f"the beginning of {self}",
                    fix="change the beginning, or the form",
                )
            state = following
        return state

    def _is_letter(self, sign: str) -> bool:
        return is_letter(sign) if self.line_ends.loose else is_han(sign)

    def __str__(self) -> str:
        each = "" if self.characters is None else f" of {self.characters} characters"
        first = f" that begin with {', '.join(self.acrostic)}" if self.acrostic else ""
        return f"{self.lines} line{'' if self.lines == 1 else 's'}{each}{first}"

    @cached_property
    def _all_ends(self) -> tuple[str, ...]:
        return tuple(end for line in range(self.lines) for end in self.ends_of(line))

    def ends_of(self, line: int) -> tuple[str, ...]:
        """Return what may stand after a line, counted from 0."""
        if line + 1 == self.lines:
            return self.line_ends.last
        return self.line_ends.between[line % len(self.line_ends.between)]

    def first_of(self, line: int) -> set[str]:
        """Return the characters that a line of the acrostic may begin with."""
        sign = self.acrostic[line]
        return {each for each in (sign, sign.upper(), sign.lower()) if len(each) == 1}


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


@lru_cache(maxsize=1 << 16)
def is_letter(sign: str) -> bool:
    """Tell whether a sign is a letter, a mark of one, or a digit: what the lines of a poem are made of."""
    return len(sign) == 1 and unicodedata.category(sign)[0] in "LMN"


@lru_cache(maxsize=1 << 12)
def is_loose(sign: str) -> bool:
    """Tell whether a sign is punctuation or a space."""
    return len(sign) == 1 and unicodedata.category(sign) in _LOOSE


_LOOSE = ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs")
