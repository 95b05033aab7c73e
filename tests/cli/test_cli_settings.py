"""What settings, destinations and the environment can do wrong: one line, exit code 2, and nothing half-made."""

from __future__ import annotations

import inspect
import json
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import lightning
import pytest
import torch
from small_training import OWN, Outcome

import rnnzoo
from rnnzoo.cli.boundary import from_environment
from rnnzoo.errors import UserError
from rnnzoo.tasks.run_folder import can_go_on, new_run
from rnnzoo.tasks.trainer_ranges import RANGES
from rnnzoo.training.checkpoint import sidecar
from rnnzoo.zoo.yaml_text import parse_yaml

Command = Callable[..., Outcome]
Refused = Callable[..., str]
BOMB = "\n".join(["a0: &a0 [1]", *(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20))])
SHORT = [*OWN, "--trainer.limit_train_batches", "4", "--checkpoint_every", "2"]


def test_every_number_of_lightnings_trainer_has_a_range() -> None:
    numbers = {
        name
        for name, parameter in inspect.signature(lightning.Trainer).parameters.items()
        if re.search(r"\b(int|float)\b", re.sub(r"Literal\[[^]]*\]", "", str(parameter.annotation)))
    }
    assert len(numbers) >= 19
    assert numbers - {"max_time", "precision"} == set(RANGES)  # a time is a text, a mapping or a timedelta


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seed", "-1"], "seed: 0 <= seed <= 4294967295; got -1"),
        (["--seed", str(2**200)], "seed: 0 <= seed <= 4294967295; got a whole number of 61 digits"),
        (["--lr", "-1"], "optimizer.lr: 0 < lr <= 1e300; got -1"),
        (["--optimizer.lr", ".inf"], "optimizer.lr: 0 < lr <= 1e300; got inf"),
        (["--regularization.temporal", ".nan"], "regularization.temporal: 0 <= temporal <= 1e6; got nan"),
        (["--schedule.name", "zaremba", "--schedule.decay", "0"], "schedule.decay: 1 <= decay <= 1e6; got 0"),
        (["--trainer.devices", "abc"], "trainer.devices: a number, a list of numbers, -1 or auto; got 'abc'"),
        (["--trainer.devices", "0"], "trainer.devices: 1 <= devices <= 1e5 or -1; got 0"),
        (["--trainer.accumulate_grad_batches", "0"], "trainer.accumulate_grad_batches: 1 <= accumulate_grad_batches"),
        (["--trainer.log_every_n_steps", "0"], "trainer.log_every_n_steps: 1 <= log_every_n_steps"),
        (["--trainer.check_val_every_n_epoch", "0"], "trainer.check_val_every_n_epoch: 1 <= "),
        (["--trainer.gradient_clip_val", "-1"], "trainer.gradient_clip_val: 0 <= gradient_clip_val"),
        (["--trainer.val_check_interval", "9999"], "trainer.val_check_interval: an epoch has 4 batches; got 9,999"),
        (["--trainer.max_epochs", "[1]"], "trainer.max_epochs: takes Optional[int]; got [1]"),
        (["--data.eval_streams", "5000"], "data.eval_streams: 5,000 streams are too many for the 300 tokens of valid"),
        (["--hidden_size", "10000000"], "model: 400,000,"),
        (["--hidden_size", "100000000", "--num_layers", "1000"], "model: "),
        (["--runs", "own.txt"], "own.txt: is not a folder"),
        (["--runs", "/proc/x"], "/proc/x/char-lstm.own-text: cannot be written"),
        (["--data.files", '["a\\0b"]'], ""),
    ],
)
def test_settings_outside_their_range(refused: Refused, words: list[str], line: str) -> None:
    assert refused(*SHORT, *words).startswith(line)


