"""Places of a corpus at which a cell remembered most nearly the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

import unrolled as ur
from unrolled.core.tree import Tree
from unrolled.inside.nearest import Corpus
from unrolled.tasks.trace import Side


class Letters:
    """A cell that reads letters as numbers."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.cell = ur.GRU(26, 8)
        self.read: list[int] = []

    def states(self, text: str) -> Tree:
        return self._watched([text])[0].states.h[0]

    def watched(self, inputs: Sequence[str]) -> tuple[Side, ...]:
        self.read.append(len(inputs))
        return (self._watched(inputs)[1],)

    def _watched(self, inputs: Sequence[str]) -> tuple:
        rows = [torch.eye(26)[[ord(each) - 97 for each in text]] for text in inputs]
        with torch.no_grad(), ur.watch(self.cell) as seen:
            self.cell(ur.Seq.from_list(rows))
        side = Side("", tuple(map(tuple, inputs)), dict(seen), {"": "h1"})
        return seen[""], side


def test_the_same_beginning_is_nearest() -> None:
    model = Letters()
    texts = ["xyz", "abcabc", "qabcq", "zzzzzzzz"]
    corpus = Corpus(model.watched, texts, "letters")
    found = corpus.nearest(0, "", model.states("abc")[-1].numpy(), count=3)
    first = found[0]
    assert (first.row, first.step, first.at) == (2, 3, "c")
    assert abs(first.similarity - 1) < 1e-5
    assert first.before == ("a", "b") and first.after == ("a", "b", "c")
    assert [each.row for each in found] == list(dict.fromkeys(each.row for each in found)), (
        "each row once"
    )
    assert [each.similarity for each in found] == sorted(
        (e.similarity for e in found), reverse=True
    )


def test_a_corpus_is_read_once_in_batches_and_no_further_than_needed(monkeypatch) -> None:
    monkeypatch.setattr("unrolled.inside.nearest.STEPS", 100)
    model = Letters()
    corpus = Corpus(model.watched, ("abc" for _ in range(1000)), "letters")
    for _ in range(2):
        corpus.nearest(0, "", np.ones(8), count=1)
    assert model.read == [32, 32] and corpus.rows == 64


def test_an_empty_corpus_has_no_places() -> None:
    corpus = Corpus(Letters().watched, [], "nothing")
    assert corpus.nearest(0, "", np.ones(8)) == [] and corpus.rows == 0


def test_after_an_error_the_corpus_is_read_anew() -> None:
    model = Letters()
    fails = [ValueError("once")]

    def watched(inputs: Sequence[str]) -> tuple[Side, ...]:
        if len(model.read) == 1 and fails:
            raise fails.pop()
        return model.watched(inputs)

    corpus = Corpus(watched, ["abc"] * 40, "letters")
    with pytest.raises(ValueError, match="once"):
        corpus.nearest(0, "", np.ones(8))
    assert corpus.rows == 40
