"""`rnnzoo compare`: one budget for all cells, every run published, nothing run twice."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from own_cells import CELL, forgotten

from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.studies.comparison import Comparison, Job, Run, compare, read_runs, runs, write_report
from rnnzoo.studies.comparison.budget import count_parameters, fit_hidden_size
from rnnzoo.studies.comparison.one import carry_out
from rnnzoo.studies.comparison.report import BEGIN, END, write_page
from rnnzoo.studies.comparison.rows import rows_of

RECIPE = {
    "task": "char_lm",
    "data": {"corpus": "pydocs", "streams": 16, "chunk_len": 8, "eval_streams": 512},
    "model": {"embedding_dim": 4, "backbone": {"cell": "lstm"}},
    "optimizer": {"name": "adamw"},
}
TINY: dict[str, Any] = {"parameters": 3000, "tokens": 256, "lrs": (1e-3, 1e-1)}


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Runs are carried out here, where they cost no start; what was run, in order."""
    carried: list[Job] = []

    def run(job: Job, imports: Sequence[str], gpus: str | None) -> tuple[dict[str, Any] | None, str]:
        carried.append(job)
        threads = torch.get_num_threads()
        try:
            return carry_out(json.loads(json.dumps(job.to_dict()))), ""
        finally:
            torch.set_num_threads(threads)

    monkeypatch.setattr(runs, "_in_a_process", run)
    return carried


# --------------------------------------------------------------------------------------------------- the budget


@pytest.mark.parametrize("budget", [90, 1_000, 12_345, 300_000])
def test_the_nearest_size_is_found(budget: int) -> None:
    def count(size: int) -> int:
        return 3 * size * size + 70 * size + 11

    assert fit_hidden_size(count, budget) == min(range(1, 999), key=lambda size: abs(count(size) - budget))


def test_sizes_that_cannot_be_built_are_passed_over() -> None:
    def count(size: int) -> int:
        if size % 4:
            raise ValueError("not divisible by 4 heads")
        return size * size

    assert fit_hidden_size(count, 30 * 30) == 28
    assert fit_hidden_size(count, 31 * 31) == 32


def test_a_budget_that_is_too_small_is_said() -> None:
    with pytest.raises(UserError, match=r"100 parameters are too few: with 1 units there are 5,001"):
        fit_hidden_size(lambda size: 5000 + size, 100)


@pytest.mark.parametrize("cell", builtin_cells())
def test_every_cell_fits_the_budget(cell: str) -> None:
    """Counted without being built, and within two percent."""
    comparison = Comparison(RECIPE, (cell,), parameters=30_000)
    size = comparison.hidden_size(cell)
    job = comparison.job(cell, size, 1e-3, 1)
    config = Comparison(job.recipe, (cell,)).base.model
    counted = count_parameters(config, comparison.tokenizer)
    assert counted == config.build(comparison.tokenizer).num_parameters
    assert counted == pytest.approx(30_000, rel=0.02)


# ------------------------------------------------------------------------------------------------------ the runs


def test_each_rate_then_each_seed_and_nothing_twice(tmp_path: Path, in_this_process: list[Job]) -> None:
    comparison = Comparison(RECIPE, ("rnn", "gru"), seeds=2, seeded=("gru",), **TINY)
    found, failed = compare(comparison, tmp_path)
    assert not failed
    best = {row.cell: row.chosen[0].job.lr for row in rows_of(found)}
    done = [(job.cell, job.lr, job.seed) for job in in_this_process]
    assert sorted(done) == sorted(
        [("rnn", 1e-3, 1), ("rnn", 1e-1, 1), ("gru", 1e-3, 1), ("gru", 1e-1, 1), ("gru", best["gru"], 2)]
    )
    for run in found:
        result = run.result
        assert result["steps"] == 2
        assert result["tokens"] == 256
        assert 0 < result["nll"] < 10
        assert result["parameters"] == pytest.approx(3000, rel=0.05)
        assert result["state_bytes"] == 4 * result["hidden_size"]
        assert result["tokens_per_second"] > 0
        assert result["step_seconds"] > 0
    # stopped in the middle of writing a line: that run is done again, and only that one
    path = tmp_path / "runs.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert len(read_runs(tmp_path)) == 4
    again, _ = compare(comparison, tmp_path)
    assert len(in_this_process) == 6
    assert [run.nll for run in again] == [run.nll for run in found]  # the same seed, the same loss
    assert compare(comparison, tmp_path, run=False)[0] == again
    # another budget is another run
    assert not compare(Comparison(RECIPE, ("rnn",), **TINY | {"tokens": 512}), tmp_path, run=False)[0]