def test_a_logger_that_is_not_installed(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    line = refused(*SHORT, "--trainer.logger", "wandb")
    assert line == ("trainer.logger: WandbLogger needs the package wandb, which is not installed: pip install wandb")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["generate", "x", "--seed", "-1"], "argument --seed: 0 <= N <= 4294967295; got -1"),
        (["generate", "x", "--temperature", "nan"], "argument --temperature: 0 <= N <= 1e6; got nan"),
        (["generate", "x", "--num", "many"], "argument --num: 'many' is no whole number"),
        (["translate", "x", "--beam", "0"], "argument --beam: 1 <= N <= 10000; got 0"),
        (["compare", "--out", "own.txt"], "own.txt: is not a folder"),
        (["data", "build", "/proc/x", "--text", "own.txt"], "/proc/x: cannot be written"),
        (["export", "char-lstm.tinyshakespeare", "/proc/x.onnx"], "/proc: cannot be written"),
        (["runs"], "runs: no such folder of runs"),
        (["nonsense"], "argument COMMAND: invalid choice"),
    ],
)
def test_options_and_destinations_are_looked_at_first(refused: Refused, words: list[str], line: str) -> None:
    assert refused(*words).startswith(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: " + "[" * 10_000, "r.yaml, line 2: is nested too deeply"),
        ("a: " + "9" * 5_000, "r.yaml, line 1: a whole number of 5,000 digits is too long"),
        ("a: 1\n[1]: 2", "r.yaml, line 2: a list or mapping cannot be a key"),
        ("a: 1\n{b: 1}: 2", "r.yaml, line 2: a list or mapping cannot be a key"),
        ("1: 2", "r.yaml, line 1: the key '1' is no text: quote it"),
        ("a: 1\nb: 2\na: 3", "r.yaml, line 3: 'a' appears twice"),
        ("a: 1\nb: \0", "r.yaml, line 2: has the character #x0000, which YAML does not allow"),
        ("a: &x [*x]", "r.yaml, line 1: an alias stands in what it names"),
        (
            "\n".join(["a0: &a0 [1]", *(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20))]),
            "more than",
        ),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: !!int x", "line 1: a whole number"),
        ("x" * (1 << 20) + "y", "r.yaml: 1,048,577 characters are too many"),
    ],
)
def test_yaml(text: str, line: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse_yaml(text, Path("r.yaml"))
    assert line in str(refusal.value)
    assert str(refusal.value).startswith("r.yaml")
    assert len(str(refusal.value)) < 200


def test_plain_yaml_is_read_as_before() -> None:
    text = "a: 3e-3\nb: [no, 12:30, 0x1f, .inf]\nc: &x {d: null}\ne: *x\n"
    assert parse_yaml(text) == {"a": 0.003, "b": ["no", "12:30", 31, float("inf")], "c": {"d": None}, "e": {"d": None}}
    assert parse_yaml("") is None


# ------------------------------------------------------------------------------------------------------- resume


@pytest.fixture
def begun(here: Path, command: Command) -> Path:
    """A run that has not ended, with checkpoints of steps 2 and 4."""
    assert command(*SHORT, "--schedule", "constant").code == 0
    run = here / "runs/char-lstm.own-text/1"
    (run / "metrics.json").unlink()
    assert [path.name for path in sorted(run.glob("checkpoints/step-*.ckpt"))] == [
        "step-0000002.ckpt",
        "step-0000004.ckpt",
    ]
    return run


def _rewrite(path: Path, change: Callable[[dict], object]) -> None:
    checkpoint = torch.load(path, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, path)
    sidecar(path).write_text("")
    from rnnzoo.files import sha256_file

    sidecar(path).write_text(f"{sha256_file(path)}  {path.name}\n")


def _halve(checkpoint: dict) -> None:
    name = next(iter(checkpoint["state_dict"]))
    checkpoint["state_dict"][name] = checkpoint["state_dict"][name][:1]


WRONG: list[tuple[Callable[[dict], object], str]] = [
    (_halve, "expected"),
    (lambda c: c["state_dict"].popitem(), "has no weight"),
    (lambda c: c["state_dict"].update(x=torch.ones(1)), "has a weight 'x'"),
    (lambda c: c.pop("optimizer_states"), "has no 'optimizer_states'"),
    (lambda c: c.update(optimizer_states=[]), "has no state of the optimiser"),
    (lambda c: c.update(lr_schedulers=[]), "has no state of the schedule"),
    (lambda c: c.update({"pytorch-lightning_version": "none"}), "its version of Lightning is none"),
    (lambda c: c.update(global_step="4"), "its 'global_step' is a str"),
    (lambda c: c.update(loops=[1]), "its 'loops' is a list"),
    (lambda c: c["rnnzoo"].pop("ranks"), "does not say what each rank carried"),
]


def test_a_checkpoint_that_is_whole_but_wrong(begun: Path, refused: Refused) -> None:
    """Every kind is named; where none is right there is one line."""
    newest, older, best = (
        begun / "checkpoints" / name for name in ("step-0000004.ckpt", "step-0000002.ckpt", "best.ckpt")
    )
    kept = newest.read_bytes()
    best.unlink()
    shutil.copy(newest, older)
    for change, why in WRONG:
        newest.write_bytes(kept)
        _rewrite(newest, change)
        _rewrite(older, change)
        line = refused(*SHORT, "--schedule", "constant", "--resume")
        assert why in line, line
        assert "start over with --restart" in line


def test_an_older_whole_checkpoint_is_taken(begun: Path, command: Command) -> None:
    _rewrite(begun / "checkpoints/step-0000004.ckpt", _halve)
    code, _, err = command(*SHORT, "--schedule", "constant", "--resume")
    assert code == 0, err
    assert "passed over, since it is damaged: runs/char-lstm.own-text/1/checkpoints/step-0000004.ckpt" in err
    assert "resumes from runs/char-lstm.own-text/1/checkpoints/step-0000002.ckpt" in err


def test_what_is_started_again_by_itself(begun: Path, command: Command) -> None:
    """--continue is --resume where there is something to resume, else it begins a run."""
    words = [*SHORT, "--schedule", "constant", "--continue"]
    code, _, err = command(*words)
    assert code == 0, err
    assert "resumes from runs/char-lstm.own-text/1/checkpoints/step-0000004.ckpt" in err
    (begun.parent / "2").mkdir()
    (begun.parent / "2" / "run.json").write_text("{}")  # another rank has begun it, a moment ago
    assert not can_go_on(begun.parent.parent, begun.parent.name)
    assert command(*words).code == 0
    assert {path.name for path in begun.parent.iterdir()} == {"1", "2", "3"}
    assert not can_go_on(begun.parent.parent, "char-gru.own-text")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("[]", "does not say what was run: it is no mapping"),
        ("3", "does not say what was run: it is no mapping"),
        ('{"settings": null}', "'settings' is no mapping"),
        ('{"settings": {}, "overlays": 3}', "'overlays' is no list of names"),
        ("{", "is not JSON"),
    ],
)
def test_a_run_json_that_is_none(run: Path, refused: Refused, content: str, line: str) -> None:
    (run / "run.json").write_text(content)
    assert line in refused(*OWN, "--resume")


