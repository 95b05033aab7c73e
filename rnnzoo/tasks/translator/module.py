"""Training an encoder-decoder on pairs of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from rnnzoo.data.pair_batches import PairBatch
from rnnzoo.decoding import SearchConfig, beam_search
from rnnzoo.inference.translation.sentences import longest_translation
from rnnzoo.metrics.bleu import bleu
from rnnzoo.models import Seq2Seq, Seq2SeqConfig
from rnnzoo.nn import IGNORED
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.tasks.base import Task
from rnnzoo.text import Tokenizer, tokenizer_from_dict
from rnnzoo.training.optim import OptimizerConfig, ScheduleConfig
from rnnzoo.training.resume import gather_ranks

__all__ = ["Example", "Translator"]

GREEDY = SearchConfig(beam=1)
"""How validation translates: the best model is the same by a beam, and this is several times faster."""


class Example(NamedTuple):
    """A sentence of an evaluation: the text of the source, what the model made of it, and what it should be."""

    source: str
    translation: str
    reference: str


class Translator(Task):
    """A LightningModule around a plain `Seq2Seq`; works in any `lightning.Trainer`.

    Its batches are `PairBatch`es. Training is by teacher forcing: the decoder reads the reference. Losses and what is
    logged are those of `Task`, and an evaluation logs ``val/bleu`` or ``test/bleu`` too: BLEU of greedy translations
    against the one reference of each pair, over all ranks.

    Args:
        model: a model to train further, or the config of a new one.
        src_tokenizer, tgt_tokenizer: the vocabularies; they come with the model where that is given.
        optimizer: how gradients become updates. schedule: how the learning rate moves.
        label_smoothing: share of the target's probability that is spread over the vocabulary (Szegedy et al. 2016,
            arXiv:1512.00567); what is logged is without it.

    Attributes:
        examples: the first sentences of the last evaluation.
    """

    model: Seq2Seq
    plain = Seq2Seq

    def __init__(
        self,
        model: Seq2Seq | Seq2SeqConfig | Mapping[str, Any],
        src_tokenizer: Tokenizer | Mapping[str, Any] | None = None,
        tgt_tokenizer: Tokenizer | Mapping[str, Any] | None = None,
        optimizer: OptimizerConfig | Mapping[str, Any] | str = "adamw",
        schedule: ScheduleConfig | Mapping[str, Any] | str = "constant",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(optimizer, schedule)
        if isinstance(model, Seq2Seq):
            self.model = model.train()
        else:
            if src_tokenizer is None:
                raise ValueError("a new model needs a tokenizer")
            src = _tokenizer(src_tokenizer)
            tgt = src if tgt_tokenizer is None else _tokenizer(tgt_tokenizer)
            self.model = Seq2SeqConfig.from_dict(model, "model").build(src, tgt)
        if not 0 <= label_smoothing < 1:
            raise ValueError("label_smoothing lies between 0 and 1")
        self.label_smoothing = label_smoothing
        # Plain dictionaries: a checkpoint holds nothing that could execute.
        joint = self.model.src_tokenizer == self.model.tgt_tokenizer
        plain = {
            "model": self.model.config.to_dict(),
            "src_tokenizer": self.model.src_tokenizer.to_dict(),
            "tgt_tokenizer": None if joint else self.model.tgt_tokenizer.to_dict(),
            "optimizer": self.optimizer_config.to_dict(),
            "schedule": self.schedule_config.to_dict(),
            "label_smoothing": label_smoothing,
        }
        self.save_hyperparameters(plain, logger=False)
        self.examples: list[Example] = []
        self._translated: list[tuple[int, Example]] = []

    def translate(self, texts: Any, **options: Any) -> Any:
        """Translations; see `rnnzoo.inference.translation.translate.translate`."""
        return self.model.translate(texts, **options)

    def forward(
        self, src: Int[Tensor, "B S"], src_lengths: Int[Tensor, "B"], tgt: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """The plain model's forward."""
        logits: Tensor = self.model(src, src_lengths, tgt)
        return logits

    # ------------------------------------------------------------------------------------------ steps

    def training_step(self, batch: PairBatch, batch_idx: int) -> Float[Tensor, ""]:
        """The summed loss of a batch, in nats, with label smoothing; what is logged is without it."""
        model = self.model
        features = model.output_dropout(model.features(batch.src, batch.src_lengths, batch.tgt))
        counted = batch.targets != IGNORED
        logits: Tensor = model.head(features[counted])
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()  # a sum over thousands of tokens has no room in half precision
        log_p = logits.log_softmax(-1)
        nats = F.nll_loss(log_p, batch.targets[counted], reduction="sum")
        self._count(nats, batch.num_targets)
        if self.label_smoothing == 0:
            return nats
        loss: Tensor = (1 - self.label_smoothing) * nats - self.label_smoothing * log_p.mean(-1).sum()
        return loss

    def validation_step(self, batch: PairBatch, batch_idx: int) -> None:
        """Adds a batch to the validation score."""
        self._score(batch, "val")

    def test_step(self, batch: PairBatch, batch_idx: int) -> None:
        """Adds a batch to the test score."""
        self._score(batch, "test")

    def _score(self, batch: PairBatch, split: str) -> None:
        if not batch.num_targets:  # an empty batch, of a rank that has run out of sentences
            self._metric(split).update(0.0, 0)  # or torchmetrics warns where it has none but this
            return
        model = self.model
        nats = model.nll(batch.src, batch.src_lengths, batch.tgt, batch.targets)
        self._metric(split).update(nats, batch.num_targets)
        state, memory = model.encode(batch.src, batch.src_lengths)
        start = batch.src.new_full((len(batch.src),), model.boundary)
        longest = longest_translation(model, batch.src_lengths - 1)
        found = beam_search(model.step, start, state, memory, eos=model.boundary, config=GREEDY, max_lens=longest)
        for row, index in enumerate(batch.indices.tolist()):
            targets = batch.targets[row]
            source = batch.src[row, : int(batch.src_lengths[row]) - 1]
            reference = targets[(targets != IGNORED) & (targets != model.boundary)]
            example = Example(
                model.src_tokenizer.decode(source),
                model.tgt_tokenizer.decode(found[row][0].tokens),
                model.tgt_tokenizer.decode(reference),
            )
            self._translated.append((index, example))

    def _begin_score(self, split: str) -> None:
        self._translated = []
        super()._begin_score(split)

    def _log_score(self, split: str) -> float:
        everywhere = [pair for rank in gather_ranks(self._translated) for pair in rank]
        examples = [example for _, example in sorted(dict(everywhere).items())]
        if examples:
            score = bleu([e.translation for e in examples], [[e.reference] for e in examples])["score"]
            logged = torch.tensor(score, dtype=torch.float64)  # equal on all ranks; without sync_dist Lightning warns
            self.log(f"{split}/bleu", logged, sync_dist=self.trainer.world_size > 1)
            self.examples = examples[:5]
        return super()._log_score(split)


def _tokenizer(given: Tokenizer | Mapping[str, Any]) -> Tokenizer:
    return given if isinstance(given, Tokenizer) else tokenizer_from_dict(given)
