"""A plain table of words and figures as a block of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unrolled.view.figure import Verdict, figure, sentences, table, verdict_list
from unrolled.view.words import Text, speaker


@dataclass(frozen=True)
class PlainTable:
    """Rows of texts under ``headings``; the first column names the rows. Long ones scroll by themselves."""

    title: Text
    headings: Sequence[Text]
    rows: Sequence[Sequence[Text]]
    note: Text | Sequence[Text] = ()
    verdict: Sequence[Verdict] = ()
    size: str = "normal"

    def html(self, language: str = "en") -> str:
        """Return the table as one figure in ``language``."""
        speak = speaker(language)
        whole = table(
            [speak(heading) for heading in self.headings],
            [[speak(cell) for cell in row] for row in self.rows],
            caption=speak(self.title),
            class_="plain",
        )
        notes = [speak(note) for note in sentences(self.note)]
        return figure(
            speak(self.title), notes, whole + verdict_list(self.verdict, speak), "", self.size
        )
