"""Entries from the model hub, into huggingface_hub's cache; each byte is hashed before anything uses it.

Our own thin code over `snapshot_download`, because the hub library vouches for no content over plain HTTP: an error
page or a flipped bit of the right size is cached under the file's name, and is found there ever after (huggingface_hub
#3643, #2364). entry.json comes first and settles the commit; then exactly the files that it names; then each is held
to its size and hash. A file in the cache that fails is fetched anew, once.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.version import __version__
from rnnzoo.zoo.guard import Listed, check_file, check_places, listing
from rnnzoo.zoo.layout import ENTRY

__all__ = ["LIBRARY", "HubName", "fetch", "hub_error", "hub_name"]

LIBRARY: dict[str, Any] = {"library_name": "rnnzoo", "library_version": __version__}
"""What the hub is told of who asks."""

_NAME = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>\w[\w./-]*))?", re.ASCII)
_COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class HubName:
    """A repository, ``org/name``, and a branch, tag or commit of it; None stands for the main branch."""

    repo: str
    revision: str | None = None


def hub_name(text: str) -> HubName | None:
    """``org/name`` or ``org/name@revision`` taken apart; None if `text` is neither."""
    found = _NAME.fullmatch(text)
    return None if found is None or ".." in text else HubName(found["repo"], found["revision"])


def fetch(
    repo: str,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    entry_sha256: str | None = None,
) -> Path:
    """The entry in a hub repository: a folder of the cache, in which every file is the one that entry.json names.

    Args:
        repo: ``org/name``. revision: a branch, tag or commit; the main branch when left out.
        token: for private repositories; the one of `hf auth login` when left out.
        cache_dir: instead of huggingface_hub's own. local_files_only: asks no server.
        entry_sha256: the hash that entry.json has to have; any when left out.

    Raises:
        UserError: no such repository or revision, no network, an entry that is not whole or not the one meant.
    """
    import huggingface_hub as hub
    from huggingface_hub import constants, errors

    offline = local_files_only or constants.is_offline_mode()

    def get(names: list[str], commit: str | None, force: bool = False) -> Path:
        try:
            options: dict[str, Any] = {"force_download": True} if force else {"local_files_only": local_files_only}
            options |= {"token": token, "cache_dir": cache_dir, **LIBRARY}
            return Path(hub.snapshot_download(repo, revision=commit, allow_patterns=names, **options))
        except Exception as error:  # what a server can answer has no end; all of it ends in one line
            raise hub_error(error, repo, revision, cache_dir=cache_dir) from None

    folder = get([ENTRY], revision)
    if not _COMMIT.fullmatch(folder.name):
        raise UserError(f"{repo}: the server names a commit {folder.name[:80]!r}, which is none")
    if not (folder / ENTRY).is_file():
        if offline:
            raise hub_error(errors.LocalEntryNotFoundError(ENTRY), repo, revision, cache_dir=cache_dir)
        raise UserError(f"{repo}: is no entry of rnnzoo: it has no {ENTRY}")
    try:
        listed = _listing(folder, entry_sha256)
        if missing := [name for name in listed if not (folder / name).is_file()]:
            if offline:
                raise UserError(f"in the cache without {', '.join(missing)}: load it once online", path=repo)
            get(missing, folder.name)
        _check(folder, listed)
    except UserError as error:
        if offline:
            raise
        try:
            get([ENTRY], folder.name, force=True)
            listed = _listing(folder, entry_sha256)
            if wrong := [name for name, item in listed.items() if not _is_sound(folder, name, item)]:
                get(wrong, folder.name, force=True)
            _check(folder, listed)
        except UserError as second:
            again = "so it was when fetched again" if str(second) == str(error) else f"fetched again: {second}"
            raise UserError(f"{error}; {again}") from None
    return folder


def _listing(folder: Path, entry_sha256: str | None) -> dict[str, Listed]:
    path = folder / ENTRY
    check_places(folder, [ENTRY])
    if entry_sha256 is not None and sha256_file(path) != entry_sha256:
        raise UserError("is not the one that this version of rnnzoo vouches for", path=path)
    return listing(folder)


def _check(folder: Path, listed: dict[str, Listed]) -> None:
    check_places(folder, listed)
    for name, item in listed.items():
        check_file(folder / name, item)


def _is_sound(folder: Path, name: str, item: Listed) -> bool:
    try:
        _check(folder, {name: item})
    except UserError:
        return False
    return True


def hub_error(
    error: Exception, repo: str, revision: str | None = None, *, cache_dir: str | os.PathLike[str] | None = None
) -> UserError:
    """What the hub library raised, in one line that says what to do."""
    from huggingface_hub import constants, errors

    if isinstance(error, UserError):
        return error
    if isinstance(error, errors.GatedRepoError):
        return UserError(f"{repo}: ask for access on its page, then `hf auth login`")
    if isinstance(error, errors.RepositoryNotFoundError):
        return UserError(f"{repo}: no such model on the hub, or a private one, which needs a token: `hf auth login`")
    if isinstance(error, errors.RevisionNotFoundError):
        return UserError(f"{repo}: has no branch, tag or commit {revision or 'main'!r}")
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(error, errors.LocalEntryNotFoundError):
        return UserError(f"{repo}: is no entry of rnnzoo: a file is missing there ({_short(error)})")
    if isinstance(error, (errors.LocalEntryNotFoundError, errors.IncompleteSnapshotError)):
        place = os.fspath(cache_dir) if cache_dir is not None else constants.HF_HUB_CACHE
        named = f"{repo}@{revision}" if revision else repo
        if constants.is_offline_mode():
            why = "HF_HUB_OFFLINE is set"
        elif error.__cause__ is not None:
            why = f"the hub cannot be reached ({_short(error.__cause__)})"
        else:
            why = "no server may be asked"
        return UserError(f"{named} is not in the cache ({place}), and {why}: `rnnzoo download {named}` with a network")
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return UserError(f"{repo}: the hub says no ({status}): log in with `hf auth login`, or give another token")
    cause = f" ({_short(error.__cause__)})" if error.__cause__ is not None else ""
    return UserError(f"{repo}: the hub's answer is of no use: {_short(error)}{cause}")


def _short(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]:.200}" if lines else type(error).__name__
