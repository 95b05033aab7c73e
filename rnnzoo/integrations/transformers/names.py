"""Which names are the zoo's, and how the Auto classes of `transformers` come to know them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rnnzoo.zoo import entry_names, read_manifest

__all__ = ["HUB", "TextOnly", "hub_options", "is_ours", "teach"]

HUB = ("revision", "token", "cache_dir", "local_files_only")
"""The arguments of `from_pretrained` that say where a model comes from, as `rnnzoo.load` has them too."""


def is_ours(name: Any) -> bool:
    """Whether `name` is one of the zoo's, ``hub:org/name``, or a folder with an entry, a run or runs of rnnzoo.

    A folder that `save_pretrained` wrote is none: `transformers` reads it itself.
    """
    if not isinstance(name, str | os.PathLike):
        return False
    folder = Path(name)
    if folder.is_dir():
        if (folder / "config.json").is_file():
            return (folder / "entry.json").is_file() or (folder / "metrics.json").is_file()
        return any(folder.glob("*/run.json"))
    if not isinstance(name, str):
        return False
    manifest = read_manifest()
    return name.startswith("hub:") or name in entry_names() or name in {**manifest["entries"], **manifest["aliases"]}


def hub_options(given: dict[str, Any]) -> dict[str, Any]:
    """Takes those of `HUB` out of `given`, but for what says nothing."""
    found = {name: given.pop(name, None) for name in HUB}
    return {name: value for name, value in found.items() if value not in (None, False)}


class TextOnly:
    """What the Auto classes of images and sound have of the zoo: nothing, and no hub is asked for it."""

    @staticmethod
    def from_pretrained(name: Any, *_: Any, **__: Any) -> Any:
        """Refuses.

        Raises:
            OSError: always, as `transformers` has it for a model without such a part.
        """
        raise OSError(f"{name} reads text only")


def teach(auto: Any, known: Any) -> None:
    """Lets the Auto class `auto` give names of the zoo to ``known.from_pretrained``; all others go their own way.

    Registering is not enough: it is looked at after a config.json that transformers itself has found.
    """
    other = auto.from_pretrained

    def from_pretrained(name: Any, *arguments: Any, **options: Any) -> Any:
        if is_ours(name):
            return known.from_pretrained(name, *arguments, **options)
        return other(name, *arguments, **options)

    from_pretrained.__doc__ = other.__doc__
    auto.from_pretrained = staticmethod(from_pretrained)
