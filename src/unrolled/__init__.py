"""A toolkit for recurrent sequence models: whatever remembers is a cell, and one engine unrolls any cell.

Names are imported when they are first used, so that ``import unrolled`` and the command's ``--help`` stay instant.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_ROOMS = {
    "unrolled.adopt": ("accelerate", "from_torch", "restore", "to_torch"),
    "unrolled.cells": importlib.import_module("unrolled.cells").__all__,
    "unrolled.core.compose": ("Bidirectional", "Carry", "Residual", "Stack", "deep"),
    "unrolled.core.explain": ("explain",),
    "unrolled.core.layer": ("Cell", "Layer"),
    "unrolled.core.linear": ("LinearCell", "LinearState"),
    "unrolled.core.noise": ("Dropout", "renew"),
    "unrolled.core.weight_drop": ("WeightDrop",),
    "unrolled.core.zoneout": ("Zoneout",),
    "unrolled.core.packs": ("repack",),
    "unrolled.core.registry": ("register_kernel",),
    "unrolled.core.seq": ("Seq",),
    "unrolled.core.stream": ("Stream",),
    "unrolled.core.tree": (
        "Constant",
        "detach",
        "join_rows",
        "register",
        "select_rows",
        "tree_map",
    ),
    "unrolled.core.watch": ("gradient_reach", "watch"),
    "unrolled.inside.look": ("look",),
    "unrolled.models.attending": ("AttendingCell",),
    "unrolled.models.attending_stack": ("AttendingStack",),
    "unrolled.models.attention": ("AdditiveAttention", "DotAttention", "MultiHeadAttention"),
    "unrolled.models.poem_form": ("PoemForm",),
    "unrolled.models.sampling": ("Sampling",),
    "unrolled.models.seq2seq": ("Seq2Seq", "Seq2SeqSizes"),
    "unrolled.models.transformer": ("TransformerCell",),
    "unrolled.models.transformer_decoder": ("TransformerDecoder",),
    "unrolled.models.transformer_encoder": ("TransformerEncoder",),
    "unrolled.tasks.classify": ("Classifier",),
    "unrolled.tasks.forecast": ("Forecaster",),
    "unrolled.tasks.generate": ("Generator",),
    "unrolled.tasks.saving": ("load",),
    "unrolled.tasks.tag": ("Tagger",),
    "unrolled.tasks.translate": ("Translator",),
    "unrolled.errors": (
        "InputError",
        "ModelFileError",
        "NotCausalError",
        "OptionError",
        "ShapeError",
        "TrainingError",
        "UnrolledError",
    ),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = list(_HOME)
__getattr__ = importlib.import_module("unrolled._lazy").lazy_names(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
