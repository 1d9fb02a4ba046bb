"""The words of table and picture, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "unrolled: the kernels on this machine",
        "summary": "How many times as long another way takes as ours, timed in alternating pairs in one run: the median "
        "over pairs, and its bootstrap 95 % interval. Above 1 ours is faster. Every result was equal to torch's.",
        "cell": "cell",
        "rows": "rows",
        "full": "full",
        "lengths": "ragged",
        "inference": "inference",
        "train": "training",
        "peak": "% of peak",
        "cost": "ragged cost",
        "of_lstm": "/ LSTM",
        "ratios": "Time of others / ours, by units",
        "units": "hidden units H",
        "whole": "peak",
        "shares": "Share of the measured peak, by units",
        "figures": "All figures",
        "machine": "The machine",
        "processor": "processor",
        "cores": "cores",
        "cores_of_this_process": "cores of this process",
        "threads": "threads",
        "peak_gflops": "measured peak, GFLOP/s",
        "kernels": "kernels",
        "peers": "other libraries",
        "finer": "ms: ours, the median. Time of others / ours with its 95 % interval. Ragged cost: time of the ragged batch "
        "over that of the full one, divided by the share of live steps; 1 = only live steps cost. / LSTM: time of our GRU "
        "over our LSTM's, whatever kernel that runs. oneDNN is timed through torch: its padded LSTM runs it.",
        "interrupted": "interrupted: {done} of {total} cases",
        "without": "{status}. What runs without them is compared.",
        "reached": "peak {peak} GFLOP/s, measured",
        "written": "written to {json} and {page}",
    },
    "zh": {
        "title": "unrolled：本机上的内核",
        "summary": "其他做法的用时是我们的几倍：同一次运行中成对交替计时，取各对比值的中位数及其自助法 95 % 区间。"
        "大于 1 表示我们更快。每个结果都先与 torch 核对一致。",
        "cell": "单元",
        "rows": "行",
        "full": "等长",
        "lengths": "不等长",
        "inference": "推理",
        "train": "训练",
        "peak": "占峰值 %",
        "cost": "不等长代价",
        "of_lstm": "/ LSTM",
        "ratios": "其他做法用时 / 我们的用时，按隐藏单元数",
        "units": "隐藏单元数 H",
        "whole": "峰值",
        "shares": "占实测峰值的比例，按隐藏单元数",
        "figures": "全部数字",
        "machine": "机器",
        "processor": "处理器",
        "cores": "核心",
        "cores_of_this_process": "本进程可用的核心",
        "threads": "线程",
        "peak_gflops": "实测峰值，GFLOP/s",
        "kernels": "内核",
        "peers": "其他库",
        "finer": "ms：我们的用时中位数。其他做法用时 / 我们的用时，附 95 % 区间。不等长代价：不等长批次与等长批次用时之比，"
        "再除以有效步的比例；1 表示只有有效步花时间。/ LSTM：我们的 GRU 与我们的 LSTM 用时之比，不论后者用哪个内核。"
        "oneDNN 经由 torch 计时：torch 的填充 LSTM 就由它计算。",
        "interrupted": "已中断：完成 {done} / {total} 项",
        "without": "{status}。以下比较不用它们也能运行的部分。",
        "reached": "实测峰值 {peak} GFLOP/s",
        "written": "已写入 {json} 和 {page}",
    },
}
"""Language -> name -> words; both languages have the same names and gaps."""
