"""Text as a LightningDataModule: streams for truncated backpropagation through time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnzoo.config import Config
from rnnzoo.data.cache import encoded
from rnnzoo.data.corpora import Corpus, load_corpus
from rnnzoo.data.plain_text import Newlines, TextForm, check_form
from rnnzoo.data.shards import TokenShards
from rnnzoo.data.streams import StreamLoader, TokenStreams
from rnnzoo.errors import UserError
from rnnzoo.ranges import PositiveCount, Size
from rnnzoo.text import CharTokenizerConfig, Tokenizer, TokenizerConfig, WordTokenizerConfig
from rnnzoo.training.text_data import TextData

_CHUNKS = 8  # of an epoch of a text that is smaller than its recipe is meant for

__all__ = ["SmallTextWarning", "StreamData", "StreamDataConfig", "WordDataConfig"]


class SmallTextWarning(UserWarning):
    """A text is read in fewer or shorter streams than was said, since it has no room for them."""


@dataclass(frozen=True)
class StreamDataConfig(Config):
    r"""Which text a language model reads, and how.

    Args:
        corpus: a corpus of the catalogue (`rnnzoo data ls`).
        files: or one's own text files, or patterns, read one after the other; ``.gz`` is unpacked, and of ``.jsonl``,
            ``.csv``, ``.tsv``, ``.parquet`` and ``.arrow`` the column `text_column` is read.
        hub: or a dataset of the hub, ``org/name`` or ``org/name:configuration``.
        shards: or a folder of tokens that `rnnzoo data build` has made; they bring their tokenizer, and `tokenizer` and
            `test_part` are not looked at.
        text_column: the column of a hub dataset, or of a file that is a table, that holds the text.
        encoding: of one's own files: ``auto`` for UTF-8, or what a byte order mark says, else ``latin-1``, ``cp1252``,
            ``utf-16``, ``shift_jis``, ``gb18030``, ...
        newlines: ``universal`` reads ``\r\n`` and ``\r`` as ``\n``; ``keep`` leaves them.
        test_part: own text is split 80/10/10, with a test part, instead of 90/10.
        tokenizer: what becomes a token.
        streams: parallel streams in training, over all ranks: the batch size.
        chunk_len: steps through which gradients flow (truncated backpropagation through time).
        random_phase: each epoch cuts the streams into chunks at other places.
        variable_chunks: chunks of random length about `chunk_len`, the learning rate in proportion (AWD-LSTM).
        eval_streams: streams that an evaluation text is read as; part of what a score means.
    """

    corpus: str | None = None
    files: tuple[str, ...] = ()
    hub: str | None = None
    shards: str | None = None
    text_column: str = "text"
    encoding: str = "auto"
    newlines: Newlines = "universal"
    test_part: bool = False
    tokenizer: TokenizerConfig = field(default_factory=CharTokenizerConfig)
    streams: Size = 64
    chunk_len: PositiveCount = 128
    random_phase: bool = False
    variable_chunks: bool = False
    eval_streams: Size = 1

    def __post_init__(self) -> None:
        if sum((self.corpus is not None, bool(self.files), self.hub is not None, self.shards is not None)) > 1:
            raise ValueError("corpus, files, hub and shards exclude each other")
        if self.random_phase and self.variable_chunks:
            raise ValueError("random_phase and variable_chunks exclude each other")
        check_form(self.encoding, self.newlines)

    def load(self) -> Corpus:
        """The text, split.

        Raises:
            UserError: it is not there, or cannot be read as text.
        """
        return load_corpus(
            self.corpus,
            files=self.files,
            hub=self.hub,
            shards=self.shards,
            text_column=self.text_column,
            test_part=self.test_part,
            form=TextForm(self.encoding, self.newlines),
        )


@dataclass(frozen=True)
class WordDataConfig(StreamDataConfig):
    """The same for word models, whose tokens are words unless said otherwise."""

    tokenizer: TokenizerConfig = field(default_factory=WordTokenizerConfig)


class StreamData(TextData[StreamDataConfig, Corpus, StreamLoader]):
    """The chunks of a text, for training, validation and test; works in any `lightning.Trainer`.

    It says where it stands in a checkpoint by itself, on any number of ranks.

    Args:
        config: the text and how it is read; its fields may also be given by name.
        tokenizer: one that exists, say that of the model to be trained further; it learns the text's new characters.
        seed: of what is random in the order of the data.
    """

    batches = "streams"

    def __init__(
        self,
        config: StreamDataConfig | Mapping[str, Any] | None = None,
        *,
        tokenizer: Tokenizer | None = None,
        seed: int = 0,
        **fields: Any,
    ) -> None:
        if isinstance(fields.get("files"), (str, os.PathLike)):
            fields["files"] = (fields["files"],)
        base = StreamDataConfig.from_dict(config or {}, "data")
        super().__init__(StreamDataConfig.from_dict(base.to_dict() | fields, "data"), seed)
        self._base_tokenizer = tokenizer
        self._tokenizer: Tokenizer | None = None
        self._tokens: int | None = None  # of the training part

    @property
    def tokenizer(self) -> Tokenizer:
        """The alphabet of the whole text, as in char-rnn and nanoGPT; or the words of its training part."""
        if self._tokenizer is None and self.corpus.tokenizer is not None:
            self._tokenizer = self._base_tokenizer or self.corpus.tokenizer  # `encoded` sees to it that they are one
        if self._tokenizer is None:
            parts = {split: text for split, text in self.corpus.splits.items() if isinstance(text, str)}
            texts = list(parts.values())
            if self._base_tokenizer is None:
                config = self.config.tokenizer
                self._tokenizer = config.build(texts if config.whole_text else [parts["train"]])
            else:
                self._tokenizer = self._base_tokenizer
                for text in texts:
                    self._tokenizer = self._tokenizer.extend(text)
        return self._tokenizer

    def ids(self, split: str) -> Any:
        """The token ids (N,) of ``"train"``, ``"valid"`` or ``"test"``, as a memmap.

        Raises:
            UserError: the text has no such part.
        """
        return encoded(self.part(split), self.tokenizer)

    def setup(self, stage: str) -> None:
        """Reads and checks the text before the first step.

        Raises:
            UserError: the text is too short for the streams.
        """
        self._agree()
        config, tokens = self.config, len(self.ids("train"))
        streams, chunk_len = self.shape
        if streams * chunk_len + 1 > tokens:
            raise UserError(
                f"{self.corpus.name}: the training part has {tokens:,} tokens, too few for {self.world_size} "
                f"rank{'s' if self.world_size > 1 else ''}: take more text"
            )
        if (streams, chunk_len) != (config.streams, config.chunk_len):
            warnings.warn(
                f"{self.corpus.name}: the training part has {tokens:,} tokens, too few for {config.streams} streams x "
                f"{config.chunk_len} steps: it is read as {streams} x {chunk_len}",
                SmallTextWarning,
                stacklevel=2,
            )
        self.loader("valid")
        valid = self.ids("valid")
        if isinstance(valid, TokenShards):  # what is wrong with it is known now, not after an epoch
            valid.check()

    @property
    def shape(self) -> tuple[int, int]:
        """Streams and steps of a training chunk: those of the config, or what a smaller text has room for.

        Then they are halved, streams down to 8, steps down to 16, and streams again, until an epoch has 8 chunks.
        """
        if self._tokens is None:
            self._tokens = len(self.ids("train"))
        streams, chunk_len, room = self.config.streams, self.config.chunk_len, self._tokens - 1
        if streams * chunk_len <= room:
            return streams, chunk_len
        ranks, room = self.world_size, max(room // _CHUNKS, 1)
        for least, shortest in ((8, chunk_len), (8, 16), (1, 16), (1, 1)):
            while streams * chunk_len > room and streams // 2 >= least and streams % (2 * ranks) == 0:
                streams //= 2
            while streams * chunk_len > room and chunk_len // 2 >= shortest:
                chunk_len //= 2
        while streams * chunk_len > room and streams > ranks:  # an odd number of them
            streams = max(streams // 2 // ranks * ranks, ranks)
        return streams, chunk_len

    def _agree(self) -> None:
        """Takes the vocabulary of the model that is trained, where none was given.

        Raises:
            UserError: the one that was given is not the model's.
        """
        model = getattr(getattr(self.trainer, "lightning_module", None), "model", None)
        tokenizer = getattr(model, "tokenizer", None)
        if not isinstance(tokenizer, Tokenizer):
            return
        if self._base_tokenizer is None and self._tokenizer is None and self.corpus.tokenizer is None:
            self._tokenizer = tokenizer
        elif self.tokenizer.vocab_size != tokenizer.vocab_size or self.tokenizer != tokenizer:
            raise UserError(
                f"{self.corpus.name}: the data's vocabulary has {self.tokenizer.vocab_size:,} tokens, the model's has "
                f"{tokenizer.vocab_size:,}, and they are not the same: give the data the model's, "
                "StreamData(..., tokenizer=model.tokenizer)"
            )

    def loader(self, split: str) -> StreamLoader:
        training = split == "train"
        config, ids = self.config, self.ids(split)
        if not training and len(ids) < 2:
            raise UserError(f"{self.corpus.name}: the {split} part has {len(ids)} tokens; a score needs 2")
        at_once, chunk_len = self.shape
        streams = at_once if training else min(config.eval_streams, len(ids) - 1)
        return StreamLoader(
            TokenStreams(ids, streams, self.corpus.name),
            # How long an evaluation's chunks are changes no score: as long as a training batch holds tokens.
            chunk_len if training else max(chunk_len, at_once * chunk_len // streams),
            rank=self.rank,
            world_size=self.world_size,
            random_phase=training and config.random_phase,
            variable=training and config.variable_chunks,
            seed=self.seed,
            evaluation=not training,
        )

    def form(self) -> dict[str, int]:
        streams, chunk_len = self.shape
        return {"tokens": len(self.ids("train")), "streams": streams, "chunk_len": chunk_len}
