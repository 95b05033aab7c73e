"""The first steps of a recipe that is too long for this machine: that it runs, how fast, and that its loss falls.

    python -m benchmarks.first_steps word-awd.ptb --steps 200
    python -m benchmarks.first_steps word-awd.wikitext-2 --steps 100
    python -m benchmarks.results        # shows them in docs/results.md

The run is `rnnzoo.train`'s with nothing changed but its length; it checkpoints, and when started again goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

from rnnzoo.errors import UserError
from rnnzoo.files import write_json

RESULTS = Path(__file__).resolve().parent / "results"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    description = (__doc__ or "").split("\n\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_steps", description=description)
    parser.add_argument("recipe", help="its name")
    parser.add_argument("--steps", type=int, default=200, help="optimiser steps (200)")
    parser.add_argument("--runs", default="runs/first-steps", metavar="DIR", help="where the run goes")
    parser.add_argument("--json", type=Path, metavar="OUT", help="(benchmarks/results/first-steps.RECIPE.json)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Trains, prints and writes; returns the exit code."""
    from rnnzoo.tasks import train
    from rnnzoo.tasks.run_folder import last_run
    from rnnzoo.training import read_history
    from rnnzoo.zoo import find_recipe

    options = parse(arguments)
    every = max(options.steps // 20, 1)
    settings: dict[str, Any] = {
        "trainer.max_steps": options.steps,
        "trainer.log_every_n_steps": every,
        "trainer.limit_val_batches": 0,
        "checkpoint_every": every,
    }
    runs = Path(options.runs)
    try:
        last_run(runs, find_recipe(options.recipe).stem).checkpoint()
        resume = True
    except UserError:
        resume = False
    folder = train(options.recipe, runs=runs, resume=resume, settings=settings)
    lines = [line for line in read_history(folder / "history.jsonl") if "train_nll" in line]
    found = {
        "recipe": options.recipe,
        "steps": options.steps,
        "machine": {"threads": torch.get_num_threads(), "torch": torch.__version__},
        "tokens_per_second": lines[-1]["tokens_per_second"],
        "losses": [[line["step"] - 1, line["train_nll"]] for line in lines],  # written one step after it was logged
    }
    write_json(options.json or RESULTS / f"first-steps.{options.recipe}.json", found)
    for step, nll in found["losses"]:
        print(f"step {step:5}  {nll:.4f} nats per word")
    print(f"{found['tokens_per_second']:,} words/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
