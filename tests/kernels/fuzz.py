"""Random calls of the compiled kernels: sizes, lengths, where tensors lie, what is wanted and what padding holds."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tests.kernels.compiled import MAKERS, Problem, available_sets, instruction_set, shared_by
from tests.laws.harness import drawer, no_kernels
from unrolled import Seq
from unrolled.core.registry import find_kernel

SIZES = (1, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40, 48, 63, 64, 65, 100, 129)


def shifted(x: Tensor, by: int) -> Tensor:
    """Return the same numbers, ``by`` floats behind an aligned address."""
    return torch.cat((x.new_full((by,), torch.nan), x.flatten()))[by:].view(x.shape)


def permuted(x: Tensor, order: list[int]) -> Tensor:
    """Return the same numbers with their dimensions in another order in memory."""
    back = sorted(range(x.dim()), key=order.__getitem__)
    return x.permute(order).contiguous().permute(back)


def within(x: Tensor, dim: int, step: int) -> Tensor:
    """Return the same numbers as every ``step``-th of a larger tensor that is NaN elsewhere."""
    if step == 1:
        return torch.cat((x, torch.full_like(x, torch.nan)), dim).narrow(dim, 0, x.shape[dim])
    places = [slice(None)] * x.dim()
    places[dim] = slice(0, None, step)
    sizes = list(x.shape)
    sizes[dim] *= step
    larger = x.new_full(sizes, torch.nan)
    larger[tuple(places)] = x
    return larger[tuple(places)]


def laid_out(x: Tensor, draw: random.Random) -> Tensor:
    """Return the same numbers somewhere else in memory, with any strides."""
    way = draw.choice(["dense", "dense", "shifted", "permuted", "part", "sparse"])
    if way == "shifted":
        return shifted(x, draw.randint(1, 15))
    if way == "permuted":
        return permuted(x, draw.sample(range(x.dim()), x.dim()))
    if way in ("part", "sparse"):
        return within(x, draw.randrange(x.dim()), 1 if way == "part" else draw.randint(2, 3))
    return x.clone()


@dataclass
class Call:
    """A call of one cell, drawn from a seed; `check` runs it."""

    seed: int
    given: Problem = field(init=False, repr=False)
    said: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        kind = draw.choice(list(MAKERS))
        features, hidden = draw.choice(SIZES), draw.choice(SIZES)
        batch = draw.choice([0, 1, 1, 2, 3, draw.randint(4, 12), draw.randint(13, 40)])
        steps = draw.choice([0, 1, 1, 2, 3, draw.randint(4, 12), draw.randint(13, 40)])
        bias = draw.random() < 0.8
        cell = MAKERS[kind](features, hidden, bias)
        numbers = drawer(self.seed, torch.float32)
        for parameter in cell.parameters():
            bound = 1 + parameter.shape[-1] ** 0.5
            parameter.data = laid_out(numbers(*parameter.shape) / bound, draw)
            parameter.requires_grad_(draw.random() < 0.8)
        lengths = self._lengths(draw, batch, steps)
        data, grad_y = numbers(batch, steps, features), numbers(batch, steps, hidden)
        if draw.random() < 0.1:
            data, grad_y = data[:1].expand_as(data), grad_y[..., :1].expand_as(grad_y)
        elif draw.random() < 0.1:
            data, grad_y = data[:, :1].expand_as(data), grad_y[:1].expand_as(grad_y)
        else:
            data, grad_y = laid_out(data, draw), laid_out(grad_y, draw)
        states = [0.5 * numbers(batch, hidden) for _ in cell.state_type._fields]
        if draw.random() < 0.2:
            states = [leaf[:1].expand_as(leaf) for leaf in states]
        state = cell.state_type(*(laid_out(leaf, draw) for leaf in states))
        grad_state = [laid_out(numbers(batch, hidden), draw) for _ in state]
        self.given = Problem(cell, data, lengths, state, grad_y, grad_state)
        self.padding = draw.choice([0.0, torch.nan, torch.inf, -1e30])
        self.as_it_lies = draw.random() < 0.5
        self.begun = draw.random() < 0.8
        self.wanted = [draw.random() < 0.8 for _ in range(1 + len(state))]
        self.used = [draw.random() < 0.7 for _ in range(1 + len(state))]
        self.training = draw.random() < 0.8
        self.set, self.threads = draw.choice(available_sets()), draw.choice([1, 1, 2, 3])
        self.said = {
            "kind": kind, "features": features, "hidden": hidden, "batch": batch, "steps": steps, "bias": bias,
            "lengths": None if lengths is None else lengths.tolist(), "strides": data.stride(), "set": self.set,
            "threads": self.threads, "padding": self.padding, "as_it_lies": self.as_it_lies, "begun": self.begun, "wanted": self.wanted,
            "used": self.used, "training": self.training,
        }  # fmt: skip

    @staticmethod
    def _lengths(draw: random.Random, batch: int, steps: int) -> Tensor | None:
        way = draw.choice(["none", "any", "any", "full", "zero", "short"])
        if way == "none":
            return None
        most = {"any": steps, "full": steps, "zero": 0, "short": steps // 2}[way]
        least = most if way in ("full", "zero") else 0
        return torch.tensor([draw.randint(least, most) for _ in range(batch)], dtype=torch.int64)

    def seq(self, data: Tensor) -> Seq:
        """Return the sequence: as it lies, or with its padding spoiled and made anew."""
        seq = Seq.padded(data, self.given.lengths)
        if self.given.lengths is None or self.as_it_lies:
            return seq
        return Seq(torch.where(seq.mask()[..., None], data, self.padding), self.given.lengths)

    def run(self, given: Problem, spoil: bool) -> tuple[list[Tensor], list[Tensor]]:
        """Return the outputs and the gradients that are wanted."""
        cell = given.cell
        leaves = [leaf.detach() for leaf in (given.data, *given.state)]
        for leaf, want in zip(leaves, self.wanted, strict=True):
            leaf.requires_grad_(want and self.training)
        data, state = leaves[0], type(given.state)(*leaves[1:])
        with torch.set_grad_enabled(self.training):
            xs = self.seq(data)
            ys, final = cell(xs, state if self.begun else None)
        outputs, gradients = [ys.data, *final], [given.grad_y, *given.grad_state]
        if spoil and given.lengths is not None:
            live = xs.mask()[..., None]
            gradients[0] = torch.where(live, gradients[0], self.padding)
        asked = [leaf for leaf in (*leaves, *cell.parameters()) if leaf.requires_grad]
        pairs = [
            (output, gradient)
            for output, gradient, use in zip(outputs, gradients, self.used, strict=True)
            if use and output.requires_grad
        ]
        found = [torch.zeros_like(leaf) for leaf in asked]
        if pairs and asked:
            through, along = zip(*pairs, strict=True)
            gradients = torch.autograd.grad(
                through, asked, along, allow_unused=True, materialize_grads=True
            )
            found = list(gradients)
        return [output.detach() for output in outputs], found

    def check(self) -> bool:
        """Compare with the plain loop in float64; return whether gradients could be compared."""
        given = self.given
        before = [leaf.clone() for leaf in (given.data, *given.state, *given.cell.parameters())]
        with instruction_set(self.set), shared_by(self.threads):
            xs = self.seq(given.data)
            kernel = find_kernel(given.cell, xs, given.state)
            assert kernel is not None and kernel.name == "compiled", self
            outputs, gradients = self.run(given, spoil=True)
        for leaf, kept in zip(
            (given.data, *given.state, *given.cell.parameters()), before, strict=True
        ):
            assert torch.equal(leaf, kept), f"an input was written to: {self}"
        exact = self.given.double()
        with no_kernels():
            exact_outputs, exact_gradients = self.run(exact, spoil=False)
        self._assert_near(outputs, exact_outputs, 1e-5)
        assert len(gradients) == len(exact_gradients), self
        if self.said["kind"] == "RNN relu" and not torch.equal(
            outputs[0] > 0, exact_outputs[0] > 0
        ):
            return False  # the last bit of a relu's argument decides on its gradient
        self._assert_near(gradients, exact_gradients, 1e-4)
        return True

    def _assert_near(self, found: list[Tensor], exact: list[Tensor], bound: float) -> None:
        # What cancels was added up at the scale of the others, and all numbers drawn are about 1.
        floor = 0.1 * max([1.0, *(float(b.abs().max()) for b in exact if b.numel())])
        for place, (a, b) in enumerate(zip(found, exact, strict=True)):
            assert a.shape == b.shape and a.dtype is torch.float32, f"tensor {place}: {self}"
            if b.numel():
                off, largest = float((a.double() - b).abs().max()), float(b.abs().max())
                assert off <= bound * max(largest, floor), f"tensor {place} is off by {off}: {self}"
