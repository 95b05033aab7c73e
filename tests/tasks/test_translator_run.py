"""A translator's run by its recipe: tables that begin with vectors of files, and averaged weights."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_lm
import small_pairs
import torch

from rnnzoo.embeddings import load_vectors
from rnnzoo.errors import UserError
from rnnzoo.models import Seq2Seq
from rnnzoo.tasks import train
from rnnzoo.training import average_state_dicts
from rnnzoo.zoo import load, read_metrics

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]

RECIPE = """
task: translator
data: {src: en, tgt: fr, tokenizer: word, joint: false, batch_tokens: 300}
model:
  embedding_dim: 6
  encoder: {cell: gru, hidden_size: 8}
  decoder: {cell: gru, hidden_size: 16}
optimizer: {name: adamw, lr: 2e-2}
schedule: {name: constant}
search: {beam: 2, max_len: 12}
shown: 0
trainer: {max_epochs: 3, gradient_clip_val: 1.0, enable_progress_bar: false}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    small_pairs.write(tmp_path, 60)
    (tmp_path / "small.yaml").write_text(RECIPE)
    draw = random.Random(1)
    for side, syllables in (("src", list(small_pairs.SYLLABLES)), ("tgt", list(small_pairs.SYLLABLES.values()))):
        rows = (f"{word} {' '.join(f'{draw.gauss(0, 1):.4f}' for _ in range(6))}\n" for word in syllables)
        (tmp_path / f"vectors.{side}").write_text("".join(rows))
    return tmp_path


def go(place: Path, **settings: Any) -> Path:
    files = [str(place / "pairs.src"), str(place / "pairs.tgt")]
    return train(place / "small.yaml", files=files, runs=place / "runs", settings=settings)


def test_tables_that_are_not_trained_are_those_of_the_files(place: Path) -> None:
    run = go(place, **{
        "src_embedding.source": str(place / "vectors.src"), "src_embedding.freeze": "always",
        "tgt_embedding.source": str(place / "vectors.tgt"), "tgt_embedding.freeze": 1, "trainer.max_epochs": 1,
    })  # fmt: skip
    model = load(run, kind=Seq2Seq)
    for side in ("src", "tgt"):
        tokenizer, table = getattr(model, f"{side}_tokenizer"), getattr(model, f"{side}_embedding")
        vectors = load_vectors(place / f"vectors.{side}", tokenizer, seed=1)
        assert vectors.found.sum() == 8
        np.testing.assert_array_equal(table.weight[:-1].detach(), vectors.matrix)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"src_embedding.source": "vectors.src", "model.embedding_dim": 5}, "source's table is"),
        ({"src_embedding.source": "vectors.src", "src_embedding.project": True}, "project is for language models"),
        ({"src_embedding.source": "vectors.src", "init_from": "mt-gru.multi30k-en-fr"}, "exclude each other"),
        ({"dropout.hidden": 0.5}, r"dropout is that of a model that is trained further \(init_from\)"),
        (
            {
                **{"src_embedding.source": "vectors.src", "tgt_embedding.source": "vectors.tgt"},
                **{"model.shared": "all", "data.joint": True},
            },
            "one table",
        ),
        ({"average": -1}, "0 <= average"),
    ],
)
def test_vectors_that_do_not_fit(place: Path, settings: dict[str, Any], message: str) -> None:
    settings = {key: str(place / value) if "source" in key else value for key, value in settings.items()}
    with pytest.raises(UserError, match=message):
        go(place, **settings)
    assert not list((place / "runs").glob("*/*"))


def test_the_average_of_the_last_validations_if_it_is_better(place: Path) -> None:
    run = go(place, average=2)
    kept = sorted((run / "checkpoints").glob("validated-*.ckpt"))
    assert [path.name for path in kept] == sorted({path.name for path in kept})
    assert len(kept) == 2  # of three validations
    averaged = read_metrics(run)["averaged"]
    assert averaged in (0, 2)
    mean = {name.removeprefix("model."): weight for name, weight in average_state_dicts(kept).items()}
    ended = load(run).state_dict()
    same = all(torch.equal(ended[name], mean[name]) for name in ended)
    assert same == (averaged == 2)
    assert "averaged" not in read_metrics(go(place))


def test_training_further_with_other_dropout(place: Path) -> None:
    first = go(place)
    further = go(
        place, **{"init_from": str(first), "dropout.hidden": 0.4, "dropout.output": 0.0, "optimizer.lr": 1e-12}
    )
    before, after = (load(run, kind=Seq2Seq) for run in (first, further))
    halves = {name: getattr(before.config, name).replace(hidden_dropout=0.4) for name in ("encoder", "decoder")}
    assert after.config == before.config.replace(output_dropout=0.0, **halves)
    assert after.config != before.config
    for name, weight in before.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], weight, rtol=0, atol=1e-6)


def test_averaging_chooses_by_the_validation(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnzoo.tasks.translator.job import TranslatorJob

    for scores, averaged in (([10.0, 11.0], 2), ([11.0, 10.0], 0)):
        rest = iter(scores)
        monkeypatch.setattr(TranslatorJob, "_valid_bleu", lambda self, rest=rest: next(rest))
        run = go(place, average=2)
        assert read_metrics(run)["averaged"] == averaged
        kept = sorted((run / "checkpoints").glob("validated-*.ckpt"))
        mean = average_state_dicts(kept)["model.head.weight"]
        assert torch.equal(load(run).state_dict()["head.weight"], mean) == bool(averaged)
