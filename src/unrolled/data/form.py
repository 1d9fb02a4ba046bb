"""What tables a model reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from unrolled.data.columns import Columns
from unrolled.data.static import Categories

COUNT_ROWS = "step"
"""The frequency that counts rows instead of time."""


@dataclass(frozen=True)
class Form:
    """What tables a model reads: kept with it, so that new rows are read as those it was fitted on.

    Attributes:
        columns: the columns found.
        freq: as `parse_frequency` reads it; "step" when rows are counted; None when a column numbers them.
        number_step: from one number to the next, where a column numbers the rows.
        zone: of the times: "+08:00", "UTC", "local"; None when they have none.
        categories: of every static column that has some.
    """

    columns: Columns = field(default_factory=Columns)
    freq: str | None = None
    number_step: int | None = None
    zone: str | None = None
    categories: Categories = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Form:
        """Return the form that `to_dict` wrote.

        >>> form = Form(Columns(time="ds", target=("y",)), freq="h")
        >>> Form.from_dict(form.to_dict()) == form
        True
        """
        columns: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in saved["columns"].items()
        }
        categories = {name: tuple(choices) for name, choices in saved["categories"].items()}
        return cls(**{**saved, "columns": Columns(**columns), "categories": categories})
