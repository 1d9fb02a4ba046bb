"""Classifying: `Classifier` trains a recurrent network on texts or sequences of numbers, scores it and saves it."""

from unrolled.tasks.classify.classifier import Classifier
from unrolled.tasks.classify.outcome import Outcome
from unrolled.tasks.classify.settings import ClassifySettings
from unrolled.tasks.classify.stream import ClassifyStream

__all__ = ["Classifier", "ClassifySettings", "ClassifyStream", "Outcome"]
