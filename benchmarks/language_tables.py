"""The tables of generation, tagging and music: scores beside baselines and published figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Sequence[str]
Read = Callable[[str], dict[str, Any] | None]
Words = tuple[str, str]
"""In English and in Chinese."""

NONE = "–"
GENERATE: Mapping[tuple[str, str], tuple[Words, Words]] = {
    ("shakespeare", "nats_per_char"): (
        ("tiny Shakespeare, nats a character", "tiny Shakespeare，奈特/字符"),
        ("Transformer 1.470, minGRU 1.548", "Transformer 1.470，minGRU 1.548"),
    ),
    ("tang", "bits_per_char"): (("Tang poems, bits a character", "全唐诗，比特/字"), (NONE, NONE)),
    ("novels", "bits_per_char"): (
        ("红楼梦 and 西游记, bits a character", "红楼梦与西游记，比特/字"),
        (NONE, NONE),
    ),
}
"""Name and published figures of each data set and score."""
TAG: Mapping[tuple[str, str], tuple[Words, Words]] = {
    ("resume_ner", "span_f1"): (
        ("Resume NER, characters, span F1", "Resume NER，按字，片段 F1"),
        ("BiLSTM with pretrained vectors 94.4", "BiLSTM 加预训练向量 94.4"),
    ),
    ("ud_english_lines", "accuracy"): (
        ("UD English LinES, parts of speech, accuracy", "UD English LinES，词性，准确率"),
        (NONE, NONE),
    ),
}
MUSIC: Mapping[str, Words] = {
    "jsb": ("JSB chorales", "JSB 众赞歌"),
    "nottingham": ("Nottingham", "Nottingham 民歌"),
}
CELLS: Mapping[str, str] = {
    "gru": "GRU",
    "lstm": "LSTM",
    "rnn": "RNN",
    "mingru": "minGRU",
    "transformer": "Transformer",
}
METHODS: Mapping[str, Words] = {
    "ngram": ("n-gram", "n 元模型"),
    "most_frequent_tag": ("most frequent tag", "最常见标签"),
    "key_rates": ("how often a key sounds", "各键的频率"),
    "frame_before": ("LR on the frame before", "前一帧的逻辑回归"),
}
DATA_HEADING = (("data", "published"), ("数据", "已发表"))


def generate_table(read: Read, which: int) -> list[Row]:
    """Return what a character costs; less is better."""
    return _table(read, which, "generate", GENERATE, ("ngram",), digits=3, times=1, best=min)


def tag_table(read: Read, which: int) -> list[Row]:
    """Return scores in percent."""
    return _table(read, which, "tag", TAG, ("most_frequent_tag",), digits=1, times=100, best=max)


def _table(
    read: Read,
    which: int,
    job: str,
    data: Mapping[tuple[str, str], tuple[Words, Words]],
    methods: Sequence[str],
    *,
    digits: int,
    times: float,
    best: Callable[[Sequence[float]], float],
) -> list[Row]:
    """Return a row for every data set that was measured: the cells, with all seeds, and the simple methods."""
    names = [*CELLS.values(), *(METHODS[name][which] for name in methods)]
    rows: list[Row] = [(*DATA_HEADING[which], *names)]
    for (key, metric), (title, published) in data.items():
        result = read(f"{job}_{key}")
        if result is None:
            continue
        runs = [result["variants"].get(cell, {"runs": ()})["runs"] for cell in CELLS]
        scores = [[times * run["scores"][metric] for run in some] for some in runs]
        scores += [[times * result["baselines"][name][metric]] for name in methods]
        cells = best_bold(scores, digits, best)
        rows.append((title[which], published[which], *cells))
    return rows


def music_table(read: Read, which: int) -> list[Row]:
    """Return nats a frame; less is better."""
    methods = ("key_rates", "frame_before")
    names = [*CELLS.values(), *(METHODS[name][which] for name in methods)]
    rows: list[Row] = [(*DATA_HEADING[which], *names)]
    for key, title in MUSIC.items():
        result = read(f"music_{key}")
        if result is None:
            continue
        told = ", ".join(f"{CELLS[cell]} {value}" for cell, value in result["published"].items())
        runs = [result["cells"].get(cell, {"runs": ()})["runs"] for cell in CELLS]
        scores = [[run["scores"]["nats_per_frame"] for run in some] for some in runs]
        scores += [[result["baselines"][name]] for name in methods]
        rows.append((title[which], told, *best_bold(scores, 2, min)))
    return rows


def language_speed_table(read: Read, which: int) -> list[Row]:
    """Return characters a second in training, beside plain torch."""
    heading = (
        ("cell", "threads", "characters/s", "plain torch", "times as fast"),
        ("单元", "线程", "字符/秒", "纯 torch", "倍数"),
    )
    result = read("language_speed")
    rows: list[Row] = [heading[which]]
    rows += [
        (
            case["cell"].upper(),
            str(case["threads"]),
            f"{case['tokens_per_second']:,.0f}",
            f"{case['torch_tokens_per_second']:,.0f}",
            f"{case['ratio']:.2f} ({case['low']:.2f}–{case['high']:.2f})",
        )
        for case in (result["training"] if result else ())
    ]
    return rows


def best_bold(
    scores: Sequence[Sequence[float]], digits: int, best: Callable[[Sequence[float]], float]
) -> list[str]:
    """Return the mean of each, those that are the best as shown in bold, with the range of several seeds."""
    means = [round(sum(some) / len(some), digits) if some else None for some in scores]
    known = best([mean for mean in means if mean is not None])
    cells = []
    for mean, some in zip(means, scores, strict=True):
        cell = NONE if mean is None else f"{mean:.{digits}f}"
        cell = f"**{cell}**" if mean == known else cell
        if len(some) > 1:
            cell += f" ({min(some):.{digits}f}–{max(some):.{digits}f})"
        cells.append(cell)
    return cells


TABLES = {
    "generate": generate_table,
    "tag": tag_table,
    "music": music_table,
    "language_speed": language_speed_table,
}
