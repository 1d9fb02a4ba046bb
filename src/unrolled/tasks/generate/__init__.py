"""Generating: `Generator` trains a language model on texts, scores it, saves it and writes with it."""

from unrolled.models.poem_form import PoemForm
from unrolled.tasks.generate.generator import Generator
from unrolled.tasks.generate.outcome import Completion, Outcome, Samples
from unrolled.tasks.generate.settings import GenerateSettings

__all__ = ["Completion", "GenerateSettings", "Generator", "Outcome", "PoemForm", "Samples"]
