"""Publishing a model: the folder of its entry, as one commit of a hub repository."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from rnnzoo.errors import UserError
from rnnzoo.files import read_utf8, sha256_file, write_text
from rnnzoo.zoo.card import card
from rnnzoo.zoo.entry import shareable_recipe, write_listing, write_samples
from rnnzoo.zoo.finding import find_model
from rnnzoo.zoo.folder import load_folder, save_folder
from rnnzoo.zoo.golden import GOLDEN, write_golden
from rnnzoo.zoo.guard import check_listed, listing
from rnnzoo.zoo.hub import LIBRARY, hub_error, hub_name
from rnnzoo.zoo.kinds import Model
from rnnzoo.zoo.layout import ENTRY, ENTRY_FILES
from rnnzoo.zoo.own_text import kept_text
from rnnzoo.zoo.private import check_private
from rnnzoo.zoo.verifying import verify

__all__ = ["Published", "push_to_hub"]


@dataclass(frozen=True)
class Published:
    """Where a model was published.

    Attributes:
        name: what the zoo calls it. repo: ``org/name``.
        commit: the commit that holds exactly this model. entry_sha256: the hash of its entry.json.
    """

    name: str
    repo: str
    commit: str
    entry_sha256: str

    @property
    def manifest_line(self) -> str:
        """Its line in the package's manifest, with which `rnnzoo.load(name)` finds and checks it."""
        known = {"entry_sha256": self.entry_sha256, "repo": self.repo, "commit": self.commit}
        return f'"{self.name}": {json.dumps(known)}'


def push_to_hub(
    model: Model | str | os.PathLike[str],
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    tag: str | None = None,
    token: str | bool | None = None,
    unverified: bool = False,
    files: Sequence[str] | None = None,
) -> Published:
    """Publishes a model, as one commit that holds it whole or is not made.

    A zoo entry is published as it is. A run, or a model without a folder, gets golden logits, a card and an entry.json
    first. The score is measured again before anything is sent.

    Args:
        model: a name of the zoo, a folder, or a plain model.
        repo: ``org/name``; made where it is missing.
        private: makes a new repository private.
        revision: the branch to commit to, made where it is missing; the main one when left out.
        tag: a new tag for the commit.
        token: the one of `hf auth login` when left out.
        unverified: publishes a model whose score could not be measured, because its text is not here or there is none.
        files: where own text files now are.

    Raises:
        UserError: a check failed, the score was not measured, a file has what looks like a token or a private path,
            or the hub says no.
    """
    if "@" in repo or hub_name(repo) is None:
        raise UserError(f"{repo!r} is no repository; one is ORG/NAME")
    with tempfile.TemporaryDirectory(prefix="rnnzoo-push-") as place:
        if isinstance(model, nn.Module):
            source = Path(place) / "model"
            save_folder(source, model)
        else:
            source = find_model(model)
        folder = source if (source / ENTRY).is_file() else _completed(source, Path(place) / "entry", repo)
        check_listed(folder)
        _verified(str(model) if isinstance(model, str) else source.name, folder, unverified, files or kept_text(source))
        check_private(folder, source)
        return _commit(folder, repo, private, revision, tag, token)


def _completed(source: Path, folder: Path, repo: str) -> Path:
    """A copy of a run's model as an entry."""
    folder.mkdir()
    model = load_folder(source)
    for name in ENTRY_FILES:
        if (source / name).is_file() and name not in ("README.md", "recipe.yaml", "samples.txt"):
            shutil.copyfile(source / name, folder / name)
    if (source / "recipe.yaml").is_file():
        write_text(folder / "recipe.yaml", shareable_recipe(source / "recipe.yaml"))
    write_samples(model, source, folder)
    if not (folder / GOLDEN).is_file():
        write_golden(model, folder)
    write_text(folder / "README.md", card(folder, repo))
    write_listing(folder)
    return folder


def _verified(name: str, folder: Path, unverified: bool, files: Sequence[str] | None) -> None:
    for check in verify(name, folder, files=files):
        if check.result == "failed":
            raise UserError(f"is not published: {check.what}: {check.detail}", path=folder)
        if check.what == "score" and check.result == "not checked" and not unverified:
            raise UserError(
                f"is not published: its score could not be measured ({check.detail}); --unverified publishes it all "
                "the same",
                path=name,
            )


def _commit(
    folder: Path, repo: str, private: bool, revision: str | None, tag: str | None, token: str | bool | None
) -> Published:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard

    text = read_utf8(folder / "README.md")
    name = str(ModelCard(text).data.get("model_name") or repo.split("/")[1])
    names = [ENTRY, *listing(folder)]
    try:
        api = HfApi(token=token, **LIBRARY)
        api.create_repo(repo, private=private or None, exist_ok=True)
        if tag is not None and tag in {ref.name for ref in api.list_repo_refs(repo).tags}:
            raise UserError(f"{repo} has the tag {tag!r} already")
        if revision is not None:
            api.create_branch(repo, branch=revision, exist_ok=True)
        there = set(api.list_repo_files(repo, revision=revision))
        operations: list[Any] = [CommitOperationAdd(name, folder / name) for name in names]
        operations += [CommitOperationDelete(old) for old in sorted(there & {*ENTRY_FILES} - {*names})]
        commit = api.create_commit(repo, operations, commit_message=f"{name}, by rnnzoo", revision=revision).oid
        if tag is not None:
            api.create_tag(repo, tag=tag, revision=commit)
    except Exception as error:
        raise hub_error(error, repo, revision) from None
    return Published(name, repo, commit, sha256_file(folder / ENTRY))
