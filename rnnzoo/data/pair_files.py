"""Sentences side by side, read from two files, from a table, or from the files of the catalogue."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

from rnnzoo.data.cleaning import Pairs
from rnnzoo.data.corpora import catalogue_text, read_text
from rnnzoo.data.numbers import number_pairs
from rnnzoo.data.places import find_corpus
from rnnzoo.data.sources import CUT_BY_SENTENCE, CorpusEntry, Split, hashed_part
from rnnzoo.errors import UserError
from rnnzoo.text.spaces import plain_spaces

__all__ = ["catalogue_pairs", "file_pairs", "grouped_pairs", "require_both_sides", "table_pairs"]

_SETS = {"train": "train", "val": "valid", "test_2016_flickr": "test"}  # Multi30k's names

FilePath = str | os.PathLike[str]


def file_pairs(paths: Sequence[FilePath], *, blank: bool = True) -> Pairs:
    """Line n of the first file with line n of the second; lines end at ``"\\n"`` and nowhere else.

    Args:
        paths: two UTF-8 files, source and target.
        blank: a line may be blank on one side.

    Raises:
        UserError: a file is missing, empty or not UTF-8, their lengths differ, or a line is blank on one side only
            though that may not be; another number of files.
    """
    if len(paths) != 2:
        raise UserError(f"pairs are in two files, source and target; {_are(len(paths))} given")
    one, other = (_lines(read_text(path)) for path in paths)
    pairs = _aligned(one, other, paths)
    if not blank:
        require_both_sides(pairs, paths[0], paths[1])
    return pairs


def table_pairs(path: FilePath, columns: tuple[int, int], *, blank: bool = True) -> Pairs:
    """Two columns of a file whose columns are separated by tabs.

    Args:
        path: a UTF-8 file.
        columns: which ones, source and target, counted from 1.
        blank: as in `file_pairs`.

    Raises:
        UserError: as in `file_pairs`; or lines of different numbers of columns, or too few.
    """
    pairs = _columns(read_text(path), path, columns)
    if not blank:
        require_both_sides(pairs, path, path)
    return pairs


def catalogue_pairs(entry: CorpusEntry, src: str, tgt: str, split: Split | None = None) -> dict[str, Pairs]:
    """The parts of a corpus of the catalogue, in a direction.

    Args:
        entry: the corpus. src: the source's language. tgt: the target's.
        split: how a table is cut, ``"hashed"`` or ``"grouped"``; None as the catalogue says.

    Raises:
        UserError: the corpus is not here, or not what the catalogue says.
    """
    if entry.split == "drawn":
        return _turned(number_pairs(), src, entry)
    folder = find_corpus(entry)
    files = {file.path: file for file in entry.files}
    if entry.split in CUT_BY_SENTENCE:
        table = entry.files[0]
        english, other = _columns(catalogue_text(table, folder), folder / table.path, (1, 2))
        cut = grouped_pairs if (split or entry.split) == "grouped" else _hashed
        return _turned(cut(english, other), src, entry)
    of_multi30k = entry.folder == "multi30k"
    pattern, sets = ("raw/{}.{}", _SETS) if of_multi30k else ("{}.{}", {role: role for role in _SETS.values()})
    found = {}
    for there, role in sets.items():
        paths = [pattern.format(there, side) for side in (src, tgt)]
        one, other = (_lines(catalogue_text(files[path], folder)) for path in paths)
        found[role] = _aligned(one, other, [folder / path for path in paths])
    return found


def require_both_sides(pairs: Pairs, src: FilePath, tgt: FilePath, position: str = "line") -> None:
    """Refuses pairs of which only one side is blank.

    Args:
        pairs: the sentences. src: where the sources are from. tgt: where the targets are from.
        position: what a sentence is there: a line, a row.

    Raises:
        UserError: there is one; it names the place of the blank side.
    """
    for number, (source, target) in enumerate(zip(*pairs, strict=True), 1):
        if bool(source.strip()) != bool(target.strip()):
            where, side, other = (tgt, "target", "source") if source.strip() else (src, "source", "target")
            message = f"the {side} is blank and its {other} is not; data.cleaning leaves such pairs out"
            raise UserError(message, path=where, position=f"{position} {number}")


def _turned(parts: dict[str, Pairs], src: str, entry: CorpusEntry) -> dict[str, Pairs]:
    """`parts`, which go from the first language to the second, beginning with `src`."""
    if src == entry.languages[0]:
        return parts
    return {role: (targets, sources) for role, (sources, targets) in parts.items()}


def grouped_pairs(english: Sequence[str], other: Sequence[str]) -> dict[str, Pairs]:
    """2% of the English sentences for validation, 2% for test, and no sentence of either language in two parts.

    The part of an English sentence is that of `hashed_part`, in every corpus the same; a translation of several English
    sentences goes where the last of their parts is (train, validation, test), and a pair whose sides are then in two
    parts is left out. So the test part is that of the rule "hashed", and the same in all directions and all languages.

    Args:
        english: one side. other: the other, line by line.
    """
    rank = {"train": 0, "valid": 1, "test": 2}
    parts_of_english = [hashed_part(one) for one in english]
    found: dict[str, Literal["train", "valid", "test"]] = {}
    for part, sentence in zip(parts_of_english, map(plain_spaces, other), strict=True):
        if sentence not in found or rank[part] > rank[found[sentence]]:
            found[sentence] = part
    parts: dict[str, Pairs] = {role: ([], []) for role in rank}
    for part, one, another in zip(parts_of_english, english, other, strict=True):
        if found[plain_spaces(another)] == part:
            parts[part][0].append(one)
            parts[part][1].append(another)
    return parts


def _hashed(english: list[str], french: list[str]) -> dict[str, Pairs]:
    """2% of the English sentences for validation, 2% for test, with all their French sides."""
    parts: dict[str, Pairs] = {role: ([], []) for role in ("train", "valid", "test")}
    for one, other in zip(english, french, strict=True):
        sources, targets = parts[hashed_part(one)]
        sources.append(one)
        targets.append(other)
    return parts


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def _aligned(one: list[str], other: list[str], paths: Sequence[FilePath]) -> Pairs:
    if len(one) != len(other):
        message = f"has {len(one):,} lines, and {os.fspath(paths[1])} has {len(other):,}: line n must translate line n"
        raise UserError(message, path=paths[0])
    return one, other


def _columns(text: str, path: FilePath, columns: tuple[int, int]) -> Pairs:
    rows = [line.split("\t") for line in _lines(text)]
    width = len(rows[0])
    if max(columns) > width or min(columns) < 1:
        message = f"has {_columns_of(width)}, separated by tabs; those to read are {columns[0]} and {columns[1]}"
        raise UserError(message, path=path, position="line 1")
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise UserError(f"has {_columns_of(len(row))}, line 1 has {width}", path=path, position=f"line {number}")
    return [row[columns[0] - 1] for row in rows], [row[columns[1] - 1] for row in rows]


def _columns_of(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _are(count: int) -> str:
    return "1 is" if count == 1 else f"{count} are"
