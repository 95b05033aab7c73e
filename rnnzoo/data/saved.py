"""Folders that `save_to_disk` of the library `datasets` wrote: a dataset, or its splits, as Arrow files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rnnzoo.opening import open_regular

__all__ = ["is_saved", "load_saved"]

_ONE, _SPLITS = ("state.json", "dataset_info.json"), "dataset_dict.json"


def is_saved(folder: str | os.PathLike[str]) -> bool:
    """Whether a name leads to such a folder."""
    there = os.fspath(folder)
    whole = all(os.path.isfile(os.path.join(there, name)) for name in _ONE)
    return whole or os.path.isfile(os.path.join(there, _SPLITS))


def load_saved(datasets: Any, folder: str) -> dict[str, Any]:
    """The splits of such a folder, left on the disk; a dataset without splits is all ``"train"``.

    Args:
        datasets: the library. folder: one that `is_saved`.

    Raises:
        UserError: a file in it is missing, a pipe or a device. Exception: whatever the library raises of damaged ones.
    """
    for path in [*Path(folder).glob("*"), *Path(folder).glob("*/*")]:
        if not path.is_dir():
            open_regular(path).close()
    found = datasets.load_from_disk(folder)
    splits = {str(key): split for key, split in found.items()} if isinstance(found, dict) else {"train": found}
    for split in splits.values():
        split.data.validate(full=True)  # a damaged file must not lead beyond its end
    return splits
