"""What rows a classifier reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

TEXT, NUMBERS = "text", "numbers"
SEQUENCE = "a list for each row, as [1, 2, 3], or [[1, 2], [3, 4]] for steps of 2 features"
LABELLED_ROW = '{"text": "...", "label": "..."}'
"""A row as JSON, which messages show."""


@dataclass(frozen=True)
class LabelledForm:
    """How rows are read: kept with a model, so that new rows are read as those it was trained on.

    Attributes:
        kind: "text" or "numbers".
        text: the column of the texts, or of the lists of numbers; None where there was no such column.
        label: the column of the labels; None where there was none.
        features: F of sequences of numbers.
        steps: the columns of numbers, where each was a step.
    """

    kind: str = TEXT
    text: str | None = None
    label: str | None = None
    features: int = 1
    steps: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> LabelledForm:
        """Return the form that `to_dict` wrote.

        >>> form = LabelledForm(text="review", label="label")
        >>> LabelledForm.from_dict(form.to_dict()) == form
        True
        """
        return cls(**saved)
