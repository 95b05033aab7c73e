"""Training a translator by a recipe: what is made of it, and what is measured in the end."""

from __future__ import annotations

import functools
from typing import Any, ClassVar, Literal

import lightning
from lightning.pytorch.callbacks import Callback, EarlyStopping

from rnnzoo.embeddings import Vectors
from rnnzoo.errors import UserError
from rnnzoo.files import write_text
from rnnzoo.inference.translation.attention_picture import attended, attention_file
from rnnzoo.inference.translation.evaluation import evaluate_translation
from rnnzoo.metrics import bleu
from rnnzoo.models import Seq2Seq
from rnnzoo.tasks.job import Job, load_best, run_facts, take_average, went_on_from
from rnnzoo.tasks.memory import check_memory
from rnnzoo.tasks.run_folder import RunFolder
from rnnzoo.tasks.translator.module import Translator
from rnnzoo.tasks.translator.recipe import TranslatorRecipe
from rnnzoo.training import (
    History,
    KeepValidated,
    PairData,
    PretrainedEmbedding,
    draw_curve,
    read_history,
)
from rnnzoo.training.trackers import shows, track_picture, track_text
from rnnzoo.zoo import load, save_folder
from rnnzoo.zoo.kinds import kind_of_task

__all__ = ["JOBS", "ShowTranslations", "TranslatorJob"]

SAMPLES = 20
"""Sentences of the test part whose translations are written to samples.txt."""


