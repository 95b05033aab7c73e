"""Text to train and score on: a corpus of the catalogue, one's own files, a hub dataset."""

from __future__ import annotations

import codecs
import hashlib
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnzoo.data.catalogue import corpus_entry
from rnnzoo.data.catalogue_text import catalogue_text, checked, decoded
from rnnzoo.data.corpus import Corpus, load_shards
from rnnzoo.data.labelled import load_labelled
from rnnzoo.data.places import find_corpus
from rnnzoo.data.plain_text import AS_PEOPLE_EXPECT, TextForm
from rnnzoo.data.saved import is_saved
from rnnzoo.data.sources import OWN_LICENCE, SPLITS, CorpusEntry, hash_of, hashed_part
from rnnzoo.data.tables import read_file
from rnnzoo.data.text_source import expand
from rnnzoo.errors import UserError
from rnnzoo.opening import shown_name

__all__ = ["Corpus", "load_corpus", "split_contiguous"]


def load_corpus(
    name: str | None = None,
    *,
    files: Sequence[str | os.PathLike[str]] = (),
    hub: str | None = None,
    shards: str | os.PathLike[str] | None = None,
    text_column: str = "text",
    test_part: bool = False,
    form: TextForm = AS_PEOPLE_EXPECT,
) -> Corpus:
    """Reads a text corpus; never downloads one of the catalogue.

    Args:
        name: a name of the catalogue; one of `name`, `files`, `hub` and `shards` is given. Of a corpus of texts with
            labels the texts are read, a line each.
        files: one's own files or patterns, joined in this order, with a newline between where there is none; of tables
            (.jsonl, .csv, .tsv, .parquet, .arrow) the column `text_column`.
        hub: a dataset for `datasets`: ``"org/dataset"``, ``"org/dataset:config"`` or a local folder; one that
            `save_to_disk` wrote may be the only one of `files`, too.
        shards: a folder that `rnnzoo data build` has made; its tokens stay on the disk.
        text_column: the column of the hub dataset, or of files that are tables, that holds the text.
        test_part: text without splits of its own is cut 80/10/10 instead of 90/10.
        form: how the bytes of one's own files become text.

    Raises:
        UserError: unknown name, corpus not here or not what the catalogue says, missing, empty or
            undecodable file, text too short to be cut.
    """
    if (name is not None) + bool(files) + (hub is not None) + (shards is not None) != 1:
        raise UserError("give one of: the name of a corpus, files, a hub dataset, a folder of shards")
    if shards is not None:
        return load_shards(shards)
    if len(files) == 1 and is_saved(files[0]):
        hub = os.fspath(files[0])
    if hub is not None:
        from rnnzoo.data.hub import load_hub_texts  # `datasets` takes seconds to import

        parts = load_hub_texts(hub, text_column)
        parts, rule = _with_validation(parts, hub, test_part)
        if is_saved(hub):
            return _corpus(Path(hub).resolve().name, parts, rule, OWN_LICENCE)
        return _corpus(hub, parts, rule, "see the dataset's page on the hub")
    if files:
        files = expand(files)
        text = _join([read_file(file, form, text_column) for file in files])
        names = [Path(shown_name(file)).name for file in files]
        own = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        return _corpus(own, split_contiguous(text, test_part, own), contiguous_rule(test_part), OWN_LICENCE)
    assert name is not None
    entry = corpus_entry(name)
    if entry.kind == "pairs":
        raise UserError(f"corpus {name!r} has pairs of sentences, for translation; a language model needs running text")
    if entry.kind == "labels":
        labelled = load_labelled(name)
        texts = {role: "".join(f"{text}\n" for text in part.texts) for role, part in labelled.splits.items()}
        return _corpus(name, texts, labelled.split_rule, entry.licence, entry.research_only)
    if entry.name == "pydocs":
        parts, rule = split_contiguous(_pydocs(), test_part, name), contiguous_rule(test_part)
    else:
        parts, rule = _catalogue_parts(entry, find_corpus(entry), test_part)
    return _corpus(name, parts, rule, entry.licence, entry.research_only)


def split_contiguous(text: str, test_part: bool, name: str) -> dict[str, str]:
    """The last 10% of the characters as validation, or the last two tenths as validation and test.

    The cut is nanoGPT's, ``int(n * 0.9)``: 1,003,854 and 111,540 characters of Tiny Shakespeare.

    Raises:
        UserError: a part would be empty.
    """
    return {key: text[a:b] for key, (a, b) in contiguous_cuts(len(text), test_part, name).items()}


def contiguous_cuts(n: int, test_part: bool, name: str) -> dict[str, tuple[int, int]]:
    """Where the parts of `split_contiguous` begin and end in a text of `n` characters.

    Raises:
        UserError: a part would be empty.
    """
    cuts = [0, *([int(n * 0.8)] if test_part else []), int(n * 0.9), n]
    parts = dict(zip(("train", "valid", "test"), itertools.pairwise(cuts), strict=False))
    if not all(a < b for a, b in parts.values()):
        count = "1 character is" if n == 1 else f"{n} characters are"
        raise UserError(f"{name}: {count} too few to cut into {', '.join(parts)}")
    return parts


