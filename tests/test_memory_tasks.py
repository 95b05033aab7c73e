"""The memory tasks: they ask what they say, and what stands in the docs is what was measured."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor, nn

from benchmarks.memory.__main__ import DOCS, HERE, main
from benchmarks.memory.measure import gradient_by_distance, gradient_norms, memory_of, train
from benchmarks.memory.tasks import Adding, Copy
from rnnzoo.files import read_lines

SMALL = {"layers": 1, "hidden_size": 8, "batch": 16, "steps": 4}
SETTINGS = {
    "cells": ["rnn", "gru"],
    "lrs": [1e-3, 1e-2],
    "seed": 1,
    "copy": {**SMALL, "symbols": 2, "alphabet": 3, "delay": 2},
    "adding": {**SMALL, "length": 5},
    "gradient": {"distance": 4, "hidden_size": 3, "batch": 2},
}


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_copying_asks_for_what_was_shown_first() -> None:
    task = Copy(**SMALL, symbols=3, alphabet=8, delay=5)
    x, asked = task.draw(generator())
    assert x.shape == (16, 3 + 5 + 3, 10) == (16, 11, task.sizes[0])
    shown = x.argmax(-1)
    assert torch.equal(shown[:, :3], asked)
    assert torch.equal(shown[:, 3:8], torch.full((16, 5), 8))
    assert torch.equal(shown[:, 8:], torch.full((16, 3), 9))
    outputs = torch.zeros(16, 11, 8)
    assert float(task.loss(outputs, asked)) == pytest.approx(task.baseline) == pytest.approx(math.log(8))
    outputs[:, 8:].scatter_(2, asked[:, :, None], 100.0)
    assert float(task.loss(outputs, asked)) == pytest.approx(0.0)


def test_adding_asks_for_the_sum_of_two_marked_numbers() -> None:
    task = Adding(**(SMALL | {"batch": 20_000}), length=9)
    x, asked = task.draw(generator())
    numbers, marks = x.unbind(-1)
    assert torch.equal(marks[:, :4].sum(1), torch.ones(20_000))
    assert torch.equal(marks[:, 4:].sum(1), torch.ones(20_000))
    assert torch.allclose((numbers * marks).sum(1), asked)
    always_one = torch.ones(20_000, 9, 1)
    assert float(task.loss(always_one, asked)) == pytest.approx(task.baseline, abs=3e-3)
    assert float(task.loss(asked[:, None, None].expand(-1, 9, 1), asked)) == 0.0


def test_a_gradient_that_is_known() -> None:
    """h' = h / 2 + x: the gradient halves with each step."""

    class Halving(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            h, outputs = torch.zeros_like(x[:, 0]), []
            for x_t in x.unbind(1):
                h = h / 2 + x_t
                outputs.append(h)
            return torch.stack(outputs, 1)

    norms = gradient_norms(Halving(), torch.randn(4, 7, 3))
    assert (norms / norms[0]).tolist() == pytest.approx([0.5**d for d in range(7)])


def test_the_lstm_begins_with_a_longer_memory_than_the_plain_network() -> None:
    norms = {cell: gradient_by_distance(cell, 32, 20, 16, seed=1) for cell in ("rnn", "lstm")}
    assert norms["rnn"][0] == norms["lstm"][0] == 1.0
    assert norms["lstm"][20] > 10 * norms["rnn"][20]


def test_a_gru_takes_less_memory_than_an_lstm() -> None:
    lstm, gru = (memory_of(cell, 32, batch=4, steps=8) for cell in ("lstm", "gru"))
    assert (lstm["state_bytes"], gru["state_bytes"]) == (2 * 32 * 4, 32 * 4)
    assert lstm["parameters"] * 3 == gru["parameters"] * 4
    assert 0 < gru["saved_bytes"] < lstm["saved_bytes"]


def test_it_learns() -> None:
    task = Adding(layers=1, hidden_size=16, batch=32, steps=140, length=4)
    result = train("gru", task, lr=1e-2, seed=1)
    assert result["loss"] < 0.3 * task.baseline
    assert len(result["curve"]) == 7
    assert len(result["gradient"]) == 4


def test_the_command_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings, page = tmp_path / "mine.yaml", tmp_path / "page.md"
    settings.write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    words = ["--settings", str(settings), "--out", str(tmp_path), "--images", str(tmp_path), "--page", str(page)]
    assert main(words) == 2
    assert "page.md: has no place for the tables: write <!-- benchmarks.memory: begin -->" in capsys.readouterr().err
    page.write_text("<!-- benchmarks.memory: begin --><!-- benchmarks.memory: end -->\n", encoding="utf-8")
    runs = (tmp_path / "runs.jsonl").read_text(encoding="utf-8")
    assert len(runs.splitlines()) == 2 * (2 + 2 * 2)
    (tmp_path / "runs.jsonl").write_text(runs[:-30], encoding="utf-8")
    assert main(words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    again = read_lines(tmp_path / "runs.jsonl")
    assert again == [json.loads(line) for line in runs.splitlines()]  # the same seed, the same figures
    text = page.read_text(encoding="utf-8")
    assert "| gru | " in text
    assert "lr 0.001 | lr 0.01 |" in text
    assert main([*words, "--report"]) == 0
    assert page.read_text(encoding="utf-8") == text
    assert {path.name for path in tmp_path.glob("*.svg")} == {f"memory-{n}.svg" for n in ("copy", "adding", "gradient")}


def test_the_docs_show_what_was_measured(tmp_path: Path) -> None:
    page = tmp_path / "memory.md"
    page.write_text((DOCS / "memory.md").read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["--report", "--page", str(page), "--images", str(tmp_path)]) == 0
    assert page.read_text(encoding="utf-8") == (DOCS / "memory.md").read_text(encoding="utf-8")
    for name in ("copy", "adding", "gradient"):
        assert (DOCS / "images" / f"memory-{name}.svg").is_file()
    settings = yaml.safe_load((HERE / "settings.yaml").read_text(encoding="utf-8"))
    jobs = [
        json.loads(line)["job"] for line in (DOCS / "memory" / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert {job["cell"] for job in jobs} == set(settings["cells"])
    assert len(jobs) == len(settings["cells"]) * (2 + 2 * len(settings["lrs"]))
