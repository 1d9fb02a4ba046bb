"""Which tokens may follow so that what is written has the form of a poem."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.errors import InputError
from unrolled.models.poem_form import LETTER, FormState, PoemForm, is_letter, is_loose
from unrolled.models.verse import LineEnds, is_han

Shape = tuple[str, ...]

_MASKS, _STEPS = 1024, 1 << 16
"""How many masks, each a byte a token, and how many steps are kept."""
_SHOWN = 30
_CONTINUING = range(0x80, 0xC0)
_LEADS = ((0xF0, 4, 0x10000), (0xE0, 3, 0x800), (0xC0, 2, 0x80))
"""By the least first byte of a character: how many bytes it has, and the least code point that takes as many."""
_BEYOND = 0x40000
"""No letters stand from here on."""


class Place(NamedTuple):
    """How far a row is: in the form, and in the bytes of a character that is begun."""

    state: FormState
    begun: bytes = b""


class FormRules:
    r"""Says which tokens may follow, as `Rules` asks it: those after which the text can still get the form.

    A token may write several characters, or bytes of one; bytes may follow where they are those of a character that
    fits. ``end`` may follow where the form is complete, and only there. A row is followed by its last token; what may
    come next is told once for each place in the form, for classes of tokens that the form does not tell apart.

    Args:
        form: of the poems.
        written: what each token writes, by id; a token that writes nothing never follows.
        end: the token that ends a poem.
        begun: by number of the source, the text that stands before what is written; nothing where there is none.

    >>> written = ["", "", "", "", "春", "夏", "天", "，", "。", "\n"]
    >>> rules = FormRules(PoemForm(2, 2, "春夏"), [sign.encode() for sign in written], end=3)
    >>> [written[token] for token in rules(torch.tensor([[4, 6]]), torch.tensor([0]))[0].nonzero()]
    ['，']

    Raises:
        InputError: the tokens cannot write what the form asks for, or a beginning does not fit it.
    """

    def __init__(
        self,
        form: PoemForm,
        written: Sequence[bytes],
        end: int,
        begun: Mapping[int, str] | Sequence[str] = (),
    ) -> None:
        self.end, self._written = end, written
        single = {each[0] for each in written if len(each) == 1}
        # A character that is begun can be ended only where every byte that may continue one is a token.
        self._bytes = single if single.issuperset(_CONTINUING) else set()
        self.form = self._as_it_can_be_written(form)
        texts = list(map(_text, written))
        shapes: dict[Shape, int] = {(): 0}
        shape_of = [self._shape(text or "") for text in texts]
        self._shape_of = torch.tensor([shapes.setdefault(each, len(shapes)) for each in shape_of])
        self._shapes = list(shapes)
        in_part = [k for k, text in enumerate(texts) if text is None and self._bytes]
        goes_on = [written[token][0] in _CONTINUING for token in in_part]
        self._beginning = [
            k for k, is_second in zip(in_part, goes_on, strict=True) if not is_second
        ]
        self._ending = [k for k, is_second in zip(in_part, goes_on, strict=True) if is_second]
        self._require_letters()
        self._mask = lru_cache(_MASKS)(self._find_mask)
        self._next = lru_cache(_STEPS)(self._follow)
        texts_before = begun.items() if isinstance(begun, Mapping) else enumerate(begun)
        self._begun = {
            number: Place(self.form.begun(text, f"prompt {text[:_SHOWN]!r}"))
            for number, text in texts_before
        }
        self._places: dict[tuple[int, tuple[int, ...]], Place] = {}

    def __call__(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        """Return which tokens may follow those that row r, of source numbers[r], has written: (R, t), (R,) to (R, V)."""
        known, self._places = self._places, {}
        masks = []
        for number, row in zip(numbers.tolist(), map(tuple, tokens.tolist()), strict=True):
            before = known.get((number, row[:-1])) if row else None
            place = self._place(number, row) if before is None else self._after(before, row[-1])
            self._places[number, row] = place
            masks.append(self._mask(place))
        return torch.stack(masks).to(tokens.device)

    def _place(self, number: int, tokens: tuple[int, ...]) -> Place:
        place = self._begun.get(number, Place(self.form.start))
        for token in tokens:
            place = self._after(place, token)
        return place

    def _after(self, place: Place, token: int) -> Place:
        following = self._next(place, token)
        if following is None:
            raise InputError(f"token {token} does not fit the form", expected=str(self.form))
        return following

    def _follow(self, place: Place, token: int) -> Place | None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            text = decoder.decode(place.begun + self._written[token])
        except UnicodeDecodeError:
            return None
        state = self.form.follow(place.state, text)
        return None if state is None else Place(state, decoder.getstate()[0])

    def _find_mask(self, place: Place) -> Tensor:
        """Return which tokens may follow at a place, (V,)."""
        if place.begun:
            mask = torch.zeros(len(self._written), dtype=torch.bool)
        else:
            allowed = [self._may_follow(place.state, shape) for shape in self._shapes]
            mask = torch.tensor(allowed)[self._shape_of]
            mask[self.end] = self.form.is_complete(place.state)
        for token in self._ending if place.begun else self._beginning:
            mask[token] = self._can_be_ended(place, token)
        return mask

    def _may_follow(self, state: FormState | None, shape: Shape) -> bool:
        for kind in shape:
            if state is not None:
                state = self.form.step(state, kind)
        return state is not None and bool(shape)

    def _can_be_ended(self, place: Place, token: int) -> bool:
        """Tell whether a token of bytes may follow: what it begins is that of a sign that fits."""
        following = self._follow(place, token)
        if following is None or not following.begun:
            return following is not None
        own = (sign for sign in self.form.signs if sign.encode().startswith(following.begun))
        signs = (*own, *_examples(following.begun))
        return any(self.form.follow(following.state, sign) is not None for sign in signs)

    def _shape(self, text: str) -> Shape:
        """Return the kinds of a text's signs; nothing for one that is in no poem."""
        kinds = [self.form.kind(sign) for sign in text]
        return () if None in kinds else tuple(kind for kind in kinds if kind)

    def _can_write(self, text: str) -> bool:
        return all(
            sign.encode() in self._signs or self._bytes.issuperset(sign.encode()) for sign in text
        )

    def _as_it_can_be_written(self, form: PoemForm) -> PoemForm:
        """Return the form without ends of lines that the tokens cannot write.

        Raises:
            InputError: none is left, or a character of the acrostic cannot be written.
        """
        self._signs = {each for each in self._written if (text := _text(each)) and len(text) == 1}
        for line, sign in enumerate(form.acrostic):
            if not any(map(self._can_write, form.first_of(line))):
                raise InputError(
                    f"the model cannot write {sign!r} of the acrostic",
                    expected="characters of its training texts",
                    fix="take another, or train with units of which none is unknown (characters, bpe)",
                )
        *between, last = (
            tuple(filter(self._can_write, ends))
            for ends in (*form.line_ends.between, form.line_ends.last)
        )
        if not all(between) or not last:
            raise InputError(
                f"the model cannot write what ends a line, as {form.line_ends.between[0][0]!r}",
                expected="a model that was trained on verse",
            )
        return replace(form, ends=LineEnds(tuple(between), last, form.line_ends.loose))

    def _require_letters(self) -> None:
        begins = any(self._may_follow(self.form.start, shape) for shape in self._shapes)
        if not self._bytes and (
            not begins if self.form.characters is None else (LETTER,) not in self._shapes
        ):
            raise InputError(
                "the model's tokens write no single letter",
                expected="units of characters for lines that are counted in characters",
                fix="train with characters or bpe, or leave out how many characters a line has",
            )


def _text(written: bytes) -> str | None:
    """Return the text of a token; None where it begins or ends within a character."""
    try:
        return written.decode()
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=1 << 14)
def _examples(begun: bytes) -> tuple[str, ...]:
    """Return a Han character, a letter and a loose sign whose UTF-8 begins so, where there are such."""
    lead = begun[0]
    _, size, least = next(each for each in _LEADS if lead >= each[0])
    first = lead & (0x7F >> size)
    for byte in begun[1:]:
        first = first << 6 | byte & 0x3F
    missing = 6 * (size - len(begun))
    least, beyond = max(first << missing, least), (first + 1) << missing
    places = ((codes, int(np.searchsorted(codes, least))) for codes in _code_points())
    return tuple(chr(codes[k]) for codes, k in places if k < len(codes) and codes[k] < beyond)


@cache
def _code_points() -> list[NDArray[np.int64]]:
    """Return the code points of all Han characters, letters and loose signs, each in rising order."""
    signs = list(map(chr, range(_BEYOND)))
    return [
        np.flatnonzero(np.fromiter(map(is_kind.__wrapped__, signs), np.bool_, _BEYOND))
        for is_kind in (is_han, is_letter, is_loose)
    ]
