"""The n-gram baseline: its probabilities are those of the papers, written down once more in plain Python."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load
from safetensors.torch import save

from unrolled.data.token_rows import TokenRows
from unrolled.errors import InputError, OptionError
from unrolled.models.token_ids import END
from unrolled.tasks.baselines import ngram as ngram_module
from unrolled.tasks.baselines.ngram import NgramModel
from unrolled.tasks.baselines.ngram_counts import discounts

B = "begin"


class Plain:
    """Interpolated modified Kneser-Ney by dictionaries, straight from the definitions; slow."""

    def __init__(self, texts: Sequence[Sequence[Any]], vocabulary: int, order: int) -> None:
        self.order, self.vocabulary = order, vocabulary
        seen: dict[int, Counter[tuple[Any, ...]]] = defaultdict(Counter)
        before: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
        for text in texts:
            for end in range(1, len(text)):
                for n in range(1, min(order, end + 1) + 1):
                    gram = tuple(text[end - n + 1 : end + 1])
                    seen[n][gram] += 1
                    if end - n >= 0:
                        before[gram].add(text[end - n])
        self.counts: dict[tuple[Any, ...], dict[Any, int]] = defaultdict(dict)
        self.off: dict[int, dict[int, float]] = {}
        for n in range(1, order + 1):
            for gram, times in seen[n].items():
                raw = n == order or gram[0] == B
                self.counts[gram[:-1]][gram[-1]] = times if raw else len(before[gram])
            every = [c for h, of in self.counts.items() if len(h) == n - 1 for c in of.values()]
            self.off[n] = self._discounts(every)

    @staticmethod
    def _discounts(every: list[int]) -> dict[int, float]:
        n1, n2, n3, n4 = (every.count(k) for k in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2) if n1 else 0.5
        found = {}
        for k, (here, above) in enumerate([(n1, n2), (n2, n3), (n3, n4)], start=1):
            estimate = k - (k + 1) * y * above / here if n1 and here and above else -1.0
            found[k] = estimate if estimate > 0 else y
        return found

    def p(self, token: Any, history: tuple[Any, ...]) -> float:
        """Return p(token | history), the history cut to what the order sees."""
        history = history[len(history) - min(len(history), self.order - 1) :]
        lower = 1 / self.vocabulary if not history else self.p(token, history[1:])
        if not history:
            return self._mixed(token, (), lower)
        return self._mixed(token, history, lower)

    def _mixed(self, token: Any, history: tuple[Any, ...], lower: float) -> float:
        of = self.counts.get(history)
        if not of:
            return lower
        total, off = sum(of.values()), self.off[len(history) + 1]
        freed = sum(off[min(c, 3)] for c in of.values()) / total
        own = of.get(token, 0)
        return (own - off[min(own, 3)] if own else 0) / total + freed * lower


def framed(rows: Sequence[Sequence[int]], documents: bool) -> list[list[Any]]:
    if documents:
        return [[B, *row, END] for row in rows]
    return [[B, *(token for row in rows for token in row)]]


def plain_log_p(model: Plain, texts: list[list[Any]]) -> list[float]:
    return [
        math.log(model.p(text[end], tuple(text[:end])))
        for text in texts
        for end in range(1, len(text))
    ]


def as_arrays(rows: Sequence[Sequence[int]]) -> list[Any]:
    return [np.array(row, np.int32) for row in rows]


def kept(model: NgramModel) -> NgramModel:
    """Return the model after its way through the two files of a saved model."""
    config, arrays = model.saved()
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return NgramModel.restored(json.loads(json.dumps(config)), load(save(tensors)))


ROWS = st.lists(st.lists(st.integers(0, 5), max_size=12), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS, st.integers(1, 7), st.booleans())
def test_probabilities_are_those_of_the_definitions(
    train: list[list[int]], asked: list[list[int]], order: int, documents: bool
) -> None:
    train[0].append(4)
    model = NgramModel().fit(as_arrays(train), 7, order, documents=documents)
    plain = Plain(framed(train, documents), 7, order)
    found = model.log_p(as_arrays(asked))
    assert [len(row) for row in found] == [len(row) + documents for row in asked]
    expected = plain_log_p(plain, framed(asked, documents))
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-12)
    nats, targets = model.nats(as_arrays(asked))
    assert targets == len(expected)
    np.testing.assert_allclose(nats, -sum(expected), rtol=1e-12, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    ROWS,
    st.lists(st.lists(st.integers(0, 6), max_size=7), min_size=1, max_size=6),
    st.integers(1, 7),
)
def test_probabilities_sum_to_one_after_any_context(
    train: list[list[int]], contexts: list[list[int]], order: int
) -> None:
    train[0].append(4)
    model = NgramModel().fit(as_arrays(train), 8, order, documents=False)
    for context in [*contexts, *train]:
        ends = [model.log_p(as_arrays([[*context, token]]))[0][-1] for token in range(8)]
        assert min(ends) > -math.inf
        np.testing.assert_allclose(np.exp(ends).sum(), 1.0, rtol=1e-12)


def random_rows(seed: int, rows: int, tokens: int = 6) -> list[Any]:
    """Return rows in which each token depends on the two before it."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rows):
        row = [4, 5]
        for _ in range(random.integers(3, 30)):
            row.append(int(random.choice([(row[-1] + row[-2]) % tokens, random.integers(tokens)])))
        found.append(np.array(row, np.int32))
    return found


