"""Text of a dataset that the `datasets` library loads: from the hub, or from a local folder."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnzoo.data.labelled_files import Row, labels_in
from rnnzoo.data.saved import is_saved, load_saved
from rnnzoo.errors import UserError, nearest

__all__ = ["fetch_hub_pairs", "load_hub_labelled", "load_hub_pairs", "load_hub_texts", "stream_hub_texts"]

_ROLES = {"train": "train", "validation": "valid", "valid": "valid", "dev": "valid", "test": "test"}


def load_hub_texts(hub: str, text_column: str) -> dict[str, str]:
    """The splits of a dataset as running text: its rows, each ended by a newline.

    Args:
        hub: ``"org/dataset"``, ``"org/dataset:config"``, or a folder: of files that `datasets` reads, or one that its
            `save_to_disk` wrote.
        text_column: the column to read.

    Returns:
        ``"train"`` and those of ``"valid"`` and ``"test"`` that the dataset has.

    Raises:
        UserError: not to be had (offline, no such dataset or configuration), no training split, no
            such column, or one that holds no text.
    """
    splits = _load(hub)
    texts = {}
    for role, split in splits.items():
        _check_column(hub, text_column, split.column_names)
        # a row may end in a newline, or be the empty string for a blank line
        texts[role] = "".join(r if r.endswith("\n") else r + "\n" for r in _strings(split[text_column], hub))
        if not texts[role].strip():
            raise UserError(f"hub dataset {hub!r}: column {text_column!r} of split {role!r} is empty")
    return texts


def stream_hub_texts(hub: str, text_column: str) -> tuple[dict[str, Callable[[], Iterator[str]]], Any]:
    """The rows of a dataset's splits, read as they arrive; nothing is stored or held in memory.

    Args:
        hub: as in `load_hub_texts`, and so is `text_column`.

    Returns:
        For each split what begins to read its rows, each ended by a newline; and plain values that tell this state of
        the dataset from others.

    Raises:
        UserError: as `load_hub_texts`, the rows' part of it once they are read.
    """
    if is_saved(hub):
        saved = _load(hub)
        read = {role: _text_rows(hub, split, text_column) for role, split in saved.items()}
        return read, [[role, split._fingerprint] for role, split in saved.items()]
    builder = _call(hub, lambda datasets, *name: datasets.load_dataset_builder(*name))
    splits = _roles(hub, _call(hub, lambda *_: builder.as_streaming_dataset()))
    files = builder.config.data_files or {}
    identity = [[str(key), [str(file) for file in found], found.origin_metadata] for key, found in files.items()]
    return {role: _text_rows(hub, split, text_column) for role, split in splits.items()}, [builder.hash, *identity]


def _text_rows(hub: str, split: Any, text_column: str) -> Callable[[], Iterator[str]]:
    """What begins to read a column of a split."""
    if split.column_names is not None:
        _check_column(hub, text_column, split.column_names)
        split = split.select_columns([text_column])

    def rows() -> Iterator[str]:
        try:
            with _plainly(hub):
                for row in split:
                    _check_column(hub, text_column, row)
                    (text,) = _strings([row[text_column]], hub)
                    yield text if text.endswith("\n") else text + "\n"
        except UserError:
            raise
        except Exception as error:
            raise _failed(hub, error) from None

    return rows


def load_hub_pairs(hub: str, sides: tuple[str, str]) -> dict[str, tuple[list[str], list[str]]]:
    """The splits of a dataset as pairs of sentences, a row a pair; all of it is held in memory.

    Args:
        hub: as in `load_hub_texts`.
        sides: the languages of source and target: two columns, or two keys of a column ``translation``, which is how
            WMT and OPUS are kept.

    Returns:
        ``"train"`` and those of ``"valid"`` and ``"test"`` that the dataset has, line ends made spaces.

    Raises:
        UserError: as `load_hub_texts`; a language that the dataset does not have.
    """
    parts = {}
    for role, split in _load(hub).items():
        rows = split["translation"] if "translation" in split.column_names else None
        known = split.column_names if rows is None else sorted(rows[0] or ()) if len(rows) else sides
        for side in sides:
            if side not in known:
                there = nearest("", known)
                raise UserError(f"hub dataset {hub!r} has no language {side!r}{there}; set src and tgt")
        columns = zip(split[sides[0]], split[sides[1]], strict=True) if rows is None else _translations(rows, sides)
        one, other = list[str](), list[str]()
        for number, pair in enumerate(columns, 1):
            for sentence, side, into in zip(pair, sides, (one, other), strict=True):
                into.append(_sentence(sentence, side, f"hub dataset {hub!r}, split {role!r}, row {number}"))
        if not one:
            raise UserError(f"hub dataset {hub!r}: split {role!r} is empty")
        parts[role] = (one, other)
    return parts


def load_hub_labelled(
    hub: str, text_column: str, label_column: str, separator: str | None = None
) -> dict[str, list[Row]]:
    """The splits of a dataset as texts with labels, a row a text; blank texts are passed over.

    Args:
        hub: as in `load_hub_texts`. text_column: the texts.
        label_column: the labels: text, whole numbers, numbers that the dataset has names for, or, where a text may have
            several, lists of those.
        separator: between labels that stand in one text, where there may be several; None where each text has one.

    Returns:
        ``"train"`` and those of ``"valid"`` and ``"test"`` that the dataset has.

    Raises:
        UserError: as `load_hub_texts`; a label that is neither.
    """
    parts = {}
    for role, split in _load(hub).items():
        for column in (text_column, label_column):
            _check_column(hub, column, split.column_names)
        feature = split.features[label_column]
        names = getattr(getattr(feature, "feature", feature), "names", None)
        path, rows = f"hub dataset {hub!r}, split {role!r}", list[Row]()
        for number, (text, label) in enumerate(zip(split[text_column], split[label_column], strict=True), 1):
            place = f"row {number}"
            if not isinstance(text, str):
                raise UserError(f"{text_column!r} is {type(text).__name__}, not text", path=path, position=place)
            if text.strip():
                given = [_label(one, names, path, place) for one in (label if isinstance(label, list) else [label])]
                if isinstance(label, list) and separator is None:
                    raise UserError(f"{label_column!r} is a list: set data.separator", path=path, position=place)
                labels = (
                    tuple(sorted(set(given)))
                    if isinstance(label, list)
                    else labels_in(given[0], separator, path, place)
                )
                rows.append(Row(text.strip(), labels, path, place))
        parts[role] = rows
    return parts


def _label(label: Any, names: list[str] | None, path: str, place: str) -> str:
    if names is not None and isinstance(label, int) and 0 <= label < len(names):
        return names[label]
    if not isinstance(label, (str, int)):
        raise UserError(f"a label is {type(label).__name__}, not text", path=path, position=place)
    return str(label)


def _sentence(sentence: Any, side: str, where: str) -> str:
    if not isinstance(sentence, str):
        raise UserError(f"{where}: {side!r} is {type(sentence).__name__}, not text")
    return " ".join(sentence.split("\n"))


def _translations(rows: Any, sides: tuple[str, str]) -> Iterator[tuple[Any, Any]]:
    for row in rows:
        yield tuple((row or {}).get(side) for side in sides)  # type: ignore[misc]


def fetch_hub_pairs(hub: str, folder: Path, sides: tuple[str, str]) -> None:
    """Writes the column "translation" of a dataset as ``<split>.<side>`` files, a line a sentence.

    Raises:
        UserError: as `load_hub_texts`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for role, split in _load(hub).items():
        if "translation" not in split.column_names:
            raise UserError(f"hub dataset {hub!r} has no column 'translation'{nearest('', split.column_names)}")
        paths = [folder / f"{role}.{side}" for side in sides]
        parts = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in paths]
        try:
            with (
                parts[0].open("w", encoding="utf-8", newline="\n") as one,
                parts[1].open("w", encoding="utf-8", newline="\n") as other,
            ):
                for number, pair in enumerate(_translations(split["translation"], sides), 1):
                    for file, side, sentence in zip((one, other), sides, pair, strict=True):
                        where = f"hub dataset {hub!r}, split {role!r}, row {number}"
                        file.write(_sentence(sentence, side, where) + "\n")
            for part, path in zip(parts, paths, strict=True):
                os.replace(part, path)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)


