"""Second moments of a direct linear forecast, and the ridge solutions that follow from them.

Every step of the horizon has its own linear model over [shared inputs z, inputs x_h of the step].
The moments of z are the same for all steps, so they are summed and factored once:

    [ A    B_h ] [ u_h ]   [ r_h ]    A = sum w z z'        B_h = sum w z x_h'    r_h = sum w z y_h
    [ B_h' C_h ] [ v_h ] = [ s_h ]    C_h = sum w x_h x_h'                        s_h = sum w x_h y_h

With H = 96 steps and 100 shared inputs this is 96 times less work than H separate regressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.float64]

TINY = 1e-12
"""Below this a variance or a sum of weights is a rounding error."""


class Penalty(NamedTuple):
    """What is added to the variance of every shared input (D,) and of every step's own input (d,).

    Inputs are standardised first: 1 means that an input counts as if it had twice its variance and
    none of the added half said anything about the target.
    """

    shared: Array
    own: Array


@dataclass(frozen=True)
class Coefficients:
    """y_h = intercept_h + z @ shared[:, h] + x_h @ own[h]: (D, H), (H, d) and (H,)."""

    shared: Array
    own: Array
    intercept: Array

    def __call__(self, shared: Array, own: Array) -> Array:
        """Return (B, H) from the shared inputs (B, D) and those of every step (B, H, d)."""
        of_steps = np.matmul(own.transpose(1, 0, 2), self.own[:, :, None])[:, :, 0].T
        return np.asarray(shared @ self.shared + of_steps + self.intercept)


class Moments:
    """Weighted second moments about a fixed point, summed a block of windows at a time.

    Where a target is missing its window is left out of that step alone: the step then has a matrix
    A of its own, the common one less what the missing windows put into it.

    Args:
        shared: (B, D) some shared inputs; their mean is the fixed point.
        own: (B, H, d) the same windows' inputs of every step.
    """

    def __init__(self, shared: Array, own: Array) -> None:
        # Sums about a point inside the data keep the digits that E[x^2] - E[x]^2 would lose.
        self.center, self.own_center = shared.mean(axis=0), own.mean(axis=0)
        size, (steps, width) = shared.shape[1] + 1, own.shape[1:]
        self.zz = np.zeros((size, size))
        self.missing: dict[int, Array] = {}
        self.zx = np.zeros((steps, size, width))
        self.xx = np.zeros((steps, width, width))
        self.zy, self.xy = np.zeros((steps, size)), np.zeros((steps, width))
        self.total = np.zeros(steps)

    def add(self, shared: Array, own: Array, target: Array, seen: Array, weight: Array) -> None:
        """Add B windows: z (B, D), x (B, H, d), y (B, H), its mask (B, H), weights (B,)."""
        z = np.concatenate([np.ones((len(shared), 1)), shared - self.center], axis=1)
        x = ((own - self.own_center) * seen[:, :, None]).transpose(1, 0, 2)
        y = target * seen
        zw = z * weight[:, None]
        self.zz += zw.T @ z
        for step in np.flatnonzero((seen == 0).any(axis=0)):
            gone = seen[:, step] == 0
            before = self.missing.get(int(step), 0.0)
            self.missing[int(step)] = before + zw[gone].T @ z[gone]
        self.total += weight @ seen
        self.zx += np.matmul(zw.T, x)
        xw = (x * weight[:, None]).transpose(0, 2, 1)
        self.xx += np.matmul(xw, x)
        self.zy += y.T @ zw
        self.xy += np.matmul(xw, y.T[:, :, None])[:, :, 0]

    def variances(self) -> tuple[Array, Array]:
        """Return those of the shared inputs (D,), and of the steps' own (d,) over all steps."""
        total, totals = max(self.zz[0, 0], TINY), np.maximum(self.total, TINY)[:, None]
        of_shared = np.diagonal(self.zz)[1:] / total - np.square(self.zz[0, 1:] / total)
        squares = np.diagonal(self.xx, axis1=1, axis2=2) / totals
        of_own = (squares - np.square(self.zx[:, 0] / totals)).mean(axis=0)
        return np.maximum(of_shared, TINY), np.maximum(of_own, TINY)

    def solve(self, penalties: Sequence[Penalty]) -> list[Coefficients]:
        """Return the coefficients for every penalty; the intercept is free."""
        steps, size, width = self.zx.shape
        found = [
            Coefficients(np.zeros((size - 1, steps)), np.zeros((steps, width)), np.zeros(steps))
            for _ in penalties
        ]
        for group, common in self._groups():
            # A step whose target was never seen has only zeros, and so forecasts the center.
            total = float(self.total[group[0]]) or np.inf
            parts = (self.zx[group], self.xx[group], self.zy[group], self.xy[group])
            system = _System.of(common / total, *(part / total for part in parts))
            for coefficients, penalty in zip(found, penalties, strict=True):
                shared, own, intercept = system.solve(penalty)
                coefficients.shared[:, group] = shared
                coefficients.own[group] = own
                at_center = (self.own_center[group] * own).sum(axis=1) + self.center @ shared
                coefficients.intercept[group] = intercept - at_center
        return found

    def _groups(self) -> Iterator[tuple[list[int], Array]]:
        """Yield the steps that share one matrix A, with that matrix."""
        steps = range(len(self.zx))
        if len(self.missing) < len(steps):
            yield [step for step in steps if step not in self.missing], self.zz
        for step, gone in self.missing.items():
            yield [step], self.zz - gone


