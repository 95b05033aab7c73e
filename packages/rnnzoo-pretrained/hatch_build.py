"""The entries that the wheel of rnnzoo does not carry, each as a folder of the package."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CHECKOUT = Path(__file__).resolve().parents[2]


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the entries beside the package's only module."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files."""
        if version != "standard":
            return
        others: Any = runpy.run_path(str(CHECKOUT / "hatch_build.py"))["left_out"]
        for folder in others(CHECKOUT / "pretrained"):
            build_data["force_include"][str(folder)] = f"rnnzoo_pretrained/{folder.name}"
