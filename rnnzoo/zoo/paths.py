"""Where the recipes and the trained models that ship with the package lie."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

__all__ = ["ENTRY_POINTS", "PACKAGE", "in_checkout", "packaged", "pretrained_folders"]

PACKAGE = Path(__file__).parents[1]
"""The folder of the package `rnnzoo`."""

ENTRY_POINTS = "rnnzoo.pretrained"
"""The group in which packages of trained models name themselves."""


def in_checkout() -> bool:
    """Whether the package is that of a checkout, whose files are the maintainer's to change."""
    return (PACKAGE.parent / "pyproject.toml").is_file()


def packaged(kind: str) -> Path | None:
    """The folder ``recipes`` or ``pretrained`` of the checkout, or of the installed wheel; None where there is none."""
    checkout = PACKAGE.parent
    if in_checkout() and (checkout / kind).is_dir():
        return checkout / kind
    installed = PACKAGE / f"_{kind}"
    return installed if installed.is_dir() else None


def pretrained_folders() -> list[Path]:
    """The folders that hold trained models: the package's own, then those of other installed packages.

    What is installed beside is found without running any code of it.
    """
    own = packaged("pretrained")
    found = [] if own is None else [own]
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        spec = find_spec(point.module.partition(".")[0])
        found += [Path(place) for place in (spec.submodule_search_locations or ())] if spec is not None else []
    return found
