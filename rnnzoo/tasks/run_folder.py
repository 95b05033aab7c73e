"""The folder of a training run: where it is, whether it has ended, whether it is still the same run.

runs/<recipe>/<number>/
    run.json         the recipe's name, the hash of the text, the settings given on top
    recipe.yaml      every field, as it was run
    history.jsonl    the losses
    checkpoints/     step-0000200.ckpt (the last few), best.ckpt, each with its .sha256
    ...              and, when it has ended, what `rnnzoo.zoo.save_folder` writes
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rnnzoo.embeddings import Coverage
from rnnzoo.errors import UserError
from rnnzoo.files import read_json, write_json, write_text
from rnnzoo.tasks.recipe import Recipe
from rnnzoo.training.checkpoint import is_whole
from rnnzoo.zoo import read_recipe
from rnnzoo.zoo.plugins import check_plugins, plugins_of

__all__ = ["Found", "RunFolder", "last_run", "new_run"]

# What may differ when a run goes on: where and how visibly it runs, what becomes of a step that cannot be computed, and
# what is done when training has ended.
ELSEWHERE = {"on_nonfinite", "calibrate"} | {
    f"trainer.{name}"
    for name in (
        "accelerator",
        "devices",
        "num_nodes",
        "strategy",
        "logger",
        "enable_progress_bar",
        "profiler",
        "max_time",
    )
}


@dataclass(frozen=True)
class RunFolder:
    """One run's files.

    Attributes:
        path: the folder. name: the recipe's name.
    """

    path: Path
    name: str

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints lie."""
        return self.path / "checkpoints"

    @property
    def ended(self) -> bool:
        """Whether the run has come to its end and its model is there."""
        return (self.path / "metrics.json").is_file()

    def begin(
        self,
        recipe: Recipe,
        settings: Mapping[str, Any],
        corpus_sha256: str,
        coverage: Coverage | None = None,
        overlays: Sequence[str | Path] = (),
    ) -> None:
        """Makes the folder and notes what is run; `coverage` is that of the vectors it begins with."""
        self.path.mkdir(parents=True, exist_ok=False)
        noted = {"recipe": self.name, "corpus_sha256": corpus_sha256, "settings": dict(settings)}
        if plugins := plugins_of(recipe):
            noted["plugins"] = plugins
        if overlays:
            noted["overlays"] = [str(overlay) for overlay in overlays]
        if coverage is not None:
            noted["embedding"] = coverage.to_dict()
        write_text(self.path / "recipe.yaml", recipe.to_yaml())
        write_json(self.path / "run.json", noted)  # the last: a folder without it is no run to go on with

    def settings(self) -> dict[str, Any]:
        """What was set on top of the recipe when the run began."""
        settings: dict[str, Any] = read_json(self.path / "run.json").get("settings", {})
        return settings

    def check_plugins(self) -> None:
        """Raises `UserError` when the run began with cells of the user's own that are not there now; says whose."""
        path = self.path / "run.json"
        check_plugins(read_json(path).get("plugins", {}), path)

    def overlays(self) -> list[str]:
        """What was laid over the recipe when the run began."""
        overlays: list[str] = read_json(self.path / "run.json").get("overlays", [])
        return overlays

    def coverage(self) -> Coverage | None:
        """What the vectors covered that the run began with, if it began with any."""
        noted = read_json(self.path / "run.json").get("embedding")
        return None if noted is None else Coverage.from_dict(noted)

    def check_same(self, recipe: Recipe) -> None:
        """Raises `UserError` when `recipe` would compute something else than the run did so far."""
        # As a recipe: a run of an older version has the defaults of the fields that it knew nothing of.
        before = _flat(Recipe.from_mapping(read_recipe(self.path / "recipe.yaml")).to_mapping())
        now = _flat(recipe.to_mapping())
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key) and ".".join(key.split(".")[:2]) not in ELSEWHERE:
                raise UserError(
                    f"the recipe has changed since this run began: {key} was {before.get(key)!r}, is now "
                    f"{now.get(key)!r}; put it back, or start a new run without --resume",
                    path=self.path,
                )

    def check_text(self, corpus_sha256: str) -> None:
        """Raises `UserError` when the text is not the one the run has read so far."""
        if read_json(self.path / "run.json").get("corpus_sha256", corpus_sha256) != corpus_sha256:
            raise UserError(
                "the text has changed since this run began (it has another sha256): put it back, or start a new run "
                "without --resume",
                path=self.path,
            )

    def find_checkpoint(self) -> Found:
        """The newest whole checkpoint to go on from, and what was passed over on the way to it.

        Files that a killed process left half-written are removed.

        Raises:
            UserError: none was written yet, or none is whole.
        """
        for half in self.checkpoints.glob(".*.ckpt*"):
            half.unlink(missing_ok=True)
        numbered = sorted(self.checkpoints.glob("step-*.ckpt"), reverse=True)
        skipped: list[Path] = []
        for path in [*numbered, self.checkpoints / "best.ckpt"]:
            if is_whole(path):
                return Found(path, tuple(skipped))
            if path in numbered or path.is_file():
                skipped.append(path)
        if skipped:
            names = ", ".join(path.name for path in skipped)
            raise UserError(
                f"no checkpoint is whole ({names}): start over with --restart, which removes them",
                path=self.checkpoints,
            )
        raise UserError("the run stopped before its first checkpoint: start it anew without --resume", path=self.path)

    def forget(self) -> None:
        """Removes what the run has computed so far, for `--restart`."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        for name in ("history.jsonl", "metrics.json"):
            (self.path / name).unlink(missing_ok=True)


class Found(NamedTuple):
    """A checkpoint to go on from, and the newer ones that are damaged."""

    path: Path
    skipped: tuple[Path, ...]


def new_run(root: Path, name: str) -> RunFolder:
    """The next free folder for the recipe `name`; not made yet."""
    if given := os.environ.get("RNNZOO_RUN"):  # another rank of this run was here first
        return RunFolder(Path(given), name)
    numbers = [int(path.name) for path in (root / name).glob("*") if path.name.isdigit()]
    return RunFolder(root / name / str(max(numbers, default=0) + 1), name)


def last_run(root: Path, name: str) -> RunFolder:
    """The newest run of the recipe `name`.

    Raises:
        UserError: it has none.
    """
    numbers = [int(path.parent.name) for path in (root / name).glob("*/run.json") if path.parent.name.isdigit()]
    if not numbers:
        raise UserError(f"there is no run of {name!r} to resume", path=root)
    return RunFolder(root / name / str(max(numbers)), name)


def _flat(data: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(data, Mapping):
        return {k: v for key, value in data.items() for k, v in _flat(value, f"{prefix}{key}.").items()}
    return {prefix[:-1]: data}
