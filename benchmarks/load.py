"""Loading a model: `rnnzoo.load`, which reads, hashes, checks and builds, against reading the same weights unchecked.

    python -m benchmarks.load
    python -m benchmarks.load --models runs/char-best.tinyshakespeare/1 --rounds 3

The peers are given the weights as a file of torch.save: `torch.load` of the bare weights into a network that is built
beside it, and `torch.load` of the whole pickled model, which executes what stands in the file. `safetensors` reads the
entry's own file without a hash. The limit is one reading and hashing of the entry's files. All files have been read
before, so that no disk is measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

import rnnzoo
from benchmarks.harness import CLOCKS, keep, limits, machine, parser_of, say, table, take_turns, timed, use_threads
from rnnzoo.files import sha256_file
from rnnzoo.models import LanguageModel
from rnnzoo.zoo import find_model

MODELS = ("char-best.tinyshakespeare", "mt-gru.multi30k-en-fr")


def built(model: Any) -> Any:
    """A network like `model`, with fresh weights."""
    if isinstance(model, LanguageModel):
        return model.config.build(model.tokenizer)
    return model.config.build(model.src_tokenizer, model.tgt_tokenizer)


def ready(model: Any, weights: dict[str, torch.Tensor]) -> Any:
    """A network like `model` with these weights."""
    new = built(model)
    new.load_state_dict(weights, strict=False)  # tied weights are stored once
    return new.eval()


def sides(name: str, folder: Path) -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""
    entry, model = find_model(name), rnnzoo.load(name)
    torch.save(model.state_dict(), folder / "weights.pt")
    torch.save(model, folder / "model.pt")
    return {
        "rnnzoo": lambda: rnnzoo.load(name),
        "torch.load of the weights, build": lambda: ready(model, torch.load(folder / "weights.pt", weights_only=True)),
        "safetensors, build": lambda: ready(model, load_file(entry / "model.safetensors")),
        "torch.load of a pickled model": lambda: torch.load(folder / "model.pt", weights_only=False),
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Each model in turn."""
    tables = []
    for name in options.models:
        entry = find_model(name)
        files = [path for path in entry.iterdir() if path.is_file()]
        with tempfile.TemporaryDirectory(prefix="rnnzoo-bench-") as folder:
            turns = {side: timed(work, options.clock) for side, work in sides(name, Path(folder)).items()}
            for turn in turns.values():
                turn()
            seconds = take_turns(turns, options.rounds)
        now = CLOCKS[options.clock]
        begun = now()
        for path in files:
            sha256_file(path)
        size = sum(path.stat().st_size for path in files)
        tables.append(table(f"{name}, {size / 1e6:.1f} MB", "load", 1, seconds, now() - begun))
        say(f"{name}: done")
    return {
        "benchmark": "load",
        "title": "Loading a model",
        "about": (
            "`rnnzoo.load` hashes every file, checks shapes before it allocates and executes nothing; the peers read "
            "the same weights unchecked. The limit is one reading and hashing of the entry's files."
        ),
        "command": "python -m benchmarks.load",
        "machine": machine(),
        "limits": limits(options.clock),
        "setting": {"rounds": options.rounds, "clock": options.clock},
        "missing": {},
        "tables": tables,
    }


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = parser_of("load", __doc__, rounds=9)
    parser.add_argument("--models", nargs="+", default=list(MODELS), metavar="MODEL", help="names or folders")
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    keep(measure(options), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
