"""The benchmarks run, at sizes that mean nothing, and docs/benchmarks.md is what its command writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import growth, harness, load, page, tokenise

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def same_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark changes what its process may use, which the other tests share."""
    for module in (growth, load, tokenise):
        monkeypatch.setattr(module, "use_threads", lambda threads: None)
        monkeypatch.setattr(module, "limits", lambda clock: dict.fromkeys(LIMITS, 1.0), raising=False)


LIMITS = ("sgemm_gflops", "memory_gb_per_s", "cache_gb_per_s")


def test_the_page_is_what_its_command_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert page.main(["--check"]) == 0, capsys.readouterr().err


def facts(**fields: Any) -> dict[str, Any]:
    found = {
        "title": "Some work",
        "about": "About it.",
        "command": "python -m benchmarks.x",
        "machine": {"cpu": "A chip", "cores": 2, "threads": 1, "system": "OS", "python": "3", "torch": "2"},
        "limits": dict.fromkeys(LIMITS, 10.0),
        "setting": {"size": 1000},
        "missing": {"other": "not installed: other"},
        "tables": [harness.table("work", "tokens", 100, {"rnnzoo": [1.0, 2.0, 4.0], "other": [2.0, 1.0, 4.0]}, 0.5)],
    }
    return found | fields


def test_ratios_are_those_of_neighbours_in_time() -> None:
    one = facts()["tables"][0]
    assert harness.ratios(one, "other") == [2.0, 0.5, 1.0]
    assert harness.overall(one, "other") == 1.0
    assert harness.rows(one) == [
        ("limit", "200 tokens/s", "0.25", ""),
        ("rnnzoo", "50.00 tokens/s", "1", "1"),
        ("other", "50.00 tokens/s", "1.00 (0.50 to 2.00)", "1.000"),
    ]
    assert "not measured: other (not installed: other)" in harness.report(facts())


def test_sides_take_turns_there_and_back() -> None:
    order: list[str] = []
    sides = {name: (lambda name=name: order.append(name) or float(len(order))) for name in "abc"}
    assert harness.take_turns(sides, 2) == {"a": [1.0, 6.0], "b": [2.0, 5.0], "c": [3.0, 4.0]}
    assert order == list("abccba")


def test_the_page_shows_files_of_every_form(tmp_path: Path) -> None:
    lines = growth.series("Memory by length", "T", "bytes", {"lstm": [(10, 1e6), (100, 1e7), (1000, 1e8)]})
    flat = growth.series("Generation", "T", "bytes", {"lstm": [(10, 0.0), (1000, 0.0)]})
    files = {
        "start.a-chip": {"machine": "a chip", "wall": {"import torch": [3.0, 2.0, 4.0], "rnnzoo --help": [0.5]}},
        "onnx.a-chip": {"machine": {"cores": 2}, "rows": [{"cell": "lstm", "worst": 1e-6}, {"cell": "gru", "n": 3}]},
        "growth.a-chip": facts(title="Growth", tables=[], series=[lines, flat], limits={}, missing={}),
        "train.a-chip": facts(),
    }
    for name, each in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(each), encoding="utf-8")
    (tmp_path / "vectors.json").write_text("{}")  # docs/results.md shows it
    (tmp_path / "adapted.word-lstm.ptb-cpu.json").write_text("{}")
    found = page.found(tmp_path)
    assert list(found) == ["train.a-chip", "onnx.a-chip", "start.a-chip", "growth.a-chip"]
    text = page.page(found)
    assert "| import torch | 3 | 2 | 4 |" in text
    assert "| lstm | 1e-06 |  |\n| gru |  | 3 |" in text
    assert "cores 2" in text
    assert "| other | 50.00 tokens/s | 1.00 (0.50 to 2.00) | 1.000 |" in text
    assert "| Memory by length | lstm | 1.00 MB at T 10 | 100.00 MB at 1,000 | 1.00 |" in text
    assert "| Generation | lstm | 0.00 MB at T 10 | 0.00 MB at 1,000 |  |" in text
    page.draw(files["growth.a-chip"], tmp_path / "growth.svg")
    assert (tmp_path / "growth.svg").stat().st_size < 60_000


def test_a_side_stands_still_between_its_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "counting.py").write_text(
        "import time\n"
        "from benchmarks.harness import Turns\n"
        "print('noise')\n"
        "turns = Turns(2, 'wall')\n"
        "while True:\n"
        "    time.sleep(0.001)\n"
        "    print('seconds of noise')\n"
        "    turns.done()\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    side = harness.Side(["counting"], tmp_path / "log")
    assert 0.003 <= side(3) < 60
    assert side(1) >= 0.001
    side.close()
    assert (tmp_path / "log").read_text().count("seconds of noise") >= 5
    (tmp_path / "failing.py").write_text("raise ValueError('this one')")
    with pytest.raises(SystemExit, match="this one"):
        harness.Side(["failing"], tmp_path / "log")


def test_training_is_measured_beside_a_plain_loop(tmp_path: Path) -> None:
    sizes = ["--streams=4", "--chunk=8", "--embedding=4", "--hidden=4", "--rounds=2", "--steps=2"]
    command = [
        sys.executable,
        "-m",
        "benchmarks.train",
        *sizes,
        "--threads=1",
        "--no-limits",
        "--sides",
        "nn.LSTM loop",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "--json", tmp_path / "out.json"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "out.json").read_text())["tables"]
    assert {name: len(seconds) for name, seconds in found["seconds"].items()} == {"rnnzoo": 2, "nn.LSTM loop": 2}
    assert found["work"] == 4 * 8 * 2
    assert "rnnzoo" in done.stdout


def test_text_and_models_are_measured_against_their_peers(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("a few words\nand <unk> a few more\n" * 5, encoding="utf-8")
    out = tmp_path / "out.json"
    assert tokenise.main(["--file", str(tmp_path / "text.txt"), "--rounds=1", "--json", str(out)]) == 0
    words, characters = json.loads(out.read_text())["tables"]
    assert words["work"] == 50
    assert characters["work"] == 5 * 33
    assert {"rnnzoo", "datasets.map", "datasets.map, batched", "tokenizers"} == set(words["seconds"])
    assert load.main(["--models", "char-lstm.tinyshakespeare", "--rounds=1", "--json", str(out)]) == 0
    (one,) = json.loads(out.read_text())["tables"]
    assert "torch.load of the weights, build" in one["seconds"]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from Linux's /proc")
def test_growth_is_linear_in_training_and_flat_in_generation() -> None:
    options = growth.parse(["--hidden=64", "--threads=1", "--characters=3000"])
    memory = [growth.in_own_process("lstm", 4, steps, options)[1] for steps in (256, 4096)]
    assert 8 < memory[1] / memory[0] < 32
    seconds, held = growth.generation_points("lstm", options)
    assert [mark for mark, _ in held] == [1_000, 3_000]
    assert held[1][1] - held[0][1] < 2_000 * 50  # bytes; even one state kept for each character would be ten times that
    assert seconds[1][1] > seconds[0][1]


def test_slopes_are_those_of_the_logarithms() -> None:
    assert growth.slope([(1, 5.0), (10, 50.0), (100, 500.0)]) == pytest.approx(1)
    assert growth.slope([(1, 5.0), (10, 5.0)]) == pytest.approx(0)
    assert growth.slope([(1, 0.0), (10, 5.0)]) is None
