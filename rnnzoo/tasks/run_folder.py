"""The folder of a training run: where it is, whether it has ended, whether it is still the same run.

runs/<recipe>/<number>/
    run.json         the recipe's name, the hash of the text and where its files are, the settings given on top
    recipe.yaml      every field, as it was run
    history.jsonl    the losses
    checkpoints/     step-0000200.ckpt (the last few), best.ckpt, each with its .sha256
    ...              and, when it has ended, what `rnnzoo.zoo.save_folder` writes
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rnnzoo.embeddings import Coverage
from rnnzoo.errors import UserError
from rnnzoo.files import read_json, write_json, write_text
from rnnzoo.tasks.identity import own_text, same_content, take_hashes
from rnnzoo.tasks.recipe import Recipe
from rnnzoo.training.checkpoint import is_whole
from rnnzoo.zoo import read_recipe
from rnnzoo.zoo.plugins import check_plugins, plugins_of

__all__ = ["Found", "RunFolder", "can_go_on", "discard", "is_first_rank", "last_run", "new_run"]

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

LENGTHS = ("trainer.max_epochs", "trainer.max_steps")  # a run can be given more of them, unless its schedule spans them
SPANNED = ("one_cycle", "cosine", "slanted")


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
        """Notes in the folder what is run; `coverage` is that of the vectors it begins with."""
        self.path.mkdir(parents=True, exist_ok=True)
        noted = {"recipe": self.name, "corpus_sha256": corpus_sha256, "settings": dict(settings)}
        if plugins := plugins_of(recipe):
            noted["plugins"] = plugins
        if overlays:
            noted["overlays"] = [str(overlay) for overlay in overlays]
        if coverage is not None:
            noted["embedding"] = coverage.to_dict()
        if text := own_text(getattr(recipe, "data", None)):
            noted["text"] = text
        if hashes := take_hashes(_flat(recipe.to_mapping())):
            noted["hashes"] = hashes
        write_text(self.path / "recipe.yaml", recipe.to_yaml())
        write_json(self.path / "run.json", noted)  # the last: a folder without it is no run to go on with

    def settings(self) -> dict[str, Any]:
        """What was set on top of the recipe when the run began."""
        settings = self._noted("settings", {})
        if not isinstance(settings, dict):
            raise UserError("'settings' is no mapping", path=self.path / "run.json")
        return settings

    def _noted(self, key: str, default: Any = None) -> Any:
        """What run.json says of `key`.

        Raises:
            UserError: it is missing, damaged, or no mapping.
        """
        path = self.path / "run.json"
        noted = read_json(path)
        if not isinstance(noted, dict):
            raise UserError("does not say what was run: it is no mapping", path=path)
        return noted.get(key, default)

    def check_plugins(self) -> None:
        """Raises `UserError` when the run began with cells of the user's own that are not there now; says whose."""
        path, plugins = self.path / "run.json", self._noted("plugins", {})
        if not isinstance(plugins, dict):
            raise UserError("'plugins' is no mapping", path=path)
        check_plugins(plugins, path)

    def overlays(self) -> list[str]:
        """What was laid over the recipe when the run began."""
        overlays = self._noted("overlays", [])
        if not isinstance(overlays, list) or not all(isinstance(one, str) for one in overlays):
            raise UserError("'overlays' is no list of names", path=self.path / "run.json")
        return overlays

    def coverage(self) -> Coverage | None:
        """What the vectors covered that the run began with, if it began with any."""
        noted = self._noted("embedding")
        return None if noted is None else Coverage.from_dict(noted)

    @property
    def further(self) -> str:
        """What to do where a schedule has come to its end."""
        return (
            f"the schedule was laid over all of it; train its model further in a new run, with --init_from {self.path}"
        )

    def check_same(self, recipe: Recipe) -> None:
        """Raises `UserError` when `recipe` would compute something else than the run did so far."""
        # As a recipe: a run of an older version has the defaults of the fields that it knew nothing of.
        before = _flat(Recipe.from_mapping(read_recipe(self.path / "recipe.yaml")).to_mapping())
        now, hashes = _flat(recipe.to_mapping()), self._noted("hashes", {})
        if not isinstance(hashes, dict):
            raise UserError("'hashes' is no mapping", path=self.path / "run.json")
        for key in sorted(before.keys() | now.keys()):
            if key in LENGTHS and _is_longer(before.get(key), now.get(key)):
                schedule = now.get("schedule.name")
                if schedule in SPANNED:
                    raise UserError(
                        f"cannot become longer than {before.get(key)} {key[12:]}: {self.further}", path=self.path
                    )
            elif (
                before.get(key) != now.get(key)
                and ".".join(key.split(".")[:2]) not in ELSEWHERE
                and not same_content(key, before.get(key), now.get(key), hashes)
            ):
                raise UserError(
                    f"the recipe has changed since this run began: {key} was {before.get(key)!r}, is now "
                    f"{now.get(key)!r}; put it back, or start a new run without --resume",
                    path=self.path,
                )

    def length(self, recipe: Recipe | None = None) -> tuple[Any, ...]:
        """The epochs and steps that a recipe has; those that the run was begun with when left out."""
        known = recipe or Recipe.from_mapping(read_recipe(self.path / "recipe.yaml"))
        flat = _flat(known.to_mapping())
        return tuple(flat.get(key) for key in LENGTHS)

    def check_text(self, corpus_sha256: str, kept: Callable[[], str | None] = lambda: None) -> None:
        """Raises `UserError` when the text is not the one the run has read so far.

        Args:
            corpus_sha256: the text's. kept: that of the text with its line ends as they are, which runs of before read.
        """
        noted = self._noted("corpus_sha256", corpus_sha256)
        if noted != corpus_sha256:
            if noted is not None and noted == kept():
                raise UserError(
                    "this run began with the line ends of its text as they are (\\r\\n): go on with --newlines keep",
                    path=self.path,
                )
            raise UserError(
                "the text has changed since this run began (it has another sha256): put it back, or start a new run "
                "without --resume",
                path=self.path,
            )

    def find_checkpoint(self, fault: Callable[[Path], str | None] = lambda path: None) -> Found:
        """The newest whole checkpoint to go on from, and what was passed over on the way to it.

        Files that a killed process left half-written are removed.

        Args:
            fault: what is wrong with one that is whole, None where nothing is.

        Raises:
            UserError: none was written yet, or none is whole, or there is no place for the next.
        """
        self.check_checkpoints()
        for half in self.checkpoints.glob(".*.ckpt*"):
            half.unlink(missing_ok=True)
        numbered = sorted(self.checkpoints.glob("step-*.ckpt"), reverse=True)
        skipped: list[Path] = []
        reasons: list[str] = []
        for path in [*numbered, self.checkpoints / "best.ckpt"]:
            why = fault(path) if is_whole(path) else ""
            if why is None:
                return Found(path, tuple(skipped))
            if path in numbered or path.is_file():
                skipped.append(path)
                reasons.append(f" {why}" if why else "")
        if skipped:
            names = ", ".join(f"{path.name}{why}" for path, why in zip(skipped, reasons, strict=True))
            raise UserError(
                f"no checkpoint is whole ({names}): start over with --restart, which removes them",
                path=self.checkpoints,
            )
        raise UserError("the run stopped before its first checkpoint: start it anew without --resume", path=self.path)

    def check_checkpoints(self) -> None:
        """Refuses what stands where checkpoints are to be written, before anything is computed.

        Raises:
            UserError: a file is in the folder's place, or a folder in that of a checkpoint.
        """
        if os.path.lexists(self.checkpoints) and not self.checkpoints.is_dir():
            raise UserError("is no folder, and checkpoints go there: remove it", path=self.checkpoints)
        for path in (*self.checkpoints.glob("*.ckpt"), *self.checkpoints.glob("*.sha256")):
            if path.is_dir() and not path.is_symlink():  # all else gives way when the new one takes its name
                raise UserError("is a folder, and a checkpoint goes there: remove it", path=path)

    def forget(self) -> None:
        """Removes what the run has computed so far, for `--restart`."""
        if self.checkpoints.is_symlink() or self.checkpoints.is_file():
            self.checkpoints.unlink()
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        for name in ("history.jsonl", "metrics.json"):
            (self.path / name).unlink(missing_ok=True)


