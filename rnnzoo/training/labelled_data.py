"""Texts with labels as a LightningDataModule: batches of like length, by token count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from rnnzoo.config import Config
from rnnzoo.data.labelled import LabelledCorpus, load_labelled
from rnnzoo.data.labelled_batches import EncodedTexts, TextLoader
from rnnzoo.data.plain_text import Newlines, TextForm, check_form
from rnnzoo.errors import UserError
from rnnzoo.ranges import Count, DropProbability, PositiveCount, Range, Seed
from rnnzoo.text import BPETokenizerConfig, CharTokenizerConfig, Tokenizer, TokenizerConfig
from rnnzoo.training.length_data import LengthData

__all__ = ["LabelledData", "LabelledDataConfig"]

Column = Annotated[int, Range("1 <= x <= 1e6")]


@dataclass(frozen=True)
class LabelledDataConfig(Config):
    r"""Which texts a classifier reads, and how.

    Args:
        corpus: a corpus of texts with labels of the catalogue (`rnnzoo data ls`).
        files: or one's own: tables with named columns (``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``, ``.arrow``); or
            text files, one for each label, which is called as the file is, a text a line; or a folder of those.
        hub: or a dataset of the hub, ``org/name`` or ``org/name:configuration``.
        text_column: the column of the texts. label_column: of the labels.
        columns: those of text and label in a ``.tsv`` without a line of names, counted from 1.
        separator: what stands between the labels of a text that may have several, or none; null where each has one.
        valid_files: what to validate on, in the form of `files`; otherwise a tenth of each label's texts.
        test_files: what to test on.
        test_part: own texts are split 80/10/10, with a test part, instead of 90/10.
        split_seed: other texts are chosen for validation and test with another one.
        encoding: of one's own files: ``auto`` for UTF-8, or what a byte order mark says, else ``latin-1``, ``cp1252``,
            ``utf-16``, ``shift_jis``, ``gb18030``, ...
        newlines: ``universal`` reads ``\r\n`` and ``\r`` as ``\n``; ``keep`` leaves them.
        train_texts: only so many texts of the training part, of each label its share; 0 for all.
        tokenizer: what becomes a token.
        bpe_dropout: the share of a BPE's merges that is left out at random, anew for each text and epoch, in training
            (Provilkov et al. 2020).
        max_tokens: tokens of a text that are read in training, its first ones; 0 for all. What is measured is whole.
        batch_tokens: a training batch has at most so many rows times its longest text, padding counted.
    """

    corpus: str | None = None
    files: tuple[str, ...] = ()
    hub: str | None = None
    text_column: str = "text"
    label_column: str = "label"
    columns: tuple[Column, Column] | None = None
    separator: str | None = None
    valid_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    test_part: bool = False
    split_seed: Seed = 0
    encoding: str = "auto"
    newlines: Newlines = "universal"
    train_texts: Count = 0
    tokenizer: TokenizerConfig = field(default_factory=CharTokenizerConfig)
    bpe_dropout: DropProbability = 0.0
    max_tokens: Count = 0
    batch_tokens: PositiveCount = 1000

    def __post_init__(self) -> None:
        if (self.corpus is not None) + bool(self.files) + (self.hub is not None) > 1:
            raise ValueError("corpus, files and hub exclude each other")
        check_form(self.encoding, self.newlines)
        if self.text_column == self.label_column or (self.columns and self.columns[0] == self.columns[1]):
            raise ValueError("text and label are in two different columns")
        if self.separator == "":
            raise ValueError("separator is what stands between two labels; null where each text has one")
        if self.test_part and self.test_files:
            raise ValueError("test_part and test_files exclude each other")
        if self.bpe_dropout and not isinstance(self.tokenizer, BPETokenizerConfig):
            raise ValueError("bpe_dropout: the tokenizer is not bpe")

    def load(self) -> LabelledCorpus:
        """The texts, split.

        Raises:
            UserError: they are not there, or cannot be read as texts with labels.
        """
        return load_labelled(
            self.corpus,
            files=self.files,
            hub=self.hub,
            text_column=self.text_column,
            label_column=self.label_column,
            columns=self.columns,
            separator=self.separator,
            valid_files=self.valid_files,
            test_files=self.test_files,
            test_part=self.test_part,
            split_seed=self.split_seed,
            train_texts=self.train_texts,
            form=TextForm(self.encoding, self.newlines),
        )


class LabelledData(LengthData[LabelledDataConfig, LabelledCorpus, TextLoader]):
    """The batches of a corpus of texts with labels; works in any `lightning.Trainer`.

    It says where it stands in a checkpoint by itself; from there any number of ranks goes on, in the same order.

    Args:
        config: the texts and how they are read; its fields may also be given by name.
        tokenizer: one that exists, say that of the model to be trained further; it stays as it is.
        corpus: what `config` names, where it was read before. seed: of the order of the data.
    """

    batches = "batches"

    def __init__(
        self,
        config: LabelledDataConfig | Mapping[str, Any] | None = None,
        *,
        tokenizer: Tokenizer | None = None,
        corpus: LabelledCorpus | None = None,
        seed: int = 0,
        **fields: Any,
    ) -> None:
        base = LabelledDataConfig.from_dict(config or {}, "data")
        super().__init__(LabelledDataConfig.from_dict(base.to_dict() | fields, "data"), seed)
        self._tokenizer, self._corpus = tokenizer, corpus
        self._texts: dict[str, EncodedTexts] = {}

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, in the order of their numbers."""
        return self.corpus.labels

    @property
    def tokenizer(self) -> Tokenizer:
        """What encodes the texts.

        Of words and their pieces the training part decides; an alphabet is that of all parts, as in `StreamData`.
        """
        if self._tokenizer is None:
            config, splits = self.config.tokenizer, self.corpus.splits
            parts = list(splits.values()) if config.whole_text else [splits["train"]]
            self._tokenizer = config.build([text for part in parts for text in part.texts])
        return self._tokenizer

    def texts(self, split: str) -> EncodedTexts:
        """The encoded texts of ``"train"``, ``"valid"`` or ``"test"``.

        Raises:
            UserError: the corpus has no such part, or a character that the tokenizer does not know.
        """
        if split not in self._texts:
            training, config = split == "train", self.config
            try:
                self._texts[split] = EncodedTexts(
                    self.part(split),
                    self.labels,
                    self.tokenizer,
                    several=self.corpus.several,
                    most=config.max_tokens if training else 0,
                    bpe_dropout=config.bpe_dropout if training else 0.0,
                )
            except UserError as error:
                raise UserError(f"{self.corpus.name}: the {split} part: {error}") from None
        return self._texts[split]

    def setup(self, stage: str) -> None:
        """Reads and checks all parts before the first step.

        Raises:
            UserError: see `texts`; or there are fewer training batches than ranks.
        """
        self._agree()
        for split in self.corpus.splits:
            self.texts(split)
        loader = self.loader("train")
        if (batches := len(loader.cuts) - 1) < loader.world_size:
            raise UserError(
                f"{self.corpus.name}: the {len(loader.items):,} training texts make {batches:,} batches with "
                f"batch_tokens = {self.config.batch_tokens:,}, too few for {loader.world_size} ranks: lower it"
            )

    def _agree(self) -> None:
        """Takes the vocabulary of the model that is trained, where none was given.

        Raises:
            UserError: the one that was given, or the labels, are not the model's.
        """
        model = getattr(getattr(self.trainer, "lightning_module", None), "model", None)
        tokenizer, labels = getattr(model, "tokenizer", None), getattr(model, "labels", None)
        if not isinstance(tokenizer, Tokenizer):
            return
        if self._tokenizer is None:
            self._tokenizer = tokenizer
        elif self._tokenizer != tokenizer:
            raise UserError(
                f"{self.corpus.name}: the data's vocabulary has {self._tokenizer.vocab_size:,} tokens, the model's "
                f"{tokenizer.vocab_size:,}, and they are not the same: give the data the model's, "
                "LabelledData(..., tokenizer=model.tokenizer)"
            )
        if labels != self.labels:
            raise UserError(f"{self.corpus.name}: the data's labels are not the model's: {labels} and {self.labels}")

    def loader(self, split: str) -> TextLoader:
        training = split == "train"
        return TextLoader(
            self.texts(split),
            self.config.batch_tokens * (1 if training else 2),  # no gradients, so there is room for more
            rank=self.rank,
            world_size=self.world_size,
            seed=self.seed,
            evaluation=not training,
        )

    def form(self) -> dict[str, int]:
        texts = self.texts("train")
        return {
            "texts": len(texts),
            "tokens": int(texts.lengths.sum()),
            "batch_tokens": self.config.batch_tokens,
            "seed": self.seed,
        }
