"""Classifiers in training: they learn, losses count texts, and what is asked for in a recipe is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import small_lm
import small_texts
import torch
from lightning.pytorch.callbacks import Callback

from rnnzoo.errors import UserError
from rnnzoo.models import Classifier, ClassifierConfig, LanguageModel
from rnnzoo.models.transfer import classifier_on
from rnnzoo.tasks import TextClassifier, train
from rnnzoo.training import LabelledData
from rnnzoo.training.discriminative import GradualUnfreezing
from rnnzoo.zoo import load, load_folder, read_metrics

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]

MODEL: dict[str, Any] = {
    "labels": sorted(small_texts.LETTERS),
    "embedding_dim": 8,
    "backbone": {"cell": "gru", "hidden_size": 12},
    "pooling": ["last", "mean"],
}
RECIPE = """
task: classifier
data: {tokenizer: char, batch_tokens: 200, test_part: true}
model: {embedding_dim: 8, backbone: {cell: gru, hidden_size: 12}, pooling: mean}
optimizer: {name: adamw, lr: 3e-2}
schedule: {name: slanted}
trainer: {max_epochs: 6, gradient_clip_val: 1.0, enable_progress_bar: false}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    small_texts.write(tmp_path, 150)
    (tmp_path / "small.yaml").write_text(RECIPE)
    return tmp_path


def go(place: Path, **settings: Any) -> Path:
    return train(place / "small.yaml", files=[str(place / "texts.csv")], runs=place / "runs", settings=settings)


def task_on(data: LabelledData, model: dict[str, Any] | None = None, **options: Any) -> TextClassifier:
    torch.manual_seed(7)
    return TextClassifier(model or MODEL, data.tokenizer, **{"optimizer": {"name": "adamw", "lr": 0.03}, **options})


def test_a_run_learns_and_ends_in_a_model_with_its_figures(place: Path) -> None:
    run = go(place, calibrate=True, class_weights="balanced", label_smoothing=0.05)
    metrics = read_metrics(run)
    assert metrics["accuracy"] > 90
    assert set(metrics["scores"]) == {"valid", "test"}
    assert metrics["scores"]["test"]["by_label"].keys() == small_texts.LETTERS.keys()
    assert sum(map(sum, metrics["scores"]["test"]["confusion"])) == metrics["texts"] == 15
    assert metrics["calibration"]["after"] <= metrics["calibration"]["before"]
    assert {"curve.png", "confusion.png", "samples.txt"} <= {path.name for path in run.iterdir()}
    model = load(run, kind=Classifier)
    assert model.labels == ("plain", "round", "sharp")
    assert [one.label for one in model.classify(["cdcd", "efef", ""])[:2]] == ["plain", "sharp"]
    assert model.config.output_temperature == metrics["calibration"]["temperature"]


def test_several_labels_in_training(tmp_path: Path) -> None:
    rows = "".join(f"{a} {b}\t{' '.join(sorted({x, y}))}\n" for (a, x), (b, y) in
                   zip(small_texts.texts(120, 1), small_texts.texts(120, 2), strict=True))  # fmt: skip
    (tmp_path / "texts.tsv").write_text(f"text\tlabel\n{rows}none\t\n".replace("none", "g h"))
    (tmp_path / "small.yaml").write_text(RECIPE)
    run = train(tmp_path / "small.yaml", files=[str(tmp_path / "texts.tsv")], runs=tmp_path / "runs",
                settings={"data.separator": " ", "label_smoothing": 0.1, "class_weights": "root"})  # fmt: skip
    model, metrics = load(run, kind=Classifier), read_metrics(run)
    assert model.config.several
    assert metrics["micro_f1"] > 60
    found = model.classify("cdcd efef")[0]
    assert set(found.labels) <= set(model.labels)
    assert "confusion" not in metrics["scores"]["test"]


def test_validation_counts_texts_as_the_measurement_does(place: Path) -> None:
    data = LabelledData(files=(str(place / "texts.csv"),), batch_tokens=60)
    task = task_on(data)
    trainer = small_lm.trainer()
    (found,) = trainer.validate(task, datamodule=data, verbose=False)
    part = data.corpus.splits["valid"]
    from rnnzoo.inference.classification.evaluation import evaluate_classifier

    figures = evaluate_classifier(task.model, part.texts, part.labels).figures
    for name in ("nll", "accuracy", "macro_f1"):
        assert found[f"val/{name}"] == pytest.approx(figures[name], abs=1e-4)


