"""Texts as numbers of tokens: words, characters, or pieces of words that the training texts taught."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Self, get_args

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers

from unrolled.data.script import text_form
from unrolled.errors import InputError, ModelFileError, unknown_option

Units = Literal["words", "characters", "bpe"]
Ids = NDArray[np.int32]

PADDING, UNKNOWN, FIRST_TOKEN = 0, 1, 2
_SPECIAL = ["[PAD]", "[UNK]"]
_TOGETHER = 4096
_WORD = Regex(r"\w+|[^\w\s]")

USUAL_SIZE = {"words": 30_000, "characters": 8_000, "bpe": 8_000}
"""The most units of a vocabulary, by their kind."""


class Tokenizer:
    """Turns texts into token ids; made by `fit_tokenizer` or read back by `from_text`.

    Id 0 is padding, id 1 stands for whatever is not in the vocabulary.

    >>> tokenizer = fit_tokenizer(["a fine film", "a dull film"], minimum=1)
    >>> tokenizer.units, tokenizer.tokens("A fine bore!"), len(tokenizer)
    ('words', ['a', 'fine', '[UNK]', '[UNK]'], 6)
    """

    def __init__(self, inner: tokenizers.Tokenizer, units: str) -> None:
        self.inner, self.units = inner, units
        # A text that says "[PAD]" means no padding.
        inner.encode_special_tokens = True

    def __len__(self) -> int:
        return int(self.inner.get_vocab_size())

    def encode(self, texts: Iterable[str]) -> Iterator[Ids]:
        """Yield the token ids (T_i,) of each text, some thousands of texts at a time."""
        texts = iter(texts)
        while some := list(itertools.islice(texts, _TOGETHER)):
            for encoding in self.inner.encode_batch_fast(some, add_special_tokens=False):
                yield np.array(encoding.ids, dtype=np.int32)

    def tokens(self, text: str) -> list[str]:
        """Return the tokens that the network reads of a text."""
        return self.named(next(self.encode([text])))

    def named(self, ids: Ids) -> list[str]:
        """Return the tokens of their ids."""
        return [str(self.inner.id_to_token(number)) for number in ids.tolist()]

    def legible(self, text: str) -> list[str]:
        """Return the tokens of a text, and what stands there in place of those that are not known.

        >>> fit_tokenizer(["a fine film"], minimum=1).legible("a fine bore!")
        ['a', 'fine', 'bore', '!']
        """
        found = self.inner.encode(text, add_special_tokens=False)
        return [
            text[slice(*place)] if number == UNKNOWN else token
            for number, token, place in zip(found.ids, found.tokens, found.offsets, strict=True)
        ]

    def vocabulary(self) -> list[str]:
        """Return all tokens by id."""
        ids = self.inner.get_vocab()
        return sorted(ids, key=ids.__getitem__)

    def to_text(self) -> str:
        """Return it as tokenizer.json holds it."""
        return str(self.inner.to_str(pretty=False))

    @classmethod
    def from_text(cls, text: str, units: str, where: str) -> Self:
        """Return the tokenizer that `to_text` wrote.

        Raises:
            ModelFileError: it is damaged.
        """
        try:
            return cls(tokenizers.Tokenizer.from_str(text), units)
        except Exception as error:  # the library raises nothing narrower
            raise ModelFileError(f"cannot be read: {error}", where=where) from error


def fit_tokenizer(
    texts: Sequence[str],
    units: str | None = None,
    *,
    size: int | None = None,
    minimum: int = 2,
) -> Tokenizer:
    """Learn a vocabulary from training texts.

    - "words": runs of letters and digits, and every other sign by itself; without capitals.
    - "characters": every sign but white space by itself, without capitals; in single words (names), with capitals and
      white space, which tell something there.
    - "bpe": pieces of words, from characters merged where they often meet (Sennrich et al. 2016, arXiv:1508.07909).

    Args:
        texts: of the training part alone.
        units: one of the above; None = characters where the script parts no words, or where texts are single words.
        size: the most units; the most frequent ones are kept.
        minimum: how often a word must occur.

    Raises:
        OptionError: there are no such units.
        InputError: the texts hold no token.
    """
    form = text_form(texts)
    if units is None:
        units = "words" if form == "words" else "characters"
    if units not in get_args(Units):
        raise unknown_option("units", units, get_args(Units))
    size = size or USUAL_SIZE[units]
    if units == "bpe":
        inner = tokenizers.Tokenizer(models.BPE(unk_token=_SPECIAL[UNKNOWN]))
        trainer: trainers.Trainer = trainers.BpeTrainer(
            vocab_size=size, special_tokens=_SPECIAL, show_progress=False
        )
    else:
        inner = tokenizers.Tokenizer(models.WordLevel(unk_token=_SPECIAL[UNKNOWN]))
        trainer = trainers.WordLevelTrainer(
            vocab_size=size, min_frequency=minimum, special_tokens=_SPECIAL, show_progress=False
        )
    names = form == "names" and units == "characters"
    inner.normalizer = _NAME if names else _PLAIN
    inner.pre_tokenizer = _parts(units, spaces=names)
    inner.train_from_iterator(iter(texts), trainer)
    if inner.get_vocab_size() == len(_SPECIAL):
        raise InputError(
            "the training texts hold no token that occurs twice"
            if minimum > 1
            else "the training texts are empty",
            expected="texts to learn from",
            fix="give more or longer texts",
        )
    return Tokenizer(inner, units)


_NAME = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s*\z"), " ")])
"""How a name ends tells most: a space at its end makes that an n-gram of its own."""
_PLAIN = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])


def _parts(units: str, *, spaces: bool) -> pre_tokenizers.PreTokenizer:
    if units == "characters":
        each = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        return each if spaces else pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), each])
    parts = pre_tokenizers.Split(_WORD, "isolated")
    return pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), parts])