def _catalogue_parts(entry: CorpusEntry, folder: Path, test_part: bool) -> tuple[dict[str, str], str]:
    if entry.split == "joined":
        return _joined(entry, folder), SPLITS["joined"]
    data = {file.role: (folder / file.path, checked(file, folder)) for file in entry.files}
    if entry.split == "contiguous":
        path, content = data["all"]
        return split_contiguous(decoded(content, path), test_part, entry.name), contiguous_rule(test_part)
    if entry.split == "90/5/5":
        return _byte_parts(data["all"][1], data["all"][0]), SPLITS["90/5/5"]
    parts = {role: decoded(content, path) for role, (path, content) in data.items()}
    if entry.name == "ptb-char":
        parts = {role: _unspell(text, data[role][0]) for role, text in parts.items()}
    return parts, SPLITS[entry.split]


def _joined(entry: CorpusEntry, folder: Path) -> dict[str, str]:
    """The parts of several texts, one text after the other; there is no test part, and that of pairs is left out."""
    parts: dict[str, list[str]] = {"train": [], "valid": []}
    for file in entry.files:
        text = catalogue_text(file, folder)
        if file.role in ("pairs", "translations"):
            cut = _sentences(text, translations=file.role == "translations")
        else:
            cut = split_contiguous(text, False, entry.name)
        for role, texts in parts.items():
            texts.append(cut[role])
    return {role: _join(texts) for role, texts in parts.items()}


def _sentences(text: str, *, translations: bool) -> dict[str, str]:
    """A table of pairs as text, by the part of the English sentence: its lines, or the second side of one in eight."""
    lines: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for line in text.removesuffix("\n").split("\n"):
        english, other = line.split("\t", 1)
        if not translations:
            lines[hashed_part(english)].append(line + "\n")
        elif hash_of(english) // 50 % 8 == 0:  # the remainder of 50 has chosen the part
            lines[hashed_part(english)].append(other + "\n")
    return {role: "".join(found) for role, found in lines.items()}


def _byte_parts(data: bytes, path: Path) -> dict[str, str]:
    """90/5/5 by bytes, the cuts moved back to where a character begins."""
    n = len(data)
    cuts = [0, n * 90 // 100, n * 95 // 100, n]
    for i in (1, 2):
        while 0 < cuts[i] < n and data[cuts[i]] & 0xC0 == 0x80:
            cuts[i] -= 1
    parts = {}
    for key, a, b in zip(("train", "valid", "test"), cuts, cuts[1:], strict=False):
        try:  # not final: enwik8 is cut after 10^8 bytes, wherever that is
            parts[key] = codecs.utf_8_decode(data[a:b], "strict", False)[0]
        except UnicodeDecodeError as error:
            raise UserError("is not UTF-8", path=path, position=f"byte {a + error.start}") from None
    return parts


def _unspell(text: str, path: Path) -> str:
    """Character PTB as plain text: symbols stand apart by one space, and "_" is the space."""
    if text[1::2].strip(" "):
        raise UserError("is not character PTB: symbols are not separated by single spaces", path=path)
    return text[0::2].replace("_", " ")


def _with_validation(parts: dict[str, str], name: str, test_part: bool) -> tuple[dict[str, str], str]:
    """`parts`, of which "train" is cut where there is no "valid"."""
    if "valid" in parts:
        return parts, SPLITS["files"]
    test = {"test": parts["test"]} if "test" in parts else {}
    cut = split_contiguous(parts["train"], test_part and not test, name)
    return {**cut, **test}, contiguous_rule(test_part and not test)


def contiguous_rule(test_part: bool) -> str:
    """The rule of `split_contiguous` in words."""
    if test_part:
        return "contiguous: the first 80% for training, 10% validation, the last 10% test"
    return "contiguous: the last 10% is validation"


def _pydocs() -> str:
    from pydoc_data.topics import topics

    return _join([topics[key] for key in sorted(topics)])


def _join(texts: Sequence[str]) -> str:
    last = len(texts) - 1
    return "".join(t if i == last or t.endswith(("\n", "\r")) else t + "\n" for i, t in enumerate(texts))


def _corpus(name: str, parts: Mapping[str, str], rule: str, licence: str, research_only: bool = False) -> Corpus:
    digest = hashlib.sha256()
    for role in ("train", "valid", "test"):
        # a hub dataset may hold lone surrogates, which UTF-8 refuses
        digest.update(parts.get(role, "").encode("utf-8", "surrogatepass"))
    return Corpus(name, dict(parts), digest.hexdigest(), rule, licence, research_only)
