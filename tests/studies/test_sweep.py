"""`rnnzoo sweep`: every point an ordinary training, nothing lost, nothing run twice, the winner by validation."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import importlib
import io
import os
import shlex
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pytest
import small_lm
import small_pairs
from own_cells import CELL, forgotten

from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.files import read_lines
from rnnzoo.studies.processes import Children
from rnnzoo.studies.sweep import Run, Sweep, read_results, write_report
from rnnzoo.zoo import load, read_metrics
from rnnzoo.zoo.recipes import split_words

LANGUAGE_MODEL = """
task: char_lm
data: {files: [own.txt], streams: 3, chunk_len: 15, eval_streams: 2}
model: {embedding_dim: 4, backbone: {cell: lstm, hidden_size: 5}}
optimizer: {name: adamw, lr: 1e-2}
trainer: {max_epochs: 1, enable_progress_bar: false}
"""
WORDS = LANGUAGE_MODEL.replace("char_lm", "word_lm").replace("eval_streams: 2", "test_part: true")
TRANSLATOR = """
task: translator
data: {files: [pairs.src, pairs.tgt], src: xx, tgt: yy, tokenizer: char, batch_tokens: 200, test_part: true}
model:
  embedding_dim: 6
  encoder: {cell: gru, hidden_size: 6}
  decoder: {cell: gru, hidden_size: 6}
optimizer: {name: adamw, lr: 1e-2}
search: {beam: 1, max_len: 12}
shown: 0
trainer: {max_epochs: 1, enable_progress_bar: false}
"""
LATEST = 900.0
"""Seconds after which something hangs, also on a busy machine."""

GRID = "small.yaml --hidden_size 4,6 --lr 1e-3,3e-2 --seed 2 --out out"


def prepare(folder: Path) -> None:
    """A recipe of each task, and what it reads."""
    small_lm.write_text(folder / "own.txt")
    small_pairs.write(folder, 60)
    for name, recipe in (("small", LANGUAGE_MODEL), ("words", WORDS), ("pairs", TRANSLATOR)):
        (folder / f"{name}.yaml").write_text(recipe)


def sweep_by(words: str) -> int:
    """The exit code of ``rnnzoo sweep WORDS``."""
    return main(["sweep", *words.split()])


@contextlib.contextmanager
def in_this_process(*, curves: bool = False) -> Iterator[list[list[str]]]:
    """Within it trainings are carried out here, where they cost no start; gives the words of each, in order.

    Curves, a third of a small run's time, are left out unless said.
    """
    commands: list[list[str]] = []

    def python(
        self: Children, words: Sequence[str], *, threads: int, errors: IO[str], held: Sequence[int], gpus: str | None
    ) -> tuple[int, str]:
        assert words[:3] == ["-m", "rnnzoo", "train"]
        commands.append(list(words[2:]))
        out, code = io.StringIO(), 1
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                code = main(words[2:])
            except Exception:
                traceback.print_exc()
        return code, out.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Children, "python", python)
        for name in ("language_model", "translator"):
            if not curves:
                job = importlib.import_module(f"rnnzoo.tasks.{name}.job")
                patch.setattr(job, "draw_curve", lambda *args: None)
        yield commands


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    return tmp_path


@pytest.fixture
def trained() -> Iterator[list[list[str]]]:
    """The words of each training, which is carried out here."""
    with in_this_process() as commands:
        yield commands


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[str]]]:
    """A folder in which GRID has come to its end, and its trainings."""
    folder = tmp_path_factory.mktemp("swept")
    prepare(folder)
    with contextlib.chdir(folder), in_this_process(curves=True) as commands:
        assert sweep_by(GRID) == 0
    return folder, commands


@pytest.fixture
def again(here: Path, swept: tuple[Path, list[list[str]]]) -> Path:
    """The same in this test's own working directory."""
    shutil.copytree(swept[0] / "out", here / "out")
    return here


def values(commands: list[list[str]], *names: str) -> list[tuple[str, ...]]:
    """What trainings were told of some fields."""
    return [tuple(words[words.index(f"--{name}") + 1] for name in names) for words in commands]


