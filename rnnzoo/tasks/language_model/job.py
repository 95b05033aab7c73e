"""Training a language model by a recipe: what is made of it, and what is measured in the end."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, ClassVar

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback

from rnnzoo.embeddings import Coverage
from rnnzoo.errors import UserError
from rnnzoo.files import write_text
from rnnzoo.metrics import bits, perplexity
from rnnzoo.metrics.novelty import novelty
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.tasks.job import Job, load_best, run_facts, take_average, went_on_from
from rnnzoo.tasks.language_model.module import CharLM, LanguageModelTask, WordLM
from rnnzoo.tasks.language_model.recipe import LanguageModelRecipe
from rnnzoo.tasks.memory import check_memory
from rnnzoo.tasks.run_folder import RunFolder
from rnnzoo.training import History, KeepValidated, SampleText, StreamData, draw_curve, read_history
from rnnzoo.zoo import Calibration, calibrate, cold_windows, load, measure, save_folder
from rnnzoo.zoo.kinds import kind_of_task

__all__ = ["FACES", "JOBS", "LanguageModelJob"]

FACES: dict[str, type[LanguageModelTask]] = {"char_lm": CharLM, "word_lm": WordLM}
"""The LightningModule of each task."""

COLD_WINDOW = 256
SAMPLE_TOKENS = 1000  # the sample whose words are looked up in the training text
MORE_TOKENS = 500  # those beside it, at other temperatures
SAMPLED_AT = 0.8  # the temperature of the sample that stands in the card


class LanguageModelJob(Job[StreamData]):
    """Trains a character or word model on streams of text."""

    monitor: ClassVar = ("val/nll", "min")

    def __init__(self, plan: LanguageModelRecipe, run: RunFolder, *, resume: bool) -> None:
        self.plan, self.resume = plan, resume
        self.base = None if plan.init_from is None else load(plan.init_from, kind=LanguageModel)
        self.data = StreamData(plan.data, tokenizer=self.base.tokenizer if self.base else None, seed=plan.seed)
        self.data.setup("fit")  # a text that will not do is found before anything is written
        self._check_prompt()
        self._check_streams()
        self.kept = KeepValidated(run.checkpoints, plan.average)
        self.coverage: Coverage | None = None
        kind = self.data.tokenizer.kind
        self.unit = kind if kind in ("char", "byte", "word") else "token"

    @staticmethod
    def comparable(one: StreamData, other: StreamData) -> bool:
        return (
            one.config.eval_streams == other.config.eval_streams
            and one.tokenizer.token_texts() == other.tokenizer.token_texts()
            and bool(np.array_equal(one.ids("valid")[:], other.ids("valid")[:]))
        )

    def build(self, run: RunFolder) -> LanguageModelTask:
        plan, data, base = self.plan, self.data, self.base
        vectors, model = None, plan.model if base is None else plan.dropout.on(_grown(base, data))
        if plan.embedding is not None:
            # The file is read once: a resumed run has its table in the checkpoint, and knows what was said of the file.
            vectors = None if self.resume else plan.embedding.load(data.tokenizer, data.ids("train"), plan.seed)
            self.coverage = run.coverage() if vectors is None else vectors.coverage
            if self.coverage is None:
                raise UserError(
                    "does not say what vectors the run began with: start a new run", path=run.path / "run.json"
                )
            model = plan.embedding.fit(plan.model, self.coverage.dim)
        try:
            if isinstance(model, LanguageModelConfig):
                check_memory(functools.partial(model.build, data.tokenizer), plan.optimizer)
            self.task = FACES[plan.name](model, data.tokenizer, plan.optimizer, plan.schedule, plan.regularization)
        except ValueError as error:  # parts that do not fit each other
            raise UserError(f"model: {error}") from None
        if vectors is not None:
            self.task.model.load_embeddings(vectors)
        return self.task

    def callbacks(self) -> list[Callback]:
        embedding = self.plan.embedding
        return [
            SampleText(self.plan.sample),
            *([self.kept] if self.plan.average else []),
            *([embedding.callback()] if embedding else []),
        ]

    def check_ranks(self, ranks: int) -> None:
        streams = self.plan.data.streams
        if streams % ranks:
            raise UserError(f"data.streams = {streams} cannot be shared by {ranks} ranks: choose a multiple")

    def introduction(self) -> list[str]:
        data, model, base = self.data, self.task.model, self.base
        layers = model.config.backbone.layers
        kinds = "/".join(dict.fromkeys(layer.name for layer in layers))
        lines = [
            f"{data.corpus.name}, {len(data.ids('train')):,} + {len(data.ids('valid')):,} tokens, "
            f"vocabulary {model.vocab_size}; {len(layers)} x {kinds} of {model.config.backbone.hidden_size}, "
            f"{model.num_parameters:,} parameters"
        ]
        if base is not None:
            new = data.tokenizer.token_texts()[base.vocab_size :]
            shown = " ".join(repr(text) for text in new[:10]) + (" ..." if len(new) > 10 else "")
            known = f"{base.vocab_size} known tokens kept, {len(new)} new drawn {shown}"
            lines.append(f"goes on from {self.plan.init_from}: {known.rstrip()}")
            if self.plan.dropout:
                lines.append(f"dropout: {self.plan.dropout}")
        if self.coverage is not None:
            lines.append(f"embedding: {self.coverage}")
        return lines

    def _check_prompt(self) -> None:
        """Raises `UserError` when the samples' prompt cannot be written in the text's characters."""
        try:
            self.data.tokenizer.encode(self.plan.sample.prompt)
        except UserError as error:
            raise UserError(f"sample.prompt: {error}; say another with --sample.prompt") from None

    def _check_streams(self) -> None:
        """Raises `UserError` when an evaluation text is shorter than its streams: each would predict nothing."""
        streams = self.plan.data.eval_streams
        for split in (split for split in self.data.corpus.splits if split != "train"):
            tokens = len(self.data.ids(split))
            if 2 * streams > tokens:
                raise UserError(
                    f"data.eval_streams: {streams:,} streams are too many for the {tokens:,} tokens of {split}: "
                    f"at most {max(tokens // 2, 1):,}"
                )

    def finish(self, run: RunFolder, trainer: lightning.Trainer, history: History) -> str:
        plan, task, data = self.plan, self.task, self.data
        seconds = history.seconds
        load_best(run, task)
        model = task.model.eval()
        averaged = take_average(task, self.kept, self._validated)
        calibration = self._calibration() if plan.calibrate else None
        if calibration is not None:
            model.set_output_temperature(calibration.temperature)
        scores = {split: _score(model, data, split) for split in data.corpus.splits if split != "train"}
        main = "test" if "test" in scores else "valid"
        spelt = data.tokenizer.kind in ("char", "byte")  # a word model has no word but those of its text
        sample = _write_samples(model, plan, run.path / "samples.txt", characters_per_token=1 if spelt else 5)
        read = data.corpus.splits["train"]
        unseen = novelty(sample, read, cut=True) if spelt and isinstance(read, str) else None
        draw_curve(read_history(history.path), run.path / "curve.png", run.name)
        metrics: dict[str, Any] = {
            "task": plan.name,
            "recipe": run.name,
            "split": main,
            **scores[main],
            "eval_streams": plan.data.eval_streams,
            "scores": scores,
            **({"averaged": averaged} if plan.average else {}),
            **({} if calibration is None else {"calibration": calibration._asdict()}),
            "corpus": {"name": data.corpus.name, "sha256": data.corpus.sha256, "split_rule": data.corpus.split_rule},
            "seed": plan.seed,
            "parameters": model.num_parameters,
            "vocab_size": model.vocab_size,
            "cell": "/".join(dict.fromkeys(layer.name for layer in model.config.backbone.layers)),
            **went_on_from(plan.init_from),
            **run_facts(trainer, history, seconds),
        }
        if (coverage := run.coverage()) is not None and plan.embedding is not None:
            metrics["embedding"] = {
                "freeze": plan.embedding.freeze,
                "project": plan.embedding.project,
                "coverage": coverage.to_dict(),
            }
        if unseen is not None:
            metrics["sample"] = {
                "temperature": SAMPLED_AT,
                "seed": plan.seed,
                "words": unseen.words,
                "new_words": sum(unseen.new.values()),
                "new_share": round(unseen.share, 4),
            }
        described = plan.data.to_dict()
        described |= kind_of_task(plan.name).shareable(described)  # own files go by their names
        save_folder(run.path, model, task=plan.name, data=described, metrics=metrics, recipe=plan.to_yaml())
        figures, streams = scores[main], plan.data.eval_streams
        lines = [
            f"{main}: {figures['nll']:.4f} nats ({figures['bits']:.4f} bits) per token, "
            f"perplexity {figures['ppl']:.2f}, read as {streams} stream{'s' if streams > 1 else ''}"
        ]
        if cold := figures.get("cold_window"):
            lines[0] += f"; {cold['nll']:.4f} nats in cold windows of {COLD_WINDOW}"
        if calibration is not None:
            crossed = calibration.crossed
            lines.append(
                f"calibrated on valid: temperature {calibration.temperature}, {calibration.before:.4f} nats before"
                + ("" if crossed is None else f", {crossed:.4f} of each half by the other's temperature")
            )
        if unseen is not None:
            lines.append(f"1,000 generated tokens: {unseen}")
        return "\n".join(lines)

    def _validated(self) -> float:
        """How well the model predicts the validation part, as it will be in the end; the more the better."""
        if self.plan.calibrate:
            return -self._calibration().nll
        data = self.data
        return -measure(self.task.model, data.ids("valid"), data.config.eval_streams, what=data.corpus.name).nll

    def _calibration(self) -> Calibration:
        data = self.data
        return calibrate(self.task.model, data.ids("valid"), data.config.eval_streams, what=data.corpus.name)


def _write_samples(model: LanguageModel, plan: LanguageModelRecipe, path: Path, characters_per_token: int) -> str:
    """Writes what the model says at three temperatures, and returns the longest, that at `SAMPLED_AT`."""
    prompt, texts = plan.sample.prompt, {}
    for temperature in (0.5, SAMPLED_AT, 1.0):
        count = (SAMPLE_TOKENS if temperature == SAMPLED_AT else MORE_TOKENS) // characters_per_token
        texts[temperature] = model.generate(prompt, max_new_tokens=count, temperature=temperature, seed=plan.seed)[0]
    shown = (f"--- temperature {t}, seed {plan.seed}\n{prompt}{text}\n\n" for t, text in texts.items())
    write_text(path, "".join(shown))
    return texts[SAMPLED_AT]


def _score(model: LanguageModel, data: StreamData, split: str) -> dict[str, Any]:
    ids = data.ids(split)
    carried = measure(model, ids, data.config.eval_streams, what=data.corpus.name)
    score: dict[str, Any] = {
        "nll": carried.nll,
        "ppl": perplexity(carried.nll),
        "bits": bits(carried.nll),
        "tokens": carried.tokens,
    }
    if data.tokenizer.kind in ("char", "byte"):
        cold = cold_windows(model, ids, COLD_WINDOW)
        score["cold_window"] = {"length": COLD_WINDOW, "nll": cold.nll, "bits": bits(cold.nll)}
    return score


def _grown(base: LanguageModel, data: StreamData) -> LanguageModel:
    """The model to train further, with rows for the characters it does not know yet."""
    return base if base.vocab_size == data.tokenizer.vocab_size else base.with_tokenizer(data.tokenizer)


JOBS: dict[str, type[LanguageModelJob]] = dict.fromkeys(FACES, LanguageModelJob)
"""By task."""
