"""Pairs of sentences to learn translation from: a corpus of the catalogue, one's own files, a table, a hub dataset."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.data.catalogue import CATALOGUE, corpus_entry
from rnnzoo.data.cleaning import CleaningConfig, Pairs, clean_pairs, describe, plain_spaces, require_both_sides
from rnnzoo.data.corpora import OWN_LICENCE, catalogue_text, read_text
from rnnzoo.data.places import find_corpus
from rnnzoo.data.sources import SPLITS, CorpusEntry
from rnnzoo.errors import UserError, nearest

__all__ = ["PairCorpus", "load_pairs"]

_SETS = {"train": "train", "val": "valid", "test_2016_flickr": "test"}  # Multi30k's names


@dataclass(frozen=True)
class PairCorpus:
    """Pairs of sentences in their parts.

    Args:
        name: as the catalogue, the files or the hub have it, with the direction.
        splits: ``"train"``, ``"valid"`` and, where there is one, ``"test"``: source and target sentences.
        references: of the parts to score on: for each source sentence all its translations, the target first.
        sha256: of all sentences as they were before cleaning, see `digest`.
        split_rule: how the parts were made, in words.
        licence: what the text may be used for.
        research_only: the text, and models of it, are not to be published freely.
        src_lang: the language of the source. tgt_lang: that of the target.
        summary: how many training pairs there are and what cleaning left out, in a line.
    """

    name: str
    splits: Mapping[str, Pairs]
    references: Mapping[str, list[list[str]]]
    sha256: str
    split_rule: str
    licence: str
    research_only: bool = False
    src_lang: str = "src"
    tgt_lang: str = "tgt"
    summary: str = ""


def load_pairs(
    name: str | None = None,
    *,
    files: Sequence[str | os.PathLike[str]] = (),
    tsv: str | os.PathLike[str] | None = None,
    columns: tuple[int, int] = (1, 2),
    hub: str | None = None,
    src: str | None = None,
    tgt: str | None = None,
    valid_files: Sequence[str | os.PathLike[str]] = (),
    test_files: Sequence[str | os.PathLike[str]] = (),
    test_part: bool = False,
    cleaning: CleaningConfig | None = None,
) -> PairCorpus:
    """Reads pairs of sentences; never downloads a corpus of the catalogue.

    Lines end at ``"\\n"`` and nowhere else. Training pairs are cleaned, pairs to score on get plain spaces only.

    Args:
        name: a name of the catalogue; one of `name`, `files`, `tsv` and `hub` is given.
        files: two UTF-8 files, source and target, a line a sentence.
        tsv: a file with source and target in columns, separated by tabs.
        columns: which ones, source and target, counted from 1 as `cut` does.
        hub: a dataset for `datasets`: ``"org/dataset"``, ``"org/dataset:config"`` or a local folder; its columns
            are `src` and `tgt`, or these are the keys of a column ``translation``.
        src: the source language. tgt: the target language. A corpus of two languages has an order of its own.
        valid_files: what to validate on: two files, or one table. test_files: what to test on.
        test_part: own pairs are cut 80/10/10 instead of 90/10.
        cleaning: the rules for training pairs; with None, sentences stay as they are.

    Raises:
        UserError: unknown name or language, corpus not here, file missing, empty or not UTF-8, files of different
            lengths, another number of columns; without cleaning, a line that is blank on one side.
    """
    if (name is not None) + bool(files) + (tsv is not None) + (hub is not None) != 1:
        raise UserError("give one of: the name of a corpus of pairs, two files, a table (tsv), a hub dataset")
    if (valid_files or test_files) and (name is not None or hub is not None):
        raise UserError("valid_files and test_files go with one's own files; this corpus has its own parts")
    references: dict[str, list[list[str]]] = {}
    research_only = False
    if name is not None:
        entry = pair_entry(name)
        src, tgt = _direction(entry, src, tgt)
        parts = _catalogue_pairs(entry, src, tgt)
        rule, licence, research_only = SPLITS[entry.split], entry.licence, entry.research_only
        label = f"{name} {src}-{tgt}"
    elif hub is not None:
        from rnnzoo.data.hub import load_hub_pairs  # `datasets` takes seconds to import

        if src is None or tgt is None:
            raise UserError("a hub dataset needs src and tgt, the names of its languages or columns")
        parts, rule = _cut(load_hub_pairs(hub, (src, tgt)), hub, test_part)
        licence, label = "see the dataset's page on the hub", f"{hub} {src}-{tgt}"
    else:
        own: Sequence[str | os.PathLike[str]] = files if tsv is None else (tsv,)
        label = Path(own[0]).name
        given = {"train": own, "valid": valid_files, "test": test_files}
        parts = {role: _own_pairs(paths, tsv is not None, columns) for role, paths in given.items() if paths}
        parts, rule = _cut(parts, label, test_part)
        licence = OWN_LICENCE
    sha256 = digest(parts)
    splits, summary = dict(parts), ""
    if cleaning is None:
        for pairs in parts.values():
            require_both_sides(pairs, label)
    else:
        splits = {role: _spaced(pairs) for role, pairs in parts.items() if role != "train"}
        splits["train"], dropped = clean_pairs(parts["train"], cleaning)
        summary = describe(dropped, len(splits["train"][0]))
        if not splits["train"][0]:
            raise UserError(f"{label}: cleaning leaves no training pair ({summary})")
    for role in ("valid", "test"):
        if role in splits:
            splits[role], references[role] = _by_source(splits[role], merge=name == "tatoeba-eng-fra")
    splits = {role: splits[role] for role in ("train", "valid", "test") if role in splits}
    return PairCorpus(
        label, splits, references, sha256, rule, licence, research_only, src or "src", tgt or "tgt", summary
    )


def digest(parts: Mapping[str, Pairs]) -> str:
    """The sha256 of all sentences, each ended by a newline: of each part in turn all sources, then all targets."""
    found = hashlib.sha256()
    for role in ("train", "valid", "test"):
        for side in parts.get(role, ()):
            for sentence in side:
                found.update(f"{sentence}\n".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def pair_entry(name: str) -> CorpusEntry:
    """The entry of a corpus of pairs.

    Raises:
        UserError: there is none of that name, or it is running text.
    """
    entry = corpus_entry(name)
    if entry.kind != "pairs":
        known = nearest("", (key for key, value in CATALOGUE.items() if value.kind == "pairs"))
        raise UserError(f"corpus {name!r} is running text; translation needs pairs of sentences{known}")
    return entry


def _direction(entry: CorpusEntry, src: str | None, tgt: str | None) -> tuple[str, str]:
    languages = entry.languages
    if len(languages) == 2:
        others = dict(zip(languages, reversed(languages), strict=True))
        src = src or others.get(tgt or languages[1], languages[0])
        tgt = tgt or others.get(src, languages[1])
    for language, what in ((src, "src"), (tgt, "tgt")):
        if language not in languages:
            raise UserError(f"corpus {entry.name!r} has {', '.join(languages)}; {what} is {language!r}")
    if src == tgt:
        raise UserError(f"src and tgt are both {src!r}")
    assert src is not None
    assert tgt is not None
    return src, tgt


def _catalogue_pairs(entry: CorpusEntry, src: str, tgt: str) -> dict[str, Pairs]:
    folder = find_corpus(entry)
    files = {file.path: file for file in entry.files}
    if entry.name == "tatoeba-eng-fra":
        path = folder / "fra.txt"
        english, french = _table(catalogue_text(files["fra.txt"], folder), path, (1, 2))
        parts = _hashed(english, french)
        return parts if src == "en" else {role: (pair[1], pair[0]) for role, pair in parts.items()}
    pattern = "raw/{}.{}" if entry.name == "multi30k" else "{}.{}"
    names = _SETS if entry.name == "multi30k" else {role: role for role in ("train", "valid", "test")}
    found = {}
    for there, role in names.items():
        paths = [pattern.format(there, side) for side in (src, tgt)]
        sides = [_lines(catalogue_text(files[path], folder)) for path in paths]
        found[role] = _aligned(sides[0], sides[1], [folder / path for path in paths])
    return found


def _hashed(english: list[str], french: list[str]) -> dict[str, Pairs]:
    """2% of the English sentences for validation, 2% for test, with all their French sides."""
    parts: dict[str, Pairs] = {role: ([], []) for role in ("train", "valid", "test")}
    for one, other in zip(english, french, strict=True):
        number = int.from_bytes(hashlib.sha256(plain_spaces(one).encode()).digest()[:8], "big") % 50
        sources, targets = parts["test" if number == 0 else "valid" if number == 1 else "train"]
        sources.append(one)
        targets.append(other)
    return parts


def _by_source(pairs: Pairs, *, merge: bool) -> tuple[Pairs, list[list[str]]]:
    """The pairs and all translations of each source; when merging, each source once, with its first target."""
    if not merge:
        return pairs, [[target] for target in pairs[1]]
    found: dict[str, dict[str, None]] = {}
    for source, target in zip(*pairs, strict=True):
        found.setdefault(source, {})[target] = None
    references = [list(targets) for targets in found.values()]
    return (list(found), [targets[0] for targets in references]), references


def _own_pairs(paths: Sequence[str | os.PathLike[str]], table: bool, columns: tuple[int, int]) -> Pairs:
    if table:
        if len(paths) != 1:
            raise UserError(f"a table is one file; {len(paths)} are given")
        return _table(read_text(paths[0]), paths[0], columns)
    if len(paths) != 2:
        raise UserError(f"pairs are in two files, source and target, not in {len(paths)}")
    return _aligned(_lines(read_text(paths[0])), _lines(read_text(paths[1])), paths)


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def _aligned(one: list[str], other: list[str], paths: Sequence[str | os.PathLike[str]]) -> Pairs:
    if len(one) != len(other):
        message = f"has {len(one):,} lines, and {os.fspath(paths[1])} has {len(other):,}: line n must translate line n"
        raise UserError(message, path=paths[0])
    return one, other


def _table(text: str, path: str | os.PathLike[str], columns: tuple[int, int]) -> Pairs:
    rows = [line.split("\t") for line in _lines(text)]
    width = len(rows[0])
    if max(columns) > width or min(columns) < 1:
        message = f"has {width} columns, separated by tabs; columns is {columns[0]}, {columns[1]}"
        raise UserError(message, path=path, position="line 1")
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise UserError(f"has {len(row)} columns, line 1 has {width}", path=path, position=f"line {number}")
    return [row[columns[0] - 1] for row in rows], [row[columns[1] - 1] for row in rows]


def _cut(parts: dict[str, Pairs], name: str, test_part: bool) -> tuple[dict[str, Pairs], str]:
    """`parts`, of which "train" is cut where there is no "valid"."""
    if "valid" in parts:
        return parts, SPLITS["files"]
    test_part = test_part and "test" not in parts
    sources, targets = parts["train"]
    n = len(sources)
    cuts = [0, *([int(n * 0.8)] if test_part else []), int(n * 0.9), n]
    roles = ("train", "valid", "test")
    cut = {role: (sources[a:b], targets[a:b]) for role, a, b in zip(roles, cuts, cuts[1:], strict=False)}
    if not all(pairs[0] for pairs in cut.values()):
        raise UserError(f"{name}: {n} pairs are too few to cut into {', '.join(cut)}")
    rule = "contiguous: the first 80% for training, 10% validation, the last 10% test"
    return parts | cut, rule if test_part else "contiguous: the last 10% is validation"


def _spaced(pairs: Pairs) -> Pairs:
    return [plain_spaces(sentence) for sentence in pairs[0]], [plain_spaces(sentence) for sentence in pairs[1]]
