"""``rnnzoo data``: the corpora that have a name, and getting them."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from rnnzoo.cli.text_io import notice, quietly

if TYPE_CHECKING:
    from pathlib import Path

    from rnnzoo.data import CorpusEntry

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "data",
        help="corpora: what there is, and getting them",
        description="Lists the corpora that recipes can name, and downloads them to RNNZOO_DATA "
        "(or, where that is not set, to the cache folder).",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    ls = actions.add_parser("ls", help="all corpora: split, size, licence, here or not")
    ls.add_argument("--json", action="store_true", help="as JSON, with sources and sha256 of every file")
    get = actions.add_parser("get", help="download corpora, and check those that are here")
    get.add_argument("names", nargs="+", metavar="NAME", help="a name that `rnnzoo data ls` shows")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Lists or downloads; returns the exit code."""
    return quietly(lambda: _get(args.names) if args.action == "get" else _ls(args.json))


def _ls(as_json: bool) -> None:
    from rnnzoo.data import CATALOGUE

    if as_json:
        print(json.dumps([_facts(entry) for entry in CATALOGUE.values()], indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "kind", "splits", "size", "here", "licence", box=None, pad_edge=False, header_style="bold")
    for column in table.columns[:-1]:
        column.no_wrap = True
    table.columns[3].justify = "right"
    for entry in CATALOGUE.values():
        row = (entry.name, entry.kind, _split(entry), _size(entry.size), _state(entry), entry.licence)
        table.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe: one line an entry, however long
        console = Console(highlight=False, width=200)
    console.print(table)


def _get(names: list[str]) -> None:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from rnnzoo.data import corpus_entry
    from rnnzoo.data.download import get_corpus

    entries = [corpus_entry(name) for name in dict.fromkeys(names)]  # a misspelt name before any download
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    for entry in entries:
        notice(f"{entry.name}: {entry.licence}")
        if entry.research_only:
            notice("for research only: do not pass it on, nor publish models of it")
        progress = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        tasks: dict[str, TaskID] = {}

        def report(label: str, done: int, total: int | None, bar: Progress = progress, tasks: Any = tasks) -> None:
            if label not in tasks:
                bar.start()
                tasks[label] = bar.add_task(label)
            bar.update(tasks[label], completed=done, total=total)

        try:
            folder = get_corpus(entry.name, report=report)
        finally:
            if tasks:
                progress.stop()
        if folder is None:
            print(f"{entry.name}: built in, nothing to get", flush=True)
        else:
            files = "1 file" if len(entry.files) == 1 else f"{len(entry.files)} files"
            known = all(file.sha256 for file in entry.files)
            print(f"{folder}: {files}, {'sha256 as in the catalogue' if known else 'no sha256 on record'}", flush=True)


def _facts(entry: CorpusEntry) -> dict[str, Any]:
    from rnnzoo.data.sources import SPLITS

    place = _place(entry)
    return {
        "name": entry.name,
        "kind": entry.kind,
        "languages": list(entry.languages),
        "split": SPLITS[entry.split],
        "licence": entry.licence,
        "research_only": entry.research_only,
        "note": entry.note,
        "hub": entry.hub or None,
        "size": entry.size,
        "here": _here(entry),
        "folder": None if place is None else str(place),
        "files": [
            {"path": f.path, "size": f.size, "sha256": f.sha256, "sources": [source.url for source in f.sources]}
            for f in entry.files
        ],
    }


def _place(entry: CorpusEntry) -> Path | None:
    from rnnzoo.data import find_corpus
    from rnnzoo.errors import UserError

    try:
        return find_corpus(entry) if entry.files else None
    except UserError:
        return None


def _here(entry: CorpusEntry) -> bool:
    return not entry.files or _place(entry) is not None


def _state(entry: CorpusEntry) -> str:
    return "built in" if not entry.files else "yes" if _here(entry) else "no"


def _split(entry: CorpusEntry) -> str:
    return {"contiguous": "90/10", "files": "its own", "90/5/5": "90/5/5", "hashed": "96/2/2", "drawn": "drawn"}[
        entry.split
    ]


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.1f} MB"
