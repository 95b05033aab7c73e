"""Real trackers, by one word: curves, samples and attention pictures are in what they keep."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import small_pairs
from small_lm import write_text

from rnnzoo.cli import main

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

LM = [
    "--hidden_size",
    "8",
    "--embedding_dim",
    "4",
    "--streams",
    "4",
    "--chunk_len",
    "10",
    "--sample.every_n_steps",
    "4",
]
LM += ["--sample.max_new_tokens", "9", "--trainer.max_steps", "8", "--trainer.log_every_n_steps", "2"]
MT = ["--hidden_size", "8", "--embedding_dim", "4", "--batch_tokens", "600", "--trainer.max_steps", "6"]
MT += ["--trainer.log_every_n_steps", "2"]


def needs(name: str) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed (make test-integrations)")


def language_model(here: Path, logger: str) -> Path:
    write_text(here / "own.txt", 3000)
    assert main(["train", "char-lstm.own-text", "--text", "own.txt", "--logger", logger, *LM]) == 0
    return here / "runs" / "char-lstm.own-text" / "1"


def translator(here: Path, logger: str) -> Path:
    for path, lines in zip((here / "a.en", here / "a.fr"), small_pairs.pairs(300), strict=True):
        path.write_text("\n".join(lines) + "\n")
    assert main(["train", "mt-gru.own-pairs", "--files", "a.en", "a.fr", "--logger", logger, *MT]) == 0
    return here / "runs" / "mt-gru.own-pairs" / "1"


def test_csv(here: Path) -> None:
    (file,) = language_model(here, "csv").rglob("metrics.csv")
    rows = list(csv.DictReader(file.open()))
    assert any("train" in name for name in rows[0])
    assert len(rows) >= 4


def test_tensorboard(here: Path) -> None:
    needs("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def tags(run: Path) -> tuple[dict[str, Any], Any]:
        (file,) = run.rglob("events.out.tfevents.*")
        events = EventAccumulator(str(file.parent), size_guidance={"tensors": 0, "images": 0})
        events.Reload()
        return events.Tags(), events

    found, events = tags(language_model(here, "tensorboard"))
    assert any(tag.startswith("train/") for tag in found["scalars"])
    assert [event.step for event in events.Tensors("sample/text_summary")] == [4, 8]
    found, events = tags(translator(here, "tensorboard"))
    assert found["images"] == ["attention"]
    assert events.Images("attention")[0].encoded_image_string.startswith(b"\x89PNG")
    assert "translations/text_summary" in found["tensors"]


def test_mlflow(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    from mlflow import MlflowClient

    def kept(run: Path) -> tuple[Any, set[str]]:
        client = MlflowClient(tracking_uri=f"sqlite:///{run / 'mlflow.db'}")
        (experiment,) = [one for one in client.search_experiments() if one.name == "rnnzoo"]
        (found,) = client.search_runs([experiment.experiment_id])
        return found, {path.relative_to(run / "mlflow").as_posix() for path in (run / "mlflow").rglob("*.*")}

    found, files = kept(language_model(here, "mlflow"))
    assert found.info.run_name == "char-lstm.own-text/1"
    assert any(name.startswith("train/") for name in found.data.metrics)
    assert {name.partition("/artifacts/")[2] for name in files} == {
        f"sample/step-{step:08d}.txt" for step in (4, 8)
    }  # in a folder that is called after the run
    _, files = kept(translator(here, "mlflow"))
    assert any("attention/step-" in name and name.endswith(".png") for name in files)


def test_wandb_offline(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    import wandb

    run = language_model(here, "wandb")
    assert list(run.rglob("*.wandb"))
    assert len(list(run.rglob("sample_*.html"))) == 2
    wandb.finish()
    run = translator(here, "wandb")
    assert list(run.rglob("attention_*.png"))
    wandb.finish()


def test_a_tracker_that_is_missing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_text(here / "own.txt", 3000)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["train", "char-lstm.own-text", "--text", "own.txt", "--logger", "mlflow", *LM]) == 2
    assert "MLFlowLogger needs the package mlflow, which is not installed" in capsys.readouterr().err
    assert not (here / "runs").exists()
