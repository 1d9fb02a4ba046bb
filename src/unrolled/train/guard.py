"""When a loss or a gradient is not finite: find out what went wrong, and give the last good weights back."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.errors import TrainingError
from unrolled.train.objective import Objective
from unrolled.train.run import Run
from unrolled.train.settings import TrainSettings


class Guard:
    """Holds the weights of the last step whose loss and gradient were finite (0.1 percent of a step's time).

    Args:
        model: what is trained.
        objective: what is minimised.
        settings: for the advice.
    """

    def __init__(self, model: nn.Module, objective: Objective, settings: TrainSettings) -> None:
        self.model, self.objective, self.settings = model, objective, settings
        self.parameters = [p.detach() for p in model.parameters()]
        self.buffers = list(model.buffers())
        self.kept_parameters = [p.clone() for p in self.parameters]
        self.kept_buffers = [b.clone() for b in self.buffers]
        self.batch: Any = None

    def keep(self, batch: Any) -> None:
        """Remember the weights that gave a finite loss and gradient on ``batch``, before they are changed."""
        self.batch = batch
        torch._foreach_copy_(self.kept_parameters, self.parameters)
        for kept, buffer in zip(self.kept_buffers, self.buffers, strict=True):
            kept.copy_(buffer)

    def bad_loss(self, value: float, run: Run) -> TrainingError:
        """Return the error for a loss that is not finite, after giving the last good weights back.

        The loss of the batch before, which was finite, tells what is at fault: if the weights of today make it
        infinite too, the last update has led nowhere and is taken back; if not, it is this batch.
        """
        self._restore(self.buffers, self.kept_buffers)
        diverged = self.batch is not None and not math.isfinite(
            self.objective.value(self.model, self.batch)
        )
        self._restore(self.buffers, self.kept_buffers)
        if diverged:
            self._restore(self.parameters, self.kept_parameters)
            what = f"the update of step {run.step} led to weights that give no finite loss on the batch before either"
            advice = f"training diverged: {self._advice()}{self._largest_gradient()}"
        elif run.step == 0:
            what = "this was the first step"
            advice = "look for values in the batch that are not finite or very large, and at the initial weights"
        else:
            what = "the same weights give a finite loss on the batch before"
            advice = f"look for values in this batch that are not finite or very large; if there are none: {self._advice()}"
        return self._error(f"the loss is {value}; {what}", advice, run)

    def bad_gradient(self, loss: float, run: Run) -> TrainingError:
        """Return the error for a gradient that is not finite; the step is not taken, so the weights are good."""
        self._restore(self.buffers, self.kept_buffers)
        advice = self._advice() + self._largest_gradient()
        return self._error(
            f"the loss is {loss:.6g} and its gradient, or the square of it, is not finite",
            advice,
            run,
        )

    def _error(self, what: str, advice: str, run: Run) -> TrainingError:
        for parameter in self.model.parameters():
            parameter.grad = None
        where = f"step {run.step + 1} (epoch {run.epoch + 1}, batch {run.batch + 1})"
        return TrainingError(f"{where}: {what}; {advice}. The model has its last good weights")

    def _advice(self) -> str:
        advice = [f"lower learning_rate (now {self.settings.learning_rate:g})"]
        if self.settings.clip_norm is None:
            advice.append("set clip_norm, for instance to 1.0")
        else:
            advice.append(f"lower clip_norm (now {self.settings.clip_norm:g})")
        return " or ".join(advice)

    def _largest_gradient(self) -> str:
        gradients = {n: p.grad for n, p in self.model.named_parameters() if p.grad is not None}
        if not gradients:
            return ""
        name = max(gradients, key=lambda name: _size(gradients[name]))
        not_finite = int((~gradients[name].isfinite()).sum())
        size = (
            f"{not_finite} of its {gradients[name].numel()} values are not finite"
            if not_finite
            else f"norm {gradients[name].double().norm():.3g}"
        )
        return f"; the largest gradient is that of {name} ({size})"

    def _restore(self, live: list[Tensor], kept: list[Tensor]) -> None:
        with torch.no_grad():
            for now, good in zip(live, kept, strict=True):
                now.copy_(good)


def _size(gradient: Tensor) -> float:
    norm = float(gradient.double().norm())
    return norm if norm == norm else float("inf")
