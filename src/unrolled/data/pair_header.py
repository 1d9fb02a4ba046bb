"""Whether the first line of a file of pairs names its columns."""

from __future__ import annotations

import polars as pl

from unrolled.data.delimited import Delimited, is_data, no_rows
from unrolled.data.pair_columns import PLACED, PairRequest, column_option
from unrolled.errors import InputError

_CODES = {
    "ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nl", "no", "pl",
    "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh", "cmn", "deu", "eng", "fra", "jpn", "kor", "rus", "spa",
}  # fmt: skip
_LANGUAGES = _CODES | {
    "arabic", "chinese", "classical", "czech", "dutch", "english", "french", "german", "italian", "japanese", "korean",
    "modern", "polish", "portuguese", "russian", "spanish", "turkish", "中文", "汉语", "英文", "英语", "日语", "德语",
    "法语", "古文", "文言文", "白话文", "现代文",
}  # fmt: skip
_WORD = r"^[A-Za-z_][A-Za-z0-9_]*$"
_FEW = 0.1
"""Rows that are single words, as names are, among rows of sentences."""


def name_pair_columns(rows: Delimited, request: PairRequest) -> Delimited:
    """Take the first row as the names of the columns, or as a row like the others; no row is lost on a guess.

    It names the columns when one of its fields is a usual name or one that the user or the model knows, when the first
    two are languages, or when one of three or more stands above numbers only and is none. Otherwise it is a row, and
    columns go by their place.

    Raises:
        InputError: it may be either: words of ASCII above rows that are none; or there is no row below the names.
    """
    if not _names_columns(rows, request):
        return rows.unnamed()
    table = rows.headed()
    if table.frame.height == 0:
        raise no_rows(rows)
    return table


def _names_columns(rows: Delimited, request: PairRequest) -> bool:
    fields = rows.first()
    lowered = [field.lower() for field in fields]
    if any(field in request.known_names() for field in lowered):
        return True
    named = [name for name in (request.source, request.target) if name]
    if named:
        # By their place, or by a name that is not there: then the error says so.
        return not all(PLACED.fullmatch(name) for name in named)
    if len(fields) == 1 or (request.like and PLACED.fullmatch(request.like.source or "")):
        return False
    if all(field in _LANGUAGES for field in lowered[:2]):
        return True
    if _names_numbers(rows):
        return True
    words = rows.frame.select(pl.all().str.strip_chars().str.contains(_WORD).fill_null(value=False))
    single = words.select(pl.all_horizontal(pl.all())).to_series().to_list()
    if single[0] and len(single) > 1 and sum(single[1:]) < _FEW * len(single[1:]):
        raise InputError(
            f"this line may be a row or the names of the columns: {', '.join(fields)[:60]!r}",
            where=f"{rows.name}, row {rows.dialect.line}",
            expected="names as source and target above the rows",
            fix=f"write them there, or name the columns: {column_option('source', fields[0])} and {column_option('target', fields[1])}, "
            "by their place as 1 and 2 where the file has no names",
        )
    return False


def _names_numbers(rows: Delimited) -> bool:
    """Tell whether a field of the first row of three or more stands above numbers and is none."""
    fields, below = rows.first(), rows.frame.slice(1)
    if len(fields) < 3 or not below.height:
        return False
    numbers = below.select(
        pl.all().str.strip_chars().cast(pl.Float64, strict=False).is_not_null().all()
    ).row(0)
    return any(
        field and only_numbers and not is_data([field])
        for field, only_numbers in zip(fields, numbers, strict=True)
    )
