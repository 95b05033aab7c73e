"""An exported model as a folder or one ZIP file: checked, and read no further than it was checked.

meta.json            graphs, shapes, states, special ids, licence, and size and sha256 of every other file
step.onnx ...        graphs, small: their weights lie in weights.bin, where all of them find the same ones
weights.bin
tokenizer.json       and tokenizer.src.json, where a translator's source has another vocabulary
README.md            for people
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..opening import open_regular

__all__ = ["FORMAT", "META", "SCHEMA", "WEIGHTS", "Bundle"]

FORMAT = "rnnzoo-export"
SCHEMA = 2
"""The version of meta.json; 1 was that of the files without a folder."""

META, WEIGHTS = "meta.json", "weights.bin"
_MAX_META = 16 << 20
_MAX_FILE = 4 << 30
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class Bundle:
    """The files of an exported model.

    Attributes:
        path: the folder or ZIP file. meta: what ``meta.json`` says.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Reads ``meta.json`` and nothing else.

        Args:
            path: a folder, its ``meta.json``, or a ZIP file of its files.

        Raises:
            UserError: it is none of these, or was written by a newer version.
        """
        self.path = Path(path)
        if self.path.name == META:
            self.path = self.path.parent
        if not self.path.exists():
            raise UserError("no such folder or file", path=self.path)
        try:
            self.meta: dict[str, Any] = json.loads(self._read(META, _MAX_META).decode("utf-8"))
        except (ValueError, RecursionError):
            raise UserError(f"{META} is not JSON", path=self.path) from None
        _require(isinstance(self.meta, dict) and self.meta.get("format") == FORMAT, self.path)
        if self.meta.get("schema") != SCHEMA:
            raise UserError(
                f"is of schema {self.meta.get('schema')!r:.20}, and this version reads {SCHEMA}: export it again, "
                "or install the version that wrote it",
                path=self.path,
            )
        files = self.meta.get("files")
        _require(isinstance(files, dict) and isinstance(self.meta.get("graphs"), dict), self.path)
        self._files: Mapping[str, Any] = files

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return name in self._files

    def read(self, name: str) -> bytes:
        """The bytes of one file, which are those that ``meta.json`` vouches for.

        Raises:
            UserError: the file is missing, or is not the one that was exported.
        """
        told = self._files.get(name)
        _require(isinstance(told, dict) and _PLAIN.issuperset(name) and name.strip(".") != "", self.path)
        assert told is not None
        size = told.get("size")
        _require(type(size) is int and 0 <= size <= _MAX_FILE, self.path)
        data = self._read(name, size)
        if len(data) != size or hashlib.sha256(data).hexdigest() != told.get("sha256"):
            raise UserError(f"{name} is not the file that was exported: it is damaged or was changed", path=self.path)
        return data

    def check(self) -> None:
        """Holds every file to its hash.

        Raises:
            UserError: one is missing or was changed.
        """
        for name in self._files:
            self.read(name)

    def _read(self, name: str, most: int) -> bytes:
        """At most one byte more than `most`, so that what is longer shows."""
        try:
            if self.path.is_dir():
                if not (self.path / name).exists():
                    raise KeyError(name)
                with open_regular(self.path / name) as file:
                    return file.read(most + 1)
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as member:
                return member.read(most + 1)
        except KeyError:
            raise UserError(f"{name} is missing: not a model that `rnnzoo export` wrote", path=self.path) from None
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
            raise UserError("is neither a folder nor a whole ZIP file", path=self.path) from None
        except OSError as error:
            raise UserError(f"{name} cannot be read ({error.strerror})", path=self.path) from None


def _require(ok: bool, path: Path) -> None:
    if not ok:
        raise UserError(f"{META} is not what `rnnzoo export` writes", path=path)