def test_a_run_that_diverges_is_published_as_that(tmp_path: Path, in_this_process: list[Job]) -> None:
    recipe = RECIPE | {"optimizer": {"name": "sgd"}}
    comparison = Comparison(recipe, ("rnn",), **TINY | {"lrs": (1e38, 1e-2), "seeds": 1})
    found, _ = compare(comparison, tmp_path)
    assert [run.result["nll"] is None for run in found] == [True, False]
    assert rows_of(found)[0].chosen[0].job.lr == 1e-2
    write_report(comparison, found, tmp_path / "out")
    page = (tmp_path / "out/cells.md").read_text(encoding="utf-8")
    assert "| cell | 0.01 | 1e+38 |" in page
    assert f"| rnn | {found[1].nll:.4f} | diverged |" in page


# ---------------------------------------------------------------------------------------------------- the report


def runs_of(cell: str, losses: dict[tuple[float, int], float | None]) -> list[Run]:
    """Runs with the given losses, by learning rate and seed."""
    result = {
        **{"hidden_size": 8, "parameters": 3000, "steps": 2, "tokens": 256, "tokens_per_second": 1e4, "unit": "char"},
        **{"peak_memory_bytes": 1 << 20, "state_bytes": 32, "step_seconds": 1e-4},
        "corpus": {"name": "pydocs", "split_rule": "the last 10%"},
        "hardware": {"device": "cpu", "name": "x", "threads": 1, "torch": "2"},
    }
    return [Run(Job(cell, lr, seed, {}, 1, {}), result | {"nll": nll}) for (lr, seed), nll in losses.items()]


@pytest.fixture
def found() -> list[Run]:
    return [
        *runs_of("plain_rnn", {(1e-3, 1): 2.5, (1e-2, 1): None}),
        *runs_of("lstm", {(1e-3, 1): 2.25, (1e-2, 1): 2.0, (1e-2, 2): 2.2}),
    ]


