"""Long texts in pieces that a tokenizer takes one by one: a novel at once would need many times its memory."""

from __future__ import annotations

import re
from collections.abc import Iterator

PIECE = 4096
"""Characters of a piece, about."""
_END = re.compile(r"\n|(?<=\S)(?= \S)")
"""Where no token reaches across: behind the end of a line, or before the space of a word."""


def text_pieces(text: str, size: int = PIECE) -> Iterator[str]:
    r"""Yield the pieces of a text, which together are the text.

    A piece ends with the first line or word that ends after ``size`` characters, so that tokens are those of the whole
    text; where none does within as many again, as in a script without spaces, it ends there.

    >>> list(text_pieces("to be\nor not to be", size=5))
    ['to be\n', 'or not', ' to be']
    """
    start = 0
    while len(text) - start > size:
        found = _END.search(text, start + size, start + 2 * size)
        stop = start + 2 * size if found is None else found.end()
        yield text[start:stop]
        start = stop
    if start < len(text) or not text:
        yield text[start:]
