"""The tables of speed: kernels in training, single steps, scans, and models and jobs beside torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Row = Sequence[str]
Read = Callable[[str], dict[str, Any] | None]

SIZES = (64, 128, 256, 512)
WAYS = {
    "full": ("torch padded", ("{}, all rows full", "{}，各行等长")),
    "lengths": ("torch packed", ("{}, unequal rows, torch packed", "{}，各行不等长，torch 打包")),
}
RIVALS = {
    "torch cell": ("torch's cell", "torch 的单元"),
    "torch layer": ("torch's layer", "torch 的层"),
    "numpy": ("NumPy", "NumPy"),
    "onnxruntime": ("ONNX Runtime", "ONNX Runtime"),
}
NONE = "–"


def speed_table(read: Read, which: int) -> list[Row]:
    """Return torch's time / ours in training, 32 rows, by cell and width."""
    rows: list[Row] = [
        (
            ("training, torch's time / ours", "训练，torch 用时 / 本库用时")[which],
            *(f"H = {size}" for size in SIZES),
        )
    ]
    result = read("kernels")
    cases = result["cases"] if result else []
    known = {
        (case["cell"], case["kind"], case["hidden"]): case["against"]
        for case in cases
        if case["batch"] == 32 and case["mode"] == "train"
    }
    for cell in ("gru", "lstm", "rnn") if known else ():
        for kind, (rival, name) in WAYS.items():
            ratios = (known[cell, kind, size][rival]["ratio"] for size in SIZES)
            rows.append((name[which].format(cell.upper()), *(f"{ratio:.1f}" for ratio in ratios)))
    return rows


def step_table(read: Read, which: int) -> list[Row]:
    """Return microseconds of one step by cell and sizes."""
    heading = (
        ("cell", "rows", "H", "Stream.push", "without Python", "Cell.step"),
        ("单元", "行", "H", "Stream.push", "不经 Python", "Cell.step"),
    )
    rows: list[Row] = [(*heading[which], *(name[which] for name in RIVALS.values()))]
    result = read("step")
    for row in result["steps"] if result else ():
        against = row["against"]
        times = (row["push_us"], row["inside_us"], against["Cell.step"]["us"])
        others = (against[name]["us"] if name in against else None for name in RIVALS)
        shown = (NONE if time is None else f"{time:.1f}" for time in (*times, *others))
        rows.append((row["cell"], f"{row['batch']:,}", str(row["hidden_size"]), *shown))
    return rows


def scan_table(read: Read, which: int) -> list[Row]:
    """Return the scan's times beside the plain loop and a cumulative sum in log space, and the time of a step by length."""
    heading = (
        ("cell", "ms", "plain loop / ours", "log-space torch / ours", "us a step, T = 1,024", "T = 16,384"),
        ("单元", "毫秒", "逐步循环 / 本库", "torch 对数空间 / 本库", "每步微秒，T = 1,024", "T = 16,384"),
    )  # fmt: skip
    rows: list[Row] = [heading[which]]
    result = read("scan")
    for name, cell in result["cells"].items() if result else ():
        ratios, steps = cell["ratios"], cell["step_us_by_length"]
        rows.append(
            (
                name,
                f"{cell['times']['unrolled']['wall_ms']['median']:.1f}",
                f"{ratios['plain_loop_to_unrolled']['median']:.1f}",
                f"{ratios['log_space_torch_to_unrolled']['median']:.1f}",
                *(f"{steps[length]['wall']['median']:.1f}" for length in ("1024", "16384")),
            )
        )
    return rows


def accelerate_table(read: Read, which: int) -> list[Row]:
    """Return torch's time / that of the accelerated model, and how far their losses are apart."""
    heading = (
        ("model", "torch / accelerated", "relative difference of the losses"),
        ("模型", "torch / 加速后", "损失的相对差"),
    )
    rows: list[Row] = [heading[which]]
    result = read("accelerate")
    cases = result["cases"].values() if result else ()
    shown = [(case["what"], f"{case['ratio']:.2f}", f"{case['loss_apart']:.0e}") for case in cases]
    return rows + shown


def epoch_table(read: Read, which: int) -> list[Row]:
    """Return the seconds of an epoch of the review classifier and of the same network in plain torch."""
    heading = (("", "seconds", "times ours"), ("", "秒", "本库的倍数"))
    rows: list[Row] = [heading[which]]
    names = {
        "ours": ("unrolled", "unrolled"),
        "padded": ("torch, padded", "torch，填充"),
        "packed": ("torch, packed", "torch，打包"),
    }
    result = read("review_epoch")
    for key, name in names.items() if result else ():
        ratio = result["ratios"].get(key) if result else None
        shown = f"{ratio['ratio']:.1f} ({ratio['low']:.1f}–{ratio['high']:.1f})" if ratio else "1"
        rows.append((name[which], f"{result['seconds'][key]:.1f}" if result else NONE, shown))
    return rows


def long_memory_table(read: Read, which: int) -> list[Row]:
    """Return score and training time of each cell, task by task."""
    heading = (
        ("cell", "adding", "training", "copy", "training"),
        ("单元", "加法", "训练", "复制", "训练"),
    )
    rows: list[Row] = [heading[which]]
    results = [read(f"long_memory_{task}") for task in ("adding", "copy")]
    names = {"gru": "GRU", "mingru": "MinGRU"} if all(results) else {}
    for cell, name in names.items():
        shown = [name]
        for result in results:
            score = result["cells"][cell] if result else {}
            seconds = score["runs"][0]["training_seconds"]
            shown += [f"{score['mean']:.2g}", f"{seconds:.0f} {('s', '秒')[which]}"]
        rows.append(shown)
    return rows


TABLES = {
    "long_memory": long_memory_table,
    "speed": speed_table,
    "steps": step_table,
    "scan": scan_table,
    "accelerate": accelerate_table,
    "review_epoch": epoch_table,
}
