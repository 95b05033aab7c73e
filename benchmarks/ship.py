"""Every entry of the zoo without PyTorch: sizes, memory, time, and whether it says what PyTorch says.

    python -m benchmarks.ship --python ENV/bin/python --write       # the tables of docs/ship.md
    python -m benchmarks.ship --python ENV/bin/python mt-mingru.multi30k-en-fr
    python -m benchmarks.ship char-rnn.tinyshakespeare              # in this interpreter: whether it runs

Each entry is exported in float32 and in 8 bits and run by ENV's interpreter, which needs rnnzoo-runtime alone
(`pip install ./runtime`). There a language model's logits over 64 tokens, its greedy text of 200 tokens and the
surprisals of that text, or a translator's 50 translations by a beam of 5, are held to PyTorch's. What is named seconds
is the processor's own time on one thread, a process's start included where it says "first".
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnnzoo import load
from rnnzoo.data.pairs import PairCorpus
from rnnzoo.metrics.bleu import bleu
from rnnzoo.models import LanguageModel, Seq2Seq
from rnnzoo.runtime.bundle import WEIGHTS
from rnnzoo.studies.pages import grid, put_between
from rnnzoo.zoo import entry_names, read_config
from rnnzoo.zoo.export_folder import bundle_files, traced_graphs, write_bundle
from rnnzoo.zoo.kinds import kind_of

ROOT = Path(__file__).resolve().parent.parent
PAGE, MARKS = ROOT / "docs" / "ship.md", ("<!-- benchmarks.ship: begin -->", "<!-- benchmarks.ship: end -->")
PROMPT, TOKENS, STEPS, SENTENCES = "The ", 200, 64, 50
WITHOUT = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
"""What an environment begins with."""


@torch.no_grad()
def asked_of(model: LanguageModel | Seq2Seq, folder: Path, place: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the runtime is asked for, and PyTorch's answers."""
    if isinstance(model, LanguageModel):
        text = model.generate(PROMPT, temperature=0, max_new_tokens=TOKENS, unknown="drop")[0]
        ids = model.tokenizer.encode(text).tolist()[:STEPS]
        state, said = model.initial_state(1), []
        for token in ids:
            logits, state = model.step(torch.tensor([token]), state)
            said.append(logits[0].float().numpy())
        np.save(place / "logits.npy", np.stack(said))
        asked = {"prompt": PROMPT, "tokens": TOKENS, "text": text, "ids": ids, "logits": str(place / "logits.npy")}
        return asked, {"text": text, "nats": list(model.score(text).nats)}
    corpus = kind_of(model).corpus(read_config(folder).get("data", {}), None)
    assert isinstance(corpus, PairCorpus)
    split = "test" if "test" in corpus.references else "valid"
    sources, references = corpus.splits[split][0][:SENTENCES], corpus.references[split][:SENTENCES]
    return {"sentences": list(sources)}, {
        "translations": model.translate(list(sources), beam=5),
        "references": references,
    }


