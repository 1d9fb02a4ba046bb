"""Attention: each kind against its formula, row by row, and against torch's where it has one."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from unrolled import (
    AdditiveAttention,
    DotAttention,
    MultiHeadAttention,
    OptionError,
    Seq,
    ShapeError,
    select_rows,
)
from unrolled.models.attention import Attention

Q, M, S = 6, 6, 5
LENGTHS = [5, 0, 2, 1]

KINDS: dict[str, Callable[[], Attention]] = {
    "additive": lambda: AdditiveAttention(Q, M, size=7),
    "dot": lambda: DotAttention(Q, M),
    "general": lambda: DotAttention(Q, M, score="general"),
    "scaled": lambda: DotAttention(Q, M, score="scaled"),
    "multi-head": lambda: MultiHeadAttention(Q, M, heads=2, size=8),
}


@pytest.fixture(params=KINDS)
def attention(request: pytest.FixtureRequest) -> Attention:
    return KINDS[request.param]().double()


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def ragged(memory: Tensor | None = None) -> Seq:
    return Seq(draw(4, S, M) if memory is None else memory, LENGTHS)


def one_head(q: Tensor, keys: list[Tensor], score: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Return the weights of one query, as the papers write them."""
    powers = [torch.exp(score(q, k)) for k in keys]
    return torch.stack(powers) / sum(powers)


def by_formula(attention: Attention, q: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Return context and weights of one query (Q,) that looks at one source (S, M) of at least one step."""
    steps = list(memory)
    if isinstance(attention, MultiHeadAttention):
        size = attention.context_size // attention.heads
        heads, weights = [], []
        for i in range(attention.heads):
            part = slice(i * size, (i + 1) * size)
            q_i = attention.W_q(q)[part]
            keys = [attention.W_k(step)[part] for step in steps]
            w = one_head(q_i, keys, lambda q, k: q @ k / math.sqrt(len(k)))
            heads.append(sum(w[s] * attention.W_v(step)[part] for s, step in enumerate(steps)))
            weights.append(w)
        return attention.W_o(torch.cat(heads)), torch.stack(weights).mean(0)
    if isinstance(attention, AdditiveAttention):
        W, U, v = attention.W.weight, attention.U.weight, attention.v.weight[0]
        weights = one_head(q, steps, lambda q, k: v @ torch.tanh(W @ q + U @ k))
    else:
        assert isinstance(attention, DotAttention)
        W = torch.eye(Q).double() if attention.W is None else attention.W.weight
        scale = math.sqrt(Q) if attention.scoring == "scaled" else 1
        weights = one_head(q, steps, lambda q, k: q @ (W @ k) / scale)
    return sum(weights[s] * step for s, step in enumerate(steps)), weights


def test_each_row_is_its_formula(attention: Attention) -> None:
    queries, source = draw(4, 3, Q, seed=1), ragged()
    context, weights = attention(queries, attention.prepare(source))
    assert context.shape == (4, 3, attention.context_size)
    assert weights.shape == (4, 3, S)
    for row, memory in enumerate(source.to_list()):
        for k in range(3):
            if len(memory) == 0:
                assert (context[row, k] == 0).all()
                assert (weights[row, k] == 0).all()
                continue
            expected, shares = by_formula(attention, queries[row, k], memory)
            torch.testing.assert_close(context[row, k], expected)
            torch.testing.assert_close(weights[row, k, : len(memory)], shares)
            assert (weights[row, k, len(memory) :] == 0).all()


def test_scaled_is_torchs_scaled_dot_product_attention() -> None:
    queries, memory = draw(4, 3, Q, seed=1), draw(4, S, M)
    attention = DotAttention(Q, M, score="scaled")
    expected = F.scaled_dot_product_attention(queries, memory, memory)
    torch.testing.assert_close(attention(queries, attention.prepare(memory)).context, expected)


def test_multi_head_is_torchs_with_the_same_weights() -> None:
    theirs = nn.MultiheadAttention(8, 2, kdim=M, vdim=M, batch_first=True).double()
    nn.init.normal_(theirs.in_proj_bias)
    nn.init.normal_(theirs.out_proj.bias)
    ours = MultiHeadAttention(8, M, heads=2).double()
    biases = theirs.in_proj_bias.chunk(3)
    with torch.no_grad():
        for name, bias in zip("qkv", biases, strict=True):
            ours.get_parameter(f"W_{name}.weight").copy_(
                theirs.get_parameter(f"{name}_proj_weight")
            )
            ours.get_parameter(f"W_{name}.bias").copy_(bias)
        ours.W_o.load_state_dict(theirs.out_proj.state_dict())
    # torch's gives NaN for a source without steps.
    queries, source = draw(3, 4, 8, seed=1), Seq(draw(3, S, M), [5, 2, 1])
    prepared = ours.prepare(source)
    for average, weights in ((True, ours(queries, prepared).weights), (False, None)):
        expected, shares = theirs(
            queries, source.data, source.data, ~source.mask(), average_attn_weights=average
        )
        torch.testing.assert_close(ours(queries, prepared).context, expected)
        found = ours.weigh(queries, prepared) if weights is None else weights
        torch.testing.assert_close(found, shares)


def test_padding_never_matters_and_has_no_gradient(attention: Attention) -> None:
    queries, memory = draw(4, Q, seed=1), draw(4, S, M)
    padding = ~ragged(memory).mask()
    results = []
    for filling in (0.0, math.nan, math.inf):
        filled = memory.masked_fill(padding.unsqueeze(-1), filling).requires_grad_()
        with torch.autograd.set_detect_anomaly(True):
            context, weights = attention(queries, attention.prepare(Seq(filled, LENGTHS)))
            gradients = torch.autograd.grad(
                (context * draw(*context.shape, seed=2)).sum(), [filled, *attention.parameters()]
            )
        assert (gradients[0][padding] == 0).all()
        assert (gradients[0][~padding] != 0).any()
        results.append((context, weights, gradients))
    assert all(leaf.isfinite().all() for leaf in (*results[0][:2], *results[0][2]))
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=0, atol=0)


def test_gradients_are_those_of_the_formula(attention: Attention) -> None:
    def look(query: Tensor, memory: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        found = attention(query, attention.prepare(Seq(memory, LENGTHS)))
        return found.context, found.weights

    parts = (draw(4, Q, seed=1).requires_grad_(), draw(4, S, M).requires_grad_())
    assert torch.autograd.gradcheck(look, (*parts, *attention.parameters()))


@pytest.mark.parametrize("shape", [(Q,), (2, Q)], ids=["one query", "two queries"])
def test_beams_look_at_the_memory_of_their_source(
    attention: Attention, shape: tuple[int, ...]
) -> None:
    queries, prepared = draw(12, *shape, seed=1), attention.prepare(ragged())
    repeated = select_rows(prepared, torch.arange(4).repeat_interleave(3))
    torch.testing.assert_close(attention(queries, prepared), attention(queries, repeated))


class Made(TorchDispatchMode):
    """Notes the size of every tensor that is newly made."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if not function.is_view and "_unsafe_view" not in str(function):
            self.sizes.append(result.numel())
        return result


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "additive"])
def test_a_look_does_not_copy_the_memory(kind: str) -> None:
    attention = KINDS[kind]().double()
    prepared = attention.prepare(draw(2, 1000, M))
    with torch.no_grad(), Made() as made:
        attention(draw(4, Q), prepared)
    scores = 4 * 1000 * getattr(attention, "heads", 1)
    assert max(made.sizes) == scores < prepared.keys.numel()


