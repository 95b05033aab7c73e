"""The package's manifest: which entries it vouches for, by the sha256 of their entry.json.

``entries`` has a line for each name (entry_sha256; repo and commit once it is published), ``aliases`` the new name
for each old one of a renamed entry.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnzoo.errors import UserError
from rnnzoo.files import read_json, sha256_file, write_json
from rnnzoo.zoo import paths
from rnnzoo.zoo.layout import ENTRY

__all__ = ["check_pinned", "manifest_path", "note_entry", "note_published", "read_manifest"]


def manifest_path() -> Path:
    """Where the manifest lies: in the package."""
    return paths.PACKAGE / "zoo" / "manifest.json"


def read_manifest() -> dict[str, Any]:
    """The manifest; empty where the package has none."""
    path = manifest_path()
    data = read_json(path) if path.is_file() else {}
    return {"schema": 1, "entries": data.get("entries", {}), "aliases": data.get("aliases", {})}


def check_pinned(name: str, folder: Path) -> bool:
    """Whether the manifest has `name`; then the folder's entry.json is the one that it means.

    Raises:
        UserError: entry.json is another, or missing.
    """
    pinned = read_manifest()["entries"].get(name, {}).get("entry_sha256")
    if pinned is None:
        return False
    if sha256_file(folder / ENTRY) != pinned:
        raise UserError("is not the one that this version of rnnzoo vouches for", path=folder / ENTRY)
    return True


def note_entry(name: str, folder: Path) -> None:
    """Puts the entry in `folder` into the manifest; where it is published no longer counts when it has changed."""
    manifest, sha256 = read_manifest(), sha256_file(folder / ENTRY)
    known = manifest["entries"].get(name, {})
    if known.get("entry_sha256") != sha256:
        known = {"entry_sha256": sha256, "repo": None, "commit": None}
    manifest["entries"] = dict(sorted({**manifest["entries"], name: known}.items()))
    write_json(manifest_path(), manifest)


def note_published(name: str, *, repo: str, commit: str) -> None:
    """Puts where an entry of the manifest is published there; an entry that it has not stays unknown."""
    manifest = read_manifest()
    if name in manifest["entries"]:
        manifest["entries"][name] |= {"repo": repo, "commit": commit}
        write_json(manifest_path(), manifest)
