"""Folders of files as datasets of a hub, and what the package makes of them in another process."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from hub_server import Hub, Repo
from hub_server.client import Client, Said


def sentences(count: int, seed: int = 0) -> str:
    """Lines of words; some are blank, and some have letters of two and three bytes."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdeé", k=draw.randint(1, 5))) for _ in range(60)] + ["naïve", "日本語"]
    return "".join(" ".join(draw.choices(words, k=draw.randint(0, 9))) + "\n" for _ in range(count))


def write(folder: Path, files: dict[str, str | bytes | dict[str, list[Any]]]) -> None:
    """Texts, bytes, and tables as JSON lines or Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        elif name.endswith(".parquet"):
            pq.write_table(pa.table(content), path, row_group_size=50)
        else:
            rows = [dict(zip(content, row, strict=True)) for row in zip(*content.values(), strict=True)]
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def publish(hub: Hub, folder: Path, name: str) -> Repo:
    """The folder's files as a dataset of the hub."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return hub.add(f"datasets/{name}", found)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def lines(*seeds: int, column: str = "text") -> dict[str, list[Any]]:
    rows = [line for seed in seeds for line in sentences(150, seed).splitlines()]
    return {"id": list(range(len(rows))), column: rows}


def texts(client: Client, at: Path, *names: str, column: str = "text") -> dict[str, Any]:
    """What `load_hub_texts` gives of each, or what it says in place of it."""
    code = f"""
from rnnzoo.data.hub import load_hub_texts
from rnnzoo.errors import UserError
result = {{}}
for name in {list(names)}:
    try:
        result[name] = load_hub_texts(name, {column!r})
    except UserError as error:
        result[name] = str(error)
"""
    found: dict[str, Any] = client.python(code, at)
    return found


def one_line(said: Said, *parts: str) -> str:
    """What a command that did not go well has said; beside it, at most, that it tried again."""
    kept = [line for line in said.err.splitlines() if not line.endswith(": no connection; trying again")]
    assert (said.code, said.out, len(kept)) == (2, "", 1), said
    assert kept[0].startswith("rnnzoo: ")
    for part in parts:
        assert part in kept[0]
    return kept[0]
