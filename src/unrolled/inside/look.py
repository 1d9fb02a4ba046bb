"""`look`: the inside of a model on an input, in a notebook, as one file, or in the browser."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from unrolled.data.files import write_atomically
from unrolled.errors import InputError
from unrolled.inside.nearest import Corpus
from unrolled.inside.page import page
from unrolled.inside.pane import Pane
from unrolled.tasks.forecast import Forecaster

if TYPE_CHECKING:
    from unrolled.inside.figures import Figures
    from unrolled.inside.server import Server


class Look:
    """The inside of a model on one input, or of two side by side; made by `look`.

    In a notebook it shows itself. `save` writes it as one file that opens offline, `serve` opens it in the browser, where the
    input can be changed.

    Attributes:
        panes: what is shown of each.
    """

    def __init__(self, panes: Sequence[Pane]) -> None:
        self.panes = tuple(panes)

    def html(self, language: str = "en") -> str:
        """Return the page, with everything it shows.

        Args:
            language: "en" or "zh", until a reader chooses.
        """
        return page([pane.whole() for pane in self.panes], title=self._title(), language=language)

    def save(self, path: str | os.PathLike[str], language: str = "en") -> Path:
        """Write the page as one file and return its path.

        Raises:
            InputError: it cannot be written there.
        """
        target = Path(path)
        content = self.html(language).encode("utf-8")
        try:
            write_atomically(target, content)
        except OSError as error:
            raise InputError(
                f"the page cannot be written: {error.strerror or error}",
                where=str(target),
                expected="a file in a folder that can be written to",
            ) from error
        return target

    def serve(self, port: int = 0, language: str = "en") -> Server:
        """Return a running server of the page on this machine alone; ``server.url`` is where, `close` ends it."""
        from unrolled.inside.server import Server

        return Server(self.panes, title=self._title(), port=port, language=language)

    @property
    def figures(self) -> Figures:
        """The pictures of the first pane as figures of matplotlib."""
        from unrolled.inside.figures import Figures

        return Figures(self.panes[0])

    def _repr_html_(self) -> str:
        # In a frame of its own: the page's styles stay inside, its scripts run.
        return f'<iframe srcdoc="{html.escape(self.html())}" style="width:100%;height:900px;border:0"></iframe>'

    def _title(self) -> str:
        return (
            " · ".join(dict.fromkeys(pane.title for pane in self.panes if pane.title)) or "unrolled"
        )


def look(
    model: Any,
    *inputs: Any,
    beside: Any = None,
    corpus: Any = None,
    title: str = "",
    **options: Any,
) -> Look:
    """Look inside a model while it reads an input.

    Args:
        model: a fitted `Classifier`, `Tagger`, `Forecaster`, `Translator` or `Generator`, or any module that holds cells.
        inputs: what it reads: a text, a sequence of numbers, a frame of series; two are shown side by side. A forecaster needs
            none: it shows the end of what it was trained on.
        beside: another model that is shown on the same input.
        corpus: texts (a list, a file) in which places like a chosen one are looked for.
        title: of the model.
        options: of the model's `trace`, for instance ``series=`` of a forecaster.

    Raises:
        InputError: the model cannot read the input, or there are more than two to show.

    >>> import torch, unrolled
    >>> seen = look(unrolled.GRU(3, 5), torch.randn(1, 7, 3))
    >>> seen.panes[0].trace.sides[0].runs[""].states.h.shape
    torch.Size([1, 7, 5])
    """
    if len(inputs) + (beside is not None) > 2:
        raise InputError(
            f"{len(inputs)} inputs{' and a second model' if beside is not None else ''}",
            expected="one input, two of them, or one and a second model",
        )
    shown = [(model, inputs[:1])]
    if beside is not None:
        shown.append((beside, inputs[:1]))
    elif len(inputs) > 1:
        shown.append((model, inputs[1:]))
    return Look(
        [
            Pane(each, *given, title=title, corpus=corpus_of(each, corpus), options=options)
            for each, given in shown
        ]
    )


def corpus_of(model: Any, given: Any) -> Corpus | None:
    """Return the inputs of a file or list as a corpus for a model; None where none is given, and for a bare layer."""
    if given is None or isinstance(model, nn.Module):
        return None
    name = Path(given).name if isinstance(given, str | os.PathLike) else "corpus"
    # A window of a forecaster is a place in its data.
    watched = partial(model.watched, data=given) if isinstance(model, Forecaster) else model.watched
    return Corpus(watched, model.inputs_of(given), name)