@pytest.mark.parametrize(("batch", "steps"), [(0, S), (2, 0), (0, 0)])
def test_no_sources_and_no_steps(attention: Attention, batch: int, steps: int) -> None:
    prepared = attention.prepare(draw(batch, steps, M))
    context, weights = attention(draw(batch, Q), prepared)
    assert context.shape == (batch, attention.context_size)
    assert weights.shape == (batch, steps)
    assert (context == 0).all()


def test_large_scores_do_not_overflow() -> None:
    attention = DotAttention(Q, M)
    found = attention(1e200 * draw(4, Q, seed=1), attention.prepare(ragged()))
    assert torch.equal(found.weights.sum(1), torch.tensor([1.0, 0.0, 1.0, 1.0]).double())


def test_wrong_sizes_are_named(attention: Attention) -> None:
    prepared = attention.prepare(ragged())
    with pytest.raises(ShapeError, match=r"memory_size=6.*was given.*7"):
        attention.prepare(draw(2, S, 7))
    with pytest.raises(ShapeError, match=r"query_size=6.*was asked.*5"):
        attention(draw(4, 5), prepared)
    for rows in (6, 3):
        with pytest.raises(ShapeError, match=f"{rows} rows about a memory of 4 sources"):
            attention(draw(rows, Q), prepared)
    with pytest.raises(ShapeError, match="1 rows about a memory of 0 sources"):
        attention(draw(1, Q), attention.prepare(draw(0, S, M)))


def test_wrong_options_are_named() -> None:
    with pytest.raises(OptionError, match="score='cosine'"):
        DotAttention(3, 3, score="cosine")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match='use score="general"'):
        DotAttention(3, 4)
    with pytest.raises(OptionError, match="heads=3 of size=8"):
        MultiHeadAttention(8, 4, heads=3)
