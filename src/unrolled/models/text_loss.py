"""The loss of a whole text, with the state carried from its first token to its last."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.core.seq import Seq
from unrolled.errors import InputError, OptionError
from unrolled.models.language import LanguageModel, LanguageState

STEPS = 512
"""Of a window."""


@torch.no_grad()
def text_loss(
    model: LanguageModel, ids: NDArray[np.integer], *, rows: int = 1, lead: int = 0
) -> tuple[float, int]:
    """Return the cross-entropy of every token of a text after its first, summed in nats, and how many they are.

    One row is exact: every token is scored given all before it. More rows are faster and read the text in as many parts
    of equal length at the same time; each but the first begins with the ``lead`` tokens before it, which are read and not
    scored there.

    Args:
        model: in evaluation mode, else its noise is in what it says.
        ids: the text (N,).
        rows: parts that are read side by side.
        lead: tokens that a part reads before it.

    Raises:
        InputError: a text of no token.
        OptionError: rows below 1, or a lead below 0.

    >>> from unrolled import GRU
    >>> from unrolled.models.language import LanguageSizes
    >>> model = LanguageModel(GRU(8, 8), LanguageSizes(20, 8, 8)).eval()
    >>> text = np.arange(300) % 20
    >>> whole, in_parts = text_loss(model, text), text_loss(model, text, rows=4, lead=50)
    >>> whole[1], in_parts[1], abs(whole[0] - in_parts[0]) < 0.01
    (299, 299, True)
    """
    if rows < 1 or lead < 0:
        raise OptionError(
            f"rows={rows}, lead={lead}", expected="at least one row, and a lead of at least 0"
        )
    if len(ids) == 0:
        raise InputError("a text of no token", expected="at least one")
    text = torch.from_numpy(np.asarray(ids, dtype=np.int64))
    bounds = torch.linspace(0, len(text) - 1, rows + 1, dtype=torch.float64).round().long()
    begins, ends = bounds[:-1], bounds[1:]
    leads = begins.clamp(max=lead)
    state = model.initial_state(rows)
    _, state = model.hidden(cut(text, begins - leads, leads), state)
    total, count = torch.zeros((), dtype=torch.float64), 0
    for done in range(0, int((ends - begins).max()), STEPS):
        starts = torch.minimum(begins + done, ends)
        loss, scored, state = _window(model, text, starts, (ends - starts).clamp(max=STEPS), state)
        total, count = total + loss, count + scored
    return float(total), count


def _window(
    model: LanguageModel,
    text: torch.Tensor,
    starts: torch.Tensor,
    lengths: torch.Tensor,
    state: LanguageState,
) -> tuple[torch.Tensor, int, LanguageState]:
    return model.loss(cut(text, starts, lengths), cut(text, starts + 1, lengths), state)


def cut(text: torch.Tensor, starts: torch.Tensor, lengths: torch.Tensor) -> Seq:
    """Return the parts of a text (N,) that begin at ``starts`` (B,) and have these lengths (B,).

    >>> cut(torch.arange(10), torch.tensor([0, 7]), torch.tensor([1, 3])).data.tolist()
    [[0, 0, 0], [7, 8, 9]]
    """
    places = starts[:, None] + torch.arange(int(lengths.max()))
    return Seq(text[places.clamp(max=len(text) - 1)], lengths)
