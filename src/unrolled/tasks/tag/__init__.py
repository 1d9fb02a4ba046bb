"""Tagging: `Tagger` trains a recurrent network on tagged sentences, scores it and saves it."""

from unrolled.tasks.tag.fitted import FoundSpan, TaggedSentence
from unrolled.tasks.tag.outcome import Outcome
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.tag.stream import TagStream
from unrolled.tasks.tag.tagger import Tagger

__all__ = ["FoundSpan", "Outcome", "TagSettings", "TagStream", "TaggedSentence", "Tagger"]
