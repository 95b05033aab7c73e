"""`rnnzoo.train`: the run folder, stopping and going on, training a model further, and what is refused."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import pytest
import small_lm
import torch
from lightning.pytorch.callbacks import Callback

from rnnzoo.errors import UserError
from rnnzoo.tasks import CharLM, train
from rnnzoo.training import read_history, sidecar
from rnnzoo.zoo import load, measure, parse_yaml, read_metrics
from rnnzoo.zoo.score import score_entry

RECIPE = """
task: char_lm
data: {files: [], streams: 3, chunk_len: 10, random_phase: true, eval_streams: 2}
model:
  embedding_dim: 8
  backbone: {cell: lstm, hidden_size: 8, num_layers: 2, hidden_dropout: 0.2}
  output_dropout: 0.2
optimizer: {name: adamw, lr: 2e-2}
schedule: {name: one_cycle}
sample: {prompt: ab}
trainer: {max_epochs: 2, gradient_clip_val: 1.0, enable_progress_bar: false, log_every_n_steps: 20}
"""
STEPS = 120  # 2 epochs of 60


@pytest.fixture(autouse=True)
def _no_signal_handlers_left() -> Iterator[None]:
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "small.yaml").write_text(RECIPE)
    small_lm.write_text(folder / "text.txt", 2000)
    return folder


@pytest.fixture(scope="module")
def finished(place: Path) -> Path:
    """A run that was never stopped."""
    return go(place, "straight")


def go(place: Path, runs: str | Path, **options: Any) -> Path:
    given = {"text": place / "text.txt"} if not options.get("resume") else {}
    return train(place / "small.yaml", runs=place / runs, **{**given, **options})


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below `folder` and its hash."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# --------------------------------------------------------------------------------------------- the run folder


def test_the_run_folder(place: Path, finished: Path) -> None:
    assert finished == place / "straight" / "small" / "1"
    names = set(snapshot(finished))
    steps = [f"checkpoints/step-{step:07}.ckpt" for step in (50, 100)]
    assert names == {
        *steps,
        *(f"{name}.sha256" for name in steps),
        *("run.json", "recipe.yaml", "history.jsonl", "checkpoints/best.ckpt", "checkpoints/best.ckpt.sha256"),
        *("config.json", "model.safetensors", "tokenizer.json", "metrics.json", "curve.png", "samples.txt"),
    }
    assert (finished / "curve.png").read_bytes().startswith(b"\x89PNG")
    samples = (finished / "samples.txt").read_text()
    assert [line for line in samples.split("\n") if line.startswith("---")] == [
        f"--- temperature {t}, seed 1" for t in (0.5, 0.8, 1.0)
    ]
    metrics = read_metrics(finished)
    assert metrics["training"]["steps"] == STEPS
    assert metrics["training"]["tokens"] == 2 * 1799
    assert metrics["training"]["epochs"] == 2
    assert metrics["hardware"]["device"] == "cpu"
    assert metrics["parameters"] == sum(p.numel() for p in load(finished).parameters())
    assert str(place) not in (finished / "metrics.json").read_text() + (finished / "config.json").read_text()
    with pytest.raises(UserError, match="already come to its end"):
        go(place, "straight", resume=True)


def test_the_score_is_measured_again(place: Path, finished: Path) -> None:
    model, metrics = load(finished), read_metrics(finished)
    again = score_entry(model, finished, files=[str(place / "text.txt")])
    assert again["nll"] == metrics["nll"] == metrics["scores"]["valid"]["nll"]
    assert again["corpus_sha256"] == metrics["corpus"]["sha256"]
    assert again["eval_streams"] == metrics["eval_streams"] == 2
    text = (place / "text.txt").read_text()
    assert measure(model, model.tokenizer.encode(text[1800:]), 2).nll == pytest.approx(metrics["nll"], abs=1e-6)
    best = min(line["val_nll"] for line in read_history(finished / "history.jsonl") if "val_nll" in line)
    assert metrics["nll"] == pytest.approx(best, abs=1e-6)
    assert metrics["nll"] < 1.5  # of 2.5 for no knowledge, ln 2 for all there is to know
    assert metrics["bits"] == pytest.approx(metrics["nll"] / math.log(2))


def test_the_history(finished: Path) -> None:
    lines = read_history(finished / "history.jsonl")
    assert [line["step"] for line in lines if "val_nll" in line] == [60, 120]
    trained = [line for line in lines if "train_nll" in line]
    assert [line["step"] for line in trained] == [21, 41, 61, 81, 101]
    assert all(0 < line["train_nll"] < 3 and line["tokens_per_second"] > 0 for line in trained)
    assert [line["tokens"] for line in lines] == sorted(line["tokens"] for line in lines)


def test_a_logger_by_its_name_writes_into_the_run(place: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard comes with the extra `log`")
    settings = {"trainer.max_steps": 40, "trainer.logger": "tensorboard"}
    run = train(place / "small.yaml", text=[str(place / "text.txt")], settings=settings, runs=tmp_path)
    assert len(list(run.rglob("events.out.tfevents.*"))) == 1


def test_the_module_from_a_run(finished: Path) -> None:
    module = CharLM.from_pretrained(str(finished))
    assert module.model.training
    assert module.generate("ab", max_new_tokens=4, seed=1) == load(finished).generate("ab", max_new_tokens=4, seed=1)


def test_the_history_under_accumulation(place: Path, tmp_path: Path) -> None:
    folder = train(
        place / "small.yaml", runs=tmp_path, text=place / "text.txt", epochs=1,
        settings={"trainer.accumulate_grad_batches": 4, "trainer.log_every_n_steps": 5},
    )  # fmt: skip
    lines = read_history(folder / "history.jsonl")
    assert [line["step"] for line in lines if "train_nll" in line] == [6, 11]  # one line a log, not one a chunk
    assert read_metrics(folder)["training"]["steps"] == 15


# ------------------------------------------------------------------------------------- stopping and going on


class Crash(Callback):
    """The power goes off after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step == self.step:
            raise RuntimeError("the power went off")