def test_a_history_of_garbage_and_one_that_is_a_folder(begun: Path, command: Command, refused: Refused) -> None:
    history = begun / "history.jsonl"
    history.unlink()
    history.mkdir()
    assert refused(*SHORT, "--schedule", "constant", "--resume").endswith("history.jsonl: is no file: remove it")
    history.rmdir()
    history.write_bytes(b'\xff\xfe[1]\n{"step": "x"}\n3\n{"step": 1, "tokens": null}\n')
    assert command(*SHORT, "--schedule", "constant", "--resume").code == 0
    assert all(type(json.loads(line)["step"]) is int for line in history.read_text().splitlines())


def test_a_run_that_has_ended_is_given_more_epochs(here: Path, command: Command, refused: Refused) -> None:
    words = [*SHORT, "--schedule", "constant"]
    assert command(*words).code == 0
    assert refused(*words, "--resume").endswith("has already come to its end: --epochs N gives it more")
    code, _, err = command(*words, "--resume", "--epochs", "3")
    assert code == 0, err
    metrics = json.loads(Path("runs/char-lstm.own-text/1/metrics.json").read_text())
    assert metrics["training"]["steps"] == 12
    assert refused(*words, "--epochs", "3", "--resume").endswith("--epochs N gives it more")


def test_a_schedule_that_has_come_to_its_end_says_how_to_go_on(run: Path, refused: Refused) -> None:
    how = "train its model further in a new run, with --init_from runs/char-lstm.own-text/1"
    assert refused(*OWN, "--resume").endswith(how)
    assert refused(*OWN, "--epochs", "2", "--resume").endswith(how)


# -------------------------------------------------------------------------------------- folders, disks, faults


def test_two_trainings_at_once_have_two_folders(tmp_path: Path) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(new_run(tmp_path, "x").path)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(path.name) for path in found) == list(range(1, 17))
    assert all(path.is_dir() for path in found)


def test_a_file_in_the_runs_place(here: Path, refused: Refused) -> None:
    Path("runs").mkdir()
    Path("runs/char-lstm.own-text").write_text("")
    assert refused(*SHORT) == "runs/char-lstm.own-text: is not a folder"


