"""Making a folder of token shards of a text that may be larger than memory, and going on after an interruption.

A text from a network may arrive otherwise the second time. So the one that is encoded is compared with the one that was
measured and the one that the tokenizer was made of, by their sha256; and after an interruption with the one that the
shards were made of.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice, takewhile
from pathlib import Path
from typing import IO, Any

from rnnzoo.data.corpora import contiguous_cuts, contiguous_rule
from rnnzoo.data.plain_text import AS_PEOPLE_EXPECT, TextForm
from rnnzoo.data.saved import is_saved
from rnnzoo.data.shard_journal import JOURNAL, Begun, begin_journal, find_begun, shard_line
from rnnzoo.data.shards import INDEX, TOKENIZER, Shard, ShardIndex, check_hash, check_size, shard_dtype
from rnnzoo.data.sources import SPLITS
from rnnzoo.data.text_source import FileSource, HubSource, Reading, Survey, TextSource, blocks, expand
from rnnzoo.errors import UserError
from rnnzoo.files import write_durably, write_json
from rnnzoo.text import CharTokenizer, Tokenizer, TokenizerConfig, load_tokenizer

__all__ = ["SHARD_CHARACTERS", "build_shards"]

SHARD_CHARACTERS = 1 << 25
BLOCK = 1 << 16
"""Characters in a block that is encoded by itself; the tokenizers of the library take several at once."""
_TOGETHER = 8

Report = Callable[[str, int, int | None], None]
"""Is told what is being done, how many characters of it are behind, and of how many."""


def build_shards(
    folder: str | os.PathLike[str],
    *,
    files: Sequence[str | os.PathLike[str]] = (),
    hub: str | None = None,
    text_column: str = "text",
    tokenizer: Tokenizer | TokenizerConfig | Mapping[str, Any] | str = "char",
    test_part: bool = False,
    shard_characters: int = SHARD_CHARACTERS,
    report: Report | None = None,
    form: TextForm = AS_PEOPLE_EXPECT,
) -> ShardIndex:
    """Writes a text as shards of token ids; what it takes of memory does not depend on how long the text is.

    Called again after an interruption it goes on behind the last whole shard, and the folder becomes, byte for byte,
    what it would have become. The text is read once to be measured, once to make the tokenizer of, and once to be
    encoded.

    Args:
        folder: what is made; must not hold anything else.
        files: one's own files, joined in this order, or patterns; or
        hub: a dataset that is streamed, ``"org/dataset"``, ``"org/dataset:config"``, or a local folder.
        text_column: its column with the text, or that of files that are tables.
        tokenizer: how to make one of the text, as a recipe says it; or one that exists.
        test_part: text without parts of its own is cut 80/10/10 instead of 90/10.
        shard_characters: characters in a shard, about.
        report: called as the work goes on.
        form: how the bytes of one's own files become text.

    Returns:
        What ``index.json`` holds.

    Raises:
        UserError: the text cannot be read, or the tokenizer does not know a character; the folder holds something
            else, was begun with another text or tokenizer, or a shard in it is damaged.
    """
    if bool(files) == (hub is not None):
        raise UserError("give one of: files, a hub dataset")
    if shard_characters < 1:
        raise UserError("a shard has at least 1 character")
    if len(files) == 1 and is_saved(files[0]):
        hub = os.fspath(files[0])
    source = FileSource(expand(files), form, text_column) if hub is None else HubSource(hub, text_column)
    how = tokenizer if isinstance(tokenizer, Tokenizer) else TokenizerConfig.from_dict(tokenizer, "tokenizer")
    return _Builder(Path(folder), source, how, test_part, shard_characters, report or _silent).run()


class _Builder:
    """One call of `build_shards`.

    Attributes:
        made_of: the sha256 of the text that the tokenizer was made of; None where it was given, or is of no text.
    """

    def __init__(
        self,
        folder: Path,
        source: TextSource,
        tokenizer: Tokenizer | TokenizerConfig,
        test_part: bool,
        shard_characters: int,
        report: Report,
    ) -> None:
        self.folder, self.source, self.how = folder, source, tokenizer
        self.test_part, self.shard_characters, self.report = test_part, shard_characters, report
        self.made_of: str | None = None

    def run(self) -> ShardIndex:
        begun = find_begun(self.folder)
        if begun is not None:
            self._check_settings(begun.index)
        identity = json.loads(json.dumps(self.source.identity()))
        if begun is not None and begun.identity == identity:
            survey = Survey(begun.characters, begun.index.sha256)
        else:
            survey = self._survey()
        self._parts, rule = self._split(survey.characters)
        if begun is not None:
            self._check_text(begun.index, survey.sha256, rule)
        tokenizer = self._tokenizer(begun)
        config = None if isinstance(self.how, Tokenizer) else self.how.to_dict()
        digest = hashlib.sha256(tokenizer.to_json().encode("utf-8", "surrogatepass")).hexdigest()
        facts = (survey.sha256, rule, self.source.licence, digest, config, self.shard_characters)
        index = ShardIndex(self.source.name, *facts, train=(), valid=())
        if begun is not None:
            index = self._whole(begun.index, tokenizer)
            if begun.complete and index == begun.index and (self.folder / TOKENIZER).is_file():
                return index
        texts = {} if begun is None else begun.texts
        there = self.folder.is_dir()
        try:
            begin_journal(self.folder, Begun(index, False, survey.characters, identity, self.made_of, texts))
        except (OSError, UserError):
            if not there and self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()  # nothing was begun
            raise
        (self.folder / INDEX).unlink(missing_ok=True)
        tokenizer.save(self.folder / TOKENIZER)
        return self._encode(index, tokenizer, identity, texts)

    # ------------------------------------------------------------------------------------ what was begun

    def _check_settings(self, index: ShardIndex) -> None:
        """Raises `UserError` where the folder was begun with another tokenizer, or other shards."""
        if isinstance(self.how, Tokenizer):
            digest = hashlib.sha256(self.how.to_json().encode("utf-8", "surrogatepass")).hexdigest()
            same = index.tokenizer_config is None and index.tokenizer == digest
        else:
            same = index.tokenizer_config == self.how.to_dict()
        if not same:
            was = "one that was given" if index.tokenizer_config is None else json.dumps(index.tokenizer_config)
            raise UserError(
                f"these shards are of another tokenizer ({was}): name that one, or another folder", path=self.folder
            )
        if index.shard_characters != self.shard_characters:
            raise UserError(
                f"these shards are of {index.shard_characters:,} characters, not {self.shard_characters:,}: say so, or "
                "name another folder",
                path=self.folder,
            )

    def _check_text(self, index: ShardIndex, sha256: str, rule: str) -> None:
        """Raises `UserError` where the folder was begun with another text, or one that is split otherwise."""
        if index.sha256 != sha256 or index.text != self.source.name:
            raise UserError(
                f"these shards are of another text ({index.text}, sha256 {index.sha256[:12]}...), or it has changed "
                "since: name another folder",
                path=self.folder,
            )
        if index.split_rule != rule:
            raise UserError(f"these shards are split otherwise ({index.split_rule})", path=self.folder)

    def _whole(self, index: ShardIndex, tokenizer: Tokenizer) -> ShardIndex:
        """What can be kept of the shards: in each split those before the first that is missing.

        Raises:
            UserError: one is damaged.
        """
        width, kept = shard_dtype(tokenizer).itemsize, dict[str, tuple[Shard, ...]]()
        for split, shards in index.splits.items():
            there = list(takewhile(lambda shard: (self.folder / shard.file).exists(), shards))
            for shard in there:
                check_size(self.folder / shard.file, shard.tokens * width)
                check_hash(self.folder / shard.file, shard.sha256)
            kept[split] = tuple(there)
        return index.replace(**kept)

    # ------------------------------------------------------------------------------------------ the text

    def _survey(self) -> Survey:
        read = 0

        def tick(characters: int) -> None:
            nonlocal read
            read += characters
            self.report("measuring the text", read, None)

        return self.source.survey(tick)

    def _split(self, characters: Mapping[str, int]) -> tuple[dict[str, tuple[str, int, int]], str]:
        """For each split the part of the source that it is of, and from where to where; and the rule in words."""
        whole = {part: (part, 0, count) for part, count in characters.items()}
        if "valid" in whole:
            return whole, SPLITS["files"]
        test_part = self.test_part and "test" not in whole
        cuts = contiguous_cuts(characters["train"], test_part, self.source.name)
        test = {"test": whole["test"]} if "test" in whole else {}
        return {split: ("train", start, end) for split, (start, end) in cuts.items()} | test, contiguous_rule(test_part)

    def _tokenizer(self, begun: Begun | None) -> Tokenizer:
        """The one that is given, or that was made by an earlier call, or a new one."""
        if isinstance(self.how, Tokenizer):
            return self.how
        if begun is not None and (self.folder / TOKENIZER).is_file():
            check_hash(self.folder / TOKENIZER, begun.index.tokenizer)
            self.made_of = begun.made_of
            return load_tokenizer(self.folder / TOKENIZER)
        splits = self._parts if self.how.whole_text else {"train": self._parts["train"]}
        total = sum(end - start for split in splits for _, start, end in [self._parts[split]])

        def texts() -> Iterator[str]:
            read, digest, reading = 0, hashlib.sha256(), Reading(self.source)
            for split in splits:
                # small ones, since the library gathers 256 of them and takes thirty times their size
                for block in blocks(reading.between(*self._parts[split]), BLOCK // 8, anywhere=False):
                    yield block
                    read += len(block)
                    digest.update(_bytes(block))
                    self.report("making the tokenizer", read, total)
            self.made_of = digest.hexdigest()

        return self.how.build(texts())

    # ---------------------------------------------------------------------------------------- the shards

    def _encode(self, index: ShardIndex, tokenizer: Tokenizer, identity: Any, texts: Mapping[str, str]) -> ShardIndex:
        """Writes the shards that are not there yet, and the index."""
        whole = isinstance(self.how, TokenizerConfig) and self.how.whole_text
        *_, last = self._parts
        digest, reading = hashlib.sha256(), Reading(self.source)
        made = {split: list(getattr(index, split)) for split in self._parts}
        total = sum(end - start for _, start, end in self._parts.values())
        behind = sum(shard.characters for shards in made.values() for shard in shards)
        anywhere = tokenizer.kind == "byte" or (isinstance(tokenizer, CharTokenizer) and not tokenizer.nfc)
        with (self.folder / JOURNAL).open("ab") as journal:
            for split, (_, start, end) in self._parts.items():
                shards = made[split]
                place = sum(shard.characters for shard in shards)
                pieces = self._after(shards, reading.between(*self._parts[split]), texts, digest)
                cut = blocks(pieces, min(BLOCK, self.shard_characters), anywhere=anywhere)
                while place < end - start:
                    shard = self._shard(f"{split}-{len(shards):05}.bin", cut, tokenizer, digest, behind, total)
                    if not shard.characters:
                        raise self._changed()
                    shards.append(shard)
                    place, behind = place + shard.characters, behind + shard.characters
                    journal.write(shard_line(split, shard, digest.hexdigest()).encode())
                    journal.flush()
                    os.fsync(journal.fileno())
                if self.made_of is not None and split == (last if whole else "train"):
                    self._check(digest, self.made_of)
        self._check(digest, index.sha256)
        if json.loads(json.dumps(self.source.identity())) != identity:
            raise self._changed()
        index = index.replace(**{split: tuple(shards) for split, shards in made.items()})
        write_json(self.folder / INDEX, index.to_dict())
        (self.folder / JOURNAL).unlink()
        return index

    def _after(
        self, shards: Sequence[Shard], pieces: Iterator[str], texts: Mapping[str, str], text: hashlib._Hash
    ) -> Iterator[str]:
        """What comes behind these shards in a split. What they were made of goes through `text`, and is checked."""
        piece = ""
        for shard in shards:
            left = shard.characters
            while left:
                piece = piece or next(pieces, "")
                if not piece:
                    raise self._changed()
                text.update(_bytes(piece[:left]))
                left, piece = max(left - len(piece), 0), piece[left:]
            self._check(text, texts.get(shard.file, text.hexdigest()))
        return chain([piece], pieces)

    def _shard(
        self, name: str, texts: Iterator[str], tokenizer: Tokenizer, text: hashlib._Hash, behind: int, total: int
    ) -> Shard:
        """Writes the next shard, of as many blocks as it takes; they go through `text`, too."""
        dtype, digest, characters, tokens = shard_dtype(tokenizer), hashlib.sha256(), 0, 0

        def fill(file: IO[bytes]) -> None:
            nonlocal characters, tokens
            while characters < self.shard_characters:
                together = list(islice(texts, min(_TOGETHER, -(-(self.shard_characters - characters) // BLOCK))))
                if not together:
                    return
                for ids in tokenizer.encode_all(together):
                    data = ids.astype(dtype, copy=False).tobytes()
                    file.write(data)
                    digest.update(data)
                    tokens += len(ids)
                text.update(_bytes("".join(together)))
                characters += sum(map(len, together))
                self.report("writing shards", behind + characters, total)

        try:
            write_durably(self.folder / name, fill)
        except OSError as error:
            reason = f"cannot be written ({error.strerror}): make room and run the same command again"
            raise UserError(reason, path=self.folder / name) from None
        except UserError as error:
            name = self.source.name
            raise UserError(f"{error}" if name in f"{error}" else f"{name}: {error}") from None
        return Shard(name, characters, tokens, digest.hexdigest())

    def _check(self, text: hashlib._Hash, sha256: str) -> None:
        """Raises `UserError` where the text is not the one that it was."""
        if text.hexdigest() != sha256:
            raise self._changed()

    def _changed(self) -> UserError:
        return UserError(f"{self.source.name}: the text has changed while it was read; build it in another folder")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _silent(stage: str, done: int, total: int | None) -> None:
    """Reports to nobody."""
