"""What traces of all tasks are made with: the runs of a side, where cells looked, what was expected, and notes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.core.tree import leaves
from unrolled.core.watch import Record, Seen
from unrolled.errors import InputError
from unrolled.tasks.trace import Array, Attended, Expected, Note, Side

Reach: TypeAlias = Mapping[str, Array]


def as_arrays(found: Mapping[str, Tensor]) -> dict[str, Array]:
    """Return what `gradient_reach` found as arrays; without cells of which nothing is known at any distance."""
    return {
        path: norms.double().numpy()
        for path, norms in found.items()
        if bool(norms.isfinite().any())
    }


def reach_within(sides: Sequence[Side], find: Callable[[], Reach]) -> Callable[[], Reach]:
    """Return what gives the part of a reach that belongs to the cells of these sides."""

    def found() -> Reach:
        return {
            path: norms
            for path, norms in find().items()
            if any(path in side.runs for side in sides)
        }

    return found


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
    count, first, last = f"{length:,}", f"{most - tail:,}", f"{tail:,}"
    said = f"of {count} steps the first {first} and the last {last} are read"
    return (Note(said, "cut", count=count, first=first, last=last),)


def first_note(length: int, most: int, of: str) -> tuple[str, ...]:
    """Return a line where only the first of some tokens are read; ``of`` says of what: "tokens"."""
    if length <= most:
        return ()
    count, first = f"{length:,}", f"{most:,}"
    return (Note(f"of {count} {of} the first {first} are read", "first", count=count, first=first),)


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
    gaps = {"count": f"{count:,}", "all": f"{len(unknown):,}"}
    said = "{count} of {all} tokens are not known from training".format(**gaps)
    return (Note(said, "unknown", **gaps),) if count else ()
