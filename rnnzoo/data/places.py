"""Where corpora and caches lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from rnnzoo.data.sources import CorpusEntry
from rnnzoo.errors import UserError

__all__ = ["cache_root", "data_roots", "find_corpus", "missing_files"]


def cache_root() -> Path:
    """The user's cache folder: ``RNNZOO_CACHE``, else ``~/.cache/rnnzoo``."""
    named = os.environ.get("RNNZOO_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "rnnzoo"


def data_roots() -> list[Path]:
    """The folders that hold corpora, the one to download to first: ``RNNZOO_DATA`` where set, the cache."""
    named = os.environ.get("RNNZOO_DATA")
    return [*([Path(named)] if named else []), cache_root() / "data"]


def missing_files(entry: CorpusEntry, root: Path) -> list[str]:
    """The files of `entry` that are not below `root`; sizes are not looked at."""
    return [file.path for file in entry.files if not (root / entry.folder / file.path).is_file()]


def find_corpus(entry: CorpusEntry) -> Path:
    """The folder with all files of `entry`; nothing is downloaded.

    Raises:
        UserError: no place has all of them; says what to do.
    """
    there = ""
    for root in data_roots():
        missing = missing_files(entry, root)
        if not missing:
            return root / entry.folder
        if len(missing) < len(entry.files) and not there:
            there = f" ({root / entry.folder} has no {', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''})"
    folders = dict.fromkeys((Path(entry.folder) / file.path).parts[0] for file in entry.files)
    raise UserError(
        f"corpus {entry.name!r} is not here{there}: run `rnnzoo data get {entry.name}`, or set RNNZOO_DATA "
        f"to a folder that holds {', '.join(f'{folder}/' for folder in folders)}"
    )
