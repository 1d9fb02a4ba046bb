"""What documents a model reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from unrolled.errors import unknown_option

Split = Literal["file", "paragraphs", "lines"]

DOCUMENT_ROW = '{"text": "..."}'
"""A document as JSON, which messages show."""


@dataclass(frozen=True)
class DocumentsForm:
    """How documents are read: kept with a model, so that others are read as those it was trained on.

    Attributes:
        text: the column, or the key of JSON, that holds them; None where there was none.
        split: of plain text, what a document is: a whole file, a paragraph or a line.
    """

    text: str | None = None
    split: Split = "file"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> DocumentsForm:
        """Return the form that `to_dict` wrote.

        >>> form = DocumentsForm("paragraphs", "lines")
        >>> DocumentsForm.from_dict(form.to_dict()) == form
        True
        """
        return cls(**saved)


def check_split(split: str | None) -> None:
    """Raise an OptionError for a split that does not exist."""
    if split is not None and split not in get_args(Split):
        raise unknown_option("split", split, get_args(Split))
