"""What a token was read as, and how much a number of the output owes to it: vectors in place of those of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from unrolled.tasks.trace import Inputs, Question


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
