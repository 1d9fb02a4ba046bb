"""Texts as token ids from which they can be written again: for models that write."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Literal, get_args

import numpy as np
import tokenizers
from numpy.typing import ArrayLike
from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers

from unrolled.data.bpe_dropout import BpeDropout
from unrolled.data.script import UNSPACED
from unrolled.data.text_decoder import TextDecoder
from unrolled.data.tokenizer import UNKNOWN, Ids, Tokenizer
from unrolled.errors import InputError, OptionError, unknown_option

TextUnits = Literal["bpe", "unigram", "characters", "words"]

_SPECIAL = ["[PAD]", "[UNK]", "[BOS]", "[EOS]"]
_BYTES = {f"<0x{byte:02X}>": byte for byte in chain(range(0xC0), range(0xC2, 0xF5))}
"""Tokens of the bytes that UTF-8 is made of: what is in no other token is written with them."""

USUAL_SIZE = {"bpe": 8_000, "unigram": 8_000, "characters": 8_000, "words": 30_000}
"""The most units of a vocabulary, by their kind."""
_DIGITS, _STEP, _NEAR = 9, 1e-4, 1e-6
"""Of the scores of pieces: see `_settled`."""

_UNSPACED = f"{UNSPACED}\u3005-\u3007"
"""Signs of scripts without spaces, with those that repeat one and the Han zero, which stand among punctuation."""
_LETTER = rf"[\p{{L}}\p{{M}}\p{{N}}&&[^{_UNSPACED}]]"
_JOINT = r"(?:[-'’]|&[a-z]+;)"
"""What stands within a word; tokenised texts write an apostrophe as "&apos;"."""
_WORD = rf" ?{_JOINT}?{_LETTER}+(?:{_JOINT}{_LETTER}+)*{_JOINT}?| ?&[a-z]+;"
_SIGN = r" ?[^ \n\p{L}\p{M}\p{N}]"
_PARTS = {
    "words": rf"\n|[{_UNSPACED}]|{_WORD}|{_SIGN}",
    "bpe": rf"\n|[{_UNSPACED}]+|{_WORD}|{_SIGN}+",
    "unigram": rf"\n|[{_UNSPACED}]+|{_WORD}|{_SIGN}+",
    "characters": r"[\s\S]",
}
"""Within what a token stands; what matches nothing, a space between, is a part too."""


class TextTokenizer(Tokenizer):
    """Turns texts into token ids and back; made by `fit_text_tokenizer` or read back by `from_text`.

    Ids 0 to 3 are padding, whatever is not in the vocabulary, and the begin and the end of a text.

    >>> tokenizer = fit_text_tokenizer(["low lower lowest"] * 3)
    >>> tokenizer.tokens("lowest low!")
    [' lowest', ' low', '<0x21>']
    >>> tokenizer.decode(next(tokenizer.encode(["A lower 山"])))
    'A lower 山'
    """

    def encode(
        self, texts: Iterable[str], dropout: float = 0.0, *, seed: int = 0, epoch: int = 0
    ) -> Iterator[Ids]:
        """Yield the token ids (T_i,) of each text, without a begin or an end.

        Args:
            texts: any, also of characters never seen.
            dropout: the probability with which each merge of BPE is left out (`BpeDropout`), for training.
            seed: of the run; with the epoch it decides, alone, how the same texts are cut.
            epoch: counted from 0.

        Raises:
            OptionError: dropout is no probability, or the units are not those of BPE.
        """
        if not 0 <= dropout <= 1:
            raise OptionError(f"dropout={dropout!r}", expected="a number from 0 to 1")
        if not dropout:
            return super().encode(texts)
        if self.units != "bpe":
            raise OptionError(
                f"dropout={dropout!r} with units={self.units!r}",
                expected='units="bpe", whose merges can be left out',
            )
        merges = json.loads(self.to_text())["model"]["merges"]
        return self._cut_by(BpeDropout(merges, dropout, seed, epoch), texts)

    def decode(self, ids: ArrayLike) -> str:
        """Return the text of token ids; padding, unknown, begin and end write nothing."""
        decoder = self.decoder()
        return decoder.push_all(np.asarray(ids, dtype=np.int64).tolist()) + decoder.finish()

    def decoder(self) -> TextDecoder:
        """Return what gives the text of ids that come one by one."""
        return TextDecoder(self.written, first_space=self.keeps_space)

    @cached_property
    def keeps_space(self) -> bool:
        """Whether it was learned with ``keep_space``."""
        return '"Strip"' not in json.dumps(json.loads(self.to_text())["normalizer"])

    @cached_property
    def written(self) -> list[bytes]:
        """What each token writes, by id: its UTF-8, or one byte of it."""
        of_bytes: dict[str, int] = {} if self.units == "words" else _BYTES
        return [b""] * len(_SPECIAL) + [
            bytes([of_bytes[token]]) if token in of_bytes else token.encode()
            for token in self.vocabulary()[len(_SPECIAL) :]
        ]

    def _cut_by(self, bpe: BpeDropout, texts: Iterable[str]) -> Iterator[Ids]:
        ids = self.inner.get_vocab()
        normalizer, parts = self.inner.normalizer, self.inner.pre_tokenizer
        for text in texts:
            words = parts.pre_tokenize_str(normalizer.normalize_str(text))
            pieces = chain.from_iterable(bpe.cut(word) for word, _ in words)
            known = ([ids[piece]] if piece in ids else _byte_ids(piece, ids) for piece in pieces)
            yield np.fromiter(chain.from_iterable(known), np.int32)


def fit_text_tokenizer(
    texts: Iterable[str],
    units: str | None = None,
    *,
    size: int | None = None,
    keep_space: bool = False,
) -> TextTokenizer:
    """Learn a vocabulary from training texts, of one language or of several that share it (``chain(sources, targets)``).

    Capitals and punctuation are kept. A text comes back as it was but for its Unicode form, which is NFC, and white
    space, of which one space remains between words and none at the ends: a word token holds the space before it. With
    "words" this is so for texts whose words are known; the others are [UNK] and write nothing.

    - "bpe": pieces that often meet, merged one after the other (Sennrich et al. 2016, arXiv:1508.07909).
    - "unigram": pieces of the likeliest cut under a unigram model (Kudo 2018, arXiv:1804.10959); slow to learn.
    - "characters": each by itself, the space too.
    - "words": whole words, and each other sign by itself.

    Pieces run within a word, or within signs of a script that parts no words (Chinese, Japanese, Thai) up to the next
    punctuation. But for words, nothing is unknown: a character that is rare or new is written as the bytes of its
    UTF-8, for which there are 243 tokens.

    Args:
        texts: of the training part alone.
        units: one of the above; None = "bpe".
        size: the most units, special ones and bytes among them; characters, merges and words that occur once are not
            made.
        keep_space: whether white space stays as it is, for texts whose lines matter; each end of a line is a token
            then, and the first word of a text, or of a line, is not that which follows a space.

    Raises:
        OptionError: there are no such units, or no room for any but the bytes.
        InputError: the texts hold nothing, or no word twice.
    """
    units = units or "bpe"
    if units not in get_args(TextUnits):
        raise unknown_option("units", units, get_args(TextUnits))
    size = USUAL_SIZE[units] if size is None else size
    if size < least_size(units):
        raise OptionError(
            f"size={size!r}", expected=f'at least {least_size(units)} with units="{units}"'
        )
    texts = texts if isinstance(texts, Sequence) else list(texts)
    normalizer = _normalizer(units, keep_space)
    if units == "words":
        model = _words(texts, size, normalizer)
    else:
        kept, rare = _signs(texts, normalizer, size - len(_BYTES) - len(_SPECIAL))
        size -= len(_BYTES)
        frequent = (normalizer.normalize_str(text).translate(rare) for text in texts)
        if units == "characters":
            model = _with_bytes([*_SPECIAL, *kept], [])
        elif units == "bpe":
            model = _bpe(frequent, size, normalizer)
        else:
            model = _unigram(frequent, size, normalizer)
    return TextTokenizer(_untrained(model, units, normalizer), units)


def least_size(units: str) -> int:
    """Return the least size of a vocabulary: the special units, the bytes, and one more.

    >>> least_size("words"), least_size("bpe")
    (5, 248)
    """
    return len(_SPECIAL) + (0 if units == "words" else len(_BYTES)) + 1


def _untrained(
    model: models.Model, units: str, normalizer: normalizers.Normalizer
) -> tokenizers.Tokenizer:
    inner = tokenizers.Tokenizer(model)
    inner.normalizer = normalizer
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(_PARTS[units]), "isolated")
    return inner


def _normalizer(units: str, keep_space: bool) -> normalizers.Normalizer:
    if keep_space:
        return normalizers.NFC()
    spaced = [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    if units == "characters":
        return normalizers.Sequence(spaced)
    # The first word of a text is the same token as within it; scripts without spaces have none to share.
    first = normalizers.Replace(Regex(rf"\A(?=[^{_UNSPACED}])"), " ")
    return normalizers.Sequence([*spaced, first])


def _signs(
    texts: Sequence[str], normalizer: normalizers.Normalizer, most: int
) -> tuple[list[str], dict[int, None]]:
    """Return the most frequent characters, and a table for `str.translate` that takes out the others."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(normalizer.normalize_str(text))
    if not counts:
        raise InputError(
            "the training texts are empty",
            expected="texts to learn from",
            fix="give more or longer texts",
        )
    twice = (sign for sign, count in counts.items() if count > 1)
    kept = sorted(twice, key=lambda sign: (-counts[sign], sign))[:most]
    return kept, dict.fromkeys(map(ord, counts.keys() - set(kept)))


