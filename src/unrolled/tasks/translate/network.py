"""The network of a translator, of any cell: an encoder that reads both ways, and a decoder that looks at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

import unrolled.cells as cells
from unrolled.core.compose import Stack
from unrolled.core.layer import Layer
from unrolled.errors import OptionError, unknown_option
from unrolled.models.attending import AttendingCell
from unrolled.models.attending_stack import AttendingStack
from unrolled.models.attention import (
    AdditiveAttention,
    Attention,
    DotAttention,
    MultiHeadAttention,
    Score,
)
from unrolled.models.seq2seq import Seq2Seq, Seq2SeqSizes
from unrolled.models.transformer_decoder import TransformerDecoder
from unrolled.models.transformer_encoder import TransformerEncoder
from unrolled.tasks.recurrent import CellChoice, cell_maker, cell_name, recurrent_layer
from unrolled.tasks.translate.settings import HIDDEN, TranslateSettings

TRANSFORMER = "transformer"


def check_cell(cell: CellChoice, settings: TranslateSettings) -> None:
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
    elif settings.attention not in ("general", "multi_head"):
        raise OptionError(
            f"attention={settings.attention!r} with cell={cell!r}",
            expected="attention='multi_head', a Transformer's own",
            fix="leave attention out (--attention)",
        )
    hidden = HIDDEN if settings.hidden_size is None else settings.hidden_size
    if cell == TRANSFORMER and hidden % (2 * settings.heads):
        raise OptionError(
            f"heads={settings.heads} with hidden_size={hidden}",
            expected="a hidden_size that gives every head an even number of units",
        )
    if cell != TRANSFORMER:
        _check_attention(settings.attention, hidden, settings.heads)
    if settings.input_feeding and (cell == TRANSFORMER or settings.attention == "none"):
        other = f"cell={cell!r}" if cell == TRANSFORMER else "attention='none'"
        raise OptionError(
            f"input_feeding=True with {other}",
            expected="a recurrent decoder that looks at the source",
            fix="leave input_feeding out (--input-feeding)",
        )


def _check_attention(attention: str, hidden: int, heads: int) -> None:
    """Raise where decoder and memory, which is as large but for an odd unit, cannot be compared in this way."""
    if attention in ("dot", "scaled") and hidden % 2:
        raise OptionError(
            f"hidden_size={hidden} with attention={attention!r}",
            expected="an even number, half of it for each direction of the encoder",
            fix="or attention='general', for which sizes may differ",
        )
    if attention == "multi_head" and hidden % heads:
        raise OptionError(
            f"heads={heads} with hidden_size={hidden}",
            expected="a hidden_size that is a multiple of the heads",
        )


def saved_name(cell: CellChoice) -> str | None:
    """Return the name by which a saved translator finds its cell again; None for one that is the user's own."""
    return TRANSFORMER if cell == TRANSFORMER else cell_name(cell)


def network_sizes(
    cell: CellChoice, settings: TranslateSettings, source: int, target: int
) -> Seq2SeqSizes:
    """Return the sizes of a network for vocabularies of so many tokens."""
    assert settings.embedding is not None
    assert settings.hidden_size is not None
    memory = settings.hidden_size if cell == TRANSFORMER else 2 * (settings.hidden_size // 2)
    return Seq2SeqSizes(source, target, settings.embedding, memory, shared=bool(settings.shared))


def make_network(
    cell: CellChoice, settings: TranslateSettings, sizes: Seq2SeqSizes, longest: int, seed: int
) -> Seq2Seq:
    """Return a new network for targets of ``longest`` tokens at most; its weights depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if cell == TRANSFORMER:
            encoder, decoder = _transformer(settings, sizes, longest)
        else:
            encoder, decoder = _recurrent(cell, settings, sizes)
        return Seq2Seq(
            encoder,
            decoder,
            sizes,
            dropout=settings.dropout or 0.0,
            word_dropout=settings.word_dropout,
        )


def _recurrent(
    cell: CellChoice, settings: TranslateSettings, sizes: Seq2SeqSizes
) -> tuple[Layer, Layer]:
    hidden, dropout = settings.hidden_size or 1, settings.dropout or 0.0
    encoder = recurrent_layer(
        cell,
        sizes.embedding,
        hidden // 2,
        layers=settings.encoder_layers or 1,
        dropout=dropout,
        bidirectional=True,
    )

    def stacked(layers: int) -> Callable[[int, int], Layer]:
        return lambda features, units: recurrent_layer(
            cell, features, units, layers=layers, dropout=dropout
        )

    layers = settings.layers or 1
    if settings.attention == "none":
        answer = nn.Linear(hidden, sizes.embedding, bias=False)
        return encoder, Stack(stacked(layers)(sizes.embedding, hidden), answer, nn.Tanh())
    attention = _attention(settings, hidden, sizes.memory)
    if settings.input_feeding:
        return encoder, AttendingCell(
            stacked(layers), sizes.embedding, hidden, attention, output_size=sizes.embedding
        )
    return encoder, AttendingStack(
        stacked(1),
        sizes.embedding,
        hidden,
        attention,
        layers=layers,
        output_size=sizes.embedding,
        dropout=dropout,
    )


def _attention(settings: TranslateSettings, query: int, memory: int) -> Attention:
    name = settings.attention
    if name == "additive":
        return AdditiveAttention(query, memory)
    if name == "multi_head":
        return MultiHeadAttention(query, memory, heads=settings.heads)
    return DotAttention(query, memory, cast(Score, name))


def _transformer(
    settings: TranslateSettings, sizes: Seq2SeqSizes, longest: int
) -> tuple[Layer, Layer]:
    hidden, dropout = settings.hidden_size or 1, settings.dropout or 0.0
    encoder = TransformerEncoder(
        sizes.embedding,
        hidden,
        layers=settings.encoder_layers or 1,
        heads=settings.heads,
        dropout=dropout,
    )
    decoder = TransformerDecoder(
        sizes.embedding,
        hidden,
        layers=settings.layers or 1,
        heads=settings.heads,
        memory_size=sizes.memory,
        context=longest + 1,
        output_size=sizes.embedding,
        dropout=dropout,
    )
    return encoder, decoder
