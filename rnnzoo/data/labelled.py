"""Texts with labels to learn classes from: a corpus of the catalogue, one's own files, a hub dataset."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rnnzoo.data.catalogue import CATALOGUE, corpus_entry
from rnnzoo.data.labelled_files import Row, catalogue_rows, file_rows
from rnnzoo.data.labelled_parts import apart, once, some, stratified
from rnnzoo.data.plain_text import AS_PEOPLE_EXPECT, TextForm
from rnnzoo.data.saved import is_saved
from rnnzoo.data.sources import OWN_LICENCE, SPLITS, CorpusEntry
from rnnzoo.data.text_source import expand
from rnnzoo.errors import UserError, nearest
from rnnzoo.opening import shown_name

__all__ = ["Labelled", "LabelledCorpus", "labelled_entry", "load_labelled"]

_MOST_LABELS = 10_000


class Labelled(NamedTuple):
    """Texts, and the labels of each.

    Attributes:
        texts: N of them. labels: of each its own; one, unless a text may have several or none.
    """

    texts: list[str]
    labels: list[tuple[str, ...]]


@dataclass(frozen=True)
class LabelledCorpus:
    """Texts with labels in their parts, no text in two of them.

    Args:
        name: as the catalogue, the files or the hub have it.
        splits: ``"train"``, ``"valid"`` and, where there is one, ``"test"``.
        labels: all labels of the training part, sorted.
        several: a text may have any number of labels.
        sha256: of all texts with their labels, part by part.
        split_rule: how the parts were made, in words.
        licence: what the text may be used for.
        research_only: the text, and models of it, are not to be published freely.
        summary: how many texts there are and what was left out, in a line.
    """

    name: str
    splits: Mapping[str, Labelled]
    labels: tuple[str, ...]
    several: bool
    sha256: str
    split_rule: str
    licence: str
    research_only: bool = False
    summary: str = ""


def load_labelled(
    name: str | None = None,
    *,
    files: Sequence[str | os.PathLike[str]] = (),
    hub: str | None = None,
    text_column: str = "text",
    label_column: str = "label",
    columns: tuple[int, int] | None = None,
    separator: str | None = None,
    valid_files: Sequence[str | os.PathLike[str]] = (),
    test_files: Sequence[str | os.PathLike[str]] = (),
    test_part: bool = False,
    split_seed: int = 0,
    train_texts: int = 0,
    form: TextForm = AS_PEOPLE_EXPECT,
) -> LabelledCorpus:
    """Reads texts with labels; never downloads a corpus of the catalogue.

    A text that stands twice with one label is read once. Where there is no validation part, a tenth of each label's
    texts becomes it, chosen by a hash of the text: the same ones whatever their order. What is in two parts stays in
    the last of them.

    Args:
        name: a name of the catalogue; one of `name`, `files` and `hub` is given.
        files: tables (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``, ``.arrow``) with named columns; or text files, one
            for each label, which is called as the file is, a text a line; or a folder of those.
        hub: a dataset for `datasets`: ``"org/dataset"``, ``"org/dataset:config"`` or a local folder.
        text_column: the column of the texts. label_column: of the labels.
        columns: those of text and label in a ``.tsv`` without a line of names, counted from 1.
        separator: what stands between the labels of a text that may have several or none; None where each has one.
        valid_files: what to validate on. test_files: what to test on.
        test_part: another tenth becomes the test part.
        split_seed: other texts are chosen with another one.
        train_texts: only so many texts of the training part, of each label its share, one at least; 0 for all.
        form: how the bytes of one's own files become text.

    Raises:
        UserError: unknown name, corpus not here, a file that cannot be read, or has no such column; a text without a
            label, a label that the training part does not have (both with file and line); fewer than two labels.
    """
    if (name is not None) + bool(files) + (hub is not None) != 1:
        raise UserError("give one of: the name of a corpus with labels, files, a hub dataset")
    if (valid_files or test_files) and not files:
        raise UserError("valid_files and test_files go with one's own files; this corpus has its own parts")
    research_only, rule = False, ""
    if name is not None:
        entry = labelled_entry(name)
        rows, licence, research_only = catalogue_rows(entry), entry.licence, entry.research_only
        label, rule = name, SPLITS[entry.split] if "valid" in rows else ""
        test_part = entry.split == "stratified"
    elif hub is not None:
        from rnnzoo.data.hub import load_hub_labelled  # `datasets` takes seconds to import

        rows = load_hub_labelled(hub, text_column, label_column, separator)
        saved = is_saved(hub)
        label = Path(hub).resolve().name if saved else hub
        licence = OWN_LICENCE if saved else "see the dataset's page on the hub"
    else:
        given = {"train": files, "valid": valid_files, "test": test_files}
        rows = {
            role: file_rows(_expanded(paths), text_column, label_column, columns, separator, form)
            for role, paths in given.items()
            if paths
        }
        label, licence = Path(shown_name(files[0])).resolve().name if len(files) == 1 else _several(files), OWN_LICENCE
    rows, doubled = once(rows)
    rows, shared = apart(rows)
    _check_labels(rows["train"], label, several=separator is not None)
    if "valid" not in rows:
        rows, rule = stratified(rows, test_part=test_part, seed=split_seed, name=label)
    if train_texts:
        rows = rows | {"train": some(rows["train"], train_texts, split_seed)}
        rule = f"{rule or SPLITS['files']}; {len(rows['train']):,} texts of the training part"
    _check(rows, label, several=separator is not None)
    labels = tuple(sorted({one for row in rows["train"] for one in row.labels}))
    parts = {role: Labelled([r.text for r in part], [r.labels for r in part]) for role, part in rows.items()}
    counts = ", ".join(f"{len(part):,} {role}" for role, part in rows.items())
    left = ", ".join(
        text
        for count, text in ((doubled, f"{doubled:,} stand twice"), (shared, f"{shared:,} stand in a later part too"))
        if count
    )
    return LabelledCorpus(
        label,
        parts,
        labels,
        separator is not None,
        _digest(rows),
        rule or SPLITS["files"],
        licence,
        research_only,
        f"{counts} texts with {len(labels):,} labels" + (f"; left out: {left}" if left else ""),
    )


def labelled_entry(name: str) -> CorpusEntry:
    """The entry of a corpus of texts with labels.

    Raises:
        UserError: there is none of that name, or it is of another kind.
    """
    entry = corpus_entry(name)
    if entry.kind != "labels":
        known = nearest("", (key for key, value in CATALOGUE.items() if value.kind == "labels"))
        what = "running text" if entry.kind == "text" else "pairs of sentences, for translation"
        raise UserError(f"corpus {name!r} is {what}; a classifier needs texts with labels{known}")
    return entry


def _expanded(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """The files; those with ``.txt`` of a folder."""
    found: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            inside = sorted(str(file) for file in Path(path).glob("*.txt"))
            if not inside:
                raise UserError("is a folder without a .txt file: it has to have one for each label", path=path)
            found += inside
        else:
            found += [os.fspath(one) for one in expand([path])]
    return found


def _several(files: Sequence[str | os.PathLike[str]]) -> str:
    return f"{Path(shown_name(files[0])).name} and {len(files) - 1} more"


def _check(rows: Mapping[str, Sequence[Row]], name: str, *, several: bool) -> None:
    """Raises `UserError` where a part has nothing in it, or a label that the training part does not have."""
    for role, part in rows.items():
        if not part:
            raise UserError(f"{name}: the part {role!r} has no texts")
    _check_labels(rows["train"], name, several=several)
    known = {label for row in rows["train"] for label in row.labels}
    for role in ("valid", "test"):
        for row in rows.get(role, ()):
            for label in row.labels:
                if label not in known:
                    there = nearest(label, sorted(known))
                    message = f"the label {label[:60]!r} is none of the training part's{there}"
                    raise UserError(message, path=row.path, position=row.position)


def _check_labels(rows: Sequence[Row], name: str, *, several: bool) -> None:
    """Raises `UserError` where training texts have labels that cannot be learned."""
    if not rows:
        raise UserError(f"{name}: there are no texts")
    known = {label for row in rows for label in row.labels}
    if len(known) < (1 if several else 2):
        raise UserError(f"{name}: the training part has {len(known)} label: there is nothing to tell apart")
    if len(known) > min(_MOST_LABELS, max(len(rows) // 2, 2)):
        texts = len(rows)
        raise UserError(
            f"{name}: {len(known):,} different labels of {texts:,} training texts: is that the column of the labels?"
        )


def _digest(rows: Mapping[str, Sequence[Row]]) -> str:
    found = hashlib.sha256()
    for role in ("train", "valid", "test"):
        for row in rows.get(role, ()):
            found.update(f"{row.text}\t{' '.join(row.labels)}\n".encode("utf-8", "surrogatepass"))
    return found.hexdigest()
