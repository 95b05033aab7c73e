"""Sentences side by side, read from two files, from a table, or from the files of the catalogue."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

from rnnzoo.data.catalogue_text import catalogue_text
from rnnzoo.data.cleaning import Pairs
from rnnzoo.data.numbers import number_pairs
from rnnzoo.data.places import find_corpus
from rnnzoo.data.plain_text import AS_PEOPLE_EXPECT, TextForm, read_text
from rnnzoo.data.sources import CUT_BY_SENTENCE, CorpusEntry, Split, hashed_part
from rnnzoo.data.tables import table_kind, table_rows
from rnnzoo.errors import UserError
from rnnzoo.opening import shown_name
from rnnzoo.text.spaces import plain_spaces

__all__ = ["catalogue_pairs", "file_pairs", "grouped_pairs", "require_both_sides", "table_pairs"]

_SETS = {"train": "train", "val": "valid", "test_2016_flickr": "test"}  # Multi30k's names

FilePath = str | os.PathLike[str]


def file_pairs(paths: Sequence[FilePath], form: TextForm = AS_PEOPLE_EXPECT, *, blank: bool = True) -> Pairs:
    """Line n of the first file with line n of the second; what is blank in both is passed over.

    Args:
        paths: two files, source and target. form: how their bytes become text.
        blank: a line may be blank on one side.

    Raises:
        UserError: a file is missing, empty or cannot be decoded, their lengths differ, or a line is blank on one side
            only though that may not be; another number of files.
    """
    if len(paths) != 2:
        raise UserError(f"pairs are in two files, source and target; {_are(len(paths))} given")
    one, other = (_lines(read_text(path, form)) for path in paths)
    pairs = _aligned(one, other, paths)
    if not blank:
        require_both_sides(pairs, paths[0], paths[1])
    return _without_blank(pairs)


def table_pairs(
    path: FilePath,
    columns: tuple[int, int],
    form: TextForm = AS_PEOPLE_EXPECT,
    *,
    names: tuple[str | None, str | None] = (None, None),
    blank: bool = True,
) -> Pairs:
    """Two columns of a table; lines that are blank, or blank in both columns, are passed over.

    Args:
        path: columns separated by tabs, without a header; or a table whose columns have names: ``.csv``, ``.jsonl``,
            ``.parquet``, ``.arrow``.
        columns: which ones, source and target, counted from 1. names: those of a table that has names.
        form, blank: as in `file_pairs`.

    Raises:
        UserError: as in `file_pairs`; or lines of different numbers of columns, or too few, or without such names.
    """
    if table_kind(path) not in (None, "tsv"):
        if names[0] is None or names[1] is None:
            raise UserError("say which columns to read, with src and tgt", path=path)
        found = list(table_rows(path, (names[0], names[1]), form))
        pairs: Pairs = ([row[0] for _, row in found], [row[1] for _, row in found])
        pairs = ([" ".join(one.split("\n")) for one in pairs[0]], [" ".join(one.split("\n")) for one in pairs[1]])
        if not blank:
            require_both_sides(pairs, path, path, "row")
        return _without_blank(pairs)
    lines = [(number, line) for number, line in enumerate(_lines(read_text(path, form)), 1) if line.strip()]
    if not lines:
        raise UserError("holds no pairs", path=shown_name(path))
    pairs = _columns(lines, path, columns)
    if not blank:
        require_both_sides(pairs, path, path, numbers=[number for number, _ in lines])
    return _without_blank(pairs)


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
        lines = list(enumerate(_lines(catalogue_text(table, folder)), 1))
        english, other = _columns(lines, folder / table.path, (1, 2))
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


def require_both_sides(
    pairs: Pairs, src: FilePath, tgt: FilePath, position: str = "line", numbers: Sequence[int] | None = None
) -> None:
    """Refuses pairs of which only one side is blank.

    Args:
        pairs: the sentences. src: where the sources are from. tgt: where the targets are from.
        position: what a sentence is there: a line, a row. numbers: theirs, where they are not 1, 2, 3, ...

    Raises:
        UserError: there is one; it names the place of the blank side.
    """
    for number, source, target in zip(numbers or range(1, len(pairs[0]) + 1), *pairs, strict=True):
        if bool(source.strip()) != bool(target.strip()):
            where, side, other = (tgt, "target", "source") if source.strip() else (src, "source", "target")
            message = f"the {side} is blank and its {other} is not; data.cleaning leaves such pairs out"
            raise UserError(message, path=shown_name(where), position=f"{position} {number}")


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
        raise UserError(message, path=shown_name(paths[0]))
    return one, other


def _without_blank(pairs: Pairs) -> Pairs:
    """The pairs of which a side, at least, says something."""
    kept = [pair for pair in zip(*pairs, strict=True) if pair[0].strip() or pair[1].strip()]
    return [one for one, _ in kept], [other for _, other in kept]


def _columns(lines: Sequence[tuple[int, str]], path: FilePath, columns: tuple[int, int]) -> Pairs:
    """Two columns of numbered lines."""
    rows = [(number, line.split("\t")) for number, line in lines]
    path, (first, row) = shown_name(path), rows[0]
    width = len(row)
    if max(columns) > width or min(columns) < 1:
        message = f"has {_columns_of(width)}, separated by tabs; those to read are {columns[0]} and {columns[1]}"
        raise UserError(message, path=path, position=f"line {first}")
    for number, row in rows:
        if len(row) != width:
            message = f"has {_columns_of(len(row))}, line {first} has {width}"
            raise UserError(message, path=path, position=f"line {number}")
    return [row[columns[0] - 1] for _, row in rows], [row[columns[1] - 1] for _, row in rows]


def _columns_of(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _are(count: int) -> str:
    return "1 is" if count == 1 else f"{count} are"
