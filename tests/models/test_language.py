"""LanguageModel: its loss against the formula, windows of a text, documents of unequal length, and what is shared."""

from __future__ import annotations

import copy
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled import (
    GRU,
    LSTM,
    OptionError,
    Seq,
    ShapeError,
    Stream,
    TransformerCell,
    WeightDrop,
    detach,
    renew,
)
from unrolled.core.tree import leaves
from unrolled.models.language import LanguageModel, LanguageSizes, changes
from unrolled.models.recurrent_stack import recurrent_stack
from unrolled.models.text_loss import text_loss

TOKENS, SIZE = 11, 6
CELLS = ("gru", "lstm", "transformer", "min_gru")
ROWS = [[4, 9, 2, 7, 10], [3], [], [5, 5, 8]]


def language_model(cell: Any = "gru", *, tied: bool = True, **options: Any) -> LanguageModel:
    torch.manual_seed(0)
    width = SIZE if tied else 4
    chosen = {"heads": 1, "context": 4} if cell == "transformer" else {}
    layer = recurrent_stack(cell, SIZE, 8, 2, width=width, **chosen, **options)
    sizes = LanguageSizes(TOKENS, SIZE, width)
    return LanguageModel(layer, sizes, dropout=0.3, embedding_dropout=0.2, tied=tied).double()


def text(length: int) -> Tensor:
    return torch.randint(TOKENS, (3, length), generator=torch.Generator().manual_seed(1))


def padded(rows: list[list[int]], filled_with: int) -> Seq:
    ids = torch.full((len(rows), max(map(len, rows))), filled_with)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
    return Seq(ids, [len(tokens) for tokens in rows])


@pytest.mark.parametrize("tied", [True, False])
def test_the_loss_is_that_of_the_formula(tied: bool) -> None:
    model = language_model(tied=tied, dropout=0.2, weight_dropout=0.4)
    tokens, right, state = text(6), text(7)[:, 1:], model.initial_state(3)
    raw, _ = model.layer(model.dropout(model.read(tokens, state.read)[0], state.embedded)[0], state.layer)  # fmt: skip
    y, _ = model.dropout(raw, state.output)
    scores = F.linear(y, model.output_weight, model.bias).flatten(0, 1)
    expected = F.cross_entropy(scores, right.flatten(), label_smoothing=0.1, reduction="sum")
    expected = expected + 2.0 * y.square().mean(-1).sum()
    expected = expected + 0.5 * (raw[:, 1:] - raw[:, :-1]).square().mean(-1).sum()
    total, count, after = model.loss(
        tokens, right, state, smoothing=0.1, activation=2.0, temporal=0.5
    )
    assert count == 18
    torch.testing.assert_close(total, expected)
    weights = list(model.parameters())
    found, wanted = (torch.autograd.grad(loss, weights) for loss in (total, expected))
    torch.testing.assert_close(found, wanted)
    assert not torch.equal(y, raw), "it drops"
    torch.testing.assert_close(next(leaves(after.layer)), next(leaves(model(tokens, state)[1].layer)))  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_windows_of_a_text_are_one_pass(cell: str) -> None:
    model = language_model(cell).eval()
    tokens = text(13)
    whole, count, after = model.loss(tokens[:, :-1], tokens[:, 1:], activation=1.0)
    total, counted, state = torch.zeros(()), 0, None
    for start, end in ((0, 5), (5, 6), (6, 12)):
        part, scored, state = model.loss(
            tokens[:, start:end], tokens[:, start + 1 : end + 1], state, activation=1.0
        )
        total, counted = total + part, counted + scored
    assert counted == count == 36
    torch.testing.assert_close(total, whole)
    for one, other in zip(leaves(state), leaves(after), strict=True):
        if one.is_floating_point():
            torch.testing.assert_close(one, other)


def test_a_transformer_reads_a_window_at_once_from_any_state() -> None:
    model, tokens = language_model("transformer"), text(9)
    with mock.patch.object(TransformerCell, "step", side_effect=AssertionError("one by one")):
        _, _, state = model.loss(tokens[:, :4], tokens[:, 1:5])
        loss, _, _ = model.loss(tokens[:, 4:8], tokens[:, 5:9], detach(renew(state)))
    loss.backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_training_windows_have_their_own_noise_and_graph() -> None:
    model = language_model(weight_dropout=0.4)
    tokens, state = text(8), model.initial_state(3)
    first, _, after = model.loss(tokens[:, :3], tokens[:, 1:4], state)
    again, _, _ = model.loss(tokens[:, :3], tokens[:, 1:4], state)
    other, _, _ = model.loss(tokens[:, :3], tokens[:, 1:4], renew(state))
    assert first.item() == again.item() != other.item()
    loss, _, _ = model.loss(tokens[:, 3:7], tokens[:, 4:8], detach(renew(after)))
    loss.backward()
    assert all(weight.grad is not None for weight in model.parameters())


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("filled_with", [0, 10])
def test_documents_of_unequal_length_are_each_their_own(cell: str, filled_with: int) -> None:
    model = language_model(cell, dropout=0.2)
    state = model.initial_state(len(ROWS))
    targets = [[(token + 1) % TOKENS for token in row] for row in ROWS]
    given = {"activation": 2.0, "temporal": 1.0, "smoothing": 0.1}
    total, count, after = model.loss(
        padded(ROWS, filled_with), padded(targets, filled_with), state, **given
    )
    assert count == 9
    expected = []
    for row, (tokens, right) in enumerate(zip(ROWS, targets, strict=True)):
        begun = type(state)(*(rows_of(part, row) for part in state))
        ids = torch.tensor([tokens, right], dtype=torch.int64)
        loss, _, ended = model.loss(ids[:1], ids[1:], begun, **given)
        expected.append(loss)
        for one, other in zip(leaves(rows_of(after, row)), leaves(ended), strict=True):
            torch.testing.assert_close(one, other)
    torch.testing.assert_close(total, torch.stack(expected).sum())


