"""From a model's name to its folder: in the package, on this disk, or on the hub. Needs no torch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnzoo.errors import UserError, nearest
from rnnzoo.zoo.hub import HubName, fetch, hub_name
from rnnzoo.zoo.manifest import check_pinned, read_manifest
from rnnzoo.zoo.paths import pretrained_folders

__all__ = ["GET_ALL", "RenamedWarning", "download", "entry_names", "find_model"]

GET_ALL = "`pip install rnnzoo-pretrained`"
"""What to run for the entries that the wheel is too small for."""


class RenamedWarning(FutureWarning):
    """A model was asked for by a name that it no longer has."""


def find_model(model: str | os.PathLike[str], *, pinned: bool = True, **hub: Any) -> Path:
    """The folder of a model; arguments as for `load`. What comes from the hub is complete and its hashes fit.

    Args:
        model: its name. pinned: holds an entry of the package to the manifest.
        hub: revision, token, cache_dir and local_files_only of `load`.

    Raises:
        UserError: there is none, or it is not the one of the manifest.
    """
    text = os.fspath(model)
    if isinstance(model, os.PathLike):
        return _folder(Path(text), hub)
    manifest = read_manifest()
    if new := manifest["aliases"].get(text.removeprefix("hub:")):
        warnings.warn(f"{text} is now called {new}", RenamedWarning, stacklevel=3)
        text = new
    if text.startswith("hub:"):
        name = hub_name(text.removeprefix("hub:"))
        if name is None:
            raise UserError(f"{text!r} is not hub:ORG/NAME or hub:ORG/NAME@REVISION")
        return _from_hub(name, manifest, hub)
    if os.sep in text or "/" in text or text.startswith("."):
        name = hub_name(text)
        # runs/x and the like are folders, even while they are missing: no hub is asked for them
        if name is None or Path(text).is_dir() or Path(text.split("/")[0]).is_dir():
            return _folder(Path(text), hub)
        return _from_hub(name, manifest, hub)
    return _named(text, manifest, pinned, hub)


def download(model: str | os.PathLike[str], **hub: Any) -> Path:
    """The folder of a model, fetched if it is not at hand; what `rnnzoo download` does. Arguments as for `load`."""
    return find_model(model, **hub)


def _named(name: str, manifest: dict[str, Any], pinned: bool, hub: dict[str, Any]) -> Path:
    """The entry of that name: in the package, else where the manifest says."""
    entries, known = entry_names(), manifest["entries"]
    if name in entries and hub.get("revision") is None:
        if pinned:
            check_pinned(name, entries[name])
        return entries[name]
    repo = known.get(name, {}).get("repo")
    if repo is not None:
        return _from_hub(HubName(repo), manifest, hub)
    if name in entries:
        raise UserError(f"{name} is in the package and has no repository that could have another revision")
    if name in known:
        raise UserError(f"{name} is not among the entries that are installed: {GET_ALL} gets it")
    hint = nearest(name, {*entries, *known}) or "; a run is named by its folder, such as runs/RECIPE/1"
    hint = f"; the folder of that name is ./{name}" if Path(name).is_dir() else hint
    raise UserError(f"unknown model {name!r}{hint}")


def _from_hub(name: HubName, manifest: dict[str, Any], hub: dict[str, Any]) -> Path:
    """The entry in a repository; of one in the manifest, the commit and entry.json that are meant there."""
    options = dict(hub)
    asked = options.pop("revision", None)
    if None not in (asked, name.revision) and asked != name.revision:
        raise UserError(f"{name.repo}: revision {name.revision!r} in its name, but {asked!r} beside it")
    revision, sha256 = asked or name.revision, None
    for known in manifest["entries"].values():
        if known.get("repo") == name.repo and revision in (None, known.get("commit")):
            revision, sha256 = known.get("commit"), known.get("entry_sha256")
    return fetch(name.repo, revision=revision, entry_sha256=sha256, **options)


def _folder(path: Path, hub: dict[str, Any]) -> Path:
    """A folder, or the last finished run in it."""
    if not path.is_dir():
        raise UserError("no such folder", path=path)
    if hub.get("revision") is not None:
        raise UserError("a folder has no revisions", path=path)
    runs = [run.parent for run in path.glob("*/run.json") if run.parent.name.isdigit()]
    return _last_finished(path, runs) if runs else path


def _last_finished(path: Path, runs: Sequence[Path]) -> Path:
    finished = [run for run in runs if (run / "metrics.json").is_file()]
    if not finished:
        raise UserError("no run in it has come to its end", path=path)
    return max(finished, key=lambda run: int(run.name))


def entry_names() -> dict[str, Path]:
    """The zoo entries that are at hand: name to folder, sorted."""
    folders = [path.parent for root in reversed(pretrained_folders()) for path in root.glob("*/config.json")]
    found = {path.name: path for path in folders}  # of two of one name, the package's own
    return dict(sorted(found.items()))
