"""``rnnzoo data``: the corpora that have a name, and getting them; and text of one's own as shards of tokens."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rnnzoo.cli.options import whole
from rnnzoo.cli.text_io import add_form, form_of, notice, quietly

if TYPE_CHECKING:
    from pathlib import Path

    from rnnzoo.data import CorpusEntry

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "data",
        help="corpora: what there is, getting them, and large ones as shards of tokens",
        description="Lists the corpora that recipes can name, and downloads them to RNNZOO_DATA "
        "(or, where that is not set, to the cache folder); makes shards of a text that is larger than memory.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    ls = actions.add_parser("ls", help="all corpora: split, size, licence, here or not")
    ls.add_argument("--json", action="store_true", help="as JSON, with sources and sha256 of every file")
    get = actions.add_parser("get", help="download corpora, and check those that are here")
    get.add_argument("names", nargs="+", metavar="NAME", help="a name that `rnnzoo data ls` shows")
    build = actions.add_parser(
        "build",
        help="a text of any length as a folder of token shards, for `rnnzoo train RECIPE --shards FOLDER`",
        description="Encodes a text piece by piece into FOLDER, which `rnnzoo train RECIPE --shards FOLDER` reads from "
        "the disk. Run again after an interruption, it goes on behind the last whole shard.",
    )
    build.add_argument("folder", metavar="FOLDER", help="what is made; new, or begun by the same command")
    text = build.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", nargs="+", metavar="FILE", help="files, joined in this order, or patterns: 'a/*'")
    text.add_argument("--hub", metavar="ORG/NAME", help="a dataset (:CONFIG), streamed and not stored; or a folder")
    build.add_argument("--text-column", default="text", metavar="NAME", help="the column of a dataset or table (text)")
    add_form(build)
    build.add_argument(
        "--tokenizer",
        default="char",
        metavar="KIND",
        help="char, byte, word or bpe, made of the text, with settings as in a recipe: "
        "'{name: bpe, vocab_size: 16000}'; or a tokenizer.json, or a folder with one (char)",
    )
    build.add_argument("--test-part", action="store_true", help="cut 80/10/10 instead of 90/10, where it has no parts")
    build.add_argument(
        "--shard-characters",
        type=whole("1 <= x <= 1e12"),
        metavar="N",
        help="characters in a shard, about (33,554,432)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Lists, downloads or builds; returns the exit code."""
    actions: dict[str, Callable[[], None]] = {
        "ls": lambda: _ls(args.json),
        "get": lambda: _get(args.names),
        "build": lambda: _build(args),
    }
    return quietly(actions[args.action])


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


def _build(args: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    from rnnzoo.data.shard_build import SHARD_CHARACTERS, build_shards
    from rnnzoo.destinations import check_folder_destination

    check_folder_destination(args.folder)  # before a tokenizer is trained

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}"), TimeRemainingColumn())
    console, tasks = Console(stderr=True), dict[str, TaskID]()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, shown="")
            of = "" if total is None else f" of {total / 1e6:,.0f}"
            bar.update(tasks[stage], completed=done, total=total, shown=f"{done / 1e6:,.0f}{of} million characters")

        index = build_shards(
            args.folder,
            files=args.text or (),
            hub=args.hub,
            text_column=args.text_column,
            form=form_of(args),
            tokenizer=_tokenizer(args.tokenizer),
            test_part=args.test_part,
            shard_characters=args.shard_characters or SHARD_CHARACTERS,
            report=report,
        )
    for split, shards in index.splits.items():
        characters, tokens = sum(shard.characters for shard in shards), sum(shard.tokens for shard in shards)
        count = "1 shard" if len(shards) == 1 else f"{len(shards):,} shards"
        print(f"{split}: {tokens:,} tokens of {characters:,} characters in {count}", flush=True)
    print(f"{args.folder}: train with `rnnzoo train RECIPE --shards {args.folder}`", flush=True)


def _tokenizer(word: str) -> Any:
    """A tokenizer that a file holds, or what a recipe would say."""
    from pathlib import Path

    from rnnzoo.errors import UserError
    from rnnzoo.text import load_tokenizer
    from rnnzoo.zoo.recipes import parse_yaml

    path = Path(word)
    if path.is_dir():
        return load_tokenizer(path / "tokenizer.json")
    if path.is_file() or path.suffix == ".json":
        return load_tokenizer(path)
    try:
        return parse_yaml(word)
    except UserError as error:
        raise UserError(f"--tokenizer: {error}") from None


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
    names = {"contiguous": "90/10", "files": "its own", "hashed": "96/2/2", "grouped": "96/2/2", "joined": "of each"}
    return names.get(entry.split, entry.split)


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.1f} MB"