class Found(NamedTuple):
    """A checkpoint to go on from, and the newer ones that are damaged."""

    path: Path
    skipped: tuple[Path, ...]


def is_first_rank() -> bool:
    """Whether this process is the one of its training that writes.

    Its number stands where torchrun, SLURM or Lightning left it for the processes that they start. It is asked for when
    a run begins; Lightning's own answer dates from its import.
    """
    if "RANK" in os.environ:
        return os.environ["RANK"] == "0"
    return all(os.environ.get(name, "0") == "0" for name in ("SLURM_PROCID", "NODE_RANK", "LOCAL_RANK"))


def new_run(root: Path, name: str, *, make: bool = True) -> RunFolder:
    """The next free folder for the recipe `name`, which is empty; its number is taken by whoever makes it.

    Args:
        root: where run folders go. name: the recipe's. make: False on ranks that write nothing.

    Raises:
        UserError: it cannot be made.
    """
    if given := os.environ.get("RNNZOO_RUN"):  # another rank of this run was here first
        return RunFolder(Path(given), name)
    numbers = [int(path.name) for path in (root / name).glob("*") if _is_numbered(path)]
    number = max(numbers, default=0) + 1
    while make:
        path = root / name / str(number)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
            break
        except OSError as error:
            if not (isinstance(error, FileExistsError) and path.parent.is_dir()):
                raise UserError(f"cannot be made ({error.strerror})", path=path) from None
        number += 1  # another training was faster
    return RunFolder(root / name / str(number), name)


def discard(run: RunFolder, root: Path) -> None:
    """Removes the folder of a run that could not begin, and those around it where nothing else is in them."""
    shutil.rmtree(run.path, ignore_errors=True)
    with contextlib.suppress(OSError):
        run.path.parent.rmdir()
        root.rmdir()


def _is_numbered(path: Path) -> bool:
    return path.name.isascii() and path.name.isdigit() and len(path.name) < 10


def _is_longer(before: Any, now: Any) -> bool:
    """Whether a run of `now` epochs or steps is longer than one of `before`."""
    return isinstance(before, int) and isinstance(now, int) and before > 0 and (now > before or now == -1)


def last_run(root: Path, name: str) -> RunFolder:
    """The newest run of the recipe `name`.

    Raises:
        UserError: it has none.
    """
    numbers = [int(path.parent.name) for path in (root / name).glob("*/run.json") if _is_numbered(path.parent)]
    if not numbers:
        raise UserError(f"there is no run of {name!r} to resume", path=root)
    return RunFolder(root / name / str(max(numbers)), name)


def can_go_on(root: Path, name: str) -> bool:
    """Whether the newest run of the recipe `name` has not come to its end, and has a checkpoint to go on from.

    All ranks find the same, though they ask at different times: what one of them has just begun has no checkpoint.
    """
    try:
        run = last_run(root, name)
        if not run.ended:
            run.find_checkpoint()
    except UserError:
        return False
    return not run.ended


def _flat(data: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(data, Mapping):
        return {k: v for key, value in data.items() for k, v in _flat(value, f"{prefix}{key}.").items()}
    return {prefix[:-1]: data}
