"""Pairs of sentences to learn translation from: a corpus of the catalogue, one's own files, a table, a hub dataset."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.data.catalogue import CATALOGUE, corpus_entry
from rnnzoo.data.cleaning import LONGEST_SCORED, CleaningConfig, Pairs, clean_pairs, describe
from rnnzoo.data.pair_files import catalogue_pairs, file_pairs, require_both_sides, table_pairs
from rnnzoo.data.plain_text import AS_PEOPLE_EXPECT, TextForm
from rnnzoo.data.saved import is_saved
from rnnzoo.data.sources import CUT_BY_SENTENCE, OWN_LICENCE, SPLITS, CorpusEntry, Split
from rnnzoo.errors import UserError, nearest
from rnnzoo.opening import shown_name

__all__ = ["PairCorpus", "load_pairs", "pair_entry"]


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
    split: Split | None = None,
    cleaning: CleaningConfig | None = None,
    form: TextForm = AS_PEOPLE_EXPECT,
) -> PairCorpus:
    """Reads pairs of sentences; never downloads a corpus of the catalogue.

    Training pairs are cleaned; pairs to score on get plain spaces, and lose those of which a side is blank.

    Args:
        name: a name of the catalogue; one of `name`, `files`, `tsv` and `hub` is given.
        files: two files, source and target, a line a sentence.
        tsv: a file with source and target in columns, separated by tabs; or a ``.csv``, ``.jsonl``, ``.parquet`` or
            ``.arrow`` file, whose columns are called `src` and `tgt`.
        columns: which ones, source and target, counted from 1 as `cut` does.
        hub: a dataset for `datasets`: ``"org/dataset"``, ``"org/dataset:config"`` or a local folder; its columns
            are `src` and `tgt`, or these are the keys of a column ``translation``.
        src: the source language. tgt: the target language. A corpus of two languages has an order of its own.
        valid_files: what to validate on: two files, or one table. test_files: what to test on.
        test_part: own pairs are cut 80/10/10 instead of 90/10.
        split: how a table of the catalogue is cut, ``"hashed"`` or ``"grouped"``, where not as the catalogue says.
        cleaning: the rules for training pairs; with None, all sentences of all parts stay as they are, save that what
            is blank on both sides of one's own files is no pair.
        form: how the bytes of one's own files become text.

    Raises:
        UserError: unknown name or language, corpus not here, file missing, empty or not decodable, files of different
            lengths, another number of columns; without cleaning, a line that is blank on one side.
    """
    if (name is not None) + bool(files) + (tsv is not None) + (hub is not None) != 1:
        raise UserError("give one of: the name of a corpus of pairs, two files, a table (tsv), a hub dataset")
    if (valid_files or test_files) and (name is not None or hub is not None):
        raise UserError("valid_files and test_files go with one's own files; this corpus has its own parts")
    if split is not None and name is None:
        raise UserError(
            "split is for corpora of the catalogue; one's own pairs have valid_files, test_files, test_part"
        )
    merged, research_only = False, False
    if name is not None:
        entry = pair_entry(name)
        src, tgt = _direction(entry, src, tgt)
        merged = entry.split in CUT_BY_SENTENCE
        if split is not None and (not merged or split not in CUT_BY_SENTENCE):
            known = " or ".join(CUT_BY_SENTENCE) if merged else "the catalogue's own alone"
            raise UserError(f"corpus {name!r} has no split {split!r}, {known}")
        parts = catalogue_pairs(entry, src, tgt, split)
        rule, licence, research_only = SPLITS[split or entry.split], entry.licence, entry.research_only
        label = f"{name} {src}-{tgt}"
    elif hub is not None:
        parts, rule = _cut(_hub_pairs(hub, src, tgt, blank=cleaning is not None), hub, test_part)
        licence, label = "see the dataset's page on the hub", f"{hub} {src}-{tgt}"
        if is_saved(hub):
            licence, label = OWN_LICENCE, f"{Path(hub).resolve().name} {src}-{tgt}"
    else:
        _require_two(src, tgt)
        own: Sequence[str | os.PathLike[str]] = files if tsv is None else (tsv,)
        label, licence = Path(shown_name(own[0])).name, OWN_LICENCE
        given = {"train": own, "valid": valid_files, "test": test_files}
        blank = cleaning is not None
        parts = {
            role: file_pairs(paths, form, blank=blank)
            if tsv is None
            else _one_table(paths, columns, form, (src, tgt), blank)
            for role, paths in given.items()
            if paths
        }
        parts, rule = _cut(parts, label, test_part)
    if cleaning is None:
        _require_sentences(parts, label)
    splits, summary = (dict(parts), "") if cleaning is None else _cleaned(parts, cleaning, label)
    references: dict[str, list[list[str]]] = {}
    for role in ("valid", "test"):
        if role in splits:
            splits[role], references[role] = _by_source(splits[role], merge=merged)
    return PairCorpus(
        label, splits, references, digest(parts), rule, licence, research_only, src or "src", tgt or "tgt", summary
    )


def _require_sentences(parts: Mapping[str, Pairs], name: str) -> None:
    """Raises `UserError` where a sentence is so long that it is none; cleaning would have left it out."""
    for role, pairs in parts.items():
        for number, pair in enumerate(zip(*pairs, strict=True), 1):
            if (longest := max(map(len, pair))) > LONGEST_SCORED:
                raise UserError(
                    f"{name}: the {role} part, pair {number}: a sentence of {longest:,} characters; more than "
                    f"{LONGEST_SCORED:,} are not read without data.cleaning, which leaves such pairs out"
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
        what = "running text" if entry.kind == "text" else "texts with labels"
        raise UserError(f"corpus {name!r} is {what}; translation needs pairs of sentences{known}")
    return entry


def _direction(entry: CorpusEntry, src: str | None, tgt: str | None) -> tuple[str, str]:
    """From which language to which; of a corpus that has two, one or none need be said."""
    known = ", ".join(entry.languages)
    for language, what in ((src, "src"), (tgt, "tgt")):
        if language is not None and language not in entry.languages:
            raise UserError(f"corpus {entry.name!r} has no language {language!r} ({what}), only {known}")
    if len(entry.languages) == 2:
        one, other = entry.languages
        src = src or (other if tgt == one else one)
        tgt = tgt or (other if src == one else one)
    if src is None or tgt is None:
        raise UserError(f"corpus {entry.name!r} has {known}: say from which to which, with src and tgt")
    _require_two(src, tgt)
    return src, tgt


def _require_two(src: str | None, tgt: str | None) -> None:
    if src is not None and src == tgt:
        raise UserError(f"src and tgt are both {src!r}")


def _hub_pairs(hub: str, src: str | None, tgt: str | None, *, blank: bool) -> dict[str, Pairs]:
    if src is None or tgt is None:
        raise UserError("a hub dataset needs src and tgt, the names of its languages or columns")
    _require_two(src, tgt)
    from rnnzoo.data.hub import load_hub_pairs  # `datasets` takes seconds to import

    parts = load_hub_pairs(hub, (src, tgt))
    if not blank:
        for role, pairs in parts.items():
            where = f"hub dataset {hub!r}, split {role!r}"
            require_both_sides(pairs, where, where, "row")
    return parts


def _one_table(
    paths: Sequence[str | os.PathLike[str]],
    columns: tuple[int, int],
    form: TextForm,
    names: tuple[str | None, str | None],
    blank: bool,
) -> Pairs:
    if len(paths) != 1:
        raise UserError(f"beside a table (tsv), valid_files and test_files are a table each; {len(paths)} are given")
    return table_pairs(paths[0], columns, form, names=names, blank=blank)


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
        count = "1 pair is" if n == 1 else f"{n} pairs are"
        raise UserError(f"{name}: {count} too few to cut into {', '.join(cut)}")
    rule = "contiguous: the first 80% for training, 10% validation, the last 10% test"
    return parts | cut, rule if test_part else "contiguous: the last 10% is validation"


def _cleaned(parts: Mapping[str, Pairs], cleaning: CleaningConfig, name: str) -> tuple[dict[str, Pairs], str]:
    """The parts that cleaning leaves, and what it left out, in a line."""
    splits: dict[str, Pairs] = {}
    dropped: dict[str, Counter[str]] = {}
    for role in ("train", "valid", "test"):
        if role in parts:
            splits[role], dropped[role] = clean_pairs(parts[role], cleaning if role == "train" else None)
    summary = describe(len(splits["train"][0]), dropped)
    for role, (sources, _) in splits.items():
        if not sources:
            raise UserError(f"{name}: cleaning leaves no pair of the part {role!r} ({summary})")
    return splits, summary


def _by_source(pairs: Pairs, *, merge: bool) -> tuple[Pairs, list[list[str]]]:
    """The pairs and all translations of each source; when merging, each source once, with its first target."""
    if not merge:
        return pairs, [[target] for target in pairs[1]]
    found: dict[str, dict[str, None]] = {}
    for source, target in zip(*pairs, strict=True):
        found.setdefault(source, {})[target] = None
    references = [list(targets) for targets in found.values()]
    return (list(found), [targets[0] for targets in references]), references