def stopped(place: Path, runs: str | Path, step: int, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Path:
    module = importlib.import_module("rnnzoo.tasks.training_run")
    with monkeypatch.context() as patch:
        usual = module._checkpoints
        patch.setattr(module, "_checkpoints", lambda *args: [Crash(step), *usual(*args)])
        with pytest.raises(RuntimeError, match="the power went off"):
            go(place, runs, **options)
    return place / runs / "small" / "1"


def newest(run: Path) -> Path:
    """The last checkpoint of a run."""
    return max((run / "checkpoints").glob("step-*.ckpt"))


def same_run(one: Path, other: Path) -> None:
    """The same weights, to the last bit, and with them the same figures and samples."""
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert (one / "samples.txt").read_bytes() == (other / "samples.txt").read_bytes()
    a, b = read_metrics(one), read_metrics(other)
    assert a["scores"] == b["scores"]
    for key in ("steps", "tokens", "epochs"):
        assert a["training"][key] == b["training"][key]
    last = [torch.load(newest(run), weights_only=True)["state_dict"] for run in (one, other)]
    assert all(last[0][name].equal(last[1][name]) for name in last[0])
    lines = [
        {(line["step"], key): line[key] for line in read_history(run / "history.jsonl") for key in line if "nll" in key}
        for run in (one, other)
    ]
    assert lines[1].items() <= lines[0].items()
    assert len(lines[0]) - len(lines[1]) <= 1  # the loss logged at the very step of the checkpoint


def test_a_resumed_run_counts_its_own_seconds(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumed in the middle of an epoch, the clock starts there and not when the machine was switched on."""
    run = stopped(place, tmp_path, 57, monkeypatch)
    go(place, tmp_path, resume=True)
    lines = read_history(run / "history.jsonl")
    assert all(line["tokens"] / line["tokens_per_second"] <= line["seconds"] + 1 for line in lines)


@pytest.mark.parametrize("step", [57, 75, 103])
def test_a_run_that_crashed_goes_on(
    place: Path, finished: Path, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From step 50, and so through the end of the epoch, from 50 in the second epoch, and from 100."""
    folder = stopped(place, tmp_path, step, monkeypatch)
    assert not (folder / "metrics.json").exists()
    with pytest.raises(UserError, match="has not ended yet"):
        load(folder)
    assert go(place, tmp_path, resume=True, settings={"trainer.enable_progress_bar": True}) == folder
    same_run(finished, folder)


def test_a_run_that_was_killed_goes_on(place: Path, finished: Path, tmp_path: Path) -> None:
    """SIGKILL to the command, as soon as there is a checkpoint; then `--resume` on the command line."""
    command = [sys.executable, "-m", "rnnzoo", "train", str(place / "small.yaml"), "--runs", str(tmp_path)]
    text = ["--text", str(place / "text.txt")]
    with subprocess.Popen(
        [*command, *text],
        cwd=tmp_path,
        env=small_lm.environment(),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:
        folder = tmp_path / "small" / "1"
        while not any((folder / "checkpoints").glob("step-*.ckpt")):
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    assert not (folder / "metrics.json").exists()
    go(place, tmp_path, resume=True)
    same_run(finished, folder)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"lr": 1e-3}, r"optimizer\.lr was 0\.02, is now 0\.001"),
        ({"cell": "gru"}, r"model\.backbone\.cell\."),
        ({"trainer.max_epochs": 1}, r"trainer\.max_epochs was 2, is now 1"),
        ({"seed": 2}, "seed was 1, is now 2"),
        ({"sample.prompt": "b"}, r"sample\.prompt was 'ab', is now 'b'"),
    ],
)
def test_another_recipe_is_refused(place: Path, interrupted: Path, settings: dict[str, Any], field: str) -> None:
    before = snapshot(interrupted)
    with pytest.raises(UserError, match=field) as caught:
        train(place / "small.yaml", runs=interrupted, resume=True, settings=settings)
    assert "\n" not in str(caught.value)
    assert "start a new run without --resume" in str(caught.value)
    assert snapshot(interrupted) == before


