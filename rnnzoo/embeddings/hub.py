"""Vector files of the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from rnnzoo.errors import UserError

__all__ = ["PREFIX", "fetch"]

PREFIX = "hub:"
_FORM = "hub:org/repo[@revision]/path/to/file, or hub:datasets/org/repo[@revision]/path/to/file"


def fetch(source: str) -> Path:
    """The local copy of a hub repository's file, downloaded if it is not in the cache.

    Args:
        source: ``hub:org/repo/path``, with ``@revision`` behind the repository's name to pin one (a branch, tag or
            commit); ``hub:datasets/org/repo/path`` for a dataset repository.

    Raises:
        UserError: not of that form, no such repository or file, no network.
    """
    parts = source.removeprefix(PREFIX).split("/")
    kind = "model"
    if parts[0] == "datasets":
        kind, parts = "dataset", parts[1:]
    name, _, revision = "/".join(parts[:2]).partition("@")
    if len(parts) < 3 or not all(parts) or ".." in parts or name.count("/") != 1:
        raise UserError(f"{source!r} names no file of the hub: {_FORM}")
    from huggingface_hub import hf_hub_download  # takes a moment, and most sources are files

    try:
        return Path(hf_hub_download(name, "/".join(parts[2:]), repo_type=kind, revision=revision or None))
    except Exception as error:  # the library raises a dozen kinds, and network errors of others
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(f"{source}: cannot be downloaded: {reason:.300}") from None
