"""Looking at where results shall go before the work begins."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rnnzoo.errors import UserError

__all__ = ["check_file_destination", "check_folder_destination"]


def check_folder_destination(folder: str | os.PathLike[str]) -> None:
    """Refuses a folder that is none, cannot be made, or cannot be written in; nothing is left behind.

    Raises:
        UserError: with the reason.
    """
    path = Path(folder)
    place = path
    try:
        while not os.path.lexists(place):
            if place == place.parent:
                break
            place = place.parent
        if not place.is_dir():
            raise UserError("is not a folder", path=place)
        descriptor, name = tempfile.mkstemp(prefix=".rnnzoo-", dir=place)  # rights alone do not say: /proc has them
        os.close(descriptor)
        os.unlink(name)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"cannot be written ({reason})", path=shown_path(path)) from None


def check_file_destination(file: str | os.PathLike[str]) -> None:
    """Refuses a file that cannot be written, because of its folder or because a folder has its name.

    Raises:
        UserError: with the reason.
    """
    path = Path(file)
    try:
        if path.is_dir():
            raise UserError("is a folder", path=path)
    except OSError as error:
        raise UserError(f"cannot be written ({error.strerror})", path=path) from None
    check_folder_destination(path.parent)


def shown_path(path: Path) -> str:
    """A path in an error message: not all of one that is too long for any file."""
    text = os.fspath(path).replace("\0", "\\0")
    return text if len(text) <= 300 else f"{text[:297]}..."
