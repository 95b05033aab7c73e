"""From a recipe to a run folder with a trained, measured model."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from rnnzoo.errors import UserError
from rnnzoo.files import write_text
from rnnzoo.metrics import bits, perplexity
from rnnzoo.metrics.novelty import novelty
from rnnzoo.models import LanguageModel
from rnnzoo.tasks.char_lm import CharLM
from rnnzoo.tasks.recipe import CharLMRecipe, Recipe, override, plain, read
from rnnzoo.tasks.run_folder import RunFolder, last_run, new_run
from rnnzoo.tasks.trainer import build_trainer
from rnnzoo.training import (
    History,
    SampleText,
    StreamData,
    TrainProgress,
    draw_curve,
    keep_freed_memory,
    read_history,
)
from rnnzoo.zoo import cold_windows, find_recipe, load, measure, save_folder

__all__ = ["train"]

COLD_WINDOW = 256
SAMPLE_TOKENS = 1000  # the sample whose words are looked up in the training text
MORE_TOKENS = 500  # those beside it, at other temperatures


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
    assert isinstance(plan, CharLMRecipe)
    checkpoint = run.checkpoint() if resume else None

    lightning.seed_everything(plan.seed, verbose=False)
    base = None if plan.init_from is None else load(plan.init_from)
    data = StreamData(plan.data, tokenizer=base.tokenizer if base else None, seed=plan.seed)
    data.setup("fit")  # a text that will not do is found before anything is written
    if resume:
        run.check_text(data.corpus.sha256)
    _check_prompt(plan, data)
    task = CharLM(_model(base, data) if base else plan.model, data.tokenizer, plan.optimizer, plan.schedule)

    unit = {"char": "char", "byte": "byte"}.get(data.tokenizer.kind, "token")
    bar, history = TrainProgress(unit), History(run.path / "history.jsonl")
    visible = plan.trainer.get("enable_progress_bar", True)
    trainer = build_trainer(
        plan.trainer,
        run.path,
        [*([bar] if visible else []), history, SampleText(plan.sample), *_checkpoints(run)],
    )
    if plan.data.streams % trainer.world_size:
        raise UserError(
            f"data.streams = {plan.data.streams} cannot be shared by {trainer.world_size} ranks: choose a multiple"
        )
    if not resume and trainer.is_global_zero:
        run.begin(plan, given, data.corpus.sha256)
    if trainer.strategy.root_device.type == "cpu":
        keep_freed_memory()
    os.environ["RNNZOO_RUN"] = str(run.path)
    try:
        if visible and trainer.is_global_zero:
            _introduce(bar, plan, data, task.model, base, run, checkpoint)
        trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        if trainer.interrupted:
            raise KeyboardInterrupt
        if trainer.is_global_zero:
            report = _finish(run, plan, trainer, task, data, history)
            if visible:
                bar.say(f"{report}\nthe trained model: {run.path}")
    except UserError:
        if not resume and trainer.is_global_zero and trainer.global_step == 0:
            shutil.rmtree(run.path)  # a run that could not begin leaves nothing
        raise
    finally:
        os.environ.pop("RNNZOO_RUN", None)
    return run.path


def _check_prompt(plan: CharLMRecipe, data: StreamData) -> None:
    """Raises `UserError` when the samples' prompt cannot be written in the text's characters."""
    try:
        data.tokenizer.encode(plan.sample.prompt)
    except UserError as error:
        raise UserError(f"sample.prompt: {error}; say another with --sample.prompt") from None


def _model(base: LanguageModel, data: StreamData) -> LanguageModel:
    """The model to train further, with rows for the characters it does not know yet."""
    return base if base.vocab_size == data.tokenizer.vocab_size else base.with_tokenizer(data.tokenizer)


def _checkpoints(run: RunFolder) -> list[Callback]:
    folder = run.checkpoints
    return [
        # Only when there is a score: a run that ends before its first validation has no best.
        ModelCheckpoint(folder, "best", monitor="val/nll", enable_version_counter=False, save_on_train_epoch_end=False),
        # Steps of the optimiser, so that no accumulated gradient is lost.
        ModelCheckpoint(folder, "last", every_n_train_steps=50, save_top_k=1, enable_version_counter=False),
    ]


def _introduce(
    bar: TrainProgress,
    plan: CharLMRecipe,
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


def _finish(
    run: RunFolder,
    plan: CharLMRecipe,
    trainer: lightning.Trainer,
    task: CharLM,
    data: StreamData,
    history: History,
) -> str:
    """Measures the best weights and writes the model's files; metrics.json comes last and ends the run."""
    seconds = history.seconds
    best = run.checkpoints / "best.ckpt"
    if best.is_file():
        weights = torch.load(best, map_location="cpu", weights_only=True)["state_dict"]
        task.load_state_dict(weights)
    model = task.model.eval()
    scores = {split: _score(model, data, split) for split in data.corpus.splits if split != "train"}
    main = "test" if "test" in scores else "valid"
    sample = model.generate(plan.sample.prompt, max_new_tokens=SAMPLE_TOKENS, temperature=0.8, seed=plan.seed)[0]
    unseen = novelty(sample, data.corpus.splits["train"], cut=True)
    draw_curve(read_history(history.path), run.path / "curve.png", run.name)
    temperatures = {
        t: model.generate(plan.sample.prompt, max_new_tokens=MORE_TOKENS, temperature=t, seed=plan.seed)[0]
        for t in (0.5, 1.0)
    }
    parts = {0.8: sample, **temperatures}
    text = "".join(f"--- temperature {t}, seed {plan.seed}\n{plan.sample.prompt}{parts[t]}\n\n" for t in sorted(parts))
    write_text(run.path / "samples.txt", text)
    metrics: dict[str, Any] = {
        "task": "char_lm",
        "recipe": run.name,
        "split": main,
        **scores[main],
        "eval_streams": plan.data.eval_streams,
        "scores": scores,
        "corpus": {"name": data.corpus.name, "sha256": data.corpus.sha256, "split_rule": data.corpus.split_rule},
        "seed": plan.seed,
        "parameters": model.num_parameters,
        "vocab_size": model.vocab_size,
        "cell": "/".join(dict.fromkeys(layer.name for layer in model.config.backbone.layers)),
        "training": {
            "seconds": round(seconds, 1),
            "epochs": trainer.current_epoch,
            "steps": trainer.global_step,
            "tokens": history.meter.tokens,
            "tokens_per_second": round(history.meter.rate, 1),
            "peak_memory_bytes": _peak_memory(trainer.strategy.root_device),  # the model is back on the CPU by now
        },
        "hardware": _hardware(trainer, trainer.strategy.root_device),
        "sample": {
            "temperature": 0.8,
            "seed": plan.seed,
            "words": unseen.words,
            "new_words": sum(unseen.new.values()),
            "new_share": round(unseen.share, 4),
        },
    }
    described = plan.data.to_dict() | {"files": [Path(file).name for file in plan.data.files]}
    save_folder(run.path, model, task="char_lm", data=described, metrics=metrics, recipe=plan.to_yaml())
    figures = scores[main]
    return (
        f"{main}: {figures['nll']:.4f} nats ({figures['bits']:.4f} bits) per token, read as {plan.data.eval_streams} "
        f"streams; {figures['cold_window']['nll']:.4f} nats in cold windows of {COLD_WINDOW}\n"
        f"1,000 generated tokens: {unseen}"
    )


def _score(model: LanguageModel, data: StreamData, split: str) -> dict[str, Any]:
    ids = data.ids(split)
    carried = measure(model, ids, data.config.eval_streams, what=data.corpus.name)
    cold = cold_windows(model, ids, COLD_WINDOW)
    return {
        "nll": carried.nll,
        "ppl": perplexity(carried.nll),
        "bits": bits(carried.nll),
        "tokens": carried.tokens,
        "cold_window": {"length": COLD_WINDOW, "nll": cold.nll, "bits": bits(cold.nll)},
    }


def _peak_memory(device: torch.device) -> int:
    """The most memory that was held: the GPU's, or the whole process's on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _hardware(trainer: lightning.Trainer, device: torch.device) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "device": device.type,
        "name": name,
        "devices": trainer.world_size,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
