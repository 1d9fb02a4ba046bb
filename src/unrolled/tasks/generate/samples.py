"""What a generator writes by itself: completions with what they copy, and figures of many of them."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np

from unrolled.models.sampling import Sampling
from unrolled.models.search import Hypothesis
from unrolled.models.verse import Verse, form_of
from unrolled.tasks.generate.fitted import Fitted
from unrolled.tasks.generate.outcome import Completion, Samples
from unrolled.tasks.generate.settings import DOCUMENTS
from unrolled.tasks.generate.writing import Manner

TEMPERATURES = (0.5, 0.8, 1.0)
SHOWN, COUNTED = 3, 64
"""Samples that are written at each temperature to be read, and at 1 to be counted."""
LONGEST = 200
"""Tokens of such a sample."""
PASSAGES, PASSAGE = 50, 100
"""Passages that are looked for in the training text, about, and their characters: enough not to recur by chance."""
LOOKED_AT = 5_000
USUAL_SHARE = 0.01
"""A form of verse is usual from this share of the training texts on; all usual ones together must have half of them."""


class OwnTexts(NamedTuple):
    """What a model wrote from nothing, and how many tokens it wrote in a second, `COUNTED` texts together."""

    samples: tuple[Samples, ...]
    tokens_per_second: float


def completions_of(
    fitted: Fitted,
    prompts: Sequence[str],
    manner: Manner,
    first: int = 0,
) -> list[list[Completion]]:
    """Return ``manner.n`` completions of each prompt, with what is copied from the training text."""
    found = fitted.writer.write(fitted.reader.prompts(prompts), manner, first)
    each = [prompt for prompt in prompts for _ in range(manner.n)]
    flat = _completed(fitted, each, list(chain.from_iterable(found)))
    return [flat[start : start + manner.n] for start in range(0, len(flat), manner.n)]


def _completed(
    fitted: Fitted, prompts: Sequence[str], written: Sequence[Hypothesis]
) -> list[Completion]:
    texts = [fitted.reader.text(each.tokens) for each in written]
    kept = fitted.train_text
    copied = [None] * len(texts) if kept is None else kept.copied(texts)
    return [
        Completion(prompt, text, each.finished, each.score, run)
        for prompt, text, each, run in zip(prompts, texts, written, copied, strict=True)
    ]


def own_texts(fitted: Fitted, seed: int) -> OwnTexts:
    """Return texts from nothing at several temperatures, many at 1."""
    longest = min(LONGEST, fitted.settings.max_length)
    nothing = fitted.reader.prompts([""])
    written, seconds = list[list[Hypothesis]](), 0.0
    for temperature in TEMPERATURES:
        count = COUNTED if temperature == 1 else SHOWN
        sampling = Sampling(temperature=temperature, seed=seed)
        began = time.perf_counter()
        written += fitted.writer.write(nothing, Manner(longest, sampling, n=count))
        seconds = time.perf_counter() - began
    flat = list(chain.from_iterable(written))
    texts = iter(_completed(fitted, [""] * len(flat), flat))
    samples = [
        Samples(temperature, list(islice(texts, len(some))))
        for temperature, some in zip(TEMPERATURES, written, strict=True)
    ]
    tokens = sum(len(each.log_probabilities) for each in written[-1])
    return OwnTexts(tuple(samples), tokens / max(seconds, 1e-9))


def held_out_runs(fitted: Fitted, texts: Sequence[str], samples: Samples) -> list[int]:
    """Return the longest runs that texts never trained on have in common with training, cut to the samples' lengths."""
    if fitted.train_text is None or not texts:
        return []
    lengths = [len(sample.text) for sample in samples.completions]
    rows = np.linspace(0, len(texts) - 1, len(lengths)).round().astype(int).tolist()
    cut = []
    for place, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        text = texts[row]
        room = max(0, len(text) - length)
        # Of few long texts a passage each from another place.
        start = 0 if len(texts) >= len(lengths) else room * place // max(1, len(lengths) - 1)
        cut.append(text[start : start + length])
    return [each.characters for each in fitted.train_text.copied([text for text in cut if text])]


def known_passages(fitted: Fitted, texts: Sequence[str]) -> tuple[int, int]:
    """Return how many passages of long texts stand in the training text word for word, and how many were looked at."""
    if fitted.train_text is None or fitted.settings.kind == DOCUMENTS:
        return 0, 0
    each = max(1, PASSAGES // max(1, len(texts)))
    passages = [
        text[start : start + PASSAGE]
        for text in texts
        if len(text) >= PASSAGE
        for start in np.linspace(0, len(text) - PASSAGE, each).astype(int).tolist()
    ]
    return sum(run.share == 1 for run in fitted.train_text.copied(passages)), len(passages)


def usual_verses(texts: Sequence[str]) -> tuple[Verse, ...]:
    """Return the forms of verse, lines of equal length, that texts usually have; none where most have no such form.

    >>> usual_verses(["白日依山尽，黄河入海流。"] * 3), usual_verses(["prose"] * 3)
    ((Verse(lines=2, characters=5),), ())
    """
    rows = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), LOOKED_AT)).round().astype(int))
    forms = Counter(form_of(texts[row]) for row in rows.tolist())
    usual = [
        form
        for form, count in forms.most_common()
        if form is not None
        and form.characters is not None
        and form.lines > 1
        and count >= USUAL_SHARE * len(rows)
    ]
    return tuple(usual) if 2 * sum(forms[form] for form in usual) >= len(rows) else ()


def form_share(texts: Sequence[str], verses: Sequence[Verse]) -> float:
    """Return which share of texts has one of these forms."""
    return sum(form_of(text) in verses for text in texts) / max(1, len(texts))


def sample_figures(
    samples: Samples, held_out: Sequence[int], forms: tuple[float, float] | None
) -> dict[str, Any]:
    """Return what is told of the samples at temperature 1, as JSON can hold it."""
    copied = [each.copied.characters for each in samples.completions if each.copied is not None]
    told: dict[str, Any] = {"count": len(samples.completions), "temperature": samples.temperature}
    if copied:
        told |= {"copied_median": statistics.median(copied), "copied_longest": max(copied)}
    if held_out:
        told |= {"held_out_median": statistics.median(held_out), "held_out_longest": max(held_out)}
    if forms is not None:
        told |= {"form_kept": forms[0], "form_kept_in_test": forms[1]}
    return told
