"""TransformerCell and TransformerEncoder: against their equations, torch's blocks, and what ends or slides."""

from __future__ import annotations

import math
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

from unrolled import (
    InputError,
    NotCausalError,
    OptionError,
    Seq,
    ShapeError,
    Stream,
    TransformerCell,
    TransformerEncoder,
    deep,
    detach,
    watch,
)
from unrolled.core.noise import NoiseState
from unrolled.models.places import Entrance, rotate
from unrolled.models.self_attention import TransformerState
from unrolled.models.transformer import SublayerDropout
from unrolled.models.transformer_encoder import EncoderBlock

F, H = 3, 8


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def make(**options: object) -> TransformerCell:
    torch.manual_seed(0)
    return TransformerCell(F, H, heads=2, **options).double()


def turned(features: Tensor, place: int) -> Tensor:
    """Turn one head's features (d,), pair by pair, as the paper writes it."""
    d, out = len(features), features.clone()
    for i in range(d // 2):
        angle = place * 10000 ** (-2 * i / d)
        a, b = features[2 * i], features[2 * i + 1]
        out[2 * i] = a * math.cos(angle) - b * math.sin(angle)
        out[2 * i + 1] = a * math.sin(angle) + b * math.cos(angle)
    return out


def by_equation(cell: TransformerCell, xs: Tensor, last: int) -> Tensor:
    """Compute y (T, H) of one row (T, F), each step seeing at most the ``last`` steps up to its own."""
    attention, ys = cell.attention, []
    us = cell.W_x(xs)
    queries, keys, values = attention.W_qkv(attention.norm(us)).chunk(3, -1)
    for t, u in enumerate(us):
        heads = []
        for head in (slice(0, H // 2), slice(H // 2, H)):
            seen = range(max(0, t + 1 - last), t + 1)
            query = turned(queries[t, head], t)
            scores = torch.stack([query @ turned(keys[s, head], s) for s in seen])
            weights = (scores / math.sqrt(H / 2)).softmax(0)
            heads.append(weights @ torch.stack([values[s, head] for s in seen]))
        a = u + attention.W_o(torch.cat(heads))
        norm, first, _, second = cell.feedforward
        ys.append(a + second(torch.relu(first(norm(a)))))
    return torch.stack(ys)


@pytest.mark.parametrize(("context", "window"), [(6, False), (3, True), (1, True)])
def test_each_row_is_its_equation(context: int, window: bool) -> None:
    cell, xs = make(context=context, window=window), Seq(draw(3, 6, F), [6, 0, 4])
    ys, _ = cell(xs)
    for found, row in zip(ys.to_list(), xs.to_list(), strict=True):
        if len(row):
            torch.testing.assert_close(found, by_equation(cell, row, context))


def test_products_depend_on_distances_alone() -> None:
    query, key = draw(1, 4, 2, 6), draw(1, 4, 2, 6, seed=1)
    near, far = torch.arange(4)[None], torch.arange(4)[None] + 1_000_000

    def products(places: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
        q, k = (rotate(x.to(dtype), places).transpose(1, 2) for x in (query, key))
        return q @ k.mT

    torch.testing.assert_close(products(near), products(far), rtol=0, atol=1e-8)
    single = products(far, torch.float32)
    torch.testing.assert_close(single.double(), products(near), rtol=0, atol=1e-5)
    assert not torch.allclose(products(near), query.transpose(1, 2) @ key.transpose(1, 2).mT)


def test_an_encoder_block_is_torchs_but_for_rotation() -> None:
    torch.manual_seed(0)
    theirs = nn.TransformerEncoderLayer(
        H, 2, 5, dropout=0.0, batch_first=True, norm_first=True, dtype=torch.float64
    )
    ours = EncoderBlock(H, 2, 5, 0.0).double()
    attention, (norm, first, _, second) = ours.attention, ours.feedforward
    pairs = {
        attention.W_o: theirs.self_attn.out_proj,
        attention.norm: theirs.norm1,
        norm: theirs.norm2,
        first: theirs.linear1,
        second: theirs.linear2,
    }
    for part, other in pairs.items():
        part.load_state_dict(other.state_dict())
    attention.W_qkv.weight, attention.W_qkv.bias = (
        theirs.self_attn.in_proj_weight,
        theirs.self_attn.in_proj_bias,
    )
    xs, seed = Seq(draw(3, 5, H), [5, 2, 4]), torch.zeros(3, dtype=torch.int64)
    expected = theirs(xs.data, src_key_padding_mask=~xs.mask())
    with mock.patch("unrolled.models.self_attention.rotate", lambda features, places: features):
        found = ours(xs, NoiseState(seed, seed))
    torch.testing.assert_close(found.data, xs.with_data(expected).data)
    assert not torch.allclose(ours(xs, NoiseState(seed, seed)).data, found.data)


def test_the_entrance_adds_cosines_and_sines_to_what_is_normalised() -> None:
    entrance, x = Entrance(H, H).double(), draw(2, H)
    found = entrance(x, torch.tensor([0, 3]))
    for row, place in enumerate((0, 3)):
        normal = (x[row] - x[row].mean()) / (x[row].var(correction=0) + 1e-5).sqrt()
        angles = [place * 10000 ** (-2 * i / H) for i in range(H // 2)]
        where = [f(angle) for angle in angles for f in (math.cos, math.sin)]
        torch.testing.assert_close(found[row], normal + torch.tensor(where).double())


def test_an_encoder_sees_before_and_after() -> None:
    encoder, xs = TransformerEncoder(F, H, layers=1, heads=2).double(), draw(1, 5, F)
    xs.requires_grad_()
    ys, _ = encoder(xs)
    for place in (0, 2, 4):
        grad = torch.autograd.grad(ys[0, place, 0], xs, retain_graph=True)[0]
        assert (grad.abs().sum(-1) > 1e-6).all()
    with pytest.raises(NotCausalError):
        encoder.step(xs[:, 0], encoder.initial_state(1))


def test_a_context_that_is_full_is_an_error_of_the_row() -> None:
    cell, xs = make(context=4), draw(3, 5, F)
    cell(xs[:, :4])
    ys, state = cell(Seq(xs, [3, 4, 0]))
    with pytest.raises(InputError, match=r"row 1 has 5 steps.*context=4.*window=True"):
        cell.step(xs[:, 0], state)
    with pytest.raises(InputError, match=r"row 0 has 5 steps"):
        cell(Seq(xs, [2, 0, 4]), state)
    with pytest.raises(InputError, match=r"row 2 has 5 steps"):
        cell(Seq(xs, [1, 4, 5]))
    again, _ = cell(Seq(xs, [1, 0, 4]), state)  # just full, and a full row without steps
    assert ys.data.isfinite().all() and again.data.isfinite().all()


def test_a_window_forgets() -> None:
    cell, xs = make(context=3, window=True), draw(1, 6, F).requires_grad_()
    ys, _ = cell(xs)
    for place in range(6):
        grad = torch.autograd.grad(ys[0, place].square().sum(), xs, retain_graph=True)[0]
        seen = (grad[0].abs().sum(-1) > 0).nonzero().flatten().tolist()
        assert seen == list(range(max(0, place - 2), place + 1))


def test_a_window_goes_on_for_ever() -> None:
    cell = make(context=3, window=True)
    begun = cell.initial_state(2)
    xs, far = draw(2, 4, F), NoiseState(begun.noise.seed, torch.tensor([0, 1_000_000]))
    _, state = cell(xs, begun._replace(noise=far))
    assert state.noise.position.tolist() == [4, 1_000_004]
    ys, _ = cell(xs, state)
    torch.testing.assert_close(cell(xs[:, :2], state)[0], ys[:, :2])
    assert ys.isfinite().all()


def test_beginning_takes_no_memory() -> None:
    state = TransformerCell(F, H, heads=2, context=100_000).initial_state(1000)
    assert state.keys.shape == (1000, 2, 100_000, 4)
    assert state.keys.untyped_storage().nbytes() < 100


def test_watch_sees_where_it_looked() -> None:
    cell = make(context=4, window=True)
    with watch(cell) as seen:
        ys, _ = cell(draw(2, 6, F))
    weights = seen[""].gates.weights
    assert weights.shape == (2, 6, 2, 4)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 6, 2).double())
    for t in range(6):
        assert ((weights[:, t] > 0).sum(-1) == min(t + 1, 4)).all()
    torch.testing.assert_close(seen[""].outputs, ys)


def test_a_stream_of_blocks_goes_on_from_bytes() -> None:
    layer = deep(lambda f, h: TransformerCell(f, h, heads=2, context=8), F, H, layers=2).double()
    xs = draw(2, 6, F)
    stream, other = Stream(layer), Stream(layer)
    pieces = [stream.push(xs[:, :1]), stream.push(xs[:, 1:4])]
    other.push(draw(2, 1, F, seed=1))
    other.restore_bytes(stream.to_bytes())
    pieces.append(other.push(xs[:, 4:]))
    torch.testing.assert_close(torch.cat(pieces, 1), layer(xs)[0])


@pytest.mark.parametrize("steps", [None, 3], ids=["one step", "a chunk"])
def test_it_can_be_exported(steps: int | None) -> None:
    class Run(nn.Module):
        def __init__(self, cell: TransformerCell) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, x: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
            return self.cell.step(x, state) if steps is None else self.cell(x, state)

    cell = make(context=5)
    state = detach(cell(Seq(draw(2, 2, F), [2, 1]))[1])
    x = draw(2, F) if steps is None else draw(2, steps, F)
    (found, after), (y, expected) = (
        run(x, state) for run in (torch.export.export(Run(cell), (x, state)).module(), Run(cell))
    )
    torch.testing.assert_close(found, y)
    torch.testing.assert_close(after.keys, expected.keys)


def test_sublayers_drop_on_their_own() -> None:
    dropout, ones = SublayerDropout(0.25), torch.ones(4, 5, 500)
    seed = torch.arange(4) * 1_000_003
    state = NoiseState(seed, torch.zeros_like(seed))
    first, second = (dropout.part(ones, state, number) > 0 for number in (0, 1))
    for kept in (first, second):
        assert kept.double().mean().item() == pytest.approx(0.75, abs=0.02)
    assert (first == second).double().mean().item() == pytest.approx(0.625, abs=0.02)


def test_wrong_options_are_named() -> None:
    with pytest.raises(OptionError, match=r"heads=4 of hidden_size=12.*even"):
        TransformerCell(F, 12)
    with pytest.raises(OptionError, match="heads=0"):
        TransformerEncoder(F, H, heads=0)
    with pytest.raises(OptionError, match="context=0"):
        TransformerCell(F, H, context=0)
    with pytest.raises(OptionError, match="layers=0"):
        TransformerEncoder(F, H, layers=0)


def test_wrong_input_and_state_are_named() -> None:
    cell = make(context=4)
    with pytest.raises(ShapeError, match=r"TransformerCell\(input_size=3\)"):
        cell(draw(2, 4, 5))
    with pytest.raises(ShapeError, match=r"TransformerEncoder\(input_size=3\)"):
        TransformerEncoder(F, H)(draw(2, 4, 5))
    with pytest.raises(ShapeError, match=r"\(2, 2, 5, 4\).*\(2, 2, 4, 4\)"):
        cell(draw(2, 4, F), make(context=5).initial_state(2))
    with pytest.raises(ShapeError, match="TransformerState"):
        cell(draw(2, 4, F), (torch.zeros(2),))
