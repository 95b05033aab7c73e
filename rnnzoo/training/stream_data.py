"""Text as a LightningDataModule: streams for truncated backpropagation through time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import lightning

from rnnzoo.config import Config
from rnnzoo.data.cache import encoded
from rnnzoo.data.corpora import Corpus, load_corpus
from rnnzoo.data.streams import StreamLoader, TokenStreams
from rnnzoo.errors import UserError
from rnnzoo.text import CharTokenizerConfig, Tokenizer, TokenizerConfig, WordTokenizerConfig

__all__ = ["StreamData", "StreamDataConfig", "WordDataConfig", "read_of_epoch"]


@dataclass(frozen=True)
class StreamDataConfig(Config):
    """Which text a language model reads, and how.

    Args:
        corpus: a corpus of the catalogue (`rnnzoo data ls`).
        files: or one's own text files, read one after the other.
        hub: or a dataset of the hub, ``org/name`` or ``org/name:configuration``.
        text_column: the column of a hub dataset that holds the text.
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
    text_column: str = "text"
    test_part: bool = False
    tokenizer: TokenizerConfig = field(default_factory=CharTokenizerConfig)
    streams: int = 64
    chunk_len: int = 128
    random_phase: bool = False
    variable_chunks: bool = False
    eval_streams: int = 1

    def __post_init__(self) -> None:
        if sum((self.corpus is not None, bool(self.files), self.hub is not None)) > 1:
            raise ValueError("corpus, files and hub exclude each other")
        if min(self.streams, self.chunk_len, self.eval_streams) < 1:
            raise ValueError("streams, chunk_len and eval_streams must be at least 1")
        if self.random_phase and self.variable_chunks:
            raise ValueError("random_phase and variable_chunks exclude each other")

    def load(self) -> Corpus:
        """The text, split.

        Raises:
            UserError: it is not there, or cannot be read as text.
        """
        return load_corpus(
            self.corpus, files=self.files, hub=self.hub, text_column=self.text_column, test_part=self.test_part
        )


@dataclass(frozen=True)
class WordDataConfig(StreamDataConfig):
    """The same for word models, whose tokens are words unless said otherwise."""

    tokenizer: TokenizerConfig = field(default_factory=WordTokenizerConfig)


class StreamData(lightning.LightningDataModule):
    """The chunks of a text, for training, validation and test; works in any `lightning.Trainer`.

    It says where it stands in a checkpoint by itself, on any number of ranks.

    Args:
        config: the text and how it is read; its fields may also be given by name.
        tokenizer: one that exists, say that of the model to be trained further; it learns the text's new characters.
        seed: of what is random in the order of the data.
    """

    def __init__(
        self,
        config: StreamDataConfig | Mapping[str, Any] | None = None,
        *,
        tokenizer: Tokenizer | None = None,
        seed: int = 0,
        **fields: Any,
    ) -> None:
        super().__init__()
        base = StreamDataConfig.from_dict(config or {}, "data")
        self.config = StreamDataConfig.from_dict(base.to_dict() | fields, "data")
        self.seed, self._base_tokenizer = seed, tokenizer
        self._corpus: Corpus | None = None
        self._tokenizer: Tokenizer | None = None
        self._train: StreamLoader | None = None
        self._resume: dict[str, int] | None = None

    @property
    def corpus(self) -> Corpus:
        """The text; read when it is first asked for."""
        if self._corpus is None:
            self._corpus = self.config.load()
        return self._corpus

    @property
    def tokenizer(self) -> Tokenizer:
        """The alphabet of the whole text, as in char-rnn and nanoGPT; or the words of its training part."""
        if self._tokenizer is None:
            texts = self.corpus.splits.values()
            if self._base_tokenizer is None:
                config = self.config.tokenizer
                self._tokenizer = config.build(texts if config.whole_text else [self.corpus.splits["train"]])
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
        if split not in self.corpus.splits:
            parts = ", ".join(self.corpus.splits)
            raise UserError(f"{self.corpus.name}: has no part {split!r} (it has {parts})")
        return encoded(self.corpus.splits[split], self.tokenizer)

    @property
    def batches_per_epoch(self) -> int:
        """Training chunks in an epoch, as many as the trainer reads: the same on every rank."""
        loader = self._loader("train")
        return len(loader) if loader.limit is None else loader.limit

    def setup(self, stage: str) -> None:
        """Reads and checks the text before the first step.

        Raises:
            UserError: the text is too short for the streams.
        """
        ids = self.ids("train")
        config = self.config
        needed = config.streams * config.chunk_len + 1
        if len(ids) < needed:
            raise UserError(
                f"{self.corpus.name}: the training part has {len(ids):,} tokens; streams x chunk_len = "
                f"{config.streams} x {config.chunk_len} needs {needed:,}: take more text, or fewer or shorter streams"
            )
        self._loader("valid")

    def train_dataloader(self) -> StreamLoader:
        """This rank's training streams, where the last checkpoint left them."""
        position, self._resume = self._resume, None
        if position is None and self._train is not None and self.trainer and self.trainer.current_epoch > 0:
            position = self._train.state_dict()  # `reload_dataloaders_every_n_epochs`
        self._train = self._loader("train")
        if position is not None:
            self._train.load_state_dict(position)
        return self._train

    def val_dataloader(self) -> StreamLoader:
        """This rank's share of the validation streams."""
        return self._loader("valid")

    def test_dataloader(self) -> StreamLoader:
        """This rank's share of the test streams; those of validation where the text has no test part."""
        return self._loader("test" if "test" in self.corpus.splits else "valid")

    def _loader(self, split: str) -> StreamLoader:
        training = split == "train"
        config, ids = self.config, self.ids(split)
        if not training and len(ids) < 2:
            raise UserError(f"{self.corpus.name}: the {split} part has {len(ids)} tokens; a score needs 2")
        streams = config.streams if training else min(config.eval_streams, len(ids) - 1)
        trainer = self.trainer
        loader = StreamLoader(
            TokenStreams(ids, streams, self.corpus.name),
            # How long an evaluation's chunks are changes no score: as long as a training batch holds tokens.
            config.chunk_len if training else max(config.chunk_len, config.streams * config.chunk_len // streams),
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
            random_phase=training and config.random_phase,
            variable=training and config.variable_chunks,
            seed=self.seed,
            evaluation=not training,
        )
        if training and trainer:
            loader.limit = read_of_epoch(trainer, len(loader))
        return loader

    def state_dict(self) -> dict[str, Any]:
        """Where the training streams stand, and in what."""
        return {} if self._train is None else {**self._train.state_dict(), "of": self._form()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on there.

        Raises:
            UserError: that was another text, or other streams of it.
        """
        if not state_dict:
            return
        if (before := state_dict["of"]) != (now := self._form()):
            changes = ", ".join(f"{k} was {before[k]:,}, is now {now[k]:,}" for k in now if before[k] != now[k])
            raise UserError(f"{self.corpus.name}: the checkpoint is of a training on other streams: {changes}")
        self._resume = {key: int(state_dict[key]) for key in ("epoch", "chunk")}

    def _form(self) -> dict[str, int]:
        """What a position in the streams depends on."""
        config = self.config
        return {"tokens": len(self.ids("train")), "streams": config.streams, "chunk_len": config.chunk_len}


def read_of_epoch(trainer: lightning.Trainer, batches: int) -> int:
    """How many of an epoch's training batches the trainer reads."""
    limit = trainer.limit_train_batches
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)