@pytest.mark.parametrize("documents", [True, False])
def test_the_order_is_the_best_on_validation(documents: bool) -> None:
    train, validation = random_rows(0, 40), random_rows(1, 10)
    nats = [
        NgramModel().fit(train, 6, order, documents=documents).nats(validation)[0]
        for order in range(1, 8)
    ]
    chosen = NgramModel().fit(train, 6, validation=validation, documents=documents)
    assert chosen.order == 1 + int(np.argmin(nats)) == 3
    np.testing.assert_allclose(chosen.nats(validation)[0], min(nats), rtol=1e-12)
    assert NgramModel().fit(train, 6, 2, validation, documents=documents).order == 2


def test_without_validation_the_order_is_the_usual_one() -> None:
    assert NgramModel().fit(random_rows(0, 5), 6).order == ngram_module.USUAL_ORDER == 5
    empty = NgramModel().fit(random_rows(0, 5), 6, validation=as_arrays([[], []]), documents=False)
    assert empty.order == 5


def test_of_orders_that_say_the_same_the_smallest_is_taken() -> None:
    short, validation = as_arrays([[4], [4], [4, 4], [5]]), as_arrays([[4]])
    nats = [NgramModel().fit(short, 6, order).nats(validation)[0] for order in range(1, 8)]
    assert min(nats[:2]) > nats[2] == nats[4] == nats[6]
    assert NgramModel().fit(short, 6, validation=validation).order == 3


def test_a_text_runs_on_from_row_to_row_and_documents_do_not() -> None:
    train = random_rows(0, 40)
    whole = np.concatenate(random_rows(1, 5))
    pieces = np.split(whole, [0, 3, 3, 50])
    text = NgramModel().fit(train, 6, 3, documents=False)
    assert [len(row) for row in text.log_p(pieces)] == [0, 3, 0, 47, len(whole) - 50]
    np.testing.assert_array_equal(np.concatenate(text.log_p(pieces)), text.log_p([whole])[0])
    joined = NgramModel().fit([np.concatenate(train)], 6, 3, documents=False)
    assert joined.nats([whole]) == text.nats([whole])
    documents = NgramModel().fit(train, 6, 3)
    alone = [documents.log_p([piece])[0] for piece in pieces]
    np.testing.assert_array_equal(np.concatenate(documents.log_p(pieces)), np.concatenate(alone))
    assert [len(row) for row in alone] == [len(piece) + 1 for piece in pieces]


