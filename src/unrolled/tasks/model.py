"""What the objects of all tasks have in common: they are fitted, saved, and loaded again."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Self

from unrolled.errors import InputError
from unrolled.tasks.recurrent import CellChoice
from unrolled.tasks.saving import complete

ReadInside = Callable[[Any], Any]
"""Makes what a saved model holds inside, from its settings."""


class TaskModel:
    """A model that `load` makes again; a task writes how a folder is read, and takes over what was in it."""

    settings: Any
    _fitted: Any

    def __init__(self, cell: CellChoice, **options: Any) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, cell: CellChoice | None = None) -> Self:
        """Return the model saved in ``folder``.

        Args:
            folder: of the model.
            cell: the cell it was made with, where that was the user's own: no code is read from a file.

        Raises:
            ModelFileError: there is no model, it is damaged, or its cell must be given.
        """
        cell, options, read = cls._read_saved(folder, cell)
        with complete(folder):
            model = cls(cell, **options)
        model._take(read(model.settings))
        return model

    @classmethod
    def _read_saved(
        cls, folder: str | os.PathLike[str], cell: CellChoice | None
    ) -> tuple[CellChoice, dict[str, Any], ReadInside]:
        raise NotImplementedError

    def _take(self, inside: Any) -> None:
        raise NotImplementedError

    def _require_fitted(self) -> Any:
        if self._fitted is None:
            raise InputError(
                f"this {type(self).__name__} is not fitted yet", fix="call fit(data) first"
            )
        return self._fitted
