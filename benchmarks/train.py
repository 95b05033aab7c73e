"""Training speed: `rnnzoo train` with everything on against plain PyTorch, bare Lightning, flax and Keras, in one run.

    python -m benchmarks.train
    python -m benchmarks.train --threads 1 --clock cpu                       # on a machine that others use
    python -m benchmarks.train --rounds 1 --steps 2 --hidden 64 --no-limits --sides "nn.LSTM loop"

All sides train the same network on the same ids as the same streams, carry the state, clip the gradient and take a step
of AdamW (benchmarks/peers.py). The peers have nothing else. rnnzoo's side is `rnnzoo.train` as the command calls it:
Lightning's Trainer, logging, the progress bar, history.jsonl, and the checkpoint of every 50th step, which falls into
the measured steps if there are 50 of them. Each side is a process of its own that stands still while it is not its
turn; what comes before and after training, and the first steps, are left out. flax and Keras come with the extra
`bench`; what is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Side, Turns, keep, limits, machine, parser_of, say, table, take_turns, use_threads
from benchmarks.peers import CLIP, DECAY, LR, SIDES, VOCABULARY, missing

SHAPE = {"streams": 64, "chunk": 128, "embedding": 128, "hidden": 512, "layers": 2}
WARM = 3
"""Steps of each side before its first turn."""


def write_text(options: argparse.Namespace, path: Path) -> None:
    """A text whose training part is just as long as the run needs, and the same ids as an array beside it."""
    needed = options.streams * options.chunk * (WARM + options.rounds * options.steps) + 1
    ids = np.random.default_rng(0).integers(0, len(VOCABULARY), -(-needed * 10 // 9) + 10).astype(np.uint8)
    ids[: len(VOCABULARY)] = np.arange(len(VOCABULARY))
    path.write_text("".join(np.array(list(VOCABULARY))[ids]), encoding="utf-8", newline="")
    np.save(path.with_suffix(".npy"), ids[:needed])


def write_recipe(options: argparse.Namespace, text: Path, path: Path) -> None:
    """rnnzoo's recipe: what is not said is as in every recipe."""
    import yaml

    streams = max(min(512, text.stat().st_size // 40), 1)  # a tenth of the text is for validation
    recipe = {
        "task": "char_lm",
        "data": {"files": [str(text)], "streams": options.streams, "chunk_len": options.chunk, "eval_streams": streams},
        "model": {
            "embedding_dim": options.embedding,
            "backbone": {"cell": "lstm", "hidden_size": options.hidden, "num_layers": options.layers},
        },
        "optimizer": {"name": "adamw", "lr": LR, "weight_decay": DECAY},
        "schedule": {"name": "constant"},
        "trainer": {"max_epochs": 1, "gradient_clip_val": CLIP, "accelerator": "cpu"},
    }
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")


def flop_per_token(options: argparse.Namespace) -> float:
    """Multiplications and additions of the matrix products of one token, forward and (twice that) backward."""
    inputs = [options.embedding, *[options.hidden] * (options.layers - 1)]
    layers = sum(2 * 4 * options.hidden * (size + options.hidden) for size in inputs)
    return 3.0 * (layers + 2 * options.hidden * len(VOCABULARY))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options; their defaults are the setting that the docs name."""
    parser = parser_of("train", __doc__, rounds=5)
    parser.add_argument("--steps", type=int, default=10, help="steps of a turn (10)")
    parser.add_argument("--sides", nargs="+", choices=tuple(SIDES), metavar="NAME", help="those beside rnnzoo (all)")
    for name, value in SHAPE.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"({value})")
    parser.add_argument("--no-limits", action="store_true", help="do not measure the machine's limits")
    parser.add_argument("--side", choices=tuple(SIDES), help=argparse.SUPPRESS)  # one side, for this module
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Starts the sides and lets them take turns."""
    names = ["rnnzoo", *(name for name in options.sides or SIDES if name != "rnnzoo")]
    lacking = {name: f"not installed: {', '.join(missing(name))}" for name in names if missing(name)}
    sides: dict[str, Side] = {}
    with tempfile.TemporaryDirectory(prefix="rnnzoo-bench-") as folder:
        root = Path(folder)
        write_text(options, root / "text.txt")
        write_recipe(options, root / "text.txt", root / "bench.yaml")
        common = [f"--{name}={getattr(options, name)}" for name in (*SHAPE, "clock", "threads")]
        try:
            for name in (name for name in names if name not in lacking):
                say(f"{name}: starts")
                command = ["benchmarks.train", "--side", name, "--root", folder, *common]
                log = root / f"side-{len(sides)}.log"
                sides[name] = Side(command, log, {"RNNZOO_CACHE": folder, **SIDES[name][2]})
            turns = {name: (lambda side=side: side(options.steps)) for name, side in sides.items()}
            seconds = take_turns(turns, options.rounds, say)  # type: ignore[arg-type]
            reached = {} if options.no_limits else limits(options.clock)
        finally:
            for side in sides.values():
                side.close()
    work = options.streams * options.chunk * options.steps
    least = work * flop_per_token(options) / 1e9 / reached["sgemm_gflops"] if reached else None
    shape = {name: getattr(options, name) for name in SHAPE}
    return {
        "benchmark": "train",
        "title": "Training",
        "about": (
            "The same LSTM language model, ids, streams, clipping and AdamW on all sides; rnnzoo with logging, "
            "progress bar, history and checkpoints, the peers with nothing but the steps. The limit is the speed of a "
            f"large matrix product: {flop_per_token(options) / 1e6:.2f} MFLOP a token."
        ),
        "command": "python -m benchmarks.train",
        "machine": machine(),
        "limits": reached,
        "setting": {**shape, "vocabulary": len(VOCABULARY), "steps": options.steps, "clock": options.clock},
        "missing": lacking,
        "tables": [table("training", "tokens", work, seconds, least)],
    }


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    options = parse(arguments)
    use_threads(options.threads)
    if options.side:
        SIDES[options.side][0](options, Turns(WARM, options.clock))
        return 0
    keep(measure(options), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
