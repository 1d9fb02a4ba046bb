"""TransformerDecoder: its equation, its beams, its beginning, and what it learns inside a Seq2Seq."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled import (
    GRU,
    InputError,
    OptionError,
    Seq,
    Seq2Seq,
    Seq2SeqSizes,
    ShapeError,
    TransformerDecoder,
    TransformerEncoder,
    select_rows,
    watch,
)
from unrolled.core.tree import leaves
from unrolled.models.token_ids import BEGIN, END

X, H, M = 3, 8, 6


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def decoder() -> TransformerDecoder:
    torch.manual_seed(0)
    return TransformerDecoder(X, H, M, layers=2, heads=2, context=8, output_size=5).double()


def source() -> Seq:
    return Seq(draw(3, 5, M), [5, 2, 0])


def target() -> Seq:
    return Seq(draw(3, 4, X, seed=1), [4, 0, 3])


def test_each_row_is_its_equation(decoder: TransformerDecoder) -> None:
    ys, _ = decoder(target(), decoder.start(source()))
    for found, xs, memory in zip(ys.to_list(), target().to_list(), source().to_list(), strict=True):
        x = decoder.entrance(xs[None], torch.arange(len(xs)))
        for cell in decoder.blocks:
            # What a block reads of itself, the laws and TransformerCell's equation hold it to.
            a = x + cell.attention.over(x, Seq(x), cell.start(memory[None]))[0]
            look = cell.memory_attention
            context, _ = look(cell.memory_norm(a), look.prepare(memory[None]))
            c = a + context
            x = c + cell.feedforward(c)
        torch.testing.assert_close(found, decoder.W_y(decoder.norm(x))[0])


def test_outputs_are_those_of_a_pass_without_the_state(decoder: TransformerDecoder) -> None:
    begun = decoder.start(source())
    _, state = decoder(target(), begun)
    for before in (begun, state):
        torch.testing.assert_close(
            decoder.outputs(target(), before).data, decoder(target(), before)[0].data
        )
    with pytest.raises(ShapeError, match=r"\[3\] rows"):
        decoder.outputs(draw(3, 2, X)[:2], begun)


def test_beams_are_reordered_within_their_source(decoder: TransformerDecoder) -> None:
    """Three beams of each source change places between two steps; the memory stays where it is."""
    first, second = draw(9, X, seed=2), draw(9, X, seed=3)
    beams = torch.arange(3).repeat_interleave(3)
    order = torch.tensor([2, 0, 0, 4, 3, 5, 8, 8, 7])
    start = decoder.start(source())
    _, state = decoder.step(first, select_rows(start, beams, constants=False))
    found, after = decoder.step(second, select_rows(state, order, constants=False))
    for block, begun in zip(after.blocks, start.blocks, strict=True):
        assert block.memory is begun.memory
    for row in range(9):
        alone = select_rows(start, beams[row : row + 1])
        _, alone = decoder.step(first[order[row : row + 1]], alone)
        expected, _ = decoder.step(second[row : row + 1], alone)
        torch.testing.assert_close(found[row : row + 1], expected)


def test_watch_sees_where_each_block_looked(decoder: TransformerDecoder) -> None:
    with watch(decoder) as seen:
        decoder(target(), decoder.start(source()))
    for path in ("blocks.0", "blocks.1"):
        weights = seen[path].gates.memory_weights
        assert weights.shape == (3, 4, 5)
        looked = target().mask() & torch.tensor([True, True, False])[:, None]
        torch.testing.assert_close(weights.sum(-1), looked.double())
        assert seen[path].gates.weights.shape == (3, 4, 2, 8)


def test_it_begins_with_a_memory_and_nothing_else(decoder: TransformerDecoder) -> None:
    with pytest.raises(InputError, match=r"TransformerDecoder cannot begin.*start\(memory\)"):
        decoder(target())
    with pytest.raises(InputError, match=r"TransformerDecoderCell cannot begin"):
        decoder.blocks[0].initial_state(3)
    with pytest.raises(InputError, match="memory alone"):
        decoder.start(source(), GRU(X, H).initial_state(3))
    with pytest.raises(ShapeError, match="memory_size=6"):
        decoder.start(draw(3, 5, 7))
    with pytest.raises(OptionError, match="layers=0"):
        TransformerDecoder(X, H, M, layers=0)
    assert list(leaves(decoder.inner_state(3))) == []
    assert len(decoder.start(source(), decoder.inner_state(3)).blocks) == 2


def test_past_its_context_it_ends(decoder: TransformerDecoder) -> None:
    _, state = decoder(draw(3, 8, X), decoder.start(source()))
    with pytest.raises(InputError, match=r"row 0 has 9 steps.*context=8"):
        decoder.step(draw(3, X), state)


TOKENS = 12


def transformer(dropout: float = 0.0) -> Seq2Seq:
    size = 32
    return Seq2Seq(
        TransformerEncoder(size, size, layers=1, heads=4, feedforward=64, dropout=dropout),
        TransformerDecoder(
            size, size, size, layers=1, heads=4, feedforward=64, context=8, dropout=dropout
        ),
        Seq2SeqSizes(TOKENS, TOKENS, embedding=size, memory=size),
        dropout=dropout,
    )


def random_words(rows: int) -> list[Tensor]:
    lengths = torch.randint(1, 6, (rows,)).tolist()
    return [torch.randint(END + 1, TOKENS, (length,)) for length in lengths]


def greedy(model: Seq2Seq, sources: list[Tensor]) -> list[list[int]]:
    state = model.start(Seq.from_list(sources))
    tokens, written = torch.full((len(sources),), BEGIN), []
    for _ in range(7):
        scores, state = model.step(tokens, state)
        tokens = scores.argmax(-1)
        written.append(tokens)
    rows = torch.stack(written, 1).tolist()
    return [row[: row.index(END)] if END in row else row for row in rows]


def test_it_learns_to_copy() -> None:
    """Rows of up to 5 tokens, copied: learned by teacher forcing, written token by token."""
    torch.manual_seed(0)
    model = transformer()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(200):
        words = random_words(48)
        given = Seq.from_list([F.pad(row, (1, 0), value=BEGIN) for row in words])
        wanted = Seq.from_list([F.pad(row, (0, 1), value=END) for row in words])
        hidden = model.outputs(given, model.start(Seq.from_list(words)))
        loss = F.cross_entropy(model.score(hidden.valid()), wanted.valid())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        words = random_words(100)
        written = greedy(model, words)
    right = sum(row == word.tolist() for row, word in zip(written, words, strict=True))
    assert right >= 95


def test_training_has_the_outputs_of_a_pass() -> None:
    torch.manual_seed(0)
    model = transformer(dropout=0.3)
    words = random_words(6)
    state = model.start(Seq.from_list(words))
    target = Seq.from_list([F.pad(row, (1, 0), value=BEGIN) for row in words])
    expected, _ = model.hidden(target, state)
    torch.testing.assert_close(model.outputs(target, state).data, expected.data)
    plain = Seq2Seq(
        model.encoder, GRU(32, 32), Seq2SeqSizes(TOKENS, TOKENS, embedding=32, memory=32)
    )
    state = plain.start(Seq.from_list(words))
    expected, _ = plain.hidden(target, state)
    torch.testing.assert_close(plain.outputs(target, state).data, expected.data)
