"""Every error that unrolled raises on purpose.

UnrolledError
|-- InputError        what was given cannot be used (also a ValueError; exit code 2)
|   |-- OptionError   an option or a name that does not exist, or a value it cannot have
|   |-- ShapeError    tensors, lengths or states that do not fit together
|   `-- ModelFileError  a saved model or checkpoint that cannot be read
|-- NotCausalError    a step was asked of a layer that must see the whole sequence
`-- TrainingError     training cannot go on (a loss or gradient that is not finite)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnrolledError(Exception):
    """Root of the tree: ``except UnrolledError`` catches whatever this package raises."""


class InputError(UnrolledError, ValueError):
    """What was given cannot be used.

    The message is one line: where it was found, what is wrong, what was expected, how to mend it.

    >>> print(InputError("'abc' is not a number", where="sales.csv, row 7, column y", fix="remove the row"))
    sales.csv, row 7, column y: 'abc' is not a number; remove the row
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.problem, self.where, self.expected, self.fix = problem, where, expected, fix
        parts = [f"{where}: {problem}" if where else problem]
        if expected:
            parts.append(f"expected {expected}")
        if fix:
            parts.append(fix)
        super().__init__("; ".join(parts))


class OptionError(InputError):
    """An option or a name that does not exist, or a value that it cannot have."""


class ShapeError(InputError):
    """Tensors, lengths or states that do not fit together."""


class ModelFileError(InputError):
    """A saved model or a checkpoint that cannot be read."""


class NotCausalError(UnrolledError):
    """A step was asked of a layer whose output needs the whole sequence."""


class TrainingError(UnrolledError):
    """Training cannot go on: the loss or a gradient is not finite."""


def unknown_option(option: str, given: object, choices: Iterable[str]) -> OptionError:
    """Return the error for a name that is not among ``choices``, with the nearest one as the fix.

    >>> print(unknown_option("cell", "gruu", ["rnn", "lstm", "gru"]))
    cell='gruu' does not exist; expected one of rnn, lstm, gru; did you mean 'gru'?
    """
    names = list(choices)
    near = difflib.get_close_matches(str(given), names, n=1)
    return OptionError(
        f"{option}={given!r} does not exist",
        expected=f"one of {', '.join(names)}",
        fix=f"did you mean {near[0]!r}?" if near else None,
    )