class ShowTranslations(Callback):
    """Prints the first translations of each validation, with source and reference.

    Trackers that show texts and pictures get them too, with the attention of the first.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero or not isinstance(pl_module, Translator):
            return
        bleu = trainer.callback_metrics.get("val/bleu")
        if bleu is not None:
            pl_module.print(f"  BLEU {float(bleu):.2f}, greedy")
        for example in pl_module.examples[: self.count]:
            pl_module.print(f"  source      {example.source}\n  translation {example.translation}")
            pl_module.print(f"  reference   {example.reference}")
        if self.count and shows(trainer) and (shown := pl_module.examples[: self.count]):
            rows = [f"{example.source}\n{example.translation}\n{example.reference}\n" for example in shown]
            track_text(trainer, "translations", "\n".join(rows))
            if pl_module.model.config.attention is not None:
                (first, *_) = shown
                ids = pl_module.model.tgt_tokenizer.encode(first.translation, unknown="drop").tolist()
                looked = attended(pl_module.model, first.source, ids, unknown="drop")
                track_picture(trainer, "attention", attention_file(*looked))


class TranslatorJob(Job[PairData]):
    """Trains an encoder-decoder on pairs of sentences."""

    monitor: ClassVar = ("val/bleu", "max")
    unit = "token"

    def __init__(self, plan: TranslatorRecipe, run: RunFolder, *, resume: bool) -> None:
        self.plan, self.resume = plan, resume
        self.base = None if plan.init_from is None else load(plan.init_from, kind=Seq2Seq)
        known = None if self.base is None else (self.base.src_tokenizer, self.base.tgt_tokenizer)
        self.data = PairData(plan.data, tokenizers=known, seed=plan.seed)
        self.data.setup("fit")  # pairs that will not do are found before anything is written
        self.kept = KeepValidated(run.checkpoints, plan.average)
        self.vectors: dict[str, Vectors] = {}

    @staticmethod
    def comparable(one: PairData, other: PairData) -> bool:
        """BLEU is of the text, whatever its tokens."""
        texts = [(data.corpus.splits["valid"], data.corpus.references["valid"]) for data in (one, other)]
        return bool(texts[0] == texts[1])

    def build(self, run: RunFolder) -> Translator:
        plan, data = self.plan, self.data
        fresh, base = plan.model.replace(max_source=data.longest_source), self.base
        model: Seq2Seq | Any = fresh if base is None else plan.dropout.on(base)
        try:
            if base is None:
                check_memory(functools.partial(fresh.build, data.src_tokenizer, data.tgt_tokenizer), plan.optimizer)
            self.task = Translator(
                model, data.src_tokenizer, data.tgt_tokenizer, plan.optimizer, plan.schedule, plan.label_smoothing
            )
        except ValueError as error:  # parts that do not fit each other
            raise UserError(f"model: {error}") from None
        if not self.resume:  # a resumed run has its tables in the checkpoint
            for side, section in self._embeddings().items():
                tokenizer = data.src_tokenizer if side == "src" else data.tgt_tokenizer
                self.vectors[side] = section.load(tokenizer, data.ids("train", side), plan.seed)
            self.task.model.load_embeddings(**self.vectors)
        return self.task

    def _embeddings(self) -> dict[Literal["src", "tgt"], PretrainedEmbedding]:
        """The sections that name files of vectors, by side."""
        sections: dict[Literal["src", "tgt"], PretrainedEmbedding | None]
        sections = {"src": self.plan.src_embedding, "tgt": self.plan.tgt_embedding}
        return {side: section for side, section in sections.items() if section is not None}

    def callbacks(self) -> list[Callback]:
        plan = self.plan
        stop = EarlyStopping("val/bleu", patience=plan.patience, mode="max", check_on_train_epoch_end=False)
        return [
            *([ShowTranslations(plan.shown)] if plan.shown else []),
            *([stop] if plan.patience else []),
            *([self.kept] if plan.average else []),
            *(section.callback(f"{side}_embedding") for side, section in self._embeddings().items()),
        ]

    def introduction(self) -> list[str]:
        corpus, model, config = self.data.corpus, self.task.model, self.task.model.config
        halves = [
            f"{'both ways ' if config.bidirectional and half is config.encoder else ''}{len(half.layers)} x "
            f"{'/'.join(dict.fromkeys(layer.name for layer in half.layers))} of {half.hidden_size}"
            for half in (config.encoder, config.decoder)
        ]
        look = "no attention" if config.attention is None else f"{config.attention.name} attention"
        pairs = f"{len(corpus.splits['train'][0]):,} + {len(corpus.splits['valid'][0]):,} pairs"
        lines = [
            f"{corpus.name}, {corpus.src_lang} to {corpus.tgt_lang}, {pairs}, vocabulary {model.vocab_size:,}; "
            f"{halves[0]}, {halves[1]}, {look}, {model.num_parameters:,} parameters"
        ]
        if corpus.summary:
            lines.append(corpus.summary)
        if self.base is not None:
            lines.append(f"goes on from {self.plan.init_from}")
            if self.plan.dropout:
                lines.append(f"dropout: {self.plan.dropout}")
        lines += [f"{side}_embedding: {vectors.coverage}" for side, vectors in self.vectors.items()]
        return lines

    def finish(self, run: RunFolder, trainer: lightning.Trainer, history: History) -> str:
        plan, task, data = self.plan, self.task, self.data
        seconds = history.seconds
        load_best(run, task)
        model, corpus = task.model.eval(), data.corpus
        averaged = take_average(task, self.kept, self._valid_bleu)
        found = {
            split: evaluate_translation(model, sources, corpus.references[split], search=plan.search)
            for split, (sources, _) in corpus.splits.items()
            if split != "train"
        }
        main = "test" if "test" in found else "valid"
        scores = {split: one.figures() for split, one in found.items()}
        sources, references = corpus.splits[main][0], corpus.references[main]
        rows = zip(sources, found[main].translations, references, strict=True)
        shown = [f"{s}\n    {t}\n    ({r[0]})\n" for s, t, r in list(rows)[:SAMPLES]]
        write_text(run.path / "samples.txt", "".join(shown))
        draw_curve(read_history(history.path), run.path / "curve.png", run.name)
        cells = [layer.name for half in (model.config.encoder, model.config.decoder) for layer in half.layers]
        metrics: dict[str, Any] = {
            "task": plan.name,
            "recipe": run.name,
            "split": main,
            **scores[main],
            "scores": scores,
            "search": plan.search.to_dict(),
            **({"averaged": averaged} if plan.average else {}),
            "languages": [corpus.src_lang, corpus.tgt_lang],
            "corpus": {"name": corpus.name, "sha256": corpus.sha256, "split_rule": corpus.split_rule},
            "seed": plan.seed,
            "parameters": model.num_parameters,
            "vocab_size": model.vocab_size,
            "cell": "/".join(dict.fromkeys(cells)),
            **went_on_from(plan.init_from),
            **run_facts(trainer, history, seconds),
        }
        described = plan.data.to_dict()
        described |= kind_of_task(plan.name).shareable(described)  # own files go by their names
        save_folder(run.path, model, task=plan.name, data=described, metrics=metrics, recipe=plan.to_yaml())
        score, chrf = scores[main]["bleu"], scores[main]["chrf"]
        return f"{main}: BLEU {score['score']:.2f}, chrF {chrf['score']:.2f} ({score['signature']})"

    def _valid_bleu(self) -> float:
        """What the task's weights score on the validation part, with the recipe's search."""
        corpus = self.data.corpus
        sources, references = corpus.splits["valid"][0], corpus.references["valid"]
        found = evaluate_translation(self.task.model, sources, references, search=self.plan.search)
        return bleu(found.translations, references)["score"]


JOBS: dict[str, type[TranslatorJob]] = {"translator": TranslatorJob}
"""By task."""