def measured(name: str, folder: Path, python: str) -> dict[str, Any]:
    """An entry's row."""
    model: Any = load(folder)
    row: dict[str, Any] = {"name": name, "kind": "language_model" if isinstance(model, LanguageModel) else "translator"}
    row["entry"] = sum(path.stat().st_size for path in folder.iterdir())
    graphs = traced_graphs(model)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        asked, said = asked_of(model, folder, place)
        (place / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
        for precision in ("float32", "int8"):
            files = bundle_files(model, name=name, int8=precision == "int8", graphs=graphs)
            write_bundle(files, place / precision)
            write_bundle(files, place / f"{precision}.zip")
            words = [python, str(Path(__file__).with_name("ship_probe.py")), str(place / precision)]
            done = subprocess.run(
                [*words, str(place / "asked.json")],
                capture_output=True,
                encoding="utf-8",
                check=False,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            if done.returncode:
                raise SystemExit(f"{name}, {precision}: {done.stderr}")
            found = json.loads(done.stdout)
            row[precision] = {
                "folder": sum(map(len, files.values())),
                "weights": len(files[WEIGHTS]),
                "zip": (place / f"{precision}.zip").stat().st_size,
                **{key: found[key] for key in ("memory", "first", "seconds", "torch")},
                **compared(row["kind"], found, said),
            }
    return row


def compared(kind: str, found: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """How far the runtime's answers are from PyTorch's."""
    if kind == "language_model":
        off = float(np.abs(np.array(found["nats"]) - np.array(said["nats"])).max())
        nll = float(np.mean(found["nats"]) - np.mean(said["nats"]))
        return {"logits": found["off"], "nats": off, "nll": nll, "same": found["text"] == said["text"]}
    ours, theirs = found["translations"], said["translations"]
    scores = [bleu(some, said["references"])["score"] for some in (ours, theirs)]
    alike = sum(a == b for a, b in zip(ours, theirs, strict=True))
    return {"alike": alike, "sentences": len(ours), "bleu": scores[0], "change": scores[0] - scores[1]}


def tables(rows: Sequence[dict[str, Any]]) -> str:
    """Both, in Markdown."""
    head = ["model", "entry", "float32", "int8", "memory", "first", "each"]
    parts = []
    for kind, about, unit in (
        ("language_model", "logits off by | same text | int8: nll", "token, µs"),
        ("translator", "same translations | int8: same | int8: BLEU", "sentence, ms"),
    ):
        some = [row for row in rows if row["kind"] == kind]
        if not some:
            continue
        lines = [[*head[:-1], unit, *about.split(" | ")], ["---", *["---:"] * 9]]
        for row in some:
            full, small = row["float32"], row["int8"]
            scale = 1e6 if kind == "language_model" else 1e3
            lines.append(
                [
                    f"`{row['name']}`",
                    *(f"{size / 1e6:.2f} MB" for size in (row["entry"], full["folder"], small["folder"])),
                    f"{full['memory'] / 2**20:.0f} MiB",
                    f"{full['first']:.2f} s",
                    f"{scale * full['seconds']:.0f}",
                    *(
                        (f"{full['logits']:.1e}", "yes" if full["same"] else "**no**", f"{small['nll']:+.4f}")
                        if kind == "language_model"
                        else (
                            f"{full['alike']} of {full['sentences']}",
                            f"{small['alike']} of {small['sentences']}",
                            f"{small['change']:+.2f}",
                        )
                    ),
                ]
            )
        parts.append(grid(lines))
    return "\n".join(parts)


def installed(python: str) -> str:
    """What an environment takes on disk, by package, in Markdown."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    place = Path(subprocess.run([python, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout.strip())
    sizes: dict[str, int] = {}
    for path in sorted(place.iterdir()):
        name = path.name.split("-")[0].split(".")[0]
        files = path.rglob("*") if path.is_dir() else [path]
        sizes[name] = sizes.get(name, 0) + sum(file.stat().st_size for file in files if file.is_file())
    kept = {name: size for name, size in sizes.items() if name not in WITHOUT}
    large = sorted(kept, key=lambda name: -kept[name])[:6]
    parts = [f"{name} {kept[name] / 1e6:.0f} MB" for name in large]
    rest = sum(kept.values()) - sum(kept[name] for name in large)
    return f"Installed: {sum(kept.values()) / 1e6:.0f} MB: {', '.join(parts)}, the rest {rest / 1e6:.0f} MB.\n"


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code: 1 where an answer is not PyTorch's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ship", description=__doc__)
    parser.add_argument("entries", nargs="*", metavar="NAME", help="entries (all)")
    parser.add_argument("--python", default=sys.executable, help="of an environment with rnnzoo-runtime")
    parser.add_argument("--write", action="store_true", help="puts the tables into docs/ship.md")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keeps what is measured, and goes on from there")
    options = parser.parse_args(arguments)
    folders = dict(entry_names())
    rows = json.loads(options.json.read_text()) if options.json is not None and options.json.is_file() else []
    for name in options.entries or folders:
        if any(row["name"] == name for row in rows):
            continue
        rows.append(measured(name, folders[name], options.python))
        print(f"{name}: {rows[-1]}", file=sys.stderr)
        if options.json is not None:
            options.json.write_text(json.dumps(rows))
    text = f"{installed(options.python)}\n{tables(rows)}"
    print(text)
    if options.write:
        put_between(PAGE, *MARKS, text, "the tables of `python -m benchmarks.ship`")
    wrong = [row["name"] for row in rows if not right(row)]
    if wrong:
        print(f"not what PyTorch says: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


def right(row: dict[str, Any]) -> bool:
    """Whether float32 says what PyTorch says: logits to 1e-4, text and translations to the letter."""
    full = row["float32"]
    if row["kind"] == "language_model":
        return bool(full["logits"] <= 1e-4 and full["same"])
    return bool(full["alike"] == full["sentences"])


if __name__ == "__main__":
    sys.exit(main())
