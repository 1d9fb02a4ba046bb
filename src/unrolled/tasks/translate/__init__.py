"""Translating: `Translator` trains an encoder and a decoder on pairs of texts, scores it and saves it; it summarises too."""

from unrolled.tasks.translate.outcome import Alignment, Outcome
from unrolled.tasks.translate.settings import TranslateSettings
from unrolled.tasks.translate.translator import Translator

__all__ = ["Alignment", "Outcome", "TranslateSettings", "Translator"]
