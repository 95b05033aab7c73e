"""What a hub holds: repositories, and the names that git and large storage give to files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

LARGE = (".safetensors", ".png", ".parquet", ".gz")
"""What the repositories' .gitattributes puts in large storage."""

PAGE = b"<!DOCTYPE html><html><title>Sign in to the network</title></html>"
"""What a hotel's network answers instead."""


def git_sha1(data: bytes) -> str:
    """Git's name for a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def pointer(data: bytes) -> bytes:
    """What git holds of a file in large storage."""
    digest = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n".encode()


@dataclass
class Repo:
    """Files by path for each commit; branches and tags by name.

    Attributes:
        private: is there for its owner only. gated: is there for all, but what its files hold is for its owner only.
    """

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def find(self, revision: str) -> str | None:
        """The commit of a branch, a tag or a commit's hash."""
        known = {**{commit: commit for commit in self.commits}, **self.tags, **self.branches}
        return known.get(revision)

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Makes a commit of exactly `files` the branch's head; returns its hash."""
        tree = [(path, git_sha1(data)) for path, data in sorted(files.items())]
        history = json.dumps([self.branches.get(branch), len(self.commits), tree])
        commit = hashlib.sha1(history.encode()).hexdigest()
        self.commits[commit], self.branches[branch] = dict(files), commit
        return commit


def item_at(files: dict[str, bytes], path: str) -> dict[str, Any] | None:
    """A file or folder as the hub lists it; None where there is none."""
    if path not in files:
        inside = {name: git_sha1(data) for name, data in files.items() if name.startswith(f"{path}/")}
        tree = git_sha1(json.dumps(inside).encode())
        return {"type": "directory", "path": path, "size": 0, "oid": tree} if inside else None
    data = files[path]
    item: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git_sha1(data)}
    if path.endswith(LARGE):
        held = pointer(data)
        item["oid"] = git_sha1(held)
        item["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": len(held)}
    return item


def listing(files: dict[str, bytes], folder: str, recursive: bool) -> list[dict[str, Any]]:
    """The files and folders in a folder (``""``: the repository's own), and what is in those."""
    start, found = f"{folder}/" if folder else "", set[str]()
    for path in files:
        if path.startswith(start):
            parts = path.removeprefix(start).split("/")
            found |= {start + "/".join(parts[:depth]) for depth in range(1, len(parts) + 1 if recursive else 2)}
    return [item for path in sorted(found) if (item := item_at(files, path))]
