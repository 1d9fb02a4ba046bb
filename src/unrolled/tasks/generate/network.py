"""The network of a generator, of any cell: a language model."""

from __future__ import annotations

import torch

import unrolled.cells as cells
from unrolled.errors import OptionError, unknown_option
from unrolled.models.language import LanguageModel, LanguageSizes
from unrolled.models.recurrent_stack import recurrent_stack
from unrolled.tasks.generate.settings import HIDDEN, GenerateSettings
from unrolled.tasks.recurrent import CellChoice, cell_maker, cell_name

TRANSFORMER = "transformer"


def check_cell(cell: CellChoice, settings: GenerateSettings) -> None:
    """Raise where no network can be made of ``cell`` with these settings.

    Raises:
        OptionError: no cell has that name (the nearest is named), it can make none, or a setting is not for it.
    """
    if cell != TRANSFORMER:
        try:
            cell_maker(cell)
        except OptionError:
            if not isinstance(cell, str):
                raise
            known = [*map(str.lower, cells.__all__), TRANSFORMER]
            raise unknown_option("cell", cell, known) from None
        return
    if settings.weight_dropout:
        raise OptionError(
            f"weight_dropout={settings.weight_dropout} with cell={cell!r}",
            expected="a cell with recurrent weights",
            fix="leave weight_dropout out (--weight-dropout)",
        )
    hidden = settings.hidden_size or HIDDEN
    if hidden % (2 * settings.heads):
        raise OptionError(
            f"heads={settings.heads} with hidden_size={hidden}",
            expected="a hidden_size that gives every head an even number of units",
        )


def drops_weights(cell: CellChoice) -> bool:
    """Tell whether a cell has recurrent weights that can be dropped."""
    if cell == TRANSFORMER:
        return False
    return bool(getattr(cell_maker(cell)(2, 2), "recurrent_weights", ()))


def saved_name(cell: CellChoice) -> str | None:
    """Return the name by which a saved model finds the cell again; None for a cell that is the user's own."""
    return TRANSFORMER if cell == TRANSFORMER else cell_name(cell)


def network_sizes(settings: GenerateSettings, vocabulary: int) -> LanguageSizes:
    """Return the sizes of a network for a vocabulary of so many tokens."""
    assert settings.embedding is not None
    assert settings.hidden_size is not None
    width = settings.embedding if settings.tied else settings.hidden_size
    return LanguageSizes(vocabulary, settings.embedding, width)


def make_network(
    cell: CellChoice, settings: GenerateSettings, sizes: LanguageSizes, seed: int
) -> LanguageModel:
    """Return a new network; its weights depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = recurrent_stack(
            cell,
            sizes.embedding,
            settings.hidden_size or HIDDEN,
            settings.layers or 1,
            width=sizes.width,
            dropout=settings.dropout or 0.0,
            weight_dropout=settings.weight_dropout or 0.0,
            heads=settings.heads,
            context=settings.steps or 1,
        )
        return LanguageModel(
            layer,
            sizes,
            dropout=settings.dropout or 0.0,
            embedding_dropout=settings.embedding_dropout or 0.0,
            tied=settings.tied,
        )