def _check_column(hub: str, text_column: str, columns: Iterable[str]) -> None:
    if text_column not in columns:
        known = nearest(text_column, columns)
        raise UserError(f"hub dataset {hub!r} has no column {text_column!r}{known}; set text_column")


def _load(hub: str) -> dict[str, Any]:
    if is_saved(hub):
        return _roles(hub, _call(hub, lambda datasets, *_: load_saved(datasets, hub)))
    return _roles(hub, _call(hub, lambda datasets, *name: datasets.load_dataset(*name)))


def _call(hub: str, work: Callable[..., Any]) -> Any:
    """What `work` makes of the library, the dataset's name and its configuration; in one line what went wrong."""
    import datasets  # type: ignore[import-untyped]

    # a folder's name may have a colon of its own
    name, config = (hub, None) if os.path.isdir(hub) else (*hub.split(":", 1), None)[:2]
    bars = not (datasets.are_progress_bars_disabled() or sys.stderr.isatty())
    try:
        if bars:  # that nobody sees move
            datasets.disable_progress_bars()
        with _plainly(hub):
            return work(datasets, name, config)
    except UserError:
        raise
    except Exception as error:  # the library raises a dozen kinds, and network errors of others
        raise _failed(hub, error) from None
    finally:
        if bars:
            datasets.enable_progress_bars()


