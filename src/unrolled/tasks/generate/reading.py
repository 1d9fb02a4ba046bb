"""How texts become what the network reads: token ids, with what stands before them and after them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unrolled.data.text_pieces import text_pieces
from unrolled.data.text_tokenizer import TextTokenizer
from unrolled.data.token_rows import TokenRows
from unrolled.models.token_ids import BEGIN, END, UNKNOWN
from unrolled.tasks.generate.settings import DOCUMENTS

Ids = NDArray[np.int32]

_SHOWN = 20


@dataclass(frozen=True)
class TextReader:
    """Turns texts into what the network reads.

    Attributes:
        tokenizer: which keeps white space.
        kind: "text" or "documents".
    """

    tokenizer: TextTokenizer
    kind: str

    @cached_property
    def first(self) -> int:
        """The token before a text: a document's begin, or the end of a line that might stand before a long text."""
        if self.kind == DOCUMENTS:
            return BEGIN
        line_end = self.tokenizer.inner.token_to_id("\n")
        return BEGIN if line_end is None else int(line_end)

    @property
    def ends(self) -> bool:
        """Whether a text has an end."""
        return self.kind == DOCUMENTS

    def rows(self, texts: Iterable[str]) -> TokenRows:
        """Return the ids of whole texts, each with the token before it, which is no target, and the end of a document."""
        return TokenRows.of(self._framed(texts, [END] if self.ends else []))

    def prompts(self, texts: Iterable[str]) -> TokenRows:
        """Return the ids of the beginnings of texts, each with the token before it."""
        return TokenRows.of(self._framed(texts, []))

    def text(self, ids: Sequence[int] | NDArray[np.integer]) -> str:
        """Return what tokens write."""
        return self.tokenizer.decode(np.asarray(ids))

    def characters(self, ids: Sequence[int] | NDArray[np.integer]) -> int:
        """Return how many characters tokens write; an end counts as one."""
        return int(self.lengths[np.asarray(ids, dtype=np.int64)].sum())

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The characters that each token writes, by id; a byte within a character writes none, an end one."""
        written = self.tokenizer.written
        counts = np.array([sum(byte & 0xC0 != 0x80 for byte in token) for token in written])
        counts[END] = 1
        return counts.astype(np.int64)

    @cached_property
    def bytes_alone(self) -> tuple[int, ...]:
        """The tokens that are one byte of what was too rare for a token of its own."""
        inner = self.tokenizer.inner
        if self.tokenizer.units == "words":
            return ()
        found = (inner.token_to_id(f"<0x{byte:02X}>") for byte in range(256))
        return tuple(number for number in found if number is not None)

    def unseen_notes(
        self, prompts: Sequence[str], where: Callable[[int], str] | None = None
    ) -> tuple[str, ...]:
        """Return a line for prompts of what the training text never had, or once at most: the network cannot know it."""
        alone = np.array([UNKNOWN, *self.bytes_alone])
        rows = [
            row
            for row, ids in enumerate(self.tokenizer.encode(prompts))
            if np.isin(ids, alone).any()
        ]
        if not rows:
            return ()
        signs = self._unseen(prompts[rows[0]])
        place = "the prompt" if where is None else where(rows[0])
        rest = len(rows) - 1
        more = f" (and {rest:,} more prompt{'s' if rest > 1 else ''})" if rest else ""
        return (f"{place}: new to the model: {signs}{more}",)

    def _unseen(self, prompt: str) -> str:
        """Return the characters, or for words the words, of a prompt that have no token."""
        if self.tokenizer.units == "words":
            ids = next(self.tokenizer.encode([prompt]))
            return f"{int((ids == UNKNOWN).sum()):,} of its words, which are left out"
        alone = {UNKNOWN, *self.bytes_alone}
        known = {
            sign
            for number, token in enumerate(self.tokenizer.vocabulary())
            for sign in token
            if number not in alone
        }
        signs = "".join(dict.fromkeys(sign for sign in prompt if sign not in known))
        return repr(signs[:_SHOWN])

    def _framed(self, texts: Iterable[str], after: list[int]) -> Iterator[Ids]:
        counts: list[int] = []

        def pieces() -> Iterator[str]:
            for text in texts:
                some = list(text_pieces(text))
                counts.append(len(some))
                yield from some

        row, read = 0, list[Ids]()
        for ids in self.tokenizer.encode(pieces()):
            read.append(ids)
            if len(read) == counts[row]:
                yield np.concatenate(([self.first], *read, after)).astype(np.int32)
                row, read = row + 1, []
