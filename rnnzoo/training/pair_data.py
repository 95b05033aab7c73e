"""Pairs of sentences as a LightningDataModule: batches of like length, for translation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import lightning

from rnnzoo.config import Config
from rnnzoo.data.cleaning import CleaningConfig
from rnnzoo.data.pair_batches import EncodedPairs, PairLoader
from rnnzoo.data.pairs import PairCorpus, load_pairs
from rnnzoo.data.sentence_ids import encode_sentences
from rnnzoo.errors import UserError
from rnnzoo.text import BPETokenizerConfig, Tokenizer, TokenizerConfig
from rnnzoo.training.stream_data import batches_read

__all__ = ["PairData", "PairDataConfig"]


@dataclass(frozen=True)
class PairDataConfig(Config):
    """Which pairs of sentences a translator learns from, and how.

    Args:
        corpus: a corpus of pairs of the catalogue (`rnnzoo data ls`).
        files: or one's own two files, source and target, a line a sentence.
        tsv: or one file with source and target in columns, separated by tabs.
        columns: which columns these are, counted from 1.
        hub: or a dataset of the hub, ``org/name`` or ``org/name:configuration``.
        src: the source language: a code of the corpus, or a column of the hub dataset. tgt: the target language.
        valid_files: one's own pairs to validate on, two files or one table; test_files: to test on.
        test_part: own pairs are split 80/10/10, with a test part, instead of 90/10.
        cleaning: what is left out of training; null leaves sentences as they are.
        tokenizer: what becomes a token.
        joint: one vocabulary of both languages; else each has its own.
        batch_tokens: of a training batch, over all ranks: most rows x longest side, its boundary included.
        eval_batch_tokens: the same in evaluation, where it changes no score; as in training when left out.
    """

    corpus: str | None = None
    files: tuple[str, ...] = ()
    tsv: str | None = None
    columns: tuple[int, int] = (1, 2)
    hub: str | None = None
    src: str | None = None
    tgt: str | None = None
    valid_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    test_part: bool = False
    cleaning: CleaningConfig | None = field(default_factory=CleaningConfig)
    tokenizer: TokenizerConfig = field(default_factory=BPETokenizerConfig)
    joint: bool = True
    batch_tokens: int = 2048
    eval_batch_tokens: int | None = None

    def __post_init__(self) -> None:
        if sum((self.corpus is not None, bool(self.files), self.tsv is not None, self.hub is not None)) > 1:
            raise ValueError("corpus, files, tsv and hub exclude each other")
        if min(self.batch_tokens, self.eval_batch_tokens or 1) < 1:
            raise ValueError("batch_tokens and eval_batch_tokens must be at least 1")
        if min(self.columns) < 1:
            raise ValueError("columns are counted from 1")

    def load(self) -> PairCorpus:
        """The pairs, split and cleaned.

        Raises:
            UserError: they are not there, or cannot be read as pairs.
        """
        return load_pairs(
            self.corpus,
            files=self.files,
            tsv=self.tsv,
            columns=self.columns,
            hub=self.hub,
            src=self.src,
            tgt=self.tgt,
            valid_files=self.valid_files,
            test_files=self.test_files,
            test_part=self.test_part,
            cleaning=self.cleaning,
        )


class PairData(lightning.LightningDataModule):
    """Batches of pairs, for training, validation and test; works in any `lightning.Trainer`.

    It says where it stands in a checkpoint by itself, on any number of ranks.

    Args:
        config: the pairs and how they are read; its fields may also be given by name.
        tokenizers: of source and target, where they exist, say those of the model to be trained further; they learn
            new characters. The same object twice is a joint vocabulary.
        seed: of what is random in the order of the data.
    """

    def __init__(
        self,
        config: PairDataConfig | Mapping[str, Any] | None = None,
        *,
        tokenizers: tuple[Tokenizer, Tokenizer] | None = None,
        seed: int = 0,
        **fields: Any,
    ) -> None:
        super().__init__()
        base = PairDataConfig.from_dict(config or {}, "data")
        self.config = PairDataConfig.from_dict(base.to_dict() | fields, "data")
        self.seed, self._base_tokenizers = seed, tokenizers
        self._corpus: PairCorpus | None = None
        self._tokenizers: tuple[Tokenizer, Tokenizer] | None = None
        self._pairs: dict[str, EncodedPairs] = {}
        self._train: PairLoader | None = None
        self._resume: dict[str, int] | None = None

    @property
    def corpus(self) -> PairCorpus:
        """The pairs; read when they are first asked for."""
        if self._corpus is None:
            self._corpus = self.config.load()
        return self._corpus

    @property
    def src_tokenizer(self) -> Tokenizer:
        """What encodes source sentences."""
        return self._both()[0]

    @property
    def tgt_tokenizer(self) -> Tokenizer:
        """What encodes target sentences; with a joint vocabulary, the same object."""
        return self._both()[1]

    def pairs(self, split: str) -> EncodedPairs:
        """The ids of ``"train"``, ``"valid"`` or ``"test"``, as memmaps.

        Raises:
            UserError: the corpus has no such part.
        """
        if split not in self._pairs:
            sources, targets = self._part(split)
            src, tgt = self._both()
            ids = encode_sentences(sources, src), encode_sentences(targets, tgt)
            self._pairs[split] = EncodedPairs(*ids, src.vocab_size, tgt.vocab_size)
        return self._pairs[split]

    @property
    def batches_per_epoch(self) -> int:
        """Training batches in an epoch, as many as the trainer reads: the same on every rank."""
        loader = self._loader("train")
        return len(loader) if loader.limit is None else loader.limit

    def setup(self, stage: str) -> None:
        """Reads and checks the pairs before the first step."""
        self._loader("train")
        self._loader("valid")

    def train_dataloader(self) -> PairLoader:
        """This rank's training batches, where the last checkpoint left them."""
        position, self._resume = self._resume, None
        if position is None and self._train is not None and self.trainer and self.trainer.current_epoch > 0:
            position = self._train.state_dict()  # `reload_dataloaders_every_n_epochs`
        self._train = self._loader("train")
        if position is not None:
            self._train.load_state_dict(position)
        return self._train

    def val_dataloader(self) -> PairLoader:
        """This rank's share of the validation pairs."""
        return self._loader("valid")

    def test_dataloader(self) -> PairLoader:
        """This rank's share of the test pairs; those of validation where the corpus has no test part."""
        return self._loader("test" if "test" in self.corpus.splits else "valid")

    def _part(self, split: str) -> tuple[list[str], list[str]]:
        if split not in self.corpus.splits:
            parts = ", ".join(self.corpus.splits)
            raise UserError(f"{self.corpus.name}: has no part {split!r} (it has {parts})")
        return self.corpus.splits[split]

    def _both(self) -> tuple[Tokenizer, Tokenizer]:
        """Made of the training part; an alphabet is that of all parts."""
        if self._tokenizers is None:
            config, base = self.config, self._base_tokenizers
            splits = self.corpus.splits.values() if config.tokenizer.whole_text else [self._part("train")]
            sources = [sentence for pairs in splits for sentence in pairs[0]]
            targets = [sentence for pairs in splits for sentence in pairs[1]]
            if base is not None:
                one, other = "\n".join(sources), "\n".join(targets)
                if base[0] is base[1]:
                    joint = base[0].extend(one).extend(other)
                    self._tokenizers = joint, joint
                else:
                    self._tokenizers = base[0].extend(one), base[1].extend(other)
            elif config.joint:
                joint = config.tokenizer.build([*sources, *targets])
                self._tokenizers = joint, joint
            else:
                self._tokenizers = config.tokenizer.build(sources), config.tokenizer.build(targets)
        return self._tokenizers

    def _loader(self, split: str) -> PairLoader:
        training = split == "train"
        config, pairs, trainer = self.config, self.pairs(split), self.trainer
        loader = PairLoader(
            pairs,
            config.batch_tokens if training else config.eval_batch_tokens or config.batch_tokens,
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
            seed=self.seed,
            shuffle=training,
        )
        if training and trainer:
            loader.limit = batches_read(trainer, len(loader))
        return loader

    def state_dict(self) -> dict[str, Any]:
        """Where the training batches stand, and in what."""
        return {} if self._train is None else {**self._train.state_dict(), "of": self._form()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on there.

        Raises:
            UserError: that was other pairs, or other batches of them.
        """
        if not state_dict:
            return
        if (before := state_dict["of"]) != (now := self._form()):
            changes = ", ".join(f"{k} was {before[k]:,}, is now {now[k]:,}" for k in now if before[k] != now[k])
            raise UserError(f"{self.corpus.name}: the checkpoint is of a training on other batches: {changes}")
        self._resume = {key: int(state_dict[key]) for key in ("epoch", "batch")}

    def _form(self) -> dict[str, int]:
        """What a position in the batches depends on."""
        pairs = self.pairs("train")
        return {
            "pairs": len(pairs.src),
            "source tokens": len(pairs.src.ids),
            "target tokens": len(pairs.tgt.ids),
            "batch_tokens": self.config.batch_tokens,
        }
