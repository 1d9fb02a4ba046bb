"""Progress on stderr: loss, score, items per second and the time that is left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from unrolled.train.metrics import Record
from unrolled.train.run import Run
from unrolled.train.settings import TrainSettings

if TYPE_CHECKING:
    from rich.console import Console

REDRAW_SECONDS = 0.25


class Progress(Protocol):
    """What the loop tells of itself. `step` is called in every step and must return at once."""

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def step(self, run: Run) -> None: ...

    def evaluated(self, record: Record) -> None: ...


class Silent:
    """Says nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def step(self, run: Run) -> None: ...

    def evaluated(self, record: Record) -> None: ...


class TerminalProgress(Silent):
    """A bar where stderr is a terminal; elsewhere nothing, or one line for every evaluation when ``lines`` asks for it.

    Args:
        settings: of the run, for how much is left.
        title: what is being trained.
        score_name: what the validation score is called.
        lines: print a line for every evaluation where stderr is no terminal.
        console: rich's console to write to; None = stderr.
    """

    def __init__(
        self,
        settings: TrainSettings,
        *,
        title: str = "training",
        score_name: str = "score",
        lines: bool = False,
        console: Console | None = None,
    ) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self.settings, self.score_name = settings, score_name
        self.console = console or RichConsole(file=sys.stderr)
        self.lines = lines and not self.console.is_terminal
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            auto_refresh=False,  # a thread that draws would take the interpreter from the loop
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task(title, total=1.0, figures="")
        self.record: Record | None = None
        self.drawn = self.began = time.perf_counter()
        self.began_at: float | None = None
        self.rate: tuple[float, float] | None = None

    def __enter__(self) -> TerminalProgress:
        self.bar.start()
        self.drawn = self.began = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def step(self, run: Run) -> None:
        """Redraw the bar, a few times a second."""
        if self.bar.disable:
            return
        now = time.perf_counter()
        if self.began_at is None:
            self.began_at = run.share_done(self.settings)
        if now - self.drawn < REDRAW_SECONDS:
            return
        self.bar.update(
            self.task, completed=run.share_done(self.settings), figures=self._figures(run, now)
        )
        self.bar.refresh()
        self.drawn = now

    def evaluated(self, record: Record) -> None:
        """Remember the score, and print it where there is no bar."""
        self.record = record
        if self.lines:
            self.console.print(self._line(record), highlight=False, soft_wrap=True, markup=False)

    def _figures(self, run: Run, now: float) -> str:
        parts = [f"step {run.step}", f"epoch {run.epoch + 1}"]
        if run.losses:
            parts.append(f"loss {run.losses[-1]:.4g}")
        elif self.record:
            parts.append(f"loss {self.record.loss:.4g}")
        if run.best_score is not None and self.record and self.record.score is not None:
            parts.append(f"{self.score_name} {self.record.score:.4g} (best {run.best_score:.4g})")
        parts.append(f"{self._items_per_second(run, now):,.0f} items/s")
        left = self._seconds_left(run, now)
        if left is not None:
            parts.append(f"{clock(left)} left")
        return "  ".join(parts)

    def _items_per_second(self, run: Run, now: float) -> float:
        before, items = self.rate or (self.began, 0.0)
        self.rate = (now, run.items_seen)
        return (run.items_seen - items) / max(now - before, 1e-9)

    def _seconds_left(self, run: Run, now: float) -> float | None:
        done = run.share_done(self.settings)
        gained = done - (self.began_at or 0.0)
        return (1.0 - done) / gained * (now - self.began) if gained > 0 else None

    def _line(self, record: Record) -> str:
        parts = [f"step {record.step}", f"epoch {record.epoch}", f"loss {record.loss:.4g}"]
        if record.score is not None:
            parts.append(f"{self.score_name} {record.score:.4g}")
        parts.append(f"{record.items_per_second:,.0f} items/s")
        return "  ".join([*parts, clock(record.seconds)])


def clock(seconds: float) -> str:
    """Return a time in minutes and seconds.

    >>> clock(75), clock(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
