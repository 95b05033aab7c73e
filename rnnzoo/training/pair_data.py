"""Pairs of sentences as a LightningDataModule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import lightning

from rnnzoo.config import Config
from rnnzoo.data.cleaning import CleaningConfig
from rnnzoo.data.pair_batches import EncodedPairs, PairLoader
from rnnzoo.data.pairs import PairCorpus, load_pairs
from rnnzoo.text import BPETokenizerConfig, Tokenizer, TokenizerConfig

__all__ = ["PairData", "PairDataConfig"]


@dataclass(frozen=True)
class PairDataConfig(Config):
    """Which pairs a translator reads, and how."""

    corpus: str | None = None
    files: tuple[str, ...] = ()
    tsv: str | None = None
    hub: str | None = None
    src: str | None = None
    tgt: str | None = None
    valid_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    test_part: bool = False
    tokenizer: TokenizerConfig = field(default_factory=BPETokenizerConfig)
    joint: bool = True
    cleaning: CleaningConfig | None = field(default_factory=CleaningConfig)
    batch_tokens: int = 1000

    def load(self) -> PairCorpus:
        return load_pairs(
            self.corpus,
            files=self.files,
            tsv=self.tsv,
            hub=self.hub,
            src=self.src,
            tgt=self.tgt,
            valid_files=self.valid_files,
            test_files=self.test_files,
            test_part=self.test_part,
            cleaning=self.cleaning,
        )


class PairData(lightning.LightningDataModule):
    """Batches of pairs for training, validation and test."""

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
        self.seed, self._known = seed, tokenizers
        self._train: PairLoader | None = None
        self._resume: dict[str, int] | None = None
        self._encoded: dict[str, EncodedPairs] = {}

    @cached_property
    def corpus(self) -> PairCorpus:
        return self.config.load()

    @cached_property
    def _tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        if self._known is not None:
            return self._known
        src, tgt = self.corpus.splits["train"]
        if self.config.joint:
            both = self.config.tokenizer.build([*src, *tgt])
            return both, both
        return self.config.tokenizer.build(src), self.config.tokenizer.build(tgt)

    @property
    def src_tokenizer(self) -> Tokenizer:
        return self._tokenizers[0]

    @property
    def tgt_tokenizer(self) -> Tokenizer:
        return self._tokenizers[1]

    def pairs(self, split: str) -> EncodedPairs:
        if split not in self._encoded:
            self._encoded[split] = EncodedPairs(*self.corpus.splits[split], *self._tokenizers)
        return self._encoded[split]

    @property
    def longest_source(self) -> int:
        return int(self.pairs("train").lengths[0].max()) + 1

    @property
    def batches_per_epoch(self) -> int:
        return len(self._loader("train"))

    def setup(self, stage: str) -> None:
        self._loader("train")
        self._loader("valid")

    def _loader(self, split: str) -> PairLoader:
        training = split == "train"
        trainer = self.trainer
        return PairLoader(
            self.pairs(split),
            self.config.batch_tokens * (1 if training else 2),
            seed=self.seed,
            training=training,
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
        )

    def train_dataloader(self) -> PairLoader:
        position, self._resume = self._resume, None
        self._train = self._loader("train")
        if position is not None:
            self._train.load_state_dict(position)
        return self._train

    def val_dataloader(self) -> PairLoader:
        return self._loader("valid")

    def test_dataloader(self) -> PairLoader:
        return self._loader("test" if "test" in self.corpus.splits else "valid")

    def state_dict(self) -> dict[str, Any]:
        return {} if self._train is None else dict(self._train.state_dict())

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict:
            self._resume = {key: int(state_dict[key]) for key in ("epoch", "batch")}
