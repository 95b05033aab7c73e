"""One minute of fine-tuning against one minute of training from scratch, on a text with characters of its own.

    python -m benchmarks.finetune                               # the zoo's Shakespeare model, on Python's documentation
    python -m benchmarks.finetune --model runs/RECIPE/1 --text mybook.txt --minutes 2

Both runs are `rnnzoo.train` with the same recipe, network, text, seed and time; the one differs by `init_from`. The
learning rate is constant after a short warm-up, so that neither is cut off in a schedule. The score is that of the
whole validation part.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rnnzoo.errors import UserError
from rnnzoo.zoo import find_model, read_config, read_metrics

ENTRY = "char-lstm.tinyshakespeare"
CORPUS = "pydocs"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetune", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--model", default=ENTRY, help=f"a zoo name or a run folder ({ENTRY})")
    parser.add_argument("--text", nargs="+", type=Path, metavar="FILE", help=f"a text of one's own (corpus {CORPUS})")
    parser.add_argument("--minutes", type=float, default=1.0, help="of training, each (1)")
    parser.add_argument("--streams", type=int, default=32, help="(32)")
    parser.add_argument("--chunk", type=int, default=64, help="(64)")
    parser.add_argument("--lr", type=float, default=3e-3, help="of both (3e-3)")
    parser.add_argument("--seed", type=int, default=1, help="(1)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file too")
    return parser.parse_args(arguments)


def recipe(options: argparse.Namespace, config: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of both runs: the model's own network on the new text."""
    text = {"files": [str(file.resolve()) for file in options.text]} if options.text else {"corpus": CORPUS}
    seconds = round(options.minutes * 60)
    return {
        "task": "char_lm",
        "data": text
        | {"streams": options.streams, "chunk_len": options.chunk, "random_phase": True, "eval_streams": 16},
        "model": config["model"],
        "optimizer": {"name": "adamw", "lr": options.lr},
        "schedule": {"name": "constant", "warmup_steps": 10},
        "seed": options.seed,
        "trainer": {
            "max_epochs": -1,
            "max_time": f"{seconds // 86400:02}:{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
            "gradient_clip_val": 1.0,
        },
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Both runs; for each its nats and bits per character, steps, tokens and seconds."""
    from rnnzoo.tasks import train

    model = find_model(options.model)
    config = read_config(model)
    found: dict[str, Any] = {"model": options.model}
    with tempfile.TemporaryDirectory(prefix="rnnzoo-bench-") as folder:
        path = Path(folder) / "minute.yaml"
        path.write_text(yaml.safe_dump(recipe(options, config)), encoding="utf-8")
        for name, settings in (("scratch", {}), ("finetuned", {"init_from": str(model.resolve())})):
            metrics = read_metrics(train(path, settings=settings, runs=Path(folder) / "runs"))
            training = metrics["training"]
            found[name] = {key: metrics[key] for key in ("nll", "bits", "split", "vocab_size")} | {
                key: training[key] for key in ("seconds", "steps", "tokens")
            }
        found |= {"corpus": metrics["corpus"]["name"], "hardware": metrics["hardware"]}
    found["new_tokens"] = found["finetuned"]["vocab_size"] - len(known(model))
    return found


def known(model: Path) -> list[str]:
    """The tokens that the model has."""
    from rnnzoo.text import load_tokenizer

    return load_tokenizer(model / "tokenizer.json").token_texts()


def report(found: Mapping[str, Any]) -> str:
    """The figures as a small table."""
    hardware = found["hardware"]
    lines = [
        f"{found['model']} on {found['corpus']}, {found['new_tokens']} of whose characters are new to it",
        f"{hardware['device']}, {hardware['threads']} threads, torch {hardware['torch']}",
    ]
    for name, label in (("scratch", "from scratch"), ("finetuned", "fine-tuned")):
        figures = found[name]
        lines.append(
            f"{label:12}  {figures['nll']:.4f} nats  {figures['bits']:.4f} bits/char on the {figures['split']} part, "
            f"after {figures['seconds']:.0f} s, {figures['steps']} steps, {figures['tokens']:,} characters"
        )
    better = found["scratch"]["nll"] - found["finetuned"]["nll"]
    lines.append(f"fine-tuning is {abs(better):.4f} nats {'better' if better > 0 else 'WORSE'}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Trains twice and prints; returns the exit code, 1 when fine-tuning did not win."""
    options = parse(arguments)
    try:
        found = measure(options)
    except UserError as error:
        print(f"benchmarks.finetune: {error}", file=sys.stderr)
        return error.exit_code
    print(report(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0 if found["finetuned"]["nll"] < found["scratch"]["nll"] else 1


if __name__ == "__main__":
    sys.exit(main())
