"""What a corpus of the catalogue is made of: files, each with the places it can be had from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CUT_BY_SENTENCE",
    "OWN_LICENCE",
    "SPLITS",
    "CorpusEntry",
    "CorpusFile",
    "Form",
    "Source",
    "Split",
    "github",
    "hash_of",
    "hashed_part",
]

Split = Literal["contiguous", "files", "90/5/5", "hashed", "grouped", "drawn", "joined", "stratified", "sides"]
Form = Literal["", "one-newline", "spelt"]

SPLITS: dict[Split, str] = {
    "contiguous": "the last contiguous 10% is validation; with a test part, 80/10/10",
    "files": "its own files",
    "90/5/5": "the first 90% of the bytes, the next 5%, the last 5%",
    "hashed": "2% validation and 2% test by English sentence, chosen by a hash of it",
    "grouped": "2% validation and 2% test by English sentence, chosen by a hash of it; a translation of sentences of "
    "several parts goes to the last of them and its other pairs are left out, so that no sentence is on two sides",
    "drawn": "1,000 numbers for validation and 1,000 for test, drawn by a fixed seed, none of them in training",
    "joined": "the last contiguous 10% of each text is validation; of pairs 2%, by a hash of the English sentence",
    "stratified": "10% validation and 10% test of each label's texts, chosen by a hash of the text",
    "sides": "2% validation and 2% test by English sentence, chosen by a hash of it; a translation of sentences of "
    "several parts goes to the last of them; at most 20,000 sentences of each language for training",
}
"""The split rules in words."""


CUT_BY_SENTENCE: tuple[Split, ...] = ("hashed", "grouped")
"""The rules that cut a table of pairs; each English sentence has one part in all of them."""

OWN_LICENCE = "not stated"
"""What is known of the licence of one's own text."""


def hash_of(sentence: str) -> int:
    """A number that depends on a sentence alone, but for its spaces."""
    from rnnzoo.text.spaces import plain_spaces  # here, so that a list of corpora does not wait for NumPy

    return int.from_bytes(hashlib.sha256(plain_spaces(sentence).encode()).digest()[:8], "big")


def hashed_part(sentence: str) -> Literal["train", "valid", "test"]:
    """The part of a pair by the rule "hashed": all pairs with one English sentence are in one part."""
    number = hash_of(sentence) % 50
    return "test" if number == 0 else "valid" if number == 1 else "train"


@dataclass(frozen=True)
class Source:
    """One place a file can be had from.

    Args:
        url: http or https.
        member: the file's name inside the zip at `url`; ``""`` when it is no zip.
        gzipped: what `url` gives is gzip-compressed.
        form: what is done to the content: ``"one-newline"`` drops a BOM, makes all line ends LF and
            leaves one at the end; ``"spelt"`` makes the character form of a PTB file of its word form.
    """

    url: str
    member: str = ""
    gzipped: bool = False
    form: Form = ""


def github(
    repository: str, commit: str, path: str, *, gzipped: bool = False, member: str = "", form: Form = ""
) -> tuple[Source, ...]:
    """A file of a public repository at one commit: from GitHub, then from a CDN that mirrors it."""
    urls = (
        f"https://raw.githubusercontent.com/{repository}/{commit}/{path}",
        f"https://cdn.jsdelivr.net/gh/{repository}@{commit}/{path}",
    )
    return tuple(Source(url, member, gzipped, form) for url in urls)


@dataclass(frozen=True)
class CorpusFile:
    """One file of a corpus.

    Args:
        path: below the corpus's folder.
        size: bytes; None where it is not known.
        sha256: of the complete file; None where nobody has recorded it for us, so that a download can
            be checked for completeness only.
        sources: places to get it from, the first that works is taken.
        role: ``"train"``, ``"valid"``, ``"test"``; ``"all"`` where one file is split; ``"pairs"`` where one of
            pairs is, and ``"translations"`` where an eighth of its second column is read as text; ``""`` for others.
    """

    path: str
    size: int | None
    sha256: str | None
    sources: tuple[Source, ...] = ()
    role: str = ""


@dataclass(frozen=True)
class CorpusEntry:
    """One corpus of the catalogue.

    Args:
        name: as recipes say it.
        kind: running text, pairs of sentences for translation, or texts with a label each.
        split: the split rule.
        licence: what the data may be used for, in a line.
        research_only: the text is not open: it and models of it are not to be published freely.
        folder: its folder below ``RNNZOO_DATA``; ``""`` where there is none, or where it is made of other corpora,
            whose folders are then part of its files' paths.
        files: its files.
        hub: the hub id for `datasets`, with ``:config``, of a corpus that is only there.
        note: what else one must know.
        languages: those it has, where they are known; of a corpus of pairs the first two are in the order that is
            meant where none is said.
    """

    name: str
    kind: Literal["text", "pairs", "labels"]
    split: Split
    licence: str
    folder: str = ""
    files: tuple[CorpusFile, ...] = ()
    research_only: bool = False
    hub: str = ""
    note: str = ""
    languages: tuple[str, ...] = ()

    @property
    def size(self) -> int | None:
        """Bytes of all files; None where it is not known."""
        sizes = [file.size for file in self.files]
        return sum(s for s in sizes if s is not None) if sizes and None not in sizes else None
