"""What `unrolled predict` does with a tagger: columns of tokens and tags, or objects with the spans."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.output import print_json

if TYPE_CHECKING:
    from unrolled.tasks.tag import TaggedSentence, Tagger


def predict_tags(
    tagger: Tagger, data: str, output: Path | None, as_json: bool, *, text: str | None = None
) -> None:
    """Write the tags of sentences as they come, so that neither a pipe nor a large file is waited for."""
    from unrolled.data.files import atomic_file

    chunks = tagger.tagged_chunks(data, text=text)
    if as_json:
        rows = [tagged_object(sentence) for some in chunks for sentence in some]
        print_json({"task": "tag", "predictions": rows})
    elif output is not None:
        with atomic_file(output) as file:
            for block in _blocks(chunks):
                file.write(block.encode())
    else:
        for block in _blocks(chunks):
            sys.stdout.write(block)
            sys.stdout.flush()


def columns(sentence: TaggedSentence) -> str:
    """Return a line for each token, with its tag behind a tab, and an empty line."""
    pairs = zip(sentence.tokens, sentence.tags, strict=True)
    return "".join(f"{token}\t{tag}\n" for token, tag in pairs) + "\n"


def tagged_object(sentence: TaggedSentence) -> dict[str, Any]:
    """Return a sentence as JSON holds it; spans begin at token ``start`` and end before token ``stop``."""
    return {
        "tokens": list(sentence.tokens),
        "tags": list(sentence.tags),
        "confidence": [round(float(sure), 6) for sure in sentence.probabilities],
        "spans": [
            {
                "type": span.kind,
                "start": span.start,
                "end": span.stop,
                "text": span.text,
                "confidence": round(span.probability, 6),
            }
            for span in sentence.spans
        ],
    }


def _blocks(chunks: Iterator[list[TaggedSentence]]) -> Iterator[str]:
    return ("".join(map(columns, some)) for some in chunks)
