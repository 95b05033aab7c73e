"""Hardware overlays: each over every recipe, what they change, and a run under torchrun."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning
import pytest
import small_lm
import torch

import rnnzoo
from rnnzoo.errors import UserError
from rnnzoo.tasks.hardware import ScaleConfig, settled
from rnnzoo.tasks.recipe import Recipe, read
from rnnzoo.tasks.trainer import trainer_arguments
from rnnzoo.zoo import find_recipe, overlay_names, read_metrics, recipe_names

OVERLAYS = list(overlay_names())


def test_there_are_four() -> None:
    assert OVERLAYS == ["hardware/1gpu", "hardware/8gpu-ddp", "hardware/slurm", "hardware/torchrun"]
    for name, path in overlay_names().items():
        assert find_recipe(name) == path
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# ")  # says what it is
        assert f"rnnzoo train NAME {name}" in text.replace("\\\n", "")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_over_every_recipe(tmp_path: Path, overlay: str) -> None:
    """A recipe of its task still, that `lightning.Trainer` takes but for the GPUs, and that its ranks can share."""
    ranks = {"hardware/1gpu": 1, "hardware/8gpu-ddp": 8}.get(overlay, 16)
    for name in recipe_names():
        plain, made = Recipe.from_mapping(read(name)), Recipe.from_mapping(read(name, [overlay]))
        before: dict[str, Any] = plain.to_mapping()
        after: dict[str, Any] = made.to_mapping()
        arguments = trainer_arguments(after["trainer"], tmp_path)
        assert isinstance(arguments["devices"], int) or arguments["devices"] == "auto"
        assert arguments["accelerator"] == "gpu"
        cpu = arguments | {"accelerator": "cpu", "devices": 1, "strategy": "auto", "plugins": None}
        lightning.Trainer(**cpu)
        if "streams" in before["data"]:
            assert after["data"]["streams"] == before["data"]["streams"] * ranks
        rate = after["optimizer"]["lr"] / before["optimizer"]["lr"]
        assert rate == pytest.approx(math.sqrt(ranks), rel=0.01)
        for data in (before, after):
            del data["trainer"], data["optimizer"]["lr"]
            data["data"].pop("streams", None)
        assert before == after, name  # nothing else


@pytest.mark.parametrize(
    ("scale", "streams", "lr"),
    [("{batch: 4}", 40, 0.2), ("{batch: 4, lr: linear}", 40, 0.4), ("{batch: 4, lr: same}", 40, 0.1), ("{}", 10, 0.1)],
)
def test_scale(tmp_path: Path, scale: str, streams: int, lr: float) -> None:
    recipe, overlay = tmp_path / "recipe.yaml", tmp_path / "over.yaml"
    recipe.write_text("task: char_lm\ndata: {streams: 10}\noptimizer: {name: sgd, lr: 0.1}\n")
    overlay.write_text(f"scale: {scale}\n")
    made = Recipe.from_mapping(read(recipe, [overlay])).to_mapping()
    assert (made["data"]["streams"], made["optimizer"]["lr"]) == (streams, pytest.approx(lr))
    twice = read(recipe, [overlay, overlay])
    assert twice["data"]["streams"] == 10 * (streams // 10) ** 2


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ("{batch: 0}", "scale.batch: 1 <= batch"),
        ("{batch: 2, lr: square}", "lr"),
        ("{batches: 2}", r"scale\.batches: unknown field \(did you mean 'batch'\?\)"),
    ],
)
def test_scale_that_will_not_do(tmp_path: Path, scale: str, said: str) -> None:
    overlay = tmp_path / "over.yaml"
    overlay.write_text(f"scale: {scale}\n")
    with pytest.raises(UserError, match=said):
        read("char-lstm.pydocs", [overlay])
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"task: char_lm\ndata: {{corpus: pydocs}}\nscale: {scale}\n")
    with pytest.raises(UserError, match="scale: unknown field"):  # of an overlay, not of a recipe
        Recipe.from_mapping(read(mine))


def test_defaults_are_scaled_too() -> None:
    recipe = {"task": "char_lm", "data": {"corpus": "pydocs"}, "optimizer": "adamw"}
    spelt = Recipe.from_mapping(recipe).to_mapping()
    assert ScaleConfig(batch=4).settings(spelt) == {"data.streams": 256, "optimizer.lr": 0.002}


def test_what_auto_means(monkeypatch: pytest.MonkeyPatch) -> None:
    auto = {"precision": "auto", "devices": "auto", "num_nodes": "auto", "max_epochs": 3}
    for variable in ("LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "SLURM_NTASKS_PER_NODE", "SLURM_NNODES"):
        monkeypatch.delenv(variable, raising=False)
    if not torch.cuda.is_available():
        on_cpu = settled(auto | {"accelerator": "cpu"})["precision"]
        assert settled(auto) == {"precision": on_cpu, "devices": "auto", "num_nodes": 1, "max_epochs": 3}
    fixed = {"precision": "16-mixed", "devices": 3, "num_nodes": 2}
    assert settled(fixed) == fixed
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "8")
    monkeypatch.setenv("SLURM_NNODES", "4")
    assert (settled(auto)["devices"], settled(auto)["num_nodes"]) == (8, 4)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")  # torchrun inside a SLURM job
    monkeypatch.setenv("GROUP_WORLD_SIZE", "3")
    assert (settled(auto)["devices"], settled(auto)["num_nodes"]) == (2, 3)
    assert settled(fixed) == fixed


@pytest.mark.parametrize(
    ("card", "bf16", "expected"),
    [(True, True, "bf16-mixed"), (True, False, "32-true"), (False, False, "32-true")],
)
@pytest.mark.parametrize("processor", [True, False])
def test_precision_of_a_card_and_a_processor(
    monkeypatch: pytest.MonkeyPatch, card: bool, bf16: bool, expected: str, processor: bool
) -> None:
    """Stand-ins for what is not here."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: card)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: processor)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    on_cpu = "bf16-mixed" if processor else "32-true"
    assert settled({"accelerator": "gpu", "precision": "auto"})["precision"] == expected
    assert settled({"accelerator": "cpu", "precision": "auto"})["precision"] == on_cpu
    assert settled({"precision": "auto"})["precision"] == (expected if card else on_cpu)


