"""What traces of all tasks are made with: the runs of a side, and questions about what its tokens were read as."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unrolled.core.tree import leaves
from unrolled.core.watch import Record, Seen
from unrolled.errors import InputError
from unrolled.tasks.trace import Array, Attended, Expected, Inputs, Question, Side

Reach: TypeAlias = Mapping[str, Array]


def as_arrays(found: Mapping[str, Tensor]) -> dict[str, Array]:
    """Return what `gradient_reach` found as arrays; without cells of which nothing is known at any distance."""
    return {
        path: norms.double().numpy()
        for path, norms in found.items()
        if bool(norms.isfinite().any())
    }


def side_of(
    name: str, steps: Iterable[Sequence[str]], seen: Seen, names: Mapping[str, str]
) -> Side:
    """Return a side with the runs of those cells that took its steps, and no others.

    Args:
        name: of the side.
        steps: by row what each step is called.
        seen: what was watched of the network.
        names: of the cells that may belong to it, by path.
    """
    rows = tuple(tuple(row) for row in steps)
    longest = max(map(len, rows))
    runs = {
        path: run
        for path in names
        if (run := next((one for one in seen.runs[path] if _took(one, len(rows), longest)), None))
    }
    called = {path: names[path] for path in runs}
    for path, run in runs.items():
        if next(leaves(run.step_states[0]), None) is None:
            called[path] = path.rpartition(".")[2]  # it remembers nothing, and is no layer
    return Side(name, rows, runs, called)


def _took(run: Record, rows: int, steps: int) -> bool:
    """Tell whether a run was one of so many rows over so many steps."""
    if run.steps != steps or len(run.step_states) != steps:
        return False
    return all(len(leaf) == rows for leaf in leaves(run.step_outputs[0]))


MEMORY_WEIGHTS = ("memory_weights", "weights")
"""What gates call where a step looks: (B, S) in a memory of S steps, or (B, heads, context) back over its own ones."""
MOST_ATTENDED = 2_000
"""Steps up to which it is told where each of them looked at the others."""


def memory_looks(run: Record, steps: int) -> Tensor | None:
    """Return the weights (B, T, S) with which a cell looked at a memory of so many steps; None where it did not."""
    for name in MEMORY_WEIGHTS:
        found = run.gate(name)
        if isinstance(found, Tensor) and found.dim() == 3 and found.shape[-1] == steps:
            return found
    return None


def own_looks(run: Record) -> Tensor | None:
    """Return the weights (B, T, T) with which a cell looked back at its own steps, the mean of its heads."""
    for name in MEMORY_WEIGHTS:
        found = run.gate(name)
        if isinstance(found, Tensor) and found.dim() == 4:
            weights = found.mean(2)
            steps, context = weights.shape[1:]
            # The last is the step itself, the one left of it the step before.
            looked_at = torch.arange(steps)[:, None] - torch.arange(context - 1, -1, -1)
            rows = torch.arange(steps)[:, None].expand_as(looked_at)
            there = looked_at >= 0
            whole = weights.new_zeros(len(weights), steps, steps)
            whole[:, rows[there], looked_at[there]] = weights[:, there]
            return whole
    return None


def attended(sides: Sequence[Side], rows: int, memory: int | None = None) -> tuple[Attended, ...]:
    """Return where each cell of one side looked: in the memory that another side left, and back over its own steps."""
    side, found = sides[rows], list[Attended]()
    for path, run in side.runs.items():
        looks = [(rows, own_looks(run) if len(side.steps[0]) <= MOST_ATTENDED else None)]
        if memory is not None:
            looks.insert(0, (memory, memory_looks(run, len(sides[memory].steps[0]))))
        found += [
            Attended(rows, columns, weights[0].double().numpy(), side.names[path])
            for columns, weights in looks
            if weights is not None
        ]
    return tuple(found)


def tables_in(module: nn.Module) -> list[nn.Embedding]:
    """Return the tables of vectors that a module looks its tokens up in."""
    return [part for part in module.modules() if isinstance(part, nn.Embedding)]


@contextmanager
def reading_as(modules: Sequence[nn.Module], vectors: Sequence[Tensor]) -> Iterator[None]:
    """Give these vectors, while the block runs, in place of what each module makes of its input."""
    with ExitStack() as hooks:
        for module, given in zip(modules, vectors, strict=True):
            hook = module.register_forward_hook(lambda *_, given=given: given)
            hooks.callback(hook.remove)
        yield


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Let no gradient flow to the parameters while the block runs: those of the inputs are found sooner."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def vectors_of(modules: Sequence[nn.Module], run: Callable[[], Any]) -> Inputs:
    """Return what each module makes of its input while ``run`` runs."""
    found: dict[int, Tensor] = {}
    with ExitStack() as hooks, torch.no_grad():
        for number, module in enumerate(modules):

            def keep(_: nn.Module, __: Any, made: Tensor, number: int = number) -> None:
                found[number] = made.detach()

            hooks.callback(module.register_forward_hook(keep).remove)
        run()
    return tuple(found[number] for number in range(len(modules)))


@dataclass(frozen=True)
class Vectors:
    """What T tokens were read as: vectors that each belong to one token, or to several that end where it stands.

    Attributes:
        inputs: each (1, T, ...).
        blanks: the same shapes: vectors that say nothing.
        spans: for each of them how many tokens a vector is of; several numbers for inputs (1, T, N, ...) of N vectors
            at each step.
    """

    inputs: Inputs
    blanks: Inputs
    spans: tuple[tuple[int, ...], ...]

    @classmethod
    def read(cls, ways: Sequence[tuple[nn.Module, int]], run: Callable[[], Any]) -> Self:
        """Return what modules make of tokens while ``run`` runs, each with how many tokens a vector of it is of.

        Of a table the blank is the mean of its vectors, a token of no kind: 0 would be no token at all, at which a
        LayerNorm above it turns over. What else is read of a token may be left out, and its blank is 0.
        """
        inputs = vectors_of([module for module, _ in ways], run)
        blanks = tuple(
            module.weight.detach().mean(0).expand_as(vectors).contiguous()
            if isinstance(module, nn.Embedding)
            else torch.zeros_like(vectors)
            for (module, _), vectors in zip(ways, inputs, strict=True)
        )
        return cls(inputs, blanks, tuple((span,) for _, span in ways))

    def beside(self, vectors: Tensor, spans: tuple[int, ...]) -> Self:
        """Return these with others, whose blank is 0."""
        blanks = (*self.blanks, torch.zeros_like(vectors))
        return replace(
            self, inputs=(*self.inputs, vectors), blanks=blanks, spans=(*self.spans, spans)
        )

    def by_token(self, found: Inputs) -> Tensor:
        """Return (T,) numbers shaped like the inputs summed for each token; those of several are shared evenly.

        >>> pairs = Vectors((torch.ones(1, 3, 2),), (torch.zeros(1, 3, 2),), ((2,),))
        >>> pairs.by_token(pairs.inputs).tolist()
        [3.0, 2.0, 1.0]
        """
        total = found[0].new_zeros(found[0].shape[1])
        places = torch.arange(len(total))
        for numbers, spans in zip(found, self.spans, strict=True):
            each = numbers[0].reshape(len(total), len(spans), -1).sum(-1)
            for column, span in enumerate(spans):
                # Before the first token there is none to share with.
                share = each[:, column] / (places + 1).clamp(max=span)
                for back in range(min(span, len(total))):
                    total[: len(total) - back] += share[back:]
        return total

    def without(self, place: int) -> Inputs:
        """Return the inputs with all that holds the token at ``place`` blanked."""
        made = []
        for vectors, blank, spans in zip(self.inputs, self.blanks, self.spans, strict=True):
            blanked = vectors.clone()
            by_column = (blanked.shape[1], len(spans), -1)
            for column, span in enumerate(spans):
                some = slice(place, place + span), column
                blanked.view(by_column)[some] = blank.view(by_column)[some]
            made.append(blanked)
        return tuple(made)

    def question(
        self, of: str, unit: str, side: int, labels: Sequence[str], score: Callable[..., Tensor]
    ) -> Question:
        """Return the question that ``score`` answers to other vectors."""
        return Question(
            of,
            unit,
            side,
            tuple(labels),
            self.inputs,
            self.blanks,
            score,
            self.by_token,
            self.without,
        )


def log_odds(scores: Tensor, one: int | Sequence[int]) -> Tensor:
    """Return (R,) log P - log(1 - P) of one class, or of any of several, by the scores (R, C) of all.

    >>> round(float(log_odds(torch.tensor([[0.2, 0.7, 0.1]]).log(), 1).exp()), 4)
    2.3333
    """
    chosen = torch.zeros(scores.shape[1], dtype=torch.bool)
    chosen[torch.as_tensor(one)] = True
    return scores[:, chosen].logsumexp(1) - scores[:, ~chosen].logsumexp(1)


def expected(
    side: int,
    targets: Tensor,
    log_p: Callable[[slice], Tensor],
    names: Callable[[NDArray[np.int32]], Sequence[str]],
    vocabulary: int,
) -> Expected:
    """Return what was expected of tokens (T,), the log P (some, V) of some of whose places ``log_p`` gives."""
    at_once = max(1, SCORES // vocabulary)
    bits, likely = list[Tensor](), list[tuple[tuple[str, float], ...]]()
    for start in range(0, len(targets), at_once):
        some = slice(start, start + at_once)
        each = log_p(some)
        bits.append(-each.gather(1, targets[some, None]).squeeze(1).double() / math.log(2))
        likely += likeliest(each, names)
    return Expected(side, torch.cat(bits).numpy(), tuple(likely))


SCORES = 2**22
"""Scores of the vocabulary in memory at a time."""


def likeliest(
    log_p: Tensor, names: Callable[[NDArray[np.int32]], Sequence[str]], count: int = 8
) -> tuple[tuple[tuple[str, float], ...], ...]:
    """Return at each step the most likely tokens, by log P (T, V), and their probabilities."""
    best, ids = log_p.topk(min(count, log_p.shape[1]), dim=1)
    called = names(ids.flatten().numpy().astype(np.int32))
    probabilities = best.double().exp().tolist()
    width = ids.shape[1]
    return tuple(
        tuple(zip(called[width * step : width * (step + 1)], row, strict=True))
        for step, row in enumerate(probabilities)
    )


def cut_note(length: int, most: int) -> tuple[str, ...]:
    """Return a line where a row is longer than what is read of it: its head and its tail."""
    if length <= most:
        return ()
    tail = most // 2
    return (f"of {length:,} steps the first {most - tail:,} and the last {tail:,} are read",)


def one_of(**given: Any) -> Any:
    """Return the one of several arguments that is given.

    Raises:
        InputError: none is, or several are.
    """
    found = [value for value in given.values() if value is not None]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} of {', '.join(given)} are given" if found else "nothing is given",
            expected=f"one of {', '.join(given)}",
        )
    return found[0]


def unknown_note(unknown: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a line where some of the tokens (T,) were not in the training part."""
    count = int(unknown.sum())
    said = f"{count:,} of {len(unknown):,} tokens are not known from training"
    return (said,) if count else ()
