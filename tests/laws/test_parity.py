"""Law 9: from_torch and to_torch give torch.nn's numbers, over random configurations."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.laws.examples import drawer
from tests.laws.harness import TOLERANCE, no_kernels, scalar
from unrolled import GRU, LSTM, RNN, Bidirectional, Dropout, Seq, Stack, deep, from_torch, to_torch
from unrolled.cells.gated import GatedCell

CONFIGURATIONS = 250
KINDS: dict[str, tuple[type[nn.RNNBase], type[GatedCell]]] = {
    "RNN": (nn.RNN, RNN),
    "LSTM": (nn.LSTM, LSTM),
    "GRU": (nn.GRU, GRU),
}
FORMS = ("full", "padded", "packed sorted", "packed unsorted")


@dataclass(frozen=True)
class Configuration:
    """A network of torch's, and how its rows are given."""

    seed: int
    kind: str
    features: int
    hidden: int
    depth: int
    both_directions: bool
    options: dict[str, Any]
    batch: int
    steps: int
    form: str
    begun: bool
    dtype: torch.dtype

    def theirs(self, batch_first: bool) -> nn.RNNBase:
        module = KINDS[self.kind][0](
            self.features,
            self.hidden,
            num_layers=self.depth,
            bidirectional=self.both_directions,
            batch_first=batch_first,
            **self.options,
        )
        return module.to(self.dtype).eval()

    def ours(self) -> Stack:
        layer = deep(
            KINDS[self.kind][1],
            self.features,
            self.hidden,
            layers=self.depth,
            bidirectional=self.both_directions,
            **self.options,
        )
        return layer.to(self.dtype).eval()

    @property
    def lengths(self) -> Tensor:
        draw = random.Random(self.seed)
        lengths = [draw.randint(1, self.steps) for _ in range(self.batch)]
        if self.form == "full":
            lengths = [self.steps] * self.batch
        return torch.tensor(
            sorted(lengths, reverse=True) if "packed sorted" in self.form else lengths
        )

    def inputs(self) -> tuple[Tensor, list[Tensor]]:
        """Return x (B, T, F) and torch's initial state, [h] or [h, c], each (depth * directions, B, H)."""
        draw = drawer(self.seed, self.dtype)
        x = draw(self.batch, self.steps, self.features).requires_grad_()
        shape = self.depth * (1 + self.both_directions), self.batch, self.hidden
        states = (2 if self.kind == "LSTM" else 1) * self.begun
        return x, [draw(*shape).requires_grad_() for _ in range(states)]


def configurations(dtype: torch.dtype) -> Iterator[Configuration]:
    draw = random.Random(str(dtype))
    for seed in range(CONFIGURATIONS):
        kind, depth = draw.choice(list(KINDS)), draw.choice([1, 1, 2, 3])
        options: dict[str, Any] = {"bias": draw.random() < 0.7}
        if kind == "RNN":
            options["nonlinearity"] = draw.choice(["tanh", "relu"])
        if depth > 1:
            options["dropout"] = draw.choice([0.0, 0.4])
        yield Configuration(
            seed=seed, kind=kind, depth=depth, options=options, dtype=dtype,
            features=draw.randint(1, 7), hidden=draw.randint(1, 9), batch=draw.randint(1, 5), steps=draw.randint(1, 8),
            both_directions=draw.random() < 0.5, form=draw.choice(FORMS), begun=draw.random() < 0.5,
        )  # fmt: skip


def run_theirs(c: Configuration, module: nn.RNNBase) -> list[Tensor]:
    """Return y (B, T, F), the final state and the gradients of x, of the initial state and of the weights."""
    x, begin = c.inputs()
    hx: Any = begin[0] if len(begin) == 1 else (tuple(begin) or None)
    if c.form == "full":
        y, final = module(x if module.batch_first else x.transpose(0, 1), hx)
        y = y if module.batch_first else y.transpose(0, 1)
    else:
        y, final = module(pack_padded_sequence(x, c.lengths, True, enforce_sorted=False), hx)
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=c.steps)
    results = [y, *(final if isinstance(final, tuple) else [final])]
    weights = [weight for cell in module.all_weights for weight in cell]
    return [*results, *torch.autograd.grad(scalar(results), [x, *begin, *weights])]


def run_ours(c: Configuration, layer: Stack) -> list[Tensor]:
    x, begin = c.inputs()
    state = our_state(layer, begin, c.batch) if begin else None
    if c.form == "full":
        y, final = layer(x, state)
    elif c.form == "padded":
        ys, final = layer(Seq(x, c.lengths), state)
        y = ys.data
    else:
        packed = pack_padded_sequence(x, c.lengths, True, enforce_sorted=c.form == "packed sorted")
        packed, final = layer(packed, state)
        y, _ = pad_packed_sequence(packed, batch_first=True, total_length=c.steps)
    results = [y, *their_state(layer, final)]
    weights = [
        w for part in layer.modules() if isinstance(part, GatedCell) for w in part.parameters()
    ]
    return [*results, *torch.autograd.grad(scalar(results), [x, *begin, *weights])]


def our_state(layer: Stack, begin: list[Tensor], batch: int) -> tuple[Any, ...]:
    """Return torch's state as one of ``layer``."""
    rows = zip(*begin, strict=True)

    def fill(part: Any) -> Any:
        if isinstance(part, Bidirectional):
            return fill(part.forward_layer), fill(part.backward_layer)
        return (
            part.initial_state(batch) if isinstance(part, Dropout) else part.state_type(*next(rows))
        )

    return tuple(fill(part) for part in layer)


def their_state(layer: Stack, state: tuple[Any, ...]) -> list[Tensor]:
    """Return a state of ``layer`` in torch's form."""
    cells: list[Any] = []
    for part, part_state in zip(layer, state, strict=True):
        if isinstance(part, Bidirectional):
            cells.extend(part_state)
        elif not isinstance(part, Dropout):
            cells.append(part_state)
    return [torch.stack(leaves) for leaves in zip(*cells, strict=True)]


def error_between(found: list[Tensor], expected: list[Tensor], dtype: torch.dtype) -> float:
    """Return the greatest error of any tensor; of one with numbers above 1, relative to the greatest of them."""
    errors = [0.0]
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype == dtype
        one, other = one.detach(), other.detach()
        errors.append(float((one - other).abs().max() / other.abs().max().clamp(min=1)))
    return max(errors)


WAYS: dict[str, Callable[[Configuration], tuple[nn.RNNBase, Stack]]] = {
    "from_torch": lambda c: (module := c.theirs(batch_first=c.seed % 2 == 0), from_torch(module)),
    "to_torch": lambda c: (to_torch(layer := c.ours()), layer),
}


@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "plain loop"])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_9_torchs_numbers_over_random_configurations(
    way: str, dtype: torch.dtype, kernels: bool
) -> None:
    worst, seen = 0.0, set()
    for c in configurations(dtype):
        torch.default_generator.manual_seed(c.seed)
        module, layer = WAYS[way](c)
        with contextlib.nullcontext() if kernels else no_kernels():
            error = error_between(run_ours(c, layer), run_theirs(c, module), dtype)
        assert error < TOLERANCE[dtype], c
        worst = max(worst, error)
        seen.add((c.kind, c.depth > 1, c.both_directions, c.form))
    assert len(seen) == len(KINDS) * 2 * 2 * len(FORMS), "not every combination was drawn"
    path = "kernels" if kernels else "plain loop"
    print(f"{way}, {path}, {dtype}: max error {worst:.1e} of {CONFIGURATIONS} configurations")
