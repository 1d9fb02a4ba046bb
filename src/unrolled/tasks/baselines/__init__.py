"""The simple methods that stand beside every model: fitted on the same rows or windows, scored on the same.

>>> import numpy as np
>>> from unrolled.data.history import History
>>> from unrolled.data.series import read_panel
>>> from unrolled.data.windows import Windows, WindowShape
>>> days = np.datetime64("2024-01-01") + np.arange(200)
>>> panel = read_panel({"ds": days, "y": np.arange(200) + 5.0 * (np.arange(200) % 7)})
>>> shape = WindowShape(lookback=14, horizon=3, seasons=(7,))
>>> history = History(panel, [150], horizon=3)
>>> train, test = Windows(history, shape, [0], [150]), Windows(history, shape, [150], [200])
>>> for name in ("naive", "seasonal_naive", "ridge"):
...     forecast = FORECAST_BASELINES[name]().fit(train).predict(test, [0])
...     print(f"{name:<14}", forecast.round(1)[0], "actual", test.raw_target([0])[0])
naive          [159. 159. 159.] actual [165. 171. 177.]
seasonal_naive [158. 164. 170.] actual [165. 171. 177.]
ridge          [165. 171. 177.] actual [165. 171. 177.]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from unrolled.errors import unknown_option
from unrolled.tasks.baselines.boosting import GradientBoosting
from unrolled.tasks.baselines.copied import CopySource, Lead, TranslateBaseline, is_summary
from unrolled.tasks.baselines.dlinear import DLinear, DLinearNetwork
from unrolled.tasks.baselines.logistic import Logistic
from unrolled.tasks.baselines.majority import ClassifyBaseline, Majority
from unrolled.tasks.baselines.most_frequent_tag import MostFrequentTag
from unrolled.tasks.baselines.nearest_pair import NearestPair
from unrolled.tasks.baselines.ngram import NgramModel
from unrolled.tasks.baselines.ridge import Ridge
from unrolled.tasks.baselines.simple import ForecastBaseline, Naive, SeasonalNaive
from unrolled.tasks.baselines.tfidf import TfidfLogistic

__all__ = [
    "CLASSIFY_BASELINES",
    "FORECAST_BASELINES",
    "GENERATE_BASELINES",
    "TAG_BASELINES",
    "TRANSLATE_BASELINES",
    "ClassifyBaseline",
    "CopySource",
    "DLinear",
    "DLinearNetwork",
    "ForecastBaseline",
    "GradientBoosting",
    "Lead",
    "Logistic",
    "Majority",
    "MostFrequentTag",
    "Naive",
    "NearestPair",
    "NgramModel",
    "Ridge",
    "SeasonalNaive",
    "TfidfLogistic",
    "TranslateBaseline",
    "chosen_baselines",
    "is_summary",
]

FORECAST_BASELINES: Mapping[str, type[ForecastBaseline]] = {
    baseline.name: baseline for baseline in (Naive, SeasonalNaive, Ridge, GradientBoosting, DLinear)
}
"""The forecast baselines by name, in the order of the score table."""

CLASSIFY_BASELINES: Mapping[str, Mapping[str, type[ClassifyBaseline]]] = {
    "text": {baseline.name: baseline for baseline in (Majority, TfidfLogistic)},
    "numbers": {baseline.name: baseline for baseline in (Majority, Logistic)},
}
"""The baselines of classification by the kind of input and by name, in the order of the score table."""

TRANSLATE_BASELINES: Mapping[str, Mapping[str, type[TranslateBaseline]]] = {
    "translate": {baseline.name: baseline for baseline in (NearestPair, CopySource)},
    "summarise": {baseline.name: baseline for baseline in (NearestPair, Lead)},
}
"""The baselines of translation by what is done (:func:`is_summary`) and by name, in the order of the score table."""

GENERATE_BASELINES: Mapping[str, type[NgramModel]] = {NgramModel.name: NgramModel}
"""The baseline of generation by name."""


TAG_BASELINES: Mapping[str, type[MostFrequentTag]] = {MostFrequentTag.name: MostFrequentTag}
"""The baselines of tagging by name, in the order of the score table."""


def chosen_baselines(names: Iterable[str] | None, known: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names, all that are ``known`` for None.

    Raises:
        OptionError: there is no such baseline; the nearest one is named.
    """
    names = (names,) if isinstance(names, str) else names
    chosen = tuple(known) if names is None else tuple(names)
    for name in chosen:
        if name not in known:
            raise unknown_option("baseline", name, known)
    return chosen