@pytest.mark.parametrize("size", [0, 500, 3000])
def test_a_disk_that_is_full_at_the_very_start(here: Path, size: int) -> None:
    """No file may be larger: no room for recipe.yaml, for what comes after it, or for the first checkpoint."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "rnnzoo", *SHORT, "--data.tokenizer", "byte"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("rnnzoo: ") == 1, done.stderr
    assert "cannot be written" in done.stderr or "File too large" in done.stderr
    assert not Path("runs").exists()


def test_what_can_only_be_our_fault(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*args: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("rnnzoo.zoo.results.read_results", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, err = command("runs")
    assert (code, out, err.count("\n")) == (70, "", 1)
    place = re.search(r"the traceback is in (\S+\.txt)", err)
    assert err.startswith("rnnzoo: this is a fault of rnnzoo, not yours: KeyError: 'lost';")
    assert place is not None
    assert "in broken" in Path(place[1]).read_text()
    monkeypatch.setenv("RNNZOO_DEBUG", "1")
    assert "Traceback (most recent call last)" in command("runs").err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "a/b"), "a/b: cannot be written (No space left on device): make room"),
        (PermissionError(13, "Permission denied", "x"), "x: Permission denied"),
        (MemoryError(), "this machine has no memory left"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "the GPU has no memory left"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: not enough memory"), "this machine"),
        (ModuleNotFoundError("No module named 'onnx'", name="onnx"), "the package 'onnx' is not installed"),
        (
            RuntimeError("[gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:1: Connection reset by peer"),
            "another rank of this training has ended",
        ),
        (ValueError("embedded null byte"), "a file's name cannot have a NUL in it"),
    ],
)
def test_what_the_environment_causes(error: Exception, line: str) -> None:
    said = from_environment(error)
    assert said is not None
    assert str(said).startswith(line)
    assert said.exit_code == 2


def test_what_the_environment_cannot_cause() -> None:
    assert from_environment(IndexError("index out of range in self")) is None
    assert from_environment(RuntimeError("shapes do not fit")) is None


def test_the_package_without_resource_and_fcntl() -> None:
    """Windows has neither."""
    code = (
        "import sys; sys.modules['resource'] = sys.modules['fcntl'] = None\n"
        "import pkgutil, importlib, rnnzoo\n"
        "for m in pkgutil.walk_packages(rnnzoo.__path__, 'rnnzoo.'):\n"
        "    others = m.name.endswith('__main__') or m.name.startswith('rnnzoo.integrations.')\n"  # of other packages
        "    others or importlib.import_module(m.name)\n"
        "from rnnzoo.system import lock, peak_memory\n"
        "assert peak_memory() == 0 and lock(open(sys.executable, 'rb'), wait=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------------------------ results


def test_results_of_runs(run: Path, command: Command) -> None:
    shutil.copytree(run, run.parent / "10")
    shutil.copytree(run, run.parent / "2")
    (run.parent / "10/metrics.json").unlink()
    (run.parent / "2/metrics.json").write_text("{}")
    rows = json.loads(command("runs", "--json").out)
    assert [row["run"] for row in rows] == ["1", "2", "10"]
    metrics = json.loads((run / "metrics.json").read_text())
    assert rows[0]["score"] == metrics["bits"]
    assert (rows[0]["state"], rows[2]["state"], rows[2]["score"]) == ("ended", "not ended", None)
    assert "'schema' is missing" in rows[1]["state"]
    head, first, *_ = command("runs", "--csv").out.splitlines()
    assert head.startswith("recipe,run,state,task,cell,parameters,score")
    assert first.startswith("char-lstm.own-text,1,ended,char_lm,lstm,340,")
    lines = command("runs").out.splitlines()
    assert len(lines) == 4
    assert lines[0].split() == ["recipe", "run", "cell", "parameters", "score", "minutes", "folder"]

    table = rnnzoo.results("runs")
    assert len(table) == 3
    listed = table if isinstance(table, list) else table.to_dict("records")
    assert listed[0]["folder"] == "runs/char-lstm.own-text/1"


def test_the_curve_of_a_run(run: Path, here: Path) -> None:
    figure = rnnzoo.plot_curve(run)
    assert [line.get_label() for line in figure.axes[0].get_lines()] == ["training", "validation"]
    assert figure.axes[0].get_title() == "char-lstm.own-text"
    with pytest.raises(UserError, match="has no losses yet"):
        rnnzoo.plot_curve(here)
