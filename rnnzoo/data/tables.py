"""Tables in one file, of which columns are read by their names: JSON lines, CSV, TSV, Parquet and Arrow.

What a file is, its name says: ``.jsonl`` (``.ndjson``), ``.csv``, ``.tsv``, ``.parquet``, ``.arrow``; the first three
may be gzip-compressed (``.csv.gz``). Every other file is running text.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from rnnzoo.data.plain_text import AS_PEOPLE_EXPECT, MAX_TEXT, TextForm, read_text, text_pieces
from rnnzoo.errors import UserError, nearest
from rnnzoo.opening import open_regular

__all__ = ["TABLES", "file_pieces", "numbered_lines", "read_file", "table_kind", "table_rows"]

FilePath = str | os.PathLike[str]

TABLES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".arrow")
"""How the names of tables end."""

_PIECE = 1 << 20  # characters of rows that come together
_LINE = 1 << 24  # characters of a line
_ROWS = 256  # of a Parquet file at a time


def table_kind(path: FilePath) -> str | None:
    """``"jsonl"``, ``"csv"``, ... by the file's name; None for running text."""
    name = os.fspath(path).lower()
    inner = name.removesuffix(".gz")
    for end in TABLES:
        if name.endswith(end) or (inner.endswith(end) and end not in (".parquet", ".arrow")):
            return "jsonl" if end == ".ndjson" else end[1:]
    return None


