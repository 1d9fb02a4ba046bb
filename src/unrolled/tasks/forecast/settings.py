"""What a forecaster is told, checked when it is told, and what is chosen where it was not told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from unrolled.data.series import Columns
from unrolled.errors import OptionError, unknown_option
from unrolled.models.forecaster import Decode
from unrolled.models.heads import HEADS
from unrolled.tasks.options import check_probabilities, check_whole, is_whole, part_options
from unrolled.train.settings import TrainSettings

Share = float | int
"""A part of every series: below 1 a share of its length, else a number of steps."""

Missing = Literal["error", "mask"]

_WHOLE = ("horizon", "lookback", "segment", "hidden_size", "layers", "embedding")
_COLUMNS = ("id", "time", "target", "known", "past", "static")


@dataclass(frozen=True, kw_only=True)
class ForecastSettings:
    """The options of a forecaster beside those of its training (`TrainSettings`). None = chosen from the data.

    Attributes:
        horizon: steps to forecast.
        lookback: steps that are looked back upon; None = some seasons, see `unrolled.tasks.forecast.defaults`.
        season: length of the season in steps, or several with the one first that scores go by.
        freq: "h", "15min", "D", "MS", ...; None = found from the times.
        segment: steps that the recurrent layer reads at once; None = a season where it is short enough.
        hidden_size: units of every layer.
        layers: how many recurrent layers lie over each other.
        dropout: probability of dropping a feature.
        embedding: numbers learned for each series, where there are several.
        decode: "direct" forecasts all steps from the state at the origin; "autoregressive" reads its own forecast of a
            segment before it forecasts the next, and goes to any horizon.
        output: "quantile" or "student_t".
        validation: the end of every series, before the test part, on which training is stopped and intervals are
            widened; a share of the series below 1, else steps; 0 = none.
        test: the end of every series that is kept for `evaluate`.
        missing: "error" refuses values that are missing, "mask" takes them as not observed.
        id: column of the series' name. The columns are found by their usual names where they are None.
        time: column of the time.
        target: column, or columns, to forecast.
        known: columns that are known for the horizon, too.
        past: columns that are known up to the origin only.
        static: columns that do not change over time.
    """

    horizon: int
    lookback: int | None = None
    season: int | Sequence[int] | None = None
    freq: str | None = None
    segment: int | None = None
    hidden_size: int = 64
    layers: int = 1
    dropout: float = 0.1
    embedding: int = 8
    decode: Decode = "direct"
    output: str = "quantile"
    validation: Share = 0.1
    test: Share = 0.2
    missing: Missing = "error"
    id: str | None = None
    time: str | None = None
    target: str | Sequence[str] | None = None
    known: str | Sequence[str] = ()
    past: str | Sequence[str] = ()
    static: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        check_whole(self, dict.fromkeys(_WHOLE, 1))
        for name in ("decode", "output", "missing"):
            choices = {"decode": get_args(Decode), "output": HEADS, "missing": get_args(Missing)}[
                name
            ]
            if getattr(self, name) not in choices:
                raise unknown_option(name, getattr(self, name), choices)
        for name in ("validation", "test"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise OptionError(
                    f"{name}={value!r}", expected="a share below 1, or a number of steps"
                )
            if value >= 1 and value != int(value):
                raise OptionError(f"{name}={value!r}", expected="a share below 1, or whole steps")
        check_probabilities(self, ["dropout"])
        if any(not is_whole(season) or season < 1 for season in self.seasons):
            raise OptionError(f"season={self.season!r}", expected="whole steps, at least 1")

    @property
    def seasons(self) -> tuple[int, ...]:
        """The seasons that were given; () when they are to be chosen."""
        if self.season is None:
            return ()
        return tuple(self.season) if isinstance(self.season, Sequence) else (self.season,)

    @property
    def columns(self) -> Columns:
        """The columns that were named."""
        return Columns(**{name: getattr(self, name) for name in _COLUMNS})

    def part(self, name: Literal["validation", "test"], length: int) -> int:
        """Return the steps of the part ``name`` of a series, at least the horizon unless there is none."""
        value = getattr(self, name)
        steps = round(value * length) if value < 1 else int(value)
        return max(steps, self.horizon) if value else 0

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as numbers, strings, lists and None."""
        values = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def read_options(options: Mapping[str, Any]) -> tuple[ForecastSettings, dict[str, Any]]:
    """Part options into a forecaster's own settings and those of its training, which are checked, too.

    Raises:
        OptionError: an option does not exist (the nearest one is named), or cannot have its value.

    >>> settings, training = read_options({"horizon": 7, "learning_rate": 0.01})
    >>> settings.horizon, training
    (7, {'learning_rate': 0.01})
    """
    if "horizon" not in options:
        raise OptionError("no horizon is given", expected="horizon=N, the steps to forecast")
    own, training = part_options(options, ForecastSettings)
    training_settings(training, windows=1)
    return ForecastSettings(**own), training


def training_settings(given: Mapping[str, Any], windows: int) -> TrainSettings:
    """Return the settings of a training on so many windows: those given, and these where nothing was given.

    About three passes over the windows, but at least 1,000 and at most 8,000 steps; fewer windows, which are then passed
    over more often, are learned at a lower rate. The validation part is looked at 20 times, and training ends when it was
    no better 8 times in a row.
    """
    batch_size = given.get("batch_size") or 64
    per_epoch = -(-windows // int(batch_size))
    chosen: dict[str, Any] = {
        "epochs": None,
        "max_steps": min(max(3 * per_epoch, 1000), 8000),
        "batch_size": batch_size,
        "learning_rate": 2e-3 if 3 * per_epoch > 1000 else 1e-3,
        "warmup_steps": 50,
        "patience": 8,
    }
    if given.get("epochs") is not None:
        chosen["max_steps"] = None
    settings = TrainSettings(**{**chosen, **given})
    if settings.evaluate_every is None:
        total = settings.max_steps or per_epoch * (settings.epochs or 1)
        settings = replace(settings, evaluate_every=max(total // 20, 10))
    return settings
