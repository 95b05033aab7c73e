"""A page as a Space of the hub: a folder that is ready to push, which runs in its readers' browsers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import yaml

from rnnzoo.errors import UserError
from rnnzoo.files import write_text
from rnnzoo.page import write_page
from rnnzoo.zoo import find_model
from rnnzoo.zoo.registry import licence_of

__all__ = ["write_space"]

_FILES = {"README.md", "index.html"}
_HUB = {"apache-2.0", "mit", "cc-by-4.0", "cc-by-2.0", "cc-by-sa-4.0", "cc0-1.0"}
"""Licences that the hub has by the same name; of others the page of each model tells."""


def write_space(
    names: Sequence[str],
    out: str | os.PathLike[str],
    *,
    int8: bool = False,
    text: str | None = None,
    force: bool = False,
) -> list[Path]:
    """Writes a static Space: README.md, whose header the hub reads, and index.html, the page that runs the models.

    Args:
        names, int8, text: as for `write_page`.
        out: a folder that is not there yet, or is empty. force: replaces the files of a Space that is there.

    Returns:
        The files.

    Raises:
        UserError: `write_page` does, or something else is in the folder.
    """
    folder = Path(out)
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if folder.exists() and not folder.is_dir():
        raise UserError("is a file", path=folder)
    if there & _FILES and not force:
        raise UserError("is there already; --force replaces it", path=folder)
    if there - _FILES - {".git", ".gitattributes"}:
        raise UserError("holds other files than those of a Space", path=folder)
    if not folder.absolute().parent.is_dir():
        raise UserError("no such folder", path=folder.parent)
    found = [find_model(name) for name in names]
    made = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        page = write_page(list(names), folder / "index.html", int8=int8, text=text, force=force)
        write_text(folder / "README.md", _readme([path.resolve().name for path in found], {*map(licence_of, found)}))
    except BaseException:
        if made:  # what could not be written leaves nothing
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        raise
    return [folder / "README.md", page]


def _readme(titles: Sequence[str], licences: set[str]) -> str:
    header = {
        "title": ", ".join(titles)[:80],
        "emoji": "🔁",
        "colorFrom": "blue",
        "colorTo": "indigo",
        "sdk": "static",
        "app_file": "index.html",
        "pinned": False,
        "short_description": "A recurrent network that runs in your browser",
        "tags": ["rnnzoo", "recurrent-neural-network"],
    }
    if len(licences) == 1 and licences <= _HUB:
        (header["license"],) = licences
    listed = "\n".join(f"- `{title}`" for title in titles)
    return f"""---
{yaml.safe_dump(header, sort_keys=False, allow_unicode=True)}---

# {", ".join(titles)}

Recurrent networks of rnnzoo, which run in your browser: what you type stays on your machine.

{listed}

In Python:

```python
import rnnzoo

model = rnnzoo.load("{titles[0]}")
```
"""
