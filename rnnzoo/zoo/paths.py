"""Where the recipes and the trained models that ship with the package lie."""

from __future__ import annotations

from pathlib import Path

__all__ = ["packaged"]


def packaged(kind: str) -> Path | None:
    """The folder ``recipes`` or ``pretrained`` of the checkout, or of the installed wheel; None where there is none."""
    package = Path(__file__).parents[1]
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / kind).is_dir():
        return checkout / kind
    installed = package / f"_{kind}"
    return installed if installed.is_dir() else None
