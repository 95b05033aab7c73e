"""Text to ids: our tokenizers against `datasets.map`, the `tokenizers` library and plain Python, in one run.

    python -m benchmarks.tokenise
    python -m benchmarks.tokenise --file mybook.txt --rounds 3

The text is the Penn Treebank's training part where RNNZOO_DATA has it, or words drawn at random. Each side turns it
into one array of ids with the same vocabulary, made beforehand, and the arrays are compared. `datasets` holds its rows
in memory, where it keeps no cache, so that no round finds what another one wrote.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import keep, limits, machine, parser_of, say, table, take_turns, timed, use_threads
from rnnzoo.data import load_corpus
from rnnzoo.errors import UserError
from rnnzoo.text import CharTokenizer, WordTokenizer

Ids = np.ndarray[tuple[int], np.dtype[np.int64]]


def drawn(words: int = 900_000) -> str:
    """A text like the Penn Treebank in length, vocabulary and lines, for machines without it."""
    draw = np.random.default_rng(0)
    ids = np.minimum(draw.zipf(1.3, words), 9_999)
    lines = np.array_split(ids, words // 22)
    return "".join(f" {' '.join(f'w{i}' for i in line)} \n" for line in lines)


def chosen(file: Path | None) -> tuple[str, str]:
    """The text, and what it is called."""
    if file:
        return file.read_text(encoding="utf-8"), file.name
    try:
        return load_corpus("ptb").splits["train"], "ptb, training part"
    except UserError:
        return drawn(), "random words (the Penn Treebank is not under RNNZOO_DATA)"


def mapped(lines: list[str], encoded: Callable[[str], list[int]], batched: bool) -> Ids:
    """The ids of all lines by `datasets.map`."""
    import datasets

    datasets.disable_progress_bars()
    rows = datasets.Dataset.from_dict({"text": lines})
    if batched:
        done = rows.map(lambda batch: {"ids": [encoded(line) for line in batch["text"]]}, batched=True)
    else:
        done = rows.map(lambda row: {"ids": encoded(row["text"])})
    return np.concatenate([np.asarray(row) for row in done.with_format("numpy")["ids"][:]])


def word_sides(text: str, tokenizer: WordTokenizer, folder: Path) -> dict[str, Callable[[], Ids]]:
    """What turns words into ids, by name."""
    from tokenizers import Tokenizer

    ids = {word: number for number, word in enumerate(tokenizer.words)}
    unknown = ids["<unk>"]
    lines = text.split("\n")[:-1]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer.to_dict()), encoding="utf-8")
    library = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def encoded(line: str) -> list[int]:
        return [ids.get(word, unknown) for word in [*line.split(), "<eos>"]]

    return {
        "rnnzoo": lambda: tokenizer.encode(text).astype(np.int64),
        "datasets.map, batched": lambda: mapped(lines, encoded, True),
        "datasets.map": lambda: mapped(lines, encoded, False),
        "tokenizers": lambda: np.array(library.encode(text).ids),
    }


def character_sides(text: str, tokenizer: CharTokenizer) -> dict[str, Callable[[], Ids]]:
    """What turns characters into ids, by name."""
    ids = {character: number for number, character in enumerate(tokenizer.token_texts())}
    lines = text.splitlines(keepends=True)

    def encoded(line: str) -> list[int]:
        return [ids[character] for character in line]

    return {
        "rnnzoo": lambda: tokenizer.encode(text).astype(np.int64),
        "a dictionary in Python": lambda: np.array(encoded(text)),
        "datasets.map, batched": lambda: mapped(lines, encoded, True),
    }


def measured(name: str, sides: dict[str, Callable[[], Ids]], options: argparse.Namespace) -> dict[str, Any]:
    """A table; the sides must have found the same ids."""
    reference = sides["rnnzoo"]()
    for side, work in sides.items():
        if not np.array_equal(work(), reference):
            raise SystemExit(f"benchmarks.tokenise: {side} has other ids")
    turns = {side: timed(work, options.clock) for side, work in sides.items()}
    return table(name, "tokens", len(reference), take_turns(turns, options.rounds, say))


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = parser_of("tokenise", __doc__, rounds=3)
    parser.add_argument("--file", type=Path, help="another text: words between spaces, in lines")
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    text, name = chosen(options.file)
    words, characters = WordTokenizer.train([text]), CharTokenizer.train([text])
    with tempfile.TemporaryDirectory(prefix="rnnzoo-bench-") as folder:
        tables = [
            measured("words", word_sides(text, words, Path(folder)), options),
            measured("characters", character_sides(text, characters), options),
        ]
    found = {
        "benchmark": "tokenise",
        "title": "Text to ids",
        "about": "One text, one vocabulary made beforehand, and the same ids on all sides, as one array.",
        "command": "python -m benchmarks.tokenise",
        "machine": machine(),
        "limits": limits(options.clock),
        "setting": {"text": name, "bytes": len(text.encode()), "words": words.vocab_size, "clock": options.clock},
        "missing": {},
        "tables": tables,
    }
    keep(found, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
