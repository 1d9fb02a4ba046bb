"""How near texts come to their references: BLEU, chrF and ROUGE, each with a signature that says how it was computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from unrolled.data.script import joined_hangul, main_script, text_form
from unrolled.errors import OptionError, ShapeError, unknown_option
from unrolled.tasks.rouge import rouge_scores, rouge_signature

if TYPE_CHECKING:
    from sacrebleu import BLEU

BleuTokenizer = Literal["13a", "intl", "zh", "char", "none", "ja-mecab", "ko-mecab"]

ORDER = 4
"""The longest n-grams of BLEU."""


def text_scores(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    tokenize: str | None = None,
    rouge: bool = False,
) -> dict[str, float]:
    """Score N texts against one reference each; every figure from 0 to 100, more is better.

    - ``bleu`` = BP exp(1/4 sum over n = 1..4 of ln p_n), with p_n the share of the n-grams of all
      hypotheses that their references have too (clipped) and BP = exp(min(0, 1 - r/c)) for c tokens of the
      hypotheses and r of the references (Papineni et al. 2002). Where no reference has 4 tokens, the
      shorter n-grams alone are counted, and the signature says ``eff:yes``; where one has and no
      hypothesis does, BLEU is 0.
    - ``chrf`` = (1 + 2^2) P R / (2^2 P + R), P and R the mean precision and recall of character n-grams,
      n = 1..6, without white space (Popović 2015).
    - ``rouge_1``, ``rouge_2``, ``rouge_l`` where asked for, see :func:`unrolled.tasks.rouge.rouge_scores`.

    BLEU and chrF are sacrebleu's (Post 2018, A call for clarity in reporting BLEU scores).

    Args:
        hypotheses: N texts.
        references: N texts.
        tokenize: sacrebleu's tokeniser for BLEU; "none" for texts whose tokens stand between spaces
            already. None chooses by the script of the references, see :func:`bleu_tokenizer`.
        rouge: whether to count ROUGE too.

    Raises:
        ShapeError: there are not as many hypotheses as references, or nothing to score.
        OptionError: there is no such tokeniser, or it needs a package that is not installed.

    >>> text_scores(["房间很大，也很干净。"], ["房间很大，也很干净。"], rouge=True)
    {'bleu': 100.0, 'chrf': 100.0, 'rouge_1': 100.0, 'rouge_2': 100.0, 'rouge_l': 100.0}
    """
    from sacrebleu import CHRF

    require_pairs(hypotheses, references)
    bleu = bleu_metric(references, tokenize).corpus_score(hypotheses, [references])
    scores = {"bleu": bleu.score, "chrf": CHRF().corpus_score(hypotheses, [references]).score}
    # Rounding can leave a perfect score a bit above 100.
    scores = {name: min(float(score), 100.0) for name, score in scores.items()}
    return scores | rouge_scores(hypotheses, references) if rouge else scores


def text_signatures(
    references: Sequence[str], *, tokenize: str | None = None, rouge: bool = False
) -> dict[str, str]:
    """Return by name of the score how :func:`text_scores` computes it against these references.

    Raises:
        ShapeError: there is no reference.
        OptionError: as :func:`text_scores`.

    >>> text_signatures(["房间很大"])["bleu"]  # doctest: +ELLIPSIS
    'nrefs:1|case:mixed|eff:no|tok:zh|smooth:exp|version:...'
    """
    from sacrebleu import CHRF

    require_pairs(references, references)
    metrics = {"bleu": bleu_metric(references, tokenize), "chrf": CHRF()}
    for metric in metrics.values():
        metric.num_refs = 1  # else known only once something was scored
    signatures = {name: str(metric.get_signature()) for name, metric in metrics.items()}
    return signatures | {"rouge": rouge_signature(references)} if rouge else signatures


def text_score_notes(references: Sequence[str], *, tokenize: str | None = None) -> tuple[str, ...]:
    """Return what a reader of the scores must know besides, a sentence each.

    >>> text_score_notes(["你好", "再见"])
    ('no reference has 4 tokens: BLEU counts the shorter n-grams alone',)
    """
    metric, notes = bleu_metric(references, tokenize), []
    if metric.effective_order:
        notes.append(f"no reference has {ORDER} tokens: BLEU counts the shorter n-grams alone")
    ended = sum(reference.rstrip().endswith((" .", " ?", " !")) for reference in references)
    if metric.tokenizer.signature() != "none" and 2 * ended > len(references):
        notes.append(
            "the references look tokenised already: "
            "tokenize='none' (--tokenize none, in training) would leave them so"
        )
    return tuple(notes)


def bleu_tokenizer(references: Sequence[str]) -> BleuTokenizer:
    """Choose sacrebleu's tokeniser by the script of the references.

    - "zh" for Chinese: every Han sign a token, the rest as "13a".
    - "char" for Japanese, Thai, Lao, Burmese, Khmer and Korean without spaces: every character a token.
      (sacrebleu's "ja-mecab" and "ko-mecab" need packages of their own and can be asked for.)
    - "13a" for all others: words, and the signs of punctuation.

    >>> bleu_tokenizer(["房间很大"]), bleu_tokenizer(["部屋は広い"]), bleu_tokenizer(["a large room"])
    ('zh', 'char', '13a')
    """
    if main_script(references) == "han":
        return "zh"
    if text_form(references) == "characters" or joined_hangul(references):
        return "char"
    return "13a"


def bleu_metric(references: Sequence[str], tokenize: str | None) -> BLEU:
    """Return sacrebleu's BLEU as it is computed against these references.

    Raises:
        OptionError: as :func:`text_scores`.
    """
    from sacrebleu import BLEU

    chosen = bleu_tokenizer(references) if tokenize is None else tokenize
    if chosen not in get_args(BleuTokenizer):
        raise unknown_option("tokenize", tokenize, get_args(BleuTokenizer))
    try:
        # force: sacrebleu would else say on stderr that texts look tokenised.
        metric = BLEU(tokenize=chosen, force=True)
    except RuntimeError as error:
        language = chosen.partition("-")[0]
        raise OptionError(
            f"tokenize={chosen!r} needs a package that is not installed",
            fix=f"pip install sacrebleu[{language}], or give tokenize='char'",
        ) from error
    metric.effective_order = not any(
        len(metric.tokenizer(reference.rstrip()).split()) >= ORDER for reference in references
    )
    return metric


def require_pairs(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """Refuse what cannot be scored row by row.

    Raises:
        ShapeError: see :func:`text_scores`.
    """
    for name, texts in (("hypotheses", hypotheses), ("references", references)):
        if isinstance(texts, str):
            raise ShapeError(f"{name} are one text", expected="a list of texts")
    if len(hypotheses) != len(references):
        raise ShapeError(
            f"{len(hypotheses)} hypotheses", expected=f"{len(references)}, one a reference"
        )
    if not any(reference.strip() for reference in references):
        raise ShapeError(
            "there is nothing to score: no reference holds a word",
            fix="give rows with targets",
        )
