"""From a recipe to a run folder with a trained, measured model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModel
from rnnzoo.tasks.char_lm import CharLM
from rnnzoo.tasks.recipe import LanguageModelRecipe, Recipe, override, plain, read
from rnnzoo.tasks.report import finish
from rnnzoo.tasks.run_folder import RunFolder, last_run, new_run
from rnnzoo.tasks.trainer import build_trainer
from rnnzoo.tasks.word_lm import WordLM
from rnnzoo.training import (
    History,
    SampleText,
    StreamData,
    TrainProgress,
    keep_freed_memory,
)
from rnnzoo.zoo import find_recipe, load

__all__ = ["train"]

FACES = {"char_lm": CharLM, "word_lm": WordLM}
"""The LightningModule of each task."""


def train(
    recipe: str | os.PathLike[str],
    *,
    settings: Mapping[str, Any] | None = None,
    overlays: Sequence[str | Path] = (),
    resume: bool = False,
    runs: str | os.PathLike[str] = "runs",
    **overrides: Any,
) -> Path:
    """Trains a model by a recipe.

    Args:
        recipe: the name of a packaged recipe, or the path of a YAML file.
        settings: fields to change, by dotted name, as on the command line.
        overlays: recipe files merged over it, such as ``hardware/8gpu-ddp``.
        resume: go on with the last run of this recipe.
        runs: where run folders go.
        **overrides: settings by their short forms, ``cell="gru"``, ``epochs=2``; or by dotted names.

    Returns:
        The run's folder: a model that `rnnzoo.load` takes, with metrics.json, curve.png and samples.txt.

    Raises:
        UserError: something in the recipe or the text is not right; nothing was written then.
    """
    path = find_recipe(recipe)
    root, name = Path(runs), path.stem
    given = {key: plain(value) for key, value in {**(settings or {}), **overrides}.items()}
    if resume:
        run = last_run(root, name)
        given = {**run.settings(), **given}
        plan = Recipe.from_mapping(override(read(path, overlays), given))
        run.check_same(plan)
        if run.ended:
            raise UserError("this run has already come to its end", path=run.path)
    else:
        run = new_run(root, name)
        plan = Recipe.from_mapping(override(read(path, overlays), given))
    assert isinstance(plan, LanguageModelRecipe)
    checkpoint = run.checkpoint() if resume else None

    lightning.seed_everything(plan.seed, verbose=False)
    base = None if plan.init_from is None else load(plan.init_from, kind=LanguageModel)
    data = StreamData(plan.data, tokenizer=base.tokenizer if base else None, seed=plan.seed)
    data.setup("fit")  # a text that will not do is found before anything is written
    if resume:
        run.check_text(data.corpus.sha256)
    _check_prompt(plan, data)
    vectors = coverage = None
    model = _model(base, data) if base else plan.model
    if plan.embedding is not None:
        # The file is read once: a resumed run has its table in the checkpoint, and knows what was said of the file.
        vectors = None if resume else plan.embedding.load(data.tokenizer, data.ids("train"), plan.seed)
        coverage = run.coverage() if vectors is None else vectors.coverage
        if coverage is None:
            raise UserError("does not say what vectors the run began with: start a new run", path=run.path / "run.json")
        model = plan.embedding.fit(plan.model, coverage.dim)
    task = FACES[plan.name](model, data.tokenizer, plan.optimizer, plan.schedule, plan.regularization)
    if vectors is not None:
        task.model.load_embeddings(vectors)

    kind = data.tokenizer.kind
    unit = kind if kind in ("char", "byte", "word") else "token"
    bar, history = TrainProgress(unit), History(run.path / "history.jsonl")
    visible = plan.trainer.get("enable_progress_bar", True)
    trainer = build_trainer(
        plan.trainer,
        run.path,
        [
            *([bar] if visible else []),
            history,
            SampleText(plan.sample),
            *([plan.embedding.callback()] if plan.embedding else []),
            *_checkpoints(run, plan.checkpoint_every),
        ],
    )
    if plan.data.streams % trainer.world_size:
        raise UserError(
            f"data.streams = {plan.data.streams} cannot be shared by {trainer.world_size} ranks: choose a multiple"
        )
    if not resume and trainer.is_global_zero:
        run.begin(plan, given, data.corpus.sha256, coverage)
    if trainer.strategy.root_device.type == "cpu":
        keep_freed_memory()
    os.environ["RNNZOO_RUN"] = str(run.path)
    try:
        if visible and trainer.is_global_zero:
            _introduce(bar, plan, data, task.model, base, run, checkpoint)
            if coverage is not None:
                bar.say(f"embedding: {coverage}")
        trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        if trainer.interrupted:
            raise KeyboardInterrupt
        if trainer.is_global_zero:
            report = finish(run, plan, trainer, task, data, history)
            if visible:
                bar.say(f"{report}\nthe trained model: {run.path}")
    except UserError:
        if not resume and trainer.is_global_zero and trainer.global_step == 0:
            shutil.rmtree(run.path)  # a run that could not begin leaves nothing
        raise
    finally:
        os.environ.pop("RNNZOO_RUN", None)
    return run.path


def _check_prompt(plan: LanguageModelRecipe, data: StreamData) -> None:
    """Raises `UserError` when the samples' prompt cannot be written in the text's characters."""
    try:
        data.tokenizer.encode(plan.sample.prompt)
    except UserError as error:
        raise UserError(f"sample.prompt: {error}; say another with --sample.prompt") from None


def _model(base: LanguageModel, data: StreamData) -> LanguageModel:
    """The model to train further, with rows for the characters it does not know yet."""
    return base if base.vocab_size == data.tokenizer.vocab_size else base.with_tokenizer(data.tokenizer)


def _checkpoints(run: RunFolder, every: int) -> list[Callback]:
    folder = run.checkpoints
    return [
        # Only when there is a score: a run that ends before its first validation has no best.
        ModelCheckpoint(folder, "best", monitor="val/nll", enable_version_counter=False, save_on_train_epoch_end=False),
        # Steps of the optimiser, so that no accumulated gradient is lost.
        ModelCheckpoint(folder, "last", every_n_train_steps=every, save_top_k=1, enable_version_counter=False),
    ]


def _introduce(
    bar: TrainProgress,
    plan: LanguageModelRecipe,
    data: StreamData,
    model: LanguageModel,
    base: LanguageModel | None,
    run: RunFolder,
    checkpoint: Path | None,
) -> None:
    layers = model.config.backbone.layers
    kinds = "/".join(dict.fromkeys(layer.name for layer in layers))
    bar.say(
        f"{run.name}: {data.corpus.name}, {len(data.ids('train')):,} + {len(data.ids('valid')):,} tokens, "
        f"vocabulary {model.vocab_size}; {len(layers)} x {kinds} of {model.config.backbone.hidden_size}, "
        f"{model.num_parameters:,} parameters"
    )
    if base is not None:
        new = data.tokenizer.token_texts()[base.vocab_size :]
        shown = " ".join(repr(text) for text in new[:10]) + (" ..." if len(new) > 10 else "")
        bar.say(f"goes on from {plan.init_from}: {base.vocab_size} known tokens kept, {len(new)} new drawn {shown}")
    if checkpoint is not None:
        bar.say(f"resumes from {checkpoint}")
