"""Rows to classify from arrays: in memory, and in npz files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.label_columns import Request
from unrolled.data.labelled_form import NUMBERS, TEXT, LabelledForm
from unrolled.data.number_rows import NumberRows, from_arrays, from_block
from unrolled.data.pieces import (
    Piece,
    Where,
    label_texts,
    require_features,
    require_kind,
    require_labels,
)
from unrolled.data.records import column_of
from unrolled.data.tables import load_table
from unrolled.data.unpacking import first_bytes, packing_of
from unrolled.errors import InputError

_INPUTS, _LABELS = ("x", "X", "x_train", "X_train"), ("y", "y_train", "labels")
_TEST_INPUTS, _TEST_LABELS = ("x_test", "X_test"), ("y_test", "labels_test")
_LENGTHS, _TEST_LENGTHS = ("lengths", "lengths_train"), ("lengths_test",)
_READ = {*_INPUTS, *_LABELS, *_LENGTHS, *_TEST_INPUTS, *_TEST_LABELS, *_TEST_LENGTHS}


def is_npz(path: Path) -> bool:
    """Tell whether a file is called .npz."""
    return path.suffix.lower() == ".npz"


def read_npz(path: Path, request: Request) -> tuple[Piece, Piece | None]:
    """Read x (N, T) or (N, T, F), y (N,) and lengths (N,), and x_test, y_test where they are there.

    Raises:
        InputError: an array is missing, would have to be unpickled, or has another shape; or the test's features are
            others than those of x.
    """
    if packing_of(first_bytes(str(path))) != "zip":
        raise InputError(
            "this is no npz file",
            where=str(path),
            expected="a file that numpy.savez wrote",
            fix="write it with numpy.savez, or call it by its right suffix",
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            held = archive.files
            arrays = {name: archive[name] for name in held if name in _READ}
    except ValueError as error:
        raise InputError(
            "an array in this file is pickled Python, which can run code and is not read",
            where=str(path),
            expected="arrays of numbers: x (N, T) or (N, T, F), y (N,), and lengths (N,) for rows of different lengths",
            fix="pad the rows with zeros and save their lengths, or write JSONL",
        ) from error
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"this npz file is damaged or cut off ({error})", where=str(path), fix="write it again"
        ) from error
    x = _named(arrays, _INPUTS)
    if x is None:
        raise InputError(
            f"there is no array called x (there are: {', '.join(held) or 'none'})",
            where=str(path),
            expected="x (N, T) or (N, T, F) and y (N,)",
            fix="save it with numpy.savez(file, x=..., y=...)",
        )
    piece = _npz_piece(path, x, _named(arrays, _LABELS), _named(arrays, _LENGTHS), request)
    x_test = _named(arrays, _TEST_INPUTS)
    if x_test is None:
        return piece, None
    y_test, lengths = _named(arrays, _TEST_LABELS), _named(arrays, _TEST_LENGTHS)
    as_trained = replace(request, like=piece.form)
    return piece, _npz_piece(path, x_test, y_test, lengths, as_trained, test=True)


def is_rows(source: Any) -> bool:
    """Tell whether a source in memory is a sequence of texts or of arrays rather than a table."""
    if isinstance(source, np.ndarray):
        return source.ndim in (2, 3) or source.dtype.kind in "UO" or source.dtype.kind == "T"
    if isinstance(source, NumberRows) or _is_series(source):
        return True
    if not isinstance(source, Sequence) or isinstance(source, (str, bytes)) or len(source) == 0:
        return False
    return isinstance(source[0], (str, list, tuple, np.ndarray)) or source[0] is None


def is_pair(source: Any) -> bool:
    """Tell whether a source is (inputs, labels)."""
    return (
        isinstance(source, tuple)
        and len(source) == 2
        and not any(isinstance(part, (str, bytes, dict)) for part in source)
        and all(hasattr(part, "__len__") for part in source)
    )


def read_rows(inputs: Any, labels: Any, request: Request, name: str) -> Iterator[Piece]:
    """Take texts, or sequences of numbers, with their labels or without.

    Raises:
        InputError: they are neither, or labels are missing, or more or fewer than inputs.
    """

    def where(row: int) -> str:
        return f"{name}, row {row}"

    inputs, labels = _unframed_inputs(inputs, name), _unframed_labels(labels, name)
    if labels is not None and len(labels) != len(inputs):
        raise InputError(
            f"there are {len(inputs)} inputs and {len(labels)} labels",
            where=name,
            expected="one label for each input",
        )
    if labels is None and request.needs_labels:
        raise InputError(
            "there are no labels",
            where=name,
            expected="(inputs, labels)",
            fix="give both as a pair",
        )
    yield _piece(_inputs(inputs, where), labels, request, where, name)


def _unframed_inputs(inputs: Any, name: str) -> Any:
    """Return what a dataframe holds: the numbers (N, T) of its T columns, or its one column; all else as it is."""
    if not hasattr(inputs, "columns"):
        return inputs
    frame = load_table(inputs).frame
    if all(kind.is_numeric() for kind in frame.dtypes):
        return frame.to_numpy()
    if frame.width == 1:
        return frame.to_series()
    raise InputError(
        f"the inputs are a dataframe with the columns {', '.join(frame.columns[:8])}",
        where=name,
        expected="one column of texts, or columns of numbers",
        fix="give the column of the texts, or the whole dataframe without labels beside it",
    )


def _unframed_labels(labels: Any, name: str) -> Any:
    """Return the one column of a dataframe; all else as it is."""
    if not hasattr(labels, "columns"):
        return labels
    frame = load_table(labels).frame
    if frame.width != 1:
        raise InputError(
            f"the labels are a dataframe with the columns {', '.join(frame.columns[:8])}",
            where=name,
            expected="one label for each input",
            fix="give one column",
        )
    return frame.to_series()


def _inputs(inputs: Any, where: Where) -> list[str] | NumberRows:
    if isinstance(inputs, NumberRows):
        return inputs
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind in "biuf":
        if inputs.ndim not in (2, 3):
            raise InputError(
                f"an array of shape {inputs.shape}", where=where(0), expected="(N, T) or (N, T, F)"
            )
        return from_block(inputs, None, where)
    rows = inputs.tolist() if isinstance(inputs, np.ndarray) else inputs
    rows = rows.to_list() if _is_series(rows) else rows
    rows = [None if isinstance(row, float) and np.isnan(row) else row for row in rows]
    if all(row is None or isinstance(row, str) for row in rows):
        return [row or "" for row in rows]
    for number, row in enumerate(rows):
        if row is None or isinstance(row, (str, int, float)):
            raise InputError(
                f"this row is {str(row)[:40]!r}, others are something else",
                where=where(number),
                expected="texts only, or arrays of numbers only",
            )
    return from_arrays(rows, where)


def _piece(
    inputs: list[str] | NumberRows, labels: Any, request: Request, where: Where, name: str
) -> Piece:
    is_numbers = isinstance(inputs, NumberRows)
    require_kind(NUMBERS if is_numbers else TEXT, request, name)
    if isinstance(inputs, NumberRows):
        require_features(inputs, request.like, where)
        form = LabelledForm(NUMBERS, features=inputs.features)
    else:
        form = LabelledForm(TEXT)
    texts = None
    if labels is not None:
        texts = label_texts(column_of("label", labels), name)
        if request.needs_labels:
            require_labels(texts, lambda row: f"{where(row)}, label")
    return Piece(inputs, texts, form, where)


def _is_series(source: Any) -> bool:
    return type(source).__name__ == "Series" and hasattr(source, "to_list")


def _named(arrays: dict[str, NDArray[Any]], names: tuple[str, ...]) -> NDArray[Any] | None:
    return next((arrays[name] for name in names if name in arrays), None)


def _npz_piece(
    path: Path,
    x: NDArray[Any],
    y: NDArray[Any] | None,
    lengths: NDArray[Any] | None,
    request: Request,
    *,
    test: bool = False,
) -> Piece:
    x_name, y_name = ("x_test", "y_test") if test else ("x", "y")

    def where(row: int) -> str:
        return f"{path}, row {row + 1} (of {x_name})"

    if x.ndim not in (2, 3) or x.dtype.kind not in "biuf":
        raise InputError(
            f"{x_name} has shape {x.shape} of {x.dtype}",
            where=str(path),
            expected="numbers (N, T) or (N, T, F)",
        )
    if y is None and request.needs_labels:
        raise InputError(
            f"there is no array of labels called {y_name}",
            where=str(path),
            expected=f"{y_name} (N,)",
            fix=f"save it beside {x_name}: numpy.savez(file, {x_name}=..., {y_name}=...)",
        )
    for what, array in ((y_name, y), ("lengths_test" if test else "lengths", lengths)):
        if array is not None and array.shape != (len(x),):
            raise InputError(
                f"{what} has shape {array.shape}",
                where=str(path),
                expected=f"({len(x)},), one for each row of {x_name}",
            )
    if lengths is not None:
        lengths = _checked_lengths(lengths, x.shape[1], x_name, where)
    return _piece(from_block(x, lengths, where), y, request, where, str(path))


def _checked_lengths(
    lengths: NDArray[Any], steps: int, x_name: str, where: Where
) -> NDArray[np.int64]:
    lengths = lengths.astype(np.int64)
    wrong = np.flatnonzero((lengths < 0) | (lengths > steps))
    if len(wrong):
        raise InputError(
            f"the length is {lengths[wrong[0]]}",
            where=where(int(wrong[0])),
            expected=f"0 to {steps}, the steps of {x_name}",
        )
    return lengths
