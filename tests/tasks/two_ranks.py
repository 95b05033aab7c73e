"""Run by test_gradient_scaling: the same training on two ranks, one process each."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import lightning
import small_lm
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint

warnings.simplefilter("error")
for _filter in small_lm.FILTERS:
    warnings.filterwarnings("ignore", _filter.removeprefix("ignore:"))

from test_gradient_scaling import Gradients, module  # noqa: E402


class Save(Checkpoint):
    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: object, **kwargs: object) -> None:
        if trainer.global_step == 4:
            trainer.save_checkpoint(self.path)


def trainer(*callbacks: Callback, **options: object) -> lightning.Trainer:
    return small_lm.trainer(*callbacks, devices=2, strategy="ddp", **options)


def main(text: Path, out: str) -> None:
    data = small_lm.stream_data(text, eval_streams=3)
    task, seen, losses = module(text), Gradients(), small_lm.Losses()
    fit = trainer(seen, losses, max_epochs=1, accumulate_grad_batches=2, gradient_clip_val=0.1)
    fit.fit(task, datamodule=data)
    found = {
        "tokens": task.tokens_trained,
        "weights": {name: parameter.tolist() for name, parameter in task.named_parameters()},
        "gradients": [{name: gradient.tolist() for name, gradient in step.items()} for step in seen.found],
        "nats": losses.nats,
        "val": float(fit.callback_metrics["val/nll"]),
    }
    path = Path(f"{out}.ckpt")
    for name, checkpoint in (("straight", None), ("resumed", path)):
        lightning.seed_everything(5, verbose=False)
        torch.manual_seed(fit.global_rank)  # ranks draw other dropout masks
        data = small_lm.stream_data(text, random_phase=True)
        task, losses = small_lm.task(data, schedule="one_cycle"), small_lm.Losses()
        torch.manual_seed(fit.global_rank + 2 * (checkpoint is not None))
        callbacks = [losses] if checkpoint else [losses, Save(path)]
        trainer(*callbacks, limit_train_batches=6, limit_val_batches=2).fit(task, datamodule=data, ckpt_path=checkpoint)
        found[name] = losses.nats
    saved = torch.load(path, weights_only=True)["rnnzoo"]["ranks"]
    found["ranks"] = len(saved)
    found["carries_differ"] = not saved[0]["carry"]["0.h"].equal(saved[1]["carry"]["0.h"])
    Path(f"{out}.{fit.global_rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
