"""Publishing the whole zoo: a repository for every entry, and a collection that holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.zoo.finding import entry_names
from rnnzoo.zoo.hub import LIBRARY, hub_error, hub_name
from rnnzoo.zoo.layout import ENTRY
from rnnzoo.zoo.push import Published, push_to_hub

__all__ = ["COLLECTION", "push_all"]

COLLECTION = "rnnzoo"
"""What the collection is called."""

_ABOUT = "Recurrent networks with a measured score: language models and translators, to be loaded by rnnzoo."


def push_all(
    org: str,
    entries: Mapping[str, Path] | None = None,
    *,
    private: bool = False,
    token: str | bool | None = None,
    unverified: bool = False,
    report: Callable[[str, Published], None] | None = None,
) -> tuple[list[Published], str]:
    """Publishes every entry as ``ORG/NAME`` and puts all of them into one collection of the organisation.

    It may be run again at any time: what is there already, by the hash of its entry.json, is neither measured nor sent
    again, so that it goes on where it was interrupted.

    Args:
        org: the organisation or user. entries: name to folder; all that are installed when left out.
        private: makes new repositories and a new collection private.
        token: the one of `hf auth login` when left out.
        unverified: as for `push_to_hub`.
        report: called after each entry with ``"published"`` or ``"there already"``.

    Returns:
        Where each entry is, and the address of the collection.

    Raises:
        UserError: `org` is no name, there is no entry, or as for `push_to_hub`; entries before that one stay published.
    """
    if "/" in org or hub_name(f"{org}/x") is None:
        raise UserError(f"{org!r} is no organisation; one is a name, such as rnnzoo")
    folders = entry_names() if entries is None else dict(entries)
    if not folders:
        raise UserError("there is no entry to publish")
    done = []
    for name, folder in folders.items():
        found = _there(f"{org}/{name}", name, folder, token)
        if found is None:
            found = push_to_hub(folder, f"{org}/{name}", private=private, token=token, unverified=unverified)
            found = replace(found, name=name)
            said = "published"
        else:
            said = "there already"
        done.append(found)
        if report is not None:
            report(said, found)
    return done, _collected(org, [one.repo for one in done], private, token)


def _there(repo: str, name: str, folder: Path, token: str | bool | None) -> Published | None:
    """Where the entry in `folder` is published as it is; its entry.json names all other files by their hashes."""
    from huggingface_hub import HfApi, RepoFile
    from huggingface_hub.errors import RepositoryNotFoundError

    api = HfApi(token=token, **LIBRARY)
    try:
        found = [one for one in api.get_paths_info(repo, [ENTRY]) if isinstance(one, RepoFile)]
        data = (folder / ENTRY).read_bytes()
        if not found or found[0].blob_id != hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest():  # git's own
            return None
        return Published(name, repo, str(api.model_info(repo).sha), sha256_file(folder / ENTRY))
    except RepositoryNotFoundError:
        return None
    except Exception as error:
        raise hub_error(error, repo) from None


def _collected(org: str, repos: list[str], private: bool, token: str | bool | None) -> str:
    """Makes the collection where it is missing, and adds what it lacks; its address."""
    from huggingface_hub import HfApi

    api = HfApi(token=token, **LIBRARY)
    try:
        collection = api.create_collection(
            COLLECTION, namespace=org, description=_ABOUT, private=private, exists_ok=True
        )
        there = {item.item_id for item in collection.items}
        for repo in repos:
            if repo not in there:
                api.add_collection_item(collection.slug, repo, "model", exists_ok=True)
        return collection.url
    except Exception as error:
        raise hub_error(error, f"collection {COLLECTION!r} of {org}") from None
