"""Columns found by the names that they usually have, or named by the user."""

from __future__ import annotations

from unrolled.data.tables import Table
from unrolled.errors import InputError, OptionError, unknown_option

Tiers = tuple[tuple[str, ...], ...]
"""Usual names in small letters; those of an earlier tier come before those of a later one."""


def usual_columns(free: list[str], tiers: Tiers) -> list[str]:
    """Return the columns that have a name of the first tier in which there is one.

    >>> usual_columns(["Title", "Text"], (("text", "review"), ("title",)))
    ['Text']
    """
    for tier in tiers:
        found = [name for name in free if name.strip().lower() in tier]
        if found:
            return found
    return []


def take_column(table: Table, role: str, name: str, taken: dict[str, str]) -> None:
    """Write down that the user named a column for a role.

    Raises:
        OptionError: it does not exist, or has another role already.
    """
    if name not in table.frame.columns:
        error = unknown_option(role, name, table.frame.columns)
        raise OptionError(
            f"there is no column {name!r} ({role})",
            where=table.name,
            expected=error.expected,
            fix=error.fix,
        )
    if name in taken:
        raise OptionError(
            f"the column {name!r} is named as {taken[name]} and as {role}",
            where=table.name,
            expected="one use of each column",
        )
    taken[name] = role


def ambiguous_column(
    table: Table, role: str, candidates: list[str], expected: str, fix: str = ""
) -> InputError:
    """Return the error for a role that several columns could have."""
    shown = ", ".join(candidates[:8]) + (", ..." if len(candidates) > 8 else "")
    example = candidates[0] if candidates else "NAME"
    return InputError(
        f"which column is the {role} cannot be told: {shown} could be",
        where=table.name,
        expected=expected,
        fix=fix or f'name it: {role}="{example}" (--{role} {example})',
    )
