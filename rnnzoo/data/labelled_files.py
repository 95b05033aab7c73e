"""Texts and their labels, read from tables, from a file a label, or from the files of the catalogue."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rnnzoo.data.catalogue_text import catalogue_text
from rnnzoo.data.places import find_corpus
from rnnzoo.data.plain_text import AS_PEOPLE_EXPECT, TextForm
from rnnzoo.data.sources import CorpusEntry, hash_of, hashed_part
from rnnzoo.data.tables import numbered_lines, table_kind, table_rows
from rnnzoo.errors import UserError
from rnnzoo.opening import shown_name
from rnnzoo.text.spaces import plain_spaces

__all__ = ["Row", "catalogue_rows", "file_rows", "labels_in"]

FilePath = str | os.PathLike[str]

_OF_A_LANGUAGE = 20_000
"""Training sentences of each language in the corpus of languages, at most."""

_SENTIMENT = {"0": "negative", "1": "positive"}


class Row(NamedTuple):
    """A text with its labels.

    Attributes:
        text: as it is read, white space around it left out. labels: the label, or all of them.
        path: the file. position: the place in it.
    """

    text: str
    labels: tuple[str, ...]
    path: str
    position: str


def file_rows(
    paths: Sequence[FilePath],
    text_column: str,
    label_column: str,
    columns: tuple[int, int] | None = None,
    separator: str | None = None,
    form: TextForm = AS_PEOPLE_EXPECT,
) -> list[Row]:
    """All texts of tables, or of files of which each has the texts of one label; blank texts are passed over.

    Args:
        paths: the files. text_column, label_column: the columns of tables.
        columns: those of a ``.tsv`` without names, counted from 1.
        separator: between the labels of a text that may have several; None where it has one.
        form: how the bytes become text.

    Raises:
        UserError: a file cannot be read, is of another kind than the first, or has no such columns; a text has no
            label.
    """
    tables = [table_kind(path) is not None for path in paths]
    if any(tables) != all(tables):
        odd = paths[tables.index(not tables[0])]
        raise UserError("tables, and files of one label each, do not go together", path=shown_name(odd))
    found: list[Row] = []
    for path in paths:
        if not tables[0]:
            found += _of_one_label(path, form)
        elif columns is not None and table_kind(path) == "tsv":
            found += _unnamed(path, columns, separator, form)
        else:
            rows = table_rows(path, (text_column, label_column), form, numbers=(label_column,))
            for place, (text, label) in rows:
                if text.strip():
                    found.append(Row(text.strip(), labels_in(label, separator, path, place), shown_name(path), place))
    return found


def labels_in(label: str, separator: str | None, path: FilePath, position: str) -> tuple[str, ...]:
    """The labels of a text.

    Raises:
        UserError: it has to have one, and has none.
    """
    if separator is not None:
        return tuple(sorted({one.strip() for one in label.split(separator) if one.strip()}))
    if not label.strip():
        raise UserError("the label is blank", path=shown_name(path), position=position)
    return (label.strip(),)


def catalogue_rows(entry: CorpusEntry) -> dict[str, list[Row]]:
    """The parts of a corpus of the catalogue; all is "train" where it has none.

    Raises:
        UserError: the corpus is not here, or not what the catalogue says.
    """
    folder = find_corpus(entry)
    if entry.split == "sides":
        return _languages(entry, folder)
    found: dict[str, list[Row]] = {}
    for file in entry.files:
        if not file.role:
            continue
        path, text = str(folder / file.path), catalogue_text(file, folder)
        if file.path.endswith(".csv"):
            reader = csv.reader(io.StringIO(text, newline=""))
            next(reader)
            rows = [Row(one.strip(), (label,), path, f"line {reader.line_num}") for one, label in reader]
        elif file.path.endswith(".tsv"):
            lines = (line.split("\t") for line in text.removesuffix("\n").split("\n"))
            rows = [
                Row(one.strip(), (_SENTIMENT.get(label, label),), path, f"line {number}")
                for number, (one, label) in enumerate(lines, 1)
            ]
        else:
            lines_of = enumerate(text.removesuffix("\n").split("\n"), 1)
            rows = [Row(one.strip(), (Path(path).stem,), path, f"line {n}") for n, one in lines_of if one.strip()]
        found.setdefault("train" if file.role == "all" else file.role, []).extend(rows)
    return found


# --------------------------------------------------------------------------------------------------- parts


def _of_one_label(path: FilePath, form: TextForm) -> Iterator[Row]:
    label = Path(shown_name(path)).stem
    for number, line in numbered_lines(path, form):
        if line.strip():
            yield Row(line.strip(), (label,), shown_name(path), f"line {number}")


def _unnamed(path: FilePath, columns: tuple[int, int], separator: str | None, form: TextForm) -> Iterator[Row]:
    width = None
    for number, line in numbered_lines(path, form):
        if not line.strip():
            continue
        row, place = line.removesuffix("\n").split("\t"), f"line {number}"
        width = len(row) if width is None else width
        if len(row) != width or max(columns) > width:
            count = "1 column" if len(row) == 1 else f"{len(row)} columns"
            wanted = f"those to read are {columns[0]} and {columns[1]}" if max(columns) > width else f"not {width}"
            raise UserError(f"has {count}, separated by tabs; {wanted}", path=shown_name(path), position=place)
        text, label = row[columns[0] - 1].strip(), row[columns[1] - 1]
        if text:
            yield Row(text, labels_in(label, separator, path, place), shown_name(path), place)


def _languages(entry: CorpusEntry, folder: Path) -> dict[str, list[Row]]:
    """The sentences of all sides of tables of pairs, English first, each with its language as the label.

    An English sentence is in the part that it has in every corpus of pairs; a translation of several of them goes where
    the last of their parts is.
    """
    rank = {"train": 0, "valid": 1, "test": 2}
    part_of: dict[str, str] = {}  # many English sentences stand beside several languages
    found: dict[tuple[str, str], tuple[str, str, str]] = {}  # language and sentence: part, file, place
    for file, language in zip(entry.files, entry.languages[1:], strict=True):
        path = str(folder / file.path)
        for number, line in enumerate(catalogue_text(file, folder).removesuffix("\n").split("\n"), 1):
            english, other = (plain_spaces(side) for side in line.split("\t")[:2])
            if (part := part_of.get(english)) is None:
                part = part_of[english] = hashed_part(english)
            for key in ((entry.languages[0], english), (language, other)):
                if key not in found or rank[part] > rank[found[key][0]]:
                    found[key] = (part, path, f"line {number}")
    parts: dict[str, list[Row]] = {role: [] for role in rank}
    for (language, sentence), (part, path, place) in found.items():
        parts[part].append(Row(sentence, (language,), path, place))
    of_language: dict[tuple[str, ...], list[Row]] = {}
    for row in parts["train"]:
        of_language.setdefault(row.labels, []).append(row)
    parts["train"] = [
        row
        for rows in of_language.values()
        for row in sorted(rows, key=lambda row: hash_of(row.text) // 50)[:_OF_A_LANGUAGE]
    ]
    return parts
