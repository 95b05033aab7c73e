"""What ranks send each other in a step of training, for every model of the zoo that is here; nothing is run.

    python -m benchmarks.communication --ranks 8

DDP sums the gradients of all ranks, float32 whatever the precision of the step, in a ring: of P parameters each rank
sends and receives 2 (R - 1) / R x 4 P bytes a step. Beside it one number is summed, the tokens of the step. A rank's
tokens are those that the recipe has in one process (hardware/8gpu-ddp gives each rank as many).
"""

from __future__ import annotations

import argparse

from rnnzoo.tasks.recipe import Recipe, read
from rnnzoo.zoo import entry_names, read_metrics, recipe_names

LINK = 16e9
"""Bytes a second and direction: PCIe 4.0 x8, a slow link between two GPUs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=8, help="(8)")
    ranks = parser.parse_args().ranks
    print(f"{ranks} ranks; ms at {LINK / 1e9:.0f} GB/s, were nothing of it hidden behind the backward pass")
    print("| model | parameters | MB a step and rank | tokens a step and rank | bytes a token | ms |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, folder in entry_names().items():
        if name not in recipe_names():
            continue
        parameters = int(read_metrics(folder)["parameters"])
        recipe = Recipe.from_mapping(read(name)).to_mapping()
        data, steps = recipe["data"], int(recipe["trainer"].get("accumulate_grad_batches", 1))
        tokens = steps * (data["streams"] * data["chunk_len"] if "streams" in data else data["batch_tokens"])
        sent = 2 * (ranks - 1) / ranks * 4 * parameters
        figures = f"{parameters:,} | {sent / 1e6:.1f} | {tokens:,} | {sent / tokens:,.0f} | {sent / LINK * 1e3:.1f}"
        print(f"| `{name}` | {figures} |")


if __name__ == "__main__":
    main()
