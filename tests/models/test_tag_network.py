"""The network that scores tags: what it reads of a token, and that one pass is what a stream gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import GRU, LSTM, Bidirectional, Dropout, Layer, Seq, Stack, Stream
from unrolled.errors import OptionError, ShapeError
from unrolled.models import spelling
from unrolled.models.spelling import Spelling, distinct_rows
from unrolled.models.tag_network import ReadTokens, TagNetwork, TagSizes
from unrolled.models.token_pairs import TokenPairs, frequent_pairs

TOKENS, LETTERS = 9, 7
SIZES = TagSizes(
    tags=3,
    vocabulary=TOKENS,
    embedding=4,
    width=6,
    letters=LETTERS,
    letter_embedding=3,
    spelling=4,
    pairs=5,
    pair_embedding=2,
)
KEYS = torch.tensor([2, 3, 2 * TOKENS + 3, 3 * TOKENS + 4, 4 * TOKENS + 2])


def words(seed: int = 0) -> Seq:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, TOKENS, (3, 5), generator=generator)
    letters = torch.randint(1, LETTERS, (3, 5, 4), generator=generator)
    lengths = torch.randint(0, 5, (3, 5, 1), generator=generator)
    return Seq((ids, letters.masked_fill(torch.arange(4) >= lengths, 0)), [5, 0, 3])


def network(layer: Layer | None = None, letters: Layer | None = None) -> TagNetwork:
    torch.manual_seed(0)
    layer = layer or GRU(SIZES.features, 6)
    letters = letters or Bidirectional(LSTM(3, 2), LSTM(3, 2))
    made = TagNetwork(layer, SIZES, letters, dropout=0.3, word_dropout=0.3)
    assert made.read.pairs is not None
    made.read.pairs.know(KEYS)
    return made


def test_a_step_is_its_token_its_spelling_and_its_pair() -> None:
    made = network().eval()
    read, xs = made.read, words()
    ids, letters = xs.data
    features = read(xs)[0].data
    assert read.spelling is not None
    assert read.pairs is not None
    for row, length in enumerate([5, 0, 3]):
        before = 0
        for t in range(length):
            token, spelt = ids[row, t], letters[row, t]
            expected = torch.zeros(4)
            if spelt.any():
                hidden = read.spelling.layer(read.spelling.embedding(spelt[spelt != 0])[None])[0][0]
                expected = torch.cat((hidden[-1, :2], hidden[0, 2:]))
            known = (before * TOKENS + token == KEYS).nonzero().flatten()
            pair = read.pairs.embedding.weight[int(known[0]) + 1 if len(known) else 0]
            whole = torch.cat((read.embedding.weight[token], expected, pair))
            torch.testing.assert_close(features[row, t], whole)
            before = int(token)


def test_every_parameter_gets_a_gradient() -> None:
    made = network(Bidirectional(GRU(SIZES.features, 3), LSTM(SIZES.features, 3))).train()
    made(words())[0].data.square().sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_stream_gives_the_scores_of_one_pass() -> None:
    made = network(Stack(LSTM(SIZES.features, 5), GRU(5, 6)))
    ids, letters = words().data
    stream = Stream(made)
    pieces = [stream.push((ids[:, a:b], letters[:, a:b])) for a, b in ((0, 1), (1, 4), (4, 5))]
    torch.testing.assert_close(torch.cat(pieces, 1), made.eval()((ids, letters))[0])


def test_words_that_differ_in_one_letter_are_read_otherwise() -> None:
    made = network().eval()
    same, other = torch.tensor([[[3, 4, 5], [3, 4, 5]]]), torch.tensor([[[3, 4, 5], [3, 4, 6]]])
    ids = torch.tensor([[2, 2]])
    assert made.read.spelling is not None
    assert len(made.read.spelling(same).unique(dim=1)[0]) == 1
    assert not torch.equal(made((ids, same))[0], made((ids, other))[0])


@pytest.mark.parametrize("factor", [spelling._FACTOR, 0], ids=["mixed well", "all alike"])
def test_distinct_rows(factor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spelling, "_FACTOR", factor)
    rows = torch.randint(0, 3, (60, 4), generator=torch.Generator().manual_seed(0))
    distinct, places = distinct_rows(rows)
    assert torch.equal(distinct[places], rows)
    assert len(distinct) == len({tuple(row) for row in rows.tolist()})


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0)])
def test_no_rows_or_no_letters(shape: tuple[int, int]) -> None:
    rows = torch.zeros(shape, dtype=torch.int64)
    distinct, places = distinct_rows(rows)
    assert torch.equal(distinct[places], rows)
    read = Spelling(GRU(3, 4), LETTERS, 3, 4)(rows[None])
    assert torch.equal(read, torch.zeros(1, shape[0], 4))


def test_pairs_are_those_that_are_frequent_and_known() -> None:
    rows = [np.array([4, 5, 1]), [4, 5, 6], np.array([], dtype=np.int32), [4, 1, 6, 6, 6]]
    keys = frequent_pairs(rows, 10)
    assert keys.tolist() == [4, 45, 66]  # 4 begins three rows; the unknown token 1 is in no pair
    assert frequent_pairs(rows, 10, least=3).tolist() == [4]
    assert frequent_pairs([], 10).tolist() == []
    pairs = TokenPairs(10, 3, 2)
    before, tokens = torch.tensor([0, 4, 5, 4]), torch.tensor([4, 5, 4, 6])
    found = pairs(before, tokens)
    assert torch.equal(found, pairs.embedding.weight[0].expand(4, -1))  # it knows none yet
    pairs.know(keys)
    assert torch.equal(pairs(before, tokens), pairs.embedding.weight[[1, 2, 0, 0]])
    with pytest.raises(ShapeError, match="2 pairs; expected 3"):
        pairs.know(keys[:2])


def test_a_hidden_token_is_in_no_known_pair() -> None:
    read = ReadTokens(TagSizes(3, TOKENS, embedding=1, pairs=1, pair_embedding=1), None, 0.5)
    assert read.pairs is not None
    read.pairs.know(torch.tensor([2 * TOKENS + 2]))
    with torch.no_grad():
        read.embedding.weight.copy_(torch.arange(float(TOKENS))[:, None])
        read.pairs.embedding.weight.copy_(torch.tensor([[0.0], [1.0]]))
    token, pair = read(torch.full((1, 400), 2))[0][0].unbind(-1)
    shown = token == 2
    assert 0.4 < shown.float().mean() < 0.6
    expected = shown & torch.cat((torch.tensor([False]), shown[:-1]))
    assert torch.equal(pair == 1, expected)


@pytest.mark.parametrize("letters", [0, LETTERS])
def test_input_of_the_wrong_kind(letters: int) -> None:
    sizes = TagSizes(
        3, TOKENS, embedding=4, width=6, letters=letters, letter_embedding=3, spelling=4
    )
    made = TagNetwork(GRU(sizes.features, 6), sizes, GRU(3, 4) if letters else None)
    ids, spelt = words().data
    given = ids if letters else (ids, spelt)
    with pytest.raises(ShapeError, match="pair" if letters else r"2 tensors.*token ids"):
        made(given)


def test_options_that_do_not_fit() -> None:
    with pytest.raises(OptionError, match="letters=7 and no layer"):
        TagNetwork(GRU(SIZES.features, 6), SIZES)
    with pytest.raises(OptionError, match="without noise"):
        network(letters=Stack(Dropout(0.1), GRU(3, 4)))
    with pytest.raises(ShapeError, match="gives 3 features; expected 4"):
        network(letters=GRU(3, 3))(words())
