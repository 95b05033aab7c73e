"""A model as one HTML file: it runs in the reader's browser, from a folder or a mail, without a server.

The page executes the step graph that `rnnzoo export` makes, so no recurrence is written a second time. Its sources are
in ``assets/``, as they are read and debugged: `graph.mjs` executes graphs, `main.mjs` is where the page begins.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rnnzoo.errors import UserError
from rnnzoo.files import write_durably
from rnnzoo.page.bundle import page_html
from rnnzoo.page.contents import model_bytes
from rnnzoo.zoo import find_model, read_config
from rnnzoo.zoo.kinds import kind_of_task

__all__ = ["MOST_MODELS", "check_page", "write_page"]

MOST_MODELS = 4
"""Models that stand side by side in a page."""


def check_page(out: str | os.PathLike[str], names: Sequence[str], *, force: bool = False) -> Path:
    """The file `out` as a path, if a page of so many models can be written there.

    Raises:
        UserError: there are too many, or the file or its folder is not one to write to.
    """
    path = Path(out)
    if len(names) > MOST_MODELS:
        raise UserError(f"a page has room for {MOST_MODELS} models, not {len(names)}", path=path)
    if not path.parent.is_dir():
        raise UserError("no such folder", path=path.parent)
    if not os.access(path.parent, os.W_OK):
        raise UserError("this folder cannot be written to", path=path.parent)
    if path.is_dir():
        raise UserError("is a folder", path=path)
    if path.exists() and not force:
        raise UserError("is there already; --force replaces it", path=path)
    return path


def write_page(
    names: str | Sequence[str],
    out: str | os.PathLike[str],
    *,
    int8: bool = False,
    text: str | None = None,
    force: bool = False,
) -> Path:
    """Writes one HTML file in which these models run, side by side over the same text.

    ::

        write_page("char-lstm.tinyshakespeare", "page.html")

    Args:
        names: a model, or up to four language models, or up to four translators; each as `rnnzoo.load` takes it.
        out: the file.
        int8: matrices of weights in 8 bits, for models that are stored in more.
        text: what the page shows first, and ranks units on; when left out, a text that the first model writes.
        force: replaces a file that is there.

    Returns:
        The file; it is there completely or not at all.

    Raises:
        UserError: no such model, models of different kinds, or nothing can be written there.
    """
    names = [names] if isinstance(names, str) else list(names)
    path = check_page(out, names, force=force)
    folders = [find_model(name) for name in names]
    tasks = [kind_of_task(read_config(folder)["task"]) for folder in folders]
    if any(task is not tasks[0] for task in tasks):
        raise UserError("language models and translators do not go into one page")
    tasks[0].check_bundled()
    titles = [_title(name, folder) for name, folder in zip(names, folders, strict=True)]
    models = [model_bytes(title, folder, int8=int8, text=text) for title, folder in zip(titles, folders, strict=True)]
    page = page_html(", ".join(titles), models).encode()
    try:
        write_durably(path, lambda file: file.write(page))
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", path=path) from None
    return path


def _title(name: str, folder: Path) -> str:
    """What the page calls a model: its name in the zoo, or its folder's own."""
    return folder.resolve().name if os.sep in name or name.startswith(".") else name
