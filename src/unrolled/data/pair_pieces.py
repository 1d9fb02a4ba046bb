"""Some pairs of texts, as they come from a source, and how they are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from unrolled.data.pair_columns import PairRequest, PairRoles, find_pair_columns
from unrolled.data.pair_form import PairsForm
from unrolled.data.pieces import Where, column_texts, joined_places, unused_note
from unrolled.data.tables import Table
from unrolled.data.texts import TextBuilder
from unrolled.errors import InputError


@dataclass(frozen=True)
class Pairs:
    """Texts to read, and what is to be written for them.

    Attributes:
        sources: (N) texts; many lie on disk (`TextStore`).
        targets: (N) texts; None where there are none.
        form: what it takes to read other rows as these.
        where: gives the place of a row: "pairs.tsv, row 7".
        notes: one line for each thing that was left out or taken otherwise.
    """

    sources: Sequence[str]
    targets: Sequence[str] | None
    form: PairsForm
    where: Callable[[int], str]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sources)


@dataclass(frozen=True)
class PairPiece:
    """Pairs that were read together.

    Attributes:
        sources: N texts.
        targets: N texts, or None.
        form: what was found.
        where: gives the place of a row.
        notes: what was taken otherwise.
        left_out: how many more pairs there were, with an empty side.
        first_left_out: the place of the first of them.
    """

    sources: list[str]
    targets: list[str] | None
    form: PairsForm
    where: Where
    notes: tuple[str, ...] = ()
    left_out: int = 0
    first_left_out: str = ""

    def part(self, start: int, rows: int) -> PairPiece:
        """Return some of the pairs; the first part has the notes."""
        part = replace(
            self,
            sources=self.sources[start : start + rows],
            targets=None if self.targets is None else self.targets[start : start + rows],
            where=lambda row: self.where(start + row),
        )
        return replace(part, notes=(), left_out=0) if start else part


def filled(piece: PairPiece) -> PairPiece:
    """Return the pairs of which no side is empty: an empty one teaches nothing, and cannot be scored."""
    if piece.targets is None:
        return piece
    sides = zip(piece.sources, piece.targets, strict=True)
    full = [bool(source.strip() and target.strip()) for source, target in sides]
    if all(full):
        return piece
    kept = [row for row, is_full in enumerate(full) if is_full]
    return replace(
        piece,
        sources=[piece.sources[row] for row in kept],
        targets=[piece.targets[row] for row in kept],
        where=lambda row: piece.where(kept[row]),
        left_out=len(full) - len(kept),
        first_left_out=piece.where(full.index(False)),
    )


class TablePairs:
    """Makes pieces of tables that come one after the other: what the first told of the columns holds for all."""

    def __init__(self, request: PairRequest) -> None:
        self._request = request
        self._roles: PairRoles | None = None

    def __call__(self, table: Table) -> PairPiece:
        table = _unnested(table)
        notes: tuple[str, ...] = ()
        if self._roles is None:
            self._roles = find_pair_columns(table, self._request)
            notes = (*table.notes, *self._roles.notes, *unused_note(table, self._roles.unused))
        roles = self._roles
        read = [name for name in (roles.source, roles.target) if name]
        for name in filter(table.faults.__contains__, read):
            raise table.faults[name]
        # In JSONL, columns that the first rows had may be missing later.
        missing = [pl.lit("").alias(name) for name in read if name not in table.frame.columns]
        table = replace(table, frame=table.frame.with_columns(missing))
        light = replace(table, frame=pl.DataFrame())
        return PairPiece(
            column_texts(table, roles.source),
            column_texts(table, roles.target) if roles.target else None,
            PairsForm(roles.source, roles.target),
            light.where,
            notes,
        )


def _unnested(table: Table) -> Table:
    """Return the table with {"translation": {"de": ..., "en": ...}} as columns of languages."""
    if not isinstance(table.frame.schema.get("translation"), pl.Struct):
        return table
    return replace(table, frame=table.frame.unnest("translation"))


class PairCollector:
    """Puts pieces together.

    Attributes:
        name: of the source, for messages.
        in_memory: bytes of text of a side that are kept in memory; more goes to disk.
    """

    def __init__(self, name: str, in_memory: int) -> None:
        self.name, self.in_memory = name, in_memory

    def __call__(self, pieces: Iterable[PairPiece]) -> Pairs:
        """Return all pairs.

        Raises:
            InputError: there is none.
        """
        sources, targets = TextBuilder(self.in_memory), TextBuilder(self.in_memory)
        starts, wheres, rows = [], [], 0
        notes: dict[str, None] = {}
        form, left_out, first = None, 0, ""
        for piece in pieces:
            form = form or piece.form
            starts.append(rows)
            wheres.append(piece.where)
            rows += len(piece.sources)
            notes.update(dict.fromkeys(piece.notes))
            sources.extend(piece.sources)
            targets.extend(piece.targets or [])
            left_out += piece.left_out
            first = first or piece.first_left_out
        if form is None or rows == 0:
            raise self._nothing(left_out)
        if left_out:
            pairs = (
                "1 pair with an empty side is"
                if left_out == 1
                else f"{left_out} pairs with an empty side are"
            )
            notes[
                f"{self.name}: {pairs} left out{', the first' if left_out > 1 else ''}: {first}"
            ] = None
        written = targets.build()
        where = joined_places(starts, wheres)
        has_targets = len(written) == rows
        return Pairs(sources.build(), written if has_targets else None, form, where, tuple(notes))

    def _nothing(self, left_out: int) -> InputError:
        if left_out:
            return InputError(
                f"the source or the target of every pair ({left_out}) is empty",
                where=self.name,
                expected="texts on both sides",
                fix='name other columns: source="NAME", target="NAME" (--source NAME --target NAME)',
            )
        return InputError("there are no pairs", where=self.name, fix="give some")
