"""Files of sentence pairs of made-up languages."""

from __future__ import annotations

from pathlib import Path

from tests.tasks.text_pairs import Pairs


def tsv(path: Path, pairs: Pairs) -> Path:
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    return path


def parallel(folder: Path, name: str, pairs: Pairs) -> tuple[Path, Path]:
    """Write the sources into NAME.xx and the targets into NAME.yy."""
    files = folder / f"{name}.xx", folder / f"{name}.yy"
    for side, file in enumerate(files):
        file.write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    return files
