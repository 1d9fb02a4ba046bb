"""A linear classifier after its fit: coefficients, intercepts, and how scores become probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from unrolled.tasks.baselines.kept import array_of, entry
from unrolled.tasks.baselines.majority import Array, shares_of

LinearForm = Literal["shares", "binary", "softmax", "one_vs_rest"]


@dataclass(frozen=True)
class LinearModel:
    """A linear classifier of rows x (D,) that knows of classes that it has not seen.

    With the scores s = x W + b and σ the logistic function, the P classes of the training part have

    - "binary": p = (σ(-s), σ(s)), one score for two classes;
    - "softmax": p_k = exp(s_k) / sum_j exp(s_j);
    - "one_vs_rest": p_k = σ(s_k) / sum_j σ(s_j), every class fitted against the rest;
    - "shares": their shares in the training part whatever x is, where there is one class or no column.

    Attributes:
        form: one of these.
        coefficients: W (D, K), K = 0, 1 or P.
        intercepts: b (K,).
        shares: (C,) of all classes in the training part; those with 0 have probability 0.
        C: the inverse penalty that was chosen.

    >>> model = LinearModel("binary", np.float32([[2.0]]), np.zeros(1), np.array([0.5, 0.0, 0.5]), 1.0)
    >>> model.predict(np.array([[0.0], [1.0]])).round(2).tolist()
    [[0.5, 0.0, 0.5], [0.12, 0.0, 0.88]]
    """

    form: LinearForm
    coefficients: NDArray[np.float32]
    intercepts: Array
    shares: Array
    C: float

    @classmethod
    def without_columns(cls, shares: Array, C: float, columns: int = 0) -> Self:
        """Return the model that answers with the shares."""
        return cls("shares", np.zeros((columns, 0), np.float32), np.zeros(0), shares, C)

    @classmethod
    def of_estimators(
        cls, estimators: list[Any], one_vs_rest: bool, shares: Array, C: float
    ) -> Self:
        """Take over what scikit-learn has fitted: one estimator, or one a class.

        float32 halves the size of a saved model, and moves probabilities by less than 1e-5.
        """
        coefficients = np.concatenate([estimator.coef_ for estimator in estimators]).T
        intercepts = np.concatenate([estimator.intercept_ for estimator in estimators])
        form: LinearForm = "one_vs_rest" if one_vs_rest else "softmax"
        return cls(
            "binary" if len(intercepts) == 1 else form,
            np.ascontiguousarray(coefficients, dtype=np.float32),
            np.asarray(intercepts, dtype=np.float64),
            shares,
            C,
        )

    def predict(self, columns: Any) -> Array:
        """Return (N, C) probabilities of the rows of a matrix (N, D), sparse or not."""
        if self.form == "shares":
            return np.tile(self.shares, (columns.shape[0], 1))
        from scipy.special import expit, log_expit, softmax

        scores = np.asarray(columns @ self.coefficients, dtype=np.float64) + self.intercepts
        answer = np.zeros((columns.shape[0], len(self.shares)))
        if self.form == "binary":
            present = np.hstack([expit(-scores), expit(scores)])
        else:
            # In logarithms, where a row that every class rejects cannot become 0 / 0.
            present = softmax(log_expit(scores) if self.form == "one_vs_rest" else scores, axis=1)
        answer[:, self.shares > 0] = present
        return answer

    def saved(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what JSON can hold of it, and its arrays."""
        arrays: dict[str, NDArray[Any]] = {
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
            "shares": self.shares,
        }
        return {"form": self.form, "C": float(self.C)}, arrays

    @classmethod
    def restored(
        cls, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], classes: int
    ) -> Self:
        """Make the model again of what :meth:`saved` returned.

        Raises:
            KeyError: something is missing.
            ValueError: something is of another kind, or does not fit together.
        """
        form, shares = entry(config, "form", str), shares_of(arrays, classes)
        present = int(np.count_nonzero(shares))
        if form not in get_args(LinearForm) or (form == "binary" and present != 2):
            raise ValueError(f"form is {form!r} of {present} classes")
        scores = {"shares": 0, "binary": 1}.get(form, present)
        return cls(
            form,
            array_of(arrays, "coefficients", np.float32, [None, scores]),
            array_of(arrays, "intercepts", np.float64, [scores]),
            shares,
            entry(config, "C", float),
        )