@pytest.mark.parametrize("documents", [True, False])
def test_blocks_do_not_matter(documents: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, asked = (
        NgramModel().fit(random_rows(0, 40), 6, 4, documents=documents),
        random_rows(1, 5),
    )
    whole = model.log_p(asked)
    monkeypatch.setattr(ngram_module, "BLOCK", 3)
    np.testing.assert_array_equal(np.concatenate(model.log_p(asked)), np.concatenate(whole))


def test_a_vocabulary_of_one_is_certain() -> None:
    model = NgramModel().fit(as_arrays([[0, 0, 0]]), 1, 3, documents=False)
    assert model.nats(as_arrays([[0, 0], [], [0]])) == (0.0, 3)


def test_what_was_never_seen_shares_what_is_left() -> None:
    model = NgramModel().fit(as_arrays([[4, 5, 4]]), 9, 1, documents=False)
    p = np.exp([model.log_p(as_arrays([[token]]))[0][0] for token in range(9)])
    np.testing.assert_allclose(p[[0, 1, 2, 3, 6, 7, 8]], p[0])
    assert 0 < p[0] < p[5] < p[4]


def test_nothing_asked_is_nothing_answered() -> None:
    model = NgramModel().fit(as_arrays([[4]]), 6)
    assert model.log_p([]) == []
    assert model.nats([]) == (0.0, 0)
    assert len(model.log_p(as_arrays([[]]))[0]) == 1  # its END


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], [0.5, 0.5, 0.5]),
        ([1, 1], [1.0, 1.0, 1.0]),  # Y = 1, and D(2), D(3) of nothing
        ([2, 2, 3], [0.5, 0.5, 0.5]),  # without n_1 there is no Y
        ([1, 2, 3, 3, 3, 4], [1 / 3, 1 / 3, 3 - 4 / 9]),  # D(2) would be -1
        ([1, 1, 2, 4], [0.5, 0.5, 0.5]),  # D(2) would be 2
        ([1, 1, 2, 3, 4, 4, 4], [0.5, 0.5, 0.5]),  # D(3) would be -3
    ],
)
def test_discounts_that_cannot_be_estimated(times: list[int], expected: list[float]) -> None:
    np.testing.assert_allclose(discounts(np.array([0, *times], np.int32)), [0, *expected])


@pytest.mark.parametrize("vocabulary", [6, 300, 70_000])
def test_a_kept_model_says_the_same(vocabulary: int) -> None:
    train = [*random_rows(0, 20), np.array([vocabulary - 1]), np.array([], np.int32)]
    fitted = NgramModel().fit(train, vocabulary, validation=random_rows(1, 5))
    again, asked = kept(fitted), random_rows(2, 5)
    assert again.saved()[0] == fitted.saved()[0]
    np.testing.assert_array_equal(
        np.concatenate(again.log_p(asked)), np.concatenate(fitted.log_p(asked))
    )
    size = {6: 1, 300: 2, 70_000: 4}[vocabulary]
    assert fitted.saved()[1]["ids"].itemsize == size


@pytest.mark.parametrize("on_disk", [False, True])
def test_rows_of_token_rows(on_disk: bool) -> None:
    train, asked = random_rows(0, 20), random_rows(1, 5)
    rows = TokenRows.of(train, in_memory=0 if on_disk else 1 << 20)
    model = NgramModel().fit(rows, 6, validation=TokenRows.of(asked))
    listed = NgramModel().fit(train, 6, validation=asked)
    assert model.nats(TokenRows.of(asked)) == listed.nats(asked)


