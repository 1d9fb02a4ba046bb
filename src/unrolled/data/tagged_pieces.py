"""Some sentences with their tags, as they come from a source, and how they are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from unrolled.data.pieces import Where, joined_places
from unrolled.data.tag_schemes import PLAIN
from unrolled.data.tagged_columns import TagRequest
from unrolled.data.tagged_form import TaggedForm
from unrolled.data.tagged_mending import mended
from unrolled.data.words import marked_of, units_of
from unrolled.errors import InputError


@dataclass(frozen=True)
class Tagged:
    """Sentences, and a tag for each of their words.

    Attributes:
        sentences: (N) sequences of words, T_i each.
        tags: (N) sequences of T_i tags; None where there are none.
        form: what it takes to read other sentences as these.
        where: gives the place of a sentence: "train.conll, line 7".
        notes: one line for each thing that was mended, left out or taken otherwise.
    """

    sentences: Sequence[Sequence[str]]
    tags: Sequence[Sequence[str]] | None
    form: TaggedForm
    where: Callable[[int], str]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sentences)


@dataclass(frozen=True)
class TaggedPiece:
    """Sentences that were read together.

    Attributes:
        sentences: N lists of words.
        tags: as many lists of as many tags, or None.
        form: what was found of columns.
        where: gives the place of a sentence.
        notes: what was taken otherwise.
    """

    sentences: list[list[str]]
    tags: list[list[str]] | None
    form: TaggedForm
    where: Where
    notes: tuple[str, ...] = ()

    def part(self, start: int, rows: int) -> TaggedPiece:
        """Return some of the sentences; the first part has the notes."""
        return TaggedPiece(
            self.sentences[start : start + rows],
            None if self.tags is None else self.tags[start : start + rows],
            self.form,
            lambda row: self.where(start + row),
            () if start else self.notes,
        )


@dataclass
class TaggedCollector:
    """Puts pieces together, and mends their tags.

    Attributes:
        name: of the source, for messages.
        request: what was asked for.
    """

    name: str
    request: TagRequest
    _words: dict[str, str] = field(default_factory=dict)
    _notes: dict[str, None] = field(default_factory=dict)

    def __call__(self, pieces: Iterable[TaggedPiece]) -> Tagged:
        """Return all sentences.

        Raises:
            InputError: tags are needed and there are none.
        """
        sentences: list[list[str]] = []
        tags: list[list[str]] = []
        starts, wheres = list[int](), list[Where]()
        form: TaggedForm | None = None
        has_tags = True
        for piece in self._filled(pieces):
            form = form or piece.form
            self._notes.update(dict.fromkeys(piece.notes))
            if not piece.sentences:
                continue
            starts.append(len(sentences))
            wheres.append(piece.where)
            sentences += map(self._shared, piece.sentences)
            has_tags = has_tags and piece.tags is not None
            tags += map(self._shared, piece.tags or [])
        if form is None or not sentences:
            return Tagged([], None, form or TaggedForm(), str, tuple(self._notes))
        where = joined_places(starts, wheres)
        like = self.request.like
        scheme = like.scheme if like else PLAIN
        if has_tags:
            needs = self.request.needs_tags
            scheme, tags, notes = mended(tags, self.name, where, like, needs_tags=needs)
            tags = [self._shared(sequence) for sequence in tags]
            # Of tags that nobody asked for nothing is told.
            self._notes.update(dict.fromkeys(notes if needs else ()))
        form = replace(
            form,
            scheme=scheme,
            units=like.units if like else units_of(sentences),
            marked=like.marked if like else marked_of(sentences),
        )
        return Tagged(sentences, tags if has_tags else None, form, where, tuple(self._notes))

    def _shared(self, words: list[str]) -> list[str]:
        """Return the words, each the same object wherever it stands: a text has each of them many times."""
        shared = self._words.setdefault
        return [shared(word, word) for word in words]

    def _filled(self, pieces: Iterable[TaggedPiece]) -> Iterable[TaggedPiece]:
        """Yield the pieces; where tags are needed, without empty sentences, which teach nothing."""
        left_out, first = 0, ""
        for piece in pieces:
            if self.request.needs_tags:
                empty = [row for row, words in enumerate(piece.sentences) if not words]
                left_out += len(empty)
                first = first or (piece.where(empty[0]) if empty else "")
                piece = _with_words(piece)
            yield piece
        if left_out:
            are = "sentence without words is" if left_out == 1 else "sentences without words are"
            at = f"{', the first' if left_out > 1 else ''}: {first}"
            self._notes[f"{self.name}: {left_out} {are} left out{at}"] = None


def _with_words(piece: TaggedPiece) -> TaggedPiece:
    """Return the sentences with words, which must have tags."""
    tags = piece.tags
    if not piece.sentences:
        return piece
    if tags is None:
        raise InputError(
            "there are no tags",
            where=piece.where(0),
            expected="a tag for each word",
            fix="give (sentences, tags), or a file with both",
        )
    kept = [row for row, words in enumerate(piece.sentences) if words]
    return replace(
        piece,
        sentences=[piece.sentences[row] for row in kept],
        tags=[tags[row] for row in kept],
        where=lambda row: piece.where(kept[row]),
    )