def table(page: Path) -> list[list[str]]:
    """The cells of the table in a page, its head first."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines if "---" not in line]


def commands_of(page: Path) -> list[str]:
    """The commands in a page."""
    return [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("rnnzoo ")]


def words_of(page: Path) -> str:
    """A page without its line ends."""
    return " ".join(page.read_text(encoding="utf-8").split())


# --------------------------------------------------------------------------------------------------- trainings


def test_each_point_is_an_ordinary_training(swept: tuple[Path, list[list[str]]]) -> None:
    folder, trainings = swept
    grid = [("4", "1e-3"), ("4", "3e-2"), ("6", "1e-3"), ("6", "3e-2")]  # the last axis moves fastest
    assert values(trainings, "hidden_size", "lr") == grid
    lines = read_lines(folder / "out/sweep.jsonl")
    sizes = [(line["settings"]["hidden_size"], line["settings"]["lr"]) for line in lines]
    assert sizes == [(4, 1e-3), (4, 3e-2), (6, 1e-3), (6, 3e-2)]
    for line in lines:
        run = folder / "out" / line["run"]
        metrics = read_metrics(run)
        assert line["state"] == "finished"
        assert line["seed"] == metrics["seed"] == 2
        assert line["valid"] == metrics["scores"]["valid"]
        assert line["parameters"] == metrics["parameters"] == load(run).num_parameters
        for name in ("tokens", "seconds", "tokens_per_second"):
            assert line[name] == metrics["training"][name]
        assert {"samples.txt", "curve.png", "checkpoints"} <= {path.name for path in run.iterdir()}


def test_the_table_and_the_winner(again: Path) -> None:
    lines = sorted(read_lines(again / "out/sweep.jsonl"), key=lambda line: line["valid"]["nll"])
    head, *found = table(again / "out/sweep.md")
    assert head[:4] == ["hidden_size", "lr", "nats per character", "bits per character"]
    assert [(int(row[0]), float(row[1]), row[2]) for row in found] == [
        (line["settings"]["hidden_size"], line["settings"]["lr"], f"{line['valid']['nll']:.4f}") for line in lines
    ]
    made = list(csv.DictReader((again / "out/sweep.csv").read_text().splitlines()))
    assert [float(row["nll"]) for row in made] == [line["valid"]["nll"] for line in lines]
    assert [row["run"] for row in made] == [line["run"] for line in lines]
    said = words_of(again / "out/sweep.md")
    assert f"**The winner: hidden_size {found[0][0]}, lr {found[0][1]}**; its model is `out/{lines[0]['run']}`" in said
    assert "nats per character on the validation part, the lower the better" in said
    assert "no test score was looked at" in said
    winner, sweep = commands_of(again / "out/sweep.md")
    assert sweep == f"rnnzoo sweep {GRID}"
    assert winner == f"rnnzoo train small.yaml --hidden_size {found[0][0]} --lr {found[0][1]} --seed 2"
    assert main(shlex.split(winner)[1:]) == 0
    assert read_metrics(again / "runs/small/1")["scores"]["valid"] == lines[0]["valid"]


def test_what_is_there_is_not_trained_again(again: Path, trained: list[list[str]]) -> None:
    path = again / "out/sweep.jsonl"
    lines, results = path.read_text().splitlines(keepends=True), list(read_results(again / "out").values())
    assert sweep_by(GRID) == 0
    # by other names and in another order
    assert sweep_by("small.yaml --optimizer.lr 0.03,0.001 --seed 2 --hidden_size 6,4 --out out") == 0
    # stopped between the end of a training and its line
    path.write_text("".join(lines[1:]) + lines[0][:30])
    assert sweep_by(GRID) == 0
    assert trained == []
    assert read_results(again / "out")[results[0]["key"]] == results[0]
    # a point that is not there
    shutil.rmtree((again / "out" / results[2]["run"]).parents[1])
    path.write_text("".join(lines[:2] + lines[3:]))
    assert sweep_by(f"{GRID} --report") == 0
    assert trained == []
    assert "4 points (3 of 4 have ended so far)" in words_of(again / "out/sweep.md")
    assert sweep_by(GRID) == 0
    assert values(trained, "hidden_size", "lr") == [("6", "1e-3")]
    assert len(table(again / "out/sweep.md")) == 5
    # another text is another sweep
    small_lm.write_text(again / "own.txt", seed=1)
    assert sweep_by(f"{GRID} --report") == 2


@pytest.mark.parametrize(
    ("words", "task", "head"),
    [
        ("words.yaml --cell gru,lstm", "word_lm", ["cell", "nats per word", "perplexity per word"]),
        ("pairs.yaml --attention general,null", "translator", ["attention", "BLEU", "chrF"]),
    ],
)
def test_other_tasks(here: Path, trained: list[list[str]], words: str, task: str, head: list[str]) -> None:
    """Their scores are those of the validation part, though they have a test part."""
    assert sweep_by(words) == 0
    folder = here / "sweeps" / words.split(".")[0]
    assert table(folder / "sweep.md")[0][:3] == head
    lines = read_lines(folder / "sweep.jsonl")
    assert len(lines) == 2
    for line in lines:
        metrics = read_metrics(folder / line["run"])
        assert metrics["task"] == task
        assert metrics["split"] == "test"
        assert line["valid"] == metrics["scores"]["valid"] != metrics["scores"]["test"]


def test_a_point_that_fails_takes_nobody_with_it(
    here: Path, trained: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is tried again when the sweep is."""
    (here / "mine.py").write_text(
        CELL.format(name="mine")
        + "\n    def forward(self, x, state=None, lengths=None):\n        assert not open('broken').close()"
        + "\n        return super().forward(x, state, lengths)\n"
    )
    words = "small.yaml --import mine.py --cell mine,lstm --trainer.limit_train_batches 3 --out out"
    with forgotten():
        assert sweep_by(words) == 1
    assert "rnnzoo: cell mine: failed: broken: " in capsys.readouterr().err
    (lstm, _, *_), (mine, failed, *_) = table(here / "out/sweep.md")[1:]
    assert (lstm, mine, failed) == ("lstm", "mine", "failed")
    made = list(csv.DictReader((here / "out/sweep.csv").read_text().splitlines()))
    assert [row["state"] for row in made] == ["finished", "failed"]
    assert made[1]["problem"] == "broken: No such file or directory"
    assert commands_of(here / "out/sweep.md")[0].startswith("rnnzoo train small.yaml --import mine.py --cell lstm ")
    (here / "broken").touch()
    with forgotten():
        assert sweep_by(words) == 0
    assert values(trained, "cell") == [("mine",), ("lstm",), ("mine",)]
    assert [row["state"] for row in read_results(here / "out").values()] == ["finished", "finished"]


