"""Data that comes with the package.

`melbourne_temperature.csv`: the daily minimum temperature in Melbourne, Australia, from 1981-01-01 to 1990-12-31, in
degrees Celsius; 3,650 days, without 31 December 1984 and 31 December 1988, which the published series leaves out.
Measured by the Australian Bureau of Meteorology; published in Rob Hyndman's Time Series Data Library.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def melbourne_temperature() -> Path:
    """Return the file with the columns ``ds`` (day) and ``y`` (degrees Celsius).

    >>> melbourne_temperature().name
    'melbourne_temperature.csv'
    """
    return Path(str(files(__name__) / "melbourne_temperature.csv"))