def rows_of(state: Any, row: int) -> Any:
    if isinstance(state, Tensor):
        return state[row : row + 1]
    parts = [rows_of(part, row) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def test_tied_weights_are_one() -> None:
    model = language_model()
    assert model.output_weight is model.read.table.weight
    assert sum(weight.shape == (TOKENS, SIZE) for weight in model.state_dict().values()) == 1
    with torch.no_grad():
        before = model.score(torch.ones(1, SIZE).double())
        model.read.table.weight.mul_(2.0)
        torch.testing.assert_close(model.score(torch.ones(1, SIZE).double()), 2 * before)
    twin = copy.deepcopy(model)
    assert twin.output_weight is twin.read.table.weight
    apart = language_model(tied=False)
    assert apart.output_weight.shape == (TOKENS, 4)
    with pytest.raises(OptionError, match="tied weights with width=4 and embedding=6"):
        LanguageModel(GRU(6, 4), LanguageSizes(TOKENS, 6, 4))


def test_a_dropped_token_is_dropped_everywhere_in_its_row() -> None:
    read = language_model().read
    read.p = 0.5
    tokens = torch.arange(TOKENS).repeat(400, 2)
    xs, _ = read(tokens)
    dropped = (xs == 0).all(-1)
    assert torch.equal(dropped[:, :TOKENS], dropped[:, TOKENS:])
    assert abs(float(dropped.double().mean()) - 0.5) < 0.05
    assert len(set(map(tuple, dropped.tolist()))) > 300, "rows drop others"
    kept = read.table(tokens)[~dropped]
    torch.testing.assert_close(xs[~dropped], 2 * kept)


def test_targets_that_do_not_stand_beside_the_tokens() -> None:
    model, tokens = language_model(), text(5)
    right: list[Any] = [tokens[:, 1:], tokens.double(), tokens[:2], Seq(tokens, [5, 5, 4])]
    for targets in right:
        with pytest.raises(ShapeError, match=r"targets .* of tokens \(3, 5\)"):
            model.loss(tokens, targets)
    with pytest.raises(ShapeError, match=r"\[2\] rows"):
        model.loss(tokens, tokens, model.initial_state(2))


def test_what_a_step_adds() -> None:
    ys = torch.tensor([[1.0, 3.0, 9.0], [5.0, 7.0, 100.0], [2.0, 0.0, 0.0]])[:, :, None]
    assert changes(Seq(ys, [3, 2, 0])).flatten().tolist() == [2, 6, 2]
    assert changes(Seq(ys[:, :1])).shape == (0, 1)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("tied", [True, False])
def test_streams_pack_the_whole_network(cell: str, tied: bool) -> None:
    model = language_model(cell, tied=tied, dropout=0.2, weight_dropout=0.3).float()
    stream, tokens = Stream(model), text(6)
    assert stream.refused == ""
    torch.manual_seed(5)
    ys = torch.cat([stream.push(tokens[:, :4]), stream.push(tokens[:, 4:])], 1)
    state = stream.state
    model.eval()
    torch.manual_seed(5)
    with torch.no_grad():
        expected, after = model(tokens)
    torch.testing.assert_close(ys, expected, atol=1e-5, rtol=1e-5)
    assert type(state) is type(after)
    for one, other in zip(leaves(state), leaves(after), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_other_layers_stream_by_their_own_code() -> None:
    stream = Stream(language_model("transformer").float())
    assert "TransformerCell" in stream.refused
    assert stream.push(text(3)).shape == (3, 3, TOKENS)


@pytest.mark.parametrize("cell", CELLS)
def test_the_loss_of_a_text(cell: str) -> None:
    model = language_model(cell).eval()
    ids = np.random.default_rng(0).integers(TOKENS, size=1200).astype(np.int32)
    tokens = torch.from_numpy(ids).long()[None]
    with torch.no_grad():
        expected, _, _ = model.loss(tokens[:, :-1], tokens[:, 1:])
        total, count = text_loss(model, ids)
        assert count == 1199
        assert total == pytest.approx(expected.item())
        # A lead as long as the text makes each part exact.
        assert text_loss(model, ids, rows=7, lead=1200) == pytest.approx((total, count))
        near, counted = text_loss(model, ids, rows=50, lead=3)
        assert counted == count
        assert abs(near - total) < 0.02 * total
        assert text_loss(model, ids[:1]) == (0.0, 0)
        assert text_loss(model, ids[:3], rows=9)[1] == 2


@pytest.mark.parametrize(
    ("cell", "options", "message"),
    [
        ("gur", {}, "did you mean 'gru'"),
        ("gru", {"weight_dropout": 1.0}, "p=1.0"),
        ("min_gru", {"weight_dropout": 0.3}, "MinGRU"),
        ("transformer", {"weight_dropout": 0.3}, "recurrent weights"),
        ("gru", {"dropout": -0.1}, "p=-0.1"),
    ],
)
def test_options_of_the_layer(cell: str, options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        recurrent_stack(cell, SIZE, 8, 2, **options)
    with pytest.raises(OptionError, match="layers=0"):
        recurrent_stack("gru", SIZE, 8, 0)


def test_recurrent_weights_are_dropped_in_every_layer() -> None:
    layer = recurrent_stack(LSTM, SIZE, 8, 3, weight_dropout=0.5, dropout=0.2)
    assert [type(part).__name__ for part in layer] == ["WeightDrop", "Dropout"] * 2 + ["WeightDrop"]
    assert all(part.cell.input_size in (SIZE, 8) for part in layer if isinstance(part, WeightDrop))
