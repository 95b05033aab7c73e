"""Texts that do not fit into memory, read a piece at a time: one's own files, or a dataset of the hub.

What comes out, piece after piece, is the text that `rnnzoo.data.corpora.load_corpus` holds as a whole.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnzoo.data.plain_text import AS_PEOPLE_EXPECT, TextForm
from rnnzoo.data.saved import is_saved
from rnnzoo.data.sources import OWN_LICENCE
from rnnzoo.data.tables import file_pieces
from rnnzoo.errors import UserError
from rnnzoo.opening import is_stream, open_regular, shown_name

__all__ = ["FileSource", "HubSource", "Reading", "Survey", "TextSource", "blocks", "expand"]

_READ = 1 << 20  # bytes of a file, or characters of rows, in a piece
_LONGEST = 1 << 24  # characters without a place to cut at

Tick = Callable[[int], None]
"""Is told how many more characters were read."""


@dataclass(frozen=True)
class Survey:
    """What one pass over a source has found.

    Attributes:
        characters: of each part, by its name. sha256: of all parts, joined, as UTF-8.
    """

    characters: dict[str, int]
    sha256: str


class TextSource(ABC):
    """A text in parts, each of which can be read again from its beginning.

    Attributes:
        name: as the files or the hub have it. licence: what the text may be used for.
    """

    name: str
    licence: str

    @abstractmethod
    def parts(self) -> tuple[str, ...]:
        """``("train",)`` of a text without parts of its own; else ``"valid"`` and ``"test"``, too, where they are."""

    @abstractmethod
    def pieces(self, part: str) -> Iterator[str]:
        """The text of a part.

        Raises:
            UserError: it cannot be read as text.
        """

    @abstractmethod
    def identity(self) -> Any:
        """Plain values that are others once the source has changed, had without reading it."""

    def survey(self, tick: Tick | None = None) -> Survey:
        """Reads everything once.

        Raises:
            UserError: as `pieces`.
        """
        digest, counts = hashlib.sha256(), dict[str, int]()
        for part in self.parts():
            counts[part] = 0
            for piece in self.pieces(part):
                digest.update(piece.encode("utf-8", "surrogatepass"))
                counts[part] += len(piece)
                if tick is not None:
                    tick(len(piece))
        return Survey(counts, digest.hexdigest())


class Reading:
    """One pass over a source, whose parts may come from a network: what lies ahead is reached by reading on.

    Args:
        source: what is read.
    """

    def __init__(self, source: TextSource) -> None:
        self.source, self._part, self._place, self._piece = source, "", 0, ""
        self._pieces: Iterator[str] = iter(())

    def between(self, part: str, start: int, end: int) -> Iterator[str]:
        """The characters `start` to `end` of a part; those of an earlier call are read to their end before."""
        if part != self._part or start < self._place:
            self._part, self._place, self._piece, self._pieces = part, 0, "", self.source.pieces(part)
        while self._place < end and (piece := self._piece or next(self._pieces, "")):
            place, self._piece = self._place, piece[end - self._place :]
            self._place += len(piece) - len(self._piece)
            if self._place > start:
                yield piece[max(start - place, 0) : end - place]


class FileSource(TextSource):
    """Files, one after the other, with a newline between where there is none.

    Args:
        files: their paths; no streams, since they are read several times.
        form: how their bytes become text. text_column: of files that are tables, the column to read.

    Raises:
        UserError: one is missing, a folder, or cannot be read.
    """

    licence = OWN_LICENCE

    def __init__(
        self,
        files: Sequence[str | os.PathLike[str]],
        form: TextForm = AS_PEOPLE_EXPECT,
        text_column: str = "text",
    ) -> None:
        if streams := [file for file in files if is_stream(file)]:
            raise UserError("is read several times: write it to a file first", path=shown_name(streams[0]))
        self.form, self.text_column = form, text_column
        self.files = [Path(file) for file in files]
        names = [file.name for file in self.files]
        self.name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        for file in self.files:
            open_regular(file).close()

    def parts(self) -> tuple[str, ...]:
        return ("train",)

    def pieces(self, part: str) -> Iterator[str]:
        last = ""
        for number, file in enumerate(self.files):
            if number and not last.endswith(("\n", "\r")):
                yield "\n"
            for piece in file_pieces(file, self.form, self.text_column):
                yield (last := piece)

    def identity(self) -> Any:
        """Sizes and times of change."""
        found = [file.stat() for file in self.files]
        kept = [] if self.form == AS_PEOPLE_EXPECT else [self.form.to_dict()]
        return [[str(file), one.st_size, one.st_mtime_ns] for file, one in zip(self.files, found, strict=True)] + kept


class HubSource(TextSource):
    """A dataset that `datasets` streams: its rows, each ended by a newline; nothing of it is stored.

    Args:
        hub: ``"org/dataset"``, ``"org/dataset:config"``, or a folder of files that `datasets` reads.
        text_column: the column to read.

    Raises:
        UserError: not to be had, no training split, no such column.
    """

    licence = "see the dataset's page on the hub"

    def __init__(self, hub: str, text_column: str = "text") -> None:
        from rnnzoo.data.hub import stream_hub_texts  # `datasets` takes seconds to import

        self.name = hub
        if is_saved(hub):
            self.name, self.licence = Path(hub).resolve().name, OWN_LICENCE
        self._rows, self._identity = stream_hub_texts(hub, text_column)

    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in ("train", "valid", "test") if part in self._rows)

    def pieces(self, part: str) -> Iterator[str]:
        gathered, size, empty = list[str](), 0, True
        for row in self._rows[part]():
            gathered.append(row)
            size += len(row)
            if size >= _READ:
                piece = "".join(gathered)
                empty = empty and not piece.strip()
                yield piece
                gathered, size = [], 0
        piece = "".join(gathered)
        if empty and not piece.strip():
            raise UserError(f"hub dataset {self.name!r}: the text of split {part!r} is empty")
        if piece:
            yield piece

    def identity(self) -> Any:
        """The data files, with the commit they are of."""
        return self._identity


def expand(patterns: Sequence[str | os.PathLike[str]]) -> list[str]:
    """File names, and those that patterns such as ``texts/*.txt`` stand for, in the order of the alphabet.

    Raises:
        UserError: a pattern fits no file.
    """
    found: list[str] = []
    for given in patterns:
        pattern = os.fspath(given)
        if is_stream(pattern) or not glob.has_magic(pattern) or os.path.exists(pattern):
            found.append(pattern)
        elif fitting := sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)):
            found += fitting
        else:
            raise UserError("fits no file", path=pattern)
    return found


def blocks(pieces: Iterator[str], size: int, *, anywhere: bool) -> Iterator[str]:
    """The same text in blocks of about `size` characters, which have the tokens of the whole.

    A block ends before a space or a line end that follows something visible: no tokenizer's token goes beyond such a
    place, and no Unicode normalisation does. Where that is depends on the text alone, not on how it comes in pieces.

    Args:
        pieces: the text. size: characters, at least.
        anywhere: blocks end after exactly `size` characters, since tokens are characters or bytes.

    Raises:
        UserError: there is no such place in 16 million characters.
    """
    buffer, start, seen = "", 0, 0  # the block begins at `start`; no place was found in the first `seen` characters
    for piece in pieces:
        buffer, start = buffer[start:] + piece, 0
        while len(buffer) - start > size:
            cut = start + size if anywhere else _cut(buffer, start + max(size, seen))
            if cut is None:
                seen = len(buffer) - start
                if seen > _LONGEST:
                    raise UserError(f"the text has no space and no line end in {_LONGEST:,} characters to be cut at")
                break
            yield buffer[start:cut]
            start, seen = cut, 0
    if len(buffer) > start:
        yield buffer[start:]


_SPACE = re.compile("[ \n]")


def _cut(text: str, start: int) -> int | None:
    """The first place from `start` on to end a block at."""
    for found in _SPACE.finditer(text, start):
        before = text[found.start() - 1]
        if not before.isspace() and before.isprintable():
            return found.start()
    return None
