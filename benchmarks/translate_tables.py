"""The tables of translation: scores beside baselines and published figures, what each cost, and training beside torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.language_tables import NONE, best_bold

Row = Sequence[str]
Read = Callable[[str], dict[str, Any] | None]
Words = tuple[str, str]
"""In English and in Chinese."""

DATA: Mapping[str, tuple[Words, Words, tuple[str, ...]]] = {
    "multi30k_de_en": (
        ("Multi30k German–English", "Multi30k 德译英"),
        (
            "LSTM 13.8, GRU 20.6, GRU + attention 28.3, Transformer 36.5",
            "LSTM 13.8，GRU 20.6，GRU + 注意力 28.3，Transformer 36.5",
        ),
        ("bleu",),
    ),
    "multi30k_en_de": (("Multi30k English–German", "Multi30k 英译德"), (NONE, NONE), ("bleu",)),
    "multi30k_en_fr": (("Multi30k English–French", "Multi30k 英译法"), (NONE, NONE), ("bleu",)),
    "multi30k_6000": (
        ("6,000 pairs of Multi30k German–English, 8 minutes", "Multi30k 德译英 6,000 对，8 分钟"),
        (NONE, NONE),
        ("bleu",),
    ),
    "tatoeba_zh_en": (
        ("Tatoeba Chinese–English", "Tatoeba 中译英"),
        (NONE, NONE),
        ("bleu", "chrf"),
    ),
    "tatoeba_en_zh": (
        ("Tatoeba English–Chinese", "Tatoeba 英译中"),
        (NONE, NONE),
        ("bleu", "chrf"),
    ),
    "classical_modern": (
        ("classical to modern Chinese", "文言译白话"),
        (NONE, NONE),
        ("bleu", "chrf"),
    ),
    "reuters": (("Reuters headlines", "路透社新闻标题"), (NONE, NONE), ("rouge_1", "rouge_l")),
}
"""Name, published figures and scores of each data set."""
METRICS = {"bleu": "BLEU", "chrf": "chrF", "rouge_1": "ROUGE-1", "rouge_l": "ROUGE-L"}
VARIANTS: Mapping[str, Words] = {
    "gru": ("GRU", "GRU"),
    "lstm": ("LSTM", "LSTM"),
    "gru_input_feeding": ("GRU, input feeding", "GRU，输入反馈"),
    "gru_attention_none": ("GRU, no attention", "GRU，无注意力"),
    "transformer": ("Transformer", "Transformer"),
}
BASELINES: Mapping[tuple[str, ...], Words] = {
    ("nearest_pair",): ("nearest pair", "最近的句对"),
    ("copy_source", "lead"): ("source (news: its first sentence)", "原文（新闻：首句）"),
}


def translate_table(read: Read, which: int) -> list[Row]:
    """Return every score, with its spread where there are several seeds; the best of a row is bold."""
    heading = (("data", "score", "published"), ("数据", "指标", "已发表"))
    names = (*VARIANTS.values(), *BASELINES.values())
    rows: list[Row] = [(*heading[which], *(name[which] for name in names))]
    for key, (data, published, metrics) in DATA.items():
        result = read(f"translate_{key}")
        for metric in metrics if result else ():
            cells = _scores(result or {}, metric)
            rows.append((data[which], METRICS[metric], published[which], *cells))
    return rows


def _scores(result: Mapping[str, Any], metric: str) -> list[str]:
    variants, baselines = result["variants"], result.get("baselines", {})
    runs = [variants[name]["runs"] if name in variants else () for name in VARIANTS]
    found = [[run["scores"][metric] for run in some] for some in runs]
    found += [
        [baselines[name][metric] for name in names if name in baselines] for names in BASELINES
    ]
    return best_bold(found, 1, max)


def translate_cost_table(read: Read, which: int) -> list[Row]:
    """Return what every network took, the first seed of each."""
    heading = (
        ("data", "network", "parameters", "training, target tokens/s", "minutes", "writing, tokens/s", "peak memory of the training"),
        ("数据", "网络", "参数", "训练，目标词元/秒", "分钟", "生成，词元/秒", "训练的内存峰值"),
    )  # fmt: skip
    rows: list[Row] = [heading[which]]
    for key, (data, _, _) in DATA.items():
        result = read(f"translate_{key}") or {"variants": {}}
        for name, words in VARIANTS.items():
            if name not in result["variants"]:
                continue
            run = result["variants"][name]["runs"][0]
            rows.append(
                (
                    data[which],
                    words[which],
                    f"{run['parameters']:,}",
                    f"{run['train_tokens_per_second']:,.0f}",
                    f"{run['training_seconds'] / 60:.0f}",
                    f"{run['decode_tokens_per_second']:,.0f}",
                    f"{run['fit_memory_mb']:,} MB",
                )
            )
    return rows


def translate_speed_table(read: Read, which: int) -> list[Row]:
    """Return target tokens a second in training beside plain torch."""
    heading = (
        ("cell", "threads", "target tokens/s", "plain torch", "times as fast"),
        ("单元", "线程", "目标词元/秒", "纯 torch", "倍数"),
    )
    rows: list[Row] = [heading[which]]
    result = read("translate_speed")
    rows += [
        (
            case["cell"].upper(),
            str(case["threads"]),
            f"{case['tokens_per_second']:,.0f}",
            f"{case['torch_tokens_per_second']:,.0f}",
            f"{case['ratio']:.2f} ({case['low']:.2f}–{case['high']:.2f})",
        )
        for case in (result["cases"] if result else ())
    ]
    return rows


TABLES = {
    "translate": translate_table,
    "translate_cost": translate_cost_table,
    "translate_speed": translate_speed_table,
}
