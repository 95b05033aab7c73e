"""Writes every entry's card anew, with its entry.json and its line in the manifest: ``python -m benchmarks.cards``.

No weight and no score changes. For a change of what cards say; a new entry has its card from `rnnzoo entry`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rnnzoo.zoo import entry_names
from rnnzoo.zoo.card import card, write_card
from rnnzoo.zoo.entry import write_listing
from rnnzoo.zoo.manifest import note_entry


def rewrite(name: str, folder: Path) -> bool:
    """Whether the card of the entry in `folder` was another."""
    if card(folder) == (folder / "README.md").read_text(encoding="utf-8"):
        return False
    write_card(folder)
    write_listing(folder)
    note_entry(name, folder)
    return True


def main() -> int:
    """Prints the names of the entries that have another card now."""
    for name, folder in entry_names().items():
        if rewrite(name, folder):
            print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
