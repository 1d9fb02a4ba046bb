"""ROUGE in every script: words where spaces part them, single signs where none do."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from unrolled.data.script import joined_hangul, signs_apart

_KINDS = {"rouge_1": ("rouge1", 1), "rouge_2": ("rouge2", 2), "rouge_l": ("rougeL", 1)}
"""Name -> rouge-score's name, and how many words a reference needs to have one n-gram."""


class RougeWords:
    """Splits a text into the words that ROUGE counts, as rouge-score's ``tokenizer``.

    A word is a run of letters, marks and digits of any script, without capitals; a sign of a script
    without spaces (Chinese, Japanese, Thai, ...) is a word of its own. For English the words are those of
    rouge-score, which by itself drops every letter but a to z.

    >>> RougeWords().tokenize("Don't: naïve हिन्दी 2.5"), RougeWords().tokenize("用iPhone拍照。")
    (['don', 't', 'naïve', 'हिन्दी', '2', '5'], ['用', 'iphone', '拍', '照'])
    """

    def __init__(self, hangul: bool = False) -> None:
        self.hangul = hangul

    def tokenize(self, text: str) -> list[str]:
        return signs_apart(text.lower().translate(_WORD_SIGNS), self.hangul).split()


class _WordSigns(dict[int, int | str]):
    """Maps what is neither letter, mark nor digit to a space, and is filled as signs are met."""

    def __missing__(self, code: int) -> int | str:
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else " "
        return self[code]


_WORD_SIGNS = _WordSigns()


def rouge_scores(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Return ``rouge_1``, ``rouge_2`` and ``rouge_l``, 0 to 100, of hypotheses that fit their references.

    Each is the mean over rows of F1 = 2 P R / (P + R), with P and R the shares of the hypothesis' and of
    the reference's n-grams that the two have in common (n = 1, 2), or of the words of their longest common
    subsequence (L). Words as in :class:`RougeWords`, no stemming.

    A row whose reference has no such n-gram (for ``rouge_2``: a single word) is left out of that mean, so
    that an identical text scores 100; rouge-score would count it as 0. The rows left out depend on the
    references alone and so are the same for every method. NaN where no row is left.

    Lin (2004), ROUGE: a package for automatic evaluation of summaries.

    >>> {name: round(score, 1) for name, score in rouge_scores(["今天下雨"], ["今天不下雨"]).items()}
    {'rouge_1': 88.9, 'rouge_2': 57.1, 'rouge_l': 88.9}
    """
    # Imported late: rouge-score imports nltk.
    from rouge_score.rouge_scorer import RougeScorer

    words = RougeWords(joined_hangul(references))
    scorer = RougeScorer([kind for kind, _ in _KINDS.values()], tokenizer=words)
    rows = [
        scorer.score(reference, hypothesis)
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    ]
    lengths = np.array([len(words.tokenize(reference)) for reference in references])
    scores = {}
    for name, (kind, least) in _KINDS.items():
        counted = np.array([row[kind].fmeasure for row in rows])[lengths >= least]
        scores[name] = 100.0 * float(counted.mean()) if len(counted) else float("nan")
    return scores


def rouge_signature(references: Sequence[str]) -> str:
    """Return how ROUGE is computed against these references, in the form of sacrebleu's signatures."""
    words = "words+signs+hangul" if joined_hangul(references) else "words+signs"
    return f"nrefs:1|case:lc|tok:{words}|stem:no|short:left-out|version:{version('rouge-score')}"
