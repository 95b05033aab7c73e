"""The files of a corpus of the catalogue, held to its hashes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from rnnzoo.data.sources import CorpusFile
from rnnzoo.errors import UserError
from rnnzoo.opening import read_regular

__all__ = ["catalogue_text", "checked", "decoded"]

_MOST = 1 << 36  # bytes of a file of the catalogue, whose hash is known


def catalogue_text(file: CorpusFile, folder: Path) -> str:
    """The text of one file of a corpus that lies in `folder`.

    Raises:
        UserError: it is missing, or not the file of the catalogue.
    """
    return decoded(checked(file, folder), folder / file.path)


def checked(file: CorpusFile, folder: Path) -> bytes:
    """The content of a file of the catalogue; a figure on another text would be worth nothing."""
    content = read_regular(folder / file.path, most=_MOST)
    if file.sha256 is not None and hashlib.sha256(content).hexdigest() != file.sha256:
        message = f"is not the file of the catalogue (sha256 {file.sha256[:12]}...): remove it and get it again"
        raise UserError(message, path=folder / file.path)
    return content


def decoded(data: bytes, path: str | os.PathLike[str]) -> str:
    """A file of the catalogue as text: UTF-8, its line ends as they are."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError("is not UTF-8", path=path, position=f"byte {error.start}") from None
    text = text.removeprefix("\ufeff")
    if not text:
        raise UserError("is empty", path=path)
    return text
