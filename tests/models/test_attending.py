"""AttendingCell: against its equations row by row, its beams, its beginning, and what watch sees of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unrolled import (
    GRU,
    LSTM,
    AdditiveAttention,
    AttendingCell,
    DotAttention,
    InputError,
    MultiHeadAttention,
    OptionError,
    Seq,
    ShapeError,
    Stream,
    select_rows,
    watch,
)

F, H, M = 3, 4, 6
SOURCE_LENGTHS, TARGET_LENGTHS = [5, 2, 0], [4, 0, 3]


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def decoder() -> AttendingCell:
    return AttendingCell(LSTM, F, H, AdditiveAttention(H, M)).double()


def source() -> Seq:
    return Seq(draw(3, 5, M), SOURCE_LENGTHS)


def target() -> Seq:
    return Seq(draw(3, 4, F, seed=1), TARGET_LENGTHS)


def test_each_row_is_its_equations(decoder: AttendingCell) -> None:
    ys, state = decoder(target(), decoder.start(source()))
    attention = decoder.attention
    for row, (xs, memory) in enumerate(zip(target().to_list(), source().to_list(), strict=True)):
        inner = decoder.cell.initial_state(1)
        prepared, a = attention.prepare(memory[None]), torch.zeros(1, H).double()
        for t, x in enumerate(xs):
            h, inner = decoder.cell(torch.cat((x[None], a), -1)[:, None], inner)
            context, _ = attention(h[:, 0], prepared)
            a = torch.tanh(torch.cat((context, h[:, 0]), -1) @ decoder.W_c.weight.T)
            torch.testing.assert_close(ys.data[row, t], a[0])
        torch.testing.assert_close(select_rows(state.inner, torch.tensor([row])), inner)
        torch.testing.assert_close(state.fed[row], a[0])


def test_watch_sees_where_it_looked(decoder: AttendingCell) -> None:
    with watch(decoder) as seen:
        decoder(target(), decoder.start(source()))
    weights = seen[""].gates.weights
    assert weights.shape == (3, 4, 5)
    looked = target().mask() & torch.tensor(SOURCE_LENGTHS).bool()[:, None]
    torch.testing.assert_close(weights.sum(-1), looked.double())
    assert (weights * ~source().mask()[:, None] == 0).all()
    assert seen["cell"].states.c.shape == (3, 4, H)


def test_the_mean_over_heads_is_seen() -> None:
    decoder = AttendingCell(GRU, F, H, MultiHeadAttention(H, M, heads=2)).double()
    with watch(decoder) as seen:
        decoder(target(), decoder.start(source()))
    assert seen[""].gates.weights.shape == (3, 4, 5)


def test_beams_are_reordered_within_their_source(decoder: AttendingCell) -> None:
    """Three beams of each source change places between two steps; the memory stays where it is."""
    first, second = draw(9, F, seed=2), draw(9, F, seed=3)
    beams = torch.arange(3).repeat_interleave(3)
    order = torch.tensor([2, 0, 0, 4, 3, 5, 8, 8, 7])
    start = decoder.start(source())
    state = select_rows(start, beams, constants=False)
    _, state = decoder.step(first, state)
    found, after = decoder.step(second, select_rows(state, order, constants=False))
    assert after.memory is start.memory

    for row in range(9):
        alone = select_rows(start, beams[row : row + 1])
        _, alone = decoder.step(first[order[row : row + 1]], alone)
        expected, _ = decoder.step(second[row : row + 1], alone)
        torch.testing.assert_close(found[row : row + 1], expected)


def test_it_begins_where_the_encoder_ended() -> None:
    memory, final = LSTM(2, H).double()(draw(3, 5, 2))
    decoder = AttendingCell(LSTM, F, H, DotAttention(H, H)).double()
    state = decoder.start(memory, final)
    assert state.inner is final
    assert (state.fed == 0).all()
    encoder_gradient = torch.autograd.grad(decoder(target(), state)[0].data.sum(), final.c)[0]
    assert (encoder_gradient[0] != 0).all()


def test_a_stream_goes_on_from_start_and_from_bytes(decoder: AttendingCell) -> None:
    xs = draw(3, 4, F, seed=1)
    stream = Stream(decoder)
    stream.state = decoder.start(source())
    pieces = [stream.push(xs[:, :1])]
    other = Stream(decoder)
    other.state = decoder.start(Seq(draw(3, 5, M, seed=5), [1, 2, 3]))
    other.restore_bytes(stream.to_bytes())  # the memory and its lengths are in them
    pieces.append(other.push(xs[:, 1:]))
    torch.testing.assert_close(torch.cat(pieces, 1), decoder(xs, decoder.start(source()))[0])


def test_it_cannot_begin_without_a_memory(decoder: AttendingCell) -> None:
    with pytest.raises(InputError, match=r"start\(memory\)"):
        decoder.initial_state(3)
    with pytest.raises(InputError, match=r"start\(memory\)"):
        decoder(target())


def test_a_wrong_beginning_is_named(decoder: AttendingCell) -> None:
    with pytest.raises(ShapeError, match="memory_size=6"):
        decoder.start(draw(3, 5, 7))
    with pytest.raises(ShapeError, match="2"):
        decoder.start(source(), decoder.cell.initial_state(2))
    with pytest.raises(ShapeError, match="AttendingState"):
        decoder(target(), decoder.cell.initial_state(3))


def test_queries_of_another_size_are_refused() -> None:
    with pytest.raises(OptionError, match="hidden_size=4 with an attention of query_size=5"):
        AttendingCell(GRU, F, H, AdditiveAttention(5, M))


def test_it_learns_to_read_a_source_backward() -> None:
    """The decoder is told only which place it is at: what stood there it must find in the memory."""
    torch.manual_seed(0)
    encoder, read = GRU(2, 24), nn.Linear(24, 1)
    decoder = AttendingCell(GRU, 1, 24, AdditiveAttention(24, 24))
    optimizer = torch.optim.Adam(nn.ModuleList([encoder, decoder, read]).parameters(), lr=0.01)
    place = torch.linspace(-1, 1, 6).expand(64, 6)
    for _ in range(200):
        numbers = torch.rand(64, 6) * 2 - 1
        memory, _ = encoder(torch.stack((numbers, place), -1))
        ys, _ = decoder(place.unsqueeze(-1), decoder.start(memory))
        loss = nn.functional.mse_loss(read(ys).squeeze(-1), numbers.flip(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01  # the variance of the numbers is 1/3