def _words(texts: Iterable[str], size: int, normalizer: normalizers.Normalizer) -> models.Model:
    trainer = trainers.WordLevelTrainer(
        vocab_size=size, min_frequency=2, special_tokens=_SPECIAL, show_progress=False
    )
    inner = _untrained(models.WordLevel(unk_token=_SPECIAL[UNKNOWN]), "words", normalizer)
    inner.train_from_iterator(iter(texts), trainer)
    if inner.get_vocab_size() == len(_SPECIAL):
        raise InputError(
            "the training texts hold no word that occurs twice",
            expected="texts to learn from",
            fix='give more or longer texts, or take units="bpe" (--units bpe)',
        )
    return inner.model


def _bpe(texts: Iterable[str], size: int, normalizer: normalizers.Normalizer) -> models.Model:
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=_SPECIAL, show_progress=False
    )
    inner = _untrained(models.BPE(), "bpe", normalizer)
    inner.train_from_iterator(texts, trainer)
    saved = json.loads(inner.to_str())["model"]
    tokens = sorted(saved["vocab"], key=saved["vocab"].__getitem__)
    return _with_bytes(tokens, [tuple(merge) for merge in saved["merges"]])


def _with_bytes(tokens: list[str], merges: list[tuple[str, str]]) -> models.BPE:
    ids = {token: number for number, token in enumerate([*tokens, *_BYTES])}
    return models.BPE(vocab=ids, merges=merges, unk_token=_SPECIAL[UNKNOWN], byte_fallback=True)


