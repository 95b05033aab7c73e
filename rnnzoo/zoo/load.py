"""From a model's name to the model."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import torch
from torch import nn

from rnnzoo.errors import UserError, nearest
from rnnzoo.zoo.folder import load_folder
from rnnzoo.zoo.hub import HubName, fetch, hub_name
from rnnzoo.zoo.kinds import Model, require
from rnnzoo.zoo.manifest import check_pinned, read_manifest
from rnnzoo.zoo.paths import pretrained_folders

__all__ = ["GET_ALL", "RenamedWarning", "download", "entry_names", "find_model", "load"]


GET_ALL = "`pip install rnnzoo-pretrained`"
"""What to run for the entries that the wheel is too small for."""


class RenamedWarning(FutureWarning):
    """A model was asked for by a name that it no longer has."""


M = TypeVar("M", bound=nn.Module)


@overload
def load(
    model: str | os.PathLike[str],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> Model: ...


@overload
def load(
    model: str | os.PathLike[str],
    *,
    kind: type[M],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> M: ...


def load(
    model: str | os.PathLike[str],
    *,
    kind: type[nn.Module] | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> nn.Module:
    """The plain model called `model`, in evaluation mode, tied weights tied. Every file is hashed before it is used.

    Args:
        model: a name of the zoo, which is looked for in the package, in the cache, on the hub; a folder (a path with a
            separator, or one that begins with a dot): a zoo entry, a finished run, or ``runs/RECIPE`` for the last
            finished run of that recipe; or a hub repository, ``org/name`` or ``org/name@revision``, which ``hub:`` in
            front distinguishes from a folder of that name.
        kind: the class that the model has to be of, `LanguageModel` or `Seq2Seq`; either when left out. Type checkers
            then know which it is.
        device: where its weights go. dtype: what they become, such as ``torch.bfloat16`` or ``"bfloat16"``.
        revision: a branch, tag or commit of the repository. token: for a private one.
        cache_dir: instead of huggingface_hub's cache. local_files_only: asks no server, as HF_HUB_OFFLINE=1 does.

    Raises:
        UserError: there is no such model, a file of it is missing or damaged, or it is not the one that this version
            of rnnzoo vouches for under that name, or it is of another kind.
    """
    if isinstance(dtype, str):
        found = getattr(torch, dtype, None)
        if not isinstance(found, torch.dtype) or not found.is_floating_point:
            raise UserError(f"unknown dtype {dtype!r} (float32, float16, bfloat16, float64)")
        dtype = found
    folder = find_model(model, revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
    loaded: nn.Module = load_folder(folder, device)
    if kind is not None:
        loaded = require(loaded, kind, os.fspath(model))
    return loaded if dtype is None else loaded.to(dtype)


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
