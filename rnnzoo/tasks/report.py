"""What a finished run leaves: its best weights, measured, with their curve and samples."""

from __future__ import annotations

import platform
import resource
import sys
from pathlib import Path
from typing import Any

import lightning
import torch

from rnnzoo.files import write_text
from rnnzoo.metrics import bits, perplexity
from rnnzoo.metrics.novelty import novelty
from rnnzoo.models import LanguageModel
from rnnzoo.tasks.language_model import LanguageModelTask
from rnnzoo.tasks.recipe import LanguageModelRecipe
from rnnzoo.tasks.run_folder import RunFolder
from rnnzoo.training import History, StreamData, draw_curve, read_history
from rnnzoo.zoo import cold_windows, measure, save_folder

__all__ = ["finish"]

COLD_WINDOW = 256
SAMPLE_TOKENS = 1000  # the sample whose words are looked up in the training text
MORE_TOKENS = 500  # those beside it, at other temperatures
SAMPLED_AT = 0.8  # the temperature of the sample that stands in the card


def finish(
    run: RunFolder,
    plan: LanguageModelRecipe,
    trainer: lightning.Trainer,
    task: LanguageModelTask,
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
    spelt = data.tokenizer.kind in ("char", "byte")  # a word model has no word but those of its text
    sample = _write_samples(model, plan, run.path / "samples.txt", characters_per_token=1 if spelt else 5)
    unseen = novelty(sample, data.corpus.splits["train"], cut=True) if spelt else None
    draw_curve(read_history(history.path), run.path / "curve.png", run.name)
    metrics: dict[str, Any] = {
        "task": plan.name,
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
    described = plan.data.to_dict() | {"files": [Path(file).name for file in plan.data.files]}
    save_folder(run.path, model, task=plan.name, data=described, metrics=metrics, recipe=plan.to_yaml())
    figures, streams = scores[main], plan.data.eval_streams
    lines = [
        f"{main}: {figures['nll']:.4f} nats ({figures['bits']:.4f} bits) per token, perplexity {figures['ppl']:.2f}, "
        f"read as {streams} stream{'s' if streams > 1 else ''}"
    ]
    if cold := figures.get("cold_window"):
        lines[0] += f"; {cold['nll']:.4f} nats in cold windows of {COLD_WINDOW}"
    if unseen is not None:
        lines.append(f"1,000 generated tokens: {unseen}")
    return "\n".join(lines)


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
