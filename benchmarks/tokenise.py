"""Text to ids: our tokenizers against `datasets.map` and the `tokenizers` library, in one run, interleaved.

    python -m benchmarks.tokenise
    python -m benchmarks.tokenise --file mybook.txt --rounds 3

The text is the Penn Treebank's training part where RNNZOO_DATA has it, or words drawn at random. Each side turns it
into one array of ids with the same vocabulary, made beforehand, and the arrays are compared. What `datasets` keeps on
disk is removed after each round, so that no round reads what another one wrote.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rnnzoo.data import load_corpus
from rnnzoo.errors import UserError
from rnnzoo.text import WordTokenizer

Ids = np.ndarray[tuple[int], np.dtype[np.int64]]


def drawn(words: int = 900_000) -> str:
    """A text like the Penn Treebank in length, vocabulary and lines, for machines without it."""
    draw = np.random.default_rng(0)
    ids = np.minimum(draw.zipf(1.3, words), 9_999)
    lines = np.array_split(ids, words // 22)
    return "".join(f" {' '.join(f'w{i}' for i in line)} \n" for line in lines)


def sides(text: str, tokenizer: WordTokenizer, folder: Path) -> dict[str, Callable[[], Ids]]:
    """What is measured, by name."""
    import datasets
    from tokenizers import Tokenizer

    datasets.disable_progress_bars()
    ids = {word: number for number, word in enumerate(tokenizer.words)}
    unknown = ids["<unk>"]
    lines = text.split("\n")[:-1]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer.to_dict()), encoding="utf-8")
    library = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def encoded(line: str) -> list[int]:
        return [ids.get(word, unknown) for word in [*line.split(), "<eos>"]]

    def mapped(batched: bool) -> Ids:
        rows = datasets.Dataset.from_dict({"text": lines})
        if batched:
            done = rows.map(lambda batch: {"ids": [encoded(line) for line in batch["text"]]}, batched=True)
        else:
            done = rows.map(lambda row: {"ids": encoded(row["text"])})
        return np.concatenate([np.asarray(row) for row in done.with_format("numpy")["ids"][:]])

    return {
        "rnnzoo": lambda: tokenizer.encode(text).astype(np.int64),
        "datasets.map, batched": lambda: mapped(True),
        "datasets.map": lambda: mapped(False),
        "tokenizers": lambda: np.array(library.encode(text).ids),
    }


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tokenise", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each side (3)")
    parser.add_argument("--file", type=Path, help="another text: words between spaces, in lines")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file too")
    options = parser.parse_args(arguments)
    if options.file:
        text, name = options.file.read_text(encoding="utf-8"), options.file.name
    else:
        try:
            text, name = load_corpus("ptb").splits["train"], "ptb, training part"
        except UserError:
            text, name = drawn(), "random words (the Penn Treebank is not under RNNZOO_DATA)"
    tokenizer = WordTokenizer.train([text])
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="rnnzoo-bench-") as folder:
        found = sides(text, tokenizer, Path(folder))
        reference = found["rnnzoo"]()
        for _ in range(options.rounds):
            for side, run in found.items():
                begun = time.perf_counter()
                ids = run()
                seconds.setdefault(side, []).append(time.perf_counter() - begun)
                if not np.array_equal(ids, reference):
                    raise SystemExit(f"benchmarks.tokenise: {side} has other ids")
    print(f"{name}: {len(text.encode()):,} bytes, {len(reference):,} tokens, vocabulary {tokenizer.vocab_size:,}")
    ours = statistics.median(seconds["rnnzoo"])
    for side, times in seconds.items():
        middle = statistics.median(times)
        print(
            f"{side:22} {middle:8.3f} s  ({min(times):.3f} to {max(times):.3f})  {len(reference) / middle:12,.0f} "
            f"tokens/s  {middle / ours:6.1f} times ours"
        )
    if options.json:
        options.json.write_text(
            json.dumps({"text": name, "tokens": len(reference), "seconds": seconds}, indent=2) + "\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
