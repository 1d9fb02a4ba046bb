"""What pairs of texts a model reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

PAIR_ROW = '{"source": "...", "target": "..."}'
"""A row as JSON, which messages show."""


@dataclass(frozen=True)
class PairsForm:
    """The columns of pairs: kept with a model, so that new rows are read as those it was trained on.

    Attributes:
        source: the column of the texts that are read; None where there was no such column.
        target: the column of the texts that are written; None where there was none.
    """

    source: str | None = None
    target: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> PairsForm:
        """Return the form that `to_dict` wrote.

        >>> form = PairsForm("article", "summary")
        >>> PairsForm.from_dict(form.to_dict()) == form
        True
        """
        return cls(**saved)