@pytest.fixture(scope="module")
def interrupted(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs folder of a run that stopped at step 102, with the checkpoints of steps 50 and 100."""
    runs = tmp_path_factory.mktemp("interrupted")
    with pytest.MonkeyPatch.context() as patch:
        stopped(place, runs, 102, patch)
    return runs


def test_another_recipe_file_is_refused(place: Path, interrupted: Path, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(RECIPE.replace("hidden_size: 8", "hidden_size: 9"))
    before = snapshot(interrupted)
    with pytest.raises(UserError, match=r"model\.backbone\.hidden_size was 8, is now 9"):
        train(tmp_path / "small.yaml", runs=interrupted, resume=True)
    assert snapshot(interrupted) == before


def test_another_text_is_refused(place: Path, interrupted: Path) -> None:
    before, text = snapshot(interrupted), (place / "text.txt").read_bytes()
    try:
        small_lm.write_text(place / "text.txt", 2000, seed=1)  # as long, and of the same characters
        with pytest.raises(UserError, match="the text has changed since this run began"):
            go(place, interrupted, resume=True)
    finally:
        (place / "text.txt").write_bytes(text)
    assert snapshot(interrupted) == before


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


DAMAGES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a bit flipped": lambda path: path.write_bytes(path.read_bytes()[:-700] + b"x" + path.read_bytes()[-699:]),
    "another file": lambda path: path.write_bytes(b"<html>" + path.read_bytes()),
    "dangling": dangling,
    "without a hash": lambda path: sidecar(path).unlink(),
    "with another hash": lambda path: sidecar(path).write_text(f"{'0' * 64}  {path.name}\n"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over(
    place: Path, finished: Path, interrupted: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The older one is taken, and the run ends as if nothing had happened."""
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "small" / "1"
    DAMAGES[damage](newest(folder))
    (folder / "checkpoints" / ".step-0000060.ckpt.abc").write_bytes(b"half")  # of a process that was killed
    go(place, tmp_path, resume=True, settings={"trainer.enable_progress_bar": True})
    said = capsys.readouterr().err
    assert f"passed over, since it is damaged: {newest(interrupted / 'small' / '1').name}" in said.replace(
        f"{folder / 'checkpoints'}/", ""
    )
    same_run(finished, folder)
    assert not list((folder / "checkpoints").glob(".*"))


def test_no_checkpoint_is_whole(place: Path, interrupted: Path, tmp_path: Path, finished: Path) -> None:
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "small" / "1"
    for path in (folder / "checkpoints").glob("*.ckpt"):
        path.write_bytes(b"")
    before = snapshot(tmp_path)
    with pytest.raises(UserError, match=r"no checkpoint is whole \(.*step-.*\): start over with --restart"):
        go(place, tmp_path, resume=True)
    assert snapshot(tmp_path) == before
    assert go(place, tmp_path, resume=True, restart=True) == folder
    same_run(finished, folder)


def test_nothing_to_resume(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="there is no run of 'small' to resume"):
        go(place, tmp_path, resume=True)
    folder = stopped(place, tmp_path, 7, monkeypatch)
    before = snapshot(tmp_path)
    with pytest.raises(UserError, match="stopped before its first checkpoint"):
        go(place, tmp_path, resume=True)
    assert snapshot(tmp_path) == before
    assert json.loads((folder / "run.json").read_text())["settings"] == {"text": str(place / "text.txt")}


def test_a_new_run_has_a_folder_of_its_own(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = stopped(place, tmp_path, 3, monkeypatch)
    before = snapshot(first)
    second = go(place, tmp_path, epochs=1)
    assert second == tmp_path / "small" / "2"
    assert snapshot(first) == before
    with pytest.raises(UserError, match="cannot become longer than 1 epochs"):  # `--resume` is of the last one
        go(place, tmp_path, resume=True, epochs=2)


# ------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "none.txt"}, r"none\.txt: no such file"),
        ({"init_from": "./none"}, "none: no such folder"),
        ({"init_from": "none"}, "unknown model 'none'"),
        ({"settings": {"dropout.output": 0.3}}, r"dropout is that of a model that is trained further \(init_from\)"),
        ({"settings": {"dropout.output": 1.0}}, r"0 <= \w+ < 1"),
        ({"settings": {"sample.prompt": "ab!"}}, r"sample\.prompt: .*'!' \(U\+0021\)"),
        ({"settings": {"trainer.max_epoch": 2}}, r"trainer\.max_epoch: unknown field \(did you mean 'max_epochs'"),
        ({"settings": {"trainer.max_epochs": "two"}}, "max_epochs"),
        ({"settings": {"trainer.devices": 2, "trainer.accelerator": "cpu"}, "streams": 3}, "streams = 3 .* 2 ranks"),
        ({"settings": {"trainer.max_epochs": -1}}, r"trainer\.max_epochs or trainer\.max_steps"),
        (
            {"settings": {"model.tied": True}, "embedding_dim": 5},
            "^model: tied: embedding_dim is 5, the stack's output",
        ),
        ({"settings": {"model.adaptive_cutoffs": [1, 2, 3, 4, 5]}}, "^model: 5 cutoffs need 1024 features"),
        ({"cell": "lsmt"}, "did you mean 'lstm'"),
        ({"hiden_size": 3}, "did you mean 'hidden_size'"),
    ],
)
def test_what_cannot_begin_leaves_nothing(place: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        train(place / "small.yaml", runs=tmp_path / "runs", **{"text": place / "text.txt", **options})
    assert "\n" not in str(caught.value)
    assert not [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]


# ------------------------------------------------------------------------------------- training a model further


def test_training_further_on_a_text_with_new_characters(place: Path, finished: Path, tmp_path: Path) -> None:
    """Known rows are kept, new ones are drawn, and what the model knows helps."""
    text = small_lm.write_text(tmp_path / "new.txt", 900, alphabet="abcdefgh ,.\nяж")
    still = train(
        place / "small.yaml", runs=tmp_path / "still", text=text, init_from=str(finished), epochs=1, lr=1e-12,
        settings={"optimizer.weight_decay": 0.0, "trainer.max_steps": 1, "sample.prompt": "ж"},
    )  # fmt: skip
    base, model = load(finished), load(still)
    known = base.vocab_size
    assert model.vocab_size == known + 2
    assert model.tokenizer.token_texts()[:known] == base.tokenizer.token_texts()
    for name, weight in base.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name][: len(weight)], weight, rtol=0, atol=1e-8)
    assert not model.embedding.weight[known:].isnan().any()
    further, scratch = (
        read_metrics(train(place / "small.yaml", runs=tmp_path / name, text=text, epochs=1, **options))["nll"]
        for name, options in (("further", {"init_from": str(finished)}), ("scratch", {}))
    )
    assert further < scratch
    assert parse_yaml((still / "recipe.yaml").read_text())["init_from"] == str(finished)
    assert read_metrics(still)["init_from"] == f"{finished.parent.name}/{finished.name}"  # no folder of this machine
    assert "init_from" not in read_metrics(finished)


