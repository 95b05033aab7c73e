"""A small model, the folder that it is saved in, a run and an entry of it, and a hub to publish it on."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hub_server import Hub, Repo, running_hub
from huggingface_hub import constants

from rnnzoo.data import load_corpus
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import cold_windows, make_entry, measure, save_folder

ALPHABET = "abcdefgh ,.\n"
NAME = "char-lstm.poem"


def small_model(**fields: Any) -> LanguageModel:
    """A small model; keyword arguments are fields of its config."""
    torch.manual_seed(5)
    config = {"embedding_dim": 6, "backbone": {"cell": "lstm", "hidden_size": 7, "num_layers": 2}} | fields
    return LanguageModelConfig.from_dict(config).build(CharTokenizerConfig().build([ALPHABET]))


@pytest.fixture
def make_model() -> Callable[..., LanguageModel]:
    return small_model


@pytest.fixture
def model() -> LanguageModel:
    return small_model()


@pytest.fixture
def folder(model: LanguageModel, tmp_path: Path) -> Path:
    """A saved model."""
    path = tmp_path / "entry"
    save_folder(path, model, recipe="task: char_lm\n")
    return path


class Made(NamedTuple):
    """A text, a finished run on it as training leaves it, and the run's entry; tests get copies."""

    text: Path
    run: Path
    entry: Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    place = tmp_path_factory.mktemp("made")
    draw, text = random.Random(3), place / "poem.txt"
    text.write_text("".join(draw.choice(ALPHABET) for _ in range(1000)), encoding="utf-8", newline="")
    model, corpus = small_model().eval(), load_corpus(files=[text])
    ids = model.tokenizer.encode(corpus.splits["valid"])
    whole, cold = measure(model, ids, 2), cold_windows(model, ids, 20)
    figures = {"nll": whole.nll, "ppl": whole.ppl, "bits": whole.bits_per_token, "tokens": whole.tokens}
    figures |= {"cold_window": {"length": 20, "nll": cold.nll, "bits": cold.bits_per_token}}
    metrics = {
        "task": "char_lm",
        "recipe": NAME,
        "split": "valid",
        **figures,
        "eval_streams": 2,
        "scores": {"valid": figures},
        "corpus": {"name": corpus.name, "sha256": corpus.sha256, "split_rule": corpus.split_rule},
        "seed": 1,
        "parameters": model.num_parameters,
        "vocab_size": model.vocab_size,
        "cell": "lstm",
        "training": {"seconds": 60.0, "epochs": 1, "steps": 3, "tokens": 900, "tokens_per_second": 15.0},
        "hardware": {"device": "cpu", "name": "x86_64", "devices": 1, "torch": "2.13.0"},
    }
    run = place / "runs" / NAME / "1"
    data = {"corpus": None, "files": ["poem.txt"], "eval_streams": 2, "tokenizer": {"name": "char"}}
    recipe = f"task: char_lm\ndata:\n  files:\n  - {text}\n"
    save_folder(run, model, data=data, metrics=metrics, recipe=recipe)
    (run / "samples.txt").write_text("--- temperature 0.8, seed 1\nabc\nbcd\n\n", encoding="utf-8")
    return Made(text, run, make_entry(run, NAME, place / "pretrained", files=[str(text)]))


@pytest.fixture
def text(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copy(made.text, tmp_path))


@pytest.fixture
def run(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.run, tmp_path / "runs" / NAME / "1"))


@pytest.fixture
def entry(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.entry, tmp_path / "pretrained" / NAME))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, and an empty cache: what HF_ENDPOINT and HF_HOME say to a process that has not read them yet."""
    with running_hub() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield running


@pytest.fixture
def online(hub: Hub, entry: Path) -> Hub:
    """The hub with the entry on it, as org/poem, tag v1."""
    repo = hub.repos["org/poem"] = Repo()
    repo.tags["v1"] = repo.commit({path.name: path.read_bytes() for path in entry.iterdir()})
    return hub