def test_class_weights_weigh_the_loss(place: Path) -> None:
    data = LabelledData(files=(str(place / "texts.csv"),))
    batch = next(iter(data.loader("train")))
    plain, weighed = (task_on(data, class_weights=given).eval() for given in (None, {"plain": 3.0}))
    of_each = plain.model.nll(plain.model(batch.tokens, batch.lengths), batch.targets)
    weights = torch.tensor([3.0, 1.0, 1.0])[batch.targets]
    torch.testing.assert_close(weighed.training_step(batch, 0), (of_each * weights).sum())
    torch.testing.assert_close(plain.training_step(batch, 0), of_each.sum())
    smooth = task_on(data, label_smoothing=0.2).eval().training_step(batch, 0)
    logits = plain.model(batch.tokens, batch.lengths)
    expected = torch.nn.functional.cross_entropy(logits, batch.targets, label_smoothing=0.2, reduction="sum")
    torch.testing.assert_close(smooth, expected)


def test_what_does_not_fit(place: Path) -> None:
    data = LabelledData(files=(str(place / "texts.csv"),))
    for options in ({"label_smoothing": 1.0}, {"class_weights": {"blue": 2.0}}, {"lr_decay": 0.5}):
        with pytest.raises(ValueError, match=r"label_smoothing|no label 'blue'|lr_decay"):
            task_on(data, **options)
    other = task_on(data, MODEL | {"labels": ["one", "two"]})
    with pytest.raises(UserError, match="labels are not the model's"):
        small_lm.trainer(limit_train_batches=1).fit(other, datamodule=data)


# ------------------------------------------------------------------------------------------------ transfer


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from small_entry import small_model

    from rnnzoo.zoo import save_folder

    folder = tmp_path_factory.mktemp("lm") / "model"
    save_folder(
        folder, small_model(backbone={"cell": "lstm", "hidden_size": 7, "num_layers": 2, "weight_dropout": 0.2})
    )
    return folder


def test_a_classifier_on_a_language_model(language_model: Path) -> None:
    base = load_folder(language_model, kind=LanguageModel)
    made = classifier_on(base, ClassifierConfig(labels=("a", "b")))
    tokens = torch.tensor([[1, 2, 3, 0]])
    torch.testing.assert_close(made.forward_features(tokens), base.features(tokens)[0])
    grown = classifier_on(base, ClassifierConfig(labels=("a", "b")), base.tokenizer.extend("xyz"))
    assert grown.vocab_size == base.vocab_size + 3
    torch.testing.assert_close(grown.forward_features(tokens), base.features(tokens)[0])


def test_an_encoder_in_a_recipe(place: Path, language_model: Path) -> None:
    run = go(place, **{
        "encoder.source": str(language_model), "encoder.unfreeze_epochs": 10, "encoder.lr_decay": 2.0,
        "dropout.hidden": 0.1, "trainer.max_epochs": 2,
    })  # fmt: skip
    base, model = load_folder(language_model, kind=LanguageModel), load(run, kind=Classifier)
    assert read_metrics(run)["encoder"] == "/".join(language_model.parts[-2:])
    assert model.tokenizer == base.tokenizer.extend("".join(dict.fromkeys("abcdefgh ")))
    torch.testing.assert_close(model.embedding.weight[: base.vocab_size], base.embedding.weight)  # not yet unfrozen
    data = go(place, **{"encoder.source": str(language_model), "encoder.vocabulary": "data", "trainer.max_epochs": 1})
    assert load(data, kind=Classifier).vocab_size == 9
    further = go(place, **{"init_from": str(run), "trainer.max_epochs": 1})
    assert load(further, kind=Classifier).config.backbone == model.config.backbone
    with pytest.raises(UserError, match="exclude each other"):
        go(place, **{"encoder.source": "x", "init_from": "y"})
    with pytest.raises(UserError, match="is no classifier"):
        go(place, init_from=str(language_model))


def test_lower_layers_learn_slower_and_later(place: Path) -> None:
    data = LabelledData(files=(str(place / "texts.csv"),), batch_tokens=60)
    deep = MODEL | {"backbone": {"cell": "gru", "hidden_size": 12, "num_layers": 2}}
    task = task_on(data, deep, lr_decay=2.0, schedule="one_cycle")
    before = {name: p.detach().clone() for name, p in task.model.named_parameters()}
    changed: list[set[str]] = []

    class Seen(Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            now = pl_module.model.named_parameters()
            changed.append({name.split(".")[0] for name, p in now if not torch.equal(p, before[name])})

    trainer = small_lm.trainer(GradualUnfreezing(1), Seen(), max_epochs=4)
    trainer.fit(task, datamodule=data)
    assert changed[0] == {"head"}
    assert changed[1] == changed[2] == {"head", "backbone"}
    assert changed[3] == {"head", "backbone", "embedding"}
    rates = {round(group["initial_lr"] if "initial_lr" in group else group["max_lr"], 6)
             for group in trainer.optimizers[0].param_groups}  # fmt: skip
    assert len(rates) == 4
    assert max(rates) / min(rates) == pytest.approx(8, rel=1e-3)