def test_a_point_that_diverges_is_published_as_that(here: Path, trained: list[list[str]]) -> None:
    words = "small.yaml --optimizer.name sgd --lr 1e38,1e-2 --trainer.limit_train_batches 5 --out out"
    for _ in range(2):
        assert sweep_by(words) == 1
        assert len(trained) == 2
        assert [row[0] for row in table(here / "out/sweep.md")[1:]] == ["1e-2", "1e38"]
        assert table(here / "out/sweep.md")[2][1] == "diverged"


SLOW = """
    def forward(self, x, state=None, lengths=None):
        import os, pathlib, signal, time
        y, state = super().forward(x, state, lengths)
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls > 4 and os.path.exists("slow"):
            pathlib.Path(f"pid.{os.getpid()}.{y.shape[-1]}").touch()
            while not signal.getsignal(signal.SIGTERM).__self__.received:
                time.sleep(0.02)
        return y, state
"""
"""A cell that stands still from its fifth step on, when there are checkpoints, until its training is told to end."""


def test_killed_and_stopped(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In processes: one training is killed, then the sweep is told to end; both points go on where they were."""
    (here / "mine.py").write_text(CELL.format(name="mine") + SLOW)
    (here / "slow").touch()
    words = "small.yaml --import mine.py --cell mine --hidden_size 4,6 --checkpoint_every 2"
    words += " --trainer.enable_progress_bar true"
    points = here / "sweeps/small/points"

    def disturb() -> None:
        begun = time.monotonic()

        def wait_for(there: Callable[[], object]) -> None:
            while not there():
                assert time.monotonic() < begun + LATEST
                time.sleep(0.05)

        try:
            wait_for(lambda: len(list(here.glob("pid.*"))) == 2)
            (first,) = here.glob("pid.*.4")
            os.kill(int(first.suffixes[0][1:]), signal.SIGKILL)
            wait_for(lambda: read_results(here / "sweeps/small"))
        finally:
            if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:  # the sweep has not come to its end without this
                os.kill(os.getpid(), signal.SIGTERM)

    other = threading.Thread(target=disturb, daemon=True)
    other.start()
    with forgotten(), pytest.raises(SystemExit) as ended:
        sweep_by(f"{words} --jobs 2")
    other.join()
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    said = capsys.readouterr().err
    assert "rnnzoo: hidden_size 4: failed: was ended by SIGKILL" in said
    assert "rnnzoo: 0 of 2 points are done; the same command goes on with the others" in said
    (line,) = read_lines(here / "sweeps/small/sweep.jsonl")
    assert line["settings"]["hidden_size"] == 4
    assert not list(points.glob("*/small/1/metrics.json"))

    (here / "slow").unlink()
    with in_this_process(), forgotten():
        assert sweep_by(words) == 0
        said = capsys.readouterr().err
        for size in (4, 6):
            assert f"rnnzoo: hidden_size {size}: goes on" in said
            (log,) = points.glob(f"hidden_size={size}_*/log.txt")
            assert f"resumes from {log.relative_to(here).parent}/small/1/checkpoints/step-" in log.read_text()
        assert sweep_by(f"{words} --out straight") == 0
    ours, theirs = (read_results(here / folder) for folder in ("sweeps/small", "straight"))
    assert {key: line["valid"] for key, line in ours.items()} == {key: line["valid"] for key, line in theirs.items()}


def test_a_training_that_outlives_its_sweep_keeps_others_away(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out").mkdir()
    children, lock = Children(), (here / "out/.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    sleep = ["-c", "import pathlib, time; pathlib.Path('begun').touch(); time.sleep(300)"]
    ended: list[tuple[int, str]] = []
    with (here / "log.txt").open("w") as errors:
        training = threading.Thread(
            target=lambda: ended.append(children.python(sleep, threads=1, errors=errors, held=[lock.fileno()]))
        )
        training.start()
        try:
            while not (here / "begun").exists():
                time.sleep(0.01)
            lock.close()
            with in_this_process() as trained:
                assert (sweep_by(GRID), trained) == (2, [])
        finally:
            children.stop()
            training.join()
        said = "rnnzoo: out: a sweep, or a training of one that was killed, is under way here\n"
        assert capsys.readouterr().err == said
        assert ended == [(-signal.SIGTERM, "")]
        assert children.python(sleep, threads=1, errors=errors) == (-signal.SIGTERM, "")  # no other one begins
    with (here / "out/.lock").open("w") as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


# ---------------------------------------------------------------------------------------------------- the report


def runs_of(sweep: Sweep, *scores: Any) -> list[Run]:
    """Trainings of a sweep's points with such BLEU scores, or states."""
    found = []
    for point, score in zip(sweep.points, scores, strict=True):
        figures: dict[str, Any] = {"state": score, "problem": "why"}
        if isinstance(score, float):
            figures = {
                "state": "finished",
                "valid": {"bleu": {"score": score}, "chrf": {"score": 2 * score}},
                "hardware": {"device": "cpu", "name": "x", "threads": 1, "torch": "2"},
                "run": f"points/{point.key}/pairs/1",
                **{"tokens": 1000, "steps": 5, "epochs": 1, "seconds": 2.5, "tokens_per_second": 400.0},
            }
        found.append(Run(point, {"parameters": point.parameters, **figures}))
    return found


def test_the_highest_bleu_wins_and_what_has_none_comes_last(here: Path) -> None:
    sweep = Sweep("pairs.yaml", {"lr": ["1e-4,1e-3,1e-2,1e-1,1"]})
    write_report(sweep, runs_of(sweep, 9.5, "failed", 10.25, "diverged", 0.0), here)
    assert [row[:3] for row in table(here / "sweep.md")[1:]] == [
        ["1e-2", "10.25", "20.50"],
        ["1e-4", "9.50", "19.00"],
        ["1", "0.00", "0.00"],
        ["1e-1", "diverged", ""],
        ["1e-3", "failed", ""],
    ]
    assert "the higher the better" in words_of(here / "sweep.md")
    assert commands_of(here / "sweep.md")[0] == "rnnzoo train pairs.yaml --lr 1e-2"


def test_no_seed_is_better_than_another(here: Path) -> None:
    """The mean over the seeds chooses; a point that fails with one of them has none."""
    sweep = Sweep("pairs.yaml", {"seed": ["1,2,3"], "lr": ["1e-3,1e-2,1e-1"]})
    write_report(sweep, runs_of(sweep, 10.0, 30.0, 99.0, 11.0, 9.0, "diverged", 12.0, 6.0, 99.0), here)
    assert [[*row[:2], row[-1]] for row in table(here / "sweep.md")[1:]] == [
        ["1e-2", "15.00 ± 13.08", "1, 2, 3"],
        ["1e-3", "11.00 ± 1.00", "1, 2, 3"],
        ["1e-1", "diverged", "1, 2, 3"],
    ]
    assert commands_of(here / "sweep.md")[0] == "rnnzoo train pairs.yaml --seed 1 --lr 1e-2"
    assert len((here / "sweep.csv").read_text().splitlines()) == 10
    sweep = Sweep("pairs.yaml", {"seed": ["1,2"]})
    write_report(sweep, runs_of(sweep, 10.0, 11.0), here)
    assert "winner:" not in words_of(here / "sweep.md")
    assert len(commands_of(here / "sweep.md")) == 1


def test_a_page_has_a_place_for_it(again: Path, trained: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    page = again / "page.md"
    page.write_text("# Mine\n")
    shutil.rmtree(again / "out")
    assert sweep_by(f"{GRID} --page page.md") == 2  # before anything is trained
    begin, end = "<!-- rnnzoo sweep small: begin -->", "<!-- rnnzoo sweep small: end -->"
    assert capsys.readouterr().err == (
        f"rnnzoo: page.md: has no place for the sweep: write {begin} and {end} where it is to stand\n"
    )
    assert (trained, (again / "out").exists()) == ([], False)


def test_a_page_is_written_between_its_marks(again: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = again / "page.md"
    begin, end = "<!-- rnnzoo sweep small: begin -->", "<!-- rnnzoo sweep small: end -->"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    for _ in range(2):
        assert sweep_by(f"{GRID} --report --page page.md") == 0
        assert capsys.readouterr().out.split()[-1] == "page.md"
        text = page.read_text()
        assert text == f"before\n{begin}\n\n{(again / 'out/sweep.md').read_text()}\n{end}\nafter\n"


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("small.yaml --lr 1e-3", "a sweep needs a field with several values, such as --lr 3e-3,1e-2"),
        ("small.yaml --lr 1e-3,0.001", "a sweep needs a field with several values"),
        ("small.yaml", "a sweep needs a field with several values"),
        ("small.yaml --lr 1e-3,,2", "--lr: '1e-3,,2' are no values with commas between them"),
        ("small.yaml --lr 1e-3, 1e-2", "a sweep needs a field with several values"),
        ("smal --lr 1,2", "unknown recipe 'smal'"),
        ("small.yaml --lr 1e-3,1e-2 --hiden_size 3", "--hiden_size: unknown option (did you mean 'hidden_size'?)"),
        ("small.yaml --lr 1e-3,fast", "optimizer.lr: expected float, not 'fast'"),
        ("small.yaml --hidden_size 4,0", "1 <= hidden_size"),
        ("small.yaml --cell lstm,lsmt", "unknown cell 'lsmt' (did you mean 'lstm'?)"),
        ("small.yaml --cell mlstm --model.backbone.cell.heads 1,3", "model.backbone.cell.heads 3: "),
        ("small.yaml --trainer.max_epochs 1,many", "trainer.max_epochs"),
        ("small.yaml --trainer.max_epoch 1,2", "trainer.max_epoch: unknown field (did you mean 'max_epochs'?)"),
        ("small.yaml --trainer.devices 1,2 --trainer.strategy ddp", "data.streams = 3 cannot be shared by 2 ranks"),
        ("small.yaml --lr 1e-3,1e-2 --text nowhere.txt", "nowhere.txt: no such file"),
        ("small.yaml --lr 1e-3,1e-2 --optimizer.lr 5", "lr 1e-3 and lr 1e-2 are the same training"),
        ("small.yaml --data.tokenizer char,byte", "data.tokenizer byte cannot be compared with data.tokenizer char"),
        ("small.yaml --data.eval_streams 1,2", "data.eval_streams 2 cannot be compared with data.eval_streams 1"),
        ("small.yaml --data.test_part false,true", "data.test_part true cannot be compared with"),
        ("small.yaml --lr 1e-3,1e-2 --jobs 0", "--jobs: 1 <= N <= 1024; got 0"),
        ("small.yaml --lr 1e-3,1e-2 --threads 0", "--threads: 1 <= N <= 1024; got 0"),
        ("small.yaml --lr 1e-3,1e-2 --out own.txt", "own.txt: is not a folder"),
        ("small.yaml --lr 1e-3,1e-2 --report", "sweeps/small: no point of this sweep has been trained here"),
        ("char-lstm.own-text --lr 1e-3,1e-2", "is for a text of your own: name it with --text FILE ..."),
        ("pairs.yaml --attention dot,dott", "unknown attention 'dott'"),
        ("pairs.yaml --data.test_part true,false", "data.test_part false cannot be compared with data.test_part true"),
    ],
)
def test_what_cannot_be_swept_is_one_line(
    here: Path, trained: list[list[str]], capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    before = {path.name for path in here.iterdir()}
    assert sweep_by(words) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert (out, trained) == ("", [])
    assert {path.name for path in here.iterdir()} == before


def test_points_that_can_be_compared(here: Path) -> None:
    """BLEU is of the text, whatever its tokens; a model's size is known before it is trained."""
    sweep = Sweep("pairs.yaml", {"data.tokenizer": ["char,word"], "hidden_size": ["4,6"]})
    assert [str(point) for point in sweep.points] == [
        f"data.tokenizer {tokenizer}, hidden_size {size}" for tokenizer in ("char", "word") for size in (4, 6)
    ]
    assert len({(point.key, point.parameters) for point in sweep.points}) == 4


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["1e-3,1e-2"], [["1e-3"], ["1e-2"]]),
        (["a, b"], [["a"], ["b"]]),
        (["[1,2]"], [["[1,2]"]]),
        (["[1,2],[3]"], [["[1,2]"], ["[3]"]]),
        (["{name: sgd, momentum: 0.9},adamw"], [["{name: sgd, momentum: 0.9}"], ["adamw"]]),
        (['"To be, or"'], [['"To be, or"']]),
        (["0.1,1e-1,.2"], [["0.1"], [".2"]]),
        (["null,dot"], [["null"], ["dot"]]),
        (["-1,-2"], [["-1"], ["-2"]]),
        ([""], [[""]]),
        (["1,2", "3"], [["1,2", "3"]]),
    ],
)
def test_commas_separate_values(words: list[str], expected: list[list[str]]) -> None:
    assert split_words("field", words) == expected


@pytest.mark.parametrize("name", ["text", "data.files", "tsv"])
def test_commas_in_names_of_files_do_not(name: str) -> None:
    assert split_words(name, ["a,b.txt"]) == [["a,b.txt"]]


@pytest.mark.parametrize("text", ["1,[2", "1],[2", "a,}", "1,2 # 3\n]"])
def test_what_is_no_yaml_is_said(text: str) -> None:
    with pytest.raises(UserError, match=r"--field: .* are no values with commas between them"):
        split_words("field", [text])