def table_rows(
    path: FilePath, columns: Sequence[str], form: TextForm = AS_PEOPLE_EXPECT, *, numbers: Sequence[str] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Some columns of a table, row by row, each behind the row's place: ``"line 3"``, ``"row 3"``.

    Args:
        path: one of `TABLES`. columns: their names. form: of those that are text.
        numbers: the columns in which whole numbers are read as text, too.

    Raises:
        UserError: the file cannot be read or is damaged, has no such column, or something else than text in one.
    """
    kind = table_kind(path)
    if kind in ("parquet", "arrow"):
        found = _arrow(path, columns, kind)
    elif kind == "jsonl":
        found = _json_lines(path, columns, form)
    else:
        found = _separated(path, columns, form, "\t" if kind == "tsv" else ",")
    for place, row in found:
        texts = tuple(
            str(value) if name in numbers and isinstance(value, int) else value
            for name, value in zip(columns, row, strict=True)
        )
        for name, value in zip(columns, texts, strict=True):
            if not isinstance(value, str):
                raise UserError(f"{name!r} is {type(value).__name__}, not text", path=path, position=place)
        yield place, texts


def file_pieces(
    path: FilePath, form: TextForm = AS_PEOPLE_EXPECT, text_column: str = "text", *, most: int | None = None
) -> Iterator[str]:
    """The text of a file, a piece at a time; of a table that of a column, each row ended by a newline.

    Raises:
        UserError: as `text_pieces`, or as `table_rows`; the column is empty.
    """
    if table_kind(path) is None:
        yield from text_pieces(path, form, most=most)
        return
    gathered, size, total, empty = list[str](), 0, 0, True
    for _, (text,) in table_rows(path, (text_column,), form):
        gathered.append(text if text.endswith("\n") else text + "\n")
        size, empty = size + len(gathered[-1]), empty and not text.strip()
        if size >= _PIECE:
            yield "".join(gathered)
            gathered, total, size = [], total + size, 0
            if most is not None and total > most:
                raise UserError(f"has more than {most:,} characters: make shards of it, `rnnzoo data build`", path=path)
    if empty:
        raise UserError(f"the column {text_column!r} is empty", path=path)
    yield "".join(gathered)


def read_file(path: FilePath, form: TextForm = AS_PEOPLE_EXPECT, text_column: str = "text") -> str:
    """The same as a whole.

    Raises:
        UserError: as `file_pieces`; it is longer than what is held in memory.
    """
    if table_kind(path) is None:
        return read_text(path, form)
    return "".join(file_pieces(path, form, text_column, most=MAX_TEXT))


def numbered_lines(path: FilePath, form: TextForm = AS_PEOPLE_EXPECT) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers from 1, their ends included.

    Raises:
        UserError: as `text_pieces`; a line of more than 16 million characters.
    """
    number, rest = 1, ""
    for piece in text_pieces(path, form):
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            yield number, line + "\n"
            number += 1
        if len(rest) > _LINE:
            raise UserError(f"is longer than {_LINE:,} characters", path=path, position=f"line {number}")
    if rest:
        yield number, rest


# --------------------------------------------------------------------------------------------------- parts

_Rows = Iterator[tuple[str, tuple[Any, ...]]]


def _json_lines(path: FilePath, columns: Sequence[str], form: TextForm) -> _Rows:
    for number, line in numbered_lines(path, form):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            row = json.loads(line)
        except RecursionError:
            raise UserError("is nested too deeply", path=path, position=place) from None
        except ValueError as error:
            raise UserError(f"is not JSON ({error})", path=path, position=place) from None
        if not isinstance(row, dict):
            raise UserError(f"is {type(row).__name__}, not a JSON object", path=path, position=place)
        for name in columns:
            if name not in row:
                raise _no_column(path, name, row, place)
        yield place, tuple(row[name] for name in columns)


def _separated(path: FilePath, columns: Sequence[str], form: TextForm, by: str) -> _Rows:
    csv.field_size_limit(max(csv.field_size_limit(), _LINE))
    quoting: Literal[0, 3] = csv.QUOTE_NONE if by == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader((line for _, line in numbered_lines(path, form)), delimiter=by, quoting=quoting)
    header: list[str] | None = None
    places: list[int] = []
    while True:
        place = f"line {reader.line_num + 1}"
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise UserError(f"is not a table ({error})", path=path, position=place) from None
        if row is None:
            break
        if not row or (len(row) == 1 and not row[0].strip()):
            continue  # a blank line
        if header is None:
            header = row
            for name in columns:
                if name not in header:
                    raise _no_column(path, name, header, place)
            places = [header.index(name) for name in columns]
        elif len(row) != len(header):
            raise UserError(f"has {len(row)} columns, line 1 has {len(header)}", path=path, position=place)
        else:
            yield place, tuple(row[one] for one in places)


def _arrow(path: FilePath, columns: Sequence[str], kind: str) -> _Rows:
    number = 0
    with _plain_errors(path):
        for batch in (_parquet_batches if kind == "parquet" else _arrow_batches)(path, columns):
            batch.validate(full=True)  # a damaged file must not lead beyond its end
            for row in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                number += 1
                yield f"row {number}", row


def _parquet_batches(path: FilePath, columns: Sequence[str]) -> Iterator[Any]:
    from pyarrow import parquet  # type: ignore[import-untyped]

    with open_regular(path) as raw, parquet.ParquetFile(raw) as file:
        _check_names(path, columns, file.schema_arrow.names)
        yield from file.iter_batches(batch_size=_ROWS, columns=list(columns), use_threads=False)


def _arrow_batches(path: FilePath, columns: Sequence[str]) -> Iterator[Any]:
    import pyarrow

    open_regular(path).close()
    with pyarrow.memory_map(os.fspath(path)) as source:
        if source.read(6) == b"ARROW1":
            file = pyarrow.ipc.open_file(source)
            _check_names(path, columns, file.schema.names)
            yield from (file.get_batch(place) for place in range(file.num_record_batches))
        else:
            source.seek(0)
            stream = pyarrow.ipc.open_stream(source)
            _check_names(path, columns, stream.schema.names)
            yield from stream


@contextmanager
def _plain_errors(path: FilePath) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise UserError(f"is damaged, or no {Path(path).suffix[1:]} file ({reason:.200})", path=path) from None


def _check_names(path: FilePath, columns: Sequence[str], known: Sequence[str]) -> None:
    for name in columns:
        if name not in known:
            raise _no_column(path, name, known, None)


def _no_column(path: FilePath, name: str, known: Any, place: str | None) -> UserError:
    there = nearest(name, [str(one)[:40] for one in list(known)[:20]])
    return UserError(f"has no column {name!r}{there}: say which one to read", path=path, position=place)
