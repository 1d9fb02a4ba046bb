"""Token ids back to text, all at once or as they come."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence


class TextDecoder:
    r"""Gives the text of token ids one by one: a character of several byte tokens comes when its last byte is there.

    What all calls gave together is what `TextTokenizer.decode` gives for all ids.

    >>> decoder = TextDecoder([b"", b" hi", b"\xe6", b"\xb1", b"\x89"])
    >>> [decoder.push(token) for token in (1, 2, 3, 4)], decoder.finish()
    (['hi', '', '', '汉'], '')
    """

    def __init__(self, written: Sequence[bytes], *, first_space: bool = False) -> None:
        """Make one for tokens that are ``written`` so, by id; a space before the first word is left out, or kept."""
        self._written = written
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = first_space

    def push(self, token: int) -> str:
        """Return the text that a token adds; bytes that can never become a character are U+FFFD."""
        return self._first(self._decoder.decode(self._written[token]))

    def push_all(self, tokens: Iterable[int]) -> str:
        """Return the text that several tokens add."""
        written = b"".join([self._written[token] for token in tokens])
        return self._first(self._decoder.decode(written))

    def finish(self) -> str:
        """Return what is left: U+FFFD for a character whose bytes did not all come."""
        return self._first(self._decoder.decode(b"", final=True))

    def _first(self, text: str) -> str:
        if self._begun or not text:
            return text
        self._begun = True
        return text.removeprefix(" ")
