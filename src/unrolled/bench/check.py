"""A contestant is held to torch before a figure of it is reported."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from unrolled.bench.contestants import GRADIENTS, Contestant, Outcome
from unrolled.errors import UnrolledError

OUTPUT_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4
"""Largest difference as a share of the largest value: both sides sum the same float32 numbers in another order."""


def check(where: str, contestant: Contestant, expected: Outcome, live: Tensor) -> float:
    """Compare what a contestant computes with torch's outcome, and return the largest difference.

    Args:
        where: the case, for the error.
        contestant: is run once.
        expected: of torch on the padded batch.
        live: (B, T) bool: only the outputs of these steps count.

    Returns:
        the largest difference of a value, as a share of the largest value in its tensor.

    Raises:
        UnrolledError: a value differs by more than rounding, or is missing; it names case, contestant and tensor.
    """
    given = contestant.outcome(contestant.compute())
    if len(given) != len(expected):
        raise _mismatch(where, contestant, f"it gave {len(given)} tensors of {len(expected)}")
    largest = 0.0
    for name, value, wanted in zip(
        ("outputs", *_gradients(expected)), given, expected, strict=True
    ):
        if value.shape != wanted.shape:
            raise _mismatch(
                where, contestant, f"{name} {tuple(value.shape)}, not {tuple(wanted.shape)}"
            )
        if name == "outputs":
            value, wanted = value[live], wanted[live]
        tolerance = OUTPUT_TOLERANCE if name == "outputs" else GRADIENT_TOLERANCE
        difference = _difference(value, wanted)
        if not difference <= tolerance:  # NaN is no match either
            raise _mismatch(where, contestant, f"{name} off by {difference:.2g} of the largest")
        largest = max(largest, difference)
    return largest


def _gradients(outcome: Sequence[Tensor]) -> list[str]:
    return [f"gradient of {name}" for name in GRADIENTS[: len(outcome) - 1]]


def _difference(value: Tensor, wanted: Tensor) -> float:
    largest = float(wanted.abs().max())
    return float((value - wanted).abs().max()) / (largest or 1.0)


def _mismatch(where: str, contestant: Contestant, what: str) -> UnrolledError:
    kernel = f" ({contestant.runs})" if contestant.runs else ""
    return UnrolledError(
        f"{where}: {contestant.name}{kernel} does not compute what torch does: {what}"
    )