def test_training_further_takes_the_models_network(place: Path, finished: Path, tmp_path: Path) -> None:
    folder = train(
        place / "small.yaml", runs=tmp_path, text=place / "text.txt", init_from=str(finished), hidden_size=5, epochs=1,
        settings={"trainer.max_steps": 1},
    )  # fmt: skip
    assert load(folder).config == load(finished).config


def test_training_further_with_other_dropout(place: Path, finished: Path, tmp_path: Path) -> None:
    """The run's model has it, in its files and when it is taken up again; the weights are those that it began with."""
    options: dict[str, Any] = {"text": place / "text.txt", "init_from": str(finished), "lr": 1e-12}
    settings = {"dropout.output": 0.4, "optimizer.weight_decay": 0.0, "trainer.max_steps": 1}
    folder = train(place / "small.yaml", runs=tmp_path, **options, settings=settings)
    model, base = load(folder), load(finished)
    assert model.config == base.config.replace(output_dropout=0.4)
    assert base.config.output_dropout != 0.4
    for name, weight in base.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], weight, rtol=0, atol=1e-8)
    assert parse_yaml((folder / "recipe.yaml").read_text())["dropout"]["output"] == 0.4


# ------------------------------------------------------------------------------------------------ calibration


def test_a_calibrated_run(place: Path, finished: Path) -> None:
    """The temperature is in the model, its score in the metrics, and the weights are those of a run without it."""
    run = go(place, "calibrated", settings={"calibrate": True})
    model, metrics, plain = load(run), read_metrics(run), read_metrics(finished)
    calibration = metrics["calibration"]
    assert model.config.output_temperature == calibration["temperature"] != 1
    assert metrics["nll"] == pytest.approx(calibration["nll"], abs=1e-3)
    assert plain["nll"] == pytest.approx(calibration["before"], abs=1e-3)
    assert metrics["nll"] < plain["nll"]
    assert "calibration" not in plain
    weights = load(finished).state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in model.state_dict().items())


def test_calibrating_a_run_that_has_been_trained(place: Path, finished: Path, tmp_path: Path) -> None:
    """As if it had been killed while it was measured, by a version that knew neither field."""
    run = shutil.copytree(finished, tmp_path / "runs" / "small" / "1")
    (run / "metrics.json").unlink()
    lines = (run / "recipe.yaml").read_text().splitlines(keepends=True)
    old = "".join(line for line in lines if not line.startswith(("calibrate:", "average:")))
    assert len(old.splitlines()) == len(lines) - 2
    (run / "recipe.yaml").write_text(old)
    assert train(place / "small.yaml", runs=tmp_path / "runs", resume=True, settings={"calibrate": True}) == run
    assert read_metrics(run)["calibration"]["temperature"] == load(run).config.output_temperature != 1


def test_an_adaptive_softmax_is_not_calibrated(place: Path, tmp_path: Path) -> None:
    settings = {"calibrate": True, "model.adaptive_cutoffs": [4]}
    with pytest.raises(UserError, match="an adaptive softmax has no logits"):
        train(place / "small.yaml", runs=tmp_path / "runs", text=place / "text.txt", settings=settings)
    assert not (tmp_path / "runs").exists()
