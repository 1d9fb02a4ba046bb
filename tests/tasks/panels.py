"""Small panels whose windows are cut by the real thing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data.calendar import parse_frequency
from unrolled.data.history import History
from unrolled.data.series import Panel, Series
from unrolled.data.windows import Windows, WindowShape

START = np.datetime64("2024-01-01", "s")


def panel_of(
    targets: Sequence[ArrayLike],
    *,
    known: Sequence[ArrayLike] | None = None,
    past: Sequence[ArrayLike] | None = None,
    static: Sequence[ArrayLike] | None = None,
    freq: str | None = None,
) -> Panel:
    """Return a panel of the given targets and (T, K) covariates; without ``freq`` steps are numbered."""
    frequency = parse_frequency(freq) if freq else None

    def columns(parts: Sequence[ArrayLike] | None, index: int, rows: int) -> NDArray[np.float64]:
        return np.zeros((rows, 0)) if parts is None else np.asarray(parts[index], np.float64)

    series = []
    for index, values in enumerate(targets):
        target = np.asarray(values, dtype=np.float64)
        times = np.arange(len(target))
        if frequency is not None:
            times = np.concatenate([[START], frequency.next(np.array([START]), len(target) - 1)])
        covariates = columns(known, index, len(target))
        series.append(
            Series(
                id=f"s{index}",
                times=times,
                target=target,
                known=covariates[: len(target)],
                past=columns(past, index, len(target)),
                static=np.zeros(0) if static is None else np.asarray(static[index], np.float64),
                future_known=covariates[len(target) :],
                group=f"s{index}",
                target_name="y",
            )
        )
    count = [len(parts[0].T) if parts else 0 for parts in (known, past)]
    return Panel(
        series=tuple(series),
        freq=frequency,
        targets=("y",),
        known_names=tuple(f"known{k}" for k in range(count[0])),
        past_names=tuple(f"past{k}" for k in range(count[1])),
        static_names=tuple(f"static{k}" for k in range(len(series[0].static))),
        notes=(),
    )


def split_windows(panel: Panel, shape: WindowShape, parts: Sequence[float]) -> list[Windows]:
    """Cut every series at the shares ``parts``, say (0.6, 0.8): training, validation and test windows."""
    lengths = np.array([len(series.target) for series in panel.series])
    ends = [*((lengths * part).astype(int) for part in parts), lengths]
    history = History(panel, ends[0], shape.horizon)
    begins = [np.zeros_like(lengths), *ends[:-1]]
    return [Windows(history, shape, a, b) for a, b in zip(begins, ends, strict=True)]
