"""What a run was made of, by content: its name may be another one when the run goes on.

Text is known by its sha256 as it was read, so neither its path nor how its bytes are decoded need be the same. Of what
training begins with, vectors, a model or shards, the hash is taken when the run begins.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rnnzoo.data.shards import INDEX
from rnnzoo.data.text_source import expand
from rnnzoo.embeddings.hub import PREFIX, fetch
from rnnzoo.files import sha256_file
from rnnzoo.opening import is_stream
from rnnzoo.zoo import find_model
from rnnzoo.zoo.layout import TOKENIZERS

__all__ = ["HASHED", "kept_ends", "own_text", "same_content", "take_hashes"]

READ = ("data.files", "data.tsv", "data.valid_files", "data.test_files", "data.encoding", "data.newlines")
"""Fields that say where the text is and how it is read; its sha256 is compared once it is."""
HASHED = (
    "init_from",
    "encoder.source",
    "embedding.source",
    "src_embedding.source",
    "tgt_embedding.source",
    "data.shards",
)
"""Fields that name what has a hash of its own in run.json."""
_MODEL = ("config.json", "model.safetensors", *TOKENIZERS)


def take_hashes(fields: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of what the fields of a recipe, by dotted names, name beside text."""
    return {key: _hash(key, fields[key]) for key in HASHED if isinstance(fields.get(key), str)}


def same_content(key: str, before: Any, now: Any, hashes: Mapping[str, Any]) -> bool:
    """Whether two values of a field name the same; of text that is not said here, but by its own sha256.

    Args:
        key: the field. before, now: its values. hashes: what `take_hashes` gave when the run began.

    Raises:
        UserError: what `now` names is not there.
    """
    if key in READ:
        return True
    if key == "data.hub":
        return isinstance(before, str) and isinstance(now, str)
    if key not in HASHED or not isinstance(before, str) or not isinstance(now, str):
        return False
    if key in hashes:
        return bool(_hash(key, now) == hashes[key])
    return os.path.exists(before) and os.path.exists(now) and os.path.samefile(before, now)  # a run of before


def own_text(data: Any) -> list[str]:
    """Where the text files, or shards, of a section `data` are, as absolute paths; none of a stream's or a corpus's."""
    if data is None:
        return []
    if (shards := getattr(data, "shards", None)) is not None:
        return _absolute([shards])
    table = getattr(data, "tsv", None)
    files = [*([table] if table else expand(data.files))]
    files += [*getattr(data, "valid_files", ()), *getattr(data, "test_files", ())]
    return [] if any(is_stream(file) for file in files) else _absolute(files)


def kept_ends(data: Any) -> str | None:
    """The sha256 of the text files of a section `data`, with their line ends as they are; None where it says so."""
    return data.replace(newlines="keep").load().sha256 if data.newlines != "keep" and own_text(data) else None


def _absolute(names: Iterable[str]) -> list[str]:
    return [os.path.abspath(name) for name in names]


def _hash(key: str, name: str) -> str:
    if key == "data.shards":
        return sha256_file(Path(name) / INDEX)
    if key not in ("init_from", "encoder.source"):
        return sha256_file(fetch(name) if name.startswith(PREFIX) else Path(name).expanduser())
    folder, digest = find_model(name), hashlib.sha256()
    for file in _MODEL:
        if (folder / file).is_file():
            digest.update(f"{file} {sha256_file(folder / file)}\n".encode())
    return digest.hexdigest()
