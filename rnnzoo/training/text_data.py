"""What the data modules share: a corpus read when it is asked for, and a place in it that checkpoints know."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import lightning

from rnnzoo.data.corpora import Corpus
from rnnzoo.data.labelled import LabelledCorpus
from rnnzoo.data.pairs import PairCorpus
from rnnzoo.errors import UserError

__all__ = ["Section", "TextData"]


class Loader(Protocol):
    """A dataloader that knows where it stands."""

    limit: int | None

    def __len__(self) -> int:
        """Batches of an epoch."""

    def __iter__(self) -> Iterator[Any]:
        """The batches of the epoch under way."""

    def state_dict(self) -> dict[str, int]:
        """Where it stands."""

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Goes on there."""


class Section(Protocol):
    """A recipe's section `data`."""

    def load(self) -> Any:
        """The corpus."""


S = TypeVar("S", bound=Section)
T = TypeVar("T", Corpus, PairCorpus, LabelledCorpus)
L = TypeVar("L", bound=Loader)


class TextData(lightning.LightningDataModule, Generic[S, T, L]):
    """Base of the data modules; they work in any `lightning.Trainer`.

    Attributes:
        config: the section `data`. corpus: what it names, split. seed: of what is random in the order of the data.
        batches: what the batches are of, in messages.
    """

    batches: ClassVar[str]

    def __init__(self, config: S, seed: int) -> None:
        super().__init__()
        self.config, self.seed = config, seed
        self._corpus: T | None = None
        self._train: L | None = None
        self._resume: dict[str, int] | None = None

    @property
    def corpus(self) -> T:
        """What is read, split; loaded when it is first asked for."""
        if self._corpus is None:
            self._corpus = self.config.load()
        return self._corpus

    def part(self, split: str) -> Any:
        """``"train"``, ``"valid"`` or ``"test"`` of the corpus.

        Raises:
            UserError: it has no such part.
        """
        if split not in self.corpus.splits:
            parts = ", ".join(self.corpus.splits)
            raise UserError(f"{self.corpus.name}: has no part {split!r} (it has {parts})")
        return self.corpus.splits[split]

    @abstractmethod
    def loader(self, split: str) -> L:
        """This rank's share of a part, from its beginning."""

    @abstractmethod
    def form(self) -> dict[str, int]:
        """What a position in the training part depends on."""

    @property
    def rank(self) -> int:
        """This one's number."""
        return self.trainer.global_rank if self.trainer else 0

    @property
    def world_size(self) -> int:
        """How many ranks there are."""
        return self.trainer.world_size if self.trainer else 1

    @property
    def batches_per_epoch(self) -> int:
        """Training batches of a rank in an epoch, as many as the trainer reads: the same on every rank."""
        loader = self._training()
        return len(loader) if loader.limit is None else loader.limit

    def train_dataloader(self) -> L:
        """This rank's training batches, where the last checkpoint left them."""
        position, self._resume = self._resume, None
        if position is None and self._train is not None and self.trainer and self.trainer.current_epoch > 0:
            position = self._train.state_dict()  # `reload_dataloaders_every_n_epochs`
        self._train = self._training()
        if position is not None:
            self.go_on(self._train, position)
        return self._train

    def val_dataloader(self) -> L:
        """This rank's share of the validation part."""
        return self.loader("valid")

    def test_dataloader(self) -> L:
        """This rank's share of the test part; that of validation where there is none."""
        return self.loader("test" if "test" in self.corpus.splits else "valid")

    def go_on(self, loader: L, position: dict[str, int]) -> None:
        """Brings a training loader to where a checkpoint left one."""
        loader.load_state_dict(position)

    def state_dict(self) -> dict[str, Any]:
        """Where training stands, and in what."""
        return {} if self._train is None else {**self._train.state_dict(), "of": self.form()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on there.

        Raises:
            UserError: that was another corpus, or it was read otherwise.
        """
        if not state_dict:
            return
        position = dict(state_dict)
        if (before := position.pop("of")) != (now := self.form()):
            changes = ", ".join(f"{k} was {before[k]:,}, is now {now[k]:,}" for k in now if before[k] != now[k])
            raise UserError(f"{self.corpus.name}: the checkpoint is of a training on other {self.batches}: {changes}")
        self._resume = {key: int(value) for key, value in position.items()}

    def _training(self) -> L:
        loader = self.loader("train")
        if self.trainer:
            limit = self.trainer.limit_train_batches
            loader.limit = min(len(loader), limit) if isinstance(limit, int) else int(len(loader) * limit)
        return loader
