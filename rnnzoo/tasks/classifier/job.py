"""Training a classifier by a recipe: what is made of it, and what is measured in the end."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback, EarlyStopping

from rnnzoo.embeddings import Vectors
from rnnzoo.errors import UserError
from rnnzoo.files import write_text
from rnnzoo.inference.classification.classify import prediction
from rnnzoo.inference.classification.evaluation import Evaluated, best_temperature, evaluate_classifier
from rnnzoo.models import Classifier, LanguageModel, Seq2Seq
from rnnzoo.models.transfer import classifier_on
from rnnzoo.plot.confusion import draw_confusion
from rnnzoo.tasks.classifier.module import TextClassifier
from rnnzoo.tasks.classifier.recipe import ClassifierRecipe
from rnnzoo.tasks.job import Job, load_best, run_facts, take_average, went_on_from
from rnnzoo.tasks.memory import check_memory
from rnnzoo.tasks.run_folder import RunFolder
from rnnzoo.text import Tokenizer
from rnnzoo.training import History, KeepValidated, LabelledData, draw_curve, read_history
from rnnzoo.training.discriminative import GradualUnfreezing
from rnnzoo.zoo import load, save_folder
from rnnzoo.zoo.kinds import kind_of_task

__all__ = ["JOBS", "ClassifierJob"]

SAMPLES = 20
"""Texts of the part that is scored whose predictions are written to samples.txt."""


class ClassifierJob(Job[LabelledData]):
    """Trains a classifier on texts with labels."""

    monitor: ClassVar = ("val/accuracy", "max")
    unit = "text"

    def __init__(self, plan: ClassifierRecipe, run: RunFolder, *, resume: bool) -> None:
        self.plan, self.resume = plan, resume
        source = plan.init_from if plan.encoder is None else plan.encoder.source
        self.base: Any = None if source is None else load(source)
        if plan.init_from is not None and not isinstance(self.base, Classifier):
            raise UserError(f"init_from: {plan.init_from} is no classifier; --encoder takes what it has learned")
        assert self.base is None or isinstance(self.base, Classifier | LanguageModel | Seq2Seq)
        self.data = LabelledData(plan.data, seed=plan.seed)
        self.data = LabelledData(plan.data, tokenizer=self._known(self.data), seed=plan.seed, corpus=self.data.corpus)
        self.data.setup("fit")  # texts that will not do are found before anything is written
        self.kept = KeepValidated(run.checkpoints, plan.average)
        self.vectors: Vectors | None = None

    def _known(self, data: LabelledData) -> Tokenizer | None:
        """The vocabulary of the model to begin with, and the characters that it does not have yet."""
        if self.base is None or (self.plan.encoder is not None and self.plan.encoder.vocabulary == "data"):
            return None
        own: Tokenizer = self.base.tokenizers[0]
        return own.extend("".join(text for part in data.corpus.splits.values() for text in part.texts))

    @staticmethod
    def comparable(one: LabelledData, other: LabelledData) -> bool:
        """Accuracy is of the texts, whatever their tokens."""
        return bool(one.corpus.splits["valid"] == other.corpus.splits["valid"] and one.labels == other.labels)

    def build(self, run: RunFolder) -> TextClassifier:
        plan, data, corpus = self.plan, self.data, self.data.corpus
        fresh = plan.model.replace(labels=corpus.labels, several=corpus.several)
        if plan.embedding is not None:
            self._read_vectors(run)
            assert self.coverage is not None
            fresh = plan.embedding.fit(fresh, self.coverage.dim)
        try:
            if self.base is None:
                check_memory(functools.partial(fresh.build, data.tokenizer), plan.optimizer)
                model: Any = fresh.build(data.tokenizer)
            else:
                model = plan.dropout.on(self._further(fresh))
            self.task = TextClassifier(
                model,
                None,
                plan.optimizer,
                plan.schedule,
                plan.label_smoothing,
                self._class_weights(),
                1.0 if plan.encoder is None else plan.encoder.lr_decay,
            )
        except ValueError as error:  # parts that do not fit each other
            raise UserError(f"model: {error}") from None
        if self.vectors is not None:
            self.task.model.load_embeddings(self.vectors)
        return self.task

    def _further(self, fresh: Any) -> Classifier:
        """The model to begin with, with the labels and the vocabulary of the data."""
        base, data, corpus = self.base, self.data, self.data.corpus
        if self.plan.encoder is None:
            same = base.labels == corpus.labels and base.config.several == corpus.several
            if same and base.tokenizer == data.tokenizer:
                found: Classifier = base
                return found
            grown = classifier_on(
                base, base.config.replace(labels=corpus.labels, several=corpus.several), data.tokenizer
            )
            if same:
                grown.readout.load_state_dict(base.readout.state_dict())
                grown.head.load_state_dict(base.head.state_dict())
            grown.pooling.load_state_dict(base.pooling.state_dict())
            return grown
        return classifier_on(base, fresh, data.tokenizer)

    def _read_vectors(self, run: RunFolder) -> None:
        """The file is read once: a resumed run has its table in the checkpoint, and knows what was said of the file."""
        plan, data = self.plan, self.data
        assert plan.embedding is not None
        if not self.resume:
            self.vectors = plan.embedding.load(data.tokenizer, data.texts("train").ids, plan.seed)
        self.coverage = run.coverage() if self.vectors is None else self.vectors.coverage
        if self.coverage is None:
            raise UserError("does not say what vectors the run began with: start a new run", path=run.path / "run.json")

    def _class_weights(self) -> dict[str, float] | None:
        """What each label counts, so that the mean over the training texts is 1 where they are to be balanced."""
        given, labels = self.plan.class_weights, self.data.labels
        if isinstance(given, dict):
            return dict(given)
        if given == "none":
            return None
        targets = self.data.texts("train").targets
        counts = targets.sum(0) if targets.ndim > 1 else np.bincount(targets, minlength=len(labels))
        weights = (counts.sum() / np.maximum(counts, 1)) ** (1.0 if given == "balanced" else 0.5)
        weights = weights * counts.sum() / (weights * counts).sum()
        return dict(zip(labels, weights.tolist(), strict=True))

    def callbacks(self) -> list[Callback]:
        plan = self.plan
        stop = EarlyStopping("val/accuracy", patience=plan.patience, mode="max", check_on_train_epoch_end=False)
        gradual = plan.encoder is not None and plan.encoder.unfreeze_epochs > 0
        return [
            *([stop] if plan.patience else []),
            *([self.kept] if plan.average else []),
            *([plan.embedding.callback()] if plan.embedding else []),
            *([GradualUnfreezing(plan.encoder.unfreeze_epochs)] if plan.encoder and gradual else []),
        ]

    def introduction(self) -> list[str]:
        model, plan = self.task.model, self.plan
        backbone = model.config.backbone
        kinds = "/".join(dict.fromkeys(layer.name for layer in backbone.layers))
        ways = "both ways " if model.config.bidirectional else ""
        lines = [
            f"{self.data.corpus.name}, {self.data.corpus.summary}; vocabulary {model.vocab_size:,}; "
            f"{ways}{len(backbone.layers)} x {kinds} of {backbone.hidden_size}, {model.num_parameters:,} parameters"
        ]
        if plan.encoder is not None:
            known = {*self.base.tokenizers[0].token_texts()} & {*model.tokenizer.token_texts()}
            lines.append(f"begins with {plan.encoder.source}: {len(known):,} of {model.vocab_size:,} tokens are known")
        if plan.init_from is not None:
            lines.append(f"goes on from {plan.init_from}")
        if plan.dropout:
            lines.append(f"dropout: {plan.dropout}")
        if self.coverage is not None:
            lines.append(f"embedding: {self.coverage}")
        return lines

    def finish(self, run: RunFolder, trainer: lightning.Trainer, history: History) -> str:
        plan, task, data = self.plan, self.task, self.data
        seconds = history.seconds
        load_best(run, task)
        model, corpus = task.model.eval(), data.corpus
        averaged = take_average(task, self.kept, self._valid_accuracy)
        calibration = None
        if plan.calibrate:
            valid = corpus.splits["valid"]
            calibration = best_temperature(model, valid.texts, valid.labels)
            model.set_output_temperature(calibration["temperature"])
        found = {
            split: evaluate_classifier(model, part.texts, part.labels)
            for split, part in corpus.splits.items()
            if split != "train"
        }
        main = "test" if "test" in found else "valid"
        scores = {split: dict(one.figures) for split, one in found.items()}
        write_text(run.path / "samples.txt", _samples(model, corpus.splits[main].texts, found[main]))
        draw_curve(read_history(history.path), run.path / "curve.png", run.name, "text")
        if found[main].confusion is not None:
            draw_confusion(found[main].confusion, model.labels, run.path / "confusion.png", f"{run.name}, {main}")
        metrics: dict[str, Any] = {
            "task": plan.name,
            "recipe": run.name,
            "split": main,
            **{key: value for key, value in scores[main].items() if isinstance(value, (int, float))},
            "scores": scores,
            **({"averaged": averaged} if plan.average else {}),
            **({} if calibration is None else {"calibration": calibration}),
            "corpus": {"name": corpus.name, "sha256": corpus.sha256, "split_rule": corpus.split_rule},
            "seed": plan.seed,
            "parameters": model.num_parameters,
            "vocab_size": model.vocab_size,
            "cell": "/".join(dict.fromkeys(layer.name for layer in model.config.backbone.layers)),
            **went_on_from(plan.init_from),
            **({} if plan.encoder is None else {"encoder": went_on_from(plan.encoder.source)["init_from"]}),
            **run_facts(trainer, history, seconds),
        }
        if self.coverage is not None and plan.embedding is not None:
            metrics["embedding"] = {"freeze": plan.embedding.freeze, "coverage": self.coverage.to_dict()}
        described = plan.data.to_dict()
        described |= kind_of_task(plan.name).shareable(described)  # own files go by their names
        save_folder(run.path, model, task=plan.name, data=described, metrics=metrics, recipe=plan.to_yaml())
        return f"{main}: {kind_of_task(plan.name).told(scores[main])}, of {scores[main]['texts']:,} texts"

    def _valid_accuracy(self) -> float:
        part = self.data.corpus.splits["valid"]
        return float(evaluate_classifier(self.task.model, part.texts, part.labels).figures["accuracy"])


def _samples(model: Classifier, texts: list[str], found: Evaluated) -> str:
    """The first texts, each with what the model says and what it should: spread over the part, which may be sorted."""
    rows = np.linspace(0, len(texts) - 1, min(SAMPLES, len(texts))).round().astype(int)
    lines = []
    for row in rows.tolist():
        text = " ".join(texts[row].split())
        shown = text if len(text) <= 200 else f"{text[:199]}…"
        said = " ".join(prediction(model, found.probabilities[row]).labels)
        lines.append(f"{shown}\t{said}\t{' '.join(found.labels[row])}\n")
    return "".join(lines)


JOBS: dict[str, type[ClassifierJob]] = {"classifier": ClassifierJob}
"""By task."""
