"""What sentences a tagger reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from unrolled.data.tag_schemes import PLAIN
from unrolled.data.words import WORDS

TAGGED_ROW = '{"tokens": ["...", "..."], "tags": ["...", "..."]}'
"""A sentence as JSON, which messages show."""


@dataclass(frozen=True)
class TaggedForm:
    """How sentences are read: kept with a model, so that others are read as those it was trained on.

    Attributes:
        text: the column of the words: its name, or its number from 1; None where there was no such column.
        tag: the column of the tags, -1 being the last; None where there was none.
        sentence: the column that numbers the sentences; None where empty lines part them.
        scheme: of the tags, as `unrolled.data.tag_schemes` calls it.
        units: what a tag stands for, as `unrolled.data.words` calls it: how text is parted.
        marked: short words with a sign of their own ("n't", "mr."), which parting text respects.
    """

    text: str | None = None
    tag: str | None = None
    sentence: str | None = None
    scheme: str = PLAIN
    units: str = WORDS
    marked: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"marked": list(self.marked)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> TaggedForm:
        """Return the form that `to_dict` wrote.

        >>> form = TaggedForm("FORM", "UPOS", marked=("n't",))
        >>> TaggedForm.from_dict(form.to_dict()) == form
        True
        """
        return cls(**{**saved, "marked": tuple(saved["marked"])})
