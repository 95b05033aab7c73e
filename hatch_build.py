"""What of the zoo a wheel carries: the entries that README begins with, then the smallest, up to a size.

The rest is in the wheel of `packages/rnnzoo-pretrained`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FIRST = ("char-lstm.tinyshakespeare", "mt-mingru.tatoeba-en-fr")
MOST = 22_000_000
"""Bytes of entries in a wheel, which stays below 25 MB with the code."""


def carried(root: Path) -> list[Path]:
    """The folders of the entries that go into the wheel."""
    sizes = {
        folder: sum(path.stat().st_size for path in folder.iterdir()) for folder in root.iterdir() if folder.is_dir()
    }
    chosen, total = [], 0
    for folder in sorted(sizes, key=lambda folder: (folder.name not in FIRST, sizes[folder], folder.name)):
        total += sizes[folder]
        if total > MOST:
            break
        chosen.append(folder)
    return chosen


def left_out(root: Path) -> list[Path]:
    """The folders of the others."""
    here = carried(root)
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and folder not in here)


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts recipes and entries beside the modules; an editable install reads them from the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files."""
        if version != "standard":
            return
        include = build_data["force_include"]
        root = Path(self.root)
        include[str(root / "recipes")] = "rnnzoo/_recipes"
        for folder in carried(root / "pretrained"):
            include[str(folder)] = f"rnnzoo/_pretrained/{folder.name}"
