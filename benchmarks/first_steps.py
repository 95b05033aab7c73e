"""The first steps of a recipe that is too long for this machine: that it runs, how fast, and that its loss falls.

    python -m benchmarks.first_steps word-awd.ptb --steps 200
    python -m benchmarks.first_steps word-awd.wikitext-2 --steps 100
    python -m benchmarks.results        # shows them in docs/results.md

Model, data, optimiser and trainer are the recipe's, as `rnnzoo.train` makes them; only the length is another, and
nothing is evaluated.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import lightning
import torch

from rnnzoo.files import write_json

RESULTS = Path(__file__).resolve().parent / "results"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    description = (__doc__ or "").split("\n\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_steps", description=description)
    parser.add_argument("recipe", help="its name")
    parser.add_argument("--steps", type=int, default=200, help="optimiser steps (200)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="(benchmarks/results/first-steps.RECIPE.json)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Trains, prints and writes; returns the exit code."""
    from rnnzoo.tasks.language_model.job import FACES
    from rnnzoo.tasks.language_model.recipe import LanguageModelRecipe
    from rnnzoo.tasks.recipe import Recipe, read
    from rnnzoo.tasks.trainer import build_trainer
    from rnnzoo.training import History, StreamData, keep_freed_memory, read_history

    options = parse(arguments)
    plan = Recipe.from_mapping(read(options.recipe))
    assert isinstance(plan, LanguageModelRecipe)
    lightning.seed_everything(plan.seed, verbose=False)
    keep_freed_memory()
    data = StreamData(plan.data, seed=plan.seed)
    task = FACES[plan.name](plan.model, data.tokenizer, plan.optimizer, plan.schedule, plan.regularization)
    every = max(options.steps // 20, 1)
    changed = {"max_steps": options.steps, "log_every_n_steps": every, "limit_val_batches": 0}
    with tempfile.TemporaryDirectory(prefix="rnnzoo-bench-") as folder:
        history = History(Path(folder) / "history.jsonl")
        section = {**plan.trainer, **changed, "enable_progress_bar": False, "enable_checkpointing": False}
        build_trainer(section, Path(folder), [history]).fit(task, datamodule=data)
        lines = [line for line in read_history(history.path) if "train_nll" in line]
    found = {
        "recipe": options.recipe,
        "parameters": task.model.num_parameters,
        "machine": {"threads": torch.get_num_threads(), "torch": torch.__version__},
        "words_per_second": round(history.meter.rate),
        "losses": [[line["step"] - 1, line["train_nll"]] for line in lines],  # written one step after it was logged
    }
    write_json(options.json or RESULTS / f"first-steps.{options.recipe}.json", found)
    for step, nll in found["losses"]:
        print(f"step {step:5}  {nll:.4f} nats per word")
    print(f"{found['words_per_second']:,} words/s, {found['parameters']:,} parameters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