def test_a_resumed_run_has_the_overlays_it_began_with(tmp_path: Path) -> None:
    overlay = tmp_path / "over.yaml"
    overlay.write_text("model: {embedding_dim: 5}\n")
    text = small_lm.write_text(tmp_path / "text.txt", 700, "abcdefgh ,.T\n")
    given: dict[str, Any] = {"text": str(text), "hidden_size": 4, "streams": 2, "chunk_len": 8, "epochs": 1}
    settings = given | {"trainer.enable_progress_bar": False}
    run = rnnzoo.train("char-lstm.own-text", runs=tmp_path, overlays=[overlay], settings=settings)
    noted = json.loads((run / "run.json").read_text())
    assert noted["overlays"] == [str(overlay)]
    (run / "metrics.json").unlink()  # as if it had been stopped at its end
    rnnzoo.train("char-lstm.own-text", runs=tmp_path, resume=True)
    assert read_metrics(run)["hardware"]["precision"] == "32-true"
    (run / "metrics.json").unlink()
    other = tmp_path / "other.yaml"
    other.write_text("model: {embedding_dim: 6}\n")
    with pytest.raises(UserError, match=r"model\.embedding_dim was 5, is now 6"):
        rnnzoo.train("char-lstm.own-text", runs=tmp_path, resume=True, overlays=[other])


@pytest.mark.slow
def test_torchrun_starts_the_ranks(tmp_path: Path) -> None:
    """Two processes of one machine that torchrun starts, on the CPU for want of GPUs."""
    text = small_lm.write_text(tmp_path / "text.txt", 2000, "abcdefgh ,.T\n")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "rnnzoo"]
    words = ["train", "char-lstm.own-text", "hardware/torchrun", "--text", str(text), "--trainer.accelerator", "cpu"]
    small = ["--hidden_size", "4", "--embedding_dim", "4", "--streams", "6", "--chunk_len", "9", "--epochs", "1"]
    done = subprocess.run(
        [*command, *words, *small, "--trainer.enable_progress_bar", "false"],
        **{"capture_output": True, "text": True, "timeout": 300, "cwd": tmp_path},
        env=small_lm.environment(),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    metrics = read_metrics(tmp_path / "runs" / "char-lstm.own-text" / "1")
    assert metrics["hardware"]["devices"] == 2
    assert metrics["training"]["tokens"] == 1800  # twice the 900 predictions of rank 0
