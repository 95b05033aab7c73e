"""A model beside what `rnnzoo export` made of it, run side by side."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import exports
import numpy as np
import onnxruntime
import pytest
import torch
from made_once import made_once

from rnnzoo import state as states
from rnnzoo.models import LanguageModel, Seq2Seq
from rnnzoo.state import State
from rnnzoo.zoo import load, save_folder

HERE = Path(__file__).resolve().parent


class Exported(NamedTuple):
    """A model, and the ONNX file of its step; a translator's encoder lies beside that."""

    model: LanguageModel | Seq2Seq
    out: Path

    def session(self, part: str = "") -> onnxruntime.InferenceSession:
        return onnxruntime.InferenceSession(self.out.with_suffix(f"{part}.onnx"))


def export(model: LanguageModel | Seq2Seq, place: Path, name: str = "out.onnx") -> Exported:
    """What `rnnzoo export` makes of a model."""
    save_folder(place / "model", model)
    exports.export(place / "model", place / name)
    return Exported(load(place / "model"), place / name)


def command(words: list[str]) -> str:
    """What Python prints in a process of its own, where functions are without conftest's shape checks."""
    folders = os.pathsep.join(map(str, [HERE.parent.parent, HERE.parent, HERE, HERE.parent / "page"]))
    environment = {**os.environ, "PYTHONPATH": folders, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "utf8", *words], env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def every_cell_files(factory: pytest.TempPathFactory) -> Path:
    """A folder with every cell side by side as out.onnx, and as cases.json for the runtime of pages.

    Both are of one trace, the slow part.
    """

    def make(folder: Path) -> None:
        command(["-m", "graph_cases", "language_model_of_all", str(folder / "cases.json"), str(folder / "out.onnx")])

    return made_once(factory, "every-cell", make)


def named(prefix: str, tree: State) -> dict[str, Any]:
    """Leaves as an exported graph names and takes them."""
    return {f"{prefix}.{name}": leaf.numpy() for name, leaf in states.flatten(tree).items() if leaf.numel()}


def difference(ours: Any, theirs: Any) -> float:
    """The largest, of one number to another."""
    return float(np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)).max(initial=0))


@torch.no_grad()
def run_steps(exported: Exported, steps: int, state: State, memory: State = ()) -> float:
    """The largest difference of a logit over `steps` steps, each side with the state that it carries itself."""
    session, worst, rows = exported.session(), 0.0, states.leaves(state)[0].size(0)
    given = named("state", state)
    read = named("memory", memory)
    for _ in range(steps):
        tokens = torch.randint(exported.model.vocab_size, (rows,))
        logits, state = exported.model.step(tokens, state, memory)
        said, *new = session.run(None, {"tokens": tokens.numpy(), **given, **read})
        given = dict(zip(given, new, strict=True))
        assert said.shape == logits.shape
        worst = max(worst, difference(said, logits))
    return worst


@torch.no_grad()
def run_encoder(exported: Exported, rows: int, steps: int) -> tuple[float, State, State]:
    """The largest difference of what the encoder gives, and what the model's own gives."""
    model, session = exported.model, exported.session(".encoder")
    assert isinstance(model, Seq2Seq)
    src = torch.randint(model.src_boundary, (rows, steps))
    lengths = torch.randint(1, steps + 1, (rows,))
    lengths[0] = steps
    state, memory = model.encode(src, lengths)
    expected = named("state", state) | named("memory", memory)
    found = session.run(list(expected), {"src": src.numpy(), "lengths": lengths.numpy()})
    return max(map(difference, found, expected.values())), state, memory
