"""The demo's own sentences, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "unrolled: the demo",
        "summary": "A real temperature series, forecast beside the simplest methods that could have done it; "
        "and what RNN, LSTM and GRU remember.",
        "forecast": "Forecasting: the daily minimum temperature in Melbourne",
        "forecast_text": "Ten years of days. The last {test} days were held out and scored once: a forecast of {horizon} "
        "days from every origin. All methods see the same look-back, calendar and lags of the season.",
        "scores_note": "{windows} forecasts of {horizon} days. * marks the best.",
        "memory": "Memory: the adding problem",
        "memory_text": "Two numbers of a sequence are marked, one in each half; their sum is asked for at the end. "
        "Always answering 1 has a mean squared error of {guess}. Every cell has {units} units and at most 5 seconds "
        "of training for each length.",
        "error": "mean squared error, {steps} steps",
        "loss": "Training loss, {steps} steps",
        "guess": "always answer 1",
        "solved": "{cell} solves {steps} steps: error {error}.",
        "unsolved": "{cell} does not solve {steps} steps: error {error}, against {guess} for always answering 1.",
        "reach": "Gradients before training, {steps} steps",
        "trained_reach": "Gradients after training, {steps} steps",
        "explode": "Exploding gradients, and clipping",
        "explode_text": "A relu RNN whose recurrent weights begin at 1.05 times the identity: a gradient grows with "
        "every step that it goes back. The same training twice, once with the norm of the gradient clipped at {clip}.",
        "norm": "Gradient norm before clipping",
        "clipped": "clipped",
        "unclipped": "not clipped",
        "end": "not clipped: training stops",
        "stopped": "Without clipping the training stops: {reason}",
        "survived": "With clipping it goes on: the loss falls from {first} to {last}.",
        "not_stopped": "Without clipping the training reached the end, too: its loss went from {first} to {last}.",
        "step": "training step",
        "done": "Report: {report} (open it in a browser). The demo took {seconds} seconds.",
    },
    "zh": {
        "title": "unrolled：演示",
        "summary": "用一份真实的气温序列做预测，旁边列出最简单的方法的成绩；再看 RNN、LSTM 和 GRU 各能记住多久。",
        "forecast": "预测：墨尔本每日最低气温",
        "forecast_text": "十年的逐日数据。最后 {test} 天留作测试，只评一次：从每个起点预测 {horizon} 天。"
        "所有方法看到的回看窗口、日历特征和季节滞后完全相同。",
        "scores_note": "共 {windows} 次预测，每次 {horizon} 天。* 表示最好。",
        "memory": "记忆：加法问题",
        "memory_text": "序列中有两个数被标记，前半段和后半段各一个，最后要答出它们的和。"
        "永远回答 1 的均方误差是 {guess}。每种单元有 {units} 个隐藏单元，每个长度最多训练 5 秒。",
        "error": "均方误差，{steps} 步",
        "loss": "训练损失，{steps} 步",
        "guess": "永远回答 1",
        "solved": "{cell} 解决了 {steps} 步的问题：误差 {error}。",
        "unsolved": "{cell} 没有解决 {steps} 步的问题：误差 {error}，而永远回答 1 的误差是 {guess}。",
        "reach": "训练前的梯度，{steps} 步",
        "trained_reach": "训练后的梯度，{steps} 步",
        "explode": "梯度爆炸与梯度裁剪",
        "explode_text": "一个 relu RNN，循环权重从 1.05 倍的单位矩阵开始：梯度每往回传一步就变大一些。"
        "同样的训练做两次，其中一次把梯度范数裁剪到 {clip}。",
        "norm": "裁剪前的梯度范数",
        "clipped": "裁剪",
        "unclipped": "不裁剪",
        "end": "不裁剪：训练中止",
        "stopped": "不裁剪时训练中止：{reason}",
        "survived": "裁剪后训练继续：损失从 {first} 降到 {last}。",
        "not_stopped": "不裁剪也走到了最后：损失从 {first} 变为 {last}。",
        "step": "训练步",
        "done": "报告：{report}（用浏览器打开）。演示用时 {seconds} 秒。",
    },
}
"""Language -> name -> sentence; gaps stand in braces. Both languages have the same names and gaps."""
