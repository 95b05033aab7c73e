"""Texts and pairs of sentences that are none: to train on, to score, to read a prompt from, to translate."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from fuzz.blobs import NAMES, PLACES, damaged, odd_bytes, odd_path
from fuzz.case import Case, kind
from fuzz.stock import take


def spoil(case: Case, path: Path) -> Path:
    """Puts something else at `path`, or leads elsewhere; the path that is then named."""
    draw = case.draw
    if draw.random() < 0.65:
        what, data = odd_bytes(draw)
        case.change(f"{path.name} is {what}", lambda: path.write_bytes(data) and None)
        return path
    if draw.random() < 0.4:
        what, do = odd_path(path, draw)
        case.change(what, do)
        return path
    if draw.random() < 0.5:
        named = path.with_name(draw.choice(NAMES))
        case.change(f"{path.name} is called {named.name!r:.60}", lambda: os.replace(path, named))
        return named
    if draw.random() < 0.4:
        what, data = damaged(path.read_bytes(), draw)
        case.change(f"{path.name} {what}", lambda: path.write_bytes(data) and None)
        return path
    place = draw.choice([word for word in PLACES if "\0" not in word])
    case.change(f"{path.name} is {place!r:.40}", lambda: None)
    return Path(place) if place else Path(".")


def _named(path: Path, case: Case) -> str:
    """As a word of the command line: relative where it lies in the case's folder."""
    return os.path.relpath(path, case.folder) if path.is_absolute() and path.parent == case.folder else str(path)


TOKENIZERS = ("char", "char", "byte", "{name: word, style: raw}", "{name: bpe, vocab_size: 270}")


@kind("corpora", 22)
def corpora(case: Case) -> None:
    """One's own text, which a language model trains on, or reads."""
    draw = case.draw
    take(case.stock, case.folder, "text.txt", "lm.yaml")
    text = case.folder / "text.txt"
    which = draw.choice(["train", "train", "build", "score", "test", "prompt"])
    if which in ("score", "test", "prompt"):
        take(case.stock, case.folder, "runs/lm/1")
    name = _named(spoil(case, text), case)
    name = f"./{name}" if name.startswith("-") and name != "-" else name
    tokenizer = draw.choice(TOKENIZERS)
    more = ["words.txt"] if draw.random() < 0.1 else []
    if more:
        take(case.stock, case.folder, "words.txt")
    commands: dict[str, list[str]] = {
        "train": ["train", "lm.yaml", "--text", name, *more, "--data.tokenizer", tokenizer],
        "build": ["data", "build", "out", "--text", name, *more, "--tokenizer", tokenizer, "--shard-characters", "500"],
        "score": [
            "score",
            "./lm",
            name,
            *draw.choice([[], ["--unknown", "drop"], ["--json"], ["--cache"], ["--tsv", "o"]]),
        ],
        "test": ["test", "./lm", "--text", name],
        "prompt": ["generate", "./lm", "--prompt-file", name, "--max-new-tokens", "3"],
    }
    case.words = commands[which]
    if draw.random() < 0.3:
        case.stdin = odd_bytes(draw)[1]


@kind("pairs", 10)
def pairs(case: Case) -> None:
    """Pairs of sentences, which a translator trains on, or lines that it translates."""
    draw = case.draw
    take(case.stock, case.folder, "pairs.src", "pairs.tgt", "pairs.tsv", "mt.yaml")
    which = draw.choice(["files", "files", "valid", "tsv", "translate", "stdin", "score"])
    options = draw.choice([[], [], ["--data.test_part", "true"], ["--data.tokenizer", "{name: bpe, vocab_size: 260}"]])
    if which == "files":
        names = [
            _named(spoil(case, case.folder / n), case) if draw.random() < 0.6 else n for n in ("pairs.src", "pairs.tgt")
        ]
        case.words = ["train", "mt.yaml", "--files", *names, *options]
    elif which == "valid":
        _mixed(case, case.folder / "pairs.tsv")
        case.words = ["train", "mt.yaml", "--data.valid_files", _named(spoil(case, case.folder / "pairs.tsv"), case)]
    elif which == "tsv":
        _mixed(case, case.folder / "pairs.tsv")
        case.words = ["train", "mt.yaml", "--tsv", _named(spoil(case, case.folder / "pairs.tsv"), case), *options]
    elif which == "score":
        take(case.stock, case.folder, "runs/lm/1")
        _mixed(case, case.folder / "pairs.tsv")
        case.words = ["score", "./lm", "--pairs", "pairs.tsv", "--unknown", draw.choice(["drop", "error"])]
    else:
        take(case.stock, case.folder, "runs/mt/1")
        name = _named(spoil(case, case.folder / "pairs.src"), case)
        name = f"./{name}" if name.startswith("-") and name != "-" else name
        case.words = ["translate", "./mt", "--beam", "1", "--unknown", "drop"]
        case.words += ["--input", name] if which == "translate" else draw.choice([[], ["--input", "-"]])
        case.words += draw.choice([[], ["--output", "out.txt"]])
        case.stdin = odd_bytes(draw)[1]


def _mixed(case: Case, path: Path) -> None:
    """Lines of a table that have more columns, fewer, or none."""
    draw = case.draw
    rows = path.read_text().splitlines()
    odd: list[Callable[[str], str]] = [
        lambda row: row.replace("\t", " "),
        lambda row: f"{row}\t{row}",
        lambda row: "",
        lambda row: "\t",
        lambda row: f"{row.partition(chr(9))[0]}\t",
        lambda row: "word " * 3000 + row,
        lambda row: row.replace("\t", "\r"),
        lambda row: f'"{row}',
    ]
    how, at = draw.choice(odd), draw.randrange(len(rows))
    if draw.random() < 0.5:
        rows[at] = how(rows[at])
        case.change(f"line {at + 1} is another", lambda: path.write_text("".join(f"{row}\n" for row in rows)) and None)