def test_the_tables_hold_every_run(found: list[Run], tmp_path: Path) -> None:
    comparison = Comparison(RECIPE, ("plain_rnn", "lstm"), lrs=(1e-3, 1e-2))
    write_report(comparison, found, tmp_path)
    page = (tmp_path / "cells.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    assert lines[0].startswith("| cell | units | parameters | nats/char | seeds |")
    assert lines[1].startswith("| lstm | 8 | 3,000 | 2.1000 ± 0.1414 | 2 | 0.01 | 10,000 | 1 MiB | 32 B | 100 µs |")
    assert lines[2].startswith("| plain_rnn | 8 | 3,000 | 2.5000 | 1 | 0.001 |")
    assert lines[3:] == [
        "| cell | 0.001 | 0.01 |",
        "| lstm | 2.2500 | 2.0000 |",
        "| plain_rnn | 2.5000 | diverged |",
    ]
    rows = list(csv.DictReader((tmp_path / "cells.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["cell"], row["lr"], row["seed"], row["nll"]) for row in rows] == [
        ("plain_rnn", "0.001", "1", "2.5"),
        ("plain_rnn", "0.01", "1", ""),
        ("lstm", "0.001", "1", "2.25"),
        ("lstm", "0.01", "1", "2.0"),
        ("lstm", "0.01", "2", "2.2"),
    ]
    latex = (tmp_path / "cells.tex").read_text(encoding="utf-8")
    assert r"plain\_rnn & 8 & 3,000 & 2.5000 & 1 & 0.001" in latex
    assert r"2.1000 $\pm$ 0.1414" in latex
    picture = (tmp_path / "cells.svg").read_bytes()
    write_report(comparison, found, tmp_path)
    assert (tmp_path / "cells.svg").read_bytes() == picture
    assert picture.startswith(b"<?xml")


def test_a_page_has_a_place_for_it(found: list[Run], tmp_path: Path) -> None:
    comparison, page = Comparison(RECIPE, ("lstm",), lrs=(1e-3, 1e-2)), tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("# Mine\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"page\.md: has no place for the comparison: write <!-- rnnzoo compare: begin"):
        write_page(comparison, found, tmp_path / "docs" / "out", page)
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        write_page(comparison, found, tmp_path / "docs" / "out", page)
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"before\n{BEGIN}\n\nEach model has")
        assert text.endswith(f"{END}\nafter\n")
        assert "](out/cells.svg)" in text
        assert "old" not in text
    with pytest.raises(UserError, match="no run of this comparison has finished here"):
        write_report(comparison, [], tmp_path)


def test_the_docs_show_what_was_measured() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    if not (docs / "comparison" / "runs.jsonl").is_file():
        pytest.skip("the comparison in the docs has not been run yet")
    found = list(read_runs(docs / "comparison").values())
    page = (docs / "cells.md").read_text(encoding="utf-8")
    for row in rows_of(found):
        assert f"| {row.cell} | {row.tried[0].result['hidden_size']} | " in page
        assert f" | {row.nll:.4f}" in page


# --------------------------------------------------------------------------------------------------- the command


def test_the_command_in_processes_with_a_cell_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cell that fails takes nobody with it, and is the exit code."""
    monkeypatch.chdir(tmp_path)
    broken = CELL.format(name="mine") + "\n    def forward(self, x, state=None, lengths=None):\n        1 / 0\n"
    (tmp_path / "mine.py").write_text(broken, encoding="utf-8")
    words = "compare --import mine.py --cells rnn,mine --corpus pydocs --parameters 5000 --tokens 4096 --lrs 1e-2"
    words += " --seeds 1 --data.eval_streams 512 --model.embedding_dim 4 --jobs 2"
    with forgotten():
        assert main(words.split()) == 1
    out, err = capsys.readouterr()
    assert out.split() == [f"comparison/cells.{kind}" for kind in ("md", "csv", "tex", "svg")]
    assert "rnnzoo: mine, learning rate 0.01, seed 1: failed: ZeroDivisionError" in err
    assert "rnnzoo: rnn, learning rate 0.01, seed 1: " in err
    (run,) = read_runs(tmp_path / "comparison").values()
    assert run.job.cell == "rnn"
    assert run.result["peak_memory_bytes"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--cells lsmt", "unknown cell 'lsmt' (did you mean 'lstm'?)"),
        ("--lr 1e-3", "--lr is what the comparison sets: say --lrs"),
        ("--cells rnn --tokens 0", "--tokens: 1 <= N <= 1e15; got 0"),
        ("--cells rnn --corpus pydocs --parameters 9", "rnn: 9 parameters are too few: with 1 units there are"),
        ("--cells rnn --corpus pydocs --jobs 0", "--jobs: 1 <= N <= 1024; got 0"),
        ("--cells rnn --corpus pydocs --page none.md", "none.md: has no place for the comparison: write <!-- rnnzoo"),
        ("--cells rnn --corpus pydocs --report", "comparison: no run of this comparison has finished here"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *words.split()]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "comparison").exists()


def test_all_cells_are_compared_unless_some_are_named() -> None:
    """New cells join without an edit."""
    assert set(builtin_cells()) <= set(Comparison(RECIPE).cells) == set(CellConfig.names())