class _System(NamedTuple):
    """The normal equations of G steps, centred and in units of the inputs' spread."""

    zz: Array
    zx: Array
    xx: Array
    zy: Array
    xy: Array
    spread: tuple[Array, Array]
    means: tuple[Array, Array, Array]

    @classmethod
    def of(cls, zz: Array, zx: Array, xx: Array, zy: Array, xy: Array) -> _System:
        """Center and standardise weighted means of products, a constant 1 first among z."""
        z, x, y = zz[0, 1:], zx[:, 0], zy[:, 0]
        zz = zz[1:, 1:] - np.outer(z, z)
        zx = zx[:, 1:] - z[:, None] * x[:, None, :]
        xx = xx - x[:, :, None] * x[:, None, :]
        zy = zy[:, 1:] - z * y[:, None]
        xy = xy - x * y[:, None]
        of_z, of_x = _spread(np.diagonal(zz), z), _spread(np.diagonal(xx, axis1=1, axis2=2), x)
        return cls(
            zz / np.outer(of_z, of_z),
            zx / of_z[:, None] / of_x[:, None, :],
            xx / of_x[:, :, None] / of_x[:, None, :],
            zy / of_z,
            xy / of_x,
            (of_z, of_x),
            (z, x, y),
        )

    def solve(self, penalty: Penalty) -> tuple[Array, Array, Array]:
        """Return u (D, G), v (G, d) and the intercepts (G,), by eliminating the shared inputs."""
        steps, size, width = self.zx.shape
        factor = scipy.linalg.cho_factor(self.zz + np.diag(penalty.shared), check_finite=False)
        right = np.concatenate([self.zx, self.zy[:, :, None]], axis=2)
        flat = right.transpose(1, 0, 2).reshape(size, -1)
        reduced = scipy.linalg.cho_solve(factor, flat, check_finite=False)
        reduced = reduced.reshape(size, steps, width + 1).transpose(1, 0, 2)
        by_x, by_y = reduced[:, :, :width], reduced[:, :, width]
        across = self.zx.transpose(0, 2, 1)
        left = self.xx + np.diag(penalty.own) - np.matmul(across, by_x)
        rest = self.xy[:, :, None] - np.matmul(across, by_y[:, :, None])
        own = np.linalg.solve(left, rest)[:, :, 0]
        shared = by_y - np.matmul(by_x, own[:, :, None])[:, :, 0]
        of_z, of_x = self.spread
        own, shared = own / of_x, shared / of_z
        z, x, y = self.means
        return shared.T, own, y - shared @ z - (x * own).sum(axis=1)


def _spread(variance: Array, mean: Array) -> Array:
    """Return standard deviations; infinite where an input is constant, which then counts as 0."""
    constant = variance <= TINY * (1.0 + np.square(mean))
    return np.where(constant, np.inf, np.sqrt(np.where(constant, 1.0, variance)))
