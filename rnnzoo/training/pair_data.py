"""Pairs of sentences as a LightningDataModule: batches of like length, by token count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy.typing as npt

from rnnzoo.config import Config
from rnnzoo.data.cleaning import CleaningConfig
from rnnzoo.data.pair_batches import EncodedPairs, PairLoader
from rnnzoo.data.pairs import PairCorpus, load_pairs
from rnnzoo.data.plain_text import Newlines, TextForm, check_form
from rnnzoo.errors import UserError
from rnnzoo.ranges import DropProbability, PositiveCount, Range
from rnnzoo.text import BPETokenizerConfig, Tokenizer, TokenizerConfig
from rnnzoo.training.length_data import LengthData

__all__ = ["PairData", "PairDataConfig"]


Column = Annotated[int, Range("1 <= x <= 1e6")]


@dataclass(frozen=True)
class PairDataConfig(Config):
    r"""Which pairs a translator reads, and how.

    Args:
        corpus: a corpus of pairs of the catalogue (`rnnzoo data ls`).
        files: or one's own two files, source and target, a line a sentence.
        tsv: or one's own table, columns separated by tabs; or one whose columns are called `src` and `tgt`: ``.csv``,
            ``.jsonl``, ``.parquet``, ``.arrow``.
        columns: those of source and target in a table without names, counted from 1.
        hub: or a dataset of the hub, ``org/name`` or ``org/name:configuration``.
        src: the source's language. tgt: the target's. Needed where the corpus does not say.
        valid_files: what to validate on, in the form of `files` or `tsv`; otherwise the last tenth.
        test_files: what to test on.
        split: how a corpus of the catalogue is cut, ``hashed`` or ``grouped``, where not as the catalogue says.
        encoding: of one's own files: ``auto`` for UTF-8, or what a byte order mark says, else ``latin-1``, ``cp1252``,
            ``utf-16``, ``shift_jis``, ``gb18030``, ...
        newlines: ``universal`` reads ``\r\n`` and ``\r`` as ``\n``; ``keep`` leaves them.
        test_part: own pairs are split 80/10/10, with a test part, instead of 90/10.
        tokenizer: what becomes a token.
        src_tokenizer: what becomes one on the source's side, where that is something else.
        joint: both sides share one vocabulary.
        bpe_dropout: the share of a BPE's merges that is left out at random, anew for each pair and epoch, in training
            (Provilkov et al. 2020).
        cleaning: which pairs are left out of training; null for none.
        batch_tokens: a training batch has at most so many rows times its longest sentence, padding counted.
    """

    corpus: str | None = None
    files: tuple[str, ...] = ()
    tsv: str | None = None
    columns: tuple[Column, Column] = (1, 2)
    hub: str | None = None
    src: str | None = None
    tgt: str | None = None
    valid_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    split: Literal["hashed", "grouped"] | None = None
    encoding: str = "auto"
    newlines: Newlines = "universal"
    test_part: bool = False
    tokenizer: TokenizerConfig = field(default_factory=BPETokenizerConfig)
    src_tokenizer: TokenizerConfig | None = None
    joint: bool = True
    bpe_dropout: DropProbability = 0.0
    cleaning: CleaningConfig | None = field(default_factory=CleaningConfig)
    batch_tokens: PositiveCount = 1000

    def __post_init__(self) -> None:
        given = (self.corpus is not None, bool(self.files), self.tsv is not None, self.hub is not None)
        if sum(given) > 1:
            raise ValueError("corpus, files, tsv and hub exclude each other")
        check_form(self.encoding, self.newlines)
        if self.columns[0] == self.columns[1]:
            raise ValueError("columns are two different ones, counted from 1")
        if self.test_part and self.test_files:
            raise ValueError("test_part and test_files exclude each other")
        if self.bpe_dropout and not any(
            isinstance(one, BPETokenizerConfig) for one in (self.tokenizer, self.src_tokenizer)
        ):
            raise ValueError("bpe_dropout: neither side's tokenizer is bpe")
        if self.joint and self.src_tokenizer is not None:
            raise ValueError("src_tokenizer: a joint vocabulary has one tokenizer; set joint to false")

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
            split=self.split,
            cleaning=self.cleaning,
            form=TextForm(self.encoding, self.newlines),
        )


class PairData(LengthData[PairDataConfig, PairCorpus, PairLoader]):
    """The batches of a corpus of pairs, for training, validation and test; works in any `lightning.Trainer`.

    It says where it stands in a checkpoint by itself; from there any number of ranks goes on, in the same order.

    Args:
        config: the pairs and how they are read; its fields may also be given by name.
        tokenizers: the source's and the target's, which exist, say those of the model to be trained further; they stay
            as they are.
        seed: of the order of the data.
    """

    batches = "batches"

    def __init__(
        self,
        config: PairDataConfig | Mapping[str, Any] | None = None,
        *,
        tokenizers: tuple[Tokenizer, Tokenizer] | None = None,
        seed: int = 0,
        **fields: Any,
    ) -> None:
        base = PairDataConfig.from_dict(config or {}, "data")
        super().__init__(PairDataConfig.from_dict(base.to_dict() | fields, "data"), seed)
        self._tokenizers = tokenizers
        self._pairs: dict[str, EncodedPairs] = {}

    @property
    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """The source's and the target's: one object where the vocabulary is joint.

        Of words and their pieces the training part decides; an alphabet is that of all parts, as in `StreamData`.
        """
        if self._tokenizers is None:
            config = self.config
            if config.joint:
                both = self._trained(config.tokenizer, 0, 1)
                self._tokenizers = both, both
            else:
                self._tokenizers = (
                    self._trained(config.src_tokenizer or config.tokenizer, 0),
                    self._trained(config.tokenizer, 1),
                )
        return self._tokenizers

    @property
    def src_tokenizer(self) -> Tokenizer:
        """The source's."""
        return self.tokenizers[0]

    @property
    def tgt_tokenizer(self) -> Tokenizer:
        """The target's."""
        return self.tokenizers[1]

    def _trained(self, config: TokenizerConfig, *sides: int) -> Tokenizer:
        splits = self.corpus.splits
        parts = list(splits.values()) if config.whole_text else [splits["train"]]
        return config.build([sentence for part in parts for side in sides for sentence in part[side]])

    def pairs(self, split: str) -> EncodedPairs:
        """The encoded pairs of ``"train"``, ``"valid"`` or ``"test"``.

        Raises:
            UserError: the corpus has no such part, or nothing in it, or a character that a tokenizer does not know.
        """
        if split not in self._pairs:
            name, sides = self.corpus.name, self.part(split)
            if not sides[0]:
                raise UserError(f"{name}: the {split} part has no pairs")
            tokenizers = self.tokenizers
            try:
                dropout = self.config.bpe_dropout if split == "train" else 0.0
                self._pairs[split] = EncodedPairs(sides[0], sides[1], *tokenizers, bpe_dropout=dropout)
            except UserError as error:
                raise UserError(f"{name}: the {split} part: {error}") from None
        return self._pairs[split]

    def ids(self, split: str, side: Literal["src", "tgt"]) -> npt.NDArray[Any]:
        """The ids of all sentences of a part on one side, without boundaries."""
        return self.pairs(split).ids(side)

    @property
    def longest_source(self) -> int:
        """Tokens of the longest source in training, the boundary counted."""
        return int(self.pairs("train").src_lengths.max())

    def setup(self, stage: str) -> None:
        """Reads and checks all parts before the first step.

        Raises:
            UserError: see `pairs`; or there are fewer training batches than ranks.
        """
        self._agree()
        for split in ("train", "valid", *(["test"] if "test" in self.corpus.splits else [])):
            self.pairs(split)
        loader = self.loader("train")
        if (batches := len(loader.cuts) - 1) < loader.world_size:
            raise UserError(
                f"{self.corpus.name}: the {len(loader.pairs):,} training pairs make {batches:,} batches with "
                f"batch_tokens = {self.config.batch_tokens:,}, too few for {loader.world_size} ranks: lower it"
            )

    def _agree(self) -> None:
        """Takes the vocabularies of the model that is trained, where none were given.

        Raises:
            UserError: those that were given are not the model's.
        """
        model = getattr(getattr(self.trainer, "lightning_module", None), "model", None)
        src, tgt = getattr(model, "src_tokenizer", None), getattr(model, "tgt_tokenizer", None)
        if not (isinstance(src, Tokenizer) and isinstance(tgt, Tokenizer)):
            return
        if self._tokenizers is None:
            self._tokenizers = src, tgt
        elif self._tokenizers != (src, tgt):
            ours = " and ".join(f"{one.vocab_size:,}" for one in self._tokenizers)
            raise UserError(
                f"{self.corpus.name}: the data's vocabularies have {ours} tokens, the model's {src.vocab_size:,} and "
                f"{tgt.vocab_size:,}, and they are not the same: give the data the model's, "
                "PairData(..., tokenizers=(model.src_tokenizer, model.tgt_tokenizer))"
            )

    def loader(self, split: str) -> PairLoader:
        training = split == "train"
        return PairLoader(
            self.pairs(split),
            self.config.batch_tokens * (1 if training else 2),  # no gradients, so there is room for more
            rank=self.rank,
            world_size=self.world_size,
            seed=self.seed,
            evaluation=not training,
        )

    def form(self) -> dict[str, int]:
        pairs = self.pairs("train")
        return {
            "pairs": len(pairs),
            "source tokens": int(pairs.src_lengths.sum()),
            "target tokens": int(pairs.tgt_lengths.sum()),
            "batch_tokens": self.config.batch_tokens,
            "seed": self.seed,
        }
