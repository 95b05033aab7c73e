"""Training that begins with vectors from a file: filled once, frozen by epochs, projected, reported, resumed."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import small_lm
import torch
from lightning.pytorch.callbacks import Callback

from rnnzoo.embeddings import load_vectors
from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModelConfig
from rnnzoo.tasks import Recipe, train
from rnnzoo.text import WordTokenizer
from rnnzoo.training import FreezeEmbedding, PretrainedEmbedding
from rnnzoo.zoo import load, read_metrics

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "dogs", "run", "by"]
RECIPE = """
task: word_lm
data: {files: [], streams: 4, chunk_len: 10, eval_streams: 2}
model:
  embedding_dim: 6
  backbone: {cell: lstm, hidden_size: 8, num_layers: 1}
optimizer: {name: adamw, lr: 2e-2}
schedule: {name: constant}
checkpoint_every: 5
trainer: {max_epochs: 2, gradient_clip_val: 1.0, enable_progress_bar: false}
"""


class Tables(Callback):
    """The table's values at the start, and after each epoch."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.seen.append(pl_module.model.embedding.weight.detach().clone())

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.seen.append(pl_module.model.embedding.weight.detach().clone())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    lines = [" ".join(draw.choice(WORDS, 6)) for _ in range(300)]
    (tmp_path / "text.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "small.yaml").write_text(RECIPE)
    rows = [f"{word} {' '.join(f'{x:.4f}' for x in draw.normal(size=6))}" for word in ["zebra", *WORDS[:-1]]]
    (tmp_path / "vectors.txt").write_text("\n".join(rows) + "\n")
    return tmp_path


def go(place: Path, runs: str = "runs", **settings: Any) -> Path:
    given = {f"embedding.{key}": value for key, value in settings.items()}
    return train(
        place / "small.yaml", text=[str(place / "text.txt")], runs=place / runs,
        settings={"embedding.source": str(place / "vectors.txt")} | given,
    )  # fmt: skip


def test_an_untrained_table_is_the_file(place: Path) -> None:
    run = go(place, freeze="always")
    model = load(run)
    vectors = load_vectors(place / "vectors.txt", model.tokenizer, seed=1)
    np.testing.assert_array_equal(model.embedding.weight.detach(), vectors.matrix)
    recorded = read_metrics(run)["embedding"]
    assert (recorded["freeze"], recorded["project"]) == ("always", False)
    coverage = recorded["coverage"]
    assert (coverage["rows"], coverage["types"], coverage["exact"]) == (11, model.vocab_size, len(WORDS) - 1)
    assert coverage["missed"][:2] == ["<eos>", "by"]  # the most frequent first
    assert 0.7 < coverage["found_tokens"] / coverage["tokens"] < 0.85  # two of seven are <eos> and, now and then, "by"
    assert str(place) not in (run / "metrics.json").read_text() + (run / "config.json").read_text()


def test_coverage_is_printed_when_training_begins(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(
        place / "small.yaml", text=[str(place / "text.txt")], runs=place / "runs", epochs=1,
        settings={"embedding.source": str(place / "vectors.txt"), "trainer.enable_progress_bar": True},
    )  # fmt: skip
    said = " ".join("".join(capsys.readouterr()).split())
    assert "embedding: vectors.txt: 11 x 6; vectors for 10 of 1" in said


@pytest.mark.parametrize(
    ("freeze", "moved"), [("never", [1, 1, 1]), ("always", [0, 0, 0]), (0, [1, 1, 1]), (2, [0, 0, 1])]
)
def test_the_table_is_frozen_by_epochs(tmp_path: Path, freeze: Any, moved: list[int]) -> None:
    data = small_lm.stream_data(small_lm.write_text(tmp_path / "text.txt", 480), chunk_len=12)
    module, seen = small_lm.task(data), Tables()
    head = module.model.head.weight.detach().clone()
    fit = small_lm.trainer(
        seen, FreezeEmbedding(freeze), max_epochs=3, accumulate_grad_batches=2, gradient_clip_val=0.1
    )
    fit.fit(module, datamodule=data)
    changes = [not torch.equal(a, b) for a, b in zip(seen.seen, seen.seen[1:], strict=False)]
    assert changes == [bool(m) for m in moved]
    assert not torch.equal(head, module.model.head.weight)


def test_a_frozen_table_has_no_part_in_clipping(tmp_path: Path) -> None:
    norms = []

    class Norm(Callback):
        def on_before_zero_grad(self, trainer: lightning.Trainer, pl_module: Any, optimizer: Any) -> None:
            gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
            if gradients:
                norms.append(float(torch.nn.utils.get_total_norm(gradients)))

    data = small_lm.stream_data(small_lm.write_text(tmp_path / "text.txt", 480), chunk_len=12)
    fit = small_lm.trainer(Norm(), FreezeEmbedding("always"), max_epochs=1, gradient_clip_val=1e-3)
    fit.fit(small_lm.task(data), datamodule=data)
    assert norms
    assert norms == pytest.approx([1e-3] * len(norms), rel=1e-3)


class Crash(Callback):
    """The power goes off after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step == self.step:
            raise RuntimeError("the power went off")


def test_a_resumed_run_does_not_read_the_file_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = go(place, freeze=1)
    steps = read_metrics(straight)["training"]["steps"]
    module = importlib.import_module("rnnzoo.tasks.training_run")
    usual = module._checkpoints
    for stop in (steps // 2 - 3, steps // 2 + 8):  # while the table is frozen, and when it is not any more
        with monkeypatch.context() as patch:
            patch.setattr(module, "_checkpoints", lambda *args, stop=stop: [Crash(stop), *usual(*args)])
            with pytest.raises(RuntimeError, match="the power went off"):
                go(place, f"stopped-{stop}", freeze=1)
        (place / "vectors.txt").rename(place / "gone.txt")
        run = train(place / "small.yaml", resume=True, runs=place / f"stopped-{stop}")
        (place / "gone.txt").rename(place / "vectors.txt")
        assert (run / "model.safetensors").read_bytes() == (straight / "model.safetensors").read_bytes()
        assert read_metrics(run)["embedding"] == read_metrics(straight)["embedding"]


def test_another_dimension_needs_a_projection(place: Path) -> None:
    (place / "small.yaml").write_text(RECIPE.replace("embedding_dim: 6", "embedding_dim: 5"))
    with pytest.raises(UserError, match=r"vectors of 6 numbers, model\.embedding_dim is 5: make it 6, or set embed"):
        go(place)
    assert not (place / "runs").exists() or not any((place / "runs").rglob("*.json"))
    run = go(place, project=True, freeze="always")
    model = load(run)
    assert (model.config.embedding_dim, model.config.embedding_projection) == (6, 5)
    vectors = load_vectors(place / "vectors.txt", model.tokenizer, seed=1)
    np.testing.assert_array_equal(model.embedding.weight.detach(), vectors.matrix)


def test_projections_of_all_kinds_of_models() -> None:
    plan = PretrainedEmbedding("x", project=True)
    base = LanguageModelConfig.from_dict({"embedding_dim": 400, "backbone": {"hidden_size": 12}})
    fitted = plan.fit(base, 300)
    assert (fitted.embedding_dim, fitted.embedding_projection, fitted.output_projection) == (300, 400, 0)
    fitted = plan.fit(base.replace(embedding_projection=150), 300)
    assert (fitted.embedding_dim, fitted.embedding_projection) == (300, 150)
    tied = plan.fit(base.replace(embedding_dim=12, tied=True), 7)
    assert (tied.embedding_dim, tied.embedding_projection, tied.output_projection) == (7, 12, 7)
    model = tied.build(WordTokenizer.train(["a b c\n"]))
    assert model.head.weight is model.embedding.weight
    assert model(torch.zeros(2, 3, dtype=torch.long))[0].shape == (2, 3, 5)


def test_a_table_is_filled_from_python(place: Path) -> None:
    tokenizer = WordTokenizer.train(["the cat sat by\n"])
    vectors = load_vectors(place / "vectors.txt", tokenizer)
    for tied in (False, True):
        config = LanguageModelConfig.from_dict({"embedding_dim": 6, "tied": tied, "backbone": {"hidden_size": 6}})
        model = config.build(tokenizer)
        assert model.load_embeddings(vectors) is model
        np.testing.assert_array_equal(model.embedding.weight.detach(), vectors.matrix)
        assert (model.head.weight is model.embedding.weight) == tied
    with pytest.raises(UserError, match="the vectors are 6 x 6, the model's table is 6 x 4"):
        LanguageModelConfig(embedding_dim=4).build(tokenizer).load_embeddings(vectors)


def test_recipes_say_what_cannot_be(place: Path) -> None:
    section = {"task": "char_lm", "data": {"files": ["x"]}}
    for embedding, message in [
        ({"source": "x", "freeze": -1}, r"embedding\.freeze"),
        ({"source": "x", "freeze": "once"}, "embedding.freeze"),
        ({"source": "x", "freeze": True}, "embedding.freeze"),
        ({"freeze": 1}, "embedding.source: is missing"),
        ({"source": "x", "frozen": 1}, r"embedding.frozen: unknown field \(did you mean 'freeze'\?\)"),
    ]:
        with pytest.raises(UserError, match=message):
            Recipe.from_mapping({**section, "embedding": embedding})
    with pytest.raises(UserError, match="embedding and init_from exclude each other"):
        Recipe.from_mapping({**section, "embedding": {"source": "x"}, "init_from": "y"})
    recipe = Recipe.from_mapping({**section, "embedding": {"source": "x", "freeze": 3, "project": True}})
    assert json.loads(json.dumps(recipe.to_mapping()))["embedding"]["freeze"] == 3
    assert Recipe.from_mapping(recipe.to_mapping()) == recipe
    (place / "vectors.txt").write_text("zebra 1 2 3 4 5 6\n")
    with pytest.raises(UserError, match="none of the vocabulary's"):
        go(place)
    assert not any((place / "runs").rglob("run.json"))