def _unigram(texts: Iterable[str], size: int, normalizer: normalizers.Normalizer) -> models.Unigram:
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        special_tokens=_SPECIAL,
        unk_token=_SPECIAL[UNKNOWN],
        show_progress=False,
    )
    inner = _untrained(models.Unigram(), "unigram", normalizer)
    inner.train_from_iterator(texts, trainer)
    learned = [(token, score) for token, score in json.loads(inner.to_str())["model"]["vocab"]]
    special, pieces = learned[: len(_SPECIAL)], learned[len(_SPECIAL) :]
    best = sorted(_settled(pieces), key=lambda each: (-each[1], each[0]))
    # Where there is hardly room for the characters the trainer gives more than it was asked for.
    scores = [*special, *best][:size]
    # No text is cut into tokens of bytes by their score, but the least one tells how bad an unknown character is.
    least = min(score for _, score in scores)
    vocabulary = scores + [(token, least) for token in _BYTES]
    return models.Unigram(vocab=vocabulary, unk_id=UNKNOWN, byte_fallback=True)


def _settled(pieces: list[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield pieces with scores that are the same whenever the same texts are learned.

    The trainer sums in any order, so that the last digits differ. And characters that are no good pieces get the least
    score and, in any order, 0, 1, 2, ... steps more: they all have the least here.
    """
    least = min((score for _, score in pieces), default=0.0)
    for token, score in pieces:
        steps = (score - least) / _STEP
        is_no_piece = len(token) == 1 and abs(steps - round(steps)) < _NEAR
        yield token, round(least if is_no_piece else score, _DIGITS)


def _byte_ids(piece: str, ids: dict[str, int]) -> list[int]:
    return [ids[f"<0x{byte:02X}>"] for byte in piece.encode()]
