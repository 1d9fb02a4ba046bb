"""fastText beside the classifier, where the module is installed: ``pip install fasttext-wheel``.

The same interface as the baselines of the package, so that it stands in the same score table:

    from benchmarks.fasttext_baseline import FastText, is_installed
    FastText().fit(texts, labels, validation_texts, validation_labels, classes=2).predict(test_texts)
"""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.tasks.baselines.majority import Array, Classes, ClassifyBaseline
from unrolled.tasks.baselines.tfidf import WORDS_AND_SIGNS, TextForm, text_form

EPOCHS = (5, 10, 25)
THREADS = 1
"""One: with more, fastText gives other weights in every run."""


def is_installed() -> bool:
    """Tell whether the module is there."""
    return importlib.util.find_spec("fasttext") is not None


class FastText(ClassifyBaseline):
    """A linear classifier of the mean of word and bigram vectors.

    Learning rate 0.5, bigrams, 100 dimensions, words in small letters and signs apart; 5, 10 or 25
    epochs, chosen on validation by accuracy. Characters stand for words where there are no spaces
    between them; names are one word each, with n-grams of 1 to 4 characters within it.

    Joulin, Grave, Bojanowski & Mikolov (2016), Bag of tricks for efficient text classification.
    """

    name = "fasttext"
    form: TextForm
    epochs: int
    _model: Any

    def _fit(
        self,
        inputs: Sequence[str],
        labels: Classes,
        validation_inputs: Sequence[str],
        validation_labels: Classes,
        seed: int,
    ) -> None:
        self.form = text_form(inputs)
        best = -1.0
        # fastText takes the seed, but not the order of the rows: it reads them as they stand.
        order = np.random.default_rng(seed).permutation(len(inputs))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train.txt"
            with path.open("w", encoding="utf-8", errors="replace") as file:
                file.writelines(
                    f"__label__{labels[row]} {self._line(inputs[int(row)])}\n" for row in order
                )
            for epochs in EPOCHS if len(validation_labels) else EPOCHS[1:2]:
                model = _trained(path, self.form, epochs, seed)
                right = (
                    (
                        self._asked(model, validation_inputs).argmax(axis=1) == validation_labels
                    ).mean()
                    if len(validation_labels)
                    else 0.0
                )
                if right > best:
                    best, self.epochs, self._model = right, epochs, model

    def _predict(self, inputs: Sequence[str]) -> Array:
        return self._asked(self._model, inputs)

    def _asked(self, model: Any, inputs: Sequence[str]) -> Array:
        answer = np.zeros((len(inputs), self.classes))
        for row, text in enumerate(inputs):
            # Not model.predict: it asks numpy for an array without a copy, which numpy 2 refuses.
            for probability, label in model.f.predict(
                self._line(text) + "\n", self.classes, 0.0, "replace"
            ):
                answer[row, int(label.removeprefix("__label__"))] = probability
        # fastText's float32 probabilities sum to 1 and a bit; without a known word there are none.
        total = answer.sum(axis=1, keepdims=True)
        return np.where(total > 0, answer / np.maximum(total, 1e-12), 1.0 / self.classes)

    def _line(self, text: str) -> str:
        text = text.replace("__label__", "label")  # else it would be read as one
        if self.form == "characters":
            return " ".join("".join(text.lower().split()))
        return " ".join(
            text.split() if self.form == "names" else re.findall(WORDS_AND_SIGNS, text.lower())
        )


def _trained(path: Path, form: TextForm, epochs: int, seed: int) -> Any:
    import fasttext

    within = {"minn": 1, "maxn": 4} if form == "names" else {"minn": 0, "maxn": 0}
    # Buckets for hashed n-grams; the default of 2 million takes 800 MB.
    return fasttext.train_supervised(
        str(path), lr=0.5, epoch=epochs, wordNgrams=2, dim=100, bucket=1_000_000,
        thread=THREADS, seed=seed, verbose=0, **within,
    )  # fmt: skip