def test_many_documents_are_drawn_from_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = as_arrays([[row] * 10 for row in range(20)])
    monkeypatch.setattr(ngram_module, "MOST_TOKENS", 45)
    model = NgramModel().fit(rows, 20, 2)
    assert (
        model.note == kept(model).note == "fitted on 45 of 200 tokens, of documents drawn at random"
    )
    lengths = model.saved()[1]["lengths"]
    assert sorted(lengths.tolist()) == [5, 10, 10, 10, 10]
    assert (np.diff(model.saved()[1]["ids"].astype(int)) >= 0).all()  # in their order
    again = NgramModel().fit(rows, 20, 2, seed=1)
    assert again.saved()[1]["ids"].tolist() != model.saved()[1]["ids"].tolist()
    pieces = as_arrays([list(range(10))] * 20)
    text = NgramModel().fit(pieces, 20, 2, documents=False)
    assert text.note == "fitted on 45 of 200 tokens, the last of the text"
    assert text.saved()[1]["ids"].tolist() == np.concatenate(pieces)[-45:].tolist()
    assert NgramModel().fit(rows[:4], 20, 2).note == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 0}, "order=0; expected a whole number from 1 to 7"),
        ({"order": 8}, "order=8; expected a whole number from 1 to 7"),
        ({"order": 2.0}, "order=2.0; expected a whole number from 1 to 7"),
        ({"vocabulary": 3}, "vocabulary=3; expected a whole number from 4 on"),
        ({"vocabulary": 0, "documents": False}, "vocabulary=0; expected a whole number from 1 on"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=f"^{message}$"):
        NgramModel().fit(as_arrays([[0]]), **{"vocabulary": 6, **options})


def test_what_cannot_be_fitted_on_is_refused() -> None:
    with pytest.raises(InputError, match="there is no token to fit the n-gram model on"):
        NgramModel().fit([], 6)
    with pytest.raises(InputError, match="there is no token to fit the n-gram model on"):
        NgramModel().fit(as_arrays([[], []]), 6, documents=False)
    NgramModel().fit(as_arrays([[]]), 6)  # an END is something
    with pytest.raises(
        InputError, match=r"^rows\[2\]: there is no token 6; expected ids from 0 to 5"
    ):
        NgramModel().fit(as_arrays([[1], [], [2, 6]]), 6)
    with pytest.raises(InputError, match=r"^rows\[0\]: there is no token -1"):
        NgramModel().fit(as_arrays([[1]]), 6).nats(as_arrays([[-1]]))


def with_array(name: str, change: Callable[[Any], Any]) -> Callable[[Any, Any], object]:
    return lambda _, arrays: arrays.update({name: change(arrays[name])})


def with_entry(name: str, value: Any) -> Callable[[Any, Any], object]:
    return lambda config, _: config.update({name: value})


DAMAGES = {
    "no note": lambda config, _: config.pop("note"),
    "order of 0": with_entry("order", 0),
    "order of 8": with_entry("order", 8),
    "order as text": with_entry("order", "2"),
    "a vocabulary of 0": with_entry("vocabulary", 0),
    "a vocabulary without END": with_entry("vocabulary", 3),
    "documents as text": with_entry("documents", "yes"),
    "no ids": lambda _, arrays: arrays.pop("ids"),
    "no lengths": lambda _, arrays: arrays.pop("lengths"),
    "ids of another kind": with_array("ids", lambda old: old.astype(np.float32)),
    "ids beyond": with_array("ids", lambda old: old + 10),
    "ids below 0": with_array("ids", lambda old: old.astype(np.int32) - 10),
    "fewer ids": with_array("ids", lambda old: old[1:]),
    "lengths of another kind": with_array("lengths", lambda old: old.astype(np.int64)),
    "a length below 0": with_array("lengths", lambda old: old + np.array([-9, 9], np.int32)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_refused(damage: str) -> None:
    config, arrays = NgramModel().fit(as_arrays([[4, 5], [4]]), 6, 2).saved()
    NgramModel.restored(config, arrays)
    DAMAGES[damage](config, arrays)
    with pytest.raises((KeyError, ValueError)):
        NgramModel.restored(config, arrays)