@contextmanager
def _plainly(hub: str) -> Iterator[None]:
    """What the libraries log of lost connections becomes a line a minute; of errors nothing, since they are raised."""
    plain = _Plain(hub)
    handlers = [handler for name in ("datasets", "huggingface_hub") for handler in logging.getLogger(name).handlers]
    for handler in handlers:
        handler.addFilter(plain)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(plain)


class _Plain(logging.Filter):
    AGAIN = re.compile("thrown while requesting|Retrying in|Got disconnected|Failed to connect|Error while downloading")
    NOTHING = "Repo card metadata block was not found"  # most have none

    def __init__(self, hub: str) -> None:
        super().__init__()
        self.hub, self.next = hub, 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if record.levelno >= logging.ERROR or message.startswith(self.NOTHING):
            return False
        if self.AGAIN.search(message):
            if time.monotonic() < self.next:
                return False
            self.next = time.monotonic() + 60
            record.msg, record.args = f"rnnzoo: hub dataset {self.hub!r}: no connection; trying again", ()
        return True


def _failed(hub: str, error: Exception) -> UserError:
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    if type(error).__name__ == "DatasetNotFoundError":
        reason += " If it is private, log in: `hf auth login`, or HF_TOKEN"
    return UserError(f"hub dataset {hub!r} cannot be loaded: {reason:.300}")


def _roles(hub: str, loaded: Any) -> dict[str, Any]:
    splits = {_ROLES[str(key)]: split for key, split in loaded.items() if str(key) in _ROLES}
    if "train" not in splits:
        raise UserError(f"hub dataset {hub!r} has no split 'train'{nearest('', map(str, loaded))}")
    return splits


def _strings(rows: Any, hub: str) -> Iterator[str]:
    for row in rows:
        if not isinstance(row, str):
            raise UserError(f"hub dataset {hub!r}: a row is {type(row).__name__}, not text; set text_column")
        yield row
