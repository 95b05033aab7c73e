"""What is there of a folder of shards while it is made.

``building.jsonl`` says it: a first line about the text and the tokenizer, then a line for each shard, written when the
shard is on the disk. ``index.json`` takes its place at the end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnzoo.data.shards import INDEX, TOKENIZER, Shard, ShardIndex, read_index
from rnnzoo.errors import UserError
from rnnzoo.files import read_lines, write_text

__all__ = ["JOURNAL", "Begun", "begin_journal", "find_begun", "shard_line"]

JOURNAL = "building.jsonl"


@dataclass(frozen=True)
class Begun:
    """What the folder holds of an earlier call.

    Attributes:
        index: what is done so far. complete: it has come to its end.
        characters: of each part of the source, and identity: of the source, where they are noted.
        made_of: as the builder's, where it is noted. texts: of each shard, the sha256 of the text up to its end.
    """

    index: ShardIndex
    complete: bool
    characters: dict[str, int]
    identity: Any
    made_of: str | None
    texts: dict[str, str]


def find_begun(folder: Path) -> Begun | None:
    """What an earlier call has left; None where nothing was begun. What it was just writing is removed.

    Raises:
        UserError: the folder holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError("is a file; name a folder", path=folder)
    complete = (folder / INDEX).is_file()
    if not complete and not (folder / JOURNAL).is_file():
        if folder.is_dir() and any(not _half_written(path) for path in folder.iterdir()):
            raise UserError("holds something else, and no shards: name another folder", path=folder)
        return None
    begun = Begun(read_index(folder), True, {}, None, None, {}) if complete else _journal(folder / JOURNAL)
    for path in folder.iterdir():
        if _half_written(path):
            path.unlink(missing_ok=True)
    return begun


def _half_written(path: Path) -> bool:
    """Whether it is the temporary file of a call that was killed."""
    name = path.name.removeprefix(".").rpartition(".")[0]
    return path.name.startswith(".") and name.endswith((".bin", INDEX, TOKENIZER, JOURNAL))


def _journal(path: Path) -> Begun:
    try:
        head, *lines = read_lines(path)
        shards: dict[str, list[Any]] = {"train": [], "valid": [], "test": []}
        texts = {line["file"]: text for line in lines if (text := line.pop("text", None))}
        for line in lines:
            shards[line.pop("split")].append(line)
        index = ShardIndex.from_dict({**head["index"], **shards})
        return Begun(index, False, dict(head["characters"]), head["identity"], head.get("made_of"), texts)
    except (UserError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"is not the journal of a build ({error}): remove the folder", path=path) from None


def begin_journal(folder: Path, begun: Begun) -> None:
    """Writes a journal of what is there."""
    head = {"index": _head(begun.index), "characters": begun.characters, "identity": begun.identity}
    lines = [json.dumps({**head, "made_of": begun.made_of}) + "\n"]
    for split, shards in begun.index.splits.items():
        lines += [shard_line(split, shard, begun.texts.get(shard.file)) for shard in shards]
    write_text(folder / JOURNAL, "".join(lines))


def shard_line(split: str, shard: Shard, text: str | None) -> str:
    """A shard in the journal; `text` is the sha256 of the text up to its end."""
    return json.dumps({"split": split, "text": text, **shard.to_dict()}) + "\n"


def _head(index: ShardIndex) -> dict[str, Any]:
    """All but the shards."""
    return {key: value for key, value in index.to_dict().items() if key not in ("train", "valid", "test")}
