"""Runs the memory tasks, and writes their pictures and the tables of docs/memory.md.

    python -m benchmarks.memory                     # what is missing in docs/memory/runs.jsonl, then pictures and page
    python -m benchmarks.memory --report            # pictures and page alone
    python -m benchmarks.memory --settings mine.yaml --out mine --import my_cell.py

The settings are a YAML file, benchmarks/memory/settings.yaml unless said.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.memory.measure import gradient_by_distance, memory_of, train
from benchmarks.memory.report import write_page, write_pictures
from benchmarks.memory.tasks import Adding, Copy
from rnnzoo.cells import import_cells
from rnnzoo.errors import UserError
from rnnzoo.files import append_line, read_lines
from rnnzoo.zoo import read_recipe

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent.parent / "docs"
TASKS = {"copy": Copy, "adding": Adding}


def planned(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is to be measured, each with all that its result depends on."""
    seed = settings["seed"]
    for cell in settings["cells"]:
        yield {"what": "memory", "cell": cell}
        yield {"what": "gradient", "cell": cell, "seed": seed, **settings["gradient"]}
        for name in TASKS:
            for lr in settings["lrs"]:
                yield {"what": name, "cell": cell, "lr": lr, "seed": seed, **settings[name]}


def carry_out(job: dict[str, Any]) -> Any:
    """One of them."""
    rest = {key: value for key, value in job.items() if key != "what"}
    if job["what"] == "memory":
        return memory_of(**rest)
    if job["what"] == "gradient":
        return gradient_by_distance(**rest)
    cell, lr, seed = (rest.pop(key) for key in ("cell", "lr", "seed"))
    return train(cell, TASKS[job["what"]](**rest), lr, seed)


def key(job: dict[str, Any]) -> str:
    """Equal for equal jobs."""
    return json.dumps(job, sort_keys=True)


def main(arguments: list[str] | None = None) -> int:
    """Runs and writes; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--settings", type=Path, default=HERE / "settings.yaml", metavar="FILE")
    parser.add_argument("--out", type=Path, default=DOCS / "memory", metavar="DIR", help="of runs.jsonl (docs/memory)")
    parser.add_argument("--images", type=Path, default=DOCS / "images", metavar="DIR", help="(docs/images)")
    parser.add_argument("--page", type=Path, default=DOCS / "memory.md", metavar="FILE.md", help="(docs/memory.md)")
    parser.add_argument("--import", dest="imports", action="append", default=[], metavar="FILE.py|PACKAGE")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--threads", type=int, default=1, help="(1)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        for place in options.imports:
            import_cells(place)
        settings = read_recipe(options.settings)
        path = options.out / "runs.jsonl"
        known = {key(line["job"]): line["result"] for line in read_lines(path)}
        jobs = list(planned(settings))
        for job in jobs:
            if key(job) in known or options.report:
                continue
            known[key(job)] = carry_out(job)
            print(" ".join(f"{name} {value}" for name, value in job.items()), flush=True)
            append_line(path, {"job": job, "result": known[key(job)]})
        found = [(job, known[key(job)]) for job in jobs if key(job) in known]
        write_pictures(settings, found, options.images)
        write_page(settings, found, options.page)
    except UserError as error:
        print(f"benchmarks.memory: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
