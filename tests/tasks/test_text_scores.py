"""BLEU, chrF and ROUGE: perfect texts of every script score 100, figures by hand, and what cannot be scored."""

from __future__ import annotations

import math

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from unrolled.data.script import main_script
from unrolled.errors import OptionError, ShapeError
from unrolled.tasks.bleu_interval import bleu_interval
from unrolled.tasks.rouge import RougeWords, rouge_scores
from unrolled.tasks.text_scores import (
    bleu_tokenizer,
    text_score_notes,
    text_scores,
    text_signatures,
)

LANGUAGES = {
    "chinese": (["房间很大，也很干净。", "他昨天没有来上学。"], "zh", "han"),
    "chinese with latin": (["我用 iPhone 拍照片，wifi 很快", "很好的手机啊"], "zh", "han"),
    "japanese": (["部屋はとても広いです。", "昨日は学校に来なかった。"], "char", "japanese"),
    "thai": (["ห้องกว้างมากและสะอาด", "เมื่อวานเขาไม่ได้มาเรียน"], "char", "thai"),
    "korean": (["방이 아주 넓고 깨끗하고 좋다", "그는 어제 학교에 오지 않았다"], "13a", "hangul"),
    "korean, joined": (["방이아주넓고깨끗하다", "그는어제학교에오지않았다"], "char", "hangul"),
    "hindi": (["कमरा बहुत बड़ा और साफ़ है", "वह कल स्कूल नहीं आया था"], "13a", "devanagari"),
    "russian": (["Комната очень большая.", "Он вчера не пришёл в школу."], "13a", "cyrillic"),
    "english": (["The room is large, and clean.", "He was not at school."], "13a", "latin"),
}
PERFECT = dict.fromkeys(("bleu", "chrf", "rouge_1", "rouge_2", "rouge_l"), 100.0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_perfect_text_scores_100_and_a_part_of_it_less(language: str) -> None:
    texts, tokenizer, script = LANGUAGES[language]
    assert (main_script(texts), bleu_tokenizer(texts)) == (script, tokenizer)
    assert text_scores(texts, texts, rouge=True) == PERFECT
    parts = text_scores([text[: 3 * len(text) // 4] for text in texts], texts, rouge=True)
    assert all(0 < parts[name] < 95 for name in PERFECT)
    others = text_scores(["#", "#"], texts, rouge=True)
    assert others == dict.fromkeys(PERFECT, 0.0)


@pytest.mark.parametrize(
    ("given", "script"),
    [
        ([], ""),
        (["", "12 !"], ""),
        (["ＷＩＤＥ letters"], "latin"),
        (["ｶﾀｶﾅ"], "japanese"),
        (["中文" * 20 + "の"], "han"),
        (["Επτά και one"], "greek"),
        (["mostly latin letters in a text 很"], "latin"),
        (["more than a third 很很很很很很很很很"], "han"),
        (["\ud800 x"], "latin"),
    ],
)
def test_script_of_texts(given: list[str], script: str) -> None:
    assert main_script(given) == script


def test_bleu_by_hand() -> None:
    """Counts 5 of 6, 3 of 5, 1 of 4 and 0 of 3 (smoothed: 1/2 of 3); 6 tokens against 7."""
    score = text_scores(["the cat sat on a mat"], ["the cat sat on the big mat"])["bleu"]
    precisions = (5 / 6) * (3 / 5) * (2 / 4) * (1 / 3)
    assert score == pytest.approx(100 * math.exp(1 - 7 / 6) * precisions**0.25)


def test_tokens_that_are_given_are_kept() -> None:
    hypotheses, references = ["a b-c d , e"], ["a b - c d , e"]
    assert text_scores(hypotheses, references, tokenize="char")["bleu"] == 100
    words = text_scores(hypotheses, references, tokenize="none")["bleu"]
    assert 0 < words < 60
    assert words == pytest.approx(
        sacrebleu.corpus_bleu(hypotheses, [references], tokenize="none").score
    )


def test_texts_shorter_than_four_tokens() -> None:
    short = ["你好", "嗨", "再见了"]
    assert text_scores(short, short, rouge=True) == PERFECT
    assert "eff:yes" in text_signatures(short)["bleu"]
    assert text_score_notes(short) == (
        "no reference has 4 tokens: BLEU counts the shorter n-grams alone",
    )
    # One long reference and the usual definition holds: 0 where no hypothesis has 4 tokens.
    mixed = [*short, "我明天去学校"]
    assert text_scores(mixed, mixed)["bleu"] == 100
    assert text_scores(["你好", "嗨", "再见了", "我明"], mixed)["bleu"] == 0
    assert "eff:no" in text_signatures(mixed)["bleu"]
    assert text_score_notes(mixed) == ()


def test_tokenised_references_are_noted() -> None:
    tokenised = ["a man sits on a bench .", "two dogs run ."]
    assert "tokenize='none'" in text_score_notes(tokenised)[0]
    assert text_score_notes(tokenised, tokenize="none") == ()
    assert text_score_notes(["A man sits.", "Two dogs run."]) == text_score_notes(["a b c d"]) == ()


def test_signatures_say_how() -> None:
    found = text_signatures(["房间很大"], rouge=True)
    assert list(found) == ["bleu", "chrf", "rouge"]
    assert "|tok:zh|" in found["bleu"] and "|nc:6|nw:0|" in found["chrf"]
    assert "|stem:no|" in found["rouge"]
    assert "|tok:none|" in text_signatures(["a b"], tokenize="none")["bleu"]
    metric = sacrebleu.BLEU(tokenize="zh")
    metric.corpus_score(["房间很大"], [["房间很大"]])
    assert found["bleu"] == str(metric.get_signature())


def test_rouge_words_of_english_are_those_of_rouge_score() -> None:
    hypotheses = ["The U.S. didn't pay $2.5 mln, he said", "police kill the gunman"]
    references = ["U.S. did pay 2.5 mln", "the gunman kill police"]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    rows = [scorer.score(r, h) for r, h in zip(references, hypotheses, strict=True)]
    ours = rouge_scores(hypotheses, references)
    for name, kind in zip(ours, ("rouge1", "rouge2", "rougeL"), strict=True):
        assert ours[name] == pytest.approx(50 * sum(row[kind].fmeasure for row in rows))
    assert ours["rouge_1"] != ours["rouge_l"]


def test_rouge_words_of_other_scripts() -> None:
    words = RougeWords().tokenize
    assert words("Größe, ÉTÉ_x!") == ["größe", "été", "x"]
    assert words("हिन्दी में, ne\u0301e") == ["हिन्दी", "में", "ne\u0301e"]
    assert words("用iPhone拍2张。") == ["用", "iphone", "拍", "2", "张"]
    assert words("방이 아주") == ["방이", "아주"]
    assert RougeWords(hangul=True).tokenize("방이아주") == ["방", "이", "아", "주"]
    assert words("。！ ") == []


def test_rouge_leaves_out_references_without_an_n_gram() -> None:
    scores = rouge_scores(["嗨", "你好", "x"], ["嗨", "你好", "！"])
    assert scores == {"rouge_1": 100.0, "rouge_2": 100.0, "rouge_l": 100.0}
    assert math.isnan(rouge_scores(["嗨"], ["嗨"])["rouge_2"])
    assert rouge_scores(["嗨", "你"], ["嗨", "你好"])["rouge_2"] == 0


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        (["a"], ["a", "b"], "1 hypotheses; expected 2, one a reference"),
        ([], [], "there is nothing to score"),
        (["a"], [" "], "there is nothing to score"),
        ("a", "a", "hypotheses are one text; expected a list of texts"),
    ],
)
def test_what_cannot_be_scored(hypotheses: list[str], references: list[str], message: str) -> None:
    for score in (text_scores, bleu_interval):
        with pytest.raises(ShapeError, match=message):
            score(hypotheses, references)


def test_tokenisers_that_do_not_exist_or_are_not_there() -> None:
    with pytest.raises(OptionError, match="did you mean 'zh'"):
        text_scores(["a"], ["a"], tokenize="zhh")
    with pytest.raises(OptionError, match="does not exist"):
        text_signatures(["a"], tokenize="")


def test_a_tokeniser_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise RuntimeError("Japanese tokenization requires extra dependencies")

    monkeypatch.setattr(sacrebleu, "BLEU", missing)
    with pytest.raises(OptionError, match=r"sacrebleu\[ja\]"):
        text_scores(["a"], ["a"], tokenize="ja-mecab")


def test_interval_holds_the_score_and_narrows_with_more_rows() -> None:
    references = ["a b c d e f", "g h i j k", "l m n o p q r", "s t u v w"]
    hypotheses = ["a b c d e x", "g h i j k", "l x n o p q r", "s t u v x"]
    widths = []
    for times in (5, 50):
        given = hypotheses * times, references * times
        low, high = bleu_interval(*given, samples=200)
        assert 0 < low < text_scores(*given)["bleu"] < high < 100
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert bleu_interval(*given, samples=50, seed=1) == bleu_interval(*given, samples=50, seed=1)
    assert bleu_interval(*given, samples=50, seed=1) != bleu_interval(*given, samples=50, seed=2)


def test_interval_of_one_row_is_its_score() -> None:
    given = ["the cat sat on a mat"], ["the cat sat on the big mat"]
    score = text_scores(*given)["bleu"]
    assert bleu_interval(*given, samples=3) == pytest.approx((score, score))


def test_interval_of_a_difference_is_paired() -> None:
    references = ["a b c d e f", "g h i j k", "l m n o p q r", "s t u v w"] * 10
    good = [text[:-1] + "x" if row % 2 else text for row, text in enumerate(references)]
    bad = ["x" + text[1:] if row % 2 else text[:-1] + "y" for row, text in enumerate(good)]
    assert bleu_interval(good, references, against=good, samples=50) == (0.0, 0.0)
    low, high = bleu_interval(good, references, against=bad, samples=200)
    difference = text_scores(good, references)["bleu"] - text_scores(bad, references)["bleu"]
    assert 0 < low < difference < high
    other = bleu_interval(bad, references, against=good, samples=200)
    assert other == pytest.approx((-high, -low))
    with pytest.raises(ShapeError, match="3 hypotheses"):
        bleu_interval(good, references, against=bad[:3])
    with pytest.raises(OptionError, match="samples=0"):
        bleu_interval(good, references, samples=0)


def test_interval_of_short_texts_counts_short_n_grams() -> None:
    assert bleu_interval(["你好", "嗨"], ["你好", "嗨"], samples=20) == (100.0, 100.0)
